"""`Accounts` in both colours behind one blocking face."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from tether_mailconf import Accounts, NetworkPolicy, aio, oauth
from tether_mailconf.credentials.token_store import TokenStore


class Book:
    """The accounts of a store.

    Args:
        is_async: the colour.
        store: the store.
        options: what else `Accounts` is given.
    """

    def __init__(
        self,
        store: TokenStore,
        *,
        is_async: bool,
        network: NetworkPolicy | None = None,
        ca_file: Path | None = None,
    ) -> None:
        self.is_async = is_async
        self.accounts: Any = (aio.Accounts if is_async else Accounts)(store, network=network, ca_file=ca_file)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.accounts, name)
        return method if not self.is_async else lambda *args, **options: asyncio.run(_awaited(method(*args, **options)))


async def _awaited(work: Coroutine[Any, Any, Any]) -> Any:
    return await work


def open_store(path: Path, key: str | list[str], *, is_async: bool) -> TokenStore:
    """Return an encrypted file in a colour."""
    if is_async:
        return aio.oauth.SqliteTokenStore(path, key=key)
    return oauth.SqliteTokenStore(path, key=key)
