"""Plays a dialogue against the library, through the port and without a socket.

A client that says something else than the script, speaks while it is the server's turn, waits while it is its own,
tells a secret in the clear, leaves lines unplayed or the connection open, fails.
"""

from __future__ import annotations

import email
import email.policy
import itertools
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any, TypeVar

import attrs

from tether_mailconf._ports import IO, Buffer, Deadline, HttpRequest, HttpResponse, R, TLSFacts, run_sync, unwatched
from tether_mailconf.credentials import Credential, Password, SaslStep
from tether_mailconf.credentials.token import BearerToken, TokenSource
from tether_mailconf.delivery.account import Account
from tether_mailconf.delivery.dispatch import Dispatch
from tether_mailconf.delivery.envelope import Dsn, Notify, Return
from tether_mailconf.delivery.lanes import Lanes
from tether_mailconf.delivery.prepare import prepare
from tether_mailconf.delivery.receipt import Delivery, Filing, Receipt
from tether_mailconf.delivery.trial import Look, Tried
from tether_mailconf.errors import Dropped, MailconfError, Step, TimedOut, TLSFailed
from tether_mailconf.settings import ConnectionSettings, CredentialKind, Endpoint, Filer, Security, SentPolicy

from .dialogue import Dialogue

T = TypeVar("T")

USER = "ana@example.test"
PASSWORD = 'sesame"4711'
TOKEN = "ya29.sesame-4711"
MARK = "mark-4711"
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)

_PRIVATE = (b"sesame", b"AUTH", b"LOGIN", b"MAIL", b"APPEND")
"""What no client may write before TLS; secrets in base64 come behind AUTH or AUTHENTICATE."""


class ScriptFault(BaseException):
    """The client did not keep to the script. Not an `Exception`, so that nothing can take it for a server's failure."""


# -- the world --------------------------------------------------------------------------------------------------------


