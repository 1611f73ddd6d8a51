"""What comes back by the browser, and what an issuer says of who signed in and of itself, is not believed unseen."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import pytest

from tests.oauth_host import Host
from tether_mailconf import Delivery, InvalidSettings, MailconfError, oauth
from tether_mailconf.sandbox import Sandbox

from ..acts import letter, signed_in
from ..test_secrets import code_in
from .failing import behave, check_secrets, failed_exchange, refresh_token

NOBODY = "https://evil.example.test"


# -- the browser -------------------------------------------------------------------------------------------------------

CALLBACKS: dict[str, tuple[Mapping[str, str | None], tuple[str, ...], str]] = {
    "another state": ({"state": "x" * 43}, (), "oauth.state_mismatch"),
    "no state": ({"state": None}, (), "oauth.state_mismatch"),
    "an empty state": ({"state": ""}, (), "oauth.state_mismatch"),
    "a state that is not ASCII": ({"state": "é\ud800"[:1]}, (), "oauth.state_mismatch"),
    "another issuer": ({"iss": NOBODY}, (), "oauth.issuer_mismatch"),
    "no issuer": ({"iss": None}, (), "oauth.issuer_mismatch"),
    "code and error": ({"error": "access_denied"}, (), "oauth.callback_malformed"),
    "neither": ({"code": None}, (), "oauth.callback_malformed"),
    "two codes": ({}, ("code",), "oauth.callback_malformed"),
    "two states": ({}, ("state",), "oauth.callback_malformed"),
    "two issuers": ({}, ("iss",), "oauth.callback_malformed"),
    "a code with a line break": ({"code": "a\r\nb"}, (), "oauth.callback_malformed"),
    "a code of 40 kB": ({"code": "a" * 40_000}, (), "oauth.callback_malformed"),
    "an error that is a program": ({"code": None, "error": "<script>alert(1)</script>"}, (), "oauth.refused"),
}


@pytest.mark.parametrize("kind", CALLBACKS)
def test_a_callback_that_is_not_right(
    host: Host, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    """No code is exchanged for it, and what a stranger sends does not use up the sign-in."""
    changed, repeated, code = CALLBACKS[kind]
    behave(sandbox, callback=changed, repeated=repeated)
    error = failed_exchange(host, sandbox, caplog)
    assert error.code == code
    assert [asked.path for asked in sandbox.oauth.requests if asked.path == "/token"] == []


def test_a_callback_of_another_issuer(host: Host, sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """Mix-up: the sign-in was begun at one issuer and is completed at another, which would get the first one's code."""
    pending = host.begin()
    callback_url = sandbox.oauth.consent(pending.url)
    host.issuer = attrs.evolve(host.issuer, id="another")
    with pytest.raises(oauth.SignInFailed) as caught:
        host.complete(pending, callback_url)
    assert caught.value.code == "oauth.pending_mismatch"
    assert [asked.path for asked in sandbox.oauth.requests if asked.path == "/token"] == []
    check_secrets(host, caplog, caught.value, code_in(callback_url))


# -- who signed in -----------------------------------------------------------------------------------------------------

IDENTITIES: dict[str, tuple[dict[str, object], str]] = {
    "another address": ({"email": "eva@sandbox.test"}, "oauth.wrong_account"),
    "a homograph": ({"email": "\u0430na@sandbox.test"}, "oauth.wrong_account"),
    "a look-alike that case folding makes plain": ({"email": "ana@\u017fandbox.test"}, "oauth.wrong_account"),
    "an alias": ({"email": "ana+mail@sandbox.test"}, "oauth.wrong_account"),
    "two addresses in one": ({"email": "ana@sandbox.test,eva@sandbox.test"}, "oauth.wrong_account"),
    "another audience": ({"aud": "another-app"}, "oauth.identity_invalid"),
    "more than one audience": ({"aud": ["sandbox-web", "another-app"]}, "oauth.identity_invalid"),
    "no audience": ({"aud": None}, "oauth.identity_invalid"),
    "another party": ({"azp": "another-app"}, "oauth.identity_invalid"),
    "another issuer": ({"iss": NOBODY}, "oauth.identity_invalid"),
    "another nonce": ({"nonce": "x" * 43}, "oauth.identity_invalid"),
    "no nonce": ({"nonce": None}, "oauth.identity_invalid"),
    "expired": ({"exp": 1_700_000_000}, "oauth.identity_invalid"),
    "no end": ({"exp": None}, "oauth.identity_invalid"),
    "an end that is no number": ({"exp": "tomorrow"}, "oauth.identity_invalid"),
}


