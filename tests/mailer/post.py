"""A Mailer that a test uses in plain sequence, whichever colour it has, and messages to send with it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import os
import socket
import stat
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Protocol, Self

import attrs

import tether_mailconf
from tests.servers.process import free_ports
from tether_mailconf import ConnectionSettings, Endpoint, Filer, Receipt, SentPolicy, aio
from tether_mailconf.sandbox import Sandbox, StoredMessage

_COUNT = itertools.count(1)

BEN = "ben@example.org"
CLARA = "clara@example.org"


def letter(text: str = "Guten Tag,\nhier ist der Brief.\n", *, to: str = BEN) -> EmailMessage:
    """Return a new message with a Message-ID of its own."""
    message = EmailMessage()
    message["To"] = to
    message["Subject"] = "Letter"
    message["Message-ID"] = f"<letter-{next(_COUNT)}@sandbox.test>"
    message.set_content(text)
    return message


def copies(stored: Iterable[StoredMessage], message_id: str) -> list[StoredMessage]:
    """Return the messages among `stored` with that Message-ID."""
    return [one for one in stored if has_id(one.content, message_id)]


def accepted(sandbox: Sandbox, message_id: str) -> int:
    """Return how many times the server accepted the message."""
    return sum(has_id(one.content, message_id) for one in sandbox.submissions)


def has_id(content: bytes, message_id: str) -> bool:
    """Whether that Message-ID stands in the header; bodies are long, and some tests look through hundreds of them."""
    line = f"Message-ID: {message_id}\r\n".encode()
    return content.find(line, 0, content.find(b"\r\n\r\n") + 2) >= 0


def filed_by(settings: ConnectionSettings, filer: Filer) -> ConnectionSettings:
    """Return the settings with the host's own word on who files."""
    return attrs.evolve(settings, sent=SentPolicy(filer=filer))


def at_ports(settings: ConnectionSettings, *, smtp: int | None = None, imap: int | None = None) -> ConnectionSettings:
    """Return the settings with other ports."""
    if smtp is not None:
        settings = attrs.evolve(settings, smtp=attrs.evolve(settings.smtp, port=smtp))
    if imap is not None and settings.imap is not None:
        settings = attrs.evolve(settings, imap=attrs.evolve(settings.imap, port=imap))
    return settings


def closed_port() -> int:
    """Return a port at which nobody listens, now and later: the kernel gives it to nobody."""
    return free_ports(1)[0]


def descriptors() -> int:
    """Return how many descriptors this process has open."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def connections_to(port: int) -> int:
    """Return how many sockets of this process are connected to that port, whatever the other end has seen of it."""
    count = 0
    for path in list(Path("/proc/self/fd").iterdir()):
        # Other threads may close theirs meanwhile.
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(path.stat().st_mode):
                with socket.socket(fileno=os.dup(int(path.name))) as twin:
                    count += twin.family == socket.AF_INET and twin.getpeername()[1] == port
    return count


class Post(Protocol):
    """What a test does with a Mailer."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...
    def close(self) -> None: ...
    def send(self, message: EmailMessage, **options: Any) -> Receipt: ...
    def file(self, receipt: Receipt, message: EmailMessage, **options: Any) -> Receipt: ...
    def resolve(self, receipt: Receipt, message: EmailMessage, **options: Any) -> Receipt: ...
    def send_together(self, messages: Iterable[EmailMessage], **options: Any) -> list[Receipt | BaseException]:
        """Send all at the same time; return what became of each, in order."""
        ...

    def end(self) -> None:
        """Give everything of the test's own back, after the Mailer's own."""
        ...


class BlockingPost:
    """`tether_mailconf.Mailer`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.mailer = tether_mailconf.Mailer(*arguments, **options)

    def __enter__(self) -> Self:
        assert self.mailer.__enter__() is self.mailer
        return self

    def __exit__(self, *exception: object) -> None:
        self.mailer.__exit__(None, None, None)

    def close(self) -> None:
        self.mailer.close()

    def send(self, message: EmailMessage, **options: Any) -> Receipt:
        return self.mailer.send(message, **options)

    def file(self, receipt: Receipt, message: EmailMessage, **options: Any) -> Receipt:
        return self.mailer.file(receipt, message, **options)

    def resolve(self, receipt: Receipt, message: EmailMessage, **options: Any) -> Receipt:
        return self.mailer.resolve(receipt, message, **options)

    def send_together(self, messages: Iterable[EmailMessage], **options: Any) -> list[Receipt | BaseException]:
        def one(message: EmailMessage) -> Receipt | BaseException:
            try:
                return self.mailer.send(message, **options)
            except Exception as error:
                return error

        together = list(messages)
        with ThreadPoolExecutor(len(together)) as pool:
            return list(pool.map(one, together))

    def end(self) -> None:
        pass


class AsyncioPost:
    """`tether_mailconf.aio.Mailer`, each call a run of one event loop, after which no task may be left."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._runner = asyncio.Runner()
        self.mailer = aio.Mailer(*arguments, **options)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        async def alone() -> Any:
            try:
                return await work
            finally:
                assert asyncio.all_tasks() == {asyncio.current_task()}

        return self._runner.run(alone())

    def __enter__(self) -> Self:
        assert self.run(self.mailer.__aenter__()) is self.mailer
        return self

    def __exit__(self, *exception: object) -> None:
        self.run(self.mailer.__aexit__(None, None, None))

    def close(self) -> None:
        self.run(self.mailer.close())

    def send(self, message: EmailMessage, **options: Any) -> Receipt:
        receipt: Receipt = self.run(self.mailer.send(message, **options))
        return receipt

    def file(self, receipt: Receipt, message: EmailMessage, **options: Any) -> Receipt:
        filed: Receipt = self.run(self.mailer.file(receipt, message, **options))
        return filed

    def resolve(self, receipt: Receipt, message: EmailMessage, **options: Any) -> Receipt:
        resolved: Receipt = self.run(self.mailer.resolve(receipt, message, **options))
        return resolved

    def send_together(self, messages: Iterable[EmailMessage], **options: Any) -> list[Receipt | BaseException]:
        async def all_of_them() -> list[Receipt | BaseException]:
            sends = [self.mailer.send(message, **options) for message in messages]
            return await asyncio.gather(*sends, return_exceptions=True)

        together: list[Receipt | BaseException] = self.run(all_of_them())
        return together

    def end(self) -> None:
        self._runner.close()


@attrs.frozen(kw_only=True)
class Colour:
    """Makes Mailers of one colour.

    Args:
        is_async: whether it is the colour of asyncio.
        new: makes a Mailer of it.
    """

    is_async: bool
    new: Callable[..., Post]

    def mailer(self, sandbox: Sandbox, settings: ConnectionSettings | None = None, **options: Any) -> Post:
        """Return a Mailer for the sandbox, with its own settings if no others are given."""
        chosen = sandbox.settings if settings is None else settings
        credential = options.pop("credential", None) or sandbox.credential
        network = options.pop("network", None) or permitting(sandbox, chosen)
        ca_file = options.pop("ca_file", None) or sandbox.ca_file
        return self.new(chosen, credential, network=network, ca_file=ca_file, **options)


def permitting(sandbox: Sandbox, *settings: ConnectionSettings) -> tether_mailconf.NetworkPolicy:
    """Return a policy that lets the sandbox be dialled, and whatever the settings name on loopback."""
    ends: list[Endpoint | None] = [end for one in settings for end in (one.smtp, one.imap)]
    return attrs.evolve(
        sandbox.network,
        networks=("127.0.0.0/8",),
        ports=sandbox.network.ports | {end.port for end in ends if end is not None},
    )
