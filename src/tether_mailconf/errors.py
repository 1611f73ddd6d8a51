"""Every error the library raises, in one family.

    MailconfError
    ├── InvalidSettings        all problems of a form at once
    │   └── InvalidForm        those of a settings page, with the page filled in again (`presets.parse`)
    ├── InvalidMessage         all problems of a message at once; it was not sent
    ├── UnsupportedSchema      stored by a newer version; nothing was changed
    ├── Damaged                stored data that cannot be read
    │   └── Unreadable         what a token store holds for one account
    ├── CredentialRetired      the provider no longer accepts this kind of credential
    ├── Disabled               the settings are switched off
    ├── Closed                 the Mailer was closed
    ├── JournalFailed          the host's journal could not record the next step, so it was not taken
    ├── StoreFailed            the token store could not be read or written
    ├── NoAccount              nothing is kept under this key (`accounts.keeping`)
    ├── Changed                the account was changed meanwhile; nothing was saved (`accounts.keeping`)
    ├── OAuthError             an OAuth issuer and a sign-in with it (`_oauth.errors`)
    │   ├── SignInFailed       a sign-in did not come to its end
    │   ├── SignInNeeded       the stored sign-in is over, and only the person can help
    │   └── IssuerRefused      the issuer said no, and a new sign-in would not help
    └── ConversationError      something happened between us and a server
        ├── NotPermitted       the address may not be dialled
        ├── Unreachable        no connection
        ├── TLSFailed          no trustworthy encryption
        ├── TimedOut           the deadline passed
        ├── Dropped            the server closed the connection
        ├── ProtocolViolation  the server broke the protocol, or a limit of ours
        ├── NotOffered         the server lacks what is needed
        ├── CredentialFailed   the host's credential raised instead of answering
        ├── IssuerFailed       an OAuth issuer is out of order; nothing was lost
        └── Refused            the server said no
            ├── SignInRefused
            └── RecipientsRefused

An error raised by `Mailer.send` always means that the message was not sent; its `receipt` then says so in storable
form. What was sent but not filed, or what may have been sent, is a receipt, never an error.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

import attrs

if TYPE_CHECKING:
    from .delivery.receipt import Receipt
    from .settings import Endpoint

MAX_SERVER_TEXT = 500
"""Characters of a server's own words that are shown to people."""


def printable(text: str, limit: int = MAX_SERVER_TEXT) -> str:
    """Return a stranger's text fit to be shown: control characters escaped, cut at `limit` characters."""
    shown = text[: limit + 1]
    if not shown.isprintable():
        shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


class Step(enum.Enum):
    """What was being done when something went wrong."""

    QUEUE = "queue"
    """waiting for a connection that other sends are using"""
    PREPARE = "prepare"
    DISCOVERY = "discovery"
    """asking strangers' web servers where a domain's mail servers are"""
    LOOKUP = "look-up"
    CONNECT = "connect"
    TLS = "tls"
    GREETING = "greeting"
    STARTTLS = "starttls"
    CAPABILITIES = "capabilities"
    SIGN_IN = "sign-in"
    TOKEN = "token"  # noqa: S105 - the name of a step
    """asking an OAuth issuer for a token"""
    SENDER = "sender"
    RECIPIENTS = "recipients"
    BODY = "body"
    MAILBOX = "mailbox"
    """finding or making the Sent folder"""
    SEARCH = "search"
    APPEND = "append"
    ARRIVAL = "arrival"
    """looking for a test message in the inbox"""
    CLOSE = "close"


@attrs.frozen(kw_only=True)
class Problem:
    """One thing that is wrong with what was given.

    Args:
        field: where, as a dotted path ("smtp.port"); empty for the whole.
        code: a stable name for programs ("port.security_mismatch").
        message: a sentence for a person.
    """

    field: str
    code: str
    message: str

    def to_dict(self) -> dict[str, str]:
        """Return the problem as plain data."""
        return {"field": self.field, "code": self.code, "message": self.message}


