"""One message goes in and one message arrives, whatever its body or its header would like to be instead.

What servers take for the end of a message differs (a lone LF, a lone CR, a dot between them), and what one relays as
content another reads as the next command. So nothing of it ever leaves here: each body that the literature of SMTP
smuggling knows, and each place where a slice of it may end, by DATA and by BDAT, to servers of four makes.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from email.message import EmailMessage, Message

import attrs
import pytest

from tests.mailer.post import filed_by
from tests.real.conftest import Opened, opened
from tests.real.post import copies_everywhere, settings_of
from tests.real.test_aiosmtpd import aiosmtpd_for
from tests.servers.account import account_on
from tests.servers.authority import Authority
from tests.servers.plugin import Servers
from tether_mailconf import Delivery, Filer, Filing, InvalidMessage, Mailer, Security
from tether_mailconf.sandbox import Personality, Sandbox

__all__ = ["opened"]

SMUGGLED = (
    "MAIL FROM:<eve@example.org>\r\nRCPT TO:<victim@example.org>\r\nDATA\r\n"
    "From: eve@example.org\r\nSubject: smuggled\r\n\r\nevil\r\n.\r\n"
)
_BREAKS = ("\r\n", "\n", "\r", "\n\r", "\r\r\n", "\r\n\r\n", "\n\n", "\r\r", "")
_DOTS = (".", "..", "...", " .", ". ", ".\t", "\t.", ". .")
_COMMANDS = ("BDAT 0 LAST", "RSET", "BDAT 5 LAST\r\nhello", "a1 APPEND x {3}")
_STRAY_BREAK = re.compile(rb"\r(?!\n)|(?<!\r)\n")

ENDS = [f"{before}.{after}" for before in _BREAKS for after in _BREAKS if before or after]
BODIES = [
    *(f"Hello{end}{SMUGGLED}bye\r\n" for end in ENDS),
    *(f"{end}{SMUGGLED}" for end in ("", ".", ".\r\n", ".\n", "\r\n.\r\n")),
    *(f"Hello\r\n{dots}\r\n{SMUGGLED}" for dots in _DOTS),
    *(f"Hello\r\nQUIT\r\n{word}\r\n{SMUGGLED}" for word in _COMMANDS),
    *(f"a\x0b.\x0b{SMUGGLED}", f"a\x0c.\x0c{SMUGGLED}", f"a\x1a.\x1a{SMUGGLED}", f"a\x1c.\x1c{SMUGGLED}"),
    *("no end of the line", ".", "..", "\r\n.", ".\r", "\n.", "a\r\n.\r", "a\r\n.\n", "", "\r\n", "a\r\n."),
]  # fmt: skip

BOUNDARIES = (64 * 1024, 256 * 1024)
OFFSETS = range(-6, 4)

DATA = frozenset({"PIPELINING", "8BITMIME", "SIZE", "SMTPUTF8", "ENHANCEDSTATUSCODES"})
WAYS = {"DATA": DATA, "BDAT": DATA | {"CHUNKING"}, "DATA-unpipelined": DATA - {"PIPELINING"}}


def with_body(body: str, number: int, sender: str = "ana@sandbox.test") -> EmailMessage:
    """Return a message whose body is these characters, as a host that forwards mail has it."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = "ben@example.org"
    message["Bcc"] = "clara@example.org"
    message["Message-ID"] = f"<body-{number}@sandbox.test>"
    message.set_payload(body)
    return message


def canonical(body: str) -> bytes:
    """Return a body with its lines ended as mail ends them."""
    text = _STRAY_BREAK.sub(b"\r\n", body.encode())
    return text if text.endswith(b"\r\n") or not text else text + b"\r\n"


