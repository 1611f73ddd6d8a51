"""What a check of an account found: each step at each server, and what is good to know. Values only.

Storable as plain data and printable as text, so that a host can keep it beside the account and show it to support.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from .._ports import TLSFacts
from ..delivery.account import FilerSource
from ..delivery.outcome import Outcome, worst
from ..delivery.sent_folder import SentFolder, SentReason
from ..settings import Endpoint, Filer
from ..stored import endpoint, exactly, if_any, moment, reading, record, seconds, texts
from .checked_step import WORDS, CheckedStep, findings, read_step, step_line
from .finding import Finding

_SCHEMA = 1


@attrs.frozen(kw_only=True)
class CheckedServer:
    """What was found at one server.

    Args:
        protocol: "smtp" or "imap".
        endpoint: the server.
        steps: each step in order, also those that were not reached.
        capabilities: what the server offers after the sign-in, or as far as we came, in upper case and in order:
            EHLO keywords with their parameters, or IMAP capabilities.
        mechanisms: the SASL mechanisms it offers before the sign-in.
        tls_version: the version of TLS ("TLSv1.3"); empty if there was no encrypted connection.
        tls_cipher: the cipher suite.
        certificate_expires_at: when the server's certificate ends; None if it is not known.
    """

    protocol: str
    endpoint: Endpoint
    steps: tuple[CheckedStep, ...]
    capabilities: tuple[str, ...] = ()
    mechanisms: tuple[str, ...] = ()
    tls_version: str = ""
    tls_cipher: str = ""
    certificate_expires_at: datetime | None = None

    @property
    def outcome(self) -> Outcome:
        """Whether this server works."""
        return worst([one.outcome for one in self.steps])

    def with_tls(self, facts: TLSFacts | None) -> CheckedServer:
        """Return it with what TLS was agreed on."""
        if facts is None:
            return self
        return attrs.evolve(
            self, tls_version=facts.version, tls_cipher=facts.cipher, certificate_expires_at=facts.expires_at
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what was found as plain data."""
        ends = self.certificate_expires_at
        return {
            "protocol": self.protocol,
            "endpoint": self.endpoint.to_dict(),
            "outcome": self.outcome.value,
            "steps": [one.to_dict() for one in self.steps],
            "capabilities": list(self.capabilities),
            "mechanisms": list(self.mechanisms),
            "tls_version": self.tls_version,
            "tls_cipher": self.tls_cipher,
            "certificate_expires_at": None if ends is None else ends.isoformat(),
        }


@attrs.frozen(kw_only=True)
class Quota:
    """How much of a mailbox is used (RFC 9208).

    Args:
        used: bytes in use; the server counts in kibibytes.
        limit: bytes that there are.
    """

    used: int
    limit: int

    @property
    def is_full(self) -> bool:
        """Whether nothing more goes in."""
        return self.used >= self.limit

    def to_dict(self) -> dict[str, int]:
        """Return the quota as plain data."""
        return {"used": self.used, "limit": self.limit}


@attrs.frozen(kw_only=True)
class Report:
    """What a check of an account found.

    Args:
        address: the account's address.
        checked_at: when the check began.
        seconds: how long it took.
        token: how it went with getting a token; None if none was needed.
        smtp: the submission server.
        imap: the IMAP server; None if the settings name none.
        size_limit: bytes of the largest message that the submission server takes; None if it does not say.
        sent: the Sent folder that copies go to, and why it is that one; None if that could not be found out.
        filer: who files sent mail.
        filer_source: how that is known.
        quota: how full the mailbox is; None if the server does not say.
    """

    address: str
    checked_at: datetime
    seconds: float
    token: CheckedStep | None
    smtp: CheckedServer
    imap: CheckedServer | None
    size_limit: int | None
    sent: SentFolder | None
    filer: Filer
    filer_source: FilerSource
    quota: Quota | None

    @property
    def steps(self) -> tuple[CheckedStep, ...]:
        """All steps: the token's, those of submission, those of IMAP."""
        token = () if self.token is None else (self.token,)
        return (*token, *self.smtp.steps, *(() if self.imap is None else self.imap.steps))

    @property
    def outcome(self) -> Outcome:
        """Whether the account works."""
        return worst([one.outcome for one in self.steps])

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings: first what does not work, then what nobody could tell, then what may become a trouble."""
        return findings(self.steps)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data, fit for JSON. It contains no secret."""
        sent = self.sent
        return {
            "schema": _SCHEMA,
            "address": self.address,
            "checked_at": self.checked_at.isoformat(),
            "seconds": self.seconds,
            "outcome": self.outcome.value,
            "token": None if self.token is None else self.token.to_dict(),
            "smtp": self.smtp.to_dict(),
            "imap": None if self.imap is None else self.imap.to_dict(),
            "size_limit": self.size_limit,
            "sent": None if sent is None else {"mailbox": sent.mailbox, "reason": sent.reason.value},
            "filer": self.filer.value,
            "filer_source": self.filer_source.value,
            "quota": None if self.quota is None else self.quota.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: object) -> Report:
        """Return the report that `to_dict` described.

        Raises:
            UnsupportedSchema: a newer version of the library stored it.
            Damaged: it cannot be read.
        """
        stored = record("report", data, _SCHEMA)
        with reading("report"):
            sent, quota = stored["sent"], stored["quota"]
            return cls(
                address=exactly(str, stored["address"]),
                checked_at=moment(stored["checked_at"]),
                seconds=seconds(stored["seconds"]),
                token=None if stored["token"] is None else read_step(stored["token"]),
                smtp=_server(stored["smtp"]),
                imap=None if stored["imap"] is None else _server(stored["imap"]),
                size_limit=if_any(int, stored["size_limit"]),
                sent=None if sent is None else _folder(sent),
                filer=Filer(stored["filer"]),
                filer_source=FilerSource(stored["filer_source"]),
                quota=None if quota is None else _quota(quota),
            )

    def __str__(self) -> str:
        return "\n".join(_lines(self))


