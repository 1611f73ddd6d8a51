"""Signing in where no browser comes back: by a code for a device, and where there is no person at all."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.oauth_host import Host
from tether_mailconf import Delivery, Filing, InvalidSettings, TimedOut, oauth
from tether_mailconf._oauth import device, exchange
from tether_mailconf._oauth.exchange import Denied, Granted
from tether_mailconf.sandbox import Sandbox

from .acts import letter
from .conftest import host_of

# -- codes for devices -------------------------------------------------------------------------------------------------


@pytest.fixture(params=["sync", "aio"])
def script(request: pytest.FixtureRequest, sandbox: Sandbox) -> Host:
    """A script: a public client without a redirect address."""
    return host_of(sandbox, is_async=request.param == "aio", client={"client_id": sandbox.oauth.public_client_id})


def test_a_code_that_is_entered_elsewhere(script: Host, sandbox: Sandbox) -> None:
    with script:
        pending = script.begin_device()
        assert pending.verification_uri.startswith("https://")
        sandbox.oauth.approve_device(pending.user_code)
        token = script.complete_device(pending)
        assert token.account_verified
        (receipt,) = script.send(token, letter(script))
        assert receipt.delivery is Delivery.SENT
        with pytest.raises(oauth.SignInFailed) as caught:
            script.complete_device(pending)
        assert caught.value.code == "oauth.used"


def test_a_code_that_is_declined(script: Host, sandbox: Sandbox) -> None:
    with script:
        pending = script.begin_device()
        sandbox.oauth.deny_device(pending.user_code)
        with pytest.raises(oauth.SignInFailed) as caught:
            script.complete_device(pending)
        assert caught.value.code == "oauth.denied"


def test_two_who_wait_for_the_same_code_do_not_take_it_from_each_other(
    script: Host, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers poll for one page. The second is refused, since the issuer gives once, before the first is done."""
    other = host_of(sandbox, is_async=False, client=script.client, store=script.store)
    refused: list[str] = []
    ask: Any = exchange.ask

    async def slow(*arguments: Any) -> Granted | Denied:
        outcome: Granted | Denied = await ask(*arguments)
        if isinstance(outcome, Granted):
            with pytest.raises(oauth.SignInFailed) as caught:
                other.complete_device(pending)
            refused.append(caught.value.code)
        return outcome

    monkeypatch.setattr(device, "ask", slow)
    with script:
        pending = script.begin_device()
        sandbox.oauth.approve_device(pending.user_code)
        assert script.complete_device(pending).account_verified
        assert script.status().state is oauth.TokenState.READY
        with pytest.raises(oauth.SignInFailed) as caught:
            other.complete_device(pending)
    assert [*refused, caught.value.code] == ["oauth.device_expired", "oauth.used"]


def test_who_waits_in_small_steps_comes_to_the_end_too(script: Host, sandbox: Sandbox) -> None:
    """A web application asks now and then: each time the issuer is asked once."""
    with script:
        pending = script.begin_device()
        for _ in range(2):
            with pytest.raises(TimedOut):
                script.complete_device(pending, deadline=0.9)
        asked = [one.path for one in sandbox.oauth.requests].count("/token")
        assert asked == 2
        sandbox.oauth.approve_device(pending.user_code)
        assert script.complete_device(pending, deadline=20.0).account_verified


@pytest.mark.parametrize("interval", [-1.0, 0.0, 1e9, float("nan")])
def test_what_was_stored_of_a_device_may_have_been_changed(
    script: Host, sandbox: Sandbox, interval: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What such an interval is taken for is long (RFC 8628 section 3.5); that it is taken for that is the point here.
    assert device._INTERVAL == 5.0
    monkeypatch.setattr(device, "_INTERVAL", 1.0)
    with script:
        pending = attrs.evolve(script.begin_device(), interval=interval)
        sandbox.oauth.approve_device(pending.user_code)
        assert script.complete_device(pending, deadline=20.0).account_verified


def test_an_issuer_without_device_codes_is_told_before_anything_is_asked(script: Host, sandbox: Sandbox) -> None:
    with script:
        script.issuer = attrs.evolve(script.issuer, device_authorization_endpoint=None)
        with pytest.raises(InvalidSettings) as caught:
            script.begin_device()
        assert [problem.code for problem in caught.value.problems] == ["issuer.no_device_code"]
        assert sandbox.oauth.requests == ()


# -- without a person --------------------------------------------------------------------------------------------------


def test_a_service_account_sends_for_a_mailbox_of_its_domain(host: Host, sandbox: Sandbox) -> None:
    """Domain-wide delegation: one signed assertion, one token, kept until it ends."""
    credential = host.face.google_service_account(
        sandbox.oauth.service_account_info, host.settings.address, store=host.store
    )
    for number in range(2):
        (receipt,) = host.send(credential, letter(host, f"<{number}@sandbox.test>"))
        assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.APPENDED)
    grants = [asked.parameters.get("grant_type") for asked in sandbox.oauth.requests]
    assert grants == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]


@pytest.mark.parametrize("proof", ["secret", "certificate"])
def test_an_application_sends_in_its_own_name(host: Host, sandbox: Sandbox, proof: str) -> None:
    """Client credentials, with a secret or with a signed assertion."""
    application = sandbox.oauth.application
    proofs = {
        "secret": {"client_secret": application.client_secret},
        "certificate": {"certificate": application.certificate, "private_key": application.private_key},
    }
    credential = host.face.microsoft_application(
        host.issuer,
        client_id=application.client_id,
        address=host.settings.address,
        store=host.store,
        **proofs[proof],
    )
    (receipt,) = host.send(credential, letter(host))
    assert receipt.delivery is Delivery.SENT
    sandbox.oauth.expire_tokens()
    (again,) = host.send(credential, letter(host, "<two@sandbox.test>"))
    assert again.delivery is Delivery.SENT


def ec_key() -> str:
    """A key that signs, but not with RS256."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        ({"private_key": ec_key()}, ["service_account.key"]),
        ({"private_key": "x"}, ["service_account.key"]),
        ({"client_email": "\ud800"}, ["service_account.incomplete"]),
        ({"private_key_id": None}, ["service_account.incomplete"]),
        ({"token_uri": "http://127.0.0.1/token"}, ["service_account.token_uri"]),
    ],
    ids=["another kind of key", "no key", "no ASCII", "no key id", "no https"],
)
def test_a_key_file_that_cannot_be_right(sandbox: Sandbox, changed: dict[str, object], codes: list[str]) -> None:
    with pytest.raises(InvalidSettings) as caught:
        oauth.google_service_account(sandbox.oauth.service_account_info | changed, "ana@sandbox.test")
    assert [problem.code for problem in caught.value.problems] == codes


@pytest.mark.parametrize("kind", [str, bytes, list, lambda _: None], ids=["text", "bytes", "list", "nothing"])
def test_a_key_file_that_was_not_read(sandbox: Sandbox, kind: Any) -> None:
    """The commonest mistake: the text of the file. The error shows nothing of it."""
    content: Any = "text" if kind is str else kind(json.dumps(sandbox.oauth.service_account_info).encode())
    with pytest.raises(InvalidSettings) as caught:
        oauth.google_service_account(content, "ana@sandbox.test")
    assert [problem.field for problem in caught.value.problems] == ["info"]
    with pytest.raises(InvalidSettings):
        oauth.google_service_account(sandbox.oauth.service_account_info, None)  # type: ignore[arg-type]
