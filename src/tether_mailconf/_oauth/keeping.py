"""The store of the host's choice, as the library uses it: awaited or not, and with one kind of failure."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable
from datetime import datetime
from typing import TypeVar

import attrs

from ..credentials.token_store import Stored, TokenStore
from ..errors import MailconfError, StoreFailed, Unreadable
from ..secret import Secret

T = TypeVar("T")

TRIES = 50
"""How often a change is made anew when others were faster. A store that still says so is out of order."""

PAUSE = 0.02
"""Seconds before it is: a store that is written in one place and read in another may need them."""


@attrs.frozen
class Keeping:
    """A store, in either colour.

    Args:
        store: the host's.
    """

    store: TokenStore

    async def load(self, key: str) -> Stored | None:
        """Return what is stored under `key`.

        Raises:
            StoreFailed: the store could not be read.
        """
        try:
            return await _settled(self.store.load(key))
        except MailconfError:
            raise
        except Exception as error:
            raise StoreFailed from error

    async def load_or_ruin(self, key: str) -> Stored | None:
        """Return what is stored under `key`, empty if it cannot be read: for who is about to replace it.

        Raises:
            StoreFailed: the store could not be read.
        """
        try:
            return await self.load(key)
        except Unreadable as ruin:
            return Stored(content=Secret(b""), version=ruin.version)

    async def swap(
        self, key: str, content: Secret | None, *, expected: str | None, until: datetime | None = None
    ) -> bool:
        """Replace what is stored under `key` if its version is `expected`; return whether it was.

        Raises:
            StoreFailed: the store could not be written.
        """
        try:
            return await _settled(self.store.swap(key, content, expected=expected, until=until))
        except MailconfError:
            raise
        except Exception as error:
            raise StoreFailed from error


async def _settled(answer: T | Awaitable[T]) -> T:
    if inspect.isawaitable(answer):
        settled: T = await answer
        return settled
    return answer


def never_swapped() -> StoreFailed:
    """Return the error for a store that has told too often that others were faster."""
    failed = StoreFailed()
    failed.__cause__ = ValueError(f"{TRIES} times the store has found another version than the one just loaded")
    return failed
