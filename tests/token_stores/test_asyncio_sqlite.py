"""What is different for asyncio: the loop goes on, tasks race, and a cancelled task leaves nothing unsettled."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest

from tests.mailer.spelling import assert_not_spelled, told_by
from tests.token_stores.stores import put, text
from tether_mailconf.errors import Damaged, InvalidSettings, StoreFailed
from tether_mailconf.secret import Secret
from tether_mailconf.token_stores.asyncio_sqlite import AsyncioSqliteTokenStore
from tether_mailconf.token_stores.sqlite import SqliteTokenStore

OLD, NEW = (AsyncioSqliteTokenStore.new_key() for _ in range(2))
ANA = "ana@example.org"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens"


async def increment(store: AsyncioSqliteTokenStore) -> None:
    while True:
        stored = await store.load(ANA)
        value = 0 if stored is None else int(stored.content.reveal())
        if await store.swap(ANA, Secret(str(value + 1)), expected=None if stored is None else stored.version):
            return


def test_a_counter_loses_nothing_between_tasks_and_loops(path: Path) -> None:
    async def main() -> None:
        await asyncio.gather(*(increment(store) for _ in range(20)))

    store = AsyncioSqliteTokenStore(path, key=OLD, busy_timeout=60)
    asyncio.run(main())
    asyncio.run(main())
    assert text(SqliteTokenStore(path, key=OLD), ANA) == "40"


def test_both_colours_share_a_file_and_its_keys(path: Path) -> None:
    async def main() -> None:
        async with AsyncioSqliteTokenStore(path, key=[NEW, OLD]) as store:
            assert await store.reencrypt() == 1
            stored = await store.load(ANA)
            assert stored is not None
            assert stored.content.reveal() == "one"
        with pytest.raises(StoreFailed):
            await store.load(ANA)

    put(SqliteTokenStore(path, key=OLD), ANA, "one")
    asyncio.run(main())
    assert text(SqliteTokenStore(path, key=NEW), ANA) == "one"


def test_errors_come_as_they_are(path: Path) -> None:
    with pytest.raises(InvalidSettings) as invalid:
        AsyncioSqliteTokenStore(path, key=OLD[:-1])
    assert_not_spelled(OLD[:-1], told_by(invalid.value))
    store = AsyncioSqliteTokenStore(path, key=OLD)
    path.write_bytes(b"no database")
    with pytest.raises(Damaged):
        asyncio.run(store.load(ANA))


@pytest.mark.parametrize("times", [1, 3])
def test_a_swap_that_was_begun_has_ended_when_the_task_is_cancelled(path: Path, times: int) -> None:
    async def main() -> None:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            task = asyncio.create_task(store.swap(ANA, Secret("one"), expected=None))
            for _ in range(times):
                # The loop goes on although the file is locked, and a cancellation waits for the swap.
                await asyncio.sleep(0.05)
                task.cancel()
            await asyncio.sleep(0.05)
            assert not task.done()
            other.execute("ROLLBACK")
        with pytest.raises(asyncio.CancelledError):
            await task
        assert text(blocking, ANA) == "one"

    store = AsyncioSqliteTokenStore(path, key=OLD, busy_timeout=60)
    blocking = SqliteTokenStore(path, key=OLD)
    asyncio.run(main())


def test_a_swap_that_fails_after_its_task_was_cancelled_is_not_reported_as_lost(path: Path) -> None:
    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context))
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            task = asyncio.create_task(store.swap(ANA, Secret("one"), expected=None))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    lost: list[object] = []
    store = AsyncioSqliteTokenStore(path, key=OLD, busy_timeout=0.3)
    asyncio.run(main())
    assert not lost
    assert text(SqliteTokenStore(path, key=OLD), ANA) is None
