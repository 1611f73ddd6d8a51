"""From the host's message to the bytes that are sent and filed. Pure: no connection, no clock of its own.

Message-ID and Date are settled first, then the message is rendered once. The same bytes are submitted and filed,
except that Bcc is taken out of what is submitted. The host's message object is not changed. Rendering is deterministic,
so that another process gets the same bytes from the same message and receipt.
"""

from __future__ import annotations

import contextlib
import email.generator
import email.policy
import hashlib
import io
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
from ..host_name import read_host
from ..settings import ConnectionSettings
from .envelope import Dsn, Envelope, build_envelope
from .receipt import Delivery, Receipt

_ADDRESS_HEADERS = frozenset(
    {"from", "sender", "reply-to", "to", "cc", "bcc"}
    | {"resent-from", "resent-sender", "resent-to", "resent-cc", "resent-bcc"}
)
_ID_HEADERS = frozenset({"message-id", "in-reply-to", "references"})

_MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,995}>")
_FIELD_NAME = re.compile(r"[\x21-\x39\x3b-\x7e]+")
# Besides CR and LF: what `str.splitlines` takes for the end of a line, where the email package begins a new field.
_INJECTION = re.compile(r"\r(?!\n)|\n(?![ \t])|[\x00\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_FOLDED = re.compile(rb"[^\r\n\0]*(?:\r\n[ \t][^\r\n\0]*)*\r\n")
_STRAY_BREAK = re.compile(rb"\r(?!\n)|(?<!\r)\n")
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
        sender: the envelope sender; without it Sender or From.
        recipients: the envelope recipients; without it To, Cc and Bcc.
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
    _refuse(_header_problems(message))
    with _email_package():
        return _prepare_draft(_draft(message), settings, sender, recipients, dsn, new_id, date)


def _prepare_draft(
    draft: EmailMessage,
    settings: ConnectionSettings,
    sender: str | None,
    recipients: Iterable[str] | None,
    dsn: Dsn | None,
    new_id: str,
    date: datetime | str,
) -> Prepared:
    if "From" not in draft:
        local_part, _, domain = settings.address.rpartition("@")
        draft["From"] = Address(settings.display_name, local_part, domain)
    if "Date" not in draft:
        draft["Date"] = date if isinstance(date, str) else format_datetime(date)
    if "Message-ID" not in draft:
        draft["Message-ID"] = new_id
    # As it stands: the email package mends one that it reads, but not the one that is sent.
    message_id = next(str(value) for name, value in draft.raw_items() if name.lower() == "message-id").strip()
    if not _MESSAGE_ID.fullmatch(message_id):
        text = f"the Message-ID {printable(message_id, 80)!r} is not an identifier in angle brackets (RFC 5322 3.6.4)"
        _refuse([Problem(field="Message-ID", code="message.id", message=text)])
    _set_boundaries(draft, message_id)
    envelope = build_envelope(
        sender if sender is not None else _sender(draft),
        recipients if recipients is not None else _addresses(draft, "to", "cc", "bcc"),
        dsn,
    )
    is_utf8 = not envelope.is_ascii or not all(map(str.isascii, _local_parts(draft)))
    head, body = _render(draft, _UTF8_POLICY if is_utf8 else _ASCII_POLICY)
    is_ascii = head.isascii() and body.isascii()
    filed = Content(pieces=(head, body), is_ascii=is_ascii, is_utf8=is_utf8)
    digest = hashlib.sha256(head)
    digest.update(body)
    return Prepared(
        message_id=message_id,
        date=str(draft["Date"]),
        envelope=envelope,
        submitted=attrs.evolve(filed, pieces=(_BCC.sub(b"", head), body)),
        filed=filed,
        digest=f"sha256:{digest.hexdigest()}",
    )


# -- what comes in ----------------------------------------------------------------------------------------------------


def _header_problems(message: Message) -> list[Problem]:
    problems: list[Problem] = []
    for part in message.walk():
        for name, value in part.raw_items():
            if not _FIELD_NAME.fullmatch(name):
                text = f"{printable(name, 60)!r} is not a header field name"
                problems.append(Problem(field="message", code="message.field_name", message=text))
            elif _INJECTION.search(str(value)):
                problems.append(_injection(name))
    return problems


def _injection(name: str) -> Problem:
    text = "the value contains a line break or NUL"
    return Problem(field=name, code="message.header_injection", message=text)


def _draft(message: Message) -> EmailMessage:
    """Return an `EmailMessage` whose headers and structure can be changed. Bodies are shared, not copied."""
    draft = EmailMessage()
    draft.__dict__.update(message.__dict__)
    draft.policy = email.policy.SMTP
    # Their only way in: every public one parses each field again.
    draft._headers = [(name, _decoded(name, value)) for name, value in message.raw_items()]  # type: ignore[attr-defined]
    if message.is_multipart():
        draft.set_payload([_draft(part) for part in message.get_payload()])  # type: ignore[arg-type]
    return draft


def _decoded(name: str, value: object) -> Any:
    """Return a field as `EmailMessage` wants it: as text, and raw UTF-8 (RFC 6532) that was read from bytes decoded."""
    text = value.encode() if isinstance(value, Header) else value if isinstance(value, str) else str(value)
    if text.isascii() or hasattr(text, "fold"):
        return text
    with contextlib.suppress(UnicodeError):
        text = text.encode("utf-8", "surrogateescape").decode()
    return text if _has_surrogates(text) else _structured(name, "".join(text.splitlines()))


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _set_boundaries(draft: EmailMessage, message_id: str) -> None:
    # The generator would choose at random, and a second rendering would not be the same message.
    for index, part in enumerate(draft.walk()):
        if part.get_content_maintype() == "multipart" and part.get_boundary() is None:
            mark = hashlib.sha256(f"{index} {message_id}".encode()).hexdigest()[:32]
            part.set_boundary(f"=_{mark}")


def _local_parts(draft: EmailMessage) -> list[str]:
    """Return what stands before the @ in every address of the header."""
    return [
        address.username
        for name in _ADDRESS_HEADERS
        for value in draft.get_all(name, [])
        if not str(value).isascii()
        for address in getattr(value, "addresses", ())
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
                text = header.fold(policy=_UTF8_POLICY).partition(":")[2].strip()
                if [address for _, address in getaddresses([text])] != listed:
                    message = f"{printable(text, 80)!r} is not a list of addresses with commas between them"
                    problems.append(Problem(field=name.title(), code="message.address", message=message))
    _refuse(problems)
    return found


def _sender(draft: EmailMessage) -> str:
    found = _addresses(draft, "sender") or _addresses(draft, "from")
    return found[0] if found else ""


def _domain(settings: ConnectionSettings) -> str:
    return settings.address.rpartition("@")[2]


# -- what goes out ----------------------------------------------------------------------------------------------------


def _structured(name: str, value: str) -> Any:
    return email.policy.SMTP.header_factory(name, value)


class _Policy(email.policy.EmailPolicy):
    """Folds what `email.policy.SMTP` folds wrongly: identifiers, and addresses with a domain that is not ASCII."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        lowered = name.lower()
        if lowered in _ID_HEADERS:
            # Long identifiers would be made encoded words, which no program matches (RFC 2047 section 5, rule 3).
            lines = f"{self.linesep} ".join(str(value).split())
            folded = f"{name}: {lines}{self.linesep}".encode("utf-8" if self.utf8 else "ascii", "replace")
        else:
            if lowered in _ADDRESS_HEADERS and not str(value).isascii():
                value = _with_a_labels(name, "".join(str(value).splitlines()))
            folded = super().fold_binary(name, value)
        if not _FOLDED.fullmatch(folded):
            # An encoded word may hold a line break, which the email package decodes and does not encode again.
            _refuse([_injection(name)])
        return folded


def _with_a_labels(name: str, value: str) -> Any:
    """Return an address header whose domains are A-labels (RFC 5890): an encoded word cannot stand in an address."""
    header = _structured(name, value)
    for address in getattr(header, "addresses", ()):
        if not address.domain.isascii():
            ascii_domain = read_host(address.domain)
            if isinstance(ascii_domain, Problem):
                raise InvalidMessage((attrs.evolve(ascii_domain, field=name, code="message.address"),))
            value = re.sub(rf"@{re.escape(address.domain)}(?![\w-])", f"@{ascii_domain}", value)
    return _structured(name, value)


_ASCII_POLICY = _Policy(linesep="\r\n", cte_type="7bit", max_line_length=78)
_UTF8_POLICY = _ASCII_POLICY.clone(utf8=True)


def _render(draft: EmailMessage, policy: _Policy) -> tuple[bytes, bytes]:
    """Return header with its empty line, and body; every line ends with CRLF."""
    rendered = _flattened(draft, policy)
    if not rendered.count(b"\r\n") == rendered.count(b"\n") == rendered.count(b"\r"):
        rendered = _STRAY_BREAK.sub(b"\r\n", rendered)
    if not rendered.endswith(b"\r\n"):
        rendered += b"\r\n"
    if b"\0" in rendered:
        text = "the message contains a NUL character; encode the part that holds it with base64"
        raise InvalidMessage((Problem(field="message", code="message.nul", message=text),))
    head, separator, body = rendered.partition(b"\r\n\r\n")
    return head + b"\r\n" + separator[2:], body


def _flattened(draft: EmailMessage, policy: _Policy) -> bytes:
    target = io.BytesIO()
    try:
        email.generator.BytesGenerator(target, mangle_from_=False, policy=policy).flatten(draft)
    except (UnicodeError, LookupError):
        # Bytes outside ASCII of which nobody says what letters they are: they go as they stand, with 8BITMIME.
        target = io.BytesIO()
        as_it_is = policy.clone(cte_type="8bit")
        email.generator.BytesGenerator(target, mangle_from_=False, policy=as_it_is).flatten(draft)
    return target.getvalue()


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
