"""What a source says: the servers it names, where it is written, and how far it can be believed. Values only."""

from __future__ import annotations

import enum

import attrs

from ..settings import CredentialKind, Endpoint


class Source(enum.Enum):
    """Where settings can come from, best first: the order decides between two that say different things."""

    CATALOGUE = "catalogue"
    """the catalogue lists the domain"""
    DATABASE = "database"
    """the public autoconfig database lists the domain"""
    MX = "mx"
    """mail for the domain goes to servers that the catalogue knows"""
    AUTOCONFIG = "autoconfig"
    """the domain's own web server tells, in the client-config format"""
    SRV = "srv"
    """the domain's name servers tell (RFC 6186, RFC 8314 section 5.1)"""
    MAIL_FILTER = "mail_filter"
    """mail goes to a filter first, but other records tell who is behind it"""
    AUTODISCOVER = "autodiscover"
    """the domain's Exchange server tells"""
    MX_AUTOCONFIG = "mx_autoconfig"
    """the web server of whoever takes the domain's mail tells"""
    GUESS = "guess"
    """nobody tells, but servers with the usual names answer"""


class Trust(enum.Enum):
    """Why servers can be believed to be the right ones before a password is shown to them."""

    CATALOGUE = "catalogue"
    """they are a known provider's own"""
    HTTPS = "https"
    """the domain itself, or the database, named them over verified TLS"""
    SAME_DOMAIN = "same_domain"
    """whoever named them could lie, but they are under the address's own domain, and must show a certificate for it"""
    UNPROVEN = "unproven"
    """plain DNS named them (DNSSEC unknown), and they lie elsewhere: a person must confirm them"""
    CONFIRMED = "confirmed"
    """a person has confirmed them"""


@attrs.frozen(kw_only=True)
class Server:
    """One server that a source names.

    Args:
        endpoint: where it listens.
        user: the user name to sign in with; None if the source does not say.
        kinds: the credential kinds that it takes; empty if the source does not say.
    """

    endpoint: Endpoint
    user: str | None = None
    kinds: tuple[CredentialKind, ...] = ()


@attrs.frozen(kw_only=True)
class Offer:
    """A set of servers that belong together.

    Args:
        smtp: the submission servers, best first.
        imap: the IMAP servers, best first.
        trust: how far they can be believed.
        origin: where that is written: an URL, a record, a file.
        preset: the id of the preset that they are known by.
    """

    smtp: tuple[Server, ...] = ()
    imap: tuple[Server, ...] = ()
    trust: Trust
    origin: str
    preset: str = "custom"


class Answer(enum.Enum):
    """How it went with a source."""

    FOUND = "found"
    NOTHING = "nothing"
    """it answered, and knows nothing"""
    FAILED = "failed"
    """it could not be asked, or its answer could not be read"""
    REFUSED = "refused"
    """the network policy does not let it be asked"""
    LATE = "late"
    """it had not answered when the rest was settled"""
    SKIPPED = "skipped"
    """there was no need to ask, or nothing to ask for"""


@attrs.frozen(kw_only=True)
class Heard:
    """What one source said.

    Args:
        source: which.
        outcome: how it went.
        offers: what it offers, best first.
        said: a sentence for a person; a stranger's words in it are cut and escaped.
        seconds: how long it took.
    """

    source: Source
    outcome: Answer
    offers: tuple[Offer, ...] = ()
    said: str = ""
    seconds: float = 0.0
