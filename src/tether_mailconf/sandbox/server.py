"""The transport of a sandbox: listening sockets on loopback, TLS, and a thread for each connection.

It moves bytes between a socket and a session and obeys the session's flags; it knows nothing of SMTP or IMAP. Closing
ends every thread and every descriptor, whatever a client does.
"""

from __future__ import annotations

import errno
import selectors
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from .session import Session

_READ_SIZE = 65536
_ATTEMPTS = 20


@attrs.frozen(kw_only=True)
class Service:
    """What is offered at one port.

    Args:
        name: for the names of threads.
        open_session: makes the session of a new connection.
        is_implicit: whether TLS begins with the connection rather than with STARTTLS.
        addresses: where it listens, at the same port everywhere.
    """

    name: str
    open_session: Callable[[], Session]
    is_implicit: bool
    addresses: tuple[str, ...] = ("127.0.0.1",)


class Server:
    """Serves all services on loopback until it is closed.

    Args:
        services: what to serve.
        chain: PEM file with the certificate and its private key.

    Attributes:
        ports: the port of each service, in order, chosen by the kernel.
    """

    def __init__(self, services: Sequence[Service], chain: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._context.load_cert_chain(chain)
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._connections: dict[_Connection, threading.Thread] = {}
        self._wake, self._woken = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        try:
            self.ports = tuple(self._listen(service) for service in services)
        except BaseException:
            self._give_back()
            raise
        self._acceptor = threading.Thread(target=self._accept, name="sandbox acceptor", daemon=True)
        self._acceptor.start()

    def close(self) -> None:
        """Break all connections, stop listening, and wait until every thread has ended."""
        with self._lock:
            if self._stopping.is_set():
                return
            self._stopping.set()
        self._wake.send(b"\0")
        self._acceptor.join()
        with self._lock:
            connections = dict(self._connections)
        for connection in connections:
            connection.interrupt()
        for thread in connections.values():
            thread.join()
        self._give_back()

    def _give_back(self) -> None:
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._selector.close()
        self._wake.close()

    def _listen(self, service: Service) -> int:
        listeners = _listeners(service.addresses)
        for listener in listeners:
            listener.setblocking(False)
            self._selector.register(listener, selectors.EVENT_READ, service)
        port: int = listeners[0].getsockname()[1]
        return port

    def _accept(self) -> None:
        while not self._stopping.is_set():
            for key, _ in self._selector.select():
                if isinstance(key.data, Service) and isinstance(key.fileobj, socket.socket):
                    self._accept_one(key.fileobj, key.data)

    def _accept_one(self, listener: socket.socket, service: Service) -> None:
        try:
            stream, _ = listener.accept()
        except OSError:
            # The client has gone again, or there is no descriptor left for it.
            return
        stream.setblocking(True)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(stream, service, self._context, self._stopping)
        thread = threading.Thread(target=self._serve, args=(connection,), name=f"sandbox {service.name}", daemon=True)
        with self._lock:
            self._connections[connection] = thread
        thread.start()

    def _serve(self, connection: _Connection) -> None:
        try:
            connection.run()
        finally:
            connection.close()
            with self._lock:
                del self._connections[connection]


def _listeners(addresses: Sequence[str]) -> list[socket.socket]:
    for _ in range(_ATTEMPTS):
        listeners: list[socket.socket] = []
        port = 0
        try:
            for address in addresses:
                listeners.append(socket.create_server((address, port), backlog=128))
                port = listeners[0].getsockname()[1]
        except OSError as error:
            for listener in listeners:
                listener.close()
            # The kernel's choice was free at the first address only: it chooses again.
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return listeners
    raise OSError(errno.EADDRINUSE, "no port is free at all addresses of the sandbox")


class _Connection:
    """One client, served by the thread that calls `run`."""

    def __init__(
        self, stream: socket.socket, service: Service, context: ssl.SSLContext, stopping: threading.Event
    ) -> None:
        self._stream = stream
        self._service = service
        self._context = context
        self._stopping = stopping
        self._lock = threading.Lock()

    def run(self) -> None:
        """Serve until either side has had enough."""
        session = self._service.open_session()
        try:
            if self._service.is_implicit:
                self._start_tls(session)
            while self._flush(session):
                if session.has_more:
                    continue
                data = self._stream.recv(_READ_SIZE)
                if not data:
                    return
                session.receive(data)
        except OSError:
            # The client is gone, distrusts us, or the sandbox is closing: in all cases there is nobody to tell.
            return

    def interrupt(self) -> None:
        """Make `run` end soon; called from another thread."""
        with self._lock:
            try:
                # Not `SSLSocket.shutdown`, which would take the TLS object away under the thread that reads.
                socket.socket.shutdown(self._stream, socket.SHUT_RDWR)
            except OSError:
                # It was not connected any more.
                return

    def close(self) -> None:
        """Give the descriptor back."""
        with self._lock:
            self._stream.close()

    def _flush(self, session: Session) -> bool:
        """Write what the session has to say; False once the conversation is over."""
        if (pause := session.pause) and self._stopping.wait(pause):
            return False
        data = session.take()
        if session.aborting or self._stopping.is_set():
            return False
        if data:
            self._stream.sendall(data)
        if session.wants_tls:
            self._start_tls(session)
        if session.closing:
            self._say_goodbye()
            return False
        return True

    def _start_tls(self, session: Session) -> None:
        with self._lock:
            stream = self._context.wrap_socket(self._stream, server_side=True, do_handshake_on_connect=False)
            self._stream = stream
        if self._stopping.is_set():
            return
        stream.do_handshake()
        session.tls_started()

    def _say_goodbye(self) -> None:
        """End the stream in order, so that the last answer is read and not lost to a reset."""
        self._stream.settimeout(1.0)
        if isinstance(self._stream, ssl.SSLSocket):
            self._stream.unwrap()
