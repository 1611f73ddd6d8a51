"""What a test send has shown, as a value: the chain from the sign-in to the copy, each link with its outcome.

Pure: `delivery.trial` has tried; this says what it means, in the words of a finding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from ..delivery.authentication import AuthenticationResults
from ..delivery.outcome import Outcome, worst
from ..delivery.receipt import Delivery, Filing, Receipt
from ..delivery.trial import Arrival, Tried
from ..errors import Step
from ..settings import ConnectionSettings
from ..stored import exactly, if_any, reading, record, seconds
from .checked_step import WORDS, CheckedStep, findings, read_step, step_line
from .course import failure
from .explain import explain, found
from .finding import Finding

_SCHEMA = 2


@attrs.frozen(kw_only=True)
class Trial:
    """What a test send has shown.

    Args:
        address: the account's address.
        to: to whom the message went.
        seconds: how long all of it took.
        steps: the chain, as far as it could be followed: the message accepted (`Step.BODY`), or where sending failed;
            arrived (`ARRIVAL`); From as it was set (`SENDER`); one copy in Sent (`APPEND`).
        settings: those to keep from now on: they may know more than before.
        receipt: what became of the message; None if it was not sent.
        arrival: where it arrived; None if it was not seen.
        copies: how many copies stand in Sent; None if nobody looked.
        is_cleaned_up: whether all of it was removed again; None if that was not asked for.
    """

    address: str
    to: str
    seconds: float
    steps: tuple[CheckedStep, ...]
    settings: ConnectionSettings
    receipt: Receipt | None = None
    arrival: Arrival | None = None
    copies: int | None = None
    is_cleaned_up: bool | None = None

    @property
    def outcome(self) -> Outcome:
        """Whether sending works, as far as it was seen. What has not arrived yet has not failed."""
        return worst([one.outcome for one in self.steps])

    @property
    def was_accepted(self) -> bool:
        """Whether the submission server took the message."""
        return self.receipt is not None and self.receipt.delivery is Delivery.SENT

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings: first what does not work, then what nobody could tell, then what is good to know."""
        return findings(self.steps)

    def to_dict(self) -> dict[str, Any]:
        """Return the trial as plain data, fit for JSON. It contains no secret."""
        return {
            "schema": _SCHEMA,
            "address": self.address,
            "to": self.to,
            "seconds": self.seconds,
            "outcome": self.outcome.value,
            "steps": [one.to_dict() for one in self.steps],
            "settings": self.settings.to_dict(),
            "receipt": None if self.receipt is None else self.receipt.to_dict(),
            "arrival": None if self.arrival is None else _arrival_data(self.arrival),
            "copies": self.copies,
            "is_cleaned_up": self.is_cleaned_up,
        }

    @classmethod
    def from_dict(cls, data: object) -> Trial:
        """Return the trial that `to_dict` described.

        Raises:
            UnsupportedSchema: a newer version of the library stored it.
            Damaged: it cannot be read.
        """
        stored = record("trial", data, _SCHEMA, _to_2)
        with reading("trial"):
            return cls(
                address=exactly(str, stored["address"]),
                to=exactly(str, stored["to"]),
                seconds=seconds(stored["seconds"]),
                steps=tuple(map(read_step, stored["steps"])),
                settings=ConnectionSettings.from_dict(stored["settings"]),
                receipt=None if stored["receipt"] is None else Receipt.from_dict(stored["receipt"]),
                arrival=None if stored["arrival"] is None else _arrival(stored["arrival"]),
                copies=if_any(int, stored["copies"]),
                is_cleaned_up=if_any(bool, stored["is_cleaned_up"]),
            )

    def __str__(self) -> str:
        lines = [f"{self.address} to {self.to}: {WORDS[self.outcome]} ({self.seconds:.2f} s)"]
        lines += map(step_line, self.steps)
        if self.arrival is not None:
            lines.append(f"  arrived in: {self.arrival.mailbox}, from {self.arrival.sender}")
            said = self.arrival.authentication
            if said is not None:
                results = ", ".join(f"{method} {result}" for method, result in said.results) or "nothing"
                lines.append(f"  {said.server} says: {results}")
        if self.copies is not None:
            lines.append(f"  copies in Sent: {self.copies}")
        if self.is_cleaned_up is not None:
            lines.append(f"  removed again: {'all of it' if self.is_cleaned_up else 'not all of it'}")
        return "\n".join([*lines, *(f"\n{finding}" for finding in self.findings)])


