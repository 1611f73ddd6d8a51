"""A test send: a marked message through the ordinary way, and then a look at what became of it.

It goes from the account to itself, or to somebody else. What went to itself is looked for in the inbox and in junk,
with growing pauses, until the time is over: that it is not there yet says nothing. Its copies in Sent are counted. Once
the message is out, nothing that follows can raise: what went wrong is told beside what is known.
"""

from __future__ import annotations

import email
import email.policy
import itertools
import secrets
from collections.abc import Iterable, Sequence
from email.message import EmailMessage, Message
from email.utils import formataddr, parseaddr

import attrs

from .._ports import Deadline
from .._wire.imap import ImapSession
from .._wire.imap_response import Completed
from .._wire.imap_syntax import quoted
from ..address import read_address
from ..errors import InvalidMessage, MailconfError, Problem, Refused, Step, printable
from ..settings import ConnectionSettings
from . import authentication, file
from .account import Account
from .authentication import AuthenticationResults
from .lanes import Lanes
from .receipt import Receipt
from .sent_folder import Listed
from .settle import known_ids, ready_imap

MARK = "X-Mailconf-Test"
"""The header field that marks a test message; its value is different for each."""

PAUSES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
"""Seconds to wait before each look; the last of them again and again."""

_RESERVE_SECONDS = 3.0
"""Seconds kept back for counting the copies and cleaning up."""

_MOST_MATCHES = 20
_LONGEST_FROM = 2_000

# RFC 6154 marks it; these are the names that mail programs and providers give it, compared without case.
_JUNK_NAMES = frozenset(
    name.casefold()
    for name in [
        "Junk",
        "Spam",
        "Junk E-mail",
        "Junk Email",
        "Junk Mail",
        "Bulk",
        "Bulk Mail",
        "[Gmail]/Spam",
        "[Google Mail]/Spam",
        "Spamverdacht",
        "Unerwünscht",
        "Unerwünschte Werbung",
        "Courrier indésirable",
        "Indésirables",
        "Correo no deseado",
        "Posta indesiderata",
        "Lixo eletrônico",
        "Ongewenste e-mail",
        "Skräppost",
        "Спам",
        "Нежелательная почта",
        "迷惑メール",
        "垃圾邮件",
        "垃圾郵件",
        "스팸",
    ]
)

_SUBJECT = "Test message: sending works"
_TEXT = """\
This message was sent to see whether mail can be sent from {address}.

It was written by a program; nobody waits for an answer. You may delete it.
"""


@attrs.frozen(kw_only=True)
class Arrival:
    """A test message that has arrived.

    Args:
        mailbox: the mailbox it was found in.
        uid: its UID there.
        is_junk: whether that is the mailbox for unwanted mail.
        seconds: how long after it was accepted it was found.
        sender: the address in From, as it arrived; a stranger's text.
        authentication: what the receiving server says about SPF, DKIM and DMARC; None if it says nothing.
    """

    mailbox: str
    uid: int
    is_junk: bool
    seconds: float
    sender: str = attrs.field(converter=printable)
    authentication: AuthenticationResults | None = None


@attrs.frozen(kw_only=True)
class Tried:
    """What became of a test message. Raw: `diagnosis.trial` says what it means.

    Args:
        settings: those to keep from now on: they may know more than before.
        to: to whom it went.
        receipt: what became of the sending; None if it was not sent.
        failure: why it was not sent.
        arrival: where it arrived; None if it was not seen there.
        was_looked_for: whether it was looked for to the end of the time.
        copies: how many copies stand in Sent; None if nobody looked.
        trouble: what kept us from looking; None if nothing did.
        is_cleaned_up: whether all of it was removed again; None if that was not asked.
        seconds: how long all of it took.
    """

    settings: ConnectionSettings
    to: str
    receipt: Receipt | None = None
    failure: MailconfError | None = None
    arrival: Arrival | None = None
    was_looked_for: bool = False
    copies: int | None = None
    trouble: MailconfError | None = None
    is_cleaned_up: bool | None = None
    seconds: float = 0.0


