"""`Sandbox`: a mail provider in this process, on loopback, for demonstrations and for tests that want real protocol.

It puts store, sessions, certificates and transport together and hands out what a host needs to sign in: settings,
credential, network policy and CA file. Nothing in it leaves loopback.
"""

from __future__ import annotations

import datetime as dt
import secrets
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypedDict

import attrs

from .._drivers.guard import NetworkPolicy
from .certificate import make_certificates
from .http_session import HttpSession
from .imap_session import ImapSession
from .issuer.oauth import SandboxOAuth
from .personality import Drop, Personality
from .server import Server, Service
from .smtp_session import SmtpSession
from .store import Account, Store, StoredMessage, Submission

if TYPE_CHECKING:
    from types import TracebackType

    from ..credentials import AppPassword
    from ..settings import ConnectionSettings
    from .http_session import WebRequest
    from .internet import Internet, Question
    from .world import World

_HOST = "127.0.0.1"


class There(TypedDict):
    """What leads to a sandbox and nowhere else, as keyword arguments.

    Attributes:
        network: the policy that lets its ports be dialled.
        ca_file: the authority of its certificates (PEM).
    """

    network: NetworkPolicy
    ca_file: Path


@attrs.frozen(kw_only=True)
class _Running:
    """What there is between start and close."""

    ca_file: Path
    server: Server
    network: NetworkPolicy
    ends: ExitStack


