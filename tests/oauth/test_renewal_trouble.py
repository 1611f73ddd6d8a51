"""What goes wrong while a token is renewed: nothing is lost, and only a clear word ends a sign-in."""

from __future__ import annotations

import time
from datetime import datetime

import attrs
import pytest

from tether_mailconf._oauth.errors import IssuerFailed, IssuerRefused, SignInNeeded
from tether_mailconf._oauth.keeping import Keeping
from tether_mailconf._oauth.service import MicrosoftGrant
from tether_mailconf._oauth.token import OAuthToken
from tether_mailconf.credentials.token_store import Stored
from tether_mailconf.errors import StoreFailed, Unreachable
from tether_mailconf.secret import Secret
from tether_mailconf.token_stores.memory import MemoryTokenStore

from .issuers import CLIENT, ISSUER
from .renewing import Blocking, Desk, account, fresh, kept, token_of


def test_a_service_account_is_never_ended(store: MemoryTokenStore, desk: Desk) -> None:
    """Nobody could sign in again; when the administrator has mended it, mail goes on."""
    grant = MicrosoftGrant(
        client=CLIENT, certificate=b"", private_key=None, address="ana@issuer.test", resource="https://mail/.default"
    )
    token = OAuthToken(
        grant, Keeping(store), "key", address="ana@issuer.test", owner="", account_verified=True, code="", sentence=""
    )
    for error, description in (("consent_required", ""), ("invalid_grant", "AADSTS65001: no consent")):
        desk.act = lambda _, error=error, text=description: (400, {"error": error, "error_description": text})
        with pytest.raises(IssuerRefused):
            fresh(token, Blocking(desk))
    desk.act = lambda _: (200, {"access_token": "at-x", "token_type": "Bearer", "expires_in": 3600})
    assert fresh(token, Blocking(desk)).is_token(Secret("at-x"))


def test_a_store_that_cannot_be_written_costs_no_token_that_still_lives(store: MemoryTokenStore, desk: Desk) -> None:
    now = time.time()
    account(store, issued_at=now - 3400, expires_at=now + 200)
    broken = Failing(store, 99)
    broken.swaps = 1
    assert fresh(token_of(broken), Blocking(desk)).is_token(Secret("at-old"))
    assert desk.count == 0


def test_a_useless_answer_s_rotation_outlives_a_store_that_stumbles(store: MemoryTokenStore, desk: Desk) -> None:
    account(store)
    desk.act = lambda _: (
        200,
        {"access_token": "at", "token_type": "Bearer", "refresh_token": "rt-x", "scope": "openid"},
    )
    with pytest.raises(SignInNeeded) as caught:
        fresh(token_of(Failing(store, 2)), Blocking(desk))
    assert caught.value.code == "oauth.scope_missing"
    assert kept(store).refresh == Secret("rt-x")


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (500, b"<html>"),
        (200, b"<html>"),
        (200, b""),
        (302, b""),
        (429, {"error": "invalid_grant"}),
        (503, {"error": "temporarily_unavailable"}),
        (200, {"error": "invalid_grant"}),
        (200, {"access_token": "a b", "token_type": "Bearer", "refresh_token": "rubbish"}),
        (200, {"access_token": "at", "refresh_token": "rubbish"}),
        (400, b"[]"),
    ],
    ids=repr,
)
def test_rubbish_loses_nothing(store: MemoryTokenStore, desk: Desk, status: int, content: object) -> None:
    token, io = account(store), Blocking(desk)
    before = kept(store)
    desk.act = lambda _: (status, content)
    with pytest.raises(IssuerFailed):
        fresh(token, io)
    assert kept(store) == before
    desk.act = None
    assert fresh(token, io).is_token(Secret("at-2"))


def test_a_network_fault_loses_nothing(store: MemoryTokenStore, desk: Desk) -> None:
    from tether_mailconf.errors import Step

    token, io = account(store), Blocking(desk)
    before = kept(store)

    def fault(desk: Desk) -> tuple[int, object]:
        raise Unreachable(step=Step.CONNECT)

    desk.act = fault
    with pytest.raises(Unreachable):
        fresh(token, io)
    assert kept(store) == before


