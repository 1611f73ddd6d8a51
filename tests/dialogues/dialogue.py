"""A dialogue: a text file of what client (`C:`) and server (`S:`) say, and what must come of it.

A file begins with a comment that says what it shows, then the header (`do: send`), the script, and `expect:` lines.

    S: text     the server says a line                 END       the server closes the connection
    C: text     the client must say exactly this line  SILENCE   the server says nothing until the deadline
    MESSAGE     the client must send the message       TLS       the connection is upgraded, here and not elsewhere
    «text»      base64 of it; \\0 \\1 \\r \\n are bytes    TLS FAILS  the certificate does not verify

An expectation names a part of the outcome (`observed`); with "whole" or "bytewise" behind the name it holds only for
that way to cut the server's bytes, in place of the general one.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path

import attrs

_HEADERS = frozenset(
    {"do", "security", "credential", "message", "recipients", "partial", "dsn", "filer", "mailbox", "filed", "known as"}
    | {"seconds", "clean up"}
)
_SCRIPT = re.compile(r"(S|C):(?: (.*))?|(MESSAGE|TLS|TLS FAILS|END|SILENCE)")
_ENCODED = re.compile("«([^»]*)»")
_ESCAPES = {"\\0": "\0", "\\1": "\1", "\\r": "\r", "\\n": "\n"}

_HEAD = (
    "From: Ana <ana@example.test>\r\n"
    "To: {to}\r\n"
    "Subject: Offer\r\n"
    "Message-ID: <offer-1@example.test>\r\n"
    "Date: Mon, 23 Nov 2026 08:00:00 +0000\r\n"
    "MIME-Version: 1.0\r\n"
    "{more}"
    "\r\n"
)
_EIGHT_BIT = 'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: 8bit\r\n'
_PLAIN = 'Content-Type: text/plain; charset="us-ascii"\r\n'

MESSAGES = {
    "plain": _HEAD.format(to="bob@example.org", more=_PLAIN) + "Hello Bob\r\n",
    "dots": _HEAD.format(to="bob@example.org", more=_PLAIN) + ".\r\n..\r\nHello.\r\n.hidden\r\n",
    "dot first": ".Odd: yes\r\n" + _HEAD.format(to="bob@example.org", more=_PLAIN) + "Hello Bob\r\n",
    "8bit": _HEAD.format(to="bob@example.org", more=_EIGHT_BIT) + "Grüße\r\n",
    "utf8": _HEAD.format(to="grüße@example.org", more=_PLAIN) + "Hello\r\n",
    "bcc": _HEAD.format(to="bob@example.org\r\nBcc: eva@example.org", more=_PLAIN) + "Hello Bob\r\n",
}


@attrs.frozen(kw_only=True)
class Dialogue:
    """What a file says.

    Args:
        header: the lines before the script.
        script: who speaks ("S", "C") or what happens, with the bytes.
        expected: each `expect:` line, in order.
        secrets: base64 that the client sends; like the password it must not be seen anywhere else.
    """

    header: dict[str, str]
    script: tuple[tuple[str, bytes], ...]
    expected: tuple[tuple[str, str], ...]
    secrets: frozenset[str]

    @property
    def message(self) -> bytes:
        """The message, as it is filed."""
        return message_bytes(self.header.get("message", "plain"))


def message_bytes(name: str) -> bytes:
    """Return a message of MESSAGES, or one of a length given as "4096 bytes"."""
    if not name.endswith(" bytes"):
        return MESSAGES[name].encode()
    head = _HEAD.format(to="bob@example.org", more=_PLAIN).encode()
    missing = int(name.removesuffix(" bytes")) - len(head)
    lines = (b"x" * 70 + b"\r\n") * (missing // 72 - 1)
    return head + lines + b"y" * (missing - len(lines) - 2) + b"\r\n"


def read(path: Path) -> Dialogue:
    """Read a dialogue.

    Raises:
        ValueError: the file is not written as it should be.
    """
    header: dict[str, str] = {}
    script: list[tuple[str, bytes]] = []
    expected: list[tuple[str, str]] = []
    secrets: set[str] = set()
    lines = path.read_text("utf-8").splitlines()
    if not lines[0].startswith("# ") or "RFC" not in lines[0] + lines[1]:
        raise ValueError(f"{path.name} does not begin with what it shows and where that is written")
    body = message_bytes(next((line[9:] for line in lines if line.startswith("message: ")), "plain"))
    for line in filter(None, lines):
        if match := _SCRIPT.fullmatch(line):
            if match[1] == "C":
                secrets |= {_base64(found) for found in _ENCODED.findall(line)}
            script.append(_event(match, _submitted(body, header)))
        elif line.startswith("expect: "):
            name, _, value = line.removeprefix("expect: ").partition(" = ")
            expected.append((name, value))
        elif not line.startswith("#"):
            name, separator, value = line.partition(":")
            if script or name not in _HEADERS or not separator:
                raise ValueError(f"{path.name}: {line!r} is neither header nor script")
            header[name] = value.strip()
    return Dialogue(header=header, script=tuple(script), expected=tuple(expected), secrets=frozenset(secrets - {""}))


def _event(line: re.Match[str], message: bytes) -> tuple[str, bytes]:
    if line[1]:
        return line[1], _ENCODED.sub(lambda found: _base64(found[1]), line[2] or "").encode() + b"\r\n"
    return ("C", message) if line[0] == "MESSAGE" else (line[0], b"")


def _submitted(body: bytes, header: dict[str, str]) -> bytes:
    return body.replace(b"Bcc: eva@example.org\r\n", b"") if header["do"] == "send" else body


def _base64(text: str) -> str:
    return base64.b64encode(re.sub(r"\\[01rn]", lambda escape: _ESCAPES[escape[0]], text).encode()).decode()
