"""What goes wrong with mail accounts, one fault at a time, made for real: on Dovecot, Postfix and the sockets between.

`FAULTS` is the list. Each fault changes one thing about an account that works, and says which step and which cause the
first finding must name: of a check, and of a test send. The servers are shared; only what must be wrong with a server
is started for it alone.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
from cryptography import x509

from tests.servers.authority import Authority, make_authority
from tests.servers.dovecot import Dovecot
from tests.servers.layout import SentLayout
from tests.servers.oauth_server import OAuthServer
from tests.servers.plugin import Servers
from tests.servers.postfix import Postfix
from tests.servers.process import LOOPBACK, free_ports, temporary_folder
from tests.servers.server import ADDRESS, PASSWORD, ImapServer
from tests.servers.sink import Received
from tether_mailconf import (
    ConnectionSettings,
    Credential,
    CredentialKind,
    Endpoint,
    Filer,
    NetworkPolicy,
    Password,
    Security,
    SentPolicy,
    oauth,
)
from tether_mailconf.sandbox import Internet, Sandbox

BEN = "ben@example.org"
NOBODY = "nobody@example.org"
IMPATIENT = 2.5
"""Seconds for what never answers."""


@attrs.frozen(kw_only=True)
class Situation:
    """An account, and how it is reached.

    Args:
        settings: the account.
        credential: what it signs in with.
        ca_file: the authority that is trusted.
        network: what may be dialled.
        to: to whom a test message goes; None: to itself.
        seconds: the deadline.
    """

    settings: ConnectionSettings
    credential: Credential
    ca_file: Path
    network: NetworkPolicy
    to: str | None = None
    seconds: float = 20.0


class House:
    """The servers that the faults share. Closed with the stack that it is given.

    Args:
        authority: whose certificate they show.
        issuer: whose tokens Dovecot takes.
        held: what ends them.

    Attributes:
        accepted: how many messages Postfix has accepted, as tests count them.
    """

    def __init__(self, authority: Authority, issuer: OAuthServer, held: contextlib.ExitStack) -> None:
        self.held = held
        self.authority = authority
        self.servers = Servers(authority, held)
        self.dovecot = self.servers.dovecot(issuer=issuer)
        self.postfix = self.servers.postfix(self.dovecot, refused=[NOBODY])
        self.names = held.enter_context(Sandbox(internet=Internet(zones={"example.test": ""})))
        self.postfix.sink.on_message = self.deliver
        self.accepted = 0

    def relayed(self) -> int:
        """Return how many messages have left Postfix, once all have that were accepted."""
        return len(self.postfix.sink.received(self.accepted))

    def deliver(self, message: Received) -> None:
        """Put what was sent to the user into the inbox, as the world outside would."""
        if ADDRESS in message.recipients:
            self.dovecot.mailboxes.append("INBOX", message.content, flags="()")

    def sound(self) -> Situation:
        """Return the account as it works."""
        return self.on(self.postfix, self.dovecot)

    def on(self, submission: Dovecot | Postfix, imap: ImapServer, authority: Authority | None = None) -> Situation:
        """Return an account on these servers."""
        settings = ConnectionSettings(
            address=ADDRESS,
            smtp=submission.endpoint("submission", Security.TLS),
            imap=imap.endpoint("imap", Security.TLS),
            smtp_user=ADDRESS,
            imap_user=ADDRESS,
            credential=CredentialKind.PASSWORD,
            sent=SentPolicy(filer=Filer.CLIENT),
        )
        return Situation(
            settings=settings,
            credential=Password(PASSWORD),
            ca_file=(authority or self.authority).ca_file,
            network=permitting(settings),
        )

    def folder(self) -> Path:
        """Return a folder for the files of another authority."""
        return self.held.enter_context(temporary_folder("authority"))

    def submitting_to(self, endpoint: Endpoint, seconds: float = 20.0) -> Situation:
        """Return the account with another submission server."""
        sound = self.sound()
        settings = attrs.evolve(sound.settings, smtp=endpoint)
        return attrs.evolve(sound, settings=settings, network=permitting(settings), seconds=seconds)


def permitting(settings: ConnectionSettings, name_servers: tuple[tuple[str, int], ...] = ()) -> NetworkPolicy:
    """Return the policy that lets the servers of these settings be dialled, and nothing else."""
    ports = [end.port for end in (settings.smtp, settings.imap) if end is not None]
    return NetworkPolicy(networks=("127.0.0.0/8",), ports=ports, name_servers=name_servers)


@attrs.frozen(kw_only=True)
class Fault:
    """One thing that is wrong.

    Args:
        name: what it is called.
        make: makes it, in a house.
        check: the step and the cause of a check's first finding; None: a check cannot see it.
        trial: the step and the cause of a test send's first finding.
    """

    name: str
    make: Callable[[House], Situation]
    check: tuple[str, str] | None
    trial: tuple[str, str]


# -- the faults --------------------------------------------------------------------------------------------------------


def wrong_host(house: House) -> Situation:
    """No name server knows the name."""
    sound = house.sound()
    settings = attrs.evolve(sound.settings, smtp=attrs.evolve(sound.settings.smtp, host="smpt.example.test"))
    return attrs.evolve(sound, settings=settings, network=permitting(settings, tuple(house.names.network.name_servers)))


def closed_port(house: House) -> Situation:
    """The machine is right, the port is not."""
    return house.submitting_to(Endpoint(host=LOOPBACK, port=free_ports(1)[0], security=Security.TLS))


def black_hole(house: House) -> Situation:
    """What is sent there is never answered: the queue of connections is full, so not even the first packet is."""
    listener = house.held.enter_context(socket.socket())
    listener.bind((LOOPBACK, 0))
    listener.listen(0)
    port = listener.getsockname()[1]
    for _ in range(4):
        waiting = house.held.enter_context(socket.socket())
        waiting.setblocking(False)
        waiting.connect_ex((LOOPBACK, port))
    endpoint = Endpoint(host=LOOPBACK, port=port, security=Security.TLS)
    return house.submitting_to(endpoint, IMPATIENT)


def wrong_certificate(house: House) -> Situation:
    """The certificate is good, and somebody else's."""
    other = make_authority(house.folder(), [x509.DNSName("mail.elsewhere.test")])
    dovecot = house.held.enter_context(Dovecot(other))
    return house.on(dovecot, dovecot, other)


