"""A relay between client and sandbox that counts connections and can break or freeze them."""

from __future__ import annotations

import contextlib
import functools
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Self


class Relay:
    """Listens on loopback and passes everything on to `target`, and back.

    Args:
        target: the port of the server behind it.

    Attributes:
        port: where it listens.
        opened: how many connections were made in all.
        peak: how many there were at most at the same time.
        sent: the bytes that clients have sent.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.opened = 0
        self.peak = 0
        self.sent = 0
        self._lock = threading.Lock()
        self._pairs: list[_Pair] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._begin(self._accept)
        return self

    def __exit__(self, *exception: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join()

    def cut(self) -> None:
        """Close all connections, as a server does with idle ones."""
        for pair in list(self._pairs):
            pair.thawed.set()
            for end in (pair.client, pair.server):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    @property
    def live(self) -> int:
        """How many there are now."""
        with self._lock:
            return self._living()

    def _living(self) -> int:
        return sum(not pair.is_left for pair in self._pairs)

    def wait_until_idle(self) -> None:
        """Return once every connection has ended, and its descriptors with it."""
        while self._pairs:
            time.sleep(0.001)

    def freeze(self) -> None:
        """Pass nothing on any more that the connections of now say, and tell nobody: what a lost route looks like."""
        for pair in list(self._pairs):
            pair.thawed.clear()

    def _begin(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name="relay", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            pair = _Pair(client, socket.create_connection(("127.0.0.1", self._target)))
            with self._lock:
                self._pairs.append(pair)
                self.opened += 1
                self.peak = max(self.peak, self._living())
            self._begin(functools.partial(self._serve, pair))

    def _serve(self, pair: _Pair) -> None:
        down = threading.Thread(target=self._pass_down, args=(pair,), name="relay down", daemon=True)
        down.start()
        self._pass_up(pair)
        down.join()
        with self._lock:
            pair.client.close()
            pair.server.close()
            self._pairs.remove(pair)

    def _pass_up(self, pair: _Pair) -> None:
        with contextlib.suppress(OSError):
            while data := pair.client.recv(65536):
                pair.thawed.wait()
                with self._lock:
                    self.sent += len(data)
                pair.server.sendall(data)
        with contextlib.suppress(OSError):
            pair.server.shutdown(socket.SHUT_RDWR)

    def _pass_down(self, pair: _Pair) -> None:
        with contextlib.suppress(OSError):
            while data := pair.server.recv(65536):
                pair.thawed.wait()
                pair.client.sendall(data)
        with contextlib.suppress(OSError):
            pair.client.shutdown(socket.SHUT_RDWR)


class _Pair:
    """One connection: the client's end of it and the server's."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.thawed = threading.Event()
        self.thawed.set()
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def is_left(self) -> bool:
        """Whether the client has closed its end. The kernel knows at once; our thread, when it gets a turn."""
        poll = select.poll()
        poll.register(self.client, select.POLLRDHUP)
        return bool(poll.poll(0))
