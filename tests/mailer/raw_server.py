"""A server that says what a test tells it to: for answers that no decent server gives."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import ipaddress
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tether_mailconf.sandbox.certificate import make_certificates

_REMEMBERED = 8 * 1024


class Peer:
    """The server's end of one connection.

    Args:
        stream: the connection.
        stopping: set once the server ends.

    Attributes:
        said: what was written out, whole, since this was last emptied; no more than its beginning is kept.
    """

    def __init__(self, stream: socket.socket, stopping: threading.Event | None = None) -> None:
        self._stream = stream
        self._stopping = stopping or threading.Event()
        self._lines = stream.makefile("rb")
        self.said = b""

    def say(self, *lines: str) -> None:
        self.say_bytes("".join(f"{line}\r\n" for line in lines).encode())

    def say_bytes(self, data: bytes) -> None:
        self._stream.sendall(data)
        self.said += data[: _REMEMBERED - len(self.said)]

    def say_beneath(self, data: bytes) -> None:
        """Write past TLS, as somebody could who sits on the way."""
        socket.socket.sendall(self._stream, data)

    def hear(self) -> str:
        """Return the client's next line; "" once it is gone."""
        return self.hear_line().decode(errors="replace").rstrip("\r\n")

    def hear_line(self) -> bytes:
        """Return the client's next line with its end, as bytes; b"" once it is gone."""
        return self._lines.readline()

    @property
    def is_open(self) -> bool:
        """Whether we have not closed the connection."""
        return self._stream.fileno() >= 0

    def hear_bytes(self, count: int) -> bytes:
        """Return the client's next bytes, as many as asked for; fewer once it is gone."""
        return self._lines.read(count)

    def hear_all(self) -> None:
        """Read on, say nothing, until the client is gone."""
        while self._stream.recv(65536):
            pass

    def pause(self, seconds: float) -> None:
        """Neither read nor write for so long, or until the server ends."""
        self._stopping.wait(seconds)

    def reset(self) -> None:
        """Break the connection at once: the client gets a reset, and no end of the stream."""
        # Whatever is still written to the socket is thrown away with it.
        self._stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """End the connection without a word, not even TLS's goodbye."""
        self._lines.close()
        self._stream.close()

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Go on with TLS; what the client said before is forgotten."""
        self._lines.close()
        stream = context.wrap_socket(self._stream, server_side=True, do_handshake_on_connect=False)
        self._stream = stream
        stream.do_handshake()
        self._lines = stream.makefile("rb")

    def interrupt(self) -> None:
        """End every wait at once; called from another thread."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._stream, socket.SHUT_RDWR)


class RawServer:
    """Serves each connection with `behave`, in a thread.

    Args:
        behave: what it says and hears.
        tls: for TLS from the first byte, a PEM file with certificate and key, or a whole context; None for none.
        room: bytes of what the kernel takes from a client while nobody reads; None for as many as it likes.

    Attributes:
        port: where it listens.
        served: how many connections were begun.
    """

    def __init__(
        self, behave: Callable[[Peer], None], tls: Path | ssl.SSLContext | None = None, *, room: int | None = None
    ) -> None:
        self._behave = behave
        self._context = server_context(tls) if isinstance(tls, Path) else tls
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        if room is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self.port: int = self._listener.getsockname()[1]
        self.served = 0
        self._threads: list[threading.Thread] = []
        self._streams: list[socket.socket] = []
        self._peers: list[Peer] = []

    def __enter__(self) -> Self:
        self._begin(self._accept)
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopping.set()
        for stream in [self._listener, *self._streams]:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(stream, socket.SHUT_RDWR)
        for peer in self._peers:
            peer.interrupt()
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _begin(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name="raw server", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                stream, _ = self._listener.accept()
            except OSError:
                return
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.served += 1
            self._streams.append(stream)
            self._begin(functools.partial(self._serve, stream))

    def _serve(self, stream: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as opened:
            opened.enter_context(stream)
            if self._context is not None:
                stream = opened.enter_context(self._context.wrap_socket(stream, server_side=True))
                self._streams.append(stream)
            peer = Peer(stream, self._stopping)
            opened.callback(peer.close)
            self._peers.append(peer)
            self._behave(peer)


def server_context(chain: Path) -> ssl.SSLContext:
    """Return a context that shows the certificate of a PEM file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context


def make_chain(folder: Path, *, host: str = "127.0.0.1", expired: bool = False) -> tuple[Path, Path]:
    """Write a certificate that is its own authority; return the authority's file and the server's."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "raw server")])
    try:
        subject: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        subject = x509.DNSName(host)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=2))
        .not_valid_after(now + dt.timedelta(days=-1 if expired else 1))
        .add_extension(x509.SubjectAlternativeName([subject]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    authority, chain = folder / "raw-authority.pem", folder / "raw-server.pem"
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    authority.write_bytes(pem)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain.write_bytes(secret + pem)
    return authority, chain


def trusted_chain(folder: Path) -> tuple[Path, Path]:
    """Return authority and server file of a certificate that is in order."""
    files = make_certificates(folder, dt.datetime.now(dt.UTC))
    return files.authority, files.chain
