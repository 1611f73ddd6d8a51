"""What lies below TLS: a connected socket, in either colour, with every wait bounded by a deadline.

A connection belongs to the process that opened it. A forked child has a twin of the socket, and of the keys: if it used
them, too, each would take the other's answers for its own, and both would encrypt with the same numbers. So for the
child the connection has ended, and its parent never notices.
"""

from __future__ import annotations

import os
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


class Origin:
    """The process in which something was made."""

    def __init__(self) -> None:
        self._process = os.getpid()

    @property
    def is_here(self) -> bool:
        """Whether that is this process, and not its parent."""
        return os.getpid() == self._process
