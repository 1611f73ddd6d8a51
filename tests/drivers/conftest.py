"""Fixtures of the drivers' tests: a colour to ask in, and servers on loopback."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ..mailer.raw_server import Peer, RawServer, trusted_chain
from .asking import AsyncioColour, BlockingColour, Colour, Receiver, Web
from .visits import Start

Serve = Callable[[Callable[[Peer], None]], Web]


@pytest.fixture(params=["sync", "aio"])
def colour(request: pytest.FixtureRequest) -> Iterator[Colour]:
    """Runs what the port offers in one colour; whatever is left open is noticed when the test ends."""
    with AsyncioColour() if request.param == "aio" else BlockingColour() as chosen:
        yield chosen
    gc.collect()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What ends whatever the test has begun, the last of it first."""
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def serve(stack: ExitStack, tmp_path: Path) -> Serve:
    """A function that starts an https server that behaves as told."""
    authority, chain = trusted_chain(tmp_path)
    return lambda behave: Web(server=stack.enter_context(RawServer(behave, chain)), ca_file=authority)


@pytest.fixture
def start(colour: Colour) -> Iterator[Start]:
    """A function that starts a receiver; all are closed when the test ends."""
    started: list[Receiver] = []

    def new(**options: object) -> Receiver:
        started.append(colour.receiver(**options))
        return started[-1]

    yield new
    for receiver in started:
        receiver.close()
