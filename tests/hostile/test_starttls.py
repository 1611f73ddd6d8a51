"""STARTTLS: however it is stripped, refused, hidden, answered or followed, nothing of use is said in the clear.

And nothing that was said in the clear is believed afterwards.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import attrs
import pytest

import tether_mailconf
from tests.mailer.post import Colour, at_ports, filed_by, letter
from tests.mailer.raw_server import Peer, RawServer, server_context, trusted_chain
from tests.mailer.spelling import assert_not_spelled, told_by, told_by_receipt
from tether_mailconf import Delivery, Filer, Filing, MailconfError, Receipt
from tether_mailconf.sandbox import Sandbox

from .clear import ATTACKS, InClear

_HELLO = b"\x16\x03"
"""How a TLS handshake begins: a record of the kind "handshake" (RFC 8446 section 5.1)."""


def listening(attack: InClear, heard: list[bytearray]) -> RawServer:
    """Return a server that does what the attack says and writes down what it hears, connection by connection."""

    def behave(peer: Peer) -> None:
        everything = bytearray()
        heard.append(everything)
        peer.say_bytes(attack.greeting)
        for answer in attack.answers:
            everything += peer.hear_line()
            peer.say_bytes(answer)
        if attack.hangs_up:
            peer.close()
            return
        while byte := peer.hear_bytes(1):
            everything += byte

    return RawServer(behave)


def assert_said(attack: InClear, heard: list[bytearray]) -> None:
    """Each connection has heard exactly what may be said in the clear, and then at most the beginning of TLS."""
    assert heard
    for everything in map(bytes, heard):
        assert everything[: len(attack.heard)] == attack.heard
        after = everything[len(attack.heard) :]
        assert not after or (attack.is_upgraded and (after.startswith(_HELLO) or _HELLO.startswith(after)))


def deadline(attack: InClear) -> float:
    return 1.0 if attack.error == "TimedOut" else 30.0


@pytest.mark.parametrize("name", [name for name in ATTACKS if name.startswith("smtp-")])
def test_submission_says_nothing_in_the_clear(sandbox: Sandbox, colour: Colour, name: str) -> None:
    attack, heard = ATTACKS[name], list[bytearray]()
    with listening(attack, heard) as server:
        settings = at_ports(filed_by(sandbox.settings_starttls, Filer.NOBODY), smtp=server.port)
        with pytest.raises(MailconfError) as caught:
            colour.mailer(sandbox, settings).send(letter(), deadline=deadline(attack))
    error = caught.value
    assert type(error).__name__ == attack.error
    assert error.receipt is not None
    assert error.receipt.delivery is Delivery.NOT_SENT
    assert_said(attack, heard)
    assert_not_spelled(sandbox.password, told_by(error))
    assert sandbox.submissions == ()


@pytest.mark.parametrize("name", [name for name in ATTACKS if name.startswith("imap-")])
def test_filing_says_nothing_in_the_clear(sandbox: Sandbox, colour: Colour, name: str) -> None:
    attack, heard = ATTACKS[name], list[bytearray]()
    message = letter()
    sent = colour.mailer(sandbox, filed_by(sandbox.settings_starttls, Filer.NOBODY)).send(message)
    sent = attrs.evolve(sent, filing=Filing.PENDING)
    with listening(attack, heard) as server:
        settings = at_ports(filed_by(sandbox.settings_starttls, Filer.CLIENT), imap=server.port)
        receipt = colour.mailer(sandbox, settings).file(sent, message, deadline=deadline(attack))
    assert receipt.filing is Filing.PENDING
    assert receipt.filing_code == getattr(tether_mailconf, attack.error).code
    assert_said(attack, heard)
    assert_not_spelled(sandbox.password, told_by_receipt(receipt))
    assert sandbox.sent() == ()


# -- what was said in the clear is forgotten --------------------------------------------------------------------------


@attrs.define
class Heard:
    """The commands that a server has heard once TLS was there, in order."""

    lines: list[str] = attrs.field(factory=list[str])


def turncoat_smtp(chain: Path, heard: Heard) -> RawServer:
    """Return a server that promises much in the clear, and little of it in private."""

    def behave(peer: Peer) -> None:
        peer.say("220 mail.test")
        peer.hear()
        peer.say("250-mail.test", "250-STARTTLS", "250-AUTH LOGIN", "250-CHUNKING", "250-PIPELINING", "250 SIZE 10")
        peer.hear()
        peer.say("220 go ahead")
        peer.start_tls(server_context(chain))
        for answers in (["250-mail.test", "250 AUTH PLAIN"], ["235 hi"], ["250 a"], ["250 b"], ["354 go"]):
            heard.lines.append(peer.hear())
            peer.say(*answers)
        while peer.hear() != ".":
            pass
        peer.say("250 taken")
        peer.hear_all()

    return RawServer(behave)


def test_what_submission_was_offered_in_the_clear_is_forgotten(
    sandbox: Sandbox, colour: Colour, stack: ExitStack, tmp_path: Path
) -> None:
    authority, chain = trusted_chain(tmp_path)
    heard = Heard()
    server = stack.enter_context(turncoat_smtp(chain, heard))
    settings = at_ports(filed_by(sandbox.settings_starttls, Filer.NOBODY), smtp=server.port)
    receipt = colour.mailer(sandbox, settings, ca_file=authority).send(letter())
    assert receipt.delivery is Delivery.SENT
    verbs = [line.split()[0] for line in heard.lines]
    assert verbs[:5] == ["EHLO", "AUTH", "MAIL", "RCPT", "DATA"]
    assert heard.lines[1].startswith("AUTH PLAIN ")
    assert "SIZE" not in heard.lines[2]


PLANTS = {
    "a folder": '* LIST (\\Sent) "/" Attacker',
    "a name space": '* NAMESPACE (("Attacker/" "/")) NIL NIL',
    "UTF-8": "* ENABLED UTF8=ACCEPT",
    "capabilities": "* CAPABILITY IMAP4rev1 AUTH=PLAIN LITERAL+ SPECIAL-USE LIST-EXTENDED NAMESPACE LOGINDISABLED",
    "a limit": "* OK [CAPABILITY IMAP4rev1 APPENDLIMIT=1] hello",
    "a place": "* OK [APPENDUID 1 66] done",
    "all sorts": "* 5 EXISTS\r\n* SEARCH 1 2 3\r\n* FLAGS (\\Seen)\r\n* 1 FETCH (UID 1)",
    "a referral": "* OK [REFERRAL imap://attacker.test/] go there",
}


def turncoat_imap(chain: Path, planted: str, heard: Heard) -> RawServer:
    """Return a server that plants something in the clear, and is an ordinary one in private."""

    def behave(peer: Peer) -> None:
        peer.say("* OK [CAPABILITY IMAP4rev1 STARTTLS LITERAL+ AUTH=XOAUTH2 LOGINDISABLED] hello")
        tag = peer.hear().split()[0]
        peer.say(planted, f"{tag} OK begin")
        peer.start_tls(server_context(chain))
        while line := peer.hear():
            tag, _, command = line.partition(" ")
            heard.lines.append(command)
            answer(peer, tag, command)

    return RawServer(behave)


def answer(peer: Peer, tag: str, command: str) -> None:
    verb = command.split(maxsplit=1)[0]
    if verb == "CAPABILITY":
        peer.say("* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR")
    elif verb == "LIST":
        peer.say('* LIST (\\Sent) "/" "Envoy&AOk-s"')
    elif verb == "UID":
        peer.say("* SEARCH")
    elif verb == "APPEND":
        peer.say("+ go on")
        peer.hear_bytes(int(command[command.rindex("{") + 1 : -1]) + 2)
    peer.say(f"{tag} OK done")


@pytest.mark.parametrize("plant", PLANTS)
def test_what_was_planted_in_the_clear_is_not_believed(
    sandbox: Sandbox, colour: Colour, stack: ExitStack, tmp_path: Path, plant: str
) -> None:
    authority, chain = trusted_chain(tmp_path)
    heard = Heard()
    server = stack.enter_context(turncoat_imap(chain, PLANTS[plant], heard))
    settings = at_ports(filed_by(sandbox.settings_starttls, Filer.CLIENT), imap=server.port)
    receipt = filed_with(colour, sandbox, settings, authority)
    assert (receipt.filing, receipt.mailbox) == (Filing.APPENDED, "Envoyés")
    assert (receipt.uid, receipt.uid_validity) == (None, None)
    verbs = [line.split()[0] for line in heard.lines]
    assert verbs[:7] == ["CAPABILITY", "AUTHENTICATE", "CAPABILITY", "LIST", "EXAMINE", "UID", "APPEND"]
    assert heard.lines[1].startswith("AUTHENTICATE PLAIN ")
    assert heard.lines[3] == 'LIST "" "*"'
    # In modified UTF-7, and the literal only after the server has asked for it.
    assert heard.lines[6].startswith('APPEND "Envoy&AOk-s" (\\Seen) {')
    assert not heard.lines[6].endswith("+}")


def filed_with(colour: Colour, sandbox: Sandbox, settings: tether_mailconf.ConnectionSettings, ca: Path) -> Receipt:
    """File the copy of a message that was sent some other way."""
    message = letter()
    sent = colour.mailer(sandbox, filed_by(sandbox.settings, Filer.NOBODY)).send(message)
    pending = attrs.evolve(sent, filing=Filing.PENDING)
    return colour.mailer(sandbox, settings, ca_file=ca).file(pending, message, deadline=30.0)


def test_what_comes_after_the_go_ahead_but_before_the_handshake_breaks_it(
    sandbox: Sandbox, colour: Colour, stack: ExitStack
) -> None:
    """Late enough that the client has begun its handshake: what is injected is read as TLS then, and is none."""
    for words in ("235 2.7.0 signed in", "250-mail.test\r\n250 AUTH PLAIN"):

        def behave(peer: Peer, words: str = words) -> None:
            peer.say("220 mail.test")
            peer.hear()
            peer.say("250-mail.test", "250 STARTTLS")
            peer.hear()
            peer.say("220 go ahead")
            peer.hear_bytes(5)
            peer.say(words)
            peer.hear_all()

        server = stack.enter_context(RawServer(behave))
        settings = at_ports(filed_by(sandbox.settings_starttls, Filer.NOBODY), smtp=server.port)
        with pytest.raises(tether_mailconf.TLSFailed):
            colour.mailer(sandbox, settings).send(letter())
