"""What an issuer, or somebody in its place, can answer: each ends in a typed error, in time, with nothing lost or told.

Every case is tried where it can happen: when a code is exchanged, and when a token is renewed. A renewal must leave the
stored refresh token as it is, and a later one, of an issuer that has come to its senses, must work.
"""

from __future__ import annotations

import json
import logging
import time
import tracemalloc
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import pytest

from tests.mailer.spelling import assert_not_spelled, logged, told_by
from tests.oauth_host import Host
from tether_mailconf import Delivery, InvalidSettings, MailconfError, oauth
from tether_mailconf.sandbox import Sandbox
from tether_mailconf.sandbox.issuer_personality import Denial, RefreshTokens, TokenAnswer

from .conftest import host_of
from .test_secrets import Watched, code_in
from .test_whole_way import letter, refreshes, signed_in

MB = 1024 * 1024
AS_RUBBISH = [
    TokenAnswer.HTML,
    TokenAnswer.HTML_ERROR,
    TokenAnswer.ERROR_WITH_200,
    TokenAnswer.REDIRECT,
    TokenAnswer.REDIRECT_TO_HTTP,
    TokenAnswer.THROTTLED,
    TokenAnswer.UNAVAILABLE,
    TokenAnswer.NOT_JSON,
    TokenAnswer.LIST,
]
AS_A_FAULT_OF_THE_LINE = {
    TokenAnswer.HUGE: "protocol.violation",
    TokenAnswer.DROPPED_BEFORE: "connection.dropped",
    TokenAnswer.DROPPED_AFTER: "connection.dropped",
}
NOBODY = "https://evil.example.test"


