"""A private SQLite file: who may read it, how it is opened, and what its errors mean to us.

Every call opens a connection of its own and closes it, which takes a fraction of a millisecond. So threads share
nothing, and a forked child has no connection of its parent's, which SQLite forbids to use.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import threading
from collections.abc import Callable, Generator
from pathlib import Path

import attrs

from ..errors import Damaged, MailconfError, Problem, StoreFailed, UnsupportedSchema

WHAT = "tokens"
"""What an error calls the content of the file."""

_APPLICATION = 0x7E74_6D61
"""Marks a database as ours (SQLite file format, section 1.3.17)."""

_SCHEMA = 1
_TABLES = (
    "CREATE TABLE keys (id TEXT PRIMARY KEY, naming BLOB NOT NULL) WITHOUT ROWID",
    """CREATE TABLE tokens (
        name BLOB PRIMARY KEY, version TEXT NOT NULL, key TEXT NOT NULL, until INTEGER, sealed BLOB NOT NULL
    )""",
    "CREATE INDEX tokens_until ON tokens (until) WHERE until IS NOT NULL",
)
_SETTINGS = (
    # SQLite's own rollback journal with the strictest syncing: when COMMIT returns, the content is on the disk, and so
    # is the removal of the journal that would undo it. A write-ahead log would be faster with many writers, but tokens
    # change hourly, and this leaves one file and needs no shared memory.
    "PRAGMA synchronous = EXTRA",
    "PRAGMA secure_delete = ON",
    # The file may come from anybody who could write there.
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
)
_LONGEST_WAIT = 3600
_CREATION = threading.Lock()


@attrs.frozen(kw_only=True)
class SqliteFile:
    """A database file of ours.

    Args:
        path: where it is, absolute.
        busy_timeout: seconds to wait for somebody else who is writing.
    """

    path: Path
    busy_timeout: float

    def problems(self) -> list[Problem]:
        """Return what is wrong with these arguments."""
        problems: list[Problem] = []
        if not self.path.parent.is_dir():
            text = "the directory of this file does not exist"
            problems.append(Problem(field="path", code="path.no_directory", message=text))
        elif self.path.exists() and not self.path.is_file():
            problems.append(Problem(field="path", code="path.no_file", message="this is not a file"))
        if not 0 <= self.busy_timeout <= _LONGEST_WAIT:
            text = f"this must be from 0 to {_LONGEST_WAIT} seconds"
            problems.append(Problem(field="busy_timeout", code="timeout.range", message=text))
        return problems

    def make(self, fill: Callable[[sqlite3.Connection], None]) -> None:
        """Make the file if there is none or an empty one, for its owner's eyes only, with the tables in it.

        Args:
            fill: writes the first rows, in one step with the tables.

        Raises:
            StoreFailed: it cannot be made.
            Damaged: it is no SQLite database.
        """
        try:
            # SQLite would make the file as the umask says. Closing a file gives up all locks that the process has on it
            # (fcntl, POSIX), so nobody here may have opened it with SQLite before it is closed.
            with _CREATION:
                if not self.path.exists():
                    with contextlib.suppress(FileExistsError):
                        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise StoreFailed from error
        with self._transaction("BEGIN") as database:
            is_empty = self._is_empty(database)
        if is_empty:
            with self._transaction("BEGIN IMMEDIATE") as database:
                if self._is_empty(database):
                    _make_tables(database)
                    fill(database)

    def _is_empty(self, database: sqlite3.Connection) -> bool:
        # The look into the file comes first, because it locks out those who would fill it meanwhile. What is shorter
        # than a page looks empty to SQLite, but may be what is left of something.
        return _header(database) == (0, 0) and self.path.stat().st_size == 0

    def make_private(self) -> None:
        """Take away the permissions that others have.

        Raises:
            StoreFailed: the file belongs to somebody else.
        """
        try:
            mode = stat.S_IMODE(self.path.stat().st_mode)
            if mode & 0o077:
                self.path.chmod(mode & 0o700)
        except OSError as error:
            raise StoreFailed from error

    @contextlib.contextmanager
    def reading(self) -> Generator[sqlite3.Connection]:
        """Open the file for one consistent look.

        Raises:
            StoreFailed: it cannot be read, or somebody else is writing for longer than we wait.
            Damaged: it is not as we left it.
            UnsupportedSchema: a newer version wrote it.
        """
        with self._transaction("BEGIN") as database:
            _check(database)
            yield database

    @contextlib.contextmanager
    def writing(self) -> Generator[sqlite3.Connection]:
        """Open the file for one change, alone; at the end it is on the disk, after an exception nothing has changed.

        Raises:
            StoreFailed: it cannot be written, or somebody else is writing for longer than we wait.
            Damaged: it is not as we left it.
            UnsupportedSchema: a newer version wrote it.
        """
        with self._transaction("BEGIN IMMEDIATE") as database:
            _check(database)
            yield database

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Generator[sqlite3.Connection]:
        try:
            # A file that has gone is not made anew in silence: mode=rw.
            with contextlib.closing(
                sqlite3.connect(
                    f"{self.path.as_uri()}?mode=rw", uri=True, timeout=self.busy_timeout, isolation_level=None
                )
            ) as database:
                for setting in _SETTINGS:
                    database.execute(setting).fetchall()
                database.execute(begin)
                try:
                    yield database
                    database.execute("COMMIT")
                except BaseException:
                    with contextlib.suppress(sqlite3.Error):
                        database.execute("ROLLBACK")
                    raise
        except sqlite3.Error as error:
            raise _told(error) from error
        except OSError as error:
            raise StoreFailed from error


def _make_tables(database: sqlite3.Connection) -> None:
    for statement in _TABLES:
        database.execute(statement)
    database.execute(f"PRAGMA application_id = {_APPLICATION}")
    database.execute(f"PRAGMA user_version = {_SCHEMA}")


def _header(database: sqlite3.Connection) -> tuple[int, int]:
    (application,), (schema,) = (
        database.execute(f"PRAGMA {name}").fetchall()[0] for name in ("application_id", "user_version")
    )
    return application, schema


def _check(database: sqlite3.Connection) -> None:
    application, schema = _header(database)
    if application != _APPLICATION:
        raise Damaged(WHAT, "the file is a database of another kind, or was emptied")
    if schema > _SCHEMA:
        raise UnsupportedSchema(schema, _SCHEMA)
    if schema != _SCHEMA:
        raise Damaged(WHAT, f"the file has no schema version, but {schema}")


def _told(error: sqlite3.Error) -> MailconfError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return Damaged(WHAT, "the file is no SQLite database")
    # Our statements are right, so one that is not understood means that the tables are not ours.
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH}:
        return Damaged(WHAT, "the file was damaged or changed by somebody")
    return StoreFailed()
