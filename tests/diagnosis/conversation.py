"""A server in memory that gives one answer at one step, played to the library's own conversations.

Everything between the bytes and the error is real: the session, the parser, the sign-in, the transaction.
"""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import cache
from typing import Any

import attrs

from tests.dialogues.player import PASSWORD, USER, Token
from tether_mailconf._drivers.blocking import BlockingIO
from tether_mailconf._drivers.guard import NetworkPolicy
from tether_mailconf._ports import Buffer, Deadline, TLSFacts, run_sync, unwatched
from tether_mailconf._wire.imap import open_imap
from tether_mailconf._wire.smtp import open_smtp
from tether_mailconf.credentials import Password
from tether_mailconf.delivery import file
from tether_mailconf.delivery.prepare import Prepared, prepare
from tether_mailconf.delivery.submit import submit
from tether_mailconf.errors import Dropped, MailconfError, Reply, Step
from tether_mailconf.settings import ConnectionSettings, CredentialKind, Endpoint, Filer, Security, SentPolicy

MESSAGE: EmailMessage = email.message_from_string(
    f"From: {USER}\nTo: bob@example.org\nSubject: Offer\nMessage-ID: <offer-1@example.test>\n"
    "Date: Mon, 23 Nov 2026 08:00:00 +0000\n\nHello Bob\n",
    _class=EmailMessage,
    policy=email.policy.SMTP,
)
_VERBS = {b"MAIL": "sender", b"RCPT": "recipients", b"DATA": "body"}
_COMMANDS = {
    "AUTHENTICATE": "sign-in",
    "LOGIN": "sign-in",
    "CAPABILITY": "capabilities",
    "LIST": "mailbox",
    "EXAMINE": "search",
    "SELECT": "search",
}


@attrs.frozen(kw_only=True)
class Case:
    """Who answers what, where, to whom.

    Args:
        host: the server's name.
        protocol: "smtp" or "imap".
        step: at which step the answer is given.
        answer: its bytes; in an IMAP answer, `TAG` stands for the tag.
        credential: "password" or "token".
        challenge: what a token is answered first, in base64.
    """

    host: str
    protocol: str
    step: str
    answer: bytes
    credential: str = "password"
    challenge: str = ""

    @property
    def settings(self) -> ConnectionSettings:
        """Settings for this server."""
        smtp = Endpoint(host=self.host, port=465, security=Security.TLS)
        imap = Endpoint(host=self.host, port=993, security=Security.TLS)
        kind = CredentialKind.OAUTH_TOKEN if self.credential == "token" else CredentialKind.PASSWORD
        return ConnectionSettings(
            address=USER,
            smtp=smtp,
            imap=imap if self.protocol == "imap" else None,
            smtp_user=USER,
            imap_user=USER if self.protocol == "imap" else "",
            credential=kind,
            sent=SentPolicy(filer=Filer.NOBODY),
        )


