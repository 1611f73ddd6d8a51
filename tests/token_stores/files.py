"""Looking into a store's file, and changing it, past the store."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tether_mailconf.token_stores.sqlite import SqliteTokenStore

KEY = SqliteTokenStore.new_key()
TOKEN = "ya29.swordfish-7-and-some-more"


ANA, BEN = "oauth/tenant7 user3/ana@example.org", "oauth/tenant7 user4/ben@example.org"


FUTURE = datetime.now(UTC) + timedelta(days=1)


def edit(path: Path, statement: str, *values: Any) -> list[Any]:
    """Do to the file what somebody with sqlite3 at hand could do."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        return database.execute(statement, values).fetchall()


def modes(path: Path) -> dict[str, int]:
    return {found.name: stat.S_IMODE(found.stat().st_mode) for found in path.parent.iterdir()}