def test_a_token_with_some_life_left_bridges_a_fault(store: MemoryTokenStore, desk: Desk) -> None:
    token = account(store, issued_at=time.time() - 3400, expires_at=time.time() + 200)
    desk.act = lambda _: (500, b"")
    assert fresh(token, Blocking(desk)).is_token(Secret("at-old"))
    assert desk.count == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"token_type": "mac"}, "oauth.token_type"),
        ({"scope": "openid"}, "oauth.scope_missing"),
    ],
    ids=["another type", "fewer scopes"],
)
def test_a_token_for_something_else_is_an_error_and_loses_nothing(
    store: MemoryTokenStore, desk: Desk, content: dict[str, str], code: str
) -> None:
    """Not even the rotation: RFC 6749 section 6 has the client take the new refresh token, the old one may be spent."""
    token, io = account(store), Blocking(desk)
    before = kept(store)
    given: dict[str, str] = {"access_token": "at", "token_type": "Bearer", "refresh_token": "rt-x"}
    for answer, refresh in ((given, "rt-x"), (given | {"refresh_token": ""}, "rt-x")):
        desk.act = lambda _, answer=answer: (200, answer | content)
        with pytest.raises((IssuerRefused, SignInNeeded)) as caught:
            fresh(token, io)
        assert getattr(caught.value, "code", "") == code
        after = kept(store)
        assert attrs.evolve(after, ended="", ended_detail="") == attrs.evolve(before, refresh=Secret(refresh))
        assert after.ended == (code if code == "oauth.scope_missing" else "")
    desk.act = lambda _: (200, given)
    assert fresh(token, io).is_token(Secret("at"))
    assert kept(store).ended == ""


@pytest.mark.parametrize(
    ("error", "description", "code"),
    [
        ("invalid_grant", "Token has been expired or revoked.", "oauth.revoked"),
        ("invalid_grant", "AADSTS700082: The refresh token has expired due to inactivity", "oauth.inactive"),
        ("invalid_grant", "AADSTS50173: The provided grant has expired", "oauth.password_changed"),
        ("invalid_grant", "AADSTS65001: consent", "oauth.consent_required"),
        ("interaction_required", "AADSTS50076: due to a configuration change", "oauth.interaction_required"),
        ("invalid_grant", "reauth related error (invalid_rapt)", "oauth.interaction_required"),
    ],
)
def test_only_a_clear_word_ends_a_sign_in(
    store: MemoryTokenStore, desk: Desk, error: str, description: str, code: str
) -> None:
    token, io = account(store), Blocking(desk)
    desk.act = lambda _: (400, {"error": error, "error_description": description})
    for _ in range(3):
        with pytest.raises(SignInNeeded) as caught:
            fresh(token, io)
        assert (caught.value.code, caught.value.address) == (code, "ana@issuer.test")
        assert caught.value.remedy
    assert desk.count == 1, "the issuer is not asked again"
    assert kept(store).refresh == Secret("rt-0")


def test_seven_days_at_google_look_like_testing_mode(store: MemoryTokenStore, desk: Desk) -> None:
    google = attrs.evolve(CLIENT, issuer=attrs.evolve(ISSUER, id="accounts.google.com"))
    for days, code in ((7.2, "oauth.testing_mode"), (3.0, "oauth.revoked"), (40.0, "oauth.revoked")):
        account(store, granted_at=time.time() - days * 86_400)
        desk.act = lambda _: (400, {"error": "invalid_grant", "error_description": "Token has been expired"})
        with pytest.raises(SignInNeeded) as caught:
            fresh(token_of(store, google), Blocking(desk))
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("error", "description", "code"),
    [
        ("invalid_client", "", "oauth.client_invalid"),
        ("invalid_client", "AADSTS7000222: The provided client secret keys are expired", "oauth.client_secret_expired"),
        ("invalid_request", "AADSTS28000: more than one resource", "oauth.scope_invalid"),
        ("unheard_of", "", "oauth.refused"),
    ],
)
def test_a_fault_of_the_application_ends_no_sign_in(
    store: MemoryTokenStore, desk: Desk, error: str, description: str, code: str
) -> None:
    token, io = account(store), Blocking(desk)
    before = kept(store)
    desk.act = lambda _: (401, {"error": error, "error_description": description})
    with pytest.raises(IssuerRefused) as caught:
        fresh(token, io)
    assert caught.value.code == code
    assert kept(store) == before


class Failing:
    """A store that fails its first writes after the lease was taken."""

    def __init__(self, inner: MemoryTokenStore, failures: int) -> None:
        self.inner = inner
        self.failures = failures
        self.swaps = 0

    def load(self, key: str) -> Stored | None:
        return self.inner.load(key)

    def swap(self, key: str, content: Secret | None, *, expected: str | None, until: datetime | None = None) -> bool:
        self.swaps += 1
        if self.swaps > 1 and self.failures > 0:
            self.failures -= 1
            raise OSError("the disk is full")
        return self.inner.swap(key, content, expected=expected, until=until)


def test_a_store_that_stumbles_loses_no_rotation(store: MemoryTokenStore, desk: Desk) -> None:
    account(store)
    assert fresh(token_of(Failing(store, 2)), Blocking(desk)).is_token(Secret("at-1"))
    assert kept(store).refresh == Secret("rt-1")


def test_a_store_that_is_broken_is_an_error(store: MemoryTokenStore, desk: Desk) -> None:
    account(store)
    with pytest.raises(StoreFailed) as caught:
        fresh(token_of(Failing(store, 99)), Blocking(desk))
    assert isinstance(caught.value.__cause__, OSError)
