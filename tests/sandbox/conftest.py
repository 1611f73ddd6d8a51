"""Fixtures of the sandbox's own tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tether_mailconf.sandbox import Personality, Sandbox

from .worlds import WORLD


@pytest.fixture
def start() -> Iterator[Callable[[Personality | None], Sandbox]]:
    """A function that starts a sandbox; all are closed when the test ends."""
    with ExitStack() as stack:

        def opened(personality: Personality | None) -> Sandbox:
            return stack.enter_context(Sandbox(personality))

        yield opened


@pytest.fixture
def sandbox(start: Callable[[Personality | None], Sandbox]) -> Sandbox:
    """A sandbox with the default personality."""
    return start(None)


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """A sandbox with an internet around it."""
    with Sandbox(internet=WORLD) as sandbox:
        yield sandbox


@pytest.fixture
def world(running: Sandbox) -> Sandbox:
    """The same, which was asked nothing yet."""
    running.clear_logs()
    return running
