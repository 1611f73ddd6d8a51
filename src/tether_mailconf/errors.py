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

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from .particulars import MAX_SERVER_TEXT as MAX_SERVER_TEXT
from .particulars import Damaged as Damaged
from .particulars import MailconfError as MailconfError
from .particulars import Problem as Problem
from .particulars import Reply as Reply
from .particulars import Step as Step
from .particulars import UnsupportedSchema as UnsupportedSchema
from .particulars import printable as printable

if TYPE_CHECKING:
    from .settings import Endpoint


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
    """The server closed the connection in the middle.

    Attributes:
        reply: what it said before, if it took its leave (IMAP's BYE); None if it said nothing.
    """

    code = "connection.dropped"
    summary = "the server closed the connection"

    def __init__(
        self, *, step: Step, detail: str = "", endpoint: Endpoint | None = None, reply: Reply | None = None
    ) -> None:
        said = "" if reply is None else f"the server said goodbye: {reply.shown}"
        super().__init__(step=step, detail=detail or said, endpoint=endpoint)
        self.reply = reply


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
