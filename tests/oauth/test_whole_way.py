"""From the first click to the last: a person signs in, mail goes out, tokens end and are renewed, access is given back.

Everything is real but the provider: the browser's requests, the issuer, both mail servers, TLS.
"""

from __future__ import annotations

import json
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.oauth_host import Host
from tether_mailconf import (
    Delivery,
    Filer,
    Filing,
    InvalidSettings,
    SignInRefused,
    TimedOut,
    aio,
    oauth,
    presets,
)
from tether_mailconf._oauth import device
from tether_mailconf.sandbox import Sandbox

from .conftest import host_of


def letter(host: Host, message_id: str = "<one@sandbox.test>") -> EmailMessage:
    message = EmailMessage()
    message["From"] = host.settings.address
    message["To"] = "ben@sandbox.test"
    message["Message-ID"] = message_id
    message.set_content("Good morning!")
    return message


def signed_in(host: Host, sandbox: Sandbox) -> oauth.OAuthToken:
    pending = host.begin()
    return host.complete(pending, sandbox.oauth.consent(pending.url))


def refreshes(sandbox: Sandbox) -> list[int]:
    """The statuses of all refreshes so far."""
    return [asked.status for asked in sandbox.oauth.requests if asked.parameters.get("grant_type") == "refresh_token"]


def test_sign_in_send_renew_and_give_back(host: Host, sandbox: Sandbox) -> None:
    """The demo's fourth act, in both colours, with every promise looked at."""
    assert host.status().state is oauth.TokenState.ABSENT
    token = signed_in(host, sandbox)
    assert (token.code, token.account_verified) == ("oauth.token_generated", True)
    assert token.sentence == f"Success: the {host.issuer.label} token for {host.settings.address} was generated."
    status = host.status()
    assert (status.state, status.account_verified) == (oauth.TokenState.READY, True)

    (receipt,) = host.send(token, letter(host))
    assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.APPENDED)
    assert refreshes(sandbox) == []

    sandbox.oauth.expire_tokens()
    (second, third) = host.send(host.token(), letter(host, "<two@sandbox.test>"), letter(host, "<three@sandbox.test>"))
    assert {second.filing, third.filing} == {Filing.APPENDED}
    assert refreshes(sandbox) == [200], "one refresh for both servers and both messages"
    assert len(sandbox.submissions) == len(sandbox.sent()) == 3

    gone = host.disconnect()
    assert (gone.revoked, gone.code) == (True, "oauth.disconnected")
    assert host.status().state is oauth.TokenState.ABSENT
    assert (host.disconnect().revoked, host.disconnect().code) == (False, "oauth.nothing_stored")
    with pytest.raises(oauth.SignInNeeded) as caught:
        host.send(token, letter(host, "<four@sandbox.test>"))
    assert caught.value.code == "oauth.never_signed_in"
    assert len(sandbox.submissions) == 3


def test_what_a_person_takes_back_needs_a_new_sign_in(host: Host, sandbox: Sandbox) -> None:
    """One refused token, one forced refresh, a clear end, and a new beginning that works."""
    token = signed_in(host, sandbox)
    sandbox.oauth.revoke_grants()
    with pytest.raises(oauth.SignInNeeded) as caught:
        host.send(token, letter(host))
    assert caught.value.code == "oauth.revoked"
    assert refreshes(sandbox) == [400]
    assert host.status().state is oauth.TokenState.NEEDS_SIGN_IN
    with pytest.raises(oauth.SignInNeeded):
        host.send(token, letter(host))
    assert refreshes(sandbox) == [400], "it is not asked for again and again"

    assert (caught.value.address, caught.value.owner) == (host.settings.address, host.owner)
    (receipt,) = host.send(signed_in(host, sandbox), letter(host))
    assert receipt.delivery is Delivery.SENT
    (again,) = host.send(token, letter(host, "<two@sandbox.test>"))
    assert again.delivery is Delivery.SENT, "the old object looks into the same store"


def test_a_sign_in_for_a_time_says_when_it_ends(host: Host, sandbox: Sandbox) -> None:
    """What Google gives who picked access for a time: its end is known from the first day."""
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, rotates=False, sign_in_seconds=7 * 86_400)
    token = signed_in(host, sandbox)
    status = host.status()
    assert status.signed_in_at is not None
    assert status.sign_in_ends_at is not None
    assert abs(status.sign_in_ends_at - status.signed_in_at - timedelta(days=7)) < timedelta(seconds=30)
    sandbox.oauth.expire_tokens()
    host.send(token, letter(host))
    assert refreshes(sandbox) == [200]
    after = host.status().sign_in_ends_at
    assert after is not None, "a renewal does not put it off"
    assert abs(after - status.sign_in_ends_at) < timedelta(seconds=30)


def test_a_sign_in_for_a_time_is_over_at_its_end(host: Host, sandbox: Sandbox) -> None:
    token = signed_in(host, sandbox)
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, sign_in_seconds=0)
    sandbox.oauth.expire_tokens()
    with pytest.raises(oauth.SignInNeeded):
        host.send(token, letter(host))


