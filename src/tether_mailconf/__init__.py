"""Send mail from your users' own mailboxes, and leave exactly one copy in their Sent folder.

    import tether_mailconf as mailconf

    settings = mailconf.presets.ICLOUD.settings("ana@icloud.com")
    with mailconf.Mailer(settings, mailconf.AppPassword("abcd-efgh-ijkl-mnop")) as mailer:
        receipt = mailer.send(message)

The same names, awaited, are in `tether_mailconf.aio`. How the house is built, from the top down:

    sandbox       servers to try everything on, for demos and tests
    _drivers      sockets, threads, event loops, TLS, HTTP, and what may be dialled
    token_stores  where tokens are kept: in memory, in an encrypted file
    discovery     from an address to servers that work: sources, ranking, report
    accounts      kept, changed, cleared, looked after
    diagnosis     from an error to what a person can do about it
    delivery      prepare, submit, file; receipts and the journal
    _oauth        issuers, sign-in, and tokens that stay fresh; its face is `oauth`
    _wire         SMTP and IMAP, as conversations over a small port
    credentials   what is signed in with
    presets       what is known about providers, with source and date
    settings      one account's validated settings
    errors        one family of errors

Every conversation is written once, as `async def` over the port in `_ports`. The asyncio driver awaits; the blocking
driver never suspends, so the conversation ends in one step. Nothing here has global state, reads the environment or
prints. Importing it is cheap: what is heavy is imported on first use.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import aio as aio
    from . import oauth, presets
    from ._drivers.guard import NetworkPolicy
    from ._facade import Mailer, migrate
    from ._facade_accounts import Accounts, health
    from ._facade_diagnosis import check
    from ._facade_discovery import discover, verify
    from ._oauth.causes import Mender
    from ._oauth.errors import IssuerFailed, IssuerRefused, OAuthError, SignInFailed, SignInNeeded
    from .accounts.health import Act, Concern
    from .accounts.keeping import Changed, Cleared, NoAccount
    from .accounts.stored import SendRecord, StoredAccount
    from .credentials import AppPassword, Credential, Password, SaslStep
    from .credentials.token import TokenSource
    from .delivery.envelope import Dsn, Notify, Return
    from .delivery.journal import FileJournal, Journal
    from .delivery.outcome import Outcome
    from .delivery.receipt import Delivery, Filing, FilingTrouble, Receipt
    from .diagnosis.explain import explain
    from .diagnosis.finding import Finding, Retry
    from .diagnosis.report import Report
    from .diagnosis.trial import Trial
    from .discovery.offer import Source, Trust
    from .discovery.report import Candidate, Discovery
    from .errors import (
        Closed,
        ConversationError,
        CredentialFailed,
        CredentialRetired,
        Damaged,
        Disabled,
        Dropped,
        InvalidMessage,
        InvalidSettings,
        JournalFailed,
        MailconfError,
        NotOffered,
        NotPermitted,
        Problem,
        ProtocolViolation,
        RecipientsRefused,
        Refused,
        Reply,
        SignInRefused,
        Step,
        StoreFailed,
        TimedOut,
        TLSFailed,
        Unreachable,
        Unreadable,
        UnsupportedSchema,
    )
    from .presets.parse import InvalidForm
    from .secret import Secret
    from .settings import ConnectionSettings, CredentialKind, Endpoint, Filer, Security, SentPolicy

__all__ = [
    "Accounts",
    "Act",
    "AppPassword",
    "Candidate",
    "Changed",
    "Cleared",
    "Closed",
    "Concern",
    "ConnectionSettings",
    "ConversationError",
    "Credential",
    "CredentialFailed",
    "CredentialKind",
    "CredentialRetired",
    "Damaged",
    "Delivery",
    "Disabled",
    "Discovery",
    "Dropped",
    "Dsn",
    "Endpoint",
    "FileJournal",
    "Filer",
    "Filing",
    "FilingTrouble",
    "Finding",
    "InvalidForm",
    "InvalidMessage",
    "InvalidSettings",
    "IssuerFailed",
    "IssuerRefused",
    "Journal",
    "JournalFailed",
    "MailconfError",
    "Mailer",
    "Mender",
    "NetworkPolicy",
    "NoAccount",
    "NotOffered",
    "NotPermitted",
    "Notify",
    "OAuthError",
    "Outcome",
    "Password",
    "Problem",
    "ProtocolViolation",
    "Receipt",
    "RecipientsRefused",
    "Refused",
    "Reply",
    "Report",
    "Retry",
    "Return",
    "SaslStep",
    "Secret",
    "Security",
    "SendRecord",
    "SentPolicy",
    "SignInFailed",
    "SignInNeeded",
    "SignInRefused",
    "Source",
    "Step",
    "StoreFailed",
    "StoredAccount",
    "TLSFailed",
    "TimedOut",
    "TokenSource",
    "Trial",
    "Trust",
    "Unreachable",
    "Unreadable",
    "UnsupportedSchema",
    "check",
    "discover",
    "explain",
    "health",
    "migrate",
    "oauth",
    "presets",
    "verify",
]

_HOMES = {
    "credentials": "AppPassword Credential Password SaslStep",
    "credentials.token": "TokenSource",
    "delivery.envelope": "Dsn Notify Return",
    "delivery.journal": "FileJournal Journal",
    "delivery.outcome": "Outcome",
    "delivery.receipt": "Delivery Filing FilingTrouble Receipt",
    "presets.parse": "InvalidForm",
    "secret": "Secret",
    "_oauth.errors": "IssuerFailed IssuerRefused OAuthError SignInFailed SignInNeeded",
    "settings": "ConnectionSettings CredentialKind Endpoint Filer Security SentPolicy",
    "_drivers.guard": "NetworkPolicy",
    "_facade": "Mailer migrate",
    "_facade_accounts": "Accounts health",
    "accounts.health": "Act Concern",
    "accounts.keeping": "Changed Cleared NoAccount",
    "accounts.stored": "SendRecord StoredAccount",
    "_facade_diagnosis": "check",
    "_facade_discovery": "discover verify",
    "_oauth.causes": "Mender",
    "diagnosis.explain": "explain",
    "diagnosis.finding": "Finding Retry",
    "diagnosis.report": "Report",
    "diagnosis.trial": "Trial",
    "discovery.offer": "Source Trust",
    "discovery.report": "Candidate Discovery",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    if name in ("aio", "oauth", "presets"):
        return importlib.import_module(f".{name}", __name__)
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOME_OF.get(name, 'errors')}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "aio"})
