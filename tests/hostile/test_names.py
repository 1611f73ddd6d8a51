r"""Names that an IMAP server makes up: of folders, of name spaces, of their separators. None becomes a second command.

What is made of them goes back to the server as an argument, and into the settings that a host stores.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import attrs
import pytest

from tests.mailer.post import Colour, at_ports, filed_by, letter
from tests.mailer.raw_server import Peer, RawServer, trusted_chain
from tether_mailconf import ConnectionSettings, Delivery, Filer, Filing, Receipt
from tether_mailconf.sandbox import Sandbox

INJECTION = b"x\r\nm99 DELETE INBOX\r\n"


def literal(raw: bytes) -> bytes:
    return b"{%d}\r\n" % len(raw) + raw


RAW = {
    "line break": INJECTION,
    "line feed": b"a\nb",
    "carriage return": b"a\rb",
    "NUL": b"a\0b",
    "quote": b'a" DELETE "INBOX',
    "backslash": b"a\\",
    "escape": b"\x1b[31m",
    "no text": b"\xff\xfe",
    "right to left": "\N{RIGHT-TO-LEFT OVERRIDE}tneS".encode(),
    "nothing": b"",
    "blank": b" ",
    "too long": b"n" * 200_000,
    "line break in modified UTF-7": b"&AA0ACg-",
    "half a surrogate": b"&2D0-",
    "no modified UTF-7": b"&!!!-&",
    "wildcard": b"*",
    "literal of ours": b"{3+}",
}


@attrs.frozen(kw_only=True)
class Made:
    """What a server makes up.

    Args:
        listed: the data responses to LIST.
        namespace: those to NAMESPACE.
    """

    listed: bytes = b""
    namespace: bytes = b'* NAMESPACE (("" "/")) NIL NIL\r\n'


PLACES = (
    "sent folder",
    "name space",
    "separator",
    "separator below the inbox",
    "separator of the name space",
)


def made(place: str, raw: bytes) -> Made:
    """Put a text where a server may put one."""
    name = literal(raw)
    return {
        "sent folder": Made(listed=b'* LIST (\\Sent) "/" ' + name + b"\r\n"),
        "name space": Made(namespace=b"* NAMESPACE ((" + name + b' "/")) NIL NIL\r\n'),
        "separator": Made(listed=b"* LIST () " + name + b" INBOX\r\n"),
        "separator below the inbox": Made(
            listed=b"* LIST () " + name + b" " + literal(b"INBOX" + raw + b"a") + b"\r\n"
        ),
        "separator of the name space": Made(namespace=b'* NAMESPACE (("" ' + name + b")) NIL NIL\r\n"),
    }[place]


def obliging(what: Made, *, is_utf8: bool, heard: list[str]) -> Callable[[Peer], None]:
    """Return what a server does that says yes to everything, and writes down each line that it hears."""

    def behave(peer: Peer) -> None:
        utf8 = " ENABLE UTF8=ACCEPT" if is_utf8 else ""
        peer.say(f"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR NAMESPACE{utf8}] hello")
        while line := peer.hear():
            heard.append(line)
            tag, _, command = line.partition(" ")
            verb = command.split(maxsplit=1)[0]
            if verb == "AUTHENTICATE":
                peer.say(f"{tag} OK [CAPABILITY IMAP4rev1 NAMESPACE{utf8}] hello")
                continue
            if verb == "ENABLE":
                peer.say("* ENABLED UTF8=ACCEPT")
            elif verb == "NAMESPACE":
                peer.say_bytes(what.namespace)
            elif verb == "LIST":
                peer.say_bytes(what.listed)
            elif verb == "APPEND":
                peer.say("+ go on")
                peer.hear_bytes(int(command[command.rindex("{") + 1 : -1]) + 2)
            peer.say(f"{tag} OK done")

    return behave


@pytest.mark.parametrize("is_utf8", [False, True], ids=["modified UTF-7", "UTF-8"])
@pytest.mark.parametrize("place", PLACES)
def test_a_name_that_a_server_makes_up(
    sandbox: Sandbox, colour: Colour, stack: ExitStack, tmp_path: Path, place: str, is_utf8: bool
) -> None:
    authority, chain = trusted_chain(tmp_path)
    message = letter()
    sent = colour.mailer(sandbox, filed_by(sandbox.settings, Filer.NOBODY)).send(message)
    for raw in RAW.values():
        heard: list[str] = []
        server = stack.enter_context(RawServer(obliging(made(place, raw), is_utf8=is_utf8, heard=heard), chain))
        settings = at_ports(filed_by(sandbox.settings, Filer.CLIENT), imap=server.port)
        mailer = colour.mailer(sandbox, settings, ca_file=authority)
        receipt = mailer.file(attrs.evolve(sent, filing=Filing.PENDING), message, deadline=30.0)
        assert receipt.filing in (Filing.APPENDED, Filing.PENDING)
        # A typed error, or a copy; and what was learned is something that can be stored and read again.
        assert receipt.filing_code != "filing.failed"
        assert Receipt.from_dict(json.loads(json.dumps(receipt.to_dict()))) == receipt
        if receipt.learned is not None:
            assert ConnectionSettings.from_dict(receipt.learned.to_dict()) == receipt.learned
        # Every line that the server has heard is a command of ours: its tag is the next one.
        assert [line.split()[0] for line in heard] == [f"m{number}" for number in range(1, len(heard) + 1)]
        assert not any("DELETE" in line and '"' not in line for line in heard)


@pytest.mark.parametrize("filer", [Filer.CLIENT, Filer.UNKNOWN])
@pytest.mark.usefixtures("brief_looks")
def test_no_name_makes_an_error_of_a_message_that_was_sent(
    sandbox: Sandbox, colour: Colour, stack: ExitStack, tmp_path: Path, filer: Filer
) -> None:
    _, chain = trusted_chain(tmp_path)
    made_up = made("name space", RAW["line break in modified UTF-7"])
    server = stack.enter_context(RawServer(obliging(made_up, is_utf8=False, heard=[]), chain))
    both = tmp_path / "both.pem"
    both.write_bytes(sandbox.ca_file.read_bytes() + (tmp_path / "authority.pem").read_bytes())
    settings = at_ports(filed_by(sandbox.settings, filer), imap=server.port)
    receipt = colour.mailer(sandbox, settings, ca_file=both).send(letter())
    assert (receipt.delivery, receipt.filing, receipt.mailbox) == (Delivery.SENT, Filing.APPENDED, "Sent")
    assert len(sandbox.submissions) == 1