def expired_certificate(house: House) -> Situation:
    """It ended a day and a half ago."""
    other = make_authority(house.folder(), age=dt.timedelta(days=2))
    dovecot = house.held.enter_context(Dovecot(other))
    return house.on(dovecot, dovecot, other)


def no_starttls(house: House) -> Situation:
    """The server speaks no TLS at all."""
    endpoint = Endpoint(host="127.0.0.1", port=house.postfix.sink.port, security=Security.STARTTLS)
    return house.submitting_to(endpoint)


def wrong_password(house: House) -> Situation:
    """It was mistyped."""
    return attrs.evolve(house.sound(), credential=Password(f"{PASSWORD}!"))


def token_refused(house: House) -> Situation:
    """The issuer knows nothing of the token."""
    sound = house.on(house.dovecot, house.dovecot)
    settings = attrs.evolve(sound.settings, credential=CredentialKind.OAUTH_TOKEN)
    return attrs.evolve(sound, settings=settings, credential=oauth.BearerToken("ya29.nobody-gave-this-out"))


def sender_not_owned(house: House) -> Situation:
    """The address is another person's."""
    sound = house.sound()
    return attrs.evolve(sound, settings=attrs.evolve(sound.settings, address="boss@example.test"))


def recipient_refused(house: House) -> Situation:
    """There is no such person."""
    return attrs.evolve(house.sound(), to=NOBODY)


def over_quota(house: House) -> Situation:
    """The mailbox is full to the last kibibyte."""
    full = house.servers.dovecot(quota="4K")
    full.mailboxes.append("INBOX", b"Subject: big\r\n\r\n" + b"x" * 4050)
    return attrs.evolve(house.on(house.postfix, full), to=BEN)


def read_only_sent(house: House) -> Situation:
    """The user may look into Sent and not write."""
    looked_at = house.servers.dovecot(rights=["INBOX owner lrwstipekxa", "Sent owner lrs"])
    return attrs.evolve(house.on(house.postfix, looked_at), to=BEN)


def no_sent(house: House) -> Situation:
    """There is no Sent folder, and the user may make none."""
    bare = house.servers.dovecot(SentLayout(name=None), rights=["* owner lrwsti"])
    return attrs.evolve(house.on(house.postfix, bare), to=BEN)


def imap_down(house: House) -> Situation:
    """The IMAP server was there, and has ended."""
    with Dovecot(house.authority) as ended:
        port = ended.ports["imaps"]
    sound = house.sound()
    settings = attrs.evolve(sound.settings, imap=Endpoint(host=LOOPBACK, port=port, security=Security.TLS))
    return attrs.evolve(sound, settings=settings, network=permitting(settings))


