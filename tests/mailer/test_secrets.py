"""No password and no token can be read from anything that the library shows, whatever the server does with it."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import attrs
import pytest

from tether_mailconf import (
    ConnectionSettings,
    CredentialKind,
    Delivery,
    Filer,
    Filing,
    MailconfError,
    Password,
    Receipt,
    SaslStep,
    Secret,
)
from tether_mailconf.sandbox import Drop, Personality, Sandbox

from .conftest import Start
from .post import Colour, at_ports, filed_by, letter
from .raw_server import Peer, RawServer, trusted_chain
from .spelling import assert_not_spelled, logged, spellings, told_by, told_by_receipt

PASSWORD = 'corr3ct "horse" \\ bättery staple!'
TOKEN = "ya29.A0ARrdaM-k9_pQz~7+/xYw=="


@pytest.fixture(autouse=True)
def debug(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.DEBUG, logger="tether_mailconf"):
        yield


class Token:
    """A host's own credential with an access token."""

    kind = CredentialKind.OAUTH_TOKEN

    def __init__(self, token: str, mechanism: str) -> None:
        self._token = Secret(token)
        self.mechanisms = (mechanism,)

    def answer(self, step: SaslStep) -> bytes:
        if step.mechanism == "XOAUTH2":
            return b"user=" + step.user.encode() + b"\1auth=Bearer " + self._token.reveal_bytes() + b"\1\1"
        return b"n,a=" + step.user.encode() + b",\1auth=Bearer " + self._token.reveal_bytes() + b"\1\1"


def signing_in(sandbox: Sandbox, mechanism: str, filer: Filer = Filer.CLIENT) -> tuple[str, object, ConnectionSettings]:
    """Return a secret, the credential of it, and settings that name its kind."""
    if mechanism in ("XOAUTH2", "OAUTHBEARER"):
        settings = attrs.evolve(sandbox.settings, credential=CredentialKind.OAUTH_TOKEN)
        return TOKEN, Token(TOKEN, mechanism), filed_by(settings, filer)
    settings = attrs.evolve(sandbox.settings, credential=CredentialKind.PASSWORD)
    return PASSWORD, Password(PASSWORD), filed_by(settings, filer)


def test_the_spellings_find_what_they_should() -> None:
    """So that the tests below can fail."""
    for before in ("", "a", "ab"):
        text = base64.b64encode(f"{before}{PASSWORD}zz".encode()).decode()
        assert any(spelling in text for spelling in spellings(PASSWORD))
    with pytest.raises(AssertionError):
        assert_not_spelled(PASSWORD, f"x{PASSWORD}x")


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"])
def test_a_send_that_goes_well(start: Start, colour: Colour, caplog: pytest.LogCaptureFixture, mechanism: str) -> None:
    for extensions in ({"SASL-IR", "LITERAL+"}, {"IDLE"}):
        sandbox = start(Personality(mechanisms=(mechanism,), imap_extensions=extensions))
        secret, credential, settings = signing_in(sandbox, mechanism)
        sandbox.store.add_account("eva@sandbox.test", PASSWORD, token=TOKEN)
        settings = attrs.evolve(settings, smtp_user="eva@sandbox.test", imap_user="eva@sandbox.test")
        with colour.mailer(sandbox, settings, credential=credential) as mailer:
            receipt = mailer.send(letter())
        assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.APPENDED)
        assert_not_spelled(secret, told_by_receipt(receipt) + logged(caplog) + repr(credential))
    assert f"AUTH {mechanism}" in logged(caplog)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"])
def test_a_refused_sign_in(start: Start, colour: Colour, caplog: pytest.LogCaptureFixture, mechanism: str) -> None:
    sandbox = start(Personality(mechanisms=(mechanism,)))
    secret, credential, settings = signing_in(sandbox, mechanism)
    with colour.mailer(sandbox, settings, credential=credential) as mailer, pytest.raises(MailconfError) as caught:
        mailer.send(letter())
    assert caught.value.code == "sign_in.refused"
    assert_not_spelled(secret, told_by(caught.value) + logged(caplog))


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "XOAUTH2"])
@pytest.mark.parametrize("drop", [Drop.AUTH, Drop.IMAP_AUTH])
def test_a_connection_dropped_during_the_sign_in(
    start: Start, colour: Colour, caplog: pytest.LogCaptureFixture, drop: Drop, mechanism: str
) -> None:
    sandbox = start(Personality(mechanisms=(mechanism,), drop_at=drop, drop_count=9))
    secret, credential, settings = signing_in(sandbox, mechanism)
    sandbox.store.add_account("eva@sandbox.test", PASSWORD, token=TOKEN)
    settings = attrs.evolve(settings, smtp_user="eva@sandbox.test", imap_user="eva@sandbox.test")
    message = letter()
    with colour.mailer(sandbox, settings, credential=credential) as mailer:
        if drop is Drop.AUTH:
            with pytest.raises(MailconfError) as caught:
                mailer.send(message)
            shown = told_by(caught.value)
        else:
            receipt = mailer.send(message)
            assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.PENDING)
            shown = told_by_receipt(receipt)
            with pytest.raises(MailconfError) as caught:
                mailer.resolve(attrs.evolve(receipt, delivery=Delivery.UNKNOWN), message)
            shown += told_by(caught.value)
    assert caught.value.code == "connection.dropped"
    assert_not_spelled(secret, shown + logged(caplog))


