"""Who signed in: only the issuer's sound word counts, and only for exactly the account asked for."""

from __future__ import annotations

import time
from typing import Any

import attrs
import pytest

from tether_mailconf._drivers.blocking import BlockingIO
from tether_mailconf._drivers.guard import NetworkPolicy
from tether_mailconf._oauth.client import Client
from tether_mailconf._oauth.errors import SignInFailed
from tether_mailconf._oauth.identity import Identity, check_account, comparable, identify
from tether_mailconf._ports import run_sync
from tether_mailconf.secret import Secret

from .issuers import CLIENT, ISSUER, MICROSOFT_LIKE, NONCE, TENANT, claims, granted, id_token


def who(content: object, client: Client = CLIENT, nonce: Secret = NONCE) -> Identity:
    io = BlockingIO(NetworkPolicy(), None)
    token = content if isinstance(content, Secret) else id_token(content)
    return run_sync(identify(io, client, granted(token), nonce, io.deadline(5)))


def test_a_good_id_token_names_the_account() -> None:
    assert who(claims()).addresses == ("ana@issuer.test",)
    assert check_account(who(claims()), "ana@issuer.test")


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://other.test"},
        {"iss": "https://issuer.test/"},
        {"iss": ...},
        {"iss": ["https://issuer.test"]},
        {"aud": "another-client"},
        {"aud": ["another-client"]},
        {"aud": ["the-client", "another-client"]},
        {"aud": ["the-client", "another-client"], "azp": "another-client"},
        {"aud": []},
        {"aud": ...},
        {"aud": {"the-client": 1}},
        {"azp": "another-client"},
        {"nonce": "another-nonce"},
        {"nonce": ...},
        {"nonce": 5},
        {"nonce": "\ud800"},
        {"exp": 1_700_000_000},
        {"exp": 0},
        {"exp": ...},
        {"exp": "9999999999"},
        {"exp": True},
        {"exp": float("nan")},
    ],
    ids=str,
)
def test_an_unsound_id_token_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(SignInFailed) as caught:
        who(claims(**changed))
    assert caught.value.code == "oauth.identity_invalid"
    assert "the-nonce" not in str(caught.value)


@pytest.mark.parametrize(
    "token",
    ["", "x", "a.b", "a.b.c", "a.b.c.d", "..", "W10.W10.W10", "e30.!!!.e30", "e30." + "W10" * 5000 + ".e30"],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(SignInFailed, match="no JSON Web Token"):
        who(Secret(token))


def test_an_id_token_for_several_says_who_asked() -> None:
    assert who(claims(aud=["the-client", "other"], azp="the-client")).addresses
    assert who(claims(aud=["the-client"])).addresses


def test_clocks_may_differ_a_little() -> None:
    assert who(claims(exp=time.time() - 60)).addresses


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ("bo@issuer.test", "ana@issuer.test"),
        ("ana+tag@issuer.test", "ana@issuer.test"),
        ("ana@issuer.test", "ana+tag@issuer.test"),
        ("\u0430na@issuer.test", "ana@issuer.test"),  # Cyrillic a
        ("ana@issu\u0435r.test", "ana@issuer.test"),  # Cyrillic e
        ("\u212aim@issuer.test", "kim@issuer.test"),  # Kelvin sign, whose lower case is a k
        ("ana@issuer.test.evil.test", "ana@issuer.test"),
        ("ana@issuer.test\n", "ana@issuer.test"),
        ("a.na@issuer.test", "ana@issuer.test"),
    ],
)
def test_another_account_is_another_account(told: str, wanted: str) -> None:
    with pytest.raises(SignInFailed) as caught:
        check_account(Identity(addresses=(told,)), wanted)
    assert caught.value.code == "oauth.wrong_account"
    assert str(caught.value).isascii(), "a look-alike must not look alike in the error"


@pytest.mark.parametrize("told", ["Ana@Issuer.Test", "ANA@issuer.test", "ana@ISSUER.test"])
def test_the_case_of_letters_is_no_difference(told: str) -> None:
    assert check_account(Identity(addresses=(told,), is_confirmed=True), "ana@issuer.test")


def test_an_international_domain_is_the_same_in_both_forms() -> None:
    assert comparable("ana@b\u00fccher.example") == comparable("ana@xn--bcher-kva.example")


@pytest.mark.parametrize("changed", [{"email": ...}, {"email_verified": False}, {"email": "no address"}, {"email": 7}])
def test_where_nothing_is_told_nothing_is_confirmed(changed: dict[str, Any]) -> None:
    identity = who(claims(**changed))
    assert identity.addresses == ()
    assert check_account(identity, "ana@issuer.test") is False


@pytest.mark.parametrize("tenant", [..., "x"])
def test_a_preferred_name_proves_nothing_where_people_choose_it(tenant: object) -> None:
    """Which claim counts is the issuer's affair, whatever the token says of itself."""
    content = claims(email="bo@issuer.test", preferred_username="ana@issuer.test", tid=tenant)
    assert who(content).addresses == ("bo@issuer.test",)


def test_an_address_that_is_not_said_to_be_verified_proves_nothing_but_somebody_else() -> None:
    silent = who(claims(email_verified=...))
    assert check_account(silent, "ana@issuer.test") is False
    with pytest.raises(SignInFailed):
        check_account(silent, "bo@issuer.test")


def test_an_id_token_that_was_not_asked_for_is_not_looked_at() -> None:
    """Its `iss` would be as unknown as its nonce."""
    client = attrs.evolve(CLIENT, issuer=attrs.evolve(ISSUER, identity_scopes=()))
    assert who(claims(iss="https://other.test", nonce=...), client) == Identity()


def test_google_may_leave_the_scheme_out() -> None:
    """https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload"""
    client = attrs.evolve(CLIENT, issuer=attrs.evolve(ISSUER, also_known_as=("issuer.test",)))
    assert who(claims(iss="issuer.test"), client).addresses == ("ana@issuer.test",)
    with pytest.raises(SignInFailed):
        who(claims(iss="issuer.test"))


def test_microsoft_says_who_signed_in_under_another_name() -> None:
    client = attrs.evolve(CLIENT, issuer=MICROSOFT_LIKE)
    of_tenant = {"iss": f"https://login.issuer.test/{TENANT}/v2.0", "tid": TENANT}
    content = claims(**of_tenant, email="boss@issuer.test", preferred_username="ana@issuer.test")
    assert who(content, client).addresses == ("ana@issuer.test",), "email is what a tenant's administrator likes"
    for other in ("", "11111111-2222-3333-4444-555555555555"):
        with pytest.raises(SignInFailed, match="iss"):
            who(claims(**(of_tenant | {"tid": other or "x"}), preferred_username="ana@issuer.test"), client)


def test_without_id_token_and_userinfo_nobody_is_asked() -> None:
    io = BlockingIO(NetworkPolicy(), None)
    assert run_sync(identify(io, CLIENT, granted(None), NONCE, io.deadline(5))).addresses == ()
