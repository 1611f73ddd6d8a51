"""What the host gets for a message, and can store: what became of it, and of its copy in Sent."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, cast

import attrs

from ..errors import Reply, Step
from ..host_name import CONTROL
from ..settings import ConnectionSettings, Endpoint
from ..stored import endpoint, exactly, if_any, reading, record, texts

_SCHEMA = 2


class Delivery(enum.Enum):
    """What became of the message itself."""

    SENT = "sent"
    """the server accepted it"""
    NOT_SENT = "not_sent"
    """it was not accepted; sending it again cannot double it"""
    UNKNOWN = "unknown"
    """the connection ended after the last byte and before the answer: it may be on its way; see `Mailer.resolve`"""


class Filing(enum.Enum):
    """How the copy in the Sent folder came to be."""

    BY_PROVIDER = "by_provider"
    """the provider files what it sends"""
    APPENDED = "appended"
    """the library put it there"""
    ALREADY_THERE = "already_there"
    """a later look found it"""
    PENDING = "pending"
    """not yet there; `filing_reason` says why, `Mailer.file` finishes it"""
    OFF = "off"
    """the settings want none, or name no IMAP server"""


@attrs.frozen(kw_only=True)
class FilingTrouble:
    """Where filing a copy failed, and what the server said.

    Args:
        step: what was being done.
        endpoint: with whom; None if that was not settled.
        reply: the server's answer; None if it gave none.
        detail: what happened, in one sentence.
    """

    step: Step
    endpoint: Endpoint | None = None
    reply: Reply | None = None
    detail: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "step": self.step.value,
            "endpoint": None if self.endpoint is None else self.endpoint.to_dict(),
            "reply": None if self.reply is None else self.reply.to_dict(),
            "detail": self.detail,
        }


@attrs.frozen(kw_only=True)
class Receipt:
    """What became of one message.

    Args:
        delivery: what became of the message.
        message_id: its Message-ID, with brackets.
        date: its Date header.
        digest: SHA-256 of the message as filed, to recognise it by ("sha256:...").
        sender: the envelope sender.
        accepted: the recipients for whom the server accepted it, or may have.
        refused: the recipients that were refused, with the server's replies.
        reply: the server's final reply; its text usually names the queue entry. None unless sent.
        filing: how the copy came to be.
        filing_code: for a pending copy, a stable name of the reason; "append.repeated" for one that was appended by a
            later try, when an earlier one may have come through, or yet may; empty otherwise.
        filing_reason: for a pending copy, the same as a sentence.
        filing_trouble: the same as data, if a conversation with the server failed; None otherwise.
        mailbox: the Sent folder, decoded; None if it was not needed.
        uid_validity: with `uid`, where our own copy stands (RFC 4315); None if we appended none or were not told.
        uid: see `uid_validity`.
        server_message_id: another Message-ID that the server named in its reply; some providers replace ours.
        learned: settings that know more than those used (the Sent folder, who files); store them. None: nothing is new.
        timings: seconds that each part took, by name.
    """

    delivery: Delivery
    message_id: str
    date: str
    digest: str
    sender: str
    accepted: tuple[str, ...] = ()
    refused: Mapping[str, Reply] = attrs.field(factory=dict[str, Reply])
    reply: Reply | None = None
    filing: Filing = Filing.OFF
    filing_code: str = ""
    filing_reason: str = ""
    filing_trouble: FilingTrouble | None = None
    mailbox: str | None = None
    uid_validity: int | None = None
    uid: int | None = None
    server_message_id: str | None = None
    learned: ConnectionSettings | None = None
    timings: Mapping[str, float] = attrs.field(factory=dict[str, float], eq=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the receipt as plain data that JSON can hold. It contains no secret and no content."""
        return {
            "schema": _SCHEMA,
            "delivery": self.delivery.value,
            "message_id": self.message_id,
            "date": self.date,
            "digest": self.digest,
            "sender": self.sender,
            "accepted": list(self.accepted),
            "refused": {address: reply.to_dict() for address, reply in self.refused.items()},
            "reply": None if self.reply is None else self.reply.to_dict(),
            "filing": self.filing.value,
            "filing_code": self.filing_code,
            "filing_reason": self.filing_reason,
            "filing_trouble": None if self.filing_trouble is None else self.filing_trouble.to_dict(),
            "mailbox": self.mailbox,
            "uid_validity": self.uid_validity,
            "uid": self.uid,
            "server_message_id": self.server_message_id,
            "learned": None if self.learned is None else self.learned.to_dict(),
            "timings": dict(self.timings),
        }

    @classmethod
    def from_dict(cls, data: object) -> Receipt:
        """Return the receipt that `to_dict` described.

        Raises:
            UnsupportedSchema: the data was written by a newer version of the library.
            Damaged: the data is no receipt, or an incomplete one.
        """
        stored = record("receipt", data, _SCHEMA, _to_2)
        with reading("receipt"):
            return cls(
                delivery=Delivery(stored["delivery"]),
                message_id=_identifier(stored["message_id"]),
                date=exactly(str, stored["date"]),
                digest=exactly(str, stored["digest"]),
                sender=exactly(str, stored["sender"]),
                accepted=texts(stored["accepted"]),
                refused={exactly(str, name): Reply.from_dict(reply) for name, reply in stored["refused"].items()},
                reply=None if stored["reply"] is None else Reply.from_dict(stored["reply"]),
                filing=Filing(stored["filing"]),
                filing_code=exactly(str, stored["filing_code"]),
                filing_reason=exactly(str, stored["filing_reason"]),
                filing_trouble=None if stored["filing_trouble"] is None else _trouble(stored["filing_trouble"]),
                mailbox=None if stored["mailbox"] is None else _mailbox(stored["mailbox"]),
                uid_validity=if_any(int, stored["uid_validity"]),
                uid=if_any(int, stored["uid"]),
                server_message_id=None
                if stored["server_message_id"] is None
                else _identifier(stored["server_message_id"]),
                learned=None if stored["learned"] is None else ConnectionSettings.from_dict(stored["learned"]),
                timings={str(name): float(seconds) for name, seconds in stored["timings"].items()},
            )


def _to_2(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first schema kept the trouble as a sentence only."""
    return {**stored, "schema": 2, "filing_trouble": None}


def _trouble(value: object) -> FilingTrouble:
    parts = cast("Mapping[str, Any]", exactly(dict, value))
    return FilingTrouble(
        step=Step(parts["step"]),
        endpoint=None if parts["endpoint"] is None else endpoint(parts["endpoint"]),
        reply=None if parts["reply"] is None else Reply.from_dict(parts["reply"]),
        detail=exactly(str, parts["detail"]),
    )


def _identifier(value: object) -> str:
    """Return a Message-ID: it is what the Sent folder is searched for, so it may hold nothing that ends a line."""
    text = exactly(str, value)
    if not (text.isascii() and text.isprintable()):
        raise ValueError("a Message-ID has printable ASCII characters only")
    return text


def _mailbox(value: object) -> str:
    """Return a mailbox name; none that was ever chosen has a control character."""
    name = exactly(str, value)
    if CONTROL.search(name):
        raise ValueError("a mailbox name has no control characters")
    return name