def _to_2(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """Only the receipt in it has another schema."""
    return {**stored, "schema": 2}


def judge(tried: Tried) -> Trial:
    """Return what a test send has shown."""
    return Trial(
        address=tried.settings.address,
        to=tried.to,
        seconds=tried.seconds,
        steps=tuple(_steps(tried)),
        settings=tried.settings,
        receipt=tried.receipt,
        arrival=tried.arrival,
        copies=tried.copies,
        is_cleaned_up=tried.is_cleaned_up,
    )


def _steps(tried: Tried) -> list[CheckedStep]:
    settings = tried.settings
    if tried.failure is not None:
        return [failure(tried.failure, explain(tried.failure, settings), tried.seconds)]
    if tried.receipt is None:
        raise AssertionError("a test was neither sent nor not sent")
    steps = [_accepted(tried, tried.receipt)]
    if tried.arrival is not None:
        steps += [_arrived(tried.arrival), _from(tried.arrival, settings)]
    elif tried.was_looked_for:
        finding = found("trial.not_yet", Step.ARRIVAL, endpoint=settings.imap)
        steps.append(CheckedStep(step=Step.ARRIVAL, outcome=Outcome.COULD_NOT_TELL, finding=finding))
    if settings.imap is not None and tried.receipt.filing is not Filing.OFF:
        steps.append(_copy(tried, tried.receipt))
    elif tried.trouble is not None:
        finding = attrs.evolve(explain(tried.trouble, settings), step=Step.ARRIVAL)
        steps.append(CheckedStep(step=Step.ARRIVAL, outcome=Outcome.COULD_NOT_TELL, finding=finding))
    return steps


def _accepted(tried: Tried, receipt: Receipt) -> CheckedStep:
    took = receipt.timings.get("total", tried.seconds)
    if receipt.delivery is Delivery.SENT or tried.arrival is not None:
        return CheckedStep(step=Step.BODY, outcome=Outcome.WORKS, seconds=took)
    finding = explain(receipt, tried.settings)
    return CheckedStep(step=Step.BODY, outcome=Outcome.COULD_NOT_TELL, seconds=took, finding=finding)


def _arrived(arrival: Arrival) -> CheckedStep:
    junk = found("trial.in_junk", Step.ARRIVAL, detail=f"it lies in {arrival.mailbox}") if arrival.is_junk else None
    return CheckedStep(step=Step.ARRIVAL, outcome=Outcome.WORKS, seconds=arrival.seconds, finding=junk)


def _from(arrival: Arrival, settings: ConnectionSettings) -> CheckedStep:
    if arrival.sender.casefold() == settings.address.casefold():
        return CheckedStep(step=Step.SENDER, outcome=Outcome.WORKS)
    detail = f"it was {settings.address}, and arrived as {arrival.sender or 'nothing'}"
    finding = found("trial.from_rewritten", Step.SENDER, endpoint=settings.smtp, detail=detail)
    return CheckedStep(step=Step.SENDER, outcome=Outcome.DOES_NOT_WORK, finding=finding)


def _copy(tried: Tried, receipt: Receipt) -> CheckedStep:
    settings, took = tried.settings, receipt.timings.get("file")
    if receipt.filing is Filing.PENDING and not tried.copies:
        if receipt.delivery is Delivery.UNKNOWN:
            return CheckedStep(step=Step.APPEND, outcome=Outcome.COULD_NOT_TELL, seconds=took)
        finding = explain(receipt, settings)
        return CheckedStep(step=finding.step, outcome=Outcome.DOES_NOT_WORK, seconds=took, finding=finding)
    if tried.copies is None:
        trouble = None if tried.trouble is None else explain(tried.trouble, settings)
        return CheckedStep(step=Step.APPEND, outcome=Outcome.COULD_NOT_TELL, seconds=took, finding=trouble)
    if tried.copies == 1:
        return CheckedStep(step=Step.APPEND, outcome=Outcome.WORKS, seconds=took)
    if tried.copies > 1:
        detail = f"{tried.copies} copies stand there"
        finding = found("trial.copy_doubled", Step.APPEND, endpoint=settings.imap, detail=detail)
        return CheckedStep(step=Step.APPEND, outcome=Outcome.DOES_NOT_WORK, seconds=took, finding=finding)
    finding = found("trial.copy_not_yet", Step.APPEND, endpoint=settings.imap)
    return CheckedStep(step=Step.APPEND, outcome=Outcome.COULD_NOT_TELL, seconds=took, finding=finding)


# -- stored data -------------------------------------------------------------------------------------------------------


def _arrival_data(arrival: Arrival) -> dict[str, Any]:
    said = arrival.authentication
    return {
        "mailbox": arrival.mailbox,
        "uid": arrival.uid,
        "is_junk": arrival.is_junk,
        "seconds": arrival.seconds,
        "sender": arrival.sender,
        "authentication": None if said is None else said.to_dict(),
    }


def _arrival(data: Mapping[str, Any]) -> Arrival:
    said = data["authentication"]
    return Arrival(
        mailbox=exactly(str, data["mailbox"]),
        uid=exactly(int, data["uid"]),
        is_junk=exactly(bool, data["is_junk"]),
        seconds=seconds(data["seconds"]),
        sender=exactly(str, data["sender"]),
        authentication=None if said is None else _authentication(said),
    )


def _authentication(data: Mapping[str, Any]) -> AuthenticationResults:
    results = tuple((exactly(str, method), exactly(str, result)) for method, result in data["results"])
    return AuthenticationResults(server=exactly(str, data["server"]), results=results)
