"""The listening socket of a loopback receiver and whoever connects to it, served in steps by whoever waits.

No thread: nothing is accepted or read but inside `step`. Browsers, extensions, port scanners and other programs of the
same machine connect to such a port; none of them can hold it, fill it or end the wait.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from http import HTTPStatus

from .callback import HEAD_END, MAX_HEAD, Awaited, answer, check_page, judged

MAX_VISITORS = 16
"""Connections at the same time. One more, and the oldest is cut: who has something to say says it at once."""

VISIT_SECONDS = 10.0
"""The longest that a connection is kept."""

FAREWELL_SECONDS = 1.0
"""How long an answered visitor has to close, so that the answer is not lost to a reset."""

_ACCEPTS = 32
"""Connections taken in one step, so that a flood of them does not keep it from ending."""

_PAUSE = 0.05


class _Visitor:
    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        self.until = time.monotonic() + VISIT_SECONDS
        self.arrived = bytearray()
        self.outgoing = b""
        self.is_answered = False


class Visitors:
    """Listens on 127.0.0.1 at a port that the kernel chooses, until it is closed.

    Args:
        path: the path of the callback.
        page: the sentence that the browser shows after it.

    Attributes:
        port: where it listens.
    """

    def __init__(self, path: str, page: str) -> None:
        self._path = path
        self._page = check_page(page)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._visitors: list[_Visitor] = []
        self._found: tuple[_Visitor, str] | None = None

    @property
    def has_found(self) -> bool:
        """Whether the callback has come, though the browser may not have its page yet."""
        return self._found is not None

    def step(self, state: str, seconds: float) -> str | None:
        """Serve whoever is there, and wait at most `seconds` for somebody.

        Returns:
            The URL of the callback with that state, once it has come and its answer has gone. None before that.
        """
        for visitor in self._ready(seconds):
            if visitor is None:
                self._welcome(state)
            elif visitor in self._visitors:
                self._serve(visitor, state)
        self._cut_the_late()
        if self._found is None or self._found[0] in self._visitors:
            return None
        (_, target), self._found = self._found, None
        return f"http://127.0.0.1:{self.port}{target}"

    def close(self) -> None:
        """Cut everybody off and give the port back. Harmless if done already."""
        for visitor in self._visitors.copy():
            self._cut(visitor)
        self._selector.close()
        self._listener.close()
        self._found = None

    def _ready(self, seconds: float) -> list[_Visitor | None]:
        """Return whose sockets have something to tell, None for the listening one; wait at most `seconds` for it."""
        nearest = min((visitor.until for visitor in self._visitors), default=float("inf"))
        timeout = max(0.0, min(seconds, nearest - time.monotonic()))
        return [key.data for key, _ in self._selector.select(timeout)]

    def _welcome(self, state: str) -> None:
        for _ in range(_ACCEPTS):
            try:
                stream, _address = self._listener.accept()
            except (BlockingIOError, ConnectionError):
                return
            except OSError:
                # No descriptor is left. The next one would be reported at once, and again, and again.
                time.sleep(_PAUSE)
                return
            stream.setblocking(False)
            if len(self._visitors) >= MAX_VISITORS:
                self._cut(self._visitors[0])
            visitor = _Visitor(stream)
            self._visitors.append(visitor)
            self._selector.register(stream, selectors.EVENT_READ, visitor)
            self._serve(visitor, state)

    def _serve(self, visitor: _Visitor, state: str) -> None:
        try:
            if visitor.outgoing:
                self._send(visitor)
            data = visitor.stream.recv(MAX_HEAD)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._cut(visitor)
        elif not visitor.is_answered:
            visitor.arrived += data
            self._hear(visitor, state)

    def _hear(self, visitor: _Visitor, state: str) -> None:
        head, end, _ = bytes(visitor.arrived).partition(HEAD_END)
        if len(head) > MAX_HEAD:
            self._answer(visitor, HTTPStatus.BAD_REQUEST)
        elif end:
            verdict = judged(head, Awaited(port=self.port, path=self._path, state=state))
            if isinstance(verdict, HTTPStatus):
                self._answer(visitor, verdict)
            elif self._found is None:
                self._found = visitor, verdict
                self._answer(visitor, HTTPStatus.OK)
            else:
                self._answer(visitor, HTTPStatus.BAD_REQUEST)

    def _answer(self, visitor: _Visitor, status: HTTPStatus) -> None:
        visitor.arrived.clear()
        visitor.is_answered = True
        visitor.until = min(visitor.until, time.monotonic() + FAREWELL_SECONDS)
        visitor.outgoing = answer(status, self._page if status is HTTPStatus.OK else status.phrase)
        with contextlib.suppress(OSError):
            self._send(visitor)
            return
        self._cut(visitor)

    def _send(self, visitor: _Visitor) -> None:
        with contextlib.suppress(BlockingIOError):
            visitor.outgoing = visitor.outgoing[visitor.stream.send(visitor.outgoing) :]
        if visitor.outgoing:
            self._selector.modify(visitor.stream, selectors.EVENT_READ | selectors.EVENT_WRITE, visitor)
        else:
            self._selector.modify(visitor.stream, selectors.EVENT_READ, visitor)
            visitor.stream.shutdown(socket.SHUT_WR)

    def _cut_the_late(self) -> None:
        now = time.monotonic()
        for visitor in [visitor for visitor in self._visitors if visitor.until <= now]:
            self._cut(visitor)

    def _cut(self, visitor: _Visitor) -> None:
        self._visitors.remove(visitor)
        self._selector.unregister(visitor.stream)
        visitor.stream.close()
