"""What lies below TLS: a connected socket, in either colour, with every wait bounded by a deadline."""

from __future__ import annotations

from typing import Protocol

from .._ports import Deadline

READ_SIZE = 64 * 1024
"""Bytes asked for in one read."""


class Stream(Protocol):
    """A connected stream socket."""

    @property
    def local_address(self) -> str: ...

    async def write(self, data: memoryview, deadline: Deadline) -> None:
        """Write all of `data`; raises `Dropped` or `TimedOut` only while at least one byte is left."""
        ...

    async def read(self, deadline: Deadline) -> bytes:
        """Return the next bytes, `b""` at the end. Raises `TimedOut`; a reset connection is an end."""
        ...

    def read_waiting(self) -> bytes | None:
        """Return what has arrived, None if nothing has, `b""` at the end. Never waits."""
        ...

    def close(self) -> None:
        """Close the socket. Never raises."""
        ...