def test_a_sign_in_without_an_end_says_none(host: Host, sandbox: Sandbox) -> None:
    signed_in(host, sandbox)
    assert host.status().sign_in_ends_at is None


def test_a_token_that_servers_refuse_is_renewed_once(host: Host, sandbox: Sandbox) -> None:
    """XOAUTH2's refusal leads to one refresh and one more try, for both servers together."""
    token = signed_in(host, sandbox)
    sandbox.oauth.expire_tokens()
    (receipt,) = host.send(token, letter(host))
    assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.APPENDED)
    assert refreshes(sandbox) == [200]


def test_a_token_that_is_refused_whatever_is_done(host: Host, sandbox: Sandbox) -> None:
    """As where the tenant has switched SMTP AUTH off: no storm of refreshes at the issuer."""
    token = signed_in(host, sandbox)
    host.settings = attrs.evolve(host.settings, smtp_user="nobody@sandbox.test", imap_user="nobody@sandbox.test")
    for _ in range(3):
        with pytest.raises(SignInRefused):
            host.send(token, letter(host))
    assert refreshes(sandbox) == [200]
    assert host.status().state is oauth.TokenState.READY


def test_two_owners_of_one_address_are_kept_apart(host: Host, sandbox: Sandbox) -> None:
    """A tenant's tokens are nobody else's."""
    signed_in(host, sandbox)
    host.owner = "tenant8/user1"
    assert host.status().state is oauth.TokenState.ABSENT
    with pytest.raises(oauth.SignInNeeded):
        host.token()


def test_the_url_asks_for_all_that_it_must(host: Host, sandbox: Sandbox) -> None:
    """PKCE with S256, a state of 256 bits, the address, the scopes."""
    pending = host.begin()
    asked = {name: values[0] for name, values in parse_qs(urlsplit(pending.url).query).items()}
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert len(asked["state"]) >= 43
    assert asked["login_hint"] == host.settings.address
    assert asked["redirect_uri"] == sandbox.oauth.redirect_uri
    assert asked["scope"].split() == list(host.issuer.asked_scopes)
    assert host.begin().state != pending.state


# -- the callback ------------------------------------------------------------------------------------------------------


def test_a_callback_completes_once(host: Host, sandbox: Sandbox) -> None:
    """Replayed, it changes nothing."""
    pending = host.begin()
    callback_url = sandbox.oauth.consent(pending.url)
    host.complete(pending, callback_url)
    with pytest.raises(oauth.SignInFailed) as caught:
        host.complete(pending, callback_url)
    assert caught.value.code == "oauth.used"
    assert host.status().state is oauth.TokenState.READY


def test_a_callback_belongs_to_who_began_it(host: Host, sandbox: Sandbox) -> None:
    """Another sign-in's state, another owner, another address: none gets a token, and the right one still can."""
    pending, other = host.begin(), host.begin()
    callback_url = sandbox.oauth.consent(pending.url)
    with pytest.raises(oauth.SignInFailed) as caught:
        host.complete(other, callback_url)
    assert caught.value.code == "oauth.state_mismatch"
    with pytest.raises(oauth.SignInFailed) as caught:
        host.complete(pending, callback_url, owner="tenant8/user1")
    assert caught.value.code == "oauth.pending_mismatch"
    tampered = attrs.evolve(pending, address="eva@sandbox.test", login="eva@sandbox.test")
    with pytest.raises(oauth.SignInFailed) as caught:
        host.complete(tampered, callback_url)
    assert caught.value.code == "oauth.pending_mismatch"
    assert host.complete(pending, callback_url).account_verified


def test_a_person_who_says_no(host: Host, sandbox: Sandbox) -> None:
    pending = host.begin()
    with pytest.raises(oauth.SignInFailed) as caught:
        host.complete(pending, sandbox.oauth.deny(pending.url))
    assert (caught.value.code, caught.value.mender) == ("oauth.denied", oauth.Mender.PERSON)
    assert host.status().state is oauth.TokenState.ABSENT


def test_a_person_who_unticks_mail(host: Host, sandbox: Sandbox) -> None:
    """Google lets them; the token would be of no use."""
    pending = host.begin()
    with pytest.raises(oauth.SignInFailed) as caught:
        host.complete(pending, sandbox.oauth.consent(pending.url, unticked=("mail",)))
    assert caught.value.code == "oauth.scope_missing"
    assert host.status().state is oauth.TokenState.ABSENT


def test_somebody_else_signs_in(host: Host, sandbox: Sandbox) -> None:
    """The browser was signed in to another account; mail would go out from the wrong one."""
    sandbox.add_account("eva@sandbox.test", "secret")
    signed_in(host, sandbox)
    pending = host.begin()
    with pytest.raises(oauth.SignInFailed) as caught:
        host.complete(pending, sandbox.oauth.consent(pending.url, "eva@sandbox.test"))
    assert caught.value.code == "oauth.wrong_account"
    assert "eva@sandbox.test" in caught.value.detail
    (receipt,) = host.send(host.token(), letter(host))
    assert receipt.delivery is Delivery.SENT, "what was stored before is as it was"


