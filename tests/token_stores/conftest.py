"""A store in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tether_mailconf.token_stores.sqlite import SqliteTokenStore

from .files import KEY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is, or will be."""
    return tmp_path / "tokens"


@pytest.fixture
def store(path: Path) -> SqliteTokenStore:
    """A store in it."""
    return SqliteTokenStore(path, key=KEY)
