"""What errors tell with: the step, a problem of a form, a server's reply; and how a stranger's text is shown.

Values only. Everybody takes them from `errors`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import cast

import attrs

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
            TypeError: it is none. `Receipt.from_dict` makes `Damaged` of it.
        """
        stored: Mapping[str, object] = cast("Mapping[str, object]", data) if isinstance(data, Mapping) else {}
        code, enhanced, text = (stored.get(name) for name in ("code", "enhanced", "text"))
        if not (isinstance(code, str) and isinstance(enhanced, str) and isinstance(text, str)):
            raise TypeError("this is no stored reply: a part of it is missing, or is no text")
        return cls(code=code, enhanced=enhanced, text=text)
