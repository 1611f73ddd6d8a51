"""What fails at an issuer that misbehaves: the exchange of a code, and a renewal. Nothing is lost or told."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

from tests.mailer.spelling import assert_not_spelled, logged, told_by
from tests.oauth_host import Host
from tether_mailconf import MailconfError, oauth
from tether_mailconf.sandbox import Sandbox

from ..test_secrets import code_in


def behave(sandbox: Sandbox, **changed: Any) -> None:
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, **changed)


def refresh_token(host: Host) -> str:
    """What is stored of the account just now."""
    for held in host.store._held.values():
        data: dict[str, Any] = json.loads(held.stored.content.reveal())
        if data.get("refresh"):
            return str(data["refresh"])
    return ""


def check_secrets(host: Host, caplog: pytest.LogCaptureFixture, error: MailconfError, *more: str) -> None:
    text = told_by(error) + logged(caplog)
    for secret in {*host.store.seen, host.client["client_secret"], *more} - {""}:
        assert_not_spelled(secret, text)


def failed_exchange(host: Host, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, **options: Any) -> MailconfError:
    """Sign in, which fails; nothing may be stored or told."""
    pending = host.begin()
    callback_url = sandbox.oauth.consent(pending.url)
    with pytest.raises(MailconfError) as caught:
        host.complete(pending, callback_url, **options)
    assert host.status().state is oauth.TokenState.ABSENT
    assert refresh_token(host) == ""
    check_secrets(host, caplog, caught.value, code_in(callback_url))
    return caught.value
