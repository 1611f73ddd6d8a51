"""What the hostile tests share: one way to discover in both colours, traps that see a connection, a policy."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any, Self

import attrs
import dns.exception
import dns.message
import dns.rdatatype
import pytest

import tether_mailconf
from tether_mailconf import Discovery, NetworkPolicy, Source, aio
from tether_mailconf._drivers import dialling
from tether_mailconf.discovery import Answer
from tether_mailconf.sandbox import Sandbox

COLOURS = ("sync", "aio")
REFUSAL = "connecting to this host is not permitted"
FAR_TOO_LONG = 60.0
"""Seconds that nothing here may take, however busy the machine is: every deadline is far below."""


class Pretended(NetworkPolicy):
    """A policy for which 127.0.0.1 is the public internet, and nothing else of it is there.

    With networks of its own a policy looks special-use names up too. This one has none, as a host's in production.
    """

    def _permits(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        return str(address) == "127.0.0.1"


def policy(kind: type[NetworkPolicy], sandbox: Sandbox, **changes: Any) -> NetworkPolicy:
    """Return a policy with the name server and the ports of a sandbox, but without its networks."""
    given: dict[str, Any] = {"name_servers": sandbox.network.name_servers, "forwarded": sandbox.network.forwarded}
    return kind(**(given | changes))


def discovered(colour: str, address: str, sandbox: Sandbox, network: NetworkPolicy, **options: Any) -> Discovery:
    """Discover; whoever is slower than the best of them is waited for, unless told otherwise."""
    given: dict[str, Any] = {"grace": FAR_TOO_LONG, "database": None, "ca_file": sandbox.ca_file} | options
    if colour == "sync":
        return tether_mailconf.discover(address, network=network, **given)

    async def discover() -> Discovery:
        found = await aio.discover(address, network=network, **given)
        # None but this one: a discovery ends all that it has begun.
        assert len(asyncio.all_tasks()) == 1
        return found

    return asyncio.run(discover())


def said(found: Discovery) -> list[tuple[Source, Answer, str]]:
    """What each source said, without what differs between two domains."""
    domain = found.address.rpartition("@")[2]
    return [(one.source, one.outcome, one.said.replace(domain, "DOMAIN")) for one in found.sources]


@attrs.define
class Trap:
    """Listens, and answers nobody. A connection waits for `caught` in the backlog."""

    _listeners: list[socket.socket] = attrs.field(factory=list)

    def listen(self, address: str, port: int = 0) -> int:
        """Listen at an address of loopback; return the port."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.create_server((address, port), family=family, backlog=64)
        listener.setblocking(False)
        self._listeners.append(listener)
        return int(listener.getsockname()[1])

    def caught(self) -> int:
        """Return how many connections have come since it was asked last."""
        count = 0
        for listener in self._listeners:
            with contextlib.suppress(BlockingIOError):
                while True:
                    listener.accept()[0].close()
                    count += 1
        return count

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for listener in self._listeners:
            listener.close()


def forbid_sockets(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have every socket that is opened to dial somebody noted, and none dialled."""
    opened: list[str] = []

    def new_socket(address: str) -> socket.socket:
        opened.append(address)
        raise OSError("a socket was opened")

    monkeypatch.setattr(dialling, "new_socket", new_socket)
    return opened


class LyingNameServer:
    """A name server whose every answer is made by a function, over UDP.

    Args:
        answer: makes the packet that answers a question; None: there is none.

    Attributes:
        asked: the questions, as name and kind.
    """

    def __init__(self, answer: Callable[[dns.message.Message], bytes | None]) -> None:
        self.asked: list[tuple[str, str]] = []
        self._answer = answer
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run, name="lying name server", daemon=True)

    @property
    def servers(self) -> tuple[tuple[str, int], ...]:
        return (("127.0.0.1", int(self._socket.getsockname()[1])),)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while True:
            packet, client = self._socket.recvfrom(65535)
            if not packet:
                return
            with contextlib.suppress(dns.exception.DNSException):
                query = dns.message.from_wire(packet)
                question = query.question[0]
                kind = dns.rdatatype.to_text(question.rdtype)
                self.asked.append((question.name.to_text(omit_final_dot=True).lower(), kind))
                answer = self._answer(query)
                if answer is not None:
                    self._socket.sendto(answer, client)


def texts(found: Discovery) -> Iterable[str]:
    """Everything that a host may show or store of a discovery."""
    yield str(found)
    yield repr(found)
    yield repr(found.to_dict())