class Stage:
    """The port, and the one connection of a dialogue.

    Args:
        dialogue: what is played.
        piece: the most bytes that arrive at once.
    """

    local_address = "192.0.2.7"
    tls: TLSFacts | None = None

    def __init__(self, dialogue: Dialogue, piece: int) -> None:
        self._left = list(dialogue.script)
        self._piece = piece
        self._time = 0.0
        self._is_open = False
        self._has_ended = False
        self._is_private = dialogue.header.get("security", "tls") == "tls"
        self.connections = 0

    def _fail(self, what: str) -> ScriptFault:
        coming = "; ".join(f"{who} {said.decode(errors='replace')!r}" for who, said in self._left[:2])
        return ScriptFault(f"{what}; the script has {len(self._left)} lines left: {coming}")

    @property
    def _turn(self) -> str:
        return self._left[0][0] if self._left else ""

    def check_end(self) -> None:
        """Raise unless all was played."""
        if self._left:
            raise self._fail("the client stopped early")
        if self._is_open:
            raise self._fail("the client left the connection open")

    # -- the channel -----------------------------------------------------------------------------------------------

    async def send(self, data: Buffer, deadline: Deadline) -> None:
        deadline.remaining(Step.CONNECT)
        said = bytes(data)
        if not self._is_open:
            raise self._fail(f"the client speaks on a closed connection: {said!r}")
        if self._turn == "END" or (not self._left and self._has_ended):
            raise Dropped(step=Step.CONNECT)
        if not self._is_private and any(word in said for word in _PRIVATE):
            raise self._fail(f"the client tells a secret in the clear: {said!r}")
        while said:
            if self._turn != "C":
                raise self._fail(f"the client speaks out of turn: {said!r}")
            due = self._left[0][1]
            if not (said.startswith(due) or due.startswith(said)):
                raise self._fail(f"the client says {said!r}")
            self._left[0] = ("C", due[len(said) :])
            if len(said) >= len(due):
                del self._left[0]
            said = said[len(due) :]

    async def receive(self, deadline: Deadline) -> bytes:
        deadline.remaining(Step.CONNECT)
        if self._turn == "SILENCE":
            del self._left[0]
            self._time = deadline.at
            raise TimedOut(step=Step.CONNECT)
        if self._turn == "END":
            del self._left[0]
            self._has_ended = True
            return b""
        arrived = b"".join(said for _, said in itertools.takewhile(lambda line: line[0] == "S", self._left))
        if not arrived:
            raise self._fail("the client waits while it is its turn")
        self._took(len(arrived[: self._piece]))
        return arrived[: self._piece]

    def _took(self, count: int) -> None:
        while count:
            said = self._left[0][1]
            if len(said) > count:
                self._left[0] = ("S", said[count:])
                return
            count -= len(said)
            del self._left[0]

    async def receive_waiting(self) -> bytes | None:
        return None if self._turn in ("", "C") else await self.receive(self.deadline(0.1))

    async def start_tls(self, deadline: Deadline) -> None:
        deadline.remaining(Step.TLS)
        if self._turn == "S":
            # Bytes that came in the clear are read as a handshake, which they are not.
            self._took(sum(len(said) for _, said in itertools.takewhile(lambda line: line[0] == "S", self._left)))
            raise TLSFailed(step=Step.TLS)
        if not self._turn.startswith("TLS") or self._is_private:
            raise self._fail("the client begins TLS")
        fails = self._left.pop(0)[0] == "TLS FAILS"
        if fails:
            raise TLSFailed(step=Step.TLS, detail="the certificate does not verify")
        self._is_private = True

    async def close(self) -> None:
        self._is_open = False

    # -- the rest of the port --------------------------------------------------------------------------------------

    async def connect(self, endpoint: Endpoint, deadline: Deadline, done: Callable[[Step], None] = unwatched) -> Stage:
        self.connections += 1
        if self.connections > 1:
            raise self._fail("the client connects again")
        self._is_open = True
        return self

    async def fetch(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        raise AssertionError("a dialogue has no web")

    async def uninterrupted(
        self, thunk: Callable[[], Coroutine[Any, Any, T]], deadline: Deadline, *, longest: float
    ) -> T:
        return await thunk()

    def permits(self, host: str, port: int | None = None) -> bool:
        return True

    async def resolve(self, name: str, kind: type[R], deadline: Deadline) -> tuple[R, ...]:
        raise AssertionError("a dialogue asks no name server")

    async def race(
        self, thunks: Sequence[Callable[[], Coroutine[Any, Any, T]]], until: Callable[[Mapping[int, T]], Deadline]
    ) -> dict[int, T]:
        raise AssertionError("a dialogue is no race")

    async def gather(self, *thunks: Callable[[], Coroutine[Any, Any, T]]) -> list[T]:
        return [await thunk() for thunk in thunks]

    def slots(self, count: int) -> _Slots:
        return _Slots()

    async def sleep(self, seconds: float) -> None:
        self._time += seconds

    def deadline(self, seconds: float) -> Deadline:
        return Deadline.after(seconds, lambda: self._time)

    def now(self) -> datetime:
        return NOW


class _Slots:
    async def acquire(self, deadline: Deadline) -> None:
        deadline.remaining(Step.QUEUE)

    def release(self) -> None:
        pass


class Token:
    """An access token, given by one mechanism. The library's own credentials come with consent, which is not here."""

    kind = CredentialKind.OAUTH_TOKEN

    def __init__(self, *mechanisms: str) -> None:
        self.mechanisms = mechanisms

    def answer(self, step: SaslStep) -> bytes:
        if step.challenges:
            raise AssertionError("a token has one answer; the acknowledgement is the conversation's")
        if step.mechanism == "XOAUTH2":
            return f"user={step.user}\1auth=Bearer {TOKEN}\1\1".encode()
        where = f"host={step.endpoint.host}\1port={step.endpoint.port}"
        return f"n,a={step.user},\1{where}\1auth=Bearer {TOKEN}\1\1".encode()


class Tokens:
    """Where tokens come from: another one for each that was refused."""

    kind = CredentialKind.OAUTH_TOKEN
    issuer = "own"

    async def fresh(self, io: IO, deadline: Deadline) -> BearerToken:
        return BearerToken(TOKEN)

    async def renewed(self, refused: BearerToken, io: IO, deadline: Deadline) -> BearerToken | None:
        return BearerToken(f"{TOKEN}-renewed")

    async def accepted(self, token: BearerToken, user: str, io: IO, deadline: Deadline) -> None:
        pass


_CREDENTIALS: dict[str, Callable[[], Credential | TokenSource]] = {
    "password": lambda: Password(PASSWORD),
    "xoauth2": lambda: Token("XOAUTH2"),
    "oauthbearer": lambda: Token("OAUTHBEARER"),
    "tokens": Tokens,
}


class _Diary:
    """A journal that remembers the deliveries it was told of."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def record(self, receipt: Receipt) -> None:
        self.told.append(receipt.delivery.value)


# -- playing ----------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Outcome:
    """What came of a dialogue: a receipt, what a look has shown or an error, and what the journal was told."""

    receipt: Receipt | None
    tried: Tried | None
    error: MailconfError | None
    journal: tuple[str, ...]


def play(dialogue: Dialogue, piece: int) -> Outcome:
    """Play a dialogue, the server's bytes arriving in pieces of at most `piece`.

    Raises:
        ScriptFault: the client did not keep to it.
    """
    stage, diary = Stage(dialogue, piece), _Diary()
    credential = _CREDENTIALS[dialogue.header.get("credential", "password")]()
    settings = _settings(dialogue.header, credential.kind)
    dispatch = Dispatch(stage, settings, credential, diary, 1)
    receipt: Receipt | None = None
    tried: Tried | None = None
    error: MailconfError | None = None
    try:
        if dialogue.header["do"] == "look":
            tried = run_sync(_look(Account(stage, settings, credential, diary), dialogue))
            error = tried.trouble
        else:
            receipt = run_sync(_do(dispatch, dialogue, settings))
    except MailconfError as failure:
        error = failure
    stage.check_end()
    if stage.connections != bool(dialogue.script):
        raise ScriptFault("the client did not connect")
    return Outcome(receipt=receipt, tried=tried, error=error, journal=tuple(diary.told))


def _settings(header: dict[str, str], kind: CredentialKind) -> ConnectionSettings:
    security = Security(header.get("security", "tls"))
    smtp, imap = (465, 993) if security is Security.TLS else (587, 143)
    filer = Filer.NOBODY if header["do"] == "send" else Filer(header.get("filer", "client"))
    return ConnectionSettings(
        address=USER,
        smtp=Endpoint(host="smtp.example.test", port=smtp, security=security),
        imap=Endpoint(host="imap.example.test", port=imap, security=security),
        smtp_user=USER,
        imap_user=USER,
        credential=kind,
        sent=SentPolicy(filer=filer, mailbox=header.get("mailbox")),
    )


async def _do(dispatch: Dispatch, dialogue: Dialogue, settings: ConnectionSettings) -> Receipt:
    header = dialogue.header
    message = _parsed(dialogue)
    to = header["recipients"].split(", ") if "recipients" in header else None
    if header["do"] == "send":
        is_partial = header.get("partial") == "yes"
        dsn = _dsn(header.get("dsn"))
        return await dispatch.send(message, sender=None, recipients=to, partial=is_partial, dsn=dsn, seconds=60)
    receipt = _earlier(prepare(message, settings, now=NOW, recipients=to).receipt(), header)
    act = {"file": dispatch.file, "resolve": dispatch.resolve}[header["do"]]
    return await act(receipt, message, seconds=60)


async def _look(account: Account, dialogue: Dialogue) -> Tried:
    """Look for a test message that was sent a moment ago, and is known by Message-ID and mark."""
    header, settings = dialogue.header, account.settings
    deadline = account.io.deadline(float(header.get("seconds", "60")))
    receipt = _earlier(prepare(_parsed(dialogue), settings, now=NOW).receipt(), header)
    look = Look(account, Lanes(account.io, 1), receipt, MARK, deadline)
    return await look.run(Tried(settings=settings, to=USER), is_ours=True, clean_up=header.get("clean up") == "yes")


def _parsed(dialogue: Dialogue) -> EmailMessage:
    if dialogue.header.get("message") == "utf8":
        # From bytes the email package reads no UTF-8 header, and from text no bytes that have no charset.
        return email.message_from_string(dialogue.message.decode(), _class=EmailMessage, policy=email.policy.SMTPUTF8)
    return email.message_from_bytes(dialogue.message, _class=EmailMessage, policy=email.policy.SMTP)


def _earlier(receipt: Receipt, header: dict[str, str]) -> Receipt:
    """Return the receipt of the message as it was sent a while ago."""
    delivery = Delivery.UNKNOWN if header["do"] == "resolve" else Delivery.SENT
    receipt = attrs.evolve(
        receipt, delivery=delivery, filing=Filing.PENDING, server_message_id=header.get("known as") or None
    )
    if "filed" not in header:
        return receipt
    uid, validity = map(int, header["filed"].split(" of "))
    return attrs.evolve(
        receipt, filing=Filing.APPENDED, mailbox=header.get("mailbox", "Sent"), uid=uid, uid_validity=validity
    )


def _dsn(text: str | None) -> Dsn | None:
    if text is None:
        return None
    wishes = dict(word.split("=", 1) for word in text.split())
    return Dsn(
        notify=frozenset(Notify(wish) for wish in wishes["NOTIFY"].split(",")),
        ret=Return(wishes["RET"]) if "RET" in wishes else None,
        envelope_id=wishes["ENVID"],
    )
