"""Fixtures: a host application whose store is watched, and every logger at its most talkative."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.oauth_host import Host
from tether_mailconf.sandbox import Sandbox

from ..conftest import host_of
from ..test_secrets import Watched


@pytest.fixture(params=["sync", "aio"])
def host(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Host]:
    """A host application whose store remembers what was in it."""
    with host_of(sandbox, is_async=request.param == "aio", store=Watched()) as made:
        yield made


@pytest.fixture(autouse=True)
def debug(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """All that any logger says."""
    with caplog.at_level(logging.DEBUG):
        yield
