"""Servers that cannot be reached, are not permitted, are not who they should be, or talk nonsense."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import attrs
import pytest

from tether_mailconf import (
    ConnectionSettings,
    ConversationError,
    Delivery,
    Dropped,
    Filer,
    Filing,
    InvalidSettings,
    NetworkPolicy,
    NotOffered,
    NotPermitted,
    ProtocolViolation,
    Refused,
    Security,
    Step,
    TimedOut,
    TLSFailed,
    Unreachable,
)
from tether_mailconf._drivers import tls
from tether_mailconf.sandbox import Sandbox

from .post import Colour, at_ports, closed_port, copies, filed_by, letter
from .raw_server import Peer, RawServer, make_chain, trusted_chain

Serve = Callable[..., RawServer]


@pytest.fixture
def serve(stack: ExitStack) -> Serve:
    """A function that starts a server that behaves as told."""
    return lambda *arguments: stack.enter_context(RawServer(*arguments))


def failure(
    colour: Colour, sandbox: Sandbox, settings: ConnectionSettings, *, deadline: float = 30.0, **options: object
) -> ConversationError:
    """Send, and return the error; it names the server."""
    mailer = colour.mailer(sandbox, filed_by(settings, Filer.NOBODY), **options)
    with pytest.raises(ConversationError) as caught:
        mailer.send(letter(), deadline=deadline)
    error = caught.value
    assert error.endpoint == settings.smtp
    assert error.receipt is not None
    assert error.receipt.delivery is Delivery.NOT_SENT
    assert sandbox.submissions == ()
    return error


def starttls_at(sandbox: Sandbox, port: int) -> ConnectionSettings:
    return at_ports(sandbox.settings_starttls, smtp=port)


# -- not reached ------------------------------------------------------------------------------------------------------


def test_a_port_where_nobody_listens(sandbox: Sandbox, colour: Colour) -> None:
    error = failure(colour, sandbox, at_ports(sandbox.settings, smtp=closed_port()))
    assert isinstance(error, Unreachable)
    assert error.step is Step.CONNECT


def test_a_name_that_does_not_resolve(sandbox: Sandbox, colour: Colour) -> None:
    settings = sandbox.settings
    settings = attrs.evolve(settings, smtp=attrs.evolve(settings.smtp, host="nowhere.invalid"))
    error = failure(colour, sandbox, settings)
    assert isinstance(error, (Unreachable, NotPermitted))
    assert error.step is Step.LOOKUP


def test_a_host_name_is_looked_up(sandbox: Sandbox, colour: Colour) -> None:
    settings = filed_by(sandbox.settings, Filer.CLIENT)
    assert settings.imap is not None
    named = attrs.evolve(
        settings,
        smtp=attrs.evolve(settings.smtp, host="localhost"),
        imap=attrs.evolve(settings.imap, host="localhost"),
    )
    network = attrs.evolve(sandbox.network, networks=("127.0.0.0/8", "::1/128"))
    with colour.mailer(sandbox, named, network=network) as mailer:
        assert mailer.send(letter()).filing is Filing.APPENDED


@pytest.mark.parametrize("security", list(Security))
def test_a_server_that_never_answers_costs_no_more_than_the_deadline(
    sandbox: Sandbox, colour: Colour, serve: Serve, security: Security
) -> None:
    server = serve(Peer.hear_all)
    settings = sandbox.settings if security is Security.TLS else sandbox.settings_starttls
    error = failure(colour, sandbox, at_ports(settings, smtp=server.port), deadline=0.3)
    assert isinstance(error, TimedOut)
    assert error.step is (Step.TLS if security is Security.TLS else Step.GREETING)


def test_a_port_that_takes_no_connection_costs_no_more_than_the_deadline(sandbox: Sandbox, colour: Colour) -> None:
    with socket.socket() as listener, ExitStack() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            # The queue of the kernel is filled, so the next one is not even greeted by it.
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        error = failure(colour, sandbox, at_ports(sandbox.settings, smtp=listener.getsockname()[1]), deadline=0.3)
    assert isinstance(error, TimedOut)


def test_an_imap_server_that_never_answers_leaves_the_copy_pending(
    sandbox: Sandbox, colour: Colour, serve: Serve
) -> None:
    server = serve(Peer.hear_all)
    settings = filed_by(sandbox.settings, Filer.CLIENT)
    message = letter()
    with colour.mailer(sandbox, at_ports(settings, imap=server.port)) as mailer:
        receipt = mailer.send(message, deadline=1.5)
    assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.PENDING)
    assert receipt.filing_code == "deadline.passed"
    with colour.mailer(sandbox, settings) as mailer:
        assert mailer.file(receipt, message).filing is Filing.APPENDED
    assert len(copies(sandbox.sent(), receipt.message_id)) == len(sandbox.submissions) == 1


@pytest.mark.parametrize("kind", ["closed", "garbage", "not trusted", "hangs up"])
def test_whatever_imap_does_the_message_is_sent(
    sandbox: Sandbox, colour: Colour, serve: Serve, tmp_path: Path, kind: str
) -> None:
    _, chain = make_chain(tmp_path)
    ports: dict[str, Callable[[], int]] = {
        "closed": closed_port,
        "garbage": lambda: serve(lambda peer: peer.say_bytes(b"\0\xff\r\n" * 1000)).port,
        "not trusted": lambda: serve(Peer.hear_all, chain).port,
        "hangs up": lambda: serve(lambda peer: None).port,
    }
    port = ports[kind]()
    for filer in (Filer.CLIENT, Filer.UNKNOWN):
        with colour.mailer(sandbox, at_ports(filed_by(sandbox.settings, filer), imap=port)) as mailer:
            receipt = mailer.send(letter())
        assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.PENDING)
        assert receipt.filing_code in ("network.unreachable", "tls.failed", "connection.dropped")
        assert receipt.filing_reason


# -- not permitted ----------------------------------------------------------------------------------------------------


def test_loopback_is_dialled_only_if_the_host_permits_it(sandbox: Sandbox, colour: Colour) -> None:
    ports = sandbox.network.ports
    for network in (NetworkPolicy(ports=ports), NetworkPolicy(), NetworkPolicy(networks=("127.0.0.0/8",))):
        error = failure(colour, sandbox, sandbox.settings, network=network)
        assert isinstance(error, NotPermitted)
        assert error.step is Step.LOOKUP
        named = attrs.evolve(sandbox.settings, smtp=attrs.evolve(sandbox.settings.smtp, host="localhost"))
        assert isinstance(failure(colour, sandbox, named, network=network), NotPermitted)


# -- not trusted ------------------------------------------------------------------------------------------------------


def test_the_machine_s_authorities_are_believed(
    sandbox: Sandbox, colour: Colour, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no others: the same server, its authority once among them and once not."""
    for known, outcome in ((os.devnull, TLSFailed), (str(sandbox.ca_file), None), (os.devnull, TLSFailed)):
        monkeypatch.setenv("SSL_CERT_FILE", known)
        tls._context.cache_clear()
        settings = filed_by(sandbox.settings, Filer.NOBODY)
        mailer = colour.new(settings, sandbox.credential, network=sandbox.network)
        if outcome is None:
            assert mailer.send(letter()).delivery is Delivery.SENT
        else:
            with pytest.raises(outcome):
                mailer.send(letter())
    tls._context.cache_clear()


