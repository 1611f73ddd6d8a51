"""The grammar of IMAP commands (RFC 9051 section 9), read strictly, piece by piece. Pure.

A command is a list of segments, lines and literals by turns. `Arguments` walks over them; each command takes what its
own grammar says. What a command means is in the modules named for the commands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


class Refused(Exception):
    """A command that is answered with NO or BAD.

    Attributes:
        status: "NO" or "BAD".
        text: what follows it, response code included.
    """

    def __init__(self, status: str, text: str) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text


class Incomplete(Exception):
    """The command goes on with a literal that has not come in yet."""


LITERAL = re.compile(rb"(?P<binary>~?)\{(?P<size>[0-9]{1,12})(?P<at_once>\+?)\}$")
"""The announcement of a literal at the end of a line (RFC 9051 section 4.3, RFC 7888)."""

_SPACE = re.compile(rb" ")
_ATOM = re.compile(rb'[^\x00-\x20(){%*"\\\]\x7f-\xff]+')
_ASTRING = re.compile(rb'[^\x00-\x20(){%*"\\\x7f-\xff]+')
_LIST_MAILBOX = re.compile(rb'[^\x00-\x20(){"\\\x7f-\xff]+')
_FLAG = re.compile(rb'\\?[^\x00-\x20(){%*"\\\]\x7f-\xff]+')
_QUOTED = re.compile(rb'"(?P<text>(?:[^\x00\r\n"\\]|\\["\\])*)"')
_NUMBER = re.compile(rb"[0-9]{1,10}")
_RANGE = rb"(?:[1-9][0-9]{0,9}|\*)"
_SEQUENCE_SET = re.compile(rb"%b(?::%b)?(?:,%b(?::%b)?)*" % ((_RANGE,) * 4))


class Arguments:
    """What follows a command's name, taken from left to right.

    Every method that takes something raises `Refused` with BAD if something else stands there, and `Incomplete` if a
    literal stands there whose bytes are still to come.

    Args:
        segments: lines and literals by turns.
        utf8: whether quoted strings may hold UTF-8 (RFC 6855 section 3).
    """

    def __init__(self, segments: Sequence[bytes], *, utf8: bool = False) -> None:
        self._segments = segments
        self._utf8 = utf8
        self._index = 0
        self._at = 0

    @property
    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self._index == len(self._segments) - 1 and self._at == len(self._segments[self._index])

    @property
    def at_list(self) -> bool:
        """Whether a parenthesised list begins here."""
        return self._segments[self._index].startswith(b"(", self._at)

    def match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """Take what the pattern matches here, if it does."""
        found = pattern.match(self._segments[self._index], self._at)
        if found is not None:
            self._at = found.end()
        return found

    def take(self, pattern: re.Pattern[bytes], wanted: str) -> re.Match[bytes]:
        """Take what the pattern matches here; `wanted` is its name for the error."""
        found = self.match(pattern)
        if found is None:
            raise Refused("BAD", f"Syntax error: expected {wanted}")
        return found

    def skip(self, text: bytes) -> bool:
        """Take exactly this text, if it stands here."""
        if self._segments[self._index].startswith(text, self._at):
            self._at += len(text)
            return True
        return False

    def expect(self, text: bytes) -> None:
        """Take exactly this text."""
        if not self.skip(text):
            raise Refused("BAD", f"Syntax error: expected {text.decode()!r}")

    def space(self) -> None:
        """Take one space."""
        self.take(_SPACE, "a space")

    def end(self) -> None:
        """Check that nothing is left."""
        if not self.at_end:
            raise Refused("BAD", "Syntax error: too many arguments")

    def atom(self) -> str:
        """Take an atom, in upper case."""
        return self.take(_ATOM, "an atom")[0].decode().upper()

    def number(self) -> int:
        """Take a number."""
        return int(self.take(_NUMBER, "a number")[0])

    def sequence_set(self) -> str:
        """Take a sequence set (RFC 9051 section 9, sequence-set without "$")."""
        return self.take(_SEQUENCE_SET, "a sequence set")[0].decode()

    def flag(self) -> str:
        """Take a flag; system flags are given in their usual spelling."""
        return _spelled(self.take(_FLAG, "a flag")[0].decode())

    def astring(self) -> bytes:
        """Take an atom or a string."""
        return self._string(_ASTRING)

    def list_pattern(self) -> bytes:
        """Take an atom with wildcards or a string."""
        return self._string(_LIST_MAILBOX)

    def date_time(self) -> bytes | None:
        """Take a quoted date-time, if a quoted string stands here."""
        found = self.match(_QUOTED)
        return None if found is None else found["text"]

    def literal(self) -> tuple[bytes, bool]:
        """Take a literal: its bytes, and whether it was written as a literal8 (RFC 3516 section 4.4)."""
        found = self.take(LITERAL, "a literal")
        if self._index + 1 >= len(self._segments):
            raise Incomplete
        content = self._segments[self._index + 1]
        self._index, self._at = self._index + 2, 0
        return content, bool(found["binary"])

    def listed(self, one: Callable[[], T]) -> list[T]:
        """Take a parenthesised list, each member with `one`."""
        self.expect(b"(")
        members: list[T] = []
        if self.skip(b")"):
            return members
        members.append(one())
        while not self.skip(b")"):
            self.space()
            members.append(one())
        return members

    def _string(self, bare: re.Pattern[bytes]) -> bytes:
        found = self.match(_QUOTED)
        if found is not None:
            return self._unquoted(found["text"])
        if LITERAL.match(self._segments[self._index], self._at):
            content, binary = self.literal()
            if binary or b"\0" in content:
                raise Refused("BAD", "Syntax error: a string cannot be binary")
            return content
        return self.take(bare, "a string")[0]

    def _unquoted(self, text: bytes) -> bytes:
        if not text.isascii():
            if not self._utf8:
                raise Refused("BAD", "8-bit data in a quoted string; UTF8=ACCEPT is not enabled")
            try:
                text.decode()
            except UnicodeDecodeError:
                raise Refused("BAD", "a quoted string is not UTF-8") from None
        return re.sub(rb'\\(["\\])', rb"\1", text)


_SYSTEM_FLAGS = {name.casefold(): name for name in ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft")}


def _spelled(flag: str) -> str:
    if not flag.startswith("\\"):
        return flag
    known = _SYSTEM_FLAGS.get(flag.casefold())
    if known is None:
        raise Refused("BAD", f"Unknown system flag {flag}")
    return known


def in_set(sequence_set: str, number: int, largest: int) -> bool:
    """Whether a sequence set contains a number; `*` stands for `largest`."""
    for part in sequence_set.split(","):
        low, _, high = part.partition(":")
        bounds = [largest if bound == "*" else int(bound) for bound in (low, high or low)]
        if min(bounds) <= number <= max(bounds):
            return True
    return False