@pytest.fixture(scope="module", params=WAYS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox that takes messages in one way."""
    with Sandbox(Personality(smtp_extensions=WAYS[request.param])) as started:
        yield started


def mailer_of(sandbox: Sandbox) -> Mailer:
    settings = filed_by(sandbox.settings, Filer.CLIENT)
    return Mailer(settings, sandbox.credential, network=sandbox.network, ca_file=sandbox.ca_file)


def check_one(sandbox: Sandbox, mailer: Mailer, message: EmailMessage, body: bytes) -> None:
    """Send, and hold that the server has one more message, the Sent folder one copy, and both the same bytes."""
    before, copies = len(sandbox.submissions), len(sandbox.sent())
    receipt = mailer.send(message)
    assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.APPENDED)
    (gone,) = sandbox.submissions[before:]
    (copy,) = sandbox.sent()[copies:]
    assert (gone.sender, gone.recipients) == ("ana@sandbox.test", ("ben@example.org", "clara@example.org"))
    assert gone.content == copy.content.replace(b"Bcc: clara@example.org\r\n", b"")
    assert gone.content.partition(b"\r\n\r\n")[2] == body


def test_every_body_arrives_as_one_message(sandbox: Sandbox) -> None:
    """All over one connection: were one of them two messages, all that follow would get the wrong answers."""
    with mailer_of(sandbox) as mailer:
        for number, body in enumerate(BODIES):
            check_one(sandbox, mailer, with_body(body, number), canonical(body))


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_a_dot_where_a_slice_ends_arrives_as_a_dot(sandbox: Sandbox, boundary: int) -> None:
    """Wherever the end mark's look-alike lies across the place at which writing goes on."""
    with mailer_of(sandbox) as mailer:
        head = len(b"".join(_head(with_body("", 0))))
        for number, offset in enumerate(OFFSETS):
            padding = boundary - head + offset
            body = "x" * 70 + "\r\n"
            text = body * (padding // 72)
            text += "y" * (padding - len(text)) + f"\r\n.\r\n{SMUGGLED}"
            check_one(sandbox, mailer, with_body(text, number), canonical(text))


def _head(message: EmailMessage) -> list[bytes]:
    return [f"{name}: {value}\r\n".encode() for name, value in message.items() if name != "Bcc"]


@pytest.mark.parametrize("body", ["\0", "a\r\n.\0\r\n", "a\r\n\0.\r\n", "a\r\0\n.\r\n", "a\0\r\n.\r\n"], ids=ascii)
def test_a_body_with_nul_is_refused_and_nothing_is_said(sandbox: Sandbox, body: str) -> None:
    before = len(sandbox.submissions)
    with mailer_of(sandbox) as mailer, pytest.raises(InvalidMessage) as caught:
        mailer.send(with_body(body + SMUGGLED, 0))
    assert [problem.code for problem in caught.value.problems] == ["message.nul"]
    assert len(sandbox.submissions) == before


# -- headers -----------------------------------------------------------------------------------------------------------

HIDDEN = "hidden@example.org"
BLIND = [
    f"Bcc: {HIDDEN}",
    f"BCC: {HIDDEN}",
    f"bcc:{HIDDEN}",
    f"bCc:\t{HIDDEN}",
    f"Bcc:\r\n {HIDDEN}",
    f"Bcc:\n\t\r\n {HIDDEN}",
    f"Bcc: a@example.org,\r\n\t{HIDDEN},\r\n b@example.org",
    f"Bcc: {', '.join(f'blind-{index}@example.org' for index in range(40))}, {HIDDEN}",
    f"Bcc: =?utf-8?q?B=C3=B6b?= <{HIDDEN}>",
    f"Bcc: =?utf-8?q?{'=C3=B6' * 60}?= <{HIDDEN}>",
    f"Bcc: one: {HIDDEN};",
    f"Resent-Bcc: {HIDDEN}",
    f"RESENT-bcc:\r\n {HIDDEN}",
    f"Bcc: {HIDDEN}\r\nbcc: a@example.org\r\nX-Own: a\r\nBCC: b@example.org",
    f"Resent-To: a@example.org\r\nResent-Bcc: {HIDDEN}",
    f"Bcc: b\u00f6b <{HIDDEN}>",
]


@pytest.mark.parametrize("blind", BLIND, ids=lambda text: ascii(text)[:60])
@pytest.mark.parametrize("policy", [email.policy.compat32, email.policy.SMTP, email.policy.default], ids=str)
def test_who_is_blind_copied_is_told_to_nobody(
    sandbox: Sandbox, policy: email.policy.Policy[Message], blind: str
) -> None:
    """However the field is written; the copy in Sent still says it."""
    raw = f"From: ana@sandbox.test\r\nTo: ben@example.org\r\n{blind}\r\nSubject: a\r\n\r\nHello\r\n".encode()
    message = email.message_from_bytes(raw, policy=policy)
    before = len(sandbox.submissions)
    with mailer_of(sandbox) as mailer:
        try:
            mailer.send(message)
        except InvalidMessage:
            assert len(sandbox.submissions) == before
            return
    (gone,) = sandbox.submissions[before:]
    assert b"hidden" not in gone.content.lower()
    assert b"bcc:" not in gone.content.lower()
    assert b"blind" not in gone.content.lower()
    assert b"hidden" in sandbox.sent()[-1].content.lower()
    assert gone.content.count(b"\r\n\r\n") == 1
    if "resent" not in blind.lower():
        assert HIDDEN in gone.recipients


# -- servers of other makes --------------------------------------------------------------------------------------------


def foreign_bodies() -> list[str]:
    """Return the bodies, in fewer messages: real servers take a tenth of a second for each."""
    return ["".join(f"Hello{end}{SMUGGLED}" for end in ENDS), *BODIES[len(ENDS) :: 4], f"x\r\n.\r\n{'.' * 70_000}\r\n."]


# It does not count a connection that began with TLS as encrypted, and warns of what it takes for plaintext.
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
def test_aiosmtpd_gets_one_message_for_each(servers: Servers, authority: Authority, opened: Opened) -> None:
    """By DATA, command by command. It takes lines of a thousand bytes at most."""
    dovecot = servers.dovecot()
    bodies = [body for body in foreign_bodies() if max(map(len, body.splitlines()), default=0) < 900]
    with aiosmtpd_for(account_on(dovecot, dovecot, Security.TLS), authority, Security.TLS) as (keeper, account):
        settings = attrs.evolve(settings_of(account), imap=None, imap_user="")
        with opened(account, settings) as mailer:
            for number, body in enumerate(bodies):
                assert mailer.send(with_body(body, number, account.user)).delivery is Delivery.SENT
                (gone,) = keeper.kept
                keeper.kept.clear()
                assert isinstance(gone.content, bytes)
                assert gone.content.partition(b"\r\n\r\n")[2] == canonical(body)


@pytest.mark.parametrize("maker", ["postfix", "dovecot"])
def test_a_real_server_gets_one_message_for_each_and_the_copy_is_the_same(
    servers: Servers, opened: Opened, maker: str
) -> None:
    """By BDAT, and by a relay behind it by DATA, which would show what was smuggled as a message of its own."""
    dovecot = servers.dovecot()
    account = account_on(servers.postfix(dovecot) if maker == "postfix" else dovecot, dovecot, Security.TLS)
    bodies = [body for body in foreign_bodies() if max(map(len, body.splitlines()), default=0) < 900]
    with opened(account) as mailer:
        for number, body in enumerate(bodies):
            assert mailer.send(with_body(body, number, account.user)).delivery is Delivery.SENT
    arrived = {_number(one.content): one for one in account.received(len(bodies))}
    assert len(account.received()) == len(arrived) == len(bodies)
    copies = {_number(content): content for content in account.copies("Sent")}
    for number, body in enumerate(bodies):
        assert set(arrived[number].recipients) == {"ben@example.org", "clara@example.org"}
        assert arrived[number].content.partition(b"\r\n\r\n")[2] == canonical(body)
        assert copies[number].partition(b"\r\n\r\n")[2] == canonical(body)
        assert copies_everywhere(account, f"<body-{number}@sandbox.test>") == ["Sent"]


def _number(content: bytes) -> int:
    found = re.search(rb"^Message-ID: <body-([0-9]+)@", content, re.MULTILINE)
    assert found is not None
    return int(found[1])