class _Server:
    """A channel with the server at its other end."""

    local_address = "192.0.2.7"
    tls: TLSFacts | None = None

    def __init__(self, case: Case) -> None:
        self._case = case
        self._said = bytearray()
        self._heard = bytearray()
        self._is_signing_in = False
        self._is_body = False
        self._has_ended = False
        self._tag = b""

    async def send(self, data: Buffer, deadline: Deadline) -> None:
        if self._has_ended and not self._said:
            raise Dropped(step=Step.CONNECT)
        self._heard += data
        while b"\r\n" in self._heard:
            line, _, rest = bytes(self._heard).partition(b"\r\n")
            self._heard = bytearray(rest)
            self._answer(line)

    async def receive(self, deadline: Deadline) -> bytes:
        said, self._said = bytes(self._said), bytearray()
        assert said or self._has_ended, "the client waits while it is its turn"
        return said

    async def receive_waiting(self) -> bytes | None:
        return None

    async def start_tls(self, deadline: Deadline) -> None:
        raise AssertionError("these servers speak TLS at once")

    async def close(self) -> None:
        self._has_ended = True

    def greet(self) -> None:
        greeting = (
            b"220 ready\r\n" if self._case.protocol == "smtp" else b"* OK [CAPABILITY %s] ready\r\n" % self._offer
        )
        self._say(greeting, "greeting")

    def _say(self, usual: bytes, step: str) -> None:
        answer = self._case.answer if step == self._case.step else usual
        self._said += answer.replace(b"TAG", self._tag)
        if answer.startswith((b"* BYE", b"421")):
            self._has_ended = True

    @property
    def _offer(self) -> bytes:
        return b"IMAP4rev1 SASL-IR AUTH=XOAUTH2" if self._case.credential == "token" else b"IMAP4rev1"

    def _answer(self, line: bytes) -> None:
        if self._is_signing_in:
            self._is_signing_in = False
            self._say(self._welcome, "sign-in")
        elif self._case.protocol == "smtp":
            self._answer_smtp(line)
        else:
            self._answer_imap(line)

    @property
    def _welcome(self) -> bytes:
        return b"235 welcome\r\n" if self._case.protocol == "smtp" else b"TAG OK welcome\r\n"

    def _challenged(self) -> bool:
        if self._case.challenge:
            self._said += b"334 " if self._case.protocol == "smtp" else b"+ "
            self._said += self._case.challenge.encode() + b"\r\n"
            self._is_signing_in = True
        return self._is_signing_in

    def _answer_smtp(self, line: bytes) -> None:
        if self._is_body:
            if line == b".":
                self._is_body = False
                self._say(b"250 taken\r\n", "content")
        elif line.startswith(b"EHLO"):
            self._say(b"250-here\r\n250 AUTH PLAIN XOAUTH2\r\n", "capabilities")
        elif line.startswith(b"AUTH"):
            if not self._challenged():
                self._say(self._welcome, "sign-in")
        elif line[:4] in _VERBS:
            self._is_body = line[:4] == b"DATA" and self._case.step != "body"
            self._say(b"354 go\r\n" if line[:4] == b"DATA" else b"250 ok\r\n", _VERBS[line[:4]])
        else:
            self._said += b"250 ok\r\n"

    def _answer_imap(self, line: bytes) -> None:
        self._tag, _, command = line.partition(b" ")
        verb = command.split(b" ")[0].decode()
        if verb == "AUTHENTICATE" and self._challenged():
            return
        usual = {
            "CAPABILITY": b"* CAPABILITY IMAP4rev1\r\nTAG OK\r\n",
            "LIST": b'* LIST () "/" INBOX\r\n* LIST (\\Sent) "/" Sent\r\nTAG OK\r\n',
        }
        self._say(
            usual.get(verb, b"TAG OK\r\n"), _COMMANDS.get(verb, "search" if verb in ("EXAMINE", "SELECT") else "")
        )


class _World(BlockingIO):
    """A world in which there is one server."""

    def __init__(self, case: Case) -> None:
        super().__init__(NetworkPolicy(), None)
        self._case = case

    async def connect(self, endpoint: Endpoint, deadline: Deadline, done: Callable[[Step], None] = unwatched) -> Any:
        server = _Server(self._case)
        server.greet()
        return server


def play(case: Case) -> MailconfError:
    """Have the answer given, and return the error that the library makes of it."""
    try:
        run_sync(_send(case) if case.protocol == "smtp" else _file(case))
    except MailconfError as error:
        return error
    raise AssertionError(f"{case.answer!r} was no error")


def _credential(case: Case) -> Any:
    return Token("XOAUTH2") if case.credential == "token" else Password(PASSWORD)


async def _send(case: Case) -> None:
    io = _World(case)
    deadline = io.deadline(5)
    session = await open_smtp(io, case.settings.smtp, deadline)
    await session.sign_in(_credential(case), USER, deadline)
    message = _prepared()
    await submit(session, message.envelope, message.submitted, partial=False, ending=_note_nothing, deadline=deadline)


async def _note_nothing(refused: Mapping[str, Reply]) -> None:
    """Stand in for the journal."""


@cache
def _prepared() -> Prepared:
    settings = Case(host="mail.example.com", protocol="smtp", step="", answer=b"").settings
    return prepare(MESSAGE, settings, now=datetime(2026, 11, 23, 8, tzinfo=UTC))


async def _file(case: Case) -> None:
    io = _World(case)
    deadline = io.deadline(5)
    assert case.settings.imap is not None
    session = await open_imap(io, case.settings.imap, deadline)
    await session.sign_in(_credential(case), USER, deadline)
    mailbox = await file.introduce(session, None, deadline)
    await file.look(io, session, mailbox, ("<offer-1@example.test>",), (0.0,), deadline)
