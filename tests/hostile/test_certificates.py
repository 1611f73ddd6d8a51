"""A server that is not who it should be, or speaks a TLS of the last century, hears nothing from us."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import attrs
import pytest

from tests.mailer.post import Colour, Post, filed_by, letter
from tests.mailer.raw_server import Peer, RawServer, server_context
from tether_mailconf import (
    ConnectionSettings,
    Delivery,
    Endpoint,
    Filer,
    Filing,
    MailconfError,
    NetworkPolicy,
    Password,
    Refused,
    Security,
    SentPolicy,
    Step,
    TLSFailed,
)
from tether_mailconf.sandbox import Sandbox
from tether_mailconf.sandbox.internet import Internet, Question
from tether_mailconf.sandbox.log import Log
from tether_mailconf.sandbox.name_server import NameServer
from tether_mailconf.settings import CredentialKind

from .certificates import ADDRESS, BAD, GOOD, HOST, Shown, Signer

SECURITIES = pytest.mark.parametrize("security", list(Security), ids=lambda security: security.value)


@pytest.fixture(scope="module")
def name_server() -> Iterator[NameServer]:
    """It knows one host, at 127.0.0.1."""
    server = NameServer(Internet(zones={"acme.test": "mail A 127.0.0.1"}), Log[Question]())
    yield server
    server.close()


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer(tmp_path_factory.mktemp("certificates"))


@attrs.frozen(kw_only=True)
class Visit:
    """How a server is visited.

    Args:
        colour: makes the Mailer.
        stack: ends the servers.
        name_server: knows the host.
        authority: the file of who is trusted.
    """

    colour: Colour
    stack: ExitStack
    name_server: NameServer
    authority: Path

    def send(
        self, tls: Path | ssl.SSLContext, security: Security, host: str = HOST
    ) -> tuple[MailconfError, list[bytes]]:
        """Send by a server that shows this; return the error, and all that the server could read."""
        heard: list[bytes] = []
        said = [b"220 mail.test\r\n", b"250-mail.test\r\n250 STARTTLS\r\n", b"220 go\r\n"]
        server = self.serve(tls, security, heard, said)
        with pytest.raises(MailconfError) as caught:
            self.mailer(server.port, security, host, Filer.NOBODY).send(letter(), deadline=30.0)
        assert caught.value.receipt is not None
        assert caught.value.receipt.delivery is Delivery.NOT_SENT
        return caught.value, heard

    def serve(self, tls: Path | ssl.SSLContext, security: Security, heard: list[bytes], said: list[bytes]) -> RawServer:
        """Start a server that says this in the clear, line by line, and writes down what it hears in private."""
        context = server_context(tls) if isinstance(tls, Path) else tls

        def behave(peer: Peer) -> None:
            if security is Security.STARTTLS:
                for line in said[:-1]:
                    peer.say_bytes(line)
                    peer.hear()
                peer.say_bytes(said[-1])
            peer.start_tls(context)
            peer.say_bytes(b"554 closed today\r\n")
            heard.append(peer.hear_line())

        return self.stack.enter_context(RawServer(behave))

    def mailer(self, port: int, security: Security, host: str, filer: Filer) -> Post:
        """Return a Mailer for the server at this port, whichever protocol it speaks."""
        settings = ConnectionSettings(
            address="ana@acme.test",
            smtp=Endpoint(host=host, port=port, security=security),
            imap=Endpoint(host=host, port=port, security=security),
            smtp_user="ana",
            imap_user="ana",
            credential=CredentialKind.PASSWORD,
            sent=SentPolicy(filer=filer),
        )
        network = NetworkPolicy(
            networks=("127.0.0.0/8",), ports={port}, name_servers=(("127.0.0.1", self.name_server.port),)
        )
        return self.colour.new(settings, Password("secret"), network=network, ca_file=self.authority)


@pytest.fixture
def visit(colour: Colour, stack: ExitStack, name_server: NameServer, signer: Signer) -> Visit:
    return Visit(colour=colour, stack=stack, name_server=name_server, authority=signer.authority)


@SECURITIES
@pytest.mark.parametrize("kind", BAD)
def test_a_certificate_that_is_not_believed(visit: Visit, signer: Signer, kind: str, security: Security) -> None:
    error, heard = visit.send(signer.chain(BAD[kind]), security)
    assert isinstance(error, TLSFailed)
    assert error.step is Step.TLS
    assert "not trusted" in str(error)
    assert heard in ([], [b""])


@pytest.mark.parametrize("kind", ADDRESS)
def test_a_certificate_that_is_not_of_the_address(visit: Visit, signer: Signer, kind: str) -> None:
    error, heard = visit.send(signer.chain(ADDRESS[kind]), Security.TLS, "127.0.0.1")
    assert isinstance(error, TLSFailed)
    assert "not trusted" in str(error)
    assert heard in ([], [b""])


@SECURITIES
@pytest.mark.parametrize("kind", GOOD)
def test_a_certificate_in_order(visit: Visit, signer: Signer, kind: str, security: Security) -> None:
    """So that those above are refused for the reason that they name."""
    error, _ = visit.send(signer.chain(GOOD[kind]), security)
    # The server shows itself, and then is closed today; over STARTTLS it has greeted before, so EHLO is refused.
    assert isinstance(error, Refused)
    assert error.reply.code == "554"


def test_a_certificate_of_the_address(visit: Visit, signer: Signer) -> None:
    error, _ = visit.send(signer.chain(Shown(names=("ip:127.0.0.1",))), Security.TLS, "127.0.0.1")
    assert isinstance(error, Refused)


@SECURITIES
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1", "TLSv1_2"])
def test_an_old_version_of_tls(visit: Visit, signer: Signer, version: str, security: Security) -> None:
    """1.2 is the oldest that is spoken (RFC 8996)."""
    context = server_context(signer.chain(GOOD["its name"]))
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        # Python says that they are old.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    error, heard = visit.send(context, security)
    if version == "TLSv1_2":
        assert isinstance(error, Refused)
    else:
        assert isinstance(error, TLSFailed)
        assert heard == []


@SECURITIES
@pytest.mark.parametrize("kind", ["signed by a stranger", "of another host", "expired", "for clients only"])
def test_an_imap_server_that_is_not_believed(
    visit: Visit, signer: Signer, sandbox: Sandbox, colour: Colour, kind: str, security: Security
) -> None:
    message = letter()
    message["From"] = sandbox.address
    sent = colour.mailer(sandbox, filed_by(sandbox.settings, Filer.NOBODY)).send(message)
    heard: list[bytes] = []
    server = visit.serve(signer.chain(BAD[kind]), security, heard, [b"* OK mail.test\r\n", b"m1 OK begin\r\n"])
    mailer = visit.mailer(server.port, security, HOST, Filer.CLIENT)
    receipt = mailer.file(attrs.evolve(sent, filing=Filing.PENDING), message, deadline=30.0)
    assert (receipt.filing, receipt.filing_code) == (Filing.PENDING, "tls.failed")
    assert heard in ([], [b""])
