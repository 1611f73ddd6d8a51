"""Several processes at one file: they race, they die, they block each other, and nothing is lost."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.child import heard, say, start
from tests.token_stores import process
from tests.token_stores.stores import put, text, version
from tether_mailconf.errors import StoreFailed
from tether_mailconf.secret import Secret
from tether_mailconf.token_stores.sqlite import SqliteTokenStore

KEY = SqliteTokenStore.new_key()


@contextlib.contextmanager
def started(job: str, path: Path, *keys: str) -> Generator[subprocess.Popen[str]]:
    """Start a process and end it at the end."""
    child = start("tests.token_stores.process", job, str(path))
    try:
        say(child, " ".join(keys or [KEY]))
        yield child
    finally:
        child.communicate()
    assert child.returncode == 0


def answers(child: subprocess.Popen[str]) -> list[str]:
    assert child.stdout is not None
    return child.stdout.read().split("\n")[:-1]


def test_all_who_open_a_file_that_is_not_there_yet_share_one(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    barrier = threading.Barrier(8)

    def open_and_put(name: int) -> None:
        barrier.wait()
        put(SqliteTokenStore(path, key=KEY, busy_timeout=60), f"user{name}", f"content {name}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(open_and_put, range(8)))
    store = SqliteTokenStore(path, key=KEY)
    assert all(text(store, f"user{name}") == f"content {name}" for name in range(8))


def test_processes_that_count_together_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tokens"  # nor is the file there before
    with started("count", path) as one, started("count", path) as other:
        assert [heard(one), heard(other)] == ["ready", "ready"]
        say(one, "go")
        say(other, "go")
        assert [heard(one), heard(other)] == ["counted", "counted"]
    assert text(SqliteTokenStore(path, key=KEY), process.COUNTER) == str(2 * process.TURNS)


def test_a_process_killed_while_it_swaps_loses_and_tears_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    with started("die_swapping", path) as child:
        reached = [int(line) for line in answers(child)]
    assert len(reached) == process.DEATHS
    assert reached[-1] > 0
    assert text(SqliteTokenStore(path, key=KEY), process.VICTIM) == process.content(reached[-1])


def test_a_process_killed_while_it_reencrypts_can_be_followed_by_another(tmp_path: Path) -> None:
    with started("die_reencrypting", tmp_path / "tokens", SqliteTokenStore.new_key(), KEY) as child:
        assert answers(child) == ["all there"]


def test_a_process_killed_while_it_makes_the_file_can_be_followed_by_another(tmp_path: Path) -> None:
    with started("die_making", tmp_path / "tokens") as child:
        assert answers(child) == ["all made"]


def test_a_file_locked_for_too_long_is_a_failure_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    store = SqliteTokenStore(path, key=KEY, busy_timeout=0.05)
    first = put(store, "ana", "one")
    with started("hold", path) as child:
        assert heard(child) == "held"
        with pytest.raises(StoreFailed) as failed:
            store.swap("ana", Secret("two"), expected=first)
        assert "locked" in str(failed.value.__cause__)
        with pytest.raises(StoreFailed):
            store.load("ana")
        with pytest.raises(StoreFailed):
            store.reencrypt()
        with pytest.raises(StoreFailed):
            SqliteTokenStore(path, key=KEY, busy_timeout=0)
    assert text(store, "ana") == "one"
    assert version(store, "ana") == first
