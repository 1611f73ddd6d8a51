"""Messages for the tests of preparing, and ways to look at what became of them."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable
from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage, Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any

import pytest

from tether_mailconf import ConnectionSettings, CredentialKind, Endpoint, InvalidMessage, Security
from tether_mailconf.delivery.prepare import Prepared, prepare

SETTINGS = ConnectionSettings(
    address="ana@bücher.example",
    display_name="Ana Bell",
    smtp=Endpoint(host="smtp.example.com", port=465, security=Security.TLS),
    smtp_user="ana",
    credential=CredentialKind.PASSWORD,
)
NOW = datetime(2026, 11, 2, 3, 4, 5, tzinfo=UTC)
PARSERS: dict[str, Callable[[bytes], Message]] = {
    "EmailMessage": lambda raw: email.message_from_bytes(raw, policy=email.policy.SMTP),
    "legacy Message": email.message_from_bytes,
}
both_classes = pytest.mark.parametrize("read", PARSERS.values(), ids=PARSERS)


def letter(**headers: Any) -> EmailMessage:
    """A message to Bob; `in_reply_to="..."` adds a field."""
    message = EmailMessage()
    for name, value in {"to": "bob@example.org", "subject": "Hello", **headers}.items():
        message[name.replace("_", "-").title()] = value
    message.set_content("Hello Bob\n")
    return message


def made(message: Message, **arguments: Any) -> Prepared:
    """The message, prepared."""
    return prepare(message, SETTINGS, **{"now": NOW, **arguments})


def filed(prepared: Prepared) -> bytes:
    """What the Sent folder gets."""
    return b"".join(prepared.filed.pieces)


def submitted(prepared: Prepared) -> bytes:
    """What the submission server gets."""
    return b"".join(prepared.submitted.pieces)


def reread(prepared: Prepared) -> EmailMessage:
    """What a mail program makes of it."""
    return email.message_from_bytes(filed(prepared), policy=email.policy.SMTP)


def refused(message: Message, **arguments: Any) -> set[tuple[str, str]]:
    """Field and code of everything that keeps a message from being sent."""
    with pytest.raises(InvalidMessage) as caught:
        made(message, **arguments)
    assert str(caught.value).isprintable()
    return {(problem.field, problem.code) for problem in caught.value.problems}


def legacy_letter() -> MIMEMultipart:
    """A message of the old classes, without a boundary."""
    message = MIMEMultipart("alternative")
    message["To"] = "Jörg <bob@example.org>"
    message["Bcc"] = "eve@example.org"
    message["Subject"] = Header("Grüße", "utf-8")  # type: ignore[assignment]
    message.attach(MIMEText("Grüezi", "plain", "utf-8"))
    inner = MIMEMultipart("related")
    inner.attach(MIMEText("<p>Hello", "html"))
    message.attach(inner)
    return message


def modern_letter() -> EmailMessage:
    """A message of the new class with alternatives, attachments, another message, and no boundary."""
    message = letter(bcc="eve@example.org", to="Jörg <bob@example.org>")
    message.add_alternative("<p>Grüezi</p>", subtype="html")
    message.add_attachment(bytes(range(256)), maintype="application", subtype="octet-stream", filename="ü.bin")
    message.add_attachment(letter(subject="inside"))
    return message


def mixed_letter() -> EmailMessage:
    """A message of the new class with a part of the old ones."""
    message = modern_letter()
    old = MIMEBase("multipart", "mixed")
    old.attach(MIMEText("old"))
    message.attach(old)  # type: ignore[arg-type]
    return message


def hollow_letter() -> EmailMessage:
    """A multipart without any part."""
    message = EmailMessage()
    message["To"] = "bob@example.org"
    message["Content-Type"] = "multipart/mixed"
    return message


LETTERS: dict[str, Callable[[], Message]] = {
    "EmailMessage": modern_letter,
    "legacy": legacy_letter,
    "mixed": mixed_letter,
    "hollow": hollow_letter,
}
every_letter = pytest.mark.parametrize("write", LETTERS.values(), ids=LETTERS)
