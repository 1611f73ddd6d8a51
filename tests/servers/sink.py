"""Where mail ends: a small SMTP server on loopback that keeps what the real servers relay to it.

It stands for the rest of the world, speaks just enough ESMTP for Dovecot and Postfix, and refuses nothing. What a
provider does with a message that it has accepted, such as filing a copy in Sent by itself, is given to it as
`on_message`.
"""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Callable, Iterator
from typing import Self

import attrs

WAIT_SECONDS = 20.0
EXTENSIONS = ("sink.example.test", "PIPELINING", "8BITMIME", "SIZE 52428800", "DSN", "SMTPUTF8", "ENHANCEDSTATUSCODES")


@attrs.frozen(kw_only=True)
class Received:
    """One message as it left the submission server.

    Args:
        sender: the reverse-path, without angle brackets.
        recipients: the forward-paths, without angle brackets.
        parameters: what was said after the reverse-path, such as "BODY=8BITMIME".
        content: the message, dots unstuffed, lines ending in CRLF.
    """

    sender: str
    recipients: tuple[str, ...]
    parameters: str
    content: bytes


def nothing_more(message: Received) -> None:
    """Do nothing with a message beyond keeping it."""


class Sink:
    """An SMTP server in threads of its own. Use it as a context manager.

    Attributes:
        on_message: called with each message before it is acknowledged, in the thread of its connection.
    """

    on_message: Callable[[Received], None]

    def __init__(self) -> None:
        self.on_message = nothing_more
        self._received: list[Received] = []
        self._arrived = threading.Condition()
        self._server = Listener(self.keep)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="sink", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return int(self._server.server_address[1])

    def keep(self, message: Received) -> None:
        """Take a message."""
        self.on_message(message)
        with self._arrived:
            self._received.append(message)
            self._arrived.notify_all()

    def received(self, count: int = 0) -> list[Received]:
        """Return what has arrived, waiting until there are at least `count` messages: Postfix relays on its own time.

        Raises:
            AssertionError: if they do not come.
        """
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self._received) >= count, WAIT_SECONDS):
                raise AssertionError(f"{len(self._received)} messages reached the sink, not {count}")
            return list(self._received)


class Listener(socketserver.ThreadingTCPServer):
    """Listens on a port of the kernel's choice, one thread a connection."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, keep: Callable[[Received], None]) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.keep = keep


class Conversation(socketserver.StreamRequestHandler):
    """One connection (RFC 5321)."""

    def handle(self) -> None:
        """Speak until QUIT or the end of the connection."""
        with contextlib.suppress(ConnectionError):
            self.reply("220 sink.example.test ESMTP")
            for line in self.lines():
                self.answer(line)
                if line.upper() == "QUIT":
                    return

    def lines(self) -> Iterator[str]:
        """Yield the commands."""
        while line := self.rfile.readline():
            yield line.decode("utf-8", "surrogateescape").rstrip("\r\n")

    def reply(self, text: str) -> None:
        """Send one reply line."""
        self.wfile.write(f"{text}\r\n".encode())

    def answer(self, line: str) -> None:
        """Answer one command."""
        match line.split(":", 1)[0].split(" ", 1)[0].upper():
            case "EHLO":
                for extension in EXTENSIONS[:-1]:
                    self.reply(f"250-{extension}")
                self.reply(f"250 {EXTENSIONS[-1]}")
            case "MAIL":
                self.sender, self.parameters = path_and_parameters(line)
                self.recipients: list[str] = []
                self.reply("250 2.1.0 sender taken")
            case "RCPT":
                self.recipients.append(path_and_parameters(line)[0])
                self.reply("250 2.1.5 recipient taken")
            case "DATA":
                self.reply("354 go on")
                self.take()
            case "QUIT":
                self.reply("221 2.0.0 bye")
            case "RSET" | "NOOP" | "HELO":
                self.reply("250 2.0.0 done")
            case command:
                self.reply(f"502 5.5.1 {command} is not known here")

    def take(self) -> None:
        """Read a message to its end mark and keep it."""
        content = bytearray()
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                raise ConnectionAbortedError("the message has no end")
            content += line.removeprefix(b".")
        message = Received(
            sender=self.sender,
            recipients=tuple(self.recipients),
            parameters=self.parameters,
            content=bytes(content),
        )
        server = self.server
        assert isinstance(server, Listener)
        server.keep(message)
        self.reply("250 2.0.0 kept")


def path_and_parameters(line: str) -> tuple[str, str]:
    """Return the path between angle brackets and what follows it."""
    path, _, parameters = line.partition("<")[2].partition(">")
    return path, parameters.strip()