def test_an_authority_that_nobody_named(sandbox: Sandbox, colour: Colour, tmp_path: Path) -> None:
    authority, _ = make_chain(tmp_path)
    for settings in (sandbox.settings, sandbox.settings_starttls):
        error = failure(colour, sandbox, settings, ca_file=authority)
        assert isinstance(error, TLSFailed)
        assert "not trusted" in str(error)


@pytest.mark.parametrize(
    ("host", "expired", "words"),
    [("127.0.0.2", False, "mismatch"), ("localhost", False, "mismatch"), ("127.0.0.1", True, "expired")],
)
def test_a_certificate_of_another_host_or_another_time(
    sandbox: Sandbox, colour: Colour, serve: Serve, tmp_path: Path, host: str, expired: bool, words: str
) -> None:
    authority, chain = make_chain(tmp_path, host=host, expired=expired)
    server = serve(Peer.hear_all, chain)
    error = failure(colour, sandbox, at_ports(sandbox.settings, smtp=server.port), ca_file=authority)
    assert isinstance(error, TLSFailed)
    assert words in str(error)


def test_the_same_certificate_in_order_is_accepted(
    sandbox: Sandbox, colour: Colour, serve: Serve, tmp_path: Path
) -> None:
    """So that the test before this one fails for the reason it names."""
    authority, chain = make_chain(tmp_path)
    server = serve(lambda peer: peer.say("554 closed today"), chain)
    error = failure(colour, sandbox, at_ports(sandbox.settings, smtp=server.port), ca_file=authority)
    assert isinstance(error, Refused)
    assert (error.step, error.reply.code) == (Step.GREETING, "554")


