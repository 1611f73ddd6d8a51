"""A rendered message on its way to a server: the same pieces for SMTP and IMAP, never joined without need."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

_SLICE = 256 * 1024


@attrs.frozen(kw_only=True)
class Content:
    """A rendered message, in the pieces it is kept in.

    Args:
        pieces: the bytes, in order; lines end with CRLF, the last one too.
        is_ascii: whether all bytes are below 128; if not, SMTP needs 8BITMIME (RFC 6152).
        is_utf8: whether the header contains UTF-8 (RFC 6532), which both protocols must be told (RFC 6531, RFC 6855).
    """

    pieces: tuple[bytes, ...]
    is_ascii: bool = True
    is_utf8: bool = False

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(map(len, self.pieces))


def slices(pieces: Sequence[bytes | memoryview]) -> list[memoryview]:
    """Return the pieces in slices of at most 256 KiB, without copying."""
    return [memoryview(piece)[start : start + _SLICE] for piece in pieces for start in range(0, len(piece), _SLICE)]
