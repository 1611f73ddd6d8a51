"""The disk of the token store is full when a token must be renewed: nothing is sent, and nothing is lost."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.oauth.conftest import host_of
from tether_mailconf import Delivery, StoreFailed, oauth
from tether_mailconf.sandbox import OAuthPersonality, Personality, Sandbox


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process takes a byte."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def letter(number: int) -> EmailMessage:
    """Return a message."""
    message = EmailMessage()
    message["To"] = "ben@example.org"
    message["Message-ID"] = f"<{number}@sandbox.test>"
    message.set_content("Good day.\n")
    return message


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "aio"])
def test_a_token_that_cannot_be_stored_is_not_asked_for_and_the_refresh_token_lives(
    tmp_path: Path, is_async: bool
) -> None:
    """The issuer rotates: a refresh token that was spent, with its successor lost, would need the person again."""
    store = oauth.SqliteTokenStore(tmp_path / "tokens.sqlite", key=oauth.SqliteTokenStore.new_key())
    with (
        Sandbox(Personality(oauth=OAuthPersonality(rotates=True))) as sandbox,
        host_of(sandbox, is_async=is_async, store=store) as host,
    ):
        pending = host.begin()
        token = host.complete(pending, sandbox.oauth.consent(pending.url))
        host.send(token, letter(0))
        sandbox.oauth.expire_tokens()
        asked = len(sandbox.oauth.requests)
        with full_disk(), pytest.raises(StoreFailed) as failed:
            host.send(token, letter(1))
        assert failed.value.receipt is not None
        assert failed.value.receipt.delivery is Delivery.NOT_SENT
        assert len(sandbox.oauth.requests) == asked
        assert len(sandbox.submissions) == len(sandbox.sent()) == 1
        (receipt,) = host.send(token, letter(1))
        assert receipt.delivery is Delivery.SENT
        assert len(sandbox.oauth.requests) > asked
        assert len(sandbox.submissions) == len(sandbox.sent()) == 2
