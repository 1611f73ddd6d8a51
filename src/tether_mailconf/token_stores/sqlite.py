"""The store for a host without a database of its own: one encrypted SQLite file.

Nothing in the file can be read without a key: contents are sealed, and rows are named by a keyed hash of what they are
about. The key of that hash is random, stays with the file, and is kept sealed once under each key, so that changing the
keys changes no name. A sealed content is tied to its row's name, its version, its end and its key, so a row that was
exchanged, renamed or prolonged by hand is refused. What cannot be noticed is an older copy of a row, or of the whole
file, put back in its place.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, Self

import attrs

from ..credentials.token_store import Stored
from ..errors import Damaged, InvalidSettings, Problem, StoreFailed, Unreadable
from ..secret import Secret
from . import keys
from .sqlite_file import WHAT, SqliteFile

_NAMING = b"tether_mailconf naming key, schema 1"
_ROW = b"tether_mailconf row, schema 1"
_ROW_OF_NAME = "SELECT name, version, key, until, sealed FROM tokens WHERE name = ?"
_SOME_TO_REENCRYPT = (
    "SELECT name, version, key, until, sealed FROM tokens WHERE key <> ? AND name > ? ORDER BY name LIMIT 50"
)
_PUT = "INSERT OR REPLACE INTO tokens (name, version, key, until, sealed) VALUES (?, ?, ?, ?, ?)"
_BUSY_SECONDS = 5.0


@attrs.frozen(kw_only=True)
class _Row:
    name: bytes
    version: str
    key: str
    until: int | None
    sealed: bytes

    @classmethod
    def read(cls, values: Sequence[Any]) -> _Row | None:
        """Return a row as the file has it; None if it is none of ours."""
        name, version, key, until, sealed = values
        is_named = isinstance(name, bytes) and isinstance(version, str) and isinstance(key, str)
        if not is_named or not isinstance(until, int | None) or not isinstance(sealed, bytes):
            return None
        return cls(name=name, version=version, key=key, until=until, sealed=sealed)

    def about(self) -> bytes:
        """Return all that the content is tied to."""
        until = b"" if self.until is None else str(self.until).encode()
        return keys.joined(_ROW, self.key.encode(), self.name, self.version.encode(), until)


@attrs.frozen(kw_only=True)
class _Unlocked:
    """What a call knows of the file once it has found its keys.

    Args:
        naming: the key that names rows.
        sealing: the key that new contents are sealed with.
    """

    naming: Secret
    sealing: keys.StoreKey


class SqliteTokenStore:
    """A `TokenStore` in an encrypted SQLite file, shared by threads and processes of one machine.

    Its calls block: for a few milliseconds, at most for `busy_timeout` and the disk's own time. When `swap` returns
    True, the content is on the disk; a process or machine that dies earlier leaves the old one. A child process made by
    `os.fork` may go on using the store, if no thread was in the middle of a call. The file belongs on a local disk, not
    on a network share.

    To change the key, start every process with `key=[new, old]`, then call `reencrypt` once; then `[new]` is enough. If
    processes are restarted one by one, go by way of `[old, new]`, so that each knows the new key before one uses it.

    Rows that a lost key has sealed stay, and are told as `Unreadable` whenever they are asked for; so is a row that was
    changed. A new sign-in replaces them. If the only key is lost, remove the file, and everybody signs in again.

    Args:
        path: the file, made (for its owner only, mode 0600) if there is none or an empty one; its directory must exist.
            From a file of ours that others may read or write, their permissions are taken away.
        key: what `new_key` returned, from a vault or an environment variable; or several: the first seals, all open.
        busy_timeout: seconds to wait for others who are writing.

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
        busy_timeout: float = _BUSY_SECONDS,
    ) -> None:
        given = keys.as_secrets(key)
        del key  # an error shows no variable that holds it
        problems: list[Problem] = []
        self._file = SqliteFile(path=Path(path).absolute(), busy_timeout=busy_timeout)
        problems += self._file.problems()
        self._keys = keys.read_keys(given, problems)
        if problems:
            raise InvalidSettings(tuple(problems))
        self._is_closed = False
        self._file.make(lambda database: self._let_in(database, self._keys[0], keys.new_naming_key()))
        self._introduce()
        self._file.make_private()

    @staticmethod
    def new_key() -> str:
        """Return a new key: one line of 52 ASCII characters for a vault or an environment variable.

        Whoever has it and the file can read the tokens, so they are kept apart. If it is lost, the tokens are too.
        """
        return keys.new_key()

    def load(self, key: str) -> Stored | None:
        """Return what is stored under `key`; None if nothing is, or no longer.

        Raises:
            StoreFailed: the file cannot be read, or somebody else was writing all through `busy_timeout`.
            Unreadable: the row was changed, or is sealed under a key that was not given.
            Damaged: the file was changed.
            UnsupportedSchema: a newer version of the library has taken the file over.
        """
        self._check_open()
        with self._file.reading() as database:
            name = keys.row_name(self._unlock(database).naming, key)
            row = _row(database, name)
        if row is None or (row.until is not None and row.until <= _now()):
            return None
        return Stored(content=self._opened(row), version=row.version)

    def swap(self, key: str, content: Secret | None, *, expected: str | None, until: datetime | None = None) -> bool:
        """Store `content` under `key` if the stored version is `expected`: see `TokenStore.swap`.

        Contents whose `until` has passed, under any key, are removed from the file on the way.

        Raises:
            StoreFailed: the file cannot be written, or somebody else was writing all through `busy_timeout`. The old
                content is still there.
            Damaged: the file was changed, or is sealed under a key that was not given.
            UnsupportedSchema: a newer version of the library has taken the file over.
        """
        self._check_open()
        with self._file.writing() as database:
            unlocked = self._unlock(database)
            name = keys.row_name(unlocked.naming, key)
            database.execute("DELETE FROM tokens WHERE until <= ?", (_now(),))
            versions = database.execute("SELECT version FROM tokens WHERE name = ?", (name,)).fetchall()
            if (versions[0][0] if versions else None) != expected:
                return False
            if content is None:
                database.execute("DELETE FROM tokens WHERE name = ?", (name,))
                return True
            row = _Row(
                name=name,
                version=secrets.token_hex(16),
                key=unlocked.sealing.id,
                until=None if until is None else _moment(until),
                sealed=b"",
            )
            _put(database, attrs.evolve(row, sealed=unlocked.sealing.sealed(content, row.about())))
            return True

    def reencrypt(self) -> int:
        """Seal everything under the first key, and let the other keys open the file no more; return how many were.

        Others may go on using the store. It works in small steps, so it may be interrupted and called again. A process
        that still seals with another key can only be caught by the next call.

        Raises:
            Damaged: there are rows that cannot be opened. They were left as they are, and all others were done.
            StoreFailed: the file cannot be read or written. What was done so far stays done.
            UnsupportedSchema: a newer version of the library has taken the file over.
        """
        self._check_open()
        self._introduce()
        done, failed, after = 0, 0, b""
        while True:
            with self._file.writing() as database:
                sealing = self._unlock(database).sealing
                rows = database.execute(_SOME_TO_REENCRYPT, (sealing.id, after)).fetchall()
                for values in rows:
                    row = _Row.read(values)
                    content = None if row is None else self._content(row)
                    if row is None or content is None:
                        failed += 1
                        continue
                    # The version stays, so that a swap that somebody has prepared still succeeds.
                    renewed = attrs.evolve(row, key=sealing.id)
                    _put(database, attrs.evolve(renewed, sealed=sealing.sealed(content, renewed.about())))
                    done += 1
                if not rows:
                    database.execute(
                        "DELETE FROM keys WHERE id <> ? AND NOT EXISTS (SELECT 1 FROM tokens WHERE key <> ?)",
                        (sealing.id, sealing.id),
                    )
                    break
                after = rows[-1][0]
        if failed:
            raise Damaged(WHAT, f"{failed} could not be opened with the keys that were given; all others were done")
        return done

    def close(self) -> None:
        """Use the store no more: every later call fails. Nothing is held open between calls."""
        self._is_closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"SqliteTokenStore({str(self._file.path)!r})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a SqliteTokenStore cannot be pickled or copied; open the file anew where it is needed")

    # -- keys ----------------------------------------------------------------------------------------------------------

    def _introduce(self) -> None:
        """Let the first key open the file, if one of the keys does."""
        first = self._keys[0]
        # Most often it does already, and looking does not wait for those who write.
        with self._file.reading() as database:
            _row(database, b"")  # fails if there is no such table
            if self._is_known(database, first):
                return
        with self._file.writing() as database:
            if not self._is_known(database, first):
                self._let_in(database, first, self._unlock(database).naming)

    def _let_in(self, database: sqlite3.Connection, key: keys.StoreKey, naming: Secret) -> None:
        values = key.id, key.sealed(naming, _about_naming(key.id))
        database.execute("INSERT INTO keys (id, naming) VALUES (?, ?)", values)

    def _is_known(self, database: sqlite3.Connection, key: keys.StoreKey) -> bool:
        """Return whether a key opens the file.

        Raises:
            Damaged: it should, but does not.
        """
        is_known = bool(database.execute("SELECT 1 FROM keys WHERE id = ?", (key.id,)).fetchall())
        if is_known:
            self._unlock(database)
        return is_known

    def _unlock(self, database: sqlite3.Connection) -> _Unlocked:
        """Return the naming key, and the first key that the file knows.

        Raises:
            Damaged: it knows none of ours.
        """
        known = dict(database.execute("SELECT id, naming FROM keys").fetchall())
        for key in self._keys:
            sealed = known.get(key.id)
            if sealed is not None:
                naming = key.opened(sealed, _about_naming(key.id)) if isinstance(sealed, bytes) else None
                if naming is None:
                    raise Damaged(WHAT, "the file's own key was changed by somebody")
                return _Unlocked(naming=naming, sealing=key)
        raise _not_given(*map(str, known))

    def _opened(self, row: _Row) -> Secret:
        content = self._content(row)
        if content is not None:
            return content
        if all(key.id != row.key for key in self._keys):
            raise Unreadable(row.version, _not_given(row.key).reason)
        raise Unreadable(row.version, "a row was changed by somebody, or belongs to another account")

    def _content(self, row: _Row) -> Secret | None:
        for key in self._keys:
            if key.id == row.key:
                return key.opened(row.sealed, row.about())
        return None

    def _check_open(self) -> None:
        if self._is_closed:
            raise StoreFailed from ValueError("the store was closed")


def _not_given(*ids: str) -> Damaged:
    return Damaged(
        WHAT, f"they are sealed under a key that was not given ({', '.join(sorted(ids)) or 'none is known'})"
    )


def _about_naming(key: str) -> bytes:
    return keys.joined(_NAMING, key.encode())


# -- rows --------------------------------------------------------------------------------------------------------------


def _row(database: sqlite3.Connection, name: bytes) -> _Row | None:
    found = database.execute(_ROW_OF_NAME, (name,)).fetchall()
    if not found:
        return None
    row = _Row.read(found[0])
    if row is None:
        raise Damaged(WHAT, "a row was changed by somebody")
    return row


def _put(database: sqlite3.Connection, row: _Row) -> None:
    database.execute(_PUT, attrs.astuple(row))


def _moment(when: datetime) -> int:
    """Return microseconds since the epoch."""
    return int(when.timestamp() * 1_000_000)


def _now() -> int:
    return _moment(datetime.now(UTC))