@pytest.mark.parametrize("kind", IDENTITIES)
def test_an_id_token_that_is_not_right(
    host: Host, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    claims, code = IDENTITIES[kind]
    behave(sandbox, claims=claims)
    assert failed_exchange(host, sandbox, caplog).code == code


@pytest.mark.parametrize(
    "claims",
    [{"email": None}, {"email_verified": False}, {"email": "no address"}],
    ids=["none", "unverified", "rubbish"],
)
def test_an_issuer_that_tells_nothing_is_not_believed_to_have_confirmed(
    host: Host, sandbox: Sandbox, claims: dict[str, object]
) -> None:
    """The first sign-in to the mail servers settles it."""
    behave(sandbox, claims=claims)
    token = signed_in(host, sandbox)
    assert (token.account_verified, token.code) == (False, "oauth.token_generated_unverified")
    (receipt,) = host.send(token, letter(host))
    assert receipt.delivery is Delivery.SENT
    assert (token.account_verified, host.status().account_verified) == (True, True)


def test_without_an_id_token_the_issuer_is_asked(
    host: Host, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """And an answer that is not right is no confirmation."""
    behave(sandbox, gives_id_token=False)
    assert signed_in(host, sandbox).account_verified
    behave(sandbox, has_userinfo=False)
    pending = host.begin()
    callback_url = sandbox.oauth.consent(pending.url)
    with pytest.raises(oauth.IssuerFailed) as caught:
        host.complete(pending, callback_url)
    check_secrets(host, caplog, caught.value, code_in(callback_url))
    behave(sandbox, has_userinfo=True, claims={"email": "eva@sandbox.test"})
    pending = host.begin()
    callback_url = sandbox.oauth.consent(pending.url)
    with pytest.raises(oauth.SignInFailed) as other:
        host.complete(pending, callback_url)
    assert other.value.code == "oauth.wrong_account"


# -- what the issuer says about itself, and giving back ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"token_endpoint": f"{NOBODY}/token"}, "metadata.foreign_endpoint"),
        ({"authorization_endpoint": f"{NOBODY}/authorize"}, "metadata.foreign_endpoint"),
        ({"token_endpoint": "http://127.0.0.1/token"}, "metadata.endpoint"),
        ({"issuer": NOBODY}, "metadata.issuer"),
        ({"token_endpoint": None}, "metadata.endpoint_missing"),
    ],
)
def test_a_description_that_leads_elsewhere(
    host: Host, sandbox: Sandbox, changed: dict[str, object], code: str
) -> None:
    behave(sandbox, metadata=changed)
    with pytest.raises(InvalidSettings) as caught:
        host.learn(sandbox.oauth.issuer.issuer, scopes=("mail",))
    assert [problem.code for problem in caught.value.problems] == [code]


def test_an_issuer_that_cannot_revoke_keeps_nothing_here(host: Host, sandbox: Sandbox) -> None:
    """The local copy is wiped in any case, and what could not be done is said."""
    signed_in(host, sandbox)
    behave(sandbox, revokes=False)
    gone = host.disconnect()
    assert (gone.revoked, gone.code) == (False, "oauth.disconnected_locally")
    assert host.status().state is oauth.TokenState.ABSENT
    assert refresh_token(host) == ""


def test_an_issuer_that_has_gone(host: Host, sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """Unplugged: sign-in, renewal and disconnection say so; what is stored stays until it is given back."""
    token = signed_in(host, sandbox)
    pending = host.begin()
    callback_url = sandbox.oauth.consent(pending.url)
    before = refresh_token(host)
    sandbox._alive().server.close()
    with pytest.raises(MailconfError) as caught:
        host.complete(pending, callback_url)
    assert caught.value.code == "network.unreachable"
    with pytest.raises(MailconfError) as other:
        host.send(token, letter(host))
    assert other.value.code == "network.unreachable"
    assert refresh_token(host) == before
    check_secrets(host, caplog, caught.value, code_in(callback_url))
    assert not host.disconnect().revoked
    assert refresh_token(host) == ""
