"""From the host's message to the bytes that are sent and filed. Pure: no connection, no clock of its own.

Message-ID and Date are settled first, then the message is rendered once. The same bytes are submitted and filed,
except that Bcc is taken out of what is submitted. The host's message object is not changed. Rendering is deterministic,
so that another process gets the same bytes from the same message and receipt.
"""

from __future__ import annotations

import contextlib
import email.policy
import hashlib
import re
import secrets
from collections.abc import Generator, Iterable
from datetime import datetime
from email.errors import InvalidHeaderDefect
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage, Message
from email.utils import format_datetime, getaddresses
from typing import Any

import attrs

from .._wire.content import Content
from ..errors import InvalidMessage, Problem, printable
from ..settings import ConnectionSettings
from .envelope import Dsn, Envelope, build_envelope
from .receipt import Delivery, Receipt
from .rendering import ADDRESS_FIELDS, injection, render, structured

_MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,995}>")
_FIELD_NAME = re.compile(r"[\x21-\x39\x3b-\x7e]+")
# Besides CR and LF: what `str.splitlines` takes for the end of a line, where the email package begins a new field.
_INJECTION = re.compile(r"\r(?!\n)|\n(?![ \t])|[\x00\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_RESENT_TO = frozenset({"resent-to", "resent-cc", "resent-bcc"})
_BCC = re.compile(rb"^(?:resent-)?bcc:.*\n(?:[ \t].*\n)*", re.IGNORECASE | re.MULTILINE)


@attrs.frozen(kw_only=True)
class Prepared:
    """A message ready for the wire.

    Args:
        message_id: its Message-ID, with brackets.
        date: its Date header.
        envelope: who sends it and who gets it.
        submitted: what SMTP gets, without Bcc.
        filed: what the Sent folder gets, with Bcc.
        digest: SHA-256 of `filed` ("sha256:...").
    """

    message_id: str
    date: str
    envelope: Envelope
    submitted: Content
    filed: Content
    digest: str

    def receipt(self) -> Receipt:
        """Return the receipt of a message that has not been sent yet."""
        return Receipt(
            delivery=Delivery.NOT_SENT,
            message_id=self.message_id,
            date=self.date,
            digest=self.digest,
            sender=self.envelope.sender,
        )


def prepare(
    message: Message,
    settings: ConnectionSettings,
    *,
    now: datetime,
    sender: str | None = None,
    recipients: Iterable[str] | None = None,
    dsn: Dsn | None = None,
) -> Prepared:
    """Render a message for sending.

    Args:
        message: the host's message.
        settings: whose address is used where the message has no From.
        now: the Date, if the message has none; with its zone.
        sender: the envelope sender; without it Sender or From, or those of resending.
        recipients: the envelope recipients; without it To, Cc and Bcc, or those of resending.
        dsn: the delivery status notifications asked for.

    Raises:
        InvalidMessage: with everything that keeps it from being sent.
    """
    return _prepare(message, settings, sender, recipients, dsn, f"<{secrets.token_hex(16)}@{_domain(settings)}>", now)


def prepare_again(message: Message, settings: ConnectionSettings, receipt: Receipt) -> Prepared:
    """Render a message that was prepared before, so that it becomes the same bytes.

    Raises:
        InvalidMessage: it is another message than the one the receipt is for.
    """
    recipients = (*receipt.accepted, *receipt.refused) or None
    prepared = _prepare(message, settings, receipt.sender, recipients, None, receipt.message_id, receipt.date)
    if prepared.digest != receipt.digest or prepared.message_id != receipt.message_id:
        text = "this is not the message that the receipt is for, or it was changed since"
        raise InvalidMessage((Problem(field="message", code="message.not_the_same", message=text),))
    return prepared


def _prepare(
    message: Message,
    settings: ConnectionSettings,
    sender: str | None,
    recipients: Iterable[str] | None,
    dsn: Dsn | None,
    new_id: str,
    date: datetime | str,
) -> Prepared:
    with _email_package():
        problems: list[Problem] = []
        draft = _draft(message, problems)
        _refuse(problems)
        return _prepare_draft(draft, settings, sender, recipients, dsn, new_id, date)


def _prepare_draft(
    draft: EmailMessage,
    settings: ConnectionSettings,
    sender: str | None,
    recipients: Iterable[str] | None,
    dsn: Dsn | None,
    new_id: str,
    date: datetime | str,
) -> Prepared:
    # As they stand: the email package would mend what it reads, but not what is sent.
    present: dict[str, str] = {}
    for name, value in draft.raw_items():
        present.setdefault(name.lower(), value)
    if "from" not in present:
        local_part, _, domain = settings.address.rpartition("@")
        draft["From"] = Address(settings.display_name, local_part, domain)
    if "date" not in present:
        present["date"] = date if isinstance(date, str) else format_datetime(date)
        _add(draft, "Date", present["date"])
    if "message-id" not in present:
        present["message-id"] = new_id
        _add(draft, "Message-ID", new_id)
    message_id = _unfolded(present["message-id"])
    if not _MESSAGE_ID.fullmatch(message_id):
        text = f"the Message-ID {printable(message_id, 80)!r} is not an identifier in angle brackets (RFC 5322 3.6.4)"
        _refuse([Problem(field="Message-ID", code="message.id", message=text)])
    envelope = build_envelope(
        sender if sender is not None else _sender(draft),
        recipients if recipients is not None else _recipients(draft),
        dsn,
    )
    is_utf8 = not envelope.is_ascii or not all(map(str.isascii, _local_parts(draft)))
    head, *body = render(draft, message_id, is_utf8=is_utf8)
    is_ascii = head.isascii() and all(map(bytes.isascii, body))
    digest = hashlib.sha256(head)
    for piece in body:
        digest.update(piece)
    without_bcc = head if present.keys().isdisjoint({"bcc", "resent-bcc"}) else _BCC.sub(b"", head)
    return Prepared(
        message_id=message_id,
        date=_unfolded(present["date"]),
        envelope=envelope,
        submitted=Content(pieces=(without_bcc, *body), is_ascii=is_ascii, is_utf8=is_utf8),
        filed=Content(pieces=(head, *body), is_ascii=is_ascii, is_utf8=is_utf8),
        digest=f"sha256:{digest.hexdigest()}",
    )


# -- what comes in ----------------------------------------------------------------------------------------------------


def _draft(message: Message, problems: list[Problem]) -> EmailMessage:
    """Return an `EmailMessage` whose headers and structure can be changed. Bodies are shared, not copied.

    What is wrong with a field is added to `problems`.
    """
    fields: list[tuple[str, Any]] = []
    _check_type(message)
    for name, value in message.raw_items():
        if _is_plain(name, value):
            fields.append((name, value))
        elif (problem := _field_problem(name, value)) is not None:
            problems.append(problem)
        else:
            fields.append((name, _decoded(name, value)))
    draft = EmailMessage()
    draft.__dict__.update(message.__dict__)
    draft.policy = email.policy.SMTP
    # Their only way in: every public one parses each field again.
    draft._headers = fields  # type: ignore[attr-defined]
    if message.is_multipart():
        draft.set_payload([_draft(part, problems) for part in message.get_payload()])  # type: ignore[arg-type]
    return draft


def _check_type(message: object) -> None:
    if not isinstance(message, Message):
        text = f"{type(message).__module__}.{type(message).__qualname__} is not an email.message.Message"
        _refuse([Problem(field="message", code="message.type", message=text)])


def _is_plain(name: str, value: object) -> bool:
    """Whether nothing in a field ends a line, and nothing needs decoding."""
    return (
        isinstance(value, str) and value.isascii() and value.isprintable() and _FIELD_NAME.fullmatch(name) is not None
    )


def _field_problem(name: str, value: object) -> Problem | None:
    if not _FIELD_NAME.fullmatch(name):
        text = f"{printable(name, 60)!r} is not a header field name"
        return Problem(field="message", code="message.field_name", message=text)
    return injection(name) if _INJECTION.search(str(value)) else None


def _decoded(name: str, value: object) -> Any:
    """Return a field as `EmailMessage` wants it: as text, and raw UTF-8 (RFC 6532) that was read from bytes decoded."""
    text = value.encode() if isinstance(value, Header) else value if isinstance(value, str) else str(value)
    if text.isascii() or hasattr(text, "fold"):
        return text
    with contextlib.suppress(UnicodeError):
        text = text.encode("utf-8", "surrogateescape").decode()
    return text if _has_surrogates(text) else structured(name, "".join(text.splitlines()))


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _add(draft: EmailMessage, name: str, value: str) -> None:
    """Add a field whose value is in order, and which the public way would read again."""
    draft._headers.append((name, value))  # type: ignore[attr-defined]


def _unfolded(value: str) -> str:
    return "".join(value.splitlines()).strip()


def _local_parts(draft: EmailMessage) -> list[str]:
    """Return what stands before the @ in every address of the header that is not all ASCII."""
    return [
        address.username
        for name, value in draft.raw_items()
        if not value.isascii() and name.lower() in ADDRESS_FIELDS
        for address in getattr(draft.policy.header_fetch_parse(name, value), "addresses", ())
    ]


def _addresses(draft: EmailMessage, *names: str) -> list[str]:
    found: list[str] = []
    problems: list[Problem] = []
    for name in names:
        for header in draft.get_all(name, []):
            listed = [address.addr_spec for address in header.addresses]
            found += listed
            if any(isinstance(defect, InvalidHeaderDefect) for defect in header.defects):
                # The email package passes over what it cannot read ("ana@example.org; bob@example.org"), and nobody
                # would be told that Bob gets nothing. So a second reading must find the same.
                text = header.fold(policy=email.policy.SMTPUTF8).partition(":")[2].strip()
                if [address for _, address in getaddresses([text])] != listed:
                    message = f"{printable(text, 80)!r} is not a list of addresses with commas between them"
                    problems.append(Problem(field=name.title(), code="message.address", message=message))
    _refuse(problems)
    return found


def _recipients(draft: EmailMessage) -> list[str]:
    names = ("to", "cc", "bcc")
    return _addresses(draft, *(f"resent-{name}" for name in names)) if _is_resent(draft) else _addresses(draft, *names)


def _sender(draft: EmailMessage) -> str:
    prefix = "resent-" if _is_resent(draft) else ""
    found = _addresses(draft, f"{prefix}sender") or _addresses(draft, f"{prefix}from")
    return found[0] if found else ""


def _is_resent(draft: EmailMessage) -> bool:
    """Whether somebody sends a message on as it is (RFC 5322 section 3.6.6): it says so itself, and to whom."""
    resent = [name.lower() for name, _ in draft.raw_items() if name.lower().startswith("resent-")]
    if len(resent) > len(set(resent)):
        text = "the message was resent more than once: say who sends it now, and who gets it"
        _refuse([Problem(field="recipients", code="message.resent", message=text)])
    return not _RESENT_TO.isdisjoint(resent)


def _domain(settings: ConnectionSettings) -> str:
    return settings.address.rpartition("@")[2]


@contextlib.contextmanager
def _email_package() -> Generator[None]:
    """Make one error of the many that the email package raises for what it cannot read or encode."""
    try:
        yield
    except InvalidMessage:
        raise
    except Exception as error:
        text = f"the message cannot be rendered: {printable(str(error) or type(error).__name__, 200)}"
        raise InvalidMessage((Problem(field="message", code="message.unrenderable", message=text),)) from error


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise InvalidMessage(tuple(problems))