class Sandbox:
    """A submission server, an IMAP server and an OAuth issuer with one account, `ana@sandbox.test`; more can be added.

    Use it as a context manager, or call `start` and `close`::

        with Sandbox() as sandbox:
            mailer = Mailer(
                sandbox.settings, sandbox.credential, network=sandbox.network, ca_file=sandbox.ca_file
            )

    A message to an account of the sandbox is delivered to its INBOX; one to anybody else is only remembered in
    `submissions`. What was stored can be looked at after `close` too; ports and files are gone then.

    Args:
        personality: how the servers behave; the ready-made ones are in `tether_mailconf.sandbox.personality`.
        clock: the seconds since the epoch, which say when a late copy is due and what a message's date is.
        internet: names and web pages around the servers, which then are reached by these names and at the usual ports.

    Attributes:
        oauth: the issuer at which the people of the sandbox sign in.
    """

    address = "ana@sandbox.test"
    """The address of the first account, which is its user name too."""

    def __init__(
        self,
        personality: Personality | None = None,
        *,
        clock: Callable[[], float] = time.time,
        internet: Internet | None = None,
    ) -> None:
        self.personality = personality or Personality()
        self.password = secrets.token_hex(8)
        self.token = secrets.token_urlsafe(24)
        self.store = Store(self.personality, clock)
        self.store.add_account(self.address, self.password, token=self.token)
        self.oauth = SandboxOAuth(self.store, self.personality.oauth)
        self.store.opens_mail = self.oauth.opens_mail
        self._world: World | None = None
        if internet is not None:
            from .world import World

            self._world = World(internet)
        self._running: _Running | None = None

    def start(self) -> Self:
        """Listen; return the sandbox itself.

        Raises:
            RuntimeError: it is running already.
        """
        if self._running is not None:
            raise RuntimeError("the sandbox is running already")
        with ExitStack() as undone:
            folder = Path(undone.enter_context(tempfile.TemporaryDirectory(prefix="mailconf-sandbox-")))
            hosts = () if self._world is None else self._world.hosts
            files = make_certificates(folder, dt.datetime.now(dt.UTC), hosts)
            server = Server(self._services(), files.chain)
            undone.callback(server.close)
            network = NetworkPolicy(networks=("127.0.0.0/8",), ports=frozenset(server.ports))
            if self._world is not None:
                name_server = self._world.open_name_server()
                undone.callback(name_server.close)
                network = self._world.seen_by(network, name_server, server.ports)
            ends = undone.pop_all()
        self._running = _Running(ca_file=files.authority, server=server, network=network, ends=ends)
        self.oauth.opened(f"https://{_HOST}:{server.ports[-1]}", files.authority)
        return self

    def close(self) -> None:
        """Break all connections and give everything back. Closing twice is no error."""
        running, self._running = self._running, None
        if running is not None:
            self.oauth.closed()
            running.ends.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _services(self) -> tuple[Service, ...]:
        issuer = Service(
            name="issuer",
            open_session=lambda: HttpSession(self.store, self.personality, self.oauth.answer),
            is_implicit=True,
        )
        mail = tuple(
            Service(name=name, open_session=open_session, is_implicit=is_implicit)
            for is_implicit in (True, False)
            for name, open_session in (
                ("smtp", lambda: SmtpSession(self.store, self.personality)),
                ("imap", lambda: ImapSession(self.store, self.personality)),
            )
        )
        public = mail if self._world is None else self._world.services(mail, self.personality)
        return (*public, issuer)

    # -- what a client needs ---------------------------------------------------------------------------------------

    @property
    def settings(self) -> ConnectionSettings:
        """Settings of the first account, with implicit TLS. Raises `RuntimeError` if the sandbox is not running.

        They say who files only where the personality never does, so that no test of yours waits for a copy that cannot
        come; where it files, at once or late, a Mailer finds out.
        """
        return self._settings("tls", self._alive().server.ports[:2])

    @property
    def settings_starttls(self) -> ConnectionSettings:
        """The same with STARTTLS."""
        return self._settings("starttls", self._alive().server.ports[2:4])

    @property
    def settings_oauth(self) -> ConnectionSettings:
        """`settings` for a token of the sandbox's issuer, which `oauth` is."""
        from ..settings import CredentialKind

        return attrs.evolve(self.settings, credential=CredentialKind.OAUTH_TOKEN)

    def _settings(self, kind: str, ports: tuple[int, ...]) -> ConnectionSettings:
        from ..settings import ConnectionSettings, CredentialKind, Endpoint, Filer, Security, SentPolicy

        security, (smtp, imap) = Security(kind), ports
        return ConnectionSettings(
            address=self.address,
            display_name="Ana",
            preset="custom",
            smtp=Endpoint(host=_HOST, port=smtp, security=security),
            imap=Endpoint(host=_HOST, port=imap, security=security),
            smtp_user=self.address,
            imap_user=self.address,
            credential=CredentialKind.APP_PASSWORD,
            sent=SentPolicy(filer=Filer.CLIENT if self.personality.filing_delay is None else Filer.UNKNOWN),
        )

    @property
    def credential(self) -> AppPassword:
        """The password of the first account, as the credential that `settings` name."""
        from ..credentials import AppPassword

        return AppPassword(self.password)

    @property
    def network(self) -> NetworkPolicy:
        """The policy that lets a `Mailer` dial this sandbox, and no other port.

        With an internet, names are looked up in that, and the usual ports lead here too.
        """
        return self._alive().network

    @property
    def ca_file(self) -> Path:
        """The authority to trust (PEM). Raises `RuntimeError` if the sandbox is not running."""
        return self._alive().ca_file

    @property
    def there(self) -> There:
        """Both of them, as a `Mailer` and whatever else dials take them: `Mailer(..., **sandbox.there)`.

        Raises `RuntimeError` if the sandbox is not running.
        """
        return {"network": self.network, "ca_file": self.ca_file}

    def _alive(self) -> _Running:
        if self._running is None:
            raise RuntimeError("the sandbox is not running: use it in a with statement, or call start()")
        return self._running

    # -- what it remembers -----------------------------------------------------------------------------------------

    def add_account(self, address: str, password: str, *, token: str = "", user: str = "") -> None:
        """Add a person.

        Args:
            address: the mail address, a user name too.
            password: for PLAIN and LOGIN.
            token: the access token for XOAUTH2 and OAUTHBEARER; none signs in if it is empty.
            user: a further user name, such as the local part.

        Raises:
            ValueError: there is an account with this address or user name.
        """
        self.store.add_account(address, password, token=token, user=user)

    @property
    def submissions(self) -> tuple[Submission, ...]:
        """What the submission server accepted, oldest first."""
        with self.store.lock:
            return tuple(self.store.submissions)

    @property
    def mailboxes(self) -> dict[str, tuple[StoredMessage, ...]]:
        """The first account's mailboxes with their messages, by full decoded name."""
        with self.store.lock:
            self.store.settle()
            boxes = self._account(None).mailboxes.values()
            return {mailbox.name: mailbox.messages for mailbox in boxes if mailbox.is_selectable}

    def mailbox(self, name: str, address: str | None = None) -> tuple[StoredMessage, ...]:
        """Return the messages of a mailbox.

        Args:
            name: its full decoded name, prefix included.
            address: whose; the first account's if left out.

        Raises:
            KeyError: there is no such mailbox or account.
        """
        with self.store.lock:
            mailbox = self.store.find(self._account(address), name)
            if mailbox is None:
                raise KeyError(name)
            return mailbox.messages

    def inbox(self, address: str | None = None) -> tuple[StoredMessage, ...]:
        """Return the messages of an INBOX, the first account's if no address is given."""
        return self.mailbox("INBOX", address)

    def sent(self, address: str | None = None) -> tuple[StoredMessage, ...]:
        """Return the messages of the Sent mailbox, whatever its name; none if there is no such mailbox yet."""
        with self.store.lock:
            mailbox = self.store.sent(self._account(address))
            return () if mailbox is None else mailbox.messages

    @property
    def questions(self) -> tuple[Question, ...]:
        """What the name server was asked, oldest first; nothing without an internet."""
        return () if self._world is None else self._world.questions.entries

    @property
    def requests(self) -> tuple[WebRequest, ...]:
        """What the web sites of the internet were asked, oldest first; the issuer's are in `oauth.requests`."""
        return () if self._world is None else self._world.requests.entries

    def clear_logs(self) -> None:
        """Forget the questions and requests so far."""
        if self._world is not None:
            self._world.questions.clear()
            self._world.requests.clear()

    @property
    def last_drop(self) -> Drop | None:
        """Where the sandbox broke a connection last, if it did."""
        return self.store.last_drop

    def _account(self, address: str | None) -> Account:
        account = self.store.account(address or self.address)
        if account is None:
            raise KeyError(address)
        return account
