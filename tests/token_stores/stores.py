"""All stores behind one face, so that one suite tests them."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from tether_mailconf.credentials.token_store import Stored
from tether_mailconf.secret import Secret
from tether_mailconf.token_stores.asyncio_sqlite import AsyncioSqliteTokenStore
from tether_mailconf.token_stores.memory import MemoryTokenStore
from tether_mailconf.token_stores.sqlite import SqliteTokenStore


class BlockingStore(Protocol):
    def load(self, key: str) -> Stored | None: ...

    def swap(
        self, key: str, content: Secret | None, *, expected: str | None, until: datetime | None = None
    ) -> bool: ...


class Awaited:
    """An asyncio store for those who cannot await."""

    def __init__(self, store: AsyncioSqliteTokenStore, runner: asyncio.Runner) -> None:
        self.store = store
        self._runner = runner

    def load(self, key: str) -> Stored | None:
        return self._runner.run(self.store.load(key))

    def swap(self, key: str, content: Secret | None, *, expected: str | None, until: datetime | None = None) -> bool:
        return self._runner.run(self.store.swap(key, content, expected=expected, until=until))


@contextlib.contextmanager
def memory() -> Generator[BlockingStore]:
    yield MemoryTokenStore()


@contextlib.contextmanager
def sqlite() -> Generator[BlockingStore]:
    with tempfile.TemporaryDirectory() as folder:
        yield SqliteTokenStore(Path(folder, "tokens"), key=SqliteTokenStore.new_key(), busy_timeout=60)


@contextlib.contextmanager
def asyncio_sqlite() -> Generator[BlockingStore]:
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        key = AsyncioSqliteTokenStore.new_key()
        yield Awaited(AsyncioSqliteTokenStore(Path(folder, "tokens"), key=key, busy_timeout=60), runner)


ALL: dict[str, Callable[[], AbstractContextManager[BlockingStore]]] = {
    "memory": memory,
    "sqlite": sqlite,
    "asyncio": asyncio_sqlite,
}


def put(store: BlockingStore, key: str, text: str, *, until: datetime | None = None) -> str:
    """Store `text` whatever was there, and return its version."""
    stored = store.load(key)
    assert store.swap(key, Secret(text), expected=None if stored is None else stored.version, until=until)
    return version(store, key)


def text(store: BlockingStore, key: str) -> str | None:
    stored = store.load(key)
    return None if stored is None else stored.content.reveal()


def version(store: BlockingStore, key: str) -> str:
    stored = store.load(key)
    assert stored is not None
    return stored.version


def increment(store: BlockingStore, key: str) -> None:
    """Add one to a counter as everybody should: by compare-and-swap, until it succeeds."""
    while True:
        stored = store.load(key)
        value = 0 if stored is None else int(stored.content.reveal())
        if store.swap(key, Secret(str(value + 1)), expected=None if stored is None else stored.version):
            return
