"""Fixtures of the hostile servers: the child that is attacked, and what the tests of the Mailer have."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.mailer.conftest import brief_looks, colour, sandbox, stack, start

from .running import Child

__all__ = ["brief_looks", "child", "colour", "sandbox", "stack", "start"]


@pytest.fixture(scope="session")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """The process in which the client runs, one for each process that runs tests."""
    with Child(tmp_path_factory.mktemp("hostile")) as running:
        yield running
