"""What the tests of diagnosis share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tether_mailconf.sandbox import Personality, Sandbox


@pytest.fixture
def start() -> Iterator[Callable[..., Sandbox]]:
    """A function that starts a sandbox; all are closed when the test ends."""
    with ExitStack() as opened:

        def started(personality: Personality | None = None, **options: Any) -> Sandbox:
            return opened.enter_context(Sandbox(personality, **options))

        yield started
