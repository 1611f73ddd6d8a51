"""IMAP's small languages: modified UTF-7 mailbox names, quoted strings, and the tokens of a response. Pure."""

from __future__ import annotations

import base64
import binascii
import re

import attrs

from ..errors import ProtocolViolation, Step

Token = bytes | None | list["Token"]
"""An atom or string, NIL, or a parenthesised list."""

MAX_DEPTH = 16

_ENCODED_RUN = re.compile(r"[^\x20-\x7e]+")
_DECODED_RUN = re.compile(r"&([A-Za-z0-9+,]*)-")


def encode_mailbox(name: str) -> str:
    """Return a mailbox name in modified UTF-7 (RFC 3501 section 5.1.3)."""

    def shift(match: re.Match[str]) -> str:
        run = base64.b64encode(match[0].encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
        return f"&{run}-"

    return _ENCODED_RUN.sub(shift, name.replace("&", "&-"))


def decode_mailbox(name: str) -> str:
    """Return the mailbox name that a modified UTF-7 text stands for; a run that is none stays as it is."""

    def unshift(match: re.Match[str]) -> str:
        run = match[1].replace(",", "/")
        if not run:
            return "&"
        try:
            return base64.b64decode(run + "=" * (-len(run) % 4)).decode("utf-16-be")
        except (binascii.Error, UnicodeDecodeError):
            return match[0]

    return _DECODED_RUN.sub(unshift, name)


def quoted(text: str) -> bytes:
    """Return a quoted string (RFC 9051 section 4.3).

    Raises:
        ValueError: it contains CR, LF or NUL, which no quoted string can hold.
    """
    if "\r" in text or "\n" in text or "\0" in text:
        raise ValueError("an IMAP string cannot contain a line break or NUL")
    return b'"' + text.replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'


@attrs.define
class Allowance:
    """How many more tokens are taken from a server. In memory each is many times what it is on the wire."""

    left: int

    def spend(self) -> None:
        """Take one.

        Raises:
            ProtocolViolation: none is left.
        """
        self.left -= 1
        if self.left < 0:
            raise _violation("the server's answer to one command has too many parts")


def tokenize(segments: list[bytes], allowance: Allowance) -> list[Token]:
    """Return the tokens of a response's text.

    Args:
        segments: lines and literals by turns, beginning with a line, as `ResponseParser` collects them.
        allowance: how many tokens there may be; what is read is taken from it.

    Raises:
        ProtocolViolation: quotes or parentheses do not match or are nested too deep, or there are too many tokens.
    """
    root: list[Token] = []
    stack: list[list[Token]] = [root]
    for index, segment in enumerate(segments):
        if index % 2:
            allowance.spend()
            stack[-1].append(segment)
        else:
            _tokenize_line(segment, stack, allowance)
    if len(stack) != 1:
        raise _violation("a parenthesis is not closed")
    return root


# Possessive: what was read is never given back, and to be able to, the engine would keep hundreds of bytes a letter.
_PIECE = re.compile(
    rb"""(?P<space>[ ]+)
    | (?P<open>\() | (?P<close>\))
    | "(?P<quoted>(?:[^"\\\r\n]++|\\.)*+)"
    | ~?\{(?P<literal>[0-9]+)\+?\}
    | (?P<atom>(?:[^\ ()"\[{]++|\[[^\]]*+\])++)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


def _tokenize_line(line: bytes, stack: list[list[Token]], allowance: Allowance) -> None:
    position = 0
    while position < len(line):
        match = _PIECE.match(line, position)
        if match is None:
            raise _violation("a response cannot be read")
        position = match.end()
        kind = match.lastgroup
        if kind in ("open", "quoted", "atom"):
            allowance.spend()
        if kind == "open":
            if len(stack) > MAX_DEPTH:
                raise _violation("a response is nested too deep")
            inner: list[Token] = []
            stack[-1].append(inner)
            stack.append(inner)
        elif kind == "close":
            if len(stack) == 1:
                raise _violation("a parenthesis is closed that was not opened")
            stack.pop()
        elif kind == "quoted":
            stack[-1].append(_ESCAPED.sub(rb"\1", match["quoted"]))
        elif kind == "atom":
            atom = match["atom"]
            stack[-1].append(None if atom.upper() == b"NIL" else atom)


def _violation(detail: str) -> ProtocolViolation:
    return ProtocolViolation(step=Step.CONNECT, detail=detail)
