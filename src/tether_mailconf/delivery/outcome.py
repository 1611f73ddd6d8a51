"""Whether something works, for what was tried: a check, a test send."""

from __future__ import annotations

import enum


class Outcome(enum.StrEnum):
    """What a trial has shown."""

    WORKS = "works"
    """it was tried, and it works"""
    DOES_NOT_WORK = "does_not_work"
    """it was tried, and it does not work"""
    COULD_NOT_TELL = "could_not_tell"
    """it could not be tried, or not to its end; that says nothing about whether it works"""


def worst(outcomes: list[Outcome]) -> Outcome:
    """Return what all of them together have shown: one that does not work decides, then one that nobody could tell."""
    for outcome in (Outcome.DOES_NOT_WORK, Outcome.COULD_NOT_TELL):
        if outcome in outcomes:
            return outcome
    return Outcome.WORKS
