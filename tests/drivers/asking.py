"""What a test asks with, in either colour, and what it asks."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import attrs

from tether_mailconf import NetworkPolicy
from tether_mailconf._drivers.asyncio import AsyncioIO
from tether_mailconf._drivers.blocking import BlockingIO
from tether_mailconf._drivers.loopback import LoopbackReceiver
from tether_mailconf._drivers.loopback_asyncio import LoopbackReceiver as AsyncioLoopbackReceiver
from tether_mailconf._ports import IO, HttpRequest, HttpResponse, run_sync
from tether_mailconf.secret import Secret

from ..mailer.raw_server import Peer, RawServer

T = TypeVar("T")

# Long, so that no part of them turns up by chance.
HEADER_SECRET = "Zm9yYmlkZGVuLWhlYWRlci1zZWNyZXQ"
BODY_SECRET = "forbidden-body-secret-51c0"
QUERY_SECRET = "forbidden-query-secret-77d1"
ANSWER_SECRET = "forbidden-answer-secret-e02a"
SECRETS = (HEADER_SECRET, BODY_SECRET, QUERY_SECRET, ANSWER_SECRET)


class Receiver(Protocol):
    """A loopback receiver used in plain sequence."""

    @property
    def redirect_uri(self) -> str: ...

    def wait(self, state: str, *, deadline: float = 30.0) -> str: ...

    def close(self) -> None: ...


class Colour(Protocol):
    """Runs coroutines of the port in one colour."""

    is_async: bool

    def io(self, network: NetworkPolicy, ca_file: Path | None) -> IO: ...

    def run(self, conversation: Coroutine[Any, Any, T]) -> T: ...

    def receiver(self, **options: Any) -> Receiver: ...


class BlockingColour:
    """The colour of threads."""

    is_async = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def io(self, network: NetworkPolicy, ca_file: Path | None) -> IO:
        return BlockingIO(network, ca_file)

    def run(self, conversation: Coroutine[Any, Any, T]) -> T:
        return run_sync(conversation)

    def receiver(self, **options: Any) -> Receiver:
        return LoopbackReceiver(**options)


class AsyncioColour:
    """The colour of tasks: each call is a task on one loop."""

    is_async = True

    def __init__(self) -> None:
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._runner.close()

    def io(self, network: NetworkPolicy, ca_file: Path | None) -> IO:
        return AsyncioIO(network, ca_file)

    def run(self, conversation: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(conversation)

    def receiver(self, **options: Any) -> Receiver:
        return _AsyncioReceiver(self, AsyncioLoopbackReceiver(**options))


@attrs.frozen
class _AsyncioReceiver:
    """A loopback receiver of asyncio, driven from outside its loop."""

    _colour: AsyncioColour
    _receiver: AsyncioLoopbackReceiver

    @property
    def redirect_uri(self) -> str:
        return self._receiver.redirect_uri

    def wait(self, state: str, *, deadline: float = 30.0) -> str:
        return self._colour.run(self._receiver.wait(state, deadline=deadline))

    def close(self) -> None:
        self._colour.run(self._receiver.close())


@attrs.frozen(kw_only=True)
class Web:
    """An https server on loopback, and how to ask it."""

    server: RawServer
    ca_file: Path

    def url(self, path: str = "/token") -> str:
        return f"https://127.0.0.1:{self.server.port}{path}"

    @property
    def network(self) -> NetworkPolicy:
        return NetworkPolicy(networks=("127.0.0.0/8", "::1/128"), ports=frozenset({self.server.port}))

    def ask(self, colour: Colour, request: HttpRequest | None = None, *, deadline: float = 30.0) -> HttpResponse:
        """Make a request that is full of secrets, or the one given."""
        io = colour.io(self.network, self.ca_file)
        return colour.run(io.fetch(request or self.secretive(), io.deadline(deadline)))

    def secretive(self, limit: int = 256 * 1024) -> HttpRequest:
        return HttpRequest(
            method="POST",
            url=self.url(f"/token?hint={QUERY_SECRET}"),
            headers={
                "Authorization": Secret(f"Basic {HEADER_SECRET}"),
                "Content-Type": "application/x-www-form-urlencoded",
            },
            body=Secret(f"grant_type=refresh_token&refresh_token={BODY_SECRET}"),
            limit=limit,
        )


def hear_request(peer: Peer) -> tuple[str, dict[str, str], bytes]:
    """Read a request; return its first line, its fields and its body."""
    first = peer.hear()
    fields: dict[str, str] = {}
    while line := peer.hear():
        name, _, value = line.partition(": ")
        assert name.lower() not in fields
        fields[name.lower()] = value
    return first, fields, peer._lines.read(int(fields.get("content-length", 0)))


def answering(*pieces: bytes) -> Callable[[Peer], None]:
    """Return a behaviour: read the request, say all pieces, and stay until the client is gone."""

    def behave(peer: Peer) -> None:
        hear_request(peer)
        for piece in pieces:
            peer.say_bytes(piece)
        peer.hear_all()

    return behave


def hanging_up_after(*pieces: bytes) -> Callable[[Peer], None]:
    """Return a behaviour: read the request, say all pieces, and close the connection without a goodbye."""

    def behave(peer: Peer) -> None:
        hear_request(peer)
        for piece in pieces:
            peer.say_bytes(piece)

    return behave


def saying_goodbye_after(*pieces: bytes) -> Callable[[Peer], None]:
    """Return a behaviour: read the request, say all pieces, and end the TLS connection in order."""

    def behave(peer: Peer) -> None:
        hear_request(peer)
        for piece in pieces:
            peer.say_bytes(piece)
        assert isinstance(peer._stream, ssl.SSLSocket)
        with contextlib.suppress(OSError):
            peer._stream.unwrap()

    return behave


def for_ever(first: bytes, again: bytes, said: list[int] | None = None) -> Callable[[Peer], None]:
    """Return a behaviour: read the request, say `first`, then `again` until the client is gone.

    `said` gets the number of bytes of each piece that was written.
    """

    def behave(peer: Peer) -> None:
        hear_request(peer)
        peer.say_bytes(first)
        while True:
            peer.say_bytes(again)
            if said is not None:
                said.append(len(again))

    return behave


def page(body: bytes, *fields: str, status: str = "200 OK") -> bytes:
    """Return a whole answer with a Content-Length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(lines).encode() + body
