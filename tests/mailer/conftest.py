"""Fixtures of the Mailer's tests: sandboxes, and Mailers in both colours."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.left_behind import wait_for_those_left_behind
from tether_mailconf.delivery import file
from tether_mailconf.sandbox import Personality, Sandbox

from .post import AsyncioPost, BlockingPost, Colour, Post
from .relay import Relay

Start = Callable[..., Sandbox]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What ends whatever the test has begun, the last of it first."""
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def start(stack: ExitStack) -> Start:
    """A function that starts a sandbox; all are closed when the test ends."""

    def opened(personality: Personality | None = None, **options: Any) -> Sandbox:
        return stack.enter_context(Sandbox(personality, **options))

    return opened


@pytest.fixture
def sandbox(start: Start) -> Sandbox:
    """A sandbox that never files by itself."""
    return start()


@pytest.fixture(params=["sync", "aio"])
def colour(request: pytest.FixtureRequest) -> Iterator[Colour]:
    """Makes Mailers of one colour; whatever they leave open is noticed when the test ends."""
    wait_for_those_left_behind()
    with ExitStack() as opened:
        kind: type[BlockingPost | AsyncioPost] = AsyncioPost if request.param == "aio" else BlockingPost

        def new(*arguments: Any, **options: Any) -> Post:
            post = kind(*arguments, **options)
            opened.callback(post.end)
            return post

        yield Colour(is_async=kind is AsyncioPost, new=new)
    gc.collect()


@pytest.fixture
def relay_to(stack: ExitStack) -> Callable[[int], Relay]:
    """A function that starts a relay to a port; all are closed when the test ends."""
    return lambda port: stack.enter_context(Relay(port))


@pytest.fixture
def brief_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter pauses between looks, for tests that are about what is found, not about when."""
    monkeypatch.setattr(file, "LOOKS", (0.0, 0.02, 0.05))