@pytest.mark.parametrize("content", [None, b"", b"not a certificate\n"], ids=["missing", "empty", "other"])
def test_a_ca_file_that_is_none(sandbox: Sandbox, colour: Colour, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    mailer = colour.mailer(sandbox, ca_file=path)
    with pytest.raises(InvalidSettings) as caught:
        mailer.send(letter())
    assert [problem.code for problem in caught.value.problems] == ["ca_file.unusable"]
    assert sandbox.submissions == ()


# -- nonsense ---------------------------------------------------------------------------------------------------------

GARBAGE = {
    "zeros": b"\0" * 10_000,
    "another protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "no end": b"220 " + b"x" * 100_000,
    "endless lines": b"220-x\r\n" * 100_000,
    "bare line feeds": b"220 hello\n",
    "bytes of no encoding": b"\xff\xfe\r\n" * 10,
}


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_a_typed_error(sandbox: Sandbox, colour: Colour, serve: Serve, tmp_path: Path, garbage: str) -> None:
    authority, chain = trusted_chain(tmp_path)

    def behave(peer: Peer) -> None:
        peer.say_bytes(GARBAGE[garbage])
        peer.hear_all()

    plain, secure = serve(behave), serve(behave, chain)
    for settings in (starttls_at(sandbox, plain.port), at_ports(sandbox.settings, smtp=secure.port)):
        error = failure(colour, sandbox, settings, ca_file=authority)
        assert isinstance(error, ProtocolViolation)
    assert isinstance(failure(colour, sandbox, at_ports(sandbox.settings, smtp=plain.port)), TLSFailed)


def test_a_server_that_hangs_up_at_once(sandbox: Sandbox, colour: Colour, serve: Serve) -> None:
    server = serve(lambda peer: None)
    assert isinstance(failure(colour, sandbox, starttls_at(sandbox, server.port)), Dropped)
    error = failure(colour, sandbox, at_ports(sandbox.settings, smtp=server.port))
    assert isinstance(error, (TLSFailed, Dropped))
    assert error.step is Step.TLS


@pytest.mark.parametrize("answer", ["none offered", "refused", "with more behind it"])
def test_without_starttls_no_password_is_sent(sandbox: Sandbox, colour: Colour, serve: Serve, answer: str) -> None:
    heard: list[str] = []

    def behave(peer: Peer) -> None:
        peer.say("220 mail.test ESMTP")
        while line := peer.hear():
            heard.append(line)
            if line.startswith("EHLO"):
                peer.say(
                    "250-mail.test", "250-AUTH PLAIN LOGIN", "250 X" if answer == "none offered" else "250 STARTTLS"
                )
            elif answer == "refused":
                peer.say("454 not now")
            else:
                peer.say("220 go ahead", "235 you are signed in")

    error = failure(colour, sandbox, starttls_at(sandbox, serve(behave).port))
    assert isinstance(error, (NotOffered, Refused, ProtocolViolation))
    assert error.step is Step.STARTTLS
    assert not any("AUTH" in line for line in heard)


def test_a_server_that_offers_no_mechanism_of_ours(
    sandbox: Sandbox, colour: Colour, serve: Serve, tmp_path: Path
) -> None:
    authority, chain = trusted_chain(tmp_path)

    def behave(peer: Peer) -> None:
        peer.say("220 mail.test ESMTP")
        while peer.hear():
            peer.say("250-mail.test", "250 AUTH GSSAPI XOAUTH2")

    server = serve(behave, chain)
    error = failure(colour, sandbox, at_ports(sandbox.settings, smtp=server.port), ca_file=authority)
    assert isinstance(error, NotOffered)
    assert "GSSAPI" in str(error)
    assert error.step is Step.SIGN_IN
