"""The port: all that the library wants from the outside world, and nothing else.

Conversations are written once, as `async def` over these protocols. `_drivers/asyncio.py` answers with real awaits;
`_drivers/blocking.py` answers without ever suspending, so that `run_sync` ends a conversation in one step. This module
may not know sockets, threads, event loops or TLS.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, Protocol, TypeVar

import attrs

from .errors import Step, TimedOut
from .settings import Endpoint

T = TypeVar("T")

Buffer = bytes | memoryview
"""What is written to a connection. Secrets are passed as `memoryview`, whose repr does not show its content."""


@attrs.frozen
class Deadline:
    """The moment, on the monotonic clock, at which a whole operation must have ended. Progress does not extend it."""

    at: float
    clock: Callable[[], float] = attrs.field(default=time.monotonic, repr=False)

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> Deadline:
        """Return the deadline that is `seconds` away."""
        return cls(clock() + seconds, clock)

    def sooner(self, seconds: float) -> Deadline:
        """Return this deadline, or the one `seconds` away if that comes first."""
        return Deadline(min(self.at, self.clock() + seconds), self.clock)

    def remaining(self, step: Step) -> float:
        """Return the seconds left, always more than 0.

        Raises:
            TimedOut: none are left; `step` says what was being done.
        """
        left = self.at - self.clock()
        if left <= 0:
            raise TimedOut(step=step)
        return left


class Channel(Protocol):
    """One connection to a server.

    Failures are `Dropped` (the peer is gone), `TLSFailed` and `TimedOut`. `send` raises only if at least one byte was
    not handed over, so a caller can tell a message that may have arrived from one that cannot have.
    """

    @property
    def local_address(self) -> str:
        """The numeric address of our end."""
        ...

    async def send(self, data: Buffer, deadline: Deadline) -> None:
        """Write all of `data`."""
        ...

    async def receive(self, deadline: Deadline) -> bytes:
        """Return the next bytes, at most 64 KiB; `b""` is the end."""
        ...

    async def receive_waiting(self) -> bytes | None:
        """Return what has arrived already without waiting: None if nothing has, `b""` at the end."""
        ...

    async def start_tls(self, deadline: Deadline) -> None:
        """Turn the connection into a verified TLS one."""
        ...

    async def close(self) -> None:
        """Close at once, without a farewell that could wait. Never raises."""
        ...


class Slots(Protocol):
    """A counted permission, in the caller's colour."""

    async def acquire(self, deadline: Deadline) -> None:
        """Take a slot. Raises `TimedOut` (step `QUEUE`) if none becomes free in time."""
        ...

    def release(self) -> None:
        """Give a slot back."""
        ...


class IO(Protocol):
    """The outside world, in one colour."""

    async def connect(self, endpoint: Endpoint, deadline: Deadline) -> Channel:
        """Resolve, check and dial `endpoint`; with `Security.TLS` the handshake is done as well.

        Raises `Unreachable`, `NotPermitted`, `TLSFailed` or `TimedOut`.
        """
        ...

    async def gather(self, *thunks: Callable[[], Coroutine[Any, Any, T]]) -> list[T]:
        """Run all thunks at the same time, wait for all of them, and return their results in order.

        The first exception in that order is raised once all have ended.
        """
        ...

    def slots(self, count: int) -> Slots:
        """Return a new counter of `count` free slots."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Do nothing for `seconds`."""
        ...

    def deadline(self, seconds: float) -> Deadline:
        """Return the deadline that is `seconds` away on this world's monotonic clock."""
        ...

    def now(self) -> datetime:
        """Return the time of day, with its zone."""
        ...


def run_sync(conversation: Coroutine[Any, Any, T]) -> T:
    """Run a conversation whose port never suspends, and return its result.

    Raises:
        RuntimeError: something in it suspended: a credential or journal written for asyncio was given to the
            blocking colour.
    """
    try:
        conversation.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    conversation.close()
    raise RuntimeError("a blocking Mailer was given something that awaits; use tether_mailconf.aio for it")


__all__ = ["IO", "Buffer", "Channel", "Deadline", "Slots", "run_sync"]