# -- a server that says aloud what it was told ------------------------------------------------------------------------


def unpacked(line: str) -> str:
    """Return what an initial response hides."""
    word = line.rsplit(maxsplit=1)[-1].strip('"')
    try:
        return base64.b64decode(word, validate=True).decode(errors="replace")
    except ValueError:
        return word


def echoes(line: str, mechanism: str) -> dict[str, str]:
    secret = TOKEN if mechanism in ("XOAUTH2", "OAUTHBEARER") else PASSWORD
    raw = secret.encode()
    return {
        "the line": line,
        "the secret": f"wrong: {secret}",
        "in base64": base64.b64encode(f"{unpacked(line)}x".encode()).decode(),
        "in base64, moved by one": base64.b64encode(b"1" + raw + b"x").decode(),
        "in base64, moved by two": base64.b64encode(b"12" + raw + b"x").decode(),
    }


KINDS = list(echoes("x x", "PLAIN"))


def smtp(mechanism: str, say: Callable[[Peer, str], None]) -> Callable[[Peer], None]:
    def behave(peer: Peer) -> None:
        peer.say("220 mail.test ESMTP")
        peer.hear()
        peer.say("250-mail.test", "250-PIPELINING", f"250 AUTH {mechanism}")
        line = peer.hear()
        if mechanism == "LOGIN":
            peer.say("334 VXNlcm5hbWU6")
            peer.hear()
            peer.say("334 UGFzc3dvcmQ6")
            line = peer.hear()
        say(peer, line)
        peer.hear_all()

    return behave


def imap(mechanism: str, say: Callable[[Peer, str, str], None]) -> Callable[[Peer], None]:
    def behave(peer: Peer) -> None:
        offered = "" if mechanism == "the LOGIN command" else f" AUTH={mechanism}"
        peer.say(f"* OK [CAPABILITY IMAP4rev1 SASL-IR{offered}] hello")
        line = peer.hear()
        tag = line.partition(" ")[0]
        if mechanism == "LOGIN":
            peer.say("+ VXNlcm5hbWU6")
            peer.hear()
            peer.say("+ UGFzc3dvcmQ6")
            line = peer.hear()
        say(peer, tag, line)
        peer.hear_all()

    return behave


Serve = Callable[[Callable[[Peer], None]], RawServer]


@pytest.fixture
def serve(stack: ExitStack, tmp_path: Path) -> Serve:
    _, chain = trusted_chain(tmp_path)
    return lambda behave: stack.enter_context(RawServer(behave, chain))


def refused_by_smtp(
    colour: Colour, sandbox: Sandbox, port: int, folder: Path, mechanism: str
) -> tuple[str, MailconfError]:
    secret, credential, settings = signing_in(sandbox, mechanism, Filer.NOBODY)
    settings = at_ports(settings, smtp=port)
    mailer = colour.mailer(sandbox, settings, credential=credential, ca_file=folder / "authority.pem")
    with pytest.raises(MailconfError) as caught:
        mailer.send(letter(), deadline=20)
    return secret, caught.value


