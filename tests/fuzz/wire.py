"""The parsers of what mail servers say. However their bytes are cut, the result is the same."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Iterator
from typing import Any

from tether_mailconf import ProtocolViolation, Refused, Reply, Step, explain
from tether_mailconf._wire import sasl
from tether_mailconf._wire.imap_response import ResponseLimits, ResponseParser
from tether_mailconf._wire.imap_syntax import Allowance, decode_mailbox, encode_mailbox, quoted, tokenize
from tether_mailconf._wire.smtp_reply import ReplyLimits, ReplyParser
from tether_mailconf.delivery import authentication
from tether_mailconf.diagnosis.normalise import readings
from tether_mailconf.secret import Secret

from .target import Target, text_of

_BY_BYTES = 40
_ESCAPE = re.compile(r"\\(?:x..|u.{4}|U.{8}|.)")
_REPLY_LIMITS = (ReplyLimits(), ReplyLimits(line=40, size=120, lines=4))
_RESPONSE_LIMITS = (ResponseLimits(), ResponseLimits(line=40, literal=30, tokens=8))


def cuts(data: bytes) -> Iterator[list[bytes]]:
    """Yield the same bytes whole, cut at random places, and cut everywhere at their beginning."""
    yield [data]
    chance = random.Random(zlib.crc32(data))
    places = sorted(chance.randrange(len(data) + 1) for _ in range(chance.randrange(1, 6)))
    yield [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]
    yield [data[index : index + 1] for index in range(min(len(data), _BY_BYTES))] + [data[_BY_BYTES:]]


def _replies(pieces: list[bytes], limits: ReplyLimits) -> tuple[list[Reply], str, bool]:
    parser, found = ReplyParser(limits), list[Reply]()
    try:
        for piece in pieces:
            parser.feed(piece)
            while (reply := parser.next_reply()) is not None:
                found.append(reply)
    except ProtocolViolation as error:
        return found, error.detail, False
    return found, "", parser.is_empty


def smtp_reply(data: bytes) -> None:
    for limits in _REPLY_LIMITS:
        whole, *others = (_replies(pieces, limits) for pieces in cuts(data))
        assert all(other == whole for other in others), (whole, others)
        for reply in whole[0]:
            assert reply.shown.isprintable()
            assert Reply.from_dict(reply.to_dict()).code == reply.code


def _responses(pieces: list[bytes], limits: ResponseLimits) -> tuple[list[Any], str, bool]:
    parser, found = ResponseParser(limits), list[Any]()
    try:
        for piece in pieces:
            parser.feed(piece)
            while (response := parser.next_response()) is not None:
                found.append(response)
    except ProtocolViolation as error:
        return found, error.detail, False
    return found, "", parser.is_empty


def imap_response(data: bytes) -> None:
    for limits in _RESPONSE_LIMITS:
        whole, *others = (_responses(pieces, limits) for pieces in cuts(data))
        assert all(other == whole for other in others), (whole, others)


def imap_tokens(data: bytes) -> None:
    tokenize(data.split(b"\0"), Allowance(1000))


def imap_mailbox(data: bytes) -> None:
    name = decode_mailbox(text_of(data))
    if not any("\ud800" <= letter <= "\udfff" for letter in name):
        written = encode_mailbox(name)
        assert written.isascii()
        assert decode_mailbox(written) == name
    quoted(text_of(data))


def sasl_challenge(data: bytes) -> None:
    mask = sasl.Mask("ana")
    mask.add(Secret(b"\0ana\0correct horse"))
    mask.add(Secret(b"n,a=ana,\1host=x\1auth=Bearer tokentoken\1\1"))
    shown = sasl.describe_error(data, mask)
    assert shown.isprintable()
    # A form feed is shown as "\x0c", whose last letter may stand before "orrect horse".
    bare = _ESCAPE.sub("?", shown)
    assert not any(secret in bare for secret in ("correct horse", "tokentoken"))
    sasl.describe_error(sasl.decode_challenge(text_of(data)), mask)


def authentication_results(data: bytes) -> None:
    found = authentication.read([text_of(data)])
    if found is not None:
        assert found.server.isprintable()
        assert len(found.results) <= 20


def server_words(data: bytes) -> None:
    words = data.decode("utf-8", "backslashreplace")
    code, _, text = words.partition(" ")
    readings(words)
    for step in (Step.SIGN_IN, Step.BODY):
        error = Refused(step=step, reply=Reply(code=code, enhanced="", text=text))
        finding = explain(error)
        assert finding.words.isprintable()
        assert finding.to_dict()


TARGETS = (
    Target(
        "smtp_reply",
        smtp_reply,
        [
            b"220 mail.example.com ESMTP\r\n250-mail.example.com\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 1000\r\n",
            b"550-5.1.1 no such\r\n550 5.1.1 user\r\n",
            b"250 ok\r\n251-a\r\n251 b\r\n421\r\n",
            b"334 VXNlcm5hbWU6\r\n235 2.7.0 yes\r\n",
        ],
        words=[b"\r\n", b"250-", b"550 5.1.1 ", b"354 ", b"\r", b"\n", b"\0", b"334 "],
    ),
    Target(
        "imap_response",
        imap_response,
        [
            b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\na1 OK done\r\n",
            b'* LIST (\\HasNoChildren \\Sent) "/" "Sent Items"\r\n* LIST () NIL {4}\r\nabcd\r\n',
            b'* NAMESPACE (("" "/")) NIL NIL\r\na2 OK [APPENDUID 1 2] done\r\n+ go ahead\r\n',
            b"* 1 FETCH (UID 5 BODY[HEADER.FIELDS (MESSAGE-ID)] {21}\r\nMessage-ID: <a@b>\r\n\r\n)\r\n",
            b'* SEARCH 1 2 3\r\n* 3 EXISTS\r\n* QUOTA "" (STORAGE 1 2)\r\n* MYRIGHTS INBOX lr\r\n',
            b"a3 NO [TRYCREATE] no such mailbox\r\n* BYE {3}\r\n",
        ],
        words=[b"* ", b"\r\n", b"{3}\r\n", b"~{3}\r\n", b"{99999999999}", b"(", b")", b'"', b"\\", b"[", b"]", b"NIL"],
    ),
    Target(
        "imap_tokens",
        imap_tokens,
        [b'(\\HasNoChildren) "/" "a\\"b"', b"(a (b (c))) NIL {3}\0abc\0 x", b"BODY[HEADER.FIELDS (X)] NIL"],
        words=[b"(", b")", b'"', b"\\", b"[", b"]", b"{3}", b"~{3+}", b"\0", b" NIL "],
    ),
    Target(
        "imap_mailbox",
        imap_mailbox,
        [b"Entw&APw-rfe", b"a&-b", "Gesendete Elemente \u20ac \U0001f600".encode(), b"&2D3eAA-", b"&ZeVnLIqe-"],
        errors=(ValueError,),
        words=[b"&", b"-", b"&-", b",", b"&AGE-"],
    ),
    Target(
        "sasl_challenge",
        sasl_challenge,
        [
            b'{"status":"401","schemes":"bearer","scope":"https://mail.example/"}',
            b"eyJzdGF0dXMiOiI0MDEifQ==",
            b"Y29ycmVjdCBob3JzZQ==",
            b"correct horse Bearer tokentoken",
        ],
        words=[b"=", b"correct horse", b'"', b"{", b"}", b"[" * 40],
    ),
    Target(
        "authentication_results",
        authentication_results,
        [
            b'mx.example.org; spf=pass (a (b) c) smtp.mailfrom=x; dkim=fail reason="a;b"; dmarc=none',
            b"mx.example.org 1; none",
            b"example.com; dkim /1 = pass header.d=example.com",
        ],
        words=[b";", b"(", b")", b"=", b"dkim=pass", b"/1"],
    ),
    Target(
        "server_words",
        server_words,
        [
            b"535 5.7.8 Username and Password not accepted. https://support.google.com/mail/?p=BadCredentials a1b",
            b"550 5.7.1 [CLIENTBUG] Application-specific password required",
            b"NO [AUTHENTICATIONFAILED] Invalid credentials (Failure) \\xe5\\xaf\\x86",
            b"535 Error: \\xd3\\xc3\\xbb\\xa7 Mon, 02 Nov 2026 03:04:05 +0000 (UTC) <abc@def> [127.0.0.1]",
        ],
        words=[b"?p=", b"&no=", b"\\x", b"[", b"]", b"<", b">", b"5.7.8 ", b"http://"],
    ),
)
