"""What the tests of discovery share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.left_behind import wait_for_those_left_behind


@pytest.fixture(autouse=True)
def nobody_left_behind() -> Iterator[None]:
    """Without asyncio, who is late in a race goes on for a while."""
    yield
    wait_for_those_left_behind()
