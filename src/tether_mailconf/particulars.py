"""What the errors stand on: their root, those of stored data, and the values that errors tell with.

A step, a problem of a form, a server's reply; and how a stranger's text is shown. A stored reply reads itself back, so
the error of damaged data is known here. Everybody takes all of it from `errors`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import attrs

if TYPE_CHECKING:
    from .delivery.receipt import Receipt

MAX_SERVER_TEXT = 500
"""Characters of a server's own words that are shown to people."""


def printable(text: str, limit: int = MAX_SERVER_TEXT) -> str:
    """Return a stranger's text fit to be shown: control characters escaped, cut at `limit` characters."""
    shown = text[: limit + 1]
    if not shown.isprintable():
        shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


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
