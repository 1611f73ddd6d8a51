"""Fixtures: a sandbox with its issuer and a host application in both colours; an issuer that rotates, and a store."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import pytest

from tests.oauth_host import Host
from tether_mailconf import Filer, SentPolicy
from tether_mailconf.sandbox import Sandbox
from tether_mailconf.sandbox.personality import GERMAN
from tether_mailconf.token_stores.memory import MemoryTokenStore

from .renewing import Desk


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox that never files by itself."""
    with Sandbox(GERMAN) as running:
        yield running


@pytest.fixture(params=["sync", "aio"])
def host(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Host]:
    """A host application that is a confidential client of the sandbox's issuer."""
    with host_of(sandbox, is_async=request.param == "aio") as made:
        yield made


def host_of(sandbox: Sandbox, *, is_async: bool, **changed: object) -> Host:
    """Return a host application of the sandbox's first account."""
    options = {
        "client": {
            "client_id": sandbox.oauth.client_id,
            "client_secret": sandbox.oauth.client_secret,
            "redirect_uri": sandbox.oauth.redirect_uri,
        },
        "issuer": sandbox.oauth.issuer,
    } | changed
    return Host(
        attrs.evolve(sandbox.settings_oauth, sent=SentPolicy(filer=Filer.CLIENT)),
        is_async=is_async,
        network=sandbox.network,
        ca_file=sandbox.ca_file,
        **options,  # type: ignore[arg-type]  # what a test changes is its own affair
    )


@pytest.fixture
def store() -> MemoryTokenStore:
    """A store in memory."""
    return MemoryTokenStore()


@pytest.fixture
def desk() -> Desk:
    """An issuer that rotates strictly."""
    return Desk()
