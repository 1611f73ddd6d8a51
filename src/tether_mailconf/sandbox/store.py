"""What a sandbox remembers: accounts, mailboxes, messages and what was submitted.

Sessions of both protocols share one store; its lock is held while a session works, so each command sees a whole. Time
comes from the clock it is given, and what is to be filed later is filed when somebody next looks. It knows no protocol.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping

import attrs

from ..secret import Secret
from .personality import Drop, Personality

SENT_USE = "\\Sent"


@attrs.frozen(kw_only=True)
class StoredMessage:
    """A message in a mailbox.

    Args:
        uid: its unique identifier in the mailbox (RFC 9051 section 2.3.1.1).
        content: the message, with CRLF line ends as it came.
        flags: its flags, system flags with their backslash.
        stored_at: its internal date, in seconds since the epoch.
    """

    uid: int
    content: bytes = attrs.field(repr=False)
    flags: frozenset[str] = frozenset()
    stored_at: float = 0.0


@attrs.frozen(kw_only=True)
class Submission:
    """A message that the submission server accepted.

    Args:
        user: the address of the account that was signed in.
        sender: the reverse-path, "" for the null one.
        recipients: the accepted forward-paths.
        parameters: the parameters of MAIL, names in upper case.
        recipient_parameters: for each recipient those of RCPT.
        content: the message as it was submitted, dots unstuffed.
    """

    user: str
    sender: str
    recipients: tuple[str, ...]
    parameters: Mapping[str, str]
    recipient_parameters: Mapping[str, Mapping[str, str]]
    content: bytes = attrs.field(repr=False)


class Mailbox:
    """A mailbox of one account.

    Attributes:
        name: its full decoded name, prefix included.
        uid_validity: RFC 9051 section 2.3.1.1.
        uid_next: the UID of the next message; never one that was used.
        use: its special use (RFC 6154), known to us even where the personality does not show it; "" for none.
        is_selectable: whether it can hold messages; a mere level of the hierarchy cannot.
        is_subscribed: whether LSUB lists it.
    """

    def __init__(self, name: str, uid_validity: int, *, use: str = "", is_selectable: bool = True) -> None:
        self.name = name
        self.uid_validity = uid_validity
        self.uid_next = 1
        self.use = use
        self.is_selectable = is_selectable
        self.is_subscribed = False
        self._messages: dict[int, StoredMessage] = {}

    @property
    def messages(self) -> tuple[StoredMessage, ...]:
        """The messages in the order of their UIDs."""
        return tuple(self._messages.values())

    @property
    def size(self) -> int:
        """Bytes of all messages."""
        return sum(len(message.content) for message in self._messages.values())

    def get(self, uid: int) -> StoredMessage | None:
        """Return the message with that UID, if there is one."""
        return self._messages.get(uid)

    def add(self, content: bytes, *, flags: Iterable[str], stored_at: float) -> StoredMessage:
        """Store a message and return it."""
        message = StoredMessage(uid=self.uid_next, content=content, flags=frozenset(flags), stored_at=stored_at)
        self._messages[message.uid] = message
        self.uid_next += 1
        return message

    def mark(self, uid: int, flags: Iterable[str]) -> None:
        """Give the message exactly these flags."""
        self._messages[uid] = attrs.evolve(self._messages[uid], flags=frozenset(flags))

    def remove(self, uid: int) -> None:
        """Remove the message; its UID is not used again."""
        del self._messages[uid]


class Account:
    """A person of the sandbox.

    Attributes:
        address: the mail address, which is also the user name for signing in.
        user: a further user name that signs in, "" for none.
        password: for PLAIN and LOGIN.
        token: for XOAUTH2 and OAUTHBEARER.
        mailboxes: by full decoded name.
    """

    def __init__(self, address: str, password: str, *, token: str = "", user: str = "") -> None:
        self.address = address
        self.user = user
        self.password = Secret(password)
        self.token = Secret(token)
        self.mailboxes: dict[str, Mailbox] = {}

    @property
    def size(self) -> int:
        """Bytes of all messages in all mailboxes."""
        return sum(mailbox.size for mailbox in self.mailboxes.values())


@attrs.frozen
class _Due:
    """A message that comes into a mailbox at a moment to come.

    Args:
        at: seconds since the epoch.
        account: whose mailbox.
        content: the message.
        is_copy: whether it is a copy for Sent; else it is delivered.
    """

    at: float
    account: Account
    content: bytes
    is_copy: bool = False


class Store:
    """The memory of a sandbox.

    Args:
        personality: where mailboxes lie and how submissions are filed.
        clock: the seconds since the epoch.

    Attributes:
        lock: held by whoever reads or changes anything; re-entrant.
        submissions: all accepted ones, oldest first.
        last_drop: where a connection was broken last.
        opens_mail: whether the issuer has given an access token for the account of an address.
    """

    def __init__(self, personality: Personality | None = None, clock: Callable[[], float] = time.time) -> None:
        self.personality = personality or Personality()
        self.clock = clock
        self.lock = threading.RLock()
        self.submissions: list[Submission] = []
        self.last_drop: Drop | None = None
        self.opens_mail: Callable[[str, str], bool] = lambda address, token: False
        self._accounts: dict[str, Account] = {}
        self._drops_left = self.personality.drop_count
        self._due: list[_Due] = []
        self._last_validity = int(clock())

    # -- accounts --------------------------------------------------------------------------------------------------

    def add_account(self, address: str, password: str, *, token: str = "", user: str = "") -> Account:
        """Add a person, with the mailboxes that the personality gives to everybody.

        Args:
            address: their address, with which they sign in too.
            password: their password, or app password.
            token: an access token that is good for ever; empty: none but those of the issuer.
            user: another name to sign in with; empty: none.

        Raises:
            ValueError: there is one with this address or user name.
        """
        with self.lock:
            names = [name.casefold() for name in (address, user) if name]
            if any(name in self._accounts for name in names):
                raise ValueError(f"the sandbox has an account {address!r} or {user!r} already")
            account = Account(address, password, token=token, user=user)
            self._accounts.update(dict.fromkeys(names, account))
            account.mailboxes["INBOX"] = Mailbox("INBOX", self._new_validity())
            prefix, sent = self.personality.prefix, self.personality.sent_name
            self.create(account, f"{prefix}Drafts", use="\\Drafts")
            self.create(account, f"{prefix}Trash", use="\\Trash")
            if sent is not None:
                self.create(account, f"{prefix}{sent}", use=SENT_USE)
            if self.personality.junk_name is not None:
                self.create(account, f"{prefix}{self.personality.junk_name}", use="\\Junk")
            return account

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses of all accounts, in the order in which they were added."""
        return tuple(dict.fromkeys(account.address for account in self._accounts.values()))

    def account(self, name: str) -> Account | None:
        """Return the account with that address or user name."""
        return self._accounts.get(name.casefold())

    # -- mailboxes -------------------------------------------------------------------------------------------------

    def create(self, account: Account, name: str, *, use: str = "") -> Mailbox:
        """Create a mailbox, and the levels above it as mere levels; a mere level becomes a mailbox.

        Args:
            account: whose.
            name: its whole name, with the personality's separator.
            use: its special use (RFC 6154), such as that of a Sent folder; empty: none.
        """
        parts = name.split(self.personality.separator)
        for depth in range(1, len(parts)):
            parent = self.personality.separator.join(parts[:depth])
            if parent not in account.mailboxes:
                account.mailboxes[parent] = Mailbox(parent, self._new_validity(), is_selectable=False)
        mailbox = account.mailboxes[name] = Mailbox(name, self._new_validity(), use=use)
        return mailbox

    def find(self, account: Account, name: str) -> Mailbox | None:
        """Return a mailbox that can hold messages; INBOX is found in any case (RFC 9051 section 5.1)."""
        self.settle()
        mailbox = account.mailboxes.get("INBOX" if name.upper() == "INBOX" else name)
        return mailbox if mailbox is not None and mailbox.is_selectable else None

    def sent(self, account: Account) -> Mailbox | None:
        """Return the Sent mailbox, whatever its name: the one of that use, else the first that a client created."""
        self.settle()
        for mailbox in account.mailboxes.values():
            if mailbox.use == SENT_USE:
                return mailbox
        own = {
            "INBOX",
            *(f"{self.personality.prefix}{name}" for name in ("Drafts", "Trash", self.personality.junk_name)),
        }
        made = (box for box in account.mailboxes.values() if box.is_selectable and box.name not in own)
        return next(made, None)

    def _new_validity(self) -> int:
        self._last_validity += 1
        return self._last_validity

    # -- submissions -----------------------------------------------------------------------------------------------

    def accept(self, submission: Submission) -> str:
        """Take a submitted message, deliver it to accounts of the sandbox, and file it as the personality says.

        Returns:
            The server's words about it.
        """
        now = self.clock()
        self.submissions.append(submission)
        queue_id = f"S{len(self.submissions):05d}"
        content, words = submission.content, f"queued as {queue_id}"
        if self.personality.reply_message_id:
            message_id = f"<{queue_id}.rewritten@sandbox.test>"
            content, words = with_field(content, "Message-ID", message_id), f"OK {message_id}"
        stamp = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(now))
        trace = (
            f"Return-Path: <{submission.sender}>\r\n"
            f"Received: from sandbox.test by sandbox.test with ESMTPSA id {queue_id};\r\n\t{stamp}\r\n"
        ).encode()
        for account in {id(a): a for a in map(self.account, submission.recipients) if a is not None}.values():
            self._due.append(_Due(now + self.personality.arrival_delay, account, trace + self._received(content)))
        owner, delay = self.account(submission.user), self.personality.filing_delay
        if owner is not None and delay is not None:
            self._due.append(_Due(now + delay, owner, content, is_copy=True))
        self.settle()
        return words

    def _received(self, content: bytes) -> bytes:
        """Return a message as it arrives here."""
        field, sender = self.personality.authentication_results, self.personality.rewritten_sender
        if sender:
            content = with_field(content, "From", f"<{sender}>")
        return f"Authentication-Results: {field}\r\n".encode() + content if field else content

    def settle(self) -> None:
        """Deliver and file what is due by now."""
        now = self.clock()
        due = [one for one in self._due if one.at <= now]
        self._due = [one for one in self._due if one.at > now]
        for one in due:
            flags = ("\\Seen",) if one.is_copy else ()
            self._place(one).add(one.content, flags=flags, stored_at=one.at)

    def _place(self, due: _Due) -> Mailbox:
        prefix, junk = self.personality.prefix, self.personality.junk_name
        if due.is_copy:
            return self.sent(due.account) or self.create(due.account, f"{prefix}Sent", use=SENT_USE)
        return due.account.mailboxes["INBOX" if junk is None else f"{prefix}{junk}"]

    def take_drop(self, personality: Personality, at: Drop) -> bool:
        """Whether the connection breaks here, counting it if so."""
        if personality.drop_at is not at or self._drops_left <= 0:
            return False
        self._drops_left -= 1
        self.last_drop = at
        return True


def with_field(content: bytes, name: str, value: str) -> bytes:
    """Return the message with this header field in place of its own."""
    header, blank, body = content.partition(b"\r\n\r\n")
    field = re.compile(rb"^%s:(?:[^\n]|\n[ \t])*\n" % name.encode(), re.IGNORECASE | re.MULTILINE)
    kept = field.sub(b"", header + b"\r\n")
    return f"{name}: {value}\r\n".encode() + kept + blank[2:] + body
