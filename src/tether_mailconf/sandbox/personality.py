"""How a sandbox behaves: the habits of real providers, and their mishaps, as data.

A personality decides what is offered, where the Sent mailbox lies, who files, what is refused and where the connection
breaks. It knows no protocol text and no state; sessions and store read it. The ready-made ones are named for what they
show.
"""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Iterable
from typing import Any

import attrs

from .issuer_personality import OAuthPersonality

SMTP_EXTENSIONS = frozenset({"PIPELINING", "CHUNKING", "8BITMIME", "SMTPUTF8", "SIZE", "DSN", "ENHANCEDSTATUSCODES"})
"""What the submission server offers unless told otherwise. STARTTLS and AUTH come with the connection."""

IMAP_EXTENSIONS = frozenset(
    {
        "SASL-IR",
        "LITERAL+",
        "ID",
        "ENABLE",
        "UTF8=ACCEPT",
        "NAMESPACE",
        "UIDPLUS",
        "UNSELECT",
        "SPECIAL-USE",
        "CREATE-SPECIAL-USE",
        "LIST-EXTENDED",
    }
)
"""What the IMAP server offers unless told otherwise. `LITERAL-`, `APPENDLIMIT=n` and `QUOTA` are possible too."""


class Drop(enum.Enum):
    """Where a connection breaks, without a word and without a TLS farewell."""

    GREETING = "greeting"
    EHLO = "ehlo"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    BODY = "body"
    """when the first bytes of the content have come in; the message is not taken"""
    AFTER_BODY = "after body"
    """after the last byte of the content and before the reply; the message is delivered and filed as always"""
    IMAP_GREETING = "imap greeting"
    IMAP_AUTH = "imap auth"
    LIST = "list"
    SEARCH = "search"
    APPEND = "append"
    """when the first bytes of the literal have come in; nothing is stored"""
    AFTER_APPEND = "after append"
    """the message is stored, the answer is lost"""


MECHANISMS = ("PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER")
"""The SASL mechanisms that both servers know."""


def _upper(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.upper() for name in several(names))


def _folded(addresses: Iterable[str]) -> frozenset[str]:
    return frozenset(address.casefold() for address in several(addresses))


def several(values: Iterable[str]) -> Iterable[str]:
    """Return texts that were given as several.

    Raises:
        ValueError: it is one, which would be taken for a text a letter.
    """
    if isinstance(values, str):
        raise ValueError(f"several are given as a set, unlike {values!r}")
    return values