def test_a_delegate_signs_in_for_a_shared_mailbox(host: Host, sandbox: Sandbox) -> None:
    """The login is not the address; the issuer confirms the login."""
    sandbox.add_account("eva@sandbox.test", "secret")
    pending = host.begin(login="eva@sandbox.test")
    token = host.complete(pending, sandbox.oauth.consent(pending.url, "eva@sandbox.test"))
    assert (token.address, token.account_verified) == (host.settings.address, True)


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


# -- the issuer describes itself ---------------------------------------------------------------------------------------


def test_an_issuer_that_describes_itself(host: Host, sandbox: Sandbox) -> None:
    """No endpoint was typed in, and the whole way works."""
    learnt = host.learn(sandbox.oauth.issuer.issuer, scopes=("mail",))
    assert learnt.token_endpoint == sandbox.oauth.issuer.token_endpoint
    assert (learnt.sends_iss, learnt.checks_pkce) == (True, True)
    (receipt,) = host.send(signed_in(host, sandbox), letter(host))
    assert receipt.delivery is Delivery.SENT


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


# -- a store that has lost something -----------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["sign in", "disconnect"])
def test_what_cannot_be_read_any_more_can_be_replaced(sandbox: Sandbox, tmp_path: Path, ending: str) -> None:
    """The key was changed, and the old one is not given: it is told, and neither way out is barred."""
    path, old, new = tmp_path / "tokens", oauth.SqliteTokenStore.new_key(), oauth.SqliteTokenStore.new_key()
    with host_of(sandbox, is_async=False, store=oauth.SqliteTokenStore(path, key=old)) as host:
        signed_in(host, sandbox)
        oauth.SqliteTokenStore(path, key=[new, old])
        host.store = oauth.SqliteTokenStore(path, key=new)
        for look in (host.token, host.status):
            with pytest.raises(oauth.Unreadable, match="a key that was not given"):
                look()
        if ending == "disconnect":
            assert not host.disconnect().revoked
            assert host.status().state is oauth.TokenState.ABSENT
        else:
            (receipt,) = host.send(signed_in(host, sandbox), letter(host))
            assert receipt.delivery is Delivery.SENT


# -- from OLD to NEW ---------------------------------------------------------------------------------------------------


def test_an_account_moves_from_its_password_to_the_sign_in(host: Host, sandbox: Sandbox) -> None:
    """The new way is proved at both servers, then the old secret is wiped."""
    token = signed_in(host, sandbox)
    old = sandbox.credential
    host.settings = attrs.evolve(sandbox.settings, sent=host.settings.sent, display_name="Ana")
    after = host.migrate(old, token, preset="custom")
    assert (after.credential, after.address) == (oauth.OAuthToken.kind, host.settings.address)
    assert (after.display_name, after.smtp, after.imap) == ("Ana", host.settings.smtp, host.settings.imap)
    with pytest.raises(SignInRefused):
        host.send(old, letter(host))
    host.settings = after
    (receipt,) = host.send(token, letter(host))
    assert receipt.delivery is Delivery.SENT


def test_a_new_way_that_does_not_work_leaves_the_old_one(host: Host, sandbox: Sandbox) -> None:
    token = signed_in(host, sandbox)
    sandbox.oauth.revoke_grants()
    old = sandbox.credential
    before = host.settings = attrs.evolve(sandbox.settings, sent=host.settings.sent)
    with pytest.raises(oauth.SignInNeeded):
        host.migrate(old, token, preset="custom")
    assert host.settings == before
    (receipt,) = host.send(old, letter(host))
    assert receipt.delivery is Delivery.SENT


def test_only_an_account_that_has_the_old_way_is_shown_both() -> None:
    """OLD and NEW are data of the presets."""
    gmail, old = presets.GMAIL, presets.GMAIL_APP_PASSWORD
    assert (gmail.is_old, old.is_old, old.superseded_by) == (False, True, gmail.id)
    assert old not in presets.offered(None)
    assert gmail in presets.offered(None)
    assert {old, gmail} <= set(presets.offered(old.id))


# -- one store for all -------------------------------------------------------------------------------------------------


def test_pending_and_status_are_plain_data(host: Host, sandbox: Sandbox) -> None:
    """They go through a web session as JSON."""
    pending = host.begin()
    kept = json.loads(json.dumps(pending.to_dict()))
    assert oauth.PendingSignIn.from_dict(kept) == pending
    assert aio.oauth.PendingSignIn is oauth.PendingSignIn
    assert Filer.CLIENT is host.settings.sent.filer
    assert host.complete(pending, sandbox.oauth.consent(pending.url)).account_verified