def smtp_down(house: House) -> Situation:
    """The submission server was there, and has ended."""
    with Postfix(house.dovecot) as ended:
        port = ended.ports["submissions"]
    return house.submitting_to(Endpoint(host=LOOPBACK, port=port, security=Security.TLS))


def slow_server(house: House) -> Situation:
    """Each answer of the submission server takes so long that the time is over before the sign-in."""
    port = house.held.enter_context(slowed(house.postfix.ports["submissions"], 1.5))
    endpoint = Endpoint(host=LOOPBACK, port=port, security=Security.TLS)
    return house.submitting_to(endpoint, IMPATIENT)


FAULTS = (
    Fault(
        name="wrong host",
        make=wrong_host,
        check=("look-up", "network.name_unknown"),
        trial=("look-up", "network.name_unknown"),
    ),
    Fault(
        name="closed port",
        make=closed_port,
        check=("connect", "network.closed_port"),
        trial=("connect", "network.closed_port"),
    ),
    Fault(
        name="black hole",
        make=black_hole,
        check=("connect", "network.no_answer"),
        trial=("connect", "network.no_answer"),
    ),
    Fault(
        name="wrong certificate",
        make=wrong_certificate,
        check=("tls", "tls.wrong_name"),
        trial=("tls", "tls.wrong_name"),
    ),
    Fault(
        name="expired certificate", make=expired_certificate, check=("tls", "tls.expired"), trial=("tls", "tls.expired")
    ),
    Fault(
        name="no STARTTLS",
        make=no_starttls,
        check=("starttls", "starttls.missing"),
        trial=("starttls", "starttls.missing"),
    ),
    Fault(
        name="wrong password",
        make=wrong_password,
        check=("sign-in", "sign_in.password_refused"),
        trial=("sign-in", "sign_in.password_refused"),
    ),
    Fault(
        name="token refused",
        make=token_refused,
        check=("sign-in", "sign_in.token_refused"),
        trial=("sign-in", "sign_in.token_refused"),
    ),
    Fault(
        name="sender not owned",
        make=sender_not_owned,
        check=("sender", "sender.not_owned"),
        trial=("recipients", "sender.not_owned"),
    ),
    Fault(
        name="recipient refused",
        make=recipient_refused,
        check=None,
        trial=("recipients", "recipient.unknown"),
    ),
    Fault(name="over quota", make=over_quota, check=("append", "mailbox.full"), trial=("append", "mailbox.over_quota")),
    Fault(
        name="read-only Sent",
        make=read_only_sent,
        check=("append", "mailbox.no_permission"),
        trial=("append", "mailbox.no_permission"),
    ),
    Fault(
        name="no Sent and no right to create it",
        make=no_sent,
        check=("append", "mailbox.may_not_be_made"),
        trial=("mailbox", "mailbox.no_permission"),
    ),
    Fault(
        name="IMAP down",
        make=imap_down,
        check=("connect", "network.closed_port"),
        trial=("connect", "network.closed_port"),
    ),
    Fault(
        name="SMTP down",
        make=smtp_down,
        check=("connect", "network.closed_port"),
        trial=("connect", "network.closed_port"),
    ),
    Fault(name="slow server", make=slow_server, check=("greeting", "deadline"), trial=("greeting", "deadline")),
)


# -- a slow way --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def slowed(target: int, seconds: float) -> Iterator[int]:
    """Listen at a port, and pass on what is said there; what the server says comes so much later, each time."""
    ended = threading.Event()
    with socket.create_server((LOOPBACK, 0)) as listener:
        listener.settimeout(0.1)
        threads = [threading.Thread(target=_accept, args=(listener, target, seconds, ended), name="slow")]
        threads[0].start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            threads[0].join()


def _accept(listener: socket.socket, target: int, seconds: float, ended: threading.Event) -> None:
    with contextlib.ExitStack() as held:
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                client = held.enter_context(listener.accept()[0])
                server = held.enter_context(socket.create_connection((LOOPBACK, target)))
                for source, sink, delay in ((client, server, 0.0), (server, client, seconds)):
                    pump = threading.Thread(target=_pump, args=(source, sink, delay, ended), name="slow pump")
                    pump.start()
                    held.callback(pump.join)


def _pump(source: socket.socket, sink: socket.socket, delay: float, ended: threading.Event) -> None:
    source.settimeout(0.1)
    while not ended.is_set():
        with contextlib.suppress(TimeoutError):
            try:
                data = source.recv(65536)
                if not data or ended.wait(delay):
                    return
                sink.sendall(data)
            except TimeoutError:
                raise
            except OSError:
                return
