"""The encrypted SQLite file for asyncio: the blocking store, in threads of the event loop."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NoReturn, Self, TypeVar

from ..credentials.token_store import Stored
from ..secret import Secret
from .sqlite import SqliteTokenStore

T = TypeVar("T")


class AsyncioSqliteTokenStore:
    """`SqliteTokenStore` for asyncio: the same file, the same arguments and errors, its calls awaited.

    A call that was begun runs to its end, also if the task that awaits it is cancelled; the task learns of its
    cancellation when the call has ended. So nothing is written behind anybody's back. Calls run in the event loop's
    default executor. Only the constructor blocks, for as long as opening the file takes.

    Args:
        path: as for `SqliteTokenStore`.
        key: as there.
        busy_timeout: as there, in seconds.

    Raises:
        InvalidSettings: with all that is wrong with the arguments.
        Damaged: the file is no token store, is broken, or is sealed under another key. It was left as it is.
        UnsupportedSchema: a newer version of the library wrote it. It was left as it is.
        StoreFailed: it cannot be read or written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        key: str | Secret | Sequence[str | Secret],
        busy_timeout: float = 5.0,
    ) -> None:
        self._path = os.fspath(path)
        try:
            self._store = SqliteTokenStore(path, key=key, busy_timeout=busy_timeout)
        finally:
            del key  # an error shows no variable that holds it

    @staticmethod
    def new_key() -> str:
        """Return a new key: as `SqliteTokenStore.new_key`."""
        return SqliteTokenStore.new_key()

    async def load(self, key: str) -> Stored | None:
        """Return what is stored under `key`: as `SqliteTokenStore.load`, awaited."""
        return await _to_the_end(functools.partial(self._store.load, key))

    async def swap(
        self, key: str, content: Secret | None, *, expected: str | None, until: datetime | None = None
    ) -> bool:
        """Store `content` under `key` if the stored version is `expected`: as `SqliteTokenStore.swap`, awaited."""
        return await _to_the_end(functools.partial(self._store.swap, key, content, expected=expected, until=until))

    async def reencrypt(self) -> int:
        """Seal everything under the first key: as `SqliteTokenStore.reencrypt`, awaited."""
        return await _to_the_end(self._store.reencrypt)

    async def close(self) -> None:
        """Use the store no more: as `SqliteTokenStore.close`."""
        self._store.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncioSqliteTokenStore({str(self._path)!r})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("an AsyncioSqliteTokenStore cannot be pickled or copied; open the file anew where it is needed")


async def _to_the_end(call: Callable[[], T]) -> T:
    work = asyncio.get_running_loop().run_in_executor(None, call)
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            # Unlike awaiting the work itself, this does not hand a cancellation on to it.
            await asyncio.wait([work])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return work.result()
    work.exception()  # looked at, so that the loop does not report it as lost
    raise cancelled
