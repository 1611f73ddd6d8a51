"""What the token endpoint, or somebody in its place, can answer: a typed error, in time, with nothing lost or told.

Every case is tried where it can happen: when a code is exchanged, and when a token is renewed. A renewal must leave the
stored refresh token as it is, and a later one, of an issuer that has come to its senses, must work."""

from __future__ import annotations

import time
import tracemalloc

import attrs
import pytest

from tests.oauth_host import Host
from tether_mailconf import Delivery, MailconfError, oauth
from tether_mailconf.sandbox import Sandbox
from tether_mailconf.sandbox.issuer_personality import Denial, RefreshTokens, TokenAnswer

from ..acts import letter, refreshes, signed_in
from .failing import behave, check_secrets, failed_exchange, refresh_token

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