def refused_by_imap(
    colour: Colour, sandbox: Sandbox, port: int, folder: Path, mechanism: str
) -> tuple[str, MailconfError]:
    secret, credential, settings = signing_in(sandbox, mechanism)
    settings = at_ports(settings, imap=port)
    message = letter()
    digest = attrs.evolve(settings, sent=attrs.evolve(settings.sent, filer=Filer.NOBODY))
    with colour.mailer(sandbox, attrs.evolve(digest, credential=CredentialKind.APP_PASSWORD)) as mailer:
        receipt: Receipt = mailer.send(message)
    mailer = colour.mailer(sandbox, settings, credential=credential, ca_file=folder / "authority.pem")
    with pytest.raises(MailconfError) as caught:
        mailer.resolve(attrs.evolve(receipt, delivery=Delivery.UNKNOWN), message, deadline=20)
    return secret, caught.value


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"])
def test_smtp_that_repeats_it_in_its_refusal(
    sandbox: Sandbox, colour: Colour, serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    mechanism: str, kind: str,
) -> None:  # fmt: skip
    server = serve(smtp(mechanism, lambda peer, line: peer.say(f"535 5.7.8 not {echoes(line, mechanism)[kind]}")))
    secret, error = refused_by_smtp(colour, sandbox, server.port, tmp_path, mechanism)
    assert error.code == "sign_in.refused"
    assert_not_spelled(secret, told_by(error) + logged(caplog))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "the LOGIN command", "XOAUTH2", "OAUTHBEARER"])
def test_imap_that_repeats_it_in_its_refusal(
    sandbox: Sandbox, colour: Colour, serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    mechanism: str, kind: str,
) -> None:  # fmt: skip
    def say(peer: Peer, tag: str, line: str) -> None:
        text = echoes(line, mechanism)[kind]
        peer.say(f"* NO [ALERT] heard {text}", f"{tag} NO [AUTHENTICATIONFAILED] not {text}")

    server = serve(imap(mechanism, say))
    secret, error = refused_by_imap(colour, sandbox, server.port, tmp_path, mechanism)
    assert error.code == "sign_in.refused"
    assert_not_spelled(secret, told_by(error) + logged(caplog))


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER", "PLAIN"])
@pytest.mark.parametrize("protocol", ["smtp", "imap"])
def test_a_challenge_that_repeats_it(
    sandbox: Sandbox, colour: Colour, serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    protocol: str, mechanism: str,
) -> None:  # fmt: skip
    secret = PASSWORD if mechanism == "PLAIN" else TOKEN
    plain = secret.replace('"', "'").replace("\\", "/")
    report = base64.b64encode(f'{{"status":"401","seen":"{plain}","scope":"mail"}}'.encode()).decode()

    def say_smtp(peer: Peer, line: str) -> None:
        peer.say(f"334 {report}")
        peer.hear()
        peer.say("535 no")

    def say_imap(peer: Peer, tag: str, line: str) -> None:
        peer.say(f"+ {report}")
        peer.hear()
        peer.say(f"{tag} NO no")

    if protocol == "smtp":
        server = serve(smtp(mechanism, say_smtp))
        secret, error = refused_by_smtp(colour, sandbox, server.port, tmp_path, mechanism)
    else:
        server = serve(imap(mechanism, say_imap))
        secret, error = refused_by_imap(colour, sandbox, server.port, tmp_path, mechanism)
    assert_not_spelled(secret, told_by(error) + logged(caplog))


@pytest.mark.parametrize("mechanism", ["PLAIN", "XOAUTH2"])
def test_a_server_that_repeats_it_later(
    sandbox: Sandbox, colour: Colour, serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture, mechanism: str
) -> None:
    secret = PASSWORD if mechanism == "PLAIN" else TOKEN

    def say(peer: Peer, line: str) -> None:
        peer.say("235 welcome")
        while peer.hear():
            peer.say(f"550 go away, {secret}, {line}")

    server = serve(smtp(mechanism, say))
    secret, error = refused_by_smtp(colour, sandbox, server.port, tmp_path, mechanism)
    assert error.code == "server.refused"
    assert_not_spelled(secret, told_by(error) + logged(caplog))


@pytest.mark.parametrize("protocol", ["smtp", "imap"])
def test_a_server_whose_answer_to_it_is_no_answer(
    sandbox: Sandbox, colour: Colour, serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture, protocol: str
) -> None:
    if protocol == "smtp":
        server = serve(smtp("PLAIN", lambda peer, line: peer.say(f"{PASSWORD} {line}")))
        secret, error = refused_by_smtp(colour, sandbox, server.port, tmp_path, "PLAIN")
    else:
        server = serve(imap("PLAIN", lambda peer, tag, line: peer.say(f"{PASSWORD} {line}", f"other NO {line}")))
        secret, error = refused_by_imap(colour, sandbox, server.port, tmp_path, "PLAIN")
    assert error.code == "protocol.violation"
    assert_not_spelled(secret, told_by(error) + logged(caplog))
