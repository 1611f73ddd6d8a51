"""Round trips, counted: ours in a simulated world, those of the standard library by who speaks when on a relay.

No clock is read. A flight is the client speaking and then waiting for an answer.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from email.message import EmailMessage
from typing import Self

import attrs

from tether_mailconf.sandbox.personality import FILES_ITSELF, PLAIN, Personality
from tether_mailconf.settings import Filer, Security

from ..simulated import ROUND_TRIP, Provider
from .clients import HOST, Stdlib
from .server import Address


@attrs.frozen(kw_only=True)
class Flights:
    """How many round trips a job takes.

    Args:
        job: what is done.
        cold: with new connections.
        warm: with connections that are kept.
        goal: the most that the design allows, cold and warm; None where it names none.
    """

    job: str
    cold: float
    warm: float
    goal: tuple[float, float] | None = None


def ours() -> list[Flights]:
    """Count ours."""
    return [
        _ours("send + file, TLS", PLAIN, Filer.CLIENT, Security.TLS, (7.2, 2.1)),
        _ours("send + file, STARTTLS", PLAIN, Filer.CLIENT, Security.STARTTLS, (9.2, 2.1)),
        _ours("send, the provider files, TLS", FILES_ITSELF, Filer.PROVIDER, Security.TLS, (7.2, 1.1)),
        _ours("send, nobody knows who files, TLS", FILES_ITSELF, Filer.UNKNOWN, Security.TLS, None),
    ]


def _ours(
    job: str, personality: Personality, filer: Filer, security: Security, goal: tuple[float, float] | None
) -> Flights:
    provider = Provider(personality)
    dispatch = provider.dispatch(provider.settings(filer=filer, security=security))
    taken: list[float] = []
    for _ in range(2):
        started = provider.world.time
        sending = dispatch.send(message(), sender=None, recipients=None, partial=False, dsn=None, seconds=60)
        provider.world.run(sending)
        taken.append(round((provider.world.time - started) / ROUND_TRIP, 2))
    return Flights(job=f"ours: {job}", cold=taken[0], warm=taken[1], goal=goal)


def stdlib(address: Address) -> Flights:
    """Count those of smtplib and imaplib, one after the other, as their calls block."""
    with Relay(address.smtp) as smtp, Relay(address.imap) as imap:
        client = Stdlib(attrs.evolve(address, smtp=smtp.port, imap=imap.port))
        with client:
            client.send(message())
            cold = smtp.flights + imap.flights + 2  # and one for each TCP connection
            client.send(message())
            warm = smtp.flights + imap.flights + 2 - cold
    return Flights(job="smtplib + imaplib: send + file, TLS", cold=cold, warm=warm)


def message() -> EmailMessage:
    """Return a small message to one recipient."""
    letter = EmailMessage()
    letter["From"] = "ana@sandbox.test"
    letter["To"] = "bo@example.org"
    letter["Subject"] = "Hello"
    letter.set_content("Hello\n" * 100)
    return letter


class Relay:
    """Hands one connection on, and counts how often the client speaks after the server."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self.flights = 0
        self._last = "server"
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._serve, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        server = socket.create_connection((HOST, self._target))
        with client, server:
            back = threading.Thread(target=self._hand_on, args=(server, client, "server"), daemon=True)
            back.start()
            self._hand_on(client, server, "client")
            back.join(5)

    def _hand_on(self, source: socket.socket, target: socket.socket, speaker: str) -> None:
        # Either end may be gone before the other has said its farewell, which is not counted.
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                with self._lock:
                    self.flights += speaker == "client" and self._last == "server"
                    self._last = speaker
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