@pytest.fixture(autouse=True)
def debug(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """All that any logger says."""
    with caplog.at_level(logging.DEBUG):
        yield


@pytest.fixture(params=["sync", "aio"])
def host(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Host]:
    """A host application whose store remembers what was in it."""
    with host_of(sandbox, is_async=request.param == "aio", store=Watched()) as made:
        yield made


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


def failed_renewal(host: Host, sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> MailconfError:
    """Send with a token that has ended, which fails; the refresh token is kept, and works when all is well again."""
    token = host.token()
    before = refresh_token(host)
    misbehaviour, sandbox.oauth.personality = (
        sandbox.oauth.personality,
        attrs.evolve(sandbox.oauth.personality, answer=TokenAnswer.RIGHT, denial=None),
    )
    sandbox.oauth.expire_tokens()
    sandbox.oauth.personality = misbehaviour
    with pytest.raises(MailconfError) as caught:
        host.send(token, letter(host))
    assert caught.value.receipt is not None
    assert caught.value.receipt.delivery is Delivery.NOT_SENT
    assert refresh_token(host) == before != ""
    assert host.status().state is oauth.TokenState.READY
    check_secrets(host, caplog, caught.value)
    return caught.value


def works_again(host: Host, sandbox: Sandbox) -> None:
    behave(sandbox, answer=TokenAnswer.RIGHT, denial=None)
    (receipt,) = host.send(host.token(), letter(host, "<again@sandbox.test>"))
    assert receipt.delivery is Delivery.SENT


# -- the token endpoint ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", AS_RUBBISH, ids=lambda answer: answer.value)
def test_rubbish_for_a_code(
    host: Host, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, answer: TokenAnswer
) -> None:
    behave(sandbox, answer=answer)
    error = failed_exchange(host, sandbox, caplog)
    if answer is TokenAnswer.ERROR_WITH_200:
        # GitHub and others say no with 200: it is no grant, and not taken for a word that would end anything either.
        assert isinstance(error, oauth.IssuerFailed | oauth.SignInFailed)
    else:
        assert isinstance(error, oauth.IssuerFailed)
        assert error.retry_after == (7.0 if answer is TokenAnswer.THROTTLED else None)


@pytest.mark.parametrize("answer", AS_RUBBISH, ids=lambda answer: answer.value)
def test_rubbish_for_a_refresh_token(
    host: Host, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, answer: TokenAnswer
) -> None:
    signed_in(host, sandbox)
    behave(sandbox, answer=answer)
    error = failed_renewal(host, sandbox, caplog)
    assert isinstance(error, oauth.IssuerFailed)
    works_again(host, sandbox)


@pytest.mark.parametrize(("answer", "code"), AS_A_FAULT_OF_THE_LINE.items(), ids=lambda one: getattr(one, "value", one))
def test_a_fault_of_the_line(
    host: Host, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, answer: TokenAnswer, code: str
) -> None:
    behave(sandbox, answer=answer, rotates=False)
    assert failed_exchange(host, sandbox, caplog).code == code
    behave(sandbox, answer=TokenAnswer.RIGHT)
    signed_in(host, sandbox)
    behave(sandbox, answer=answer)
    assert failed_renewal(host, sandbox, caplog).code == code
    works_again(host, sandbox)


def test_a_hundred_megabytes_are_not_held(host: Host, sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    pending = host.begin()
    callback_url = sandbox.oauth.consent(pending.url)
    behave(sandbox, answer=TokenAnswer.HUGE)
    tracemalloc.start()
    try:
        with pytest.raises(MailconfError) as caught:
            host.complete(pending, callback_url)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert caught.value.code == "protocol.violation"
    assert peak < 16 * MB


def test_a_body_that_dribbles_costs_no_more_than_the_deadline(
    host: Host, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    behave(sandbox, answer=TokenAnswer.DRIBBLED)
    begun = time.monotonic()
    assert failed_exchange(host, sandbox, caplog, deadline=1.0).code == "deadline.passed"
    assert time.monotonic() - begun < 20, "at a tenth of a second for each byte it would be minutes"


def test_of_a_member_that_comes_twice_the_last_counts(host: Host, sandbox: Sandbox) -> None:
    """RFC 8259 section 4 leaves it open. Nothing is taken from one and something from the other."""
    behave(sandbox, answer=TokenAnswer.REPEATED)
    token = signed_in(host, sandbox)
    sandbox.oauth.expire_tokens()
    (receipt,) = host.send(token, letter(host))
    assert receipt.delivery is Delivery.SENT
    assert refreshes(sandbox) == [200]


@pytest.mark.parametrize("tokens", [RefreshTokens.ABSENT, RefreshTokens.NULL, RefreshTokens.EMPTY])
def test_no_refresh_token_for_a_code(
    host: Host, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, tokens: RefreshTokens
) -> None:
    """Such a sign-in would last an hour; it is told at once, and one that lasts is kept."""
    behave(sandbox, refresh_tokens=tokens)
    assert failed_exchange(host, sandbox, caplog).code == "oauth.no_refresh_token"
    behave(sandbox, refresh_tokens=RefreshTokens.GIVEN)
    signed_in(host, sandbox)
    before = refresh_token(host)
    behave(sandbox, refresh_tokens=tokens)
    signed_in(host, sandbox)
    assert refresh_token(host) == before, "Google gives one with the first consent only"


@pytest.mark.parametrize("tokens", [RefreshTokens.ABSENT, RefreshTokens.NULL, RefreshTokens.EMPTY])
def test_no_refresh_token_for_a_refresh_token(host: Host, sandbox: Sandbox, tokens: RefreshTokens) -> None:
    """It means that the old one stays good."""
    token = signed_in(host, sandbox)
    before = refresh_token(host)
    sandbox.oauth.expire_tokens()
    behave(sandbox, refresh_tokens=tokens)
    (receipt,) = host.send(token, letter(host))
    assert receipt.delivery is Delivery.SENT
    assert refreshes(sandbox) == [200]
    assert refresh_token(host) == before


def test_a_token_of_another_type(host: Host, sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """A "mac" or "DPoP" token cannot be used as a bearer's."""
    behave(sandbox, token_type="DPoP")
    assert failed_exchange(host, sandbox, caplog).code == "oauth.token_type"


def test_a_token_of_fewer_scopes(host: Host, sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    behave(sandbox, withheld=frozenset({"mail"}))
    assert failed_exchange(host, sandbox, caplog).code == "oauth.scope_missing"


def test_a_renewed_token_of_fewer_scopes(host: Host, sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """It is not used, and the person is asked: only they can tick it again, here or at the issuer."""
    token = signed_in(host, sandbox)
    behave(sandbox, withheld=frozenset({"mail"}))
    sandbox.oauth.expire_tokens()
    with pytest.raises(oauth.SignInNeeded) as caught:
        host.send(token, letter(host))
    assert caught.value.code == "oauth.scope_missing"
    check_secrets(host, caplog, caught.value)
    assert (host.status().state, host.status().code) == (oauth.TokenState.NEEDS_SIGN_IN, "oauth.scope_missing")
    behave(sandbox, withheld=frozenset[str]())
    works_again(host, sandbox)
    assert host.status().state is oauth.TokenState.READY


def test_a_sign_in_that_gives_back_what_was_missing(host: Host, sandbox: Sandbox) -> None:
    """The issuer need not give another refresh token with it: Google does so with the first consent only."""
    token = signed_in(host, sandbox)
    behave(sandbox, withheld=frozenset({"mail"}))
    sandbox.oauth.expire_tokens()
    with pytest.raises(oauth.SignInNeeded):
        host.send(token, letter(host))
    before = refresh_token(host)
    behave(sandbox, withheld=frozenset[str](), refresh_tokens=RefreshTokens.ABSENT)
    signed_in(host, sandbox)
    assert (host.status().state, refresh_token(host)) == (oauth.TokenState.READY, before)


@pytest.mark.parametrize("expires_in", [None, "3600", 3600, -5, 0])
def test_a_lifetime_that_is_not_told_as_it_should(host: Host, sandbox: Sandbox, expires_in: object) -> None:
    behave(sandbox, expires_in=expires_in)
    token = signed_in(host, sandbox)
    behave(sandbox, expires_in=3600)
    (receipt,) = host.send(token, letter(host))
    assert receipt.delivery is Delivery.SENT


DENIALS = {
    "oauth.revoked": Denial(error="invalid_grant", description="Token has been expired or revoked."),
    "oauth.password_changed": Denial(
        error="invalid_grant", description="AADSTS50173: The provided grant has expired due to it being revoked."
    ),
    "oauth.inactive": Denial(
        error="invalid_grant", description="AADSTS700082: The refresh token has expired due to inactivity."
    ),
}


@pytest.mark.parametrize(("code", "denial"), DENIALS.items(), ids=lambda one: one if isinstance(one, str) else "")
def test_a_renewal_that_is_denied(
    host: Host, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, code: str, denial: Denial
) -> None:
    """The issuer's clear word ends the sign-in, with its reason, and a new one mends it."""
    token = signed_in(host, sandbox)
    sandbox.oauth.expire_tokens()
    behave(sandbox, denial=denial)
    with pytest.raises(oauth.SignInNeeded) as caught:
        host.send(token, letter(host))
    assert caught.value.code == code
    assert caught.value.remedy
    assert (host.status().state, host.status().code) == (oauth.TokenState.NEEDS_SIGN_IN, code)
    check_secrets(host, caplog, caught.value)
    behave(sandbox, denial=None)
    signed_in(host, sandbox)
    works_again(host, sandbox)


def test_a_client_that_is_not_known_any_more(host: Host, sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """It is the application's fault: nobody has to sign in again when it is mended."""
    signed_in(host, sandbox)
    behave(sandbox, denial=Denial(error="invalid_client", description="AADSTS7000222: expired", status=401))
    error = failed_renewal(host, sandbox, caplog)
    assert isinstance(error, oauth.IssuerRefused)
    assert error.code == "oauth.client_secret_expired"
    works_again(host, sandbox)


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
