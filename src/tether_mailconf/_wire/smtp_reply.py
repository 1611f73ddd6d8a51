"""SMTP replies (RFC 5321 section 4.2) from bytes, however the bytes are cut. Pure; every limit is an argument."""

from __future__ import annotations

import re

import attrs

from ..errors import ProtocolViolation, Reply, Step

_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: |$)")


@attrs.frozen(kw_only=True)
class ReplyLimits:
    """How much a server may say in one reply.

    Args:
        line: bytes of one line with its CRLF.
        size: bytes of the whole reply.
        lines: lines of the whole reply.
    """

    line: int = 4 * 1024
    size: int = 64 * 1024
    lines: int = 200


class ReplyParser:
    """Collects bytes and gives out replies."""

    def __init__(self, limits: ReplyLimits) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._lines: list[bytes] = []
        self._code = b""
        self._size = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing is buffered, not even part of a reply."""
        return not self._buffer and not self._lines

    def feed(self, data: bytes) -> None:
        """Add bytes from the server."""
        self._buffer += data

    def next_reply(self) -> Reply | None:
        """Return the next whole reply, or None if more bytes are needed.

        Raises:
            ProtocolViolation: the bytes are not a reply, or exceed a limit.
        """
        while (line := self._next_line()) is not None:
            match = _LINE.fullmatch(line)
            if match is None or (self._code and match[1] != self._code):
                raise _violation("what the server sent is not an SMTP reply")
            self._code = match[1]
            self._lines.append(match[3] or b"")
            if match[2] != b"-":
                return self._finish()
            if len(self._lines) >= self._limits.lines:
                raise _violation("the server's reply has too many lines")
        return None

    def _next_line(self) -> bytes | None:
        end = self._buffer.find(b"\n", 0, self._limits.line)
        if end < 0:
            if len(self._buffer) >= self._limits.line:
                raise _violation("a line of the server's reply is too long")
            return None
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        self._size += len(line)
        if self._size > self._limits.size:
            raise _violation("the server's reply is too long")
        if not line.endswith(b"\r\n") or b"\r" in line[:-2] or b"\0" in line:
            raise _violation("a line of the server's reply is not ended by CRLF, or contains a CR or NUL")
        return line[:-2]

    def _finish(self) -> Reply:
        code = self._code.decode()
        texts = [line.decode(errors="backslashreplace") for line in self._lines]
        self._lines, self._code, self._size = [], b"", 0
        enhanced = ""
        for index, text in enumerate(texts):
            # RFC 2034 section 4: every line carries the code again, and its class is that of the reply.
            match = _ENHANCED.match(text)
            if match is not None and match[1][0] == code[0] and enhanced in ("", match[1]):
                enhanced = match[1]
                texts[index] = text[match.end() :]
        return Reply(code=code, enhanced=enhanced, text="\n".join(texts))


def _violation(detail: str) -> ProtocolViolation:
    return ProtocolViolation(step=Step.CONNECT, detail=detail)
