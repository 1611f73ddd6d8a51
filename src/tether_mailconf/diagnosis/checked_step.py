"""One step that was tried, with what it has shown; and what a list of them says, for a check and for a test send.

Values only, storable as plain data and printable as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from ..delivery.outcome import Outcome
from ..errors import Step
from ..stored import seconds
from .finding import Finding

WORDS = {Outcome.WORKS: "works", Outcome.DOES_NOT_WORK: "DOES NOT WORK", Outcome.COULD_NOT_TELL: "could not tell"}
"""What has been shown, for a person."""


@attrs.frozen(kw_only=True)
class CheckedStep:
    """One step of a check.

    Args:
        step: what was done.
        outcome: whether it works.
        seconds: how long it took; None if it was not reached.
        finding: what is wrong, or may become so; None if there is nothing to say.
    """

    step: Step
    outcome: Outcome
    seconds: float | None = None
    finding: Finding | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the step as plain data."""
        return {
            "step": self.step.value,
            "outcome": self.outcome.value,
            "seconds": self.seconds,
            "finding": None if self.finding is None else self.finding.to_dict(),
        }


def findings(steps: Iterable[CheckedStep]) -> tuple[Finding, ...]:
    """Return what was found: first what does not work, then what nobody could tell, then what is good to know."""
    order = (Outcome.DOES_NOT_WORK, Outcome.COULD_NOT_TELL, Outcome.WORKS)
    found = sorted(steps, key=lambda one: order.index(one.outcome))
    return tuple(one.finding for one in found if one.finding is not None)


def step_line(one: CheckedStep) -> str:
    """Return a step as one line of text."""
    took = "" if one.seconds is None else f"{one.seconds * 1000:9.1f} ms"
    return f"  {one.step.value:<14}{WORDS[one.outcome]:<16}{took}".rstrip()


def read_step(data: Mapping[str, Any]) -> CheckedStep:
    """Return the step that `CheckedStep.to_dict` described. Raises what `stored.reading` turns into `Damaged`."""
    finding = data["finding"]
    return CheckedStep(
        step=Step(data["step"]),
        outcome=Outcome(data["outcome"]),
        seconds=None if data["seconds"] is None else seconds(data["seconds"]),
        finding=None if finding is None else Finding.from_dict(finding),
    )
