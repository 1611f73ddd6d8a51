"""What a discovery found: every candidate in order, what each source said, and what contradicts what. Values only.

Storable as plain data and printable as text, so that a host can keep it beside the account and show it to support.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from ..errors import InvalidSettings, Problem
from ..settings import ConnectionSettings, Endpoint
from ..stored import endpoint, exactly, reading, record
from .offer import Answer, Source, Trust

_SCHEMA = 1


@attrs.frozen(kw_only=True)
class Candidate:
    """Settings that may be the right ones.

    Args:
        settings: validated settings, with the address, the servers, and the user names.
        source: who named them; of several, the one that counts most.
        origin: where that is written: an URL, a record, a file.
        trust: why the servers can be believed.
        agreeing: who else named the same.
    """

    settings: ConnectionSettings
    source: Source
    origin: str
    trust: Trust
    agreeing: tuple[Source, ...] = ()

    @property
    def needs_confirmation(self) -> bool:
        """Whether a person must confirm the servers' names before a credential is shown to them."""
        return self.trust is Trust.UNPROVEN

    def to_dict(self) -> dict[str, Any]:
        """Return the candidate as plain data."""
        return {
            "settings": self.settings.to_dict(),
            "source": self.source.value,
            "origin": self.origin,
            "trust": self.trust.value,
            "needs_confirmation": self.needs_confirmation,
            "agreeing": [source.value for source in self.agreeing],
        }


@attrs.frozen(kw_only=True)
class SourceReport:
    """How it went with one source.

    Args:
        source: which.
        outcome: how it went.
        said: a sentence for a person.
        seconds: how long it took; for a late one, how long it was waited for.
    """

    source: Source
    outcome: Answer
    said: str
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {
            "source": self.source.value,
            "outcome": self.outcome.value,
            "said": self.said,
            "seconds": self.seconds,
        }


