"""Who visits a loopback receiver, and a receiver that waits for them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from .asking import Receiver

STATE = "the-state-that-is-awaited-0b1c"
CODE = "forbidden-code-4f7e"
PATIENCE = 60.0
Start = Callable[..., Receiver]


def port_of(receiver: Receiver) -> int:
    port = urlsplit(receiver.redirect_uri).port
    assert port is not None
    return port


def get(port: int, target: str, *, host: str | None = None, method: str = "GET") -> bytes:
    fields = [f"Host: {host or f'127.0.0.1:{port}'}", "User-Agent: browser", "Accept: */*", "", ""]
    return "\r\n".join([f"{method} {target} HTTP/1.1", *fields]).encode()


def callback(port: int, state: str = STATE, path: str = "/callback") -> bytes:
    return get(port, f"{path}?code={CODE}&state={state}&scope=a%20b")


def say(port: int, data: bytes) -> bytes:
    """Say something as a visitor, and return all of the answer; b"" if the connection was cut."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as stream:
        try:
            stream.sendall(data)
            pieces = []
            while piece := stream.recv(65536):
                pieces.append(piece)
            return b"".join(pieces)
        except ConnectionError:
            return b""


class Visits:
    """What visitors do in a thread while the receiver waits."""

    def __init__(self, visit: Callable[[], None]) -> None:
        self._errors: list[BaseException] = []
        self._visit = visit
        self._thread = threading.Thread(target=self._run, name="visits", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._visit()
        except BaseException as error:
            self._errors.append(error)

    def end(self) -> None:
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        for error in self._errors:
            raise error


def receive(
    receiver: Receiver, *said: bytes, state: str = STATE, deadline: float = PATIENCE
) -> tuple[str, list[bytes]]:
    """Wait while visitors say something, one after the other; return the callback and all answers."""
    port, answers = port_of(receiver), list[bytes]()
    visits = Visits(lambda: answers.extend(say(port, data) for data in said))
    url = receiver.wait(state, deadline=deadline)
    visits.end()
    return url, answers


def visitors_of(receiver: Receiver) -> list[object]:
    face: Any = getattr(receiver, "_receiver", receiver)
    open_ones: list[object] = face._visitors._visitors
    return open_ones