def _not_negative(_instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and not 0 <= value < math.inf:
        raise ValueError(f"{attribute.name} must not be negative or infinite, not {value!r}")


def _append_limits_are_numbers(_instance: object, _attribute: attrs.Attribute[Any], value: frozenset[str]) -> None:
    limits = (name for name in value if name.startswith("APPENDLIMIT="))
    if wrong := [name for name in limits if not re.fullmatch(r"[0-9]{1,12}", name[12:])]:
        raise ValueError(f"APPENDLIMIT= is followed by a number of bytes, unlike {', '.join(wrong)}")


@attrs.frozen(kw_only=True)
class Personality:
    """How the servers of a sandbox behave.

    Args:
        filing_delay: seconds after which the submission server files a copy into Sent; 0.0 is at once, None is never.
        sent_name: the Sent mailbox, without the prefix; None if there is none yet.
        special_use: whether mailboxes are marked with their use (RFC 6154).
        prefix: what the personal namespace begins with ("INBOX.").
        separator: the hierarchy separator.
        smtp_extensions: the keywords that EHLO offers, besides STARTTLS and AUTH.
        imap_extensions: the capabilities, besides IMAP4rev1, STARTTLS, LOGINDISABLED and AUTH=.
        greeting_capabilities: whether the IMAP greeting lists the capabilities.
        login_capabilities: whether the answer to a sign-in lists them.
        mechanisms: the SASL mechanisms, in the order offered, out of PLAIN, LOGIN, XOAUTH2 and OAUTHBEARER.
        max_size: bytes of the largest message that is taken, by SMTP and by APPEND.
        quota: bytes that an account may hold before APPEND is refused with OVERQUOTA; None is no limit.
        refused_recipients: addresses that RCPT refuses.
        refused_senders: addresses that MAIL refuses.
        reply_message_id: whether the server gives each message a Message-ID of its own and says it in its reply.
        junk_name: a mailbox for unwanted mail, without the prefix, into which all mail is sorted; None: mail comes to
            the inbox.
        arrival_delay: seconds after which accepted mail comes to its recipients.
        rewritten_sender: the address that From is replaced with in what arrives; empty: From stays.
        authentication_results: what the Authentication-Results field of what arrives says (RFC 8601); empty: no field.
        drop_at: where the connection breaks.
        drop_count: how many times it does; later connections are fine.
        slow: seconds before each answer.
        oauth: how the issuer behaves.

    Raises:
        ValueError: a value is none that it can have.
    """

    filing_delay: float | None = attrs.field(default=None, validator=_not_negative)
    sent_name: str | None = "Sent"
    special_use: bool = True
    prefix: str = ""
    separator: str = attrs.field(default="/", validator=attrs.validators.in_(("/", ".")))
    smtp_extensions: frozenset[str] = attrs.field(default=SMTP_EXTENSIONS, converter=_upper)
    imap_extensions: frozenset[str] = attrs.field(
        default=IMAP_EXTENSIONS, converter=_upper, validator=_append_limits_are_numbers
    )
    greeting_capabilities: bool = True
    login_capabilities: bool = True
    mechanisms: tuple[str, ...] = attrs.field(
        default=MECHANISMS, validator=attrs.validators.deep_iterable(attrs.validators.in_(MECHANISMS))
    )
    max_size: int = attrs.field(default=35_000_000, validator=_not_negative)
    quota: int | None = attrs.field(default=None, validator=_not_negative)
    refused_recipients: frozenset[str] = attrs.field(default=frozenset(), converter=_folded)
    refused_senders: frozenset[str] = attrs.field(default=frozenset(), converter=_folded)
    reply_message_id: bool = False
    junk_name: str | None = None
    arrival_delay: float = attrs.field(default=0.0, validator=_not_negative)
    rewritten_sender: str = ""
    authentication_results: str = ""
    drop_at: Drop | None = None
    drop_count: int = attrs.field(default=1, validator=_not_negative)
    slow: float = attrs.field(default=0.0, validator=_not_negative)
    oauth: OAuthPersonality = attrs.field(factory=OAuthPersonality)

    @property
    def imap_capabilities(self) -> frozenset[str]:
        """The IMAP extensions that hold: without marked mailboxes there is no SPECIAL-USE to offer."""
        if self.special_use:
            return self.imap_extensions
        return self.imap_extensions - {"SPECIAL-USE", "CREATE-SPECIAL-USE"}

    @property
    def append_limit(self) -> int:
        """Bytes of the largest message that APPEND takes (APPENDLIMIT, RFC 7889, or `max_size`)."""
        stated = [int(name[12:]) for name in self.imap_extensions if name.startswith("APPENDLIMIT=")]
        return min([self.max_size, *stated])


PLAIN = Personality()
"""Never files; Sent is called "Sent" and marked."""

FILES_ITSELF = Personality(filing_delay=0.0)
"""Files every submitted message into Sent before it answers, as Gmail does."""

FILES_LATE = Personality(filing_delay=3.0)
"""Files every submitted message into Sent three seconds later."""

GERMAN = Personality(sent_name="Gesendete Objekte")
"""Sent has a German name with a space in it."""

RUSSIAN = Personality(sent_name="Отправленные")
"""Sent has a Russian name, which is modified UTF-7 on the wire."""

NO_SPECIAL_USE = Personality(special_use=False, sent_name="Sent Items")
"""No mailbox is marked: Sent can be known by its name only."""

COURIER_LIKE = Personality(
    prefix="INBOX.",
    separator=".",
    special_use=False,
    imap_extensions=frozenset({"NAMESPACE", "UIDPLUS", "CHILDREN"}),
    mechanisms=("PLAIN", "LOGIN"),
)
"""Everything lies below INBOX, nothing is marked, and literals are synchronizing."""

BARE = Personality(
    smtp_extensions=frozenset({"SIZE", "8BITMIME"}),
    imap_extensions=frozenset({"NAMESPACE"}),
    special_use=False,
    greeting_capabilities=False,
    login_capabilities=False,
    mechanisms=("PLAIN", "LOGIN"),
)
"""As little as a server can offer: no PIPELINING, no CHUNKING, no LITERAL+, no SASL-IR, no UIDPLUS."""

FULL = Personality(quota=0)
"""The account is over quota: nothing can be appended."""

DROPS_AFTER_BODY = Personality(drop_at=Drop.AFTER_BODY, filing_delay=0.0)
"""Takes and files the first message and breaks the connection before it says so."""

__all__ = [
    "BARE",
    "COURIER_LIKE",
    "DROPS_AFTER_BODY",
    "FILES_ITSELF",
    "FILES_LATE",
    "FULL",
    "GERMAN",
    "IMAP_EXTENSIONS",
    "MECHANISMS",
    "NO_SPECIAL_USE",
    "PLAIN",
    "RUSSIAN",
    "SMTP_EXTENSIONS",
    "Drop",
    "Personality",
]
