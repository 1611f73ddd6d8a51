"""What both protocols' sessions share: bytes in, bytes out, and the few things a transport must be told.

A session has no socket, no thread and no clock, so that it can also be driven in memory, byte by byte. A transport
writes what `take` gives, obeys the flags, and hands in what it reads.
"""

from __future__ import annotations

import abc

from .personality import Drop, Personality
from .store import Store


class Session(abc.ABC):
    """The server's end of one connection.

    Args:
        store: what the server remembers.
        personality: how it behaves; that of the store if left out.

    Attributes:
        wants_tls: the answer to STARTTLS was taken: the transport upgrades and calls `tls_started`.
        closing: the transport writes what `take` gives and closes.
        aborting: the transport closes at once and writes nothing more.
        has_more: there is more to write, after the next pause, without hearing from the client.
    """

    has_more = False

    def __init__(self, store: Store, personality: Personality | None = None) -> None:
        self.wants_tls = False
        self.closing = False
        self.aborting = False
        self._store = store
        self._personality = personality or store.personality
        self._tls = False
        self._opened = False
        self._upgrading = False
        self._incoming = bytearray()
        self._outgoing = bytearray()

    @property
    def pause(self) -> float:
        """Seconds that the transport waits before it writes what `take` will give; 0.0 if there is nothing to write."""
        self._open_once()
        return self._personality.slow if self._outgoing else 0.0

    def receive(self, data: bytes) -> None:
        """Take bytes from the client and act on them. What comes between STARTTLS and TLS is thrown away."""
        self._open_once()
        if not self._listens():
            return
        self._incoming += data
        with self._store.lock:
            self._store.settle()
            while self._listens() and self._advance():
                pass
        if self._upgrading:
            # RFC 3207 section 4.2, RFC 9051 section 6.2.1: nothing said in plaintext may be heard as said inside TLS.
            self._incoming.clear()

    def take(self) -> bytes:
        """Return, once, what is to be written to the client now."""
        self._open_once()
        if self.aborting:
            return b""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        self.wants_tls = self._upgrading
        return data

    def tls_started(self) -> None:
        """Note that TLS stands. What was learned before is forgotten."""
        self.wants_tls = self._upgrading = False
        self._tls = True
        self._incoming.clear()
        self._forget()

    def _listens(self) -> bool:
        return not (self.closing or self.aborting or self._upgrading)

    def _open_once(self) -> None:
        if not self._opened:
            self._opened = True
            with self._store.lock:
                self._open()

    @abc.abstractmethod
    def _open(self) -> None:
        """Greet."""

    @abc.abstractmethod
    def _advance(self) -> bool:
        """Do one thing with what has come in; False if that takes more bytes."""

    @abc.abstractmethod
    def _forget(self) -> None:
        """Go back to how the conversation began, because TLS has started."""

    def _drops(self, at: Drop) -> bool:
        """Break the connection, if it is to break here."""
        if not self._store.take_drop(self._personality, at):
            return False
        self.aborting = True
        self._outgoing.clear()
        return True

    def _take_line(self, limit: int) -> bytes | None:
        """Return the next line without its CRLF; None while it is incomplete.

        Raises:
            LineTooLong: it has more than `limit` bytes; it stays where it is.
        """
        end = self._incoming.find(b"\r\n")
        if end > limit or (end < 0 and len(self._incoming) > limit):
            raise LineTooLong
        if end < 0:
            return None
        line = bytes(self._incoming[:end])
        del self._incoming[: end + 2]
        return line


class LineTooLong(Exception):
    """The client's line is longer than the session takes."""
