"""Stores of a host's own that do not keep their promise, or not at once: nothing hangs, and nothing is told wrongly."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tether_mailconf import Secret, StoreFailed, oauth
from tether_mailconf._oauth import enrolment, keeping, revoke, token
from tether_mailconf._ports import run_sync
from tether_mailconf.sandbox import Sandbox

from .acts import letter, signed_in
from .conftest import host_of
from .issuers import CLIENT
from .renewing import KEY, Blocking, Desk, account, fresh


class Stubborn(oauth.MemoryTokenStore):
    """A store that tells everybody that somebody else was faster, once it has taken so many changes."""

    left = 100

    def swap(self, *args: Any, **options: Any) -> bool:
        self.left -= 1
        return self.left >= 0 and super().swap(*args, **options)


class Following(oauth.MemoryTokenStore):
    """A store that is read where the writes arrive a little later."""

    lag = 0.2

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[str, tuple[float, oauth.Stored | None]] = {}

    def load(self, key: str) -> oauth.Stored | None:
        until, before = self._seen.get(key, (0.0, None))
        return before if time.monotonic() < until else super().load(key)

    def swap(self, key: str, content: Secret | None, **options: Any) -> bool:
        before = self.load(key)
        done = super().swap(key, content, **options)
        if done:
            self._seen[key] = (time.monotonic() + self.lag, before)
        return done


@pytest.fixture(params=["sync", "aio"])
def is_async(request: pytest.FixtureRequest) -> bool:
    """Whether it is the asyncio colour."""
    return bool(request.param == "aio")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gives up does so after fewer tries."""
    for module in (keeping, enrolment, revoke, token):
        monkeypatch.setattr(module, "TRIES", 5)


@pytest.mark.usefixtures("few")
def test_a_swap_that_always_says_no_ends_a_sign_in_and_no_process(sandbox: Sandbox, is_async: bool) -> None:
    with host_of(sandbox, is_async=is_async, store=Stubborn()) as host:
        pending = host.begin()
        callback_url = sandbox.oauth.consent(pending.url)
        host.store.left = 1
        with pytest.raises(StoreFailed) as caught:
            host.complete(pending, callback_url)
        assert "5 times" in str(caught.value.__cause__)


@pytest.mark.usefixtures("few")
def test_a_swap_that_always_says_no_ends_a_renewal_and_a_disconnect(desk: Desk) -> None:
    store = Stubborn()
    held, io = account(store), Blocking(desk)
    store.left = 1
    with pytest.raises(StoreFailed):
        fresh(held, io)
    assert desk.count == 1, "the issuer is asked once"
    with pytest.raises(StoreFailed):
        run_sync(revoke.disconnect(io, CLIENT, keeping.Keeping(store), KEY, io.deadline(5)))


def test_a_store_that_is_read_a_little_later_only_takes_a_little_longer(sandbox: Sandbox, is_async: bool) -> None:
    with host_of(sandbox, is_async=is_async, store=Following()) as host:
        pending = host.begin()
        time.sleep(host.store.lag)
        host.complete(pending, sandbox.oauth.consent(pending.url))
        again = host.begin()
        time.sleep(host.store.lag)
        held = host.complete(again, sandbox.oauth.consent(again.url))
        time.sleep(host.store.lag)
        sandbox.oauth.expire_tokens()
        assert host.send(held, letter(host))
        assert host.disconnect().revoked


@pytest.mark.parametrize("content", ["{", '{"schema": 99}'], ids=["cut", "newer"])
def test_what_cannot_be_read_is_not_said_never_to_have_been(sandbox: Sandbox, is_async: bool, content: str) -> None:
    """The issuer still lets the application in, and only the person can end that now."""
    with host_of(sandbox, is_async=is_async) as host:
        signed_in(host, sandbox)
        (key,) = host.store._held
        assert host.store.swap(key, Secret(content), expected=host.store.load(key).version)
        gone = host.disconnect()
        assert (gone.revoked, gone.code) == (False, "oauth.disconnected_locally")
        assert "account page" in gone.sentence
        assert host.status().state is oauth.TokenState.ABSENT
        assert host.disconnect().code == "oauth.nothing_stored"
