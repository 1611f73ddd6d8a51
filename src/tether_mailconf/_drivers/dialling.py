"""From an endpoint to the addresses that may be tried, and how long each of them may take."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import TypeAlias, TypeVar

from .._ports import Deadline
from ..errors import ConversationError, Step, Unreachable
from ..settings import Endpoint
from .guard import NetworkPolicy

T = TypeVar("T")

Answer: TypeAlias = T | ConversationError
"""What a thread found, or why it did not: raised only where somebody waits for it."""

ATTEMPT_SECONDS = 3.0
"""Longest try at one address while another one is left. A dead address must not cost the whole deadline."""


def numeric_addresses(endpoint: Endpoint) -> tuple[str, ...] | None:
    """Return the address if the host is one already, else None."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, endpoint.host)
        except OSError:
            continue
        return (endpoint.host,)
    return None


def look_up(
    endpoint: Endpoint, network: NetworkPolicy, deadline: Deadline, done: Callable[[Answer[tuple[str, ...]]], None]
) -> None:
    """Resolve the host in a thread of its own and hand the result to `done` there.

    The system's resolver cannot be told a deadline, so it runs in a daemon thread that a caller can leave behind.
    """

    def work() -> Answer[tuple[str, ...]]:
        if not network.name_servers:
            return _addresses(endpoint)
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


def _addresses(endpoint: Endpoint) -> Answer[tuple[str, ...]]:
    try:
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not a host name"
        unreachable = Unreachable(step=Step.LOOKUP, endpoint=endpoint, detail=f"the name does not resolve: {reason}")
        unreachable.__cause__ = error
        return unreachable
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def attempts(addresses: tuple[str, ...], deadline: Deadline) -> Iterator[tuple[str, Deadline]]:
    """Yield each address with the deadline for trying it."""
    for index, address in enumerate(addresses):
        last = index == len(addresses) - 1
        yield address, deadline if last else deadline.sooner(ATTEMPT_SECONDS)


def new_socket(address: str) -> socket.socket:
    """Return an unconnected socket for `address` that does not delay small writes."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def refused(endpoint: Endpoint, error: Exception | None) -> Unreachable:
    """Return the error for an endpoint none of whose addresses answered."""
    reason = getattr(error, "strerror", None) or "no answer"
    return Unreachable(step=Step.CONNECT, endpoint=endpoint, detail=f"no connection: {reason}")
