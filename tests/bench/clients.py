"""The same job by different hands: send a message, and put a copy of it into Sent, on connections that are kept."""

from __future__ import annotations

import asyncio
import imaplib
import smtplib
import ssl
from abc import ABC, abstractmethod
from email.message import EmailMessage
from typing import Self

from tether_mailconf import AppPassword, Filer, Mailer, NetworkPolicy, SentPolicy, aio
from tether_mailconf.settings import ConnectionSettings, CredentialKind, Endpoint, Security

from .server import Address

HOST = "127.0.0.1"


class Client(ABC):
    """Somebody who sends and files. Used as a context manager."""

    name: str

    def __init__(self, address: Address) -> None:
        self.address = address

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def open(self) -> None:
        """Connect and sign in, or make ready to."""

    @abstractmethod
    def send(self, message: EmailMessage) -> None:
        """Send one message and file its copy."""

    @abstractmethod
    def close(self) -> None:
        """End the connections."""


class Stdlib(Client):
    """smtplib and imaplib, as people use them: the message is rendered for each of the two."""

    name = "smtplib + imaplib"

    def open(self) -> None:
        context = ssl.create_default_context(cafile=self.address.ca_file)
        self._smtp = smtplib.SMTP_SSL(HOST, self.address.smtp, context=context, timeout=60)
        self._smtp.login(self.address.user, self.address.password)
        self._imap = imaplib.IMAP4_SSL(HOST, self.address.imap, ssl_context=context, timeout=60)
        self._imap.login(self.address.user, self.address.password)

    def send(self, message: EmailMessage) -> None:
        self._smtp.send_message(message)
        status, _ = self._imap.append("Sent", "\\Seen", "", message.as_bytes())
        assert status == "OK"

    def close(self) -> None:
        self._smtp.quit()
        self._imap.logout()


class Ours(Client):
    """tether_mailconf, blocking."""

    name = "tether_mailconf"

    def open(self) -> None:
        self._mailer = Mailer(*_account(self.address), network=_network(self.address), ca_file=self.address.ca_file)
        self._mailer.__enter__()

    def send(self, message: EmailMessage) -> None:
        assert self._mailer.send(message).filing.name == "APPENDED"

    def close(self) -> None:
        self._mailer.close()


class OursAio(Client):
    """tether_mailconf.aio, on a loop that is kept."""

    name = "tether_mailconf.aio"

    def open(self) -> None:
        self._runner = asyncio.Runner()
        account, options = _account(self.address), _network(self.address)
        self._mailer = aio.Mailer(*account, network=options, ca_file=self.address.ca_file)
        self._runner.run(self._mailer.__aenter__())

    def send(self, message: EmailMessage) -> None:
        assert self._runner.run(self._mailer.send(message)).filing.name == "APPENDED"

    def close(self) -> None:
        self._runner.run(self._mailer.close())
        self._runner.close()


CLIENTS: tuple[type[Client], ...] = (Stdlib, Ours, OursAio)


def _account(address: Address) -> tuple[ConnectionSettings, AppPassword]:
    settings = ConnectionSettings(
        address=address.user,
        smtp=Endpoint(host=HOST, port=address.smtp, security=Security.TLS),
        imap=Endpoint(host=HOST, port=address.imap, security=Security.TLS),
        smtp_user=address.user,
        imap_user=address.user,
        credential=CredentialKind.APP_PASSWORD,
        sent=SentPolicy(filer=Filer.CLIENT, mailbox="Sent"),
    )
    return settings, AppPassword(address.password)


def _network(address: Address) -> NetworkPolicy:
    return NetworkPolicy(networks=("127.0.0.0/8",), ports=frozenset({address.smtp, address.imap}))
