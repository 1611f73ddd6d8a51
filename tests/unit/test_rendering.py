"""Rendering beside the email package: what is written without it is what it would have written itself."""

from __future__ import annotations

import copy
import email
import email.policy
import io
import re
from collections.abc import Callable
from email.generator import BytesGenerator
from email.message import EmailMessage, Message
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .letters import PARSERS, filed, hollow_letter, letter, made, mixed_letter, modern_letter, reread

POLICY = email.policy.SMTP.clone(cte_type="7bit", max_line_length=78)


def by_the_email_package(message: Message) -> bytes:
    """The bytes that the standard library makes of a message that has everything: fields, boundaries, line ends."""
    target = io.BytesIO()
    BytesGenerator(target, mangle_from_=False, policy=POLICY).flatten(copy.deepcopy(message))  # type: ignore[arg-type]
    rendered = target.getvalue()
    return rendered if rendered.endswith(b"\r\n") else rendered + b"\r\n"


def complete_fields(message: Message) -> None:
    """Add the fields that are added otherwise."""
    for name, value in (
        ("From", "ana@example.com"),
        ("Date", "Mon, 02 Nov 2026 03:04:05 +0000"),
        ("Message-ID", "<a@b>"),
    ):
        if name not in message:
            message[name] = value


def complete(message: Message) -> Message:
    """The message with the fields that are added otherwise, and a boundary for each multipart."""
    complete_fields(message)
    for index, part in enumerate(message.walk()):
        if part.get_content_maintype() == "multipart" and part.get_boundary() is None:
            part.set_boundary(f"===={index}==")
    return message


def old_letter() -> Message:
    """A message of the old classes with a text, an attachment, and words before and after its parts."""
    message = MIMEMultipart()
    message["To"] = "bob@example.org"
    message.attach(MIMEText("Hello\rBob\r\nHow\nare you"))
    message.attach(MIMEApplication(bytes(100_000)))
    message.preamble, message.epilogue = "one\ntwo", "three\r\nfour"
    return message


def signed_letter() -> Message:
    """A signed message, whose fields must not be folded again."""
    message = MIMEMultipart("signed", protocol="application/pgp-signature")
    message["To"] = "bob@example.org"
    part = MIMEText("Hello\n")
    part["X-Long"] = "word " * 40
    message.attach(part)
    message.attach(MIMEApplication(b"signature", "pgp-signature"))
    return message


def forwarding_letter() -> Message:
    """A message with another inside, and a report of what became of one."""
    message = letter()
    message.add_attachment(letter(subject="inside"))
    report = email.message_from_string(
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; a\n\nAction: failed\n"
    )
    message.attach(report)  # type: ignore[arg-type]
    return message


def digest() -> Message:
    """A digest, whose parts are messages though they do not say so (RFC 2046 section 5.1.5)."""
    raw = "To: bob@example.org\nContent-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: one\n\nHello\n--b--\n"
    return email.message_from_string(raw, policy=email.policy.default)


@pytest.mark.parametrize(
    "write", [modern_letter, mixed_letter, hollow_letter, old_letter, signed_letter, forwarding_letter, digest]
)
def test_it_is_what_the_email_package_writes(write: Callable[[], Message]) -> None:
    message = complete(write())
    assert filed(made(message)) == by_the_email_package(message)


FIELDS = [
    "Hello",
    "Ana (at work) <ana@example.com>",
    "ana@example.com   (Ana  Bell) ,\tbob@example.org",
    '"Bell,  A." <ana@example.com>',
    "team: a@example.org, b@example.org;",
    "=?utf-8?q?Gr=C3=BC=C3=9Fe?= <a@example.org>",
    "a =?not an encoded word",
    "Grüße",
    "x" * 71,
    "x" * 72,
    "word " * 30,
    "",
    "  two spaces before, and a tab\tinside ",
]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (name, value)
        for name in ("Subject", "Reply-To", "X-Any", "Content-Description")
        for value in FIELDS
        if name != "Reply-To" or value.isascii()  # what is no address at all is written in our own way
    ],
)
@pytest.mark.parametrize("read", [*PARSERS.values(), None], ids=[*PARSERS, "written"])
def test_a_field_is_what_the_email_package_writes(
    read: Callable[[bytes], Message] | None, name: str, value: str
) -> None:
    if read is not None:
        message = read(f"To: bob@example.org\r\n{name}: {value}\r\n\r\nhi\r\n".encode())
    else:
        message = letter()
        del message[name]
        message[name] = value
    complete(message)
    expected = by_the_email_package(made_utf8(message))
    assert filed(made(message)) == expected


def made_utf8(message: Message) -> Message:
    """The message with raw UTF-8 that was read from bytes as text, as it is understood when it is sent."""
    changed = email.message_from_bytes(b"", policy=email.policy.SMTP)
    changed.__dict__.update(copy.deepcopy(message).__dict__)
    changed.policy = email.policy.SMTP
    headers: list[tuple[str, Any]] = []
    for name, value in message.raw_items():
        text = value if value.isascii() or hasattr(value, "fold") else value.encode("utf-8", "surrogateescape").decode()
        headers.append((name, text if text.isascii() else email.policy.SMTP.header_factory(name, text)))
    changed._headers = headers  # type: ignore[attr-defined]
    return changed


