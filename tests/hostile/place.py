"""What must become of a text at a place where text comes in."""

from __future__ import annotations

import attrs

from .injected import Act


@attrs.frozen
class Place:
    """What becomes of a text at a place.

    Args:
        act: does with it what is done there.
        fields: the fields one of which an error that refuses it must name.
        whole: why an error that refuses it names no field, where it does not.
        may_pass: whether the text may be taken, so that what servers hear decides; without it, it must be refused.
    """

    act: Act
    fields: tuple[str, ...] = ()
    whole: str = ""
    may_pass: bool = False


COMPARED = "it is compared with what is kept, and which of them differs would help only who has changed it"
ONE_ARGUMENT = "it is the only thing that was given"
PROGRAMMED = "whoever writes the program chooses it, and the sentence names it"


def refused(act: Act, *fields: str) -> Place:
    return Place(act, fields)


def refused_as_a_whole(act: Act, why: str) -> Place:
    return Place(act, whole=why)


def passes(act: Act) -> Place:
    return Place(act, may_pass=True)
