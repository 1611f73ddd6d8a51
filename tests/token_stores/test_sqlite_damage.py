"""What happens when somebody has been at a store's file: it is told, and left alone."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.mailer.spelling import assert_not_spelled, told_by
from tests.token_stores.stores import put, text
from tether_mailconf.errors import Damaged, MailconfError, StoreFailed, UnsupportedSchema
from tether_mailconf.secret import Secret
from tether_mailconf.token_stores.sqlite import SqliteTokenStore

from .files import ANA, BEN, FUTURE, KEY, TOKEN, edit, modes

EDITS = {
    "version rolled on": "UPDATE tokens SET version = '00000000000000000000000000000000'",
    "prolonged": "UPDATE tokens SET until = until + 1000000",
    "made to last": "UPDATE tokens SET until = NULL",
    "content emptied": "UPDATE tokens SET sealed = x''",
    "content cut": "UPDATE tokens SET sealed = substr(sealed, 1, length(sealed) - 1)",
    "content changed": "UPDATE tokens SET sealed = substr(sealed, 1, length(sealed) - 1) || x'00'",
    "content a text": "UPDATE tokens SET sealed = 'text'",
    "version a number": "UPDATE tokens SET version = x'80'",
    "key unknown": "UPDATE tokens SET key = '00000000'",
    "key no text": "UPDATE tokens SET key = x'80'",
    "end a text": "UPDATE tokens SET until = 'tomorrow'",
}


@pytest.mark.parametrize("statement", EDITS.values(), ids=EDITS)
def test_a_row_that_somebody_changed_is_refused(path: Path, store: SqliteTokenStore, statement: str) -> None:
    put(store, ANA, f"ana's {TOKEN}", until=FUTURE)
    put(store, BEN, f"ben's {TOKEN}", until=FUTURE + timedelta(hours=1))
    edit(path, statement)
    for key in (ANA, BEN):
        with pytest.raises(Damaged) as damaged:
            store.load(key)
        assert_not_spelled(TOKEN, told_by(damaged.value))


EXCHANGES = ["name", "version", "until", "sealed", "sealed version", "sealed version until", "until name"]


@pytest.mark.parametrize("exchanged", EXCHANGES)
def test_rows_that_were_exchanged_are_refused(path: Path, store: SqliteTokenStore, exchanged: str) -> None:
    columns = exchanged.split()
    put(store, ANA, "ana's", until=FUTURE)
    put(store, BEN, "ben's", until=FUTURE + timedelta(hours=1))
    rows = edit(path, f"SELECT rowid, {', '.join(columns)} FROM tokens")
    setting = ", ".join(f"{column} = ?" for column in columns)
    if "name" in columns:
        edit(path, "UPDATE tokens SET name = rowid")
    for (row, *_), (_, *others) in zip(rows, reversed(rows), strict=True):
        edit(path, f"UPDATE tokens SET {setting} WHERE rowid = ?", *others, row)
    for key in (ANA, BEN):
        with pytest.raises(Damaged, match="another account"):
            store.load(key)


BROKEN_SCHEMA = {
    "table gone": "DROP TABLE tokens",
    "keys gone": "DROP TABLE keys",
    "no key": "DELETE FROM keys",
    "naming key changed": "UPDATE keys SET naming = x'00'",
    "naming key a text": "UPDATE keys SET naming = 'text'",
    "column gone": "ALTER TABLE tokens RENAME COLUMN sealed TO opened",
    "another program's": "PRAGMA application_id = 7",
    "no version": "PRAGMA user_version = 0",
    "negative version": "PRAGMA user_version = -1",
}


@pytest.mark.parametrize("statement", BROKEN_SCHEMA.values(), ids=BROKEN_SCHEMA)
def test_a_file_that_somebody_changed_is_refused(path: Path, store: SqliteTokenStore, statement: str) -> None:
    put(store, ANA, TOKEN)
    edit(path, statement)
    before = path.read_bytes()
    refused_everywhere(path, store, Damaged)
    assert path.read_bytes() == before


def refused_everywhere(path: Path, store: SqliteTokenStore, kind: type[MailconfError]) -> None:
    acts: tuple[Callable[[], object], ...] = (
        lambda: store.load(ANA),
        lambda: store.swap(f"new {ANA}", Secret(TOKEN), expected=None),
        store.reencrypt,
        lambda: SqliteTokenStore(path, key=KEY),
    )
    for act in acts:
        with pytest.raises(kind) as refused:
            act()
        assert_not_spelled(TOKEN, told_by(refused.value))


def test_a_newer_file_is_told_and_left_alone(path: Path, store: SqliteTokenStore) -> None:
    put(store, ANA, TOKEN)
    edit(path, "PRAGMA user_version = 2")
    before = path.read_bytes()
    refused_everywhere(path, store, UnsupportedSchema)
    assert path.read_bytes() == before


def test_another_program_s_database_is_left_alone(path: Path) -> None:
    edit(path, "CREATE TABLE mine (name TEXT)")
    edit(path, "PRAGMA journal_mode = WAL")
    before = path.read_bytes()
    with pytest.raises(Damaged, match="another kind"):
        SqliteTokenStore(path, key=KEY)
    assert path.read_bytes() == before


NO_DATABASES = {
    "one letter": b"x",
    "text": b"no database\n" * 1000,
    "zeros": bytes(8192),
    "header": b"SQLite format 3\0" + b"\xff" * 4096,
}


@pytest.mark.parametrize("content", NO_DATABASES.values(), ids=NO_DATABASES)
def test_a_file_that_is_no_database_is_told_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(Damaged):
        SqliteTokenStore(path, key=KEY)
    assert path.read_bytes() == content


def load_all(store: SqliteTokenStore) -> None:
    for number in range(30):
        store.load(f"{number}")


def test_a_file_that_was_cut_is_told_and_left_alone(path: Path, store: SqliteTokenStore) -> None:
    for number in range(30):
        put(store, f"{number}", TOKEN * 50)
    whole = path.read_bytes()
    for size in range(1, len(whole), 3001):
        path.write_bytes(whole[:size])
        with pytest.raises((Damaged, StoreFailed)):
            load_all(store)
        with contextlib.suppress(Damaged, StoreFailed):
            SqliteTokenStore(path, key=KEY)
        assert path.read_bytes() == whole[:size]


def test_a_file_with_a_hole_gives_what_was_stored_or_an_error(path: Path, store: SqliteTokenStore) -> None:
    for number in range(10):
        put(store, f"{number}", f"{number} {TOKEN}" * 50)
    whole = path.read_bytes()
    for begin in range(0, len(whole), 997):
        path.write_bytes(whole[:begin] + bytes(97) + whole[begin + 97 :])
        for number in range(10):
            with contextlib.suppress(Damaged, StoreFailed, UnsupportedSchema):
                assert text(store, f"{number}") in {f"{number} {TOKEN}" * 50, None}


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch(0o644)
    put(SqliteTokenStore(path, key=KEY), ANA, "one")
    assert modes(path) == {"tokens": 0o600}


def test_a_file_that_has_gone_is_not_made_anew_behind_anybody_s_back(path: Path, store: SqliteTokenStore) -> None:
    put(store, ANA, "one")
    path.unlink()
    for act in (lambda: store.load(ANA), lambda: store.swap(ANA, Secret("two"), expected=None)):
        with pytest.raises(StoreFailed):
            act()
    assert not path.exists()


def test_a_backup_put_back_is_used(path: Path, store: SqliteTokenStore) -> None:
    put(store, ANA, "one")
    shutil.copy(path, path.with_name("backup"))
    put(store, ANA, "two")
    path.with_name("backup").replace(path)
    assert text(store, ANA) == "one"