def marked_message(settings: ConnectionSettings, to: str) -> EmailMessage:
    """Return a test message: short, from the account, and marked as a program's (RFC 3834 section 5).

    Raises:
        InvalidMessage: `to` is no address.
    """
    message = EmailMessage()
    message["From"] = formataddr((settings.display_name, settings.address))
    if why := _address_problem(message, to):
        raise InvalidMessage((Problem(field="to", code="message.address", message=f"this is no address: {why}"),))
    message["Subject"] = _SUBJECT
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message[MARK] = secrets.token_hex(16)
    message.set_content(_TEXT.format(address=settings.address))
    return message


def _address_problem(message: EmailMessage, to: str) -> str:
    """Address the message; return why that cannot be, empty if it can."""
    if not to.isprintable():
        return "it contains a control character"
    try:
        message["To"] = to
    except ValueError as error:
        return f"{error}"
    found = [read_address(one.addr_spec, quoted=True) for one in message["To"].addresses]
    return next((one.message for one in found if isinstance(one, Problem)), "" if found else "it is empty")


class Look:
    """The search for one test message, in one IMAP session.

    Args:
        account: whose message.
        lanes: the connections.
        receipt: what became of the sending.
        mark: the value of its mark.
        deadline: for all of it.
    """

    def __init__(self, account: Account, lanes: Lanes, receipt: Receipt, mark: str, deadline: Deadline) -> None:
        self._account = account
        self._lanes = lanes
        self._ids = known_ids(receipt)
        self._mark = mark
        self._deadline = deadline
        self._since = deadline.clock() - receipt.timings.get("file", 0.0)

    async def run(self, tried: Tried, *, is_ours: bool, clean_up: bool) -> Tried:
        """Return what is known after the look. Never raises `MailconfError`.

        Args:
            tried: what is known before.
            is_ours: whether the message went to the account itself.
            clean_up: whether it is removed again.
        """
        try:
            async with self._lanes.take(self._deadline) as lane:
                session, sent = await ready_imap(self._account, lane, self._deadline)
                if is_ours:
                    arrival = await self._arrival(session)
                    tried = attrs.evolve(tried, arrival=arrival, was_looked_for=True)
                copies = await file.find_copies(session, sent, self._ids, self._deadline)
                tried = attrs.evolve(tried, copies=len(copies))
                if clean_up:
                    done = await self._clean_up(session, sent, copies, tried.arrival)
                    # What has not been seen yet may still come.
                    tried = attrs.evolve(tried, is_cleaned_up=done and (tried.arrival is not None or not is_ours))
        except MailconfError as trouble:
            return attrs.evolve(tried, trouble=trouble)
        return tried

    async def _arrival(self, session: ImapSession) -> Arrival | None:
        """Look into the inbox and into junk again and again; None if it is not there when the time is over."""
        boxes = [("INBOX", False), *((name, True) for name in await _junk(session, self._deadline))]
        until = self._deadline.at - _RESERVE_SECONDS
        for pause in itertools.chain(PAUSES, itertools.repeat(PAUSES[-1])):
            left = until - self._deadline.clock()
            if left <= 0 and pause:
                return None
            await self._account.io.sleep(min(pause, max(left, 0.0)))
            for mailbox, is_junk in boxes:
                found = await self._found(session, mailbox, is_junk=is_junk)
                if found is not None:
                    return found
        raise AssertionError("the pauses have no end")

    async def _found(self, session: ImapSession, mailbox: str, *, is_junk: bool) -> Arrival | None:
        # Some providers replace the Message-ID, others do not search fields that they do not know: both are asked.
        wanted = [("Message-ID", message_id) for message_id in self._ids] + [(MARK, self._mark)]
        searches = [f"UID SEARCH HEADER {name} {quoted(value).decode()}" for name, value in wanted]
        opening = f"EXAMINE {session.mailbox(mailbox)}"
        opened, *answers = await session.run(Step.ARRIVAL, self._deadline, opening, *searches)
        if not opened.is_ok:
            if is_junk:
                return None
            raise session.failed(Refused(step=Step.ARRIVAL, reply=opened.status.reply()), Step.ARRIVAL)
        uids = sorted({uid for answer in answers if answer.is_ok for uid in file.numbers(answer)})[-_MOST_MATCHES:]
        if not uids:
            return None
        fields = f"MESSAGE-ID FROM AUTHENTICATION-RESULTS {MARK.upper()}"
        fetch = f"UID FETCH {','.join(map(str, uids))} (UID BODY.PEEK[HEADER.FIELDS ({fields})])"
        fetched = (await session.run(Step.ARRIVAL, self._deadline, fetch))[0]
        for uid, header in _headers(fetched):
            if _plain(header.get(MARK, "")) == self._mark or _plain(header.get("Message-ID", "")) in self._ids:
                return Arrival(
                    mailbox=mailbox,
                    uid=uid,
                    is_junk=is_junk,
                    seconds=self._deadline.clock() - self._since,
                    sender=_address(header),
                    authentication=authentication.read(header.get_all("Authentication-Results", [])),
                )
        return None

    async def _clean_up(self, session: ImapSession, sent: str, copies: Sequence[int], arrival: Arrival | None) -> bool:
        """Remove what was found, by UID only; return whether all of it is gone."""
        found = [(sent, uid) for uid in copies]
        found += [] if arrival is None or (arrival.mailbox, arrival.uid) in found else [(arrival.mailbox, arrival.uid)]
        # A plain EXPUNGE would take with it whatever the person has marked as deleted (RFC 4315 section 1).
        if "UIDPLUS" not in session.capabilities:
            return not found
        outcomes = [await self._remove(session, mailbox, uid) for mailbox, uid in found]
        return all(outcomes)

    async def _remove(self, session: ImapSession, mailbox: str, uid: int) -> bool:
        opened = (await session.run(Step.ARRIVAL, self._deadline, f"SELECT {session.mailbox(mailbox)}"))[0]
        if not opened.is_ok:
            return False
        mark, expunge = f"UID STORE {uid} +FLAGS.SILENT (\\Deleted)", f"UID EXPUNGE {uid}"
        return all(one.is_ok for one in await session.run(Step.ARRIVAL, self._deadline, mark, expunge))


