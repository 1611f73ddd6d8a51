"""What the three servers have in common: a context manager with ports, one user, and how a client reaches it.

A server is started by entering it and ended by leaving it; what it needs meanwhile hangs on one ExitStack. Which
program runs, and how it is configured, is each server's own.
"""

from __future__ import annotations

import abc
import contextlib
from pathlib import Path
from typing import ClassVar, Self

from tether_mailconf.settings import Endpoint, Security

from .authority import Authority
from .mailboxes import Mailboxes
from .process import LOOPBACK, free_ports

ADDRESS = "ana@example.test"
PASSWORD = "geheim und lang"
"""With spaces, as app passwords are printed."""


class Server(abc.ABC):
    """One real server for one user.

    Args:
        authority: whose certificate it shows.
        address: the user's mail address, which is also the user name.
        password: the user's password, without a colon.

    Attributes:
        ports: the port of each service, once entered.
    """

    services: ClassVar[dict[tuple[str, Security], str]]
    """The name in `ports` of each service and security that clients can use."""

    def __init__(self, authority: Authority, *, address: str = ADDRESS, password: str = PASSWORD) -> None:
        self.authority = authority
        self.address = address
        self.password = password
        self.ports: dict[str, int] = {}
        self._held = contextlib.ExitStack()

    @property
    def ca_file(self) -> Path:
        """The authority that a client must believe."""
        return self.authority.ca_file

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as started:
            self.ports = dict(zip(self.services.values(), free_ports(len(self.services)), strict=True))
            self.start(started)
            self._held = started.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    @abc.abstractmethod
    def start(self, held: contextlib.ExitStack) -> None:
        """Start what this server is; everything that must be ended goes onto `held`."""

    def endpoint(self, service: str, security: Security) -> Endpoint:
        """Return where a service ("imap" or "submission") is reached.

        Raises:
            LookupError: if this server has no such service.
        """
        return Endpoint(host=LOOPBACK, port=self.ports[self.services[service, security]], security=security)


class ImapServer(Server):
    """A server with mailboxes."""

    @property
    def mailboxes(self) -> Mailboxes:
        """The user's mailboxes, as imaplib sees them."""
        endpoint = self.endpoint("imap", Security.TLS)
        return Mailboxes(endpoint=endpoint, user=self.address, password=self.password, ca_file=self.ca_file)

    def folders(self) -> dict[str, frozenset[str]]:
        """Return every mailbox's decoded full name with its attributes, in lower case."""
        return self.mailboxes.folders()

    def copies(self, mailbox: str) -> list[bytes]:
        """Return the messages of one mailbox, oldest first.

        Raises:
            LookupError: if there is no such mailbox.
        """
        return self.mailboxes.copies(mailbox)
