"""The encrypted file itself: who may read it, what stands in it, and what the disk does to it."""

from __future__ import annotations

import contextlib
import os
import resource
import sqlite3
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.mailer.spelling import assert_not_spelled, spellings, told_by
from tests.token_stores.stores import put, text, version
from tether_mailconf.errors import Damaged, InvalidSettings, StoreFailed
from tether_mailconf.secret import Secret
from tether_mailconf.token_stores.keys import StoreKey
from tether_mailconf.token_stores.sqlite import SqliteTokenStore
from tether_mailconf.token_stores.sqlite_file import SqliteFile

from .files import ANA, BEN, FUTURE, KEY, TOKEN, edit, modes

PAST = datetime.now(UTC) - timedelta(hours=1)


# -- who may read it ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def umask(mask: int) -> Generator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@contextlib.contextmanager
def journal_of(store: SqliteTokenStore, path: Path) -> Generator[Path]:
    """Open the file in the middle of a change, while its journal is there."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        database.execute("UPDATE tokens SET version = 'x'")
        yield path.with_name(path.name + "-journal")
        database.execute("ROLLBACK")


@pytest.mark.parametrize("mask", [0, 0o022, 0o077])
def test_only_the_owner_may_read_the_file_and_its_journal(path: Path, mask: int) -> None:
    with umask(mask):
        store = SqliteTokenStore(path, key=KEY)
        put(store, ANA, TOKEN)
        assert modes(path) == {"tokens": 0o600}
        with journal_of(store, path) as journal:
            assert modes(path) == {"tokens": 0o600, journal.name: 0o600}


def test_others_can_read_the_file_at_no_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SqliteFile, "make_private", lambda _: None)
    with umask(0):
        SqliteTokenStore(path, key=KEY)
    assert modes(path) == {"tokens": 0o600}


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o777, 0o604])
def test_a_file_that_others_could_read_is_closed_to_them(path: Path, store: SqliteTokenStore, mode: int) -> None:
    put(store, ANA, TOKEN)
    path.chmod(mode)
    again = SqliteTokenStore(path, key=KEY)
    assert not modes(path)["tokens"] & 0o077
    assert text(again, ANA) == TOKEN


def test_the_mode_of_a_file_that_is_not_ours_stays(path: Path) -> None:
    path.write_text("root:x:0:0\n" * 100)
    path.chmod(0o644)
    with pytest.raises(Damaged):
        SqliteTokenStore(path, key=KEY)
    assert modes(path) == {"tokens": 0o644}
    assert path.read_text() == "root:x:0:0\n" * 100


@pytest.mark.parametrize("name", ["a b", "a?mode=ro", "a#b", "a%20b", ":memory:", "file:a", "grün"])
def test_any_name_is_a_name(tmp_path: Path, name: str) -> None:
    put(SqliteTokenStore(tmp_path / name, key=KEY), ANA, "one")
    assert [found.name for found in tmp_path.iterdir()] == [name]
    assert text(SqliteTokenStore(str(tmp_path / name), key=KEY), ANA) == "one"


def test_a_relative_name_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = SqliteTokenStore("tokens", key=KEY)
    monkeypatch.chdir("/")
    put(store, ANA, "one")
    assert [found.name for found in tmp_path.iterdir()] == ["tokens"]


def test_a_directory_is_not_made_and_is_no_file(tmp_path: Path) -> None:
    for path, code in ((tmp_path / "nowhere" / "tokens", "path.no_directory"), (tmp_path, "path.no_file")):
        with pytest.raises(InvalidSettings) as invalid:
            SqliteTokenStore(path, key=KEY)
        assert [problem.code for problem in invalid.value.problems] == [code]
    assert not list(tmp_path.iterdir())


# -- what stands in it -------------------------------------------------------------------------------------------------


def test_nothing_can_be_read_in_the_file_or_its_journal(path: Path, store: SqliteTokenStore) -> None:
    put(store, ANA, f"first {TOKEN}")
    put(store, BEN, f"deleted {TOKEN}" * 500)
    put(store, ANA, f"second {TOKEN}" * 500)
    assert store.swap(BEN, None, expected=version(store, BEN))
    with journal_of(store, path) as journal:
        found = path.read_bytes() + journal.read_bytes()
    assert journal.name.encode() not in found
    for secret in (TOKEN, ANA, "ana@example.org", "tenant7", "user3", "ben@example", KEY.partition(".")[2]):
        for spelling in spellings(secret):
            assert spelling.encode() not in found, f"the file shows {spelling!r}"


def test_what_is_over_is_swept_away_by_any_swap(path: Path, store: SqliteTokenStore) -> None:
    for number in range(20):
        assert store.swap(f"sign-in/{number}", Secret("x"), expected=None, until=PAST)
    put(store, ANA, "kept", until=FUTURE)
    assert edit(path, "SELECT count(*) FROM tokens") == [(1,)]


def test_sweeping_looks_at_nothing_that_stays(path: Path, store: SqliteTokenStore) -> None:
    put(store, ANA, "kept")
    ((*_, plan),) = edit(path, "EXPLAIN QUERY PLAN DELETE FROM tokens WHERE until <= ?", 0)
    assert "tokens_until" in plan


def test_the_same_content_is_never_sealed_the_same_way_twice(path: Path, store: SqliteTokenStore) -> None:
    seen = set()
    for _ in range(20):
        put(store, ANA, "same")
        seen |= {bytes(sealed) for (sealed,) in edit(path, "SELECT sealed FROM tokens")}
    assert len({sealed[:12] for sealed in seen}) == len({sealed[12:] for sealed in seen}) == 20


def test_no_name_in_one_file_is_a_name_in_another(path: Path, store: SqliteTokenStore) -> None:
    other = SqliteTokenStore(path.with_name("other"), key=KEY)
    put(store, ANA, "one")
    put(other, ANA, "one")
    assert edit(path, "SELECT name FROM tokens") != edit(path.with_name("other"), "SELECT name FROM tokens")


# -- the disk ----------------------------------------------------------------------------------------------------------


def test_what_is_committed_is_on_the_disk_and_what_is_deleted_is_overwritten(path: Path) -> None:
    file = SqliteFile(path=path, busy_timeout=5)
    SqliteTokenStore(path, key=KEY)
    with file.writing() as database:
        names = ("journal_mode", "synchronous", "secure_delete")
        found = [database.execute(f"PRAGMA {name}").fetchall()[0][0] for name in names]
    assert found == ["delete", 3, 1]


def test_a_full_disk_is_a_failure_and_the_old_content_stays(path: Path, store: SqliteTokenStore) -> None:
    put(store, ANA, "one")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, limits[1]))
    try:
        with pytest.raises(StoreFailed) as failed:
            store.swap(ANA, Secret(TOKEN * 10_000), expected=version(store, ANA))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert_not_spelled(TOKEN, told_by(failed.value))
    assert text(store, ANA) == "one"
    put(store, ANA, "two")
    assert text(store, ANA) == "two"


def test_a_directory_where_no_journal_can_be_made_is_a_failure(path: Path, store: SqliteTokenStore) -> None:
    # As in a read-only directory, which does not stop root, as who a test may run.
    put(store, ANA, "one")
    journal = path.with_name("tokens-journal")
    journal.mkdir()
    with pytest.raises(StoreFailed):
        store.swap(ANA, Secret("two"), expected=None)
    journal.rmdir()
    assert text(store, ANA) == "one"


def test_an_error_in_the_middle_changes_nothing(
    path: Path, store: SqliteTokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = put(store, ANA, "one")
    before = path.read_bytes()

    def broken(*_: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(StoreKey, "sealed", broken)
        with pytest.raises(KeyboardInterrupt):
            store.swap(ANA, Secret("two"), expected=first)
    assert path.read_bytes() == before
    assert store.swap(ANA, Secret("two"), expected=first)


# -- the end -----------------------------------------------------------------------------------------------------------


def test_a_closed_store_is_used_no_more(path: Path) -> None:
    with SqliteTokenStore(path, key=KEY) as store:
        put(store, ANA, "one")
    for act in (lambda: store.load(ANA), lambda: store.swap(ANA, None, expected=None), store.reencrypt):
        with pytest.raises(StoreFailed) as failed:
            act()
        assert "closed" in str(failed.value.__cause__)
    store.close()


def test_no_file_stays_open(store: SqliteTokenStore) -> None:
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(20):
        put(store, ANA, "one")
        store.reencrypt()
    assert len(list(Path("/dev/fd").iterdir())) <= before