@attrs.frozen(kw_only=True)
class Conflict:
    """Sources that name different servers for the same thing.

    Args:
        protocol: "smtp" or "imap".
        said: each of these sources with the server it names first.
    """

    protocol: str
    said: tuple[tuple[Source, Endpoint], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the conflict as plain data."""
        return {
            "protocol": self.protocol,
            "said": [{"source": source.value, "endpoint": endpoint.to_dict()} for source, endpoint in self.said],
        }


@attrs.frozen(kw_only=True)
class Attempt:
    """A sign-in that was tried, or left out.

    Args:
        endpoint: the server.
        user: the user name.
        accepted: whether the server let us in; None if that could not be tried.
        said: why not, as a sentence; empty if it did.
    """

    endpoint: Endpoint
    user: str
    accepted: bool | None
    said: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the attempt as plain data."""
        return {
            "endpoint": self.endpoint.to_dict(),
            "user": self.user,
            "accepted": self.accepted,
            "said": self.said,
        }


@attrs.frozen(kw_only=True)
class Discovery:
    """What was found out about an address.

    Args:
        address: the address, its domain as A-labels.
        candidates: settings that may be right, best first.
        sources: what each source said.
        conflicts: where they contradict each other.
        suggestion: what the address was perhaps meant to be ("ana@gmail.com" for "ana@gmial.com"); empty if nothing.
        attempts: the sign-ins that were tried; empty unless a credential was given.
        verified: the candidate that the sign-ins proved right; None if none was, or none was tried.
        seconds: how long it took.
        grace: how many of these seconds were spent waiting for others after the first good answer.
        requests: how many questions to name servers and requests to web servers it took.
    """

    address: str
    candidates: tuple[Candidate, ...] = ()
    sources: tuple[SourceReport, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    suggestion: str = ""
    attempts: tuple[Attempt, ...] = ()
    verified: Candidate | None = None
    seconds: float = 0.0
    grace: float = 0.0
    requests: int = 0

    @property
    def best(self) -> Candidate | None:
        """The candidate to use: the one proved by a sign-in, else the first that needs no confirmation.

        None if there is none. Then `unconfirmed` may hold one for a person to look at.
        """
        if self.verified is not None:
            return self.verified
        return next((one for one in self.candidates if not one.needs_confirmation), None)

    @property
    def unconfirmed(self) -> tuple[Candidate, ...]:
        """The candidates that a person must confirm before they are used, best first."""
        return tuple(one for one in self.candidates if one.needs_confirmation)

    def confirm(self, candidate: Candidate) -> Discovery:
        """Return this discovery after a person has confirmed a candidate's servers: it is `best` then.

        Candidates with the same servers and another form of the user name are confirmed with it.

        Args:
            candidate: one of `candidates`.

        Raises:
            InvalidSettings: it is none of them.
        """
        if candidate not in self.candidates:
            text = "this candidate is not one of this discovery"
            raise InvalidSettings((Problem(field="candidate", code="candidate.unknown", message=text),))
        servers = candidate.settings.smtp, candidate.settings.imap
        alike = [one for one in self.candidates if (one.settings.smtp, one.settings.imap) == servers]
        alike.sort(key=lambda one: one != candidate)
        confirmed = (attrs.evolve(one, trust=Trust.CONFIRMED) for one in alike)
        others = (one for one in self.candidates if one not in alike)
        return attrs.evolve(self, candidates=(*confirmed, *others), verified=None)

    def to_dict(self) -> dict[str, Any]:
        """Return the discovery as plain data, fit for JSON."""
        return {
            "schema": _SCHEMA,
            "address": self.address,
            "candidates": [one.to_dict() for one in self.candidates],
            "sources": [one.to_dict() for one in self.sources],
            "conflicts": [one.to_dict() for one in self.conflicts],
            "suggestion": self.suggestion,
            "attempts": [one.to_dict() for one in self.attempts],
            "verified": None if self.verified is None else self.verified.to_dict(),
            "seconds": self.seconds,
            "grace": self.grace,
            "requests": self.requests,
        }

    @classmethod
    def from_dict(cls, data: object) -> Discovery:
        """Return the discovery that `to_dict` described.

        Raises:
            UnsupportedSchema: a newer version of the library stored it.
            Damaged: it cannot be read.
        """
        stored = record("discovery", data, _SCHEMA)
        with reading("discovery"):
            return cls(
                address=exactly(str, stored["address"]),
                candidates=tuple(map(_candidate, stored["candidates"])),
                sources=tuple(map(_source, stored["sources"])),
                conflicts=tuple(map(_conflict, stored["conflicts"])),
                suggestion=exactly(str, stored["suggestion"]),
                attempts=tuple(map(_attempt, stored["attempts"])),
                verified=None if stored["verified"] is None else _candidate(stored["verified"]),
                seconds=float(stored["seconds"]),
                grace=float(stored["grace"]),
                requests=exactly(int, stored["requests"]),
            )

    def __str__(self) -> str:
        return "\n".join(_lines(self))


# -- text --------------------------------------------------------------------------------------------------------------


def _lines(found: Discovery) -> list[str]:
    lines = [f"{found.address}: {len(found.candidates)} candidates, {found.seconds:.2f} s, {found.requests} requests"]
    if found.suggestion:
        lines.append(f"  perhaps meant: {found.suggestion}")
    for candidate in found.candidates:
        mark = "=" if candidate == found.best else "?" if candidate.needs_confirmation else " "
        lines.append(f"{mark} {_servers(candidate.settings)}")
        agreeing = "".join(f", {source.value}" for source in candidate.agreeing)
        lines.append(f"    {candidate.source.value}{agreeing} ({candidate.origin}), trust: {candidate.trust.value}")
    for conflict in found.conflicts:
        said = ", ".join(f"{source.value} says {_where(endpoint)}" for source, endpoint in conflict.said)
        lines.append(f"! {conflict.protocol}: {said}")
    for attempt in found.attempts:
        outcome = {True: "accepted", False: "refused", None: "not tried"}[attempt.accepted]
        lines.append(f"> {_where(attempt.endpoint)} as {attempt.user}: {outcome} {attempt.said}".rstrip())
    return [*lines, *map(_line, found.sources)]


def _line(source: SourceReport) -> str:
    return f"- {source.source.value}: {source.outcome.value}, {source.seconds:.2f} s: {source.said}"


def _servers(settings: ConnectionSettings) -> str:
    smtp = f"smtp {_where(settings.smtp)} as {settings.smtp_user}"
    imap = "no imap" if settings.imap is None else f"imap {_where(settings.imap)} as {settings.imap_user}"
    return f"{smtp}, {imap}, {settings.credential.value}"


def _where(endpoint: Endpoint) -> str:
    return f"{endpoint.host}:{endpoint.port}/{endpoint.security.value}"


# -- stored data -------------------------------------------------------------------------------------------------------


def _candidate(data: Mapping[str, Any]) -> Candidate:
    return Candidate(
        settings=ConnectionSettings.from_dict(data["settings"]),
        source=Source(data["source"]),
        origin=exactly(str, data["origin"]),
        trust=Trust(data["trust"]),
        agreeing=tuple(map(Source, data["agreeing"])),
    )


def _source(data: Mapping[str, Any]) -> SourceReport:
    return SourceReport(
        source=Source(data["source"]),
        outcome=Answer(data["outcome"]),
        said=exactly(str, data["said"]),
        seconds=float(data["seconds"]),
    )


def _conflict(data: Mapping[str, Any]) -> Conflict:
    said = tuple((Source(one["source"]), endpoint(one["endpoint"])) for one in data["said"])
    return Conflict(protocol=exactly(str, data["protocol"]), said=said)


def _attempt(data: Mapping[str, Any]) -> Attempt:
    accepted = data["accepted"]
    return Attempt(
        endpoint=endpoint(data["endpoint"]),
        user=exactly(str, data["user"]),
        accepted=None if accepted is None else exactly(bool, accepted),
        said=exactly(str, data["said"]),
    )
