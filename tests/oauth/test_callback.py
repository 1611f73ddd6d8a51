"""What the browser may come back with, and what it may not."""

from __future__ import annotations

from urllib.parse import parse_qs, quote, urlsplit

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tether_mailconf._oauth import authorization
from tether_mailconf._oauth.errors import IssuerRefused, OAuthError, SignInFailed
from tether_mailconf.secret import Secret

from .issuers import CLIENT, ISSUER, MICROSOFT_LIKE, NONCE, TENANT

STATE = "the-state-of-this-sign-in"
BACK = "https://app.test/back?"


def read(query: str, issuer: object = ISSUER) -> str:
    assert isinstance(issuer, type(ISSUER))
    return authorization.read_callback(issuer, STATE, BACK + query).reveal()


def test_the_code_is_read() -> None:
    assert read(f"code=4%2F0Ab_c-d&state={STATE}") == "4/0Ab_c-d"


def test_a_query_alone_will_do() -> None:
    assert authorization.read_callback(ISSUER, STATE, f"?code=c&state={STATE}").reveal() == "c"


def test_parameters_nobody_knows_are_passed_over() -> None:
    assert read(f"code=c&state={STATE}&session_state=1&scope=mail&authuser=0&prompt=consent") == "c"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("code=c", "oauth.state_mismatch"),
        ("code=c&state=", "oauth.state_mismatch"),
        ("code=c&state=another", "oauth.state_mismatch"),
        (f"code=c&state={STATE}x", "oauth.state_mismatch"),
        (f"code=c&state={STATE[:-1]}", "oauth.state_mismatch"),
        (f"code=c&state={STATE.upper()}", "oauth.state_mismatch"),
        ("code=c&state=%C3%A4", "oauth.state_mismatch"),
        ("error=access_denied&state=another", "oauth.state_mismatch"),
        ("", "oauth.state_mismatch"),
        (f"code=c&state={STATE}&state={STATE}", "oauth.callback_malformed"),
        (f"code=c&code=d&state={STATE}", "oauth.callback_malformed"),
        (f"code=c&state={STATE}&iss=https://issuer.test&iss=https://issuer.test", "oauth.callback_malformed"),
        (f"code=c&error=access_denied&state={STATE}", "oauth.callback_malformed"),
        (f"state={STATE}", "oauth.callback_malformed"),
        (f"code=&state={STATE}", "oauth.callback_malformed"),
        (f"code=a%0Ab&state={STATE}", "oauth.callback_malformed"),
        (f"code={'c' * 9000}&state={STATE}", "oauth.callback_malformed"),
        (f"code=%ff&state={STATE}", "oauth.callback_malformed"),
        (f"code=c&state={STATE}&x={'y' * 40_000}", "oauth.callback_malformed"),
        (f"code=c&state={STATE}&" + "&".join(f"p{n}=1" for n in range(100)), "oauth.callback_malformed"),
        (f"code=c&state={STATE}&iss=https://other.test", "oauth.issuer_mismatch"),
        (f"code=c&state={STATE}&iss=https://issuer.test/", "oauth.issuer_mismatch"),
        (f"code=c&state={STATE}&iss=", "oauth.issuer_mismatch"),
        (f"error=access_denied&state={STATE}", "oauth.denied"),
        (f"error=consent_required&state={STATE}", "oauth.consent_required"),
        (f"error=login_required&state={STATE}", "oauth.interaction_required"),
    ],
)
def test_what_a_person_can_mend_by_signing_in_again(query: str, code: str) -> None:
    with pytest.raises(SignInFailed) as caught:
        read(query)
    assert caught.value.code == code
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("error=redirect_uri_mismatch", "oauth.redirect_mismatch"),
        ("error=invalid_scope&error_description=AADSTS70011: x", "oauth.scope_invalid"),
        ("error=access_denied&error_description=AADSTS90094: an admin must", "oauth.admin_consent"),
        ("error=unauthorized_client", "oauth.client_invalid"),
        ("error=admin_policy_enforced", "oauth.policy"),
        ("error=something_new&error_description=words%0aof%20theirs", "oauth.refused"),
    ],
)
def test_what_only_others_can_mend(query: str, code: str) -> None:
    with pytest.raises(IssuerRefused) as caught:
        read(f"{query}&state={STATE}")
    assert caught.value.code == code
    assert "\n" not in str(caught.value)


def test_an_issuer_that_always_names_itself_must() -> None:
    strict = attrs.evolve(ISSUER, sends_iss=True)
    assert read(f"code=c&state={STATE}&iss=https://issuer.test", strict) == "c"
    with pytest.raises(SignInFailed) as caught:
        read(f"code=c&state={STATE}", strict)
    assert caught.value.code == "oauth.issuer_mismatch"


def test_an_issuer_of_many_tenants_names_one() -> None:
    assert read(f"code=c&state={STATE}&iss=https://login.issuer.test/{TENANT}/v2.0", MICROSOFT_LIKE) == "c"
    for wrong in ("https://login.issuer.test/x/v2.0", f"https://login.issuer.test/{TENANT}/v2.0/x", "{tenantid}"):
        with pytest.raises(SignInFailed, match="another issuer"):
            read(f"code=c&state={STATE}&iss={quote(wrong)}", MICROSOFT_LIKE)


@given(st.text(max_size=300))
def test_rubbish_is_an_error_of_ours(text: str) -> None:
    with pytest.raises(OAuthError):
        authorization.read_callback(ISSUER, STATE, text)


def test_no_error_holds_the_code() -> None:
    with pytest.raises(SignInFailed) as caught:
        read("code=very-secret-code&state=wrong")
    trace = caught.value.__traceback__
    while trace is not None:
        if "read_callback" in trace.tb_frame.f_code.co_name:
            assert "very-secret-code" not in repr(trace.tb_frame.f_locals)
        trace = trace.tb_next
    assert "very-secret-code" not in repr(caught.value.args)


def test_the_url_says_all_that_must_be_said() -> None:
    verifier = authorization.new_verifier()
    there = urlsplit(authorization.url(CLIENT, state=STATE, nonce=NONCE, verifier=verifier, login="ana@issuer.test"))
    told = {name: values[0] for name, values in parse_qs(there.query, strict_parsing=True).items()}
    assert f"{there.scheme}://{there.netloc}{there.path}" == "https://issuer.test/authorize"
    challenge = told.pop("code_challenge")
    assert told == {
        "response_type": "code",
        "client_id": "the-client",
        "redirect_uri": "https://app.test/back",
        "scope": "mail openid email",
        "state": STATE,
        "nonce": "the-nonce",
        "login_hint": "ana@issuer.test",
        "code_challenge_method": "S256",
    }
    import base64
    import hashlib

    digest = hashlib.sha256(verifier.reveal_bytes()).digest()
    assert challenge == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert verifier.reveal() not in there.query


def test_states_and_verifiers_cannot_be_guessed() -> None:
    states = {authorization.new_state() for _ in range(1000)}
    assert len(states) == 1000
    assert all(len(state) >= 43 for state in states)
    verifiers = [authorization.new_verifier().reveal() for _ in range(100)]
    assert len(set(verifiers)) == 100
    assert all(43 <= len(verifier) <= 128 for verifier in verifiers)


def test_an_issuer_without_openid_gets_no_nonce() -> None:
    plain = attrs.evolve(CLIENT, issuer=attrs.evolve(ISSUER, identity_scopes=()))
    assert "nonce" not in authorization.url(
        plain, state=STATE, nonce=NONCE, verifier=Secret("v" * 43), login="a@b.test"
    )