async def _junk(session: ImapSession, deadline: Deadline) -> list[str]:
    """Return the mailboxes for unwanted mail: those that are marked, or else those with a known name."""
    listing, _ = await file.list_mailboxes(session, [], deadline)
    usable = [entry for entry in listing if entry.is_usable]
    marked = [entry.name for entry in usable if "\\junk" in entry.attributes]
    return marked or [entry.name for entry in usable if _bare(entry).casefold() in _JUNK_NAMES]


def _bare(entry: Listed) -> str:
    below = f"INBOX{entry.separator}" if entry.separator else ""
    return entry.name[len(below) :] if below and entry.name.upper().startswith(below) else entry.name


def _headers(fetched: Completed) -> Iterable[tuple[int, Message]]:
    for data in fetched.named("FETCH"):
        match data.tokens:
            case ([*items],):
                values = dict(zip(map(_name, items[::2]), items[1::2], strict=False))
                uid, header = values.get("UID"), values.get("BODY[HEADER.FIELDS")
                if isinstance(uid, bytes) and uid.isdigit() and len(uid) <= 10 and isinstance(header, bytes):
                    yield int(uid), email.message_from_bytes(header, policy=email.policy.compat32)
            case _:
                pass


def _name(token: object) -> str:
    return token.decode(errors="replace").upper().partition(" ")[0] if isinstance(token, bytes) else ""


def _plain(field: object) -> str:
    return "".join(str(field).split())


def _address(header: Message) -> str:
    """Return the address in From; empty if there is none. Everything in it is a stranger's text."""
    # Encoded words stand in names only, and a name, once decoded, may look like an address (RFC 2047 section 5).
    text = " ".join(str(header.get("From", ""))[:_LONGEST_FROM].split())
    try:
        found = parseaddr(text)[1]
    except RecursionError:  # comments within comments
        return ""
    return found if "@" in found else ""


def is_to_itself(settings: ConnectionSettings, to: str) -> bool:
    """Whether a message to this address comes to the account itself."""
    return parseaddr(to)[1].casefold() == settings.address.casefold()
