"""The way through one server, step by step: which were gone, how long each took, what each has shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import attrs

from .._ports import TLSFacts
from ..delivery.outcome import Outcome
from ..errors import MailconfError, Refused, Step, TimedOut
from ..settings import Endpoint, Security
from .checked_step import CheckedStep
from .explain import found
from .finding import Finding

EXPIRES_SOON = timedelta(days=14)
"""A certificate that ends within this time should have been renewed: most are, a month ahead."""


class Course:
    """The steps gone so far at one server.

    Args:
        clock: the clock of the operation.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last = clock()
        self._steps: dict[Step, CheckedStep] = {}

    def done(self, step: Step) -> None:
        """Note a step that is done, or a further part of one, which changes nothing of what the first has shown."""
        before = self._steps.get(step, CheckedStep(step=step, outcome=Outcome.WORKS))
        self._steps[step] = attrs.evolve(before, seconds=self._took(step))

    def shown(self, outcome: Outcome, finding: Finding) -> None:
        """Note a step that is done, and what it has shown."""
        step = finding.step
        self._steps[step] = CheckedStep(step=step, outcome=outcome, seconds=self._took(step), finding=finding)

    def failed(self, error: MailconfError, finding: Finding) -> None:
        """Note the step that ended the way."""
        self._steps[finding.step] = failure(error, finding, self._took(finding.step))

    def warned(self, finding: Finding) -> None:
        """Note, beside a step that works, what may become a trouble."""
        self._steps[finding.step] = attrs.evolve(self._steps[finding.step], finding=finding)

    def all_of(self, plan: tuple[Step, ...]) -> tuple[CheckedStep, ...]:
        """Return the steps gone, and those of the plan that were not reached: about these nobody can tell."""
        missing = (step for step in plan if step not in self._steps)
        return (*self._steps.values(), *(CheckedStep(step=step, outcome=Outcome.COULD_NOT_TELL) for step in missing))

    def _took(self, step: Step) -> float:
        """Return the seconds since the step before, added to those of an earlier part of this one."""
        now, before = self._clock(), self._steps.get(step)
        seconds = now - self._last + (0.0 if before is None else before.seconds or 0.0)
        self._last = now
        return seconds


def failure(error: MailconfError, finding: Finding, seconds: float) -> CheckedStep:
    """Return a step that failed. A server that is late, or says "later", has not shown that it does not work."""
    is_late = isinstance(error, TimedOut) and finding.step not in (Step.LOOKUP, Step.CONNECT)
    is_put_off = isinstance(error, Refused) and error.is_temporary
    outcome = Outcome.COULD_NOT_TELL if is_late or is_put_off else Outcome.DOES_NOT_WORK
    return CheckedStep(step=finding.step, outcome=outcome, seconds=seconds, finding=finding)


def way_in(endpoint: Endpoint) -> tuple[Step, ...]:
    """Return the steps that lead to a sign-in, in order."""
    if endpoint.security is Security.TLS:
        return (Step.LOOKUP, Step.CONNECT, Step.TLS, Step.GREETING, Step.SIGN_IN)
    return (Step.LOOKUP, Step.CONNECT, Step.GREETING, Step.STARTTLS, Step.TLS, Step.SIGN_IN)


def warn_of_certificate(course: Course, facts: TLSFacts | None, endpoint: Endpoint, now: datetime) -> None:
    """Say so if the certificate of a server is about to end."""
    if facts is None or facts.expires_at is None or facts.expires_at - now >= EXPIRES_SOON:
        return
    detail = f"the certificate ends on {facts.expires_at:%Y-%m-%d at %H:%M} UTC"
    course.warned(found("tls.expires_soon", Step.TLS, endpoint=endpoint, detail=detail))