@attrs.frozen(kw_only=True)
class Reply:
    """What a server answered, whichever protocol it speaks.

    Args:
        code: the SMTP reply code ("550", RFC 5321 section 4.2) or the IMAP status ("NO", RFC 9051 section 7.1).
        enhanced: the enhanced status code ("5.1.1", RFC 3463) or the IMAP response code ("OVERQUOTA"); empty if none.
        text: the server's own words, lines joined by a line feed: as the server sent them, so use `shown` for people.
    """

    code: str
    enhanced: str = ""
    text: str = ""

    @property
    def shown(self) -> str:
        """The reply as one line fit for a person: cut at 500 characters, control characters escaped."""
        return printable(" ".join(part for part in (self.code, self.enhanced, self.text.replace("\n", " ")) if part))

    @property
    def is_temporary(self) -> bool:
        """Whether the server itself says that trying later may help (SMTP 4yz, RFC 5321 section 4.2.1)."""
        return self.code.startswith("4")

    def to_dict(self) -> dict[str, str]:
        """Return the reply as plain data, the text cut to what is shown, its lines kept."""
        text = "\n".join(printable(line) for line in self.text.split("\n"))
        return {"code": self.code, "enhanced": self.enhanced, "text": text[:MAX_SERVER_TEXT]}

    @classmethod
    def from_dict(cls, data: object) -> Reply:
        """Return the reply that `to_dict` described.

        Raises:
            Damaged: it is none.
        """
        stored: Mapping[str, object] = cast("Mapping[str, object]", data) if isinstance(data, Mapping) else {}
        code, enhanced, text = (stored.get(name) for name in ("code", "enhanced", "text"))
        if not (isinstance(code, str) and isinstance(enhanced, str) and isinstance(text, str)):
            raise Damaged("reply", "a part of it is missing, or is no text")
        return cls(code=code, enhanced=enhanced, text=text)


class MailconfError(Exception):
    """The root of all errors of this library.

    Attributes:
        code: a stable name for programs.
        receipt: for an error raised by `Mailer.send` after the message was prepared: the storable account of it, with
            delivery `NOT_SENT`. None elsewhere.
    """

    code: str = "error"
    receipt: Receipt | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__.copy())


