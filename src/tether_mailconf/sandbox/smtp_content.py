"""How a message's content arrives: dot-stuffed lines after DATA (RFC 5321 section 4.5.2) or chunks of BDAT (RFC 3030).

Both take bytes from the front of a buffer until the content or chunk is whole, and then say what came of it. They know
nothing of replies to other commands.
"""

from __future__ import annotations

import re

import attrs

_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_END = b"\r\n.\r\n"


@attrs.frozen
class Refusal:
    """Why content is not taken: the reply to it."""

    reply: str


_TOO_LARGE = Refusal("552 5.3.4 Message size exceeds fixed limit")
_BARE_LINE_END = Refusal("550 5.6.0 The message contains a bare CR or a bare LF")


class DottedContent:
    """The content after DATA. Only CRLF, dot, CRLF ends it: a bare line feed before or after the dot does not.

    Args:
        limit: bytes of the largest message.
    """

    is_last = True

    def __init__(self, limit: int) -> None:
        self.refusal: Refusal | None = None
        self.received = 0
        self._limit = limit
        # The line that DATA stands on ends with the CRLF that may begin the end mark.
        self._stuffed = bytearray(b"\r\n")

    def feed(self, buffer: bytearray) -> bool:
        """Take bytes from the front of `buffer`; True once the content is whole."""
        searched = max(0, len(self._stuffed) - len(_END) + 1)
        self._stuffed += buffer
        end = self._stuffed.find(_END, searched)
        if end < 0:
            buffer.clear()
            self._forget_excess()
            return False
        buffer[:] = self._stuffed[end + len(_END) :]
        del self._stuffed[end + 2 :]
        if self.refusal is None and len(self.content()) > self._limit:
            self.refusal = _TOO_LARGE
        elif self.refusal is None and _BARE.search(self._stuffed):
            self.refusal = _BARE_LINE_END
        self.received = len(self._stuffed) - 2
        return True

    def content(self) -> bytes:
        """Return the message without the dots that stuffing added."""
        return bytes(self._stuffed.replace(b"\r\n.", b"\r\n")[2:])

    def _forget_excess(self) -> None:
        # Stuffing can at most double the size.
        if len(self._stuffed) > 2 * self._limit + len(_END):
            self.refusal = _TOO_LARGE
            del self._stuffed[: -len(_END)]


class ChunkedContent:
    """The content of one BDAT after the other. A refused chunk is still read to its end.

    Args:
        limit: bytes of the largest message.
    """

    def __init__(self, limit: int) -> None:
        self.refusal: Refusal | None = None
        self.is_last = False
        self.received = 0
        self._limit = limit
        self._left = 0
        self._content = bytearray()

    def begin(self, size: int, *, is_last: bool, refusal: Refusal | None) -> None:
        """Expect a chunk of `size` octets; with a `refusal` they are read and thrown away."""
        self._left = self.received = size
        self.is_last = is_last
        self.refusal = refusal
        if refusal is None and len(self._content) + size > self._limit:
            self.refusal = _TOO_LARGE

    def feed(self, buffer: bytearray) -> bool:
        """Take bytes from the front of `buffer`; True once the chunk is whole."""
        taken = buffer[: self._left]
        del buffer[: len(taken)]
        self._left -= len(taken)
        if self.refusal is None:
            self._content += taken
        if self._left:
            return False
        if self.refusal is None and self.is_last and _BARE.search(self._content):
            self.refusal = _BARE_LINE_END
        return True

    def content(self) -> bytes:
        """Return the message as far as it has come."""
        return bytes(self._content)
