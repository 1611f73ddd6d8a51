"""IMAP responses (RFC 9051 section 7) from bytes, however the bytes are cut. Pure; every limit is an argument."""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

from ..errors import ProtocolViolation, Reply, Step
from .imap_syntax import Allowance, Token, tokenize

_LITERAL = re.compile(rb"~?\{([0-9]{1,10})\+?\}\Z")
_LONG_LITERAL = re.compile(rb"\{[0-9]{11,}\+?\}\Z")
_STATUS = re.compile(rb"(\*|[A-Za-z0-9]+) (OK|NO|BAD|BYE|PREAUTH)(?: |\Z)", re.IGNORECASE)
_CODE = re.compile(rb"\[([A-Za-z0-9][A-Za-z0-9._-]*)(?: ([^\]]*))?\] ?")
_NUMBERED = re.compile(rb"\* ([0-9]{1,10}) ([A-Za-z]+)(?: |\Z)")
_NAMED = re.compile(rb"\* ([A-Za-z][A-Za-z0-9-]*)(?: |\Z)")

_UNDERSTOOD = frozenset({"CAPABILITY", "LIST", "NAMESPACE", "SEARCH", "FETCH", "ENABLED", "QUOTA", "MYRIGHTS"})


@attrs.frozen(kw_only=True)
class ResponseLimits:
    """How much a server may say.

    Args:
        line: bytes of one line with its CRLF.
        literal: bytes of one literal.
        command: bytes of everything it says in answer to one command.
        literals: literals in one response.
        tokens: atoms, strings and lists in everything it says in answer to one command. In memory each of them is many
            times what it is on the wire.
    """

    line: int = 64 * 1024
    literal: int = 256 * 1024
    command: int = 1024 * 1024
    literals: int = 500
    tokens: int = 150_000


@attrs.frozen(kw_only=True)
class Continuation:
    """The server waits for more (`+`)."""

    text: str


@attrs.frozen(kw_only=True)
class Status:
    """A status response: tagged, it ends a command; with the tag `*` it is news.

    Args:
        code: the response code in upper case ("APPENDUID"), empty if there is none.
        arguments: what follows the code inside the brackets.
    """

    tag: str
    status: str
    code: str
    arguments: str
    text: str

    def reply(self) -> Reply:
        """Return it in the form that both protocols share."""
        return Reply(code=self.status, enhanced=self.code, text=self.text)


@attrs.frozen(kw_only=True)
class Data:
    """A data response.

    Args:
        name: what it is, in upper case ("LIST").
        number: the message number of a numbered one ("* 7 FETCH"), else None.
        tokens: what follows the name; empty for a response that nothing here needs.
    """

    name: str
    number: int | None
    tokens: tuple[Token, ...]


Response = Continuation | Status | Data


@attrs.frozen(kw_only=True)
class Completed:
    """How a command ended: the tagged response, and what came untagged during its flight.

    Untagged responses belong to no command (RFC 9051 section 7), and servers do send them out of turn: Dovecot answers
    a SEARCH before it has completed the NOOP ahead of it. So all commands of a flight share them.
    """

    status: Status
    data: tuple[Data, ...]
    codes: Mapping[str, str]
    """The response codes of untagged status responses, with their arguments ("UIDVALIDITY": "17")."""

    @property
    def is_ok(self) -> bool:
        """Whether the server did it."""
        return self.status.status == "OK"

    def named(self, name: str) -> tuple[Data, ...]:
        """Return the data responses of that name."""
        return tuple(data for data in self.data if data.name == name)


class ResponseParser:
    """Collects bytes and gives out responses."""

    def __init__(self, limits: ResponseLimits) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._segments: list[bytes] = []
        self._literal_left: int | None = None
        self._allowance = limits.command
        self._tokens = Allowance(limits.tokens)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is buffered, not even part of a response."""
        return not self._buffer and not self._segments

    def begin_command(self) -> None:
        """Grant the full allowance again: what follows answers a new command."""
        self._allowance = self._limits.command
        self._tokens = Allowance(self._limits.tokens)

    def feed(self, data: bytes) -> None:
        """Add bytes from the server.

        Raises:
            ProtocolViolation: the server has said more in answer to one command than it may.
        """
        self._allowance -= len(data)
        if self._allowance < 0:
            raise _violation("the server's answer to one command is too long")
        self._buffer += data

    def next_response(self) -> Response | None:
        """Return the next whole response, or None if more bytes are needed.

        Raises:
            ProtocolViolation: the bytes are not a response, or exceed a limit.
        """
        while True:
            if self._literal_left is not None:
                if len(self._buffer) < self._literal_left:
                    return None
                self._segments.append(self._take(self._literal_left))
                self._literal_left = None
            line = self._next_line()
            if line is None:
                return None
            self._segments.append(line)
            size = self._announced(line)
            if size is None:
                segments, self._segments = self._segments, []
                return _parse(segments, self._tokens)
            self._literal_left = size
            if len(self._segments) > 2 * self._limits.literals:
                raise _violation("a response of the server has too many literals")

    def _next_line(self) -> bytes | None:
        end = self._buffer.find(b"\n", 0, self._limits.line)
        if end < 0:
            if len(self._buffer) >= self._limits.line:
                raise _violation("a line of the server's response is too long")
            return None
        line = self._take(end + 1)
        if not line.endswith(b"\r\n") or b"\r" in line[:-2] or b"\0" in line:
            raise _violation("a line of the server's response is not ended by CRLF, or contains a CR or NUL")
        return line[:-2]

    def _announced(self, line: bytes) -> int | None:
        first = self._segments[0]
        if first.startswith(b"+") or _STATUS.match(first):
            # Their text is free and may end like the announcement of a literal.
            return None
        if _LONG_LITERAL.search(line):
            raise _violation("the server announces a literal that is too long")
        match = _LITERAL.search(line)
        if match is None:
            return None
        if int(match[1]) > self._limits.literal:
            raise _violation("the server announces a literal that is too long")
        return int(match[1])

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken


def _parse(segments: list[bytes], allowance: Allowance) -> Response:
    line = segments[0]
    if line.startswith(b"+"):
        return Continuation(text=_text(line[1:].removeprefix(b" ")))
    if match := _STATUS.match(line):
        return _status(match, line[match.end() :])
    if match := _NUMBERED.match(line):
        return _data(match[2], int(match[1]), [line[match.end() :], *segments[1:]], allowance)
    if match := _NAMED.match(line):
        return _data(match[1], None, [line[match.end() :], *segments[1:]], allowance)
    raise _violation("what the server sent is not an IMAP response")


def _status(match: re.Match[bytes], rest: bytes) -> Status:
    code = _CODE.match(rest)
    return Status(
        tag=match[1].decode(),
        status=match[2].decode().upper(),
        code=code[1].decode().upper() if code else "",
        arguments=_text(code[2] or b"") if code else "",
        text=_text(rest[code.end() :] if code else rest),
    )


def _data(name: bytes, number: int | None, segments: list[bytes], allowance: Allowance) -> Data:
    known = name.decode().upper()
    tokens = tokenize(segments, allowance) if known in _UNDERSTOOD else ()
    return Data(name=known, number=number, tokens=tuple(tokens))


def _text(raw: bytes) -> str:
    return raw.decode(errors="backslashreplace")


def _violation(detail: str) -> ProtocolViolation:
    return ProtocolViolation(step=Step.CONNECT, detail=detail)