# -- text --------------------------------------------------------------------------------------------------------------

_REASONS = {
    SentReason.SETTINGS: "the settings name it",
    SentReason.SPECIAL_USE: "the server marks it",
    SentReason.KNOWN_NAME: "known by its name",
    SentReason.WOULD_BE_MADE: "not there yet, made with the first copy",
}

_FILERS = {
    Filer.CLIENT: "this application",
    Filer.PROVIDER: "the provider",
    Filer.NOBODY: "nobody",
    Filer.UNKNOWN: "not known yet",
}

_SOURCES = {
    FilerSource.SETTINGS: "the settings say so",
    FilerSource.LEARNED: "seen at these servers",
    FilerSource.CATALOGUE: "known of this provider",
    FilerSource.NO_IMAP: "there is no IMAP server",
    FilerSource.NOBODY_KNOWS: "the first message will show it",
}


def _lines(report: Report) -> list[str]:
    lines = [f"{report.address}: {WORDS[report.outcome]} ({report.seconds:.2f} s)"]
    if report.token is not None:
        lines.append(step_line(report.token))
    lines += _server_lines(report.smtp)
    if report.size_limit is not None:
        lines.append(f"  largest message: {report.size_limit} bytes")
    if report.imap is not None:
        lines += _server_lines(report.imap)
    if report.sent is not None:
        lines.append(f"  Sent folder: {report.sent.mailbox} ({_REASONS[report.sent.reason]})")
    if report.quota is not None:
        lines.append(f"  storage: {report.quota.used} of {report.quota.limit} bytes")
    lines.append(f"copies are filed by: {_FILERS[report.filer]} ({_SOURCES[report.filer_source]})")
    return [*lines, *(f"\n{finding}" for finding in report.findings)]


def _server_lines(server: CheckedServer) -> list[str]:
    where = server.endpoint
    lines = [f"{server.protocol} {where.host}:{where.port}/{where.security.value}: {WORDS[server.outcome]}"]
    lines += map(step_line, server.steps)
    if server.tls_version:
        lines.append(f"  encryption: {server.tls_version}, {server.tls_cipher}")
    if server.certificate_expires_at is not None:
        lines.append(f"  certificate until: {server.certificate_expires_at:%Y-%m-%d %H:%M} UTC")
    if server.mechanisms:
        lines.append(f"  sign-in by: {', '.join(server.mechanisms)}")
    return lines


# -- stored data -------------------------------------------------------------------------------------------------------


def _server(data: Mapping[str, Any]) -> CheckedServer:
    ends = data["certificate_expires_at"]
    return CheckedServer(
        protocol=exactly(str, data["protocol"]),
        endpoint=endpoint(data["endpoint"]),
        steps=tuple(map(read_step, data["steps"])),
        capabilities=texts(data["capabilities"]),
        mechanisms=texts(data["mechanisms"]),
        tls_version=exactly(str, data["tls_version"]),
        tls_cipher=exactly(str, data["tls_cipher"]),
        certificate_expires_at=None if ends is None else moment(ends),
    )


def _folder(data: Mapping[str, Any]) -> SentFolder:
    return SentFolder(mailbox=exactly(str, data["mailbox"]), reason=SentReason(data["reason"]))


def _quota(data: Mapping[str, Any]) -> Quota:
    return Quota(used=exactly(int, data["used"]), limit=exactly(int, data["limit"]))
