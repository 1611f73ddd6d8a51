"""Messages of any kind, prepared: whatever a host hands over, no header but its own, and no Bcc, goes out."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage, Message

import attrs

from tether_mailconf import ConnectionSettings, CredentialKind, Endpoint, InvalidMessage, Security
from tether_mailconf._wire.content import Content
from tether_mailconf.delivery.envelope import build_envelope
from tether_mailconf.delivery.prepare import Prepared, prepare, prepare_again
from tether_mailconf.delivery.submit import _stuffed

from .target import Target, text_of

_SETTINGS = ConnectionSettings(
    address="ana@b\u00fccher.example",
    display_name="Ana B\u00e9ll",
    smtp=Endpoint(host="smtp.example.com", port=465, security=Security.TLS),
    smtp_user="ana",
    credential=CredentialKind.PASSWORD,
)
_NOW = datetime(2026, 11, 2, 3, 4, 5, tzinfo=UTC)
_READERS: tuple[Callable[[bytes], Message], ...] = (
    email.message_from_bytes,
    lambda raw: email.message_from_bytes(raw, policy=email.policy.SMTP),
    lambda raw: email.message_from_bytes(raw, policy=email.policy.default),
)
_OURS = {"from", "date", "message-id", "content-type", "content-transfer-encoding", "mime-version"}


def _names(head: bytes) -> list[str]:
    """Return the names of the fields of a header; each line is one's, or goes on with one."""
    found: list[str] = []
    for line in head.split(b"\r\n")[:-1]:
        if line[:1] not in (b" ", b"\t"):
            name, colon, _ = line.partition(b":")
            assert colon, line
            found.append(name.decode("ascii").lower())
        else:
            assert found, "a header begins in the middle of a field"
    return found


def check(prepared: Prepared, message: Message) -> None:
    """Assert what holds of every message that goes out."""
    filed, submitted = (b"".join(one.pieces) for one in (prepared.filed, prepared.submitted))
    for content in (filed, submitted):
        assert content.count(b"\r") == content.count(b"\n") == content.count(b"\r\n")
        assert b"\0" not in content
        assert content.endswith(b"\r\n")
    allowed = {name.lower() for name in message} | _OURS
    kept = _names(prepared.filed.pieces[0].removesuffix(b"\r\n") or b"\r\n")
    sent = _names(prepared.submitted.pieces[0].removesuffix(b"\r\n") or b"\r\n")
    assert set(kept) <= allowed, set(kept) - allowed
    assert sent == [name for name in kept if name not in ("bcc", "resent-bcc")]
    for path in (prepared.envelope.sender, *prepared.envelope.recipients):
        assert path.isprintable()
        assert ">" not in path or '"' in path
    assert prepared.filed.is_ascii == filed.isascii()


def message(data: bytes) -> None:
    """Parsed messages, as hosts forward them."""
    read = _READERS[data[0] % len(_READERS)] if data else _READERS[0]
    _prepared(read(data[1:]))


def headers(data: bytes) -> None:
    """Messages that a host made of texts, which nothing has looked at."""
    made: Message = EmailMessage() if data[:1] < b"\x80" else Message()
    made.set_payload("Hello\r\n.\r\n")
    for field in data[1:].split(b"\xfe"):
        name, _, value = text_of(field).partition(":")
        made._headers.append((name, value.lstrip(" ")))  # type: ignore[attr-defined]
    _prepared(made)


def _prepared(given: Message) -> None:
    prepared = prepare(given, _SETTINGS, now=_NOW)
    check(prepared, given)
    receipt = attrs.evolve(prepared.receipt(), accepted=prepared.envelope.recipients)
    assert prepare_again(given, _SETTINGS, receipt).digest == prepared.digest


def envelope(data: bytes) -> None:
    sender, *recipients = text_of(data).split("\n")
    try:
        made = build_envelope(sender, recipients, None)
        told, paths = list[str](), (made.sender, *made.recipients)
    except InvalidMessage as error:
        told, paths = [problem.field.partition(".")[0] for problem in error.problems], ()
    assert set(told) <= {"sender", "recipients"}
    assert all(map(str.isprintable, paths))


def dots(data: bytes) -> None:
    """Dot-stuffing (RFC 5321 section 4.5.2): a server that takes the dots out again has what was sent, and one end."""
    half = len(data) // 2
    lines = data.replace(b"\r", b"").replace(b"\n", b"\r\n") + b"\r\n"
    stuffed = _stuffed(Content(pieces=(lines[:half], lines[half:]))) + b".\r\n"
    received: list[bytes] = []
    *sent, rest = stuffed.split(b"\r\n")
    assert rest == b""
    for index, line in enumerate(sent):
        if line == b".":
            assert index == len(sent) - 1
            break
        received.append(line.removeprefix(b".") if line.startswith(b".") else line)
    assert b"".join(line + b"\r\n" for line in received) == lines


_WORDS = (
    b"\r\n",
    b"\r",
    b"\n",
    b"\n ",
    b"\xfe",
    b"Bcc: ",
    b"resent-bcc: eve@example.org",
    b"To: bob@example.org",
    b"=?utf-8?q?",
    b"?=",
    b"=0D=0A",
    b"=?utf-8?b?DQo=?=",
    b"Message-ID: <a@b>",
    b"Content-Type: multipart/mixed; boundary=x",
    b"\n--x\n",
    b"--x--",
    b"Content-Transfer-Encoding: base64",
    b"From: ",
    b";",
    b",",
    b'"',
    b"<",
    b">",
    b"@",
    b"\x85",
    b"\xe2\x80\xa8",
    b"Content-Type: message/rfc822",
    b"Sender: ",
    b"charset=",
    b"(",
    b")",
    b"\\",
)

TARGETS = (
    Target(
        "message",
        message,
        [
            b"\0To: bob@example.org\r\nSubject: Hello\r\nBcc: eve@example.org\r\n\r\nHello\r\n.\r\nBob\r\n",
            (
                b"\1From: Ana <ana@example.org>\nTo: =?utf-8?q?B=C3=B6b?= <bob@b\xc3\xbccher.example>\n"
                b"Message-ID: <a@b>\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nhi\n--x\n"
                b"Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\nAAEC\n--x--\n"
            ),
            (
                b"\2To: a@example.org,\n b@example.org\nReferences: <a@b>\n <c@d>\nContent-Type: message/rfc822\n\n"
                b"Subject: inner\nBcc: x@y.example\n\nbody\n"
            ),
        ],
        words=_WORDS,
    ),
    Target(
        "headers",
        headers,
        [
            b"\0To: bob@example.org\xfeSubject: Gr\xc3\xbc\xc3\x9fe\xfeX-Own: a",
            b"\xffTo: bob@example.org\xfeSubject: a\r\n b\xfeBcc: eve@example.org",
            b"\0To: bob@example.org\xfeFrom: =?utf-8?q?A=0Ab?= <ana@example.org>",
        ],
        words=_WORDS,
    ),
    Target(
        "envelope",
        envelope,
        [b"ana@example.org\nbob@example.org\nj\xc3\xb6rg@b\xc3\xbccher.example", b'"a b"@example.org\na@b.example'],
        words=[b"\n", b"\r", b"@", b'"', b">", b" SIZE=1", b"\xe2\x80\xa8"],
    ),
    Target("dots", dots, [b".\n..\n.a\n\n.", b"a\n.\nb"], words=[b"\n.\n", b"\n", b"."]),
)
