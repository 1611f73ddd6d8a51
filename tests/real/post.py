"""Both colours of the Mailer behind one blocking face, and the message that these tests send.

A test asks for `opened` (see conftest.py) and sends without caring about the colour. It starts no server.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.policy
import enum
from collections.abc import Coroutine, Iterable, Iterator
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any, Protocol, TypeVar

import tether_mailconf as mailconf
from tests.servers.account import Account
from tether_mailconf import aio

T = TypeVar("T")

BEN = "ben@example.org"
CLARA = "clara@example.org"
MESSAGE_ID = "<one.copy@example.test>"
TEXT = "Grüße.\n.a leading dot\n..two of them\n.\nthe end\n"


class Colour(enum.Enum):
    """Which Mailer."""

    SYNC = "sync"
    AIO = "aio"


class Posting(Protocol):
    """What a Mailer can do, waited for."""

    def send(
        self, message: EmailMessage, *, recipients: Iterable[str] | None = None, partial: bool = False
    ) -> mailconf.Receipt: ...

    def file(self, receipt: mailconf.Receipt, message: EmailMessage) -> mailconf.Receipt: ...


class Awaited:
    """`aio.Mailer`, each call run to its end on one event loop."""

    def __init__(self, runner: asyncio.Runner, mailer: aio.Mailer) -> None:
        self._runner = runner
        self._mailer = mailer

    def send(
        self, message: EmailMessage, *, recipients: Iterable[str] | None = None, partial: bool = False
    ) -> mailconf.Receipt:
        return self._run(self._mailer.send(message, recipients=recipients, partial=partial))

    def file(self, receipt: mailconf.Receipt, message: EmailMessage) -> mailconf.Receipt:
        return self._run(self._mailer.file(receipt, message))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)


@contextlib.contextmanager
def open_mailer(
    colour: Colour, settings: mailconf.ConnectionSettings, password: str, ca_file: Path | None
) -> Iterator[Posting]:
    """Open a Mailer that may dial the ports of its settings on loopback, and nothing else."""
    endpoints = [settings.smtp, *([] if settings.imap is None else [settings.imap])]
    network = mailconf.NetworkPolicy(networks=("127.0.0.0/8",), ports=frozenset(end.port for end in endpoints))
    credential = mailconf.Password(password)
    if colour is Colour.SYNC:
        with mailconf.Mailer(settings, credential, network=network, ca_file=ca_file) as mailer:
            yield mailer
        return
    with asyncio.Runner() as runner:
        awaited = aio.Mailer(settings, credential, network=network, ca_file=ca_file)
        runner.run(awaited.__aenter__())
        try:
            yield Awaited(runner, awaited)
        finally:
            runner.run(awaited.close())


def settings_of(
    account: Account, *, filer: mailconf.Filer = mailconf.Filer.CLIENT, imap: mailconf.Endpoint | None = None
) -> mailconf.ConnectionSettings:
    """Return the settings of an account; who files is told, unless a test is about finding out."""
    return mailconf.ConnectionSettings(
        address=account.user,
        display_name="Ana",
        smtp=account.smtp,
        imap=imap or account.imap,
        smtp_user=account.user,
        imap_user=account.user,
        credential=mailconf.CredentialKind.PASSWORD,
        sent=mailconf.SentPolicy(filer=filer),
    )


def letter(
    *, sender: str = "ana@example.test", to: str = BEN, message_id: str = MESSAGE_ID, text: str = TEXT
) -> EmailMessage:
    """Return a message with a blind copy for Clara, a text outside ASCII and lines that begin with dots."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = to
    message["Bcc"] = CLARA
    message["Subject"] = "Angebot für Ben"
    message["Message-ID"] = message_id
    message.set_content(text, cte="8bit")
    return message


def parsed(content: bytes) -> EmailMessage:
    """Return raw bytes as a message."""
    message = BytesParser(policy=email.policy.default).parsebytes(content)
    assert isinstance(message, EmailMessage)
    return message


def text_of(content: bytes) -> str:
    """Return the text of a message, line ends as Python has them."""
    body = parsed(content).get_body()
    assert isinstance(body, EmailMessage)
    return str(body.get_content()).replace("\r\n", "\n")


def copies_everywhere(account: Account, message_id: str = MESSAGE_ID) -> list[str]:
    """Return the mailboxes that hold a copy of the message, one entry for each copy."""
    return [
        mailbox
        for mailbox, contents in account.all_copies().items()
        for content in contents
        if parsed(content)["Message-ID"] == message_id
    ]
