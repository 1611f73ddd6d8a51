"""The keys of the encrypted file: how they are given, what a wrong one does, and how they are changed."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.mailer.spelling import assert_not_spelled, told_by
from tests.token_stores.stores import put, text, version
from tether_mailconf.errors import Damaged, InvalidSettings
from tether_mailconf.secret import Secret
from tether_mailconf.token_stores.sqlite import SqliteTokenStore

OLD, NEW, OTHER = (SqliteTokenStore.new_key() for _ in range(3))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens"


def key_ids(path: Path) -> tuple[set[str], set[str]]:
    """Return the keys that open the file, and those that rows are sealed with."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        opening, sealing = (
            {name for (name,) in database.execute(f"SELECT {column}").fetchall()}
            for column in ("id FROM keys", "key FROM tokens")
        )
    return opening, sealing


def ident(key: str) -> str:
    return key.partition(".")[0]


def test_keys_are_all_different_lines_of_ascii() -> None:
    keys = {SqliteTokenStore.new_key() for _ in range(100)}
    assert len(keys) == 100
    assert {len(key) for key in keys} == {52}
    assert all(key.isascii() and key.isprintable() and " " not in key for key in keys)


WAYS: dict[str, Any] = {
    "text": OLD,
    "secret": Secret(OLD),
    "list": [OLD],
    "tuple": (Secret(OLD),),
    "line": f" {OLD}\r\n",
}


@pytest.mark.parametrize("given", WAYS.values(), ids=WAYS)
def test_a_key_is_given_in_several_ways(path: Path, given: Any) -> None:
    put(SqliteTokenStore(path, key=given), "ana", "one")
    assert text(SqliteTokenStore(path, key=OLD), "ana") == "one"


NO_KEYS: dict[str, tuple[Any, dict[str, str]]] = {
    "empty": ("", {"key": "key.invalid"}),
    "passphrase": ("correct horse battery staple", {"key": "key.invalid"}),
    "cut": (OLD[:-1], {"key": "key.invalid"}),
    "too long": (OLD + "A", {"key": "key.invalid"}),
    "another's id": (ident(NEW) + OLD[8:], {"key": "key.invalid"}),
    "surrogate": ("\ud800", {"key": "key.invalid"}),
    "no UTF-8": (Secret(b"\xff"), {"key": "key.invalid"}),
    "None": (None, {"key": "key.invalid"}),
    "number": (7, {"key": "key.invalid"}),
    "bytes": (OLD.encode(), {"key": "key.invalid"}),
    "no key": ([], {"key": "key.missing"}),
    "repeated": ([OLD, OLD], {"key.1": "key.repeated"}),
    "several": (["short", OLD, None, NEW], {"key.0": "key.invalid", "key.2": "key.invalid"}),
}


@pytest.mark.parametrize(("given", "problems"), NO_KEYS.values(), ids=NO_KEYS)
def test_a_key_that_is_none_is_told(path: Path, given: Any, problems: dict[str, str]) -> None:
    with pytest.raises(InvalidSettings) as invalid:
        SqliteTokenStore(path, key=given)
    assert {problem.field: problem.code for problem in invalid.value.problems} == problems
    assert not path.exists()


def test_a_mistyped_key_is_told_from_a_wrong_one_and_never_shown(path: Path) -> None:
    wrong = OLD[:20] + ("A" if OLD[20] != "A" else "B") + OLD[21:]
    with pytest.raises(InvalidSettings, match="mistyped") as invalid:
        SqliteTokenStore(path, key=wrong)
    assert_not_spelled(wrong, told_by(invalid.value))


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings) as invalid:
        SqliteTokenStore(tmp_path / "nowhere" / "tokens", key="no key", busy_timeout=-1)
    assert [problem.code for problem in invalid.value.problems] == ["path.no_directory", "timeout.range", "key.invalid"]


def test_a_wrong_key_opens_nothing_and_changes_nothing(path: Path) -> None:
    put(SqliteTokenStore(path, key=OLD), "ana", "one")
    before = path.read_bytes()
    with pytest.raises(Damaged, match=f"a key that was not given \\({ident(OLD)}\\)") as damaged:
        SqliteTokenStore(path, key=[NEW, OTHER])
    assert_not_spelled(NEW, told_by(damaged.value))
    assert path.read_bytes() == before


def test_the_first_key_seals_and_all_open(path: Path) -> None:
    put(SqliteTokenStore(path, key=OLD), "ana", "one")
    both = SqliteTokenStore(path, key=[NEW, OLD])
    put(both, "ben", "two")
    assert text(both, "ana") == "one"
    assert key_ids(path) == ({ident(OLD), ident(NEW)}, {ident(OLD), ident(NEW)})
    old = SqliteTokenStore(path, key=OLD)
    with pytest.raises(Damaged, match=ident(NEW)):
        old.load("ben")
    assert text(old, "ana") == "one"


def test_reencrypting_leaves_the_first_key_only(path: Path) -> None:
    old = SqliteTokenStore(path, key=OLD)
    versions = {f"user{n}": put(old, f"user{n}", f"content {n}") for n in range(120)}
    both = SqliteTokenStore(path, key=[NEW, OLD])
    put(both, "new", "one")
    assert both.reencrypt() == 120
    assert both.reencrypt() == 0
    assert key_ids(path) == ({ident(NEW)}, {ident(NEW)})
    alone = SqliteTokenStore(path, key=NEW)
    assert all(text(alone, f"user{n}") == f"content {n}" for n in range(120))
    assert alone.swap("user7", Secret("next"), expected=versions["user7"])
    with pytest.raises(Damaged, match=ident(NEW)):
        old.load("user8")
    with pytest.raises(Damaged, match=ident(NEW)):
        old.swap("user8", Secret("x"), expected=versions["user8"])
    with pytest.raises(Damaged, match=ident(NEW)):
        SqliteTokenStore(path, key=OLD)


def test_who_has_the_old_key_first_seals_with_one_that_is_still_in_use(path: Path) -> None:
    late = SqliteTokenStore(path, key=[OLD, NEW])
    put(late, "ana", "one")
    SqliteTokenStore(path, key=[NEW, OLD]).reencrypt()
    put(late, "ana", "two")
    assert text(SqliteTokenStore(path, key=NEW), "ana") == "two"


def test_rows_that_cannot_be_opened_stay_and_the_others_are_done(path: Path) -> None:
    put(SqliteTokenStore(path, key=OTHER), "lost", "one")
    put(SqliteTokenStore(path, key=[OLD, OTHER]), "ana", "two")
    both = SqliteTokenStore(path, key=[NEW, OLD])
    with pytest.raises(Damaged, match="1 could not be opened"):
        both.reencrypt()
    assert text(both, "ana") == "two"
    assert key_ids(path) == ({ident(NEW), ident(OLD), ident(OTHER)}, {ident(NEW), ident(OTHER)})
    all_three = SqliteTokenStore(path, key=[NEW, OTHER])
    assert text(all_three, "lost") == "one"
    assert all_three.reencrypt() == 1
    assert key_ids(path) == ({ident(NEW)}, {ident(NEW)})


def test_versions_outlive_a_change_of_keys(path: Path) -> None:
    before = put(SqliteTokenStore(path, key=OLD), "ana", "one")
    both = SqliteTokenStore(path, key=[NEW, OLD])
    both.reencrypt()
    assert version(both, "ana") == before