lines = st.text(alphabet="ab.-\r\n =_", max_size=60)


@given(st.lists(lines, min_size=1, max_size=4), st.none() | lines, st.none() | lines)
def test_any_text_in_any_parts_is_what_the_email_package_writes(
    texts: list[str], preamble: str | None, epilogue: str | None
) -> None:
    message = complete(MIMEMultipart(_subparts=[MIMEText(text) for text in texts]))
    message["To"] = "bob@example.org"
    message.preamble, message.epilogue = preamble, epilogue
    rendered = filed(made(message))
    assert rendered == by_the_email_package(message)
    assert rendered.count(b"\r\n") == rendered.count(b"\r") == rendered.count(b"\n")


@pytest.mark.parametrize("name", PARSERS)
def test_an_empty_body_stays_empty(name: str) -> None:
    prepared = made(PARSERS[name](b"To: bob@example.org\r\n\r\n"))
    assert filed(prepared).count(b"\r\n\r\n") == 1
    assert filed(prepared).endswith(b"\r\n\r\n")


def test_a_large_body_is_a_piece_of_its_own() -> None:
    message = letter()
    message.add_attachment(bytes(300_000), maintype="application", subtype="octet-stream")
    prepared = made(message)
    assert max(map(len, prepared.filed.pieces)) > 400_000
    assert all(
        mine is theirs for mine, theirs in zip(prepared.filed.pieces[1:], prepared.submitted.pieces[1:], strict=True)
    )


def test_a_new_boundary_occurs_nowhere_in_the_message() -> None:
    """Who knows the Message-ID, and how boundaries are made, cannot write a text that ends its part."""
    first: EmailMessage = letter(message_id="<a@b>")
    first.add_attachment(b"x", maintype="application", subtype="octet-stream")
    boundary = reread(made(first)).get_boundary()
    attacked: EmailMessage = letter(message_id="<a@b>")
    attacked.set_content(f"Hello\n--{boundary}\nContent-Type: text/html\n\n<p>not ours</p>\n--{boundary}--\n")
    attacked.add_attachment(b"x", maintype="application", subtype="octet-stream")
    found = reread(made(attacked))
    assert found.get_boundary() != boundary
    assert [part.get_content_type() for part in found.iter_parts()] == ["text/plain", "application/octet-stream"]


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/mixed",
        "Multipart/Mixed ",
        "multipart/mixed;",
        "multipart/mixed; charset=utf-8",
        "multipart/mixed (of many kinds)",
        "multipart/mixed (one; two)",
        "multipart/ mixed",
        "multipart/mixed (\t=)",
        "multipart/(\t=)b",
        "multipart/mixed\n two",
    ],
)
@pytest.mark.parametrize("second", ["", "Content-Type: multipart/related; type=text/html\n"])
def test_a_new_boundary_is_added_as_the_email_package_adds_it(content_type: str, second: str) -> None:
    raw = f"To: bob@example.org\nContent-Type: {content_type}\n{second}From: ana@example.com\n\n"
    message = email.message_from_string(raw, policy=email.policy.default)
    message.set_payload([EmailMessage()])
    complete_fields(message)
    rendered = filed(made(message))
    boundary = re.search(rb"=_[0-9a-f]{24}", rendered)
    assert boundary is not None
    message.set_boundary(boundary[0].decode())
    assert rendered == by_the_email_package(message)


@pytest.mark.parametrize("field", ["Content-Type: text/plain", "Content-Disposition: attachment"])
@pytest.mark.parametrize("name", ["n" * 41, "n" * 64, "n" * 200, "\udcd1" * 70])
@pytest.mark.parametrize("value", ["v", "v" * 100, "\udcfc" * 30])
def test_a_parameter_with_an_endless_name_is_written_in_the_end(field: str, name: str, value: str) -> None:
    """The email package alone never comes back from some of these."""
    raw = f"To: bob@example.org\n{field}; {name}={value}\n\nHello\n".encode("utf-8", "surrogateescape")
    for policy in (email.policy.default, email.policy.compat32):
        rendered = filed(made(email.message_from_bytes(raw, policy=policy)))
        assert reread(made(email.message_from_bytes(raw, policy=policy))).get_payload() == "Hello\r\n"
        assert field.encode() in rendered


def with_a_name_of(length: int) -> Message:
    """A message with a parameter whose name has so many characters, in a field that must be written anew."""
    field = f"text/plain; title={'t' * 60};\n {'n' * length}=v"
    raw = f"To: bob@example.org\nContent-Type: {field}\n\nHello\n"
    return complete(email.message_from_string(raw, policy=email.policy.default))


def test_a_parameter_with_an_endless_name_is_written_as_it_came_and_any_other_by_the_email_package() -> None:
    message = with_a_name_of(40)
    assert filed(made(message)) == by_the_email_package(message)
    as_it_came = f"Content-Type: text/plain;\r\n title={'t' * 60};\r\n {'n' * 41}=v\r\n"
    assert as_it_came.encode() in filed(made(with_a_name_of(41)))
