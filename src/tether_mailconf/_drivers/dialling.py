"""From an endpoint to a connected stream: which addresses may be tried, and how long each of them may take."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Protocol, TypeAlias, TypeVar

from .._ports import Deadline, unwatched
from ..errors import ConversationError, Step, TimedOut, Unreachable
from ..settings import Endpoint
from .guard import NetworkPolicy

T = TypeVar("T")

Answer: TypeAlias = T | ConversationError
"""What a thread found, or why it did not: raised only where somebody waits for it."""

ATTEMPT_SECONDS = 3.0
"""Longest try at one address while another one is left. A dead address must not cost the whole deadline."""


class Found(Protocol):
    """Waits, in its colour, for what a thread hands over; raises `TimedOut`, or the error that was handed over."""

    async def __call__(self, ask: Callable[[Callable[[Answer[T]], None]], None], deadline: Deadline) -> T: ...


Connect: TypeAlias = Callable[[socket.socket, tuple[str, int], Deadline], Coroutine[Any, Any, T]]
"""Connects a socket in its colour, and returns the stream over it. Raises `OSError`, or `TimedOut`."""


async def dial(
    endpoint: Endpoint,
    network: NetworkPolicy,
    deadline: Deadline,
    *,
    found: Found,
    connect: Connect[T],
    done: Callable[[Step], None] = unwatched,
) -> T:
    """Return a stream that is connected to an endpoint, at the first of its addresses that answers.

    Args:
        endpoint: where to.
        network: what may be dialled.
        deadline: until when.
        found: waits for the look-up.
        connect: connects.
        done: told each step as it is done.

    Raises:
        NotPermitted: the endpoint may not be dialled.
        Unreachable: the name does not resolve, or nobody answers.
        TimedOut: the deadline came first.
    """
    network.check_name(endpoint)
    addresses = network.check_addresses(endpoint, await _addresses(endpoint, network, deadline, found))
    done(Step.LOOKUP)
    stream = await _first(endpoint, addresses, network.dialled_port(endpoint), deadline, connect)
    done(Step.CONNECT)
    return stream


async def _addresses(endpoint: Endpoint, network: NetworkPolicy, deadline: Deadline, found: Found) -> tuple[str, ...]:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, endpoint.host)
        except OSError:
            continue
        return (endpoint.host,)
    try:
        return await found(partial(_look_up, endpoint, network, deadline), deadline)
    except TimedOut as error:
        error.endpoint = endpoint
        raise


async def _first(
    endpoint: Endpoint, addresses: tuple[str, ...], port: int, deadline: Deadline, connect: Connect[T]
) -> T:
    error: OSError | None = None
    for index, address in enumerate(addresses):
        try:
            sock = new_socket(address)
        except OSError as failure:
            # No descriptor is left, or the machine has no IPv6.
            error = failure
            continue
        is_last = index == len(addresses) - 1
        try:
            return await connect(sock, (address, port), deadline if is_last else deadline.sooner(ATTEMPT_SECONDS))
        except OSError as failure:
            sock.close()
            error = failure
        except BaseException:
            sock.close()
            raise
    deadline.remaining(Step.CONNECT)
    raise refused(endpoint, error) from error


def _look_up(
    endpoint: Endpoint, network: NetworkPolicy, deadline: Deadline, done: Callable[[Answer[tuple[str, ...]]], None]
) -> None:
    """Resolve the host in a thread of its own and hand the result to `done` there.

    The system's resolver cannot be told a deadline, so it runs in a daemon thread that a caller can leave behind.
    """

    def work() -> Answer[tuple[str, ...]]:
        if not network.name_servers:
            return _by_the_system(endpoint)
        from .names import addresses

        found = addresses(endpoint.host, network.name_servers, deadline)
        if isinstance(found, ConversationError):
            found.endpoint = endpoint
        return found

    in_a_thread(work, done)


def in_a_thread(work: Callable[[], Answer[T]], done: Callable[[Answer[T]], None]) -> None:
    """Work in a thread that a caller can leave behind, and hand the result to `done` there."""
    try:
        threading.Thread(target=lambda: done(work()), name="mailconf-look-up", daemon=True).start()
    except RuntimeError as error:
        unreachable = Unreachable(step=Step.LOOKUP, detail="the machine has no thread left to look the name up in")
        unreachable.__cause__ = error
        done(unreachable)


def _by_the_system(endpoint: Endpoint) -> Answer[tuple[str, ...]]:
    try:
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not a host name"
        unreachable = Unreachable(step=Step.LOOKUP, endpoint=endpoint, detail=f"the name does not resolve: {reason}")
        unreachable.__cause__ = error
        return unreachable
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def new_socket(address: str) -> socket.socket:
    """Return an unconnected socket for `address` that does not delay small writes."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def refused(endpoint: Endpoint, error: Exception | None) -> Unreachable:
    """Return the error for an endpoint none of whose addresses answered."""
    reason = getattr(error, "strerror", None) or "no answer"
    return Unreachable(step=Step.CONNECT, endpoint=endpoint, detail=f"no connection: {reason}")
