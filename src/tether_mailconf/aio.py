"""The same public names for asyncio.

What waits is awaited: `Mailer`, `Accounts`, `FileJournal`, `check`, `discover`, `health`, `migrate`, `verify`, and in
`oauth` the same. Everything else is the same object as in `tether_mailconf`.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterable
from email.message import Message
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ._drivers.asyncio import AsyncioIO
from ._drivers.guard import NetworkPolicy
from .credentials import Credential
from .credentials.token import TokenSource
from .delivery import journal as _journal
from .delivery import migrate as _migrate
from .delivery.dispatch import Dispatch
from .delivery.envelope import Dsn
from .delivery.journal import Journal
from .delivery.receipt import Receipt
from .settings import ConnectionSettings

if TYPE_CHECKING:
    from . import _aio_oauth as oauth
    from . import presets
    from ._aio_accounts import Accounts, health
    from ._aio_diagnosis import check
    from ._aio_discovery import discover, verify
    from ._oauth.causes import Mender
    from ._oauth.errors import IssuerFailed, IssuerRefused, OAuthError, SignInFailed, SignInNeeded
    from .accounts.health import Act, Concern
    from .accounts.keeping import Changed, Cleared, NoAccount
    from .accounts.stored import SendRecord, StoredAccount
    from .credentials import AppPassword, Password, SaslStep
    from .delivery.envelope import Notify, Return
    from .delivery.outcome import Outcome
    from .delivery.receipt import Delivery, Filing, FilingTrouble
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
    from .settings import CredentialKind, Endpoint, Filer, Security, SentPolicy

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


_AWAITED = {
    "Accounts": "_aio_accounts",
    "check": "_aio_diagnosis",
    "discover": "_aio_discovery",
    "health": "_aio_accounts",
    "verify": "_aio_discovery",
}


def __getattr__(name: str) -> Any:
    import tether_mailconf

    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "oauth":
        return importlib.import_module("._aio_oauth", __package__)
    if name in _AWAITED:
        return getattr(importlib.import_module(f".{_AWAITED[name]}", __package__), name)
    return getattr(tether_mailconf, name)


def __dir__() -> list[str]:
    return sorted(__all__)


class FileJournal:
    """`tether_mailconf.FileJournal` for asyncio: the disk is waited for in a thread, not on the loop.

    Args:
        path: the file; it is created, readable by its owner only, with the first record.
    """

    def __init__(self, path: str | Path) -> None:
        self._journal = _journal.FileJournal(path)

    async def record(self, receipt: Receipt) -> None:
        """Append the receipt and wait until the disk has it.

        Raises:
            OSError: it could not be written.
        """
        await asyncio.to_thread(self._journal.record, receipt)

    async def read(self) -> dict[str, Receipt]:
        """Return what was recorded last, by Message-ID: as `tether_mailconf.FileJournal.read`, awaited."""
        return await asyncio.to_thread(self._journal.read)


class Mailer:
    """`tether_mailconf.Mailer` for asyncio: the same arguments, every method awaited, `async with` instead of `with`.

    One Mailer may be used from several tasks of one event loop.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        credential: Credential | TokenSource,
        *,
        journal: Journal | None = None,
        network: NetworkPolicy | None = None,
        ca_file: str | Path | None = None,
        connections: int = 2,
    ) -> None:
        io = AsyncioIO(NetworkPolicy() if network is None else network, ca_file)
        self._dispatch = Dispatch(io, settings, credential, journal, connections)

    async def __aenter__(self) -> Self:
        self._dispatch.keep_connections()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections. The Mailer cannot be used afterwards. Waits for no farewell, and never raises."""
        await self._dispatch.close()

    async def send(
        self,
        message: Message,
        *,
        sender: str | None = None,
        recipients: Iterable[str] | None = None,
        partial: bool = False,
        dsn: Dsn | None = None,
        deadline: float = 60.0,
    ) -> Receipt:
        """Send a message, and file its copy: as `tether_mailconf.Mailer.send`, awaited.

        A cancelled send may have been sent, if it was cancelled late; only a journal knows then.
        """
        return await self._dispatch.send(
            message, sender=sender, recipients=recipients, partial=partial, dsn=dsn, seconds=deadline
        )

    async def send_test(self, to: str | None = None, *, deadline: float = 60.0, clean_up: bool = False) -> Trial:
        """Send a test message, and see what becomes of it: as `tether_mailconf.Mailer.send_test`, awaited."""
        from .diagnosis.trial import judge

        return judge(await self._dispatch.test(to, seconds=deadline, clean_up=clean_up))

    async def file(self, receipt: Receipt, message: Message, *, deadline: float = 60.0) -> Receipt:
        """Finish the copy of a message that was sent: as `tether_mailconf.Mailer.file`, awaited."""
        return await self._dispatch.file(receipt, message, seconds=deadline)

    async def resolve(self, receipt: Receipt, message: Message, *, deadline: float = 60.0) -> Receipt:
        """Settle a message of which it is unknown whether it was sent: as `tether_mailconf.Mailer.resolve`, awaited."""
        return await self._dispatch.resolve(receipt, message, seconds=deadline)


async def migrate(
    settings: ConnectionSettings,
    credential: Credential | TokenSource,
    new_credential: Credential | TokenSource,
    *,
    preset: str | None = None,
    network: NetworkPolicy | None = None,
    ca_file: str | Path | None = None,
    deadline: float = 60.0,
) -> ConnectionSettings:
    """Change an account to another way of signing in: as `tether_mailconf.migrate`, awaited."""
    io = AsyncioIO(NetworkPolicy() if network is None else network, ca_file)
    return await _migrate.migrate(io, settings, credential, new_credential, preset=preset, seconds=deadline)
