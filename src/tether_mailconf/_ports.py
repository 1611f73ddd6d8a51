"""The port: all that the library wants from the outside world, and nothing else.

Conversations are written once, as `async def` over these protocols. `_drivers/asyncio.py` answers with real awaits;
`_drivers/blocking.py` answers without ever suspending, so that `run_sync` ends a conversation in one step. This module
may not know sockets, threads, event loops or TLS.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar

import attrs

from .errors import InvalidSettings, Problem, Step, TimedOut
from .secret import Secret
from .settings import Endpoint

T = TypeVar("T")

Buffer = bytes | memoryview
"""What is written to a connection. Secrets are passed as `memoryview`, whose repr does not show its content."""


_A_WEEK = 7 * 24 * 3600.0


@attrs.frozen
class Deadline:
    """The moment, on the monotonic clock, at which a whole operation must have ended. Progress does not extend it."""

    at: float
    clock: Callable[[], float] = attrs.field(default=time.monotonic, repr=False)

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> Deadline:
        """Return the deadline that is `seconds` away, or a week, if that comes first: longer no system call can wait.

        Raises:
            InvalidSettings: it is no number of seconds.
        """
        if not math.isfinite(seconds):
            text = "a deadline is a number of seconds, and not endless"
            raise InvalidSettings((Problem(field="deadline", code="deadline.invalid", message=text),))
        return cls(clock() + min(seconds, _A_WEEK), clock)

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


def unwatched(step: Step) -> None:
    """Take no note of a step that is done."""


@attrs.frozen(kw_only=True)
class TLSFacts:
    """What a verified TLS connection was agreed on.

    Args:
        version: the protocol version ("TLSv1.3").
        cipher: the cipher suite, as OpenSSL names it.
        expires_at: when the server's certificate ends, in UTC; None if it does not say.
    """

    version: str
    cipher: str
    expires_at: datetime | None


class Channel(Protocol):
    """One connection to a server.

    Failures are `Dropped` (the peer is gone), `TLSFailed` and `TimedOut`. `send` raises only if at least one byte was
    not handed over, so a caller can tell a message that may have arrived from one that cannot have.
    """

    @property
    def local_address(self) -> str:
        """The numeric address of our end."""
        ...

    @property
    def tls(self) -> TLSFacts | None:
        """What TLS was agreed on; None while there is none."""
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


@attrs.frozen(kw_only=True)
class HttpRequest:
    """One request to a web server (RFC 9110).

    Args:
        method: GET or POST.
        url: where to; https only. Its query, which may tell who is asked for, is not shown.
        headers: the fields; a value that holds a credential is a `Secret`.
        body: what is posted, encoded already; None for GET.
        limit: the most bytes of an answer's body that are read.
        step: what it is made for, which errors tell.
    """

    method: Literal["GET", "POST"]
    url: str = attrs.field(repr=lambda url: repr(url.partition("?")[0]))
    headers: Mapping[str, str | Secret] = attrs.field(factory=dict[str, "str | Secret"])
    body: Secret | None = None
    limit: int = 256 * 1024
    step: Step = Step.TOKEN


@attrs.frozen(kw_only=True)
class HttpResponse:
    """What a web server answered, whatever its status; a redirect is an answer like any other.

    Args:
        status: the status code.
        headers: the fields, names in lower case; of a repeated one, the values joined by a comma and a space.
        body: the content, which may hold tokens.
    """

    status: int
    headers: Mapping[str, str]
    body: Secret


@attrs.frozen(kw_only=True)
class MX:
    """Who takes mail for a domain (RFC 5321 section 5.1).

    Args:
        preference: the lowest is asked first.
        host: the host, as a lower-case name without a final dot; empty: the domain takes no mail (RFC 7505).
    """

    preference: int
    host: str


@attrs.frozen(kw_only=True)
class SRV:
    """Where a service is (RFC 2782).

    Args:
        priority: the lowest is asked first.
        weight: among those of one priority, the share of clients that is to come here.
        port: the port.
        host: the host, as a lower-case name without a final dot; empty: the service is not offered.
    """

    priority: int
    weight: int
    port: int
    host: str


@attrs.frozen(kw_only=True)
class TXT:
    """A text (RFC 1035 section 3.3.14).

    Args:
        text: its strings joined; a stranger's words.
    """

    text: str


@attrs.frozen(kw_only=True)
class CNAME:
    """What a name is an alias of (RFC 1034 section 3.6.2).

    Args:
        host: the other name, in lower case without a final dot.
    """

    host: str


R = TypeVar("R", MX, SRV, TXT, CNAME)


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

    def permits(self, host: str, port: int | None = None) -> bool:
        """Return whether a host may be dialled at all, as far as its name or numeric address and the port tell."""
        ...

    async def connect(
        self, endpoint: Endpoint, deadline: Deadline, done: Callable[[Step], None] = unwatched
    ) -> Channel:
        """Resolve, check and dial `endpoint`; with `Security.TLS` the handshake is done as well.

        Args:
            endpoint: the server.
            deadline: until when.
            done: told each step as it is done: look-up, connection, TLS.

        Raises `Unreachable`, `NotPermitted`, `TLSFailed` or `TimedOut`.
        """
        ...

    async def fetch(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        """Make one request over verified TLS, and follow no redirect.

        Raises `Unreachable`, `NotPermitted`, `TLSFailed`, `Dropped`, `TimedOut`, or `ProtocolViolation` for an answer
        that is no HTTP or is longer than the request's limit.
        """
        ...

    async def resolve(self, name: str, kind: type[R], deadline: Deadline) -> tuple[R, ...]:
        """Ask the name servers for the records of one kind; none are an empty answer.

        An alias is answered with the records of the name behind it.

        Raises `Unreachable` if no name server gives an answer, `NotPermitted` or `TimedOut`.
        """
        ...

    async def race(
        self,
        thunks: Sequence[Callable[[], Coroutine[Any, Any, T]]],
        until: Callable[[Mapping[int, T]], Deadline],
    ) -> dict[int, T]:
        """Run all thunks at the same time until they have ended or it is late, and return what they returned.

        Args:
            thunks: what to run. None of them raises. Those that are late are cancelled or, being threads, left behind:
                their own deadlines end them.
            until: says when it is late, given the results so far by position. It is asked at the start and after each
                that ends.
        """
        ...

    async def uninterrupted(
        self, thunk: Callable[[], Coroutine[Any, Any, T]], deadline: Deadline, *, longest: float
    ) -> T:
        """Run `thunk` to its end even if the caller is cancelled meanwhile or has to leave, and return its result.

        Args:
            thunk: what is to come to its end. Its waits have deadlines of their own.
            deadline: until when the caller waits for it.
            longest: seconds that it takes at most.

        Raises `TimedOut` if the deadline comes first; `thunk` goes on.
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


__all__ = [
    "CNAME",
    "IO",
    "MX",
    "SRV",
    "TXT",
    "Buffer",
    "Channel",
    "Deadline",
    "HttpRequest",
    "HttpResponse",
    "Slots",
    "TLSFacts",
    "run_sync",
    "unwatched",
]
