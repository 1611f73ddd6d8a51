"""What the tests of discovery share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.left_behind import wait_for_those_left_behind

from .strangers import Trap


@pytest.fixture(autouse=True)
def nobody_left_behind() -> Iterator[None]:
    """Without asyncio, who is late in a race goes on for a while."""
    yield
    wait_for_those_left_behind()


@pytest.fixture
def trap() -> Iterator[Trap]:
    """Who listens where nobody may go, and tells who came."""
    with Trap() as set_up:
        yield set_up