def _rebuild(kind: type[MailconfError], args: tuple[Any, ...], state: dict[str, Any]) -> MailconfError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class _Problems(MailconfError):
    """What `InvalidSettings` and `InvalidMessage` share: the whole list, and a text that spells it."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "; ".join(f"{p.field}: {p.message}" if p.field else p.message for p in self.problems)


class InvalidSettings(_Problems):
    """Settings that cannot be right. `problems` lists all of them, not only the first."""

    code = "settings.invalid"


class InvalidMessage(_Problems):
    """A message that cannot be sent as it stands. `problems` lists all reasons. Nothing was sent."""

    code = "message.invalid"


class UnsupportedSchema(MailconfError):
    """Stored data was written by a newer version of the library, or is not ours. It was left as it is.

    Attributes:
        found: the schema version in the data.
        supported: the newest one this version reads.
    """

    code = "schema.unsupported"

    def __init__(self, found: object, supported: int) -> None:
        super().__init__(found, supported)
        self.found = found
        self.supported = supported

    def __str__(self) -> str:
        return (
            f"the stored data has schema version {printable(repr(self.found), 40)}, this library reads up to version "
            f"{self.supported}: upgrade tether_mailconf; the data was not changed"
        )


class Damaged(MailconfError):
    """Stored data of ours is incomplete or was changed by somebody, and cannot be read. It was left as it is.

    Attributes:
        what: what was to be read ("receipt").
        reason: what is wrong with it.
    """

    code = "data.damaged"

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(what, reason)
        self.what = what
        self.reason = reason

    def __str__(self) -> str:
        return f"the stored {self.what} cannot be read: {printable(self.reason, 100)}"


class Unreadable(Damaged):
    """A token store cannot read what it holds under a key. A new sign-in, or a disconnect, replaces it.

    Attributes:
        version: the version of what is there, for `TokenStore.swap`.
    """

    code = "data.unreadable"

    def __init__(self, version: str, reason: str) -> None:
        super().__init__("token", reason)
        self.args = (version, reason)
        self.version = version


class CredentialRetired(MailconfError):
    """The provider does not accept this kind of credential any more.

    Attributes:
        provider: the provider's name for people.
        kind: the credential kind asked for.
        since: the day it ended, ISO 8601; empty if no source names it.
        instead: the kinds that work today.
        source: where that is written.
    """

    code = "credential.retired"

    def __init__(self, *, provider: str, kind: str, since: str, instead: tuple[str, ...], source: str) -> None:
        super().__init__(provider, kind, since, instead, source)
        self.provider = provider
        self.kind = kind
        self.since = since
        self.instead = instead
        self.source = source

    def __str__(self) -> str:
        when = f" since {self.since}" if self.since else ""
        instead = " or ".join(self.instead) or "another provider"
        return f"{self.provider} does not accept {self.kind}{when}; use {instead}"


class Disabled(MailconfError):
    """The settings are switched off (`enabled` is false), so nothing is sent with them."""

    code = "settings.disabled"

    def __str__(self) -> str:
        return "sending is switched off for this account"


class Closed(MailconfError):
    """The Mailer was closed before this call."""

    code = "mailer.closed"

    def __str__(self) -> str:
        return "this Mailer is closed"


class JournalFailed(MailconfError):
    """The journal did not record the next step, so the step was not taken. The cause is chained (`__cause__`)."""

    code = "journal.failed"

    def __str__(self) -> str:
        return "the journal could not record the next step, so the message was not sent"


class StoreFailed(MailconfError):
    """The token store could not be read or written. What was in it is as it was. The cause is chained (`__cause__`)."""

    code = "store.failed"

    def __str__(self) -> str:
        return "the token store could not be read or written"


class ConversationError(MailconfError):
    """Something happened between us and a server.

    Attributes:
        step: what was being done.
        endpoint: with whom; None before that was settled.
        detail: one sentence, fit for a person; a server's words in it are cut and escaped.
        transcript: the last lines of the conversation, secrets masked.
    """

    code = "conversation.failed"
    summary: ClassVar[str] = "the conversation with the server failed"

    def __init__(self, *, step: Step, detail: str = "", endpoint: Endpoint | None = None) -> None:
        super().__init__(step, detail, endpoint)
        self.step = step
        self.detail = detail
        self.endpoint = endpoint
        self.transcript: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f" ({self.endpoint.host}:{self.endpoint.port})" if self.endpoint else ""
        return f"{self.step.value}{where}: {self.detail or self.summary}"


class NotPermitted(ConversationError):
    """The address may not be dialled: the network policy refuses it. No socket was opened."""

    code = "network.not_permitted"
    summary = "connecting to this host is not permitted"


class Unreachable(ConversationError):
    """No connection could be made: the name does not resolve, or nobody answers there."""

    code = "network.unreachable"
    summary = "the server cannot be reached"


class TLSFailed(ConversationError):
    """No trustworthy encryption: a certificate that does not verify, or a handshake that failed."""

    code = "tls.failed"
    summary = "no trustworthy encrypted connection"


class TimedOut(ConversationError):
    """The deadline of the whole operation passed."""

    code = "deadline.passed"
    summary = "the deadline passed"


class Dropped(ConversationError):
    """The server closed the connection in the middle."""

    code = "connection.dropped"
    summary = "the server closed the connection"


class ProtocolViolation(ConversationError):
    """The server broke the protocol, or sent more than the limits allow."""

    code = "protocol.violation"
    summary = "the server does not keep to the protocol"


class NotOffered(ConversationError):
    """The server does not offer what is needed: STARTTLS, a sign-in mechanism, SMTPUTF8 ..."""

    code = "capability.missing"
    summary = "the server does not offer what is needed"


class CredentialFailed(ConversationError):
    """The host's own credential class raised an exception instead of answering. It is chained (`__cause__`)."""

    code = "credential.failed"
    summary = "the credential could not answer"


class Refused(ConversationError):
    """The server said no.

    Attributes:
        reply: its answer.
    """

    code = "server.refused"
    summary = "the server refused"

    def __init__(self, *, step: Step, reply: Reply, detail: str = "", endpoint: Endpoint | None = None) -> None:
        super().__init__(step=step, detail=detail or f"the server refused: {reply.shown}", endpoint=endpoint)
        self.args = (step, reply, detail, endpoint)
        self.reply = reply

    @property
    def is_temporary(self) -> bool:
        """Whether the server says that trying later may help."""
        return self.reply.is_temporary


class SignInRefused(Refused):
    """The server did not accept the credential.

    Attributes:
        challenge: what the server said in its error challenge (RFC 7628 section 3.2.3), decoded; empty if none.
    """

    code = "sign_in.refused"

    def __init__(
        self, *, step: Step, reply: Reply, detail: str = "", endpoint: Endpoint | None = None, challenge: str = ""
    ) -> None:
        super().__init__(step=step, reply=reply, detail=detail, endpoint=endpoint)
        self.challenge = challenge


class RecipientsRefused(Refused):
    """One recipient or more was refused, so the message was sent to nobody.

    Attributes:
        refused: each refused address with the server's reply.
    """

    code = "recipients.refused"

    def __init__(self, *, step: Step, refused: Mapping[str, Reply], endpoint: Endpoint | None = None) -> None:
        address, reply = next(iter(refused.items()))
        super().__init__(step=step, reply=reply, detail=f"<{address}> was refused: {reply.shown}", endpoint=endpoint)
        self.refused = dict(refused)
