"""The face of accounts for asyncio."""

from __future__ import annotations

from pathlib import Path

from ._drivers.asyncio import AsyncioIO
from ._drivers.guard import NetworkPolicy
from ._oauth.enrolment import TokenStatus
from ._oauth.keeping import Keeping
from .accounts import health as _health
from .accounts.health import Concern
from .accounts.keeping import Book, Cleared, GivesBack
from .accounts.stored import StoredAccount
from .credentials import Credential
from .credentials.token import TokenSource
from .credentials.token_store import TokenStore
from .delivery.receipt import Receipt
from .errors import MailconfError
from .settings import ConnectionSettings


class Accounts:
    """`tether_mailconf.Accounts` for asyncio: the same arguments, every method awaited."""

    def __init__(
        self, store: TokenStore, *, network: NetworkPolicy | None = None, ca_file: str | Path | None = None
    ) -> None:
        io = AsyncioIO(NetworkPolicy() if network is None else network, ca_file)
        self._book = Book(io, Keeping(store))

    async def load(self, key: str) -> StoredAccount | None:
        """Return an account: as `tether_mailconf.Accounts.load`, awaited."""
        return await self._book.load(key)

    async def save(
        self,
        key: str,
        settings: ConnectionSettings,
        credential: Credential | None = None,
        *,
        version: str | None = None,
    ) -> StoredAccount:
        """Keep an account: as `tether_mailconf.Accounts.save`, awaited."""
        return await self._book.save(key, settings, credential, version)

    async def enable(self, key: str) -> StoredAccount:
        """Switch an account on: as `tether_mailconf.Accounts.enable`, awaited."""
        return await self._book.set_enabled(key, enabled=True)

    async def disable(self, key: str) -> StoredAccount:
        """Switch an account off: as `tether_mailconf.Accounts.disable`, awaited."""
        return await self._book.set_enabled(key, enabled=False)

    async def change_credential(
        self, key: str, credential: Credential | TokenSource, *, version: str | None = None
    ) -> StoredAccount:
        """Change what an account signs in with: as `tether_mailconf.Accounts.change_credential`, awaited."""
        return await self._book.change_credential(key, credential, version)

    async def migrate(
        self,
        key: str,
        new_credential: Credential | TokenSource,
        *,
        preset: str | None = None,
        deadline: float = 60.0,
    ) -> StoredAccount:
        """Change an account to the NEW way: as `tether_mailconf.Accounts.migrate`, awaited."""
        return await self._book.migrate(key, new_credential, preset=preset, seconds=deadline)

    async def note(self, key: str, outcome: Receipt | MailconfError) -> StoredAccount:
        """Remember how a message went: as `tether_mailconf.Accounts.note`, awaited."""
        return await self._book.note(key, outcome)

    async def clear(self, key: str, *, sign_in: GivesBack | None = None, owner: str = "") -> Cleared:
        """Forget an account: as `tether_mailconf.Accounts.clear`, awaited."""
        return await self._book.clear(key, sign_in, owner)


async def health(
    account: StoredAccount,
    *,
    status: TokenStatus | None = None,
    network: NetworkPolicy | None = None,
    deadline: float = 10.0,
) -> tuple[Concern, ...]:
    """Return what is wrong with an account: as `tether_mailconf.health`, awaited."""
    io = AsyncioIO(NetworkPolicy() if network is None else network, None)
    return await _health.health(io, account, status, io.deadline(deadline))
