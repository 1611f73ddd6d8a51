"""The sandbox's issuer gives tokens for what is right, once, and for nothing else."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from typing import Any

import attrs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tether_mailconf.sandbox import Sandbox
from tether_mailconf.sandbox.issuer import jwt

from .issuing import CHALLENGE, by_code, by_refresh, code, error, get, post


def is_active(sandbox: Sandbox, token: str) -> bool:
    return bool(post(sandbox, "/introspect", token=token).json()["active"])


# -- codes -------------------------------------------------------------------------------------------------------------


def test_a_code_brings_tokens_that_say_whose_they_are(sandbox: Sandbox) -> None:
    data = by_code(sandbox, code(sandbox)).json()
    assert (data["token_type"], data["expires_in"], data["scope"]) == ("Bearer", 3600, "mail openid email")
    opened = jwt.opened(data["id_token"], "issuer")
    assert opened is not None
    _, claims = opened
    assert claims["iss"] == sandbox.oauth.issuer.issuer
    assert (claims["aud"], claims["nonce"]) == (sandbox.oauth.client_id, "the-nonce")
    assert (claims["email"], claims["email_verified"]) == ("ana@sandbox.test", True)
    assert claims["exp"] > claims["iat"]
    assert get(sandbox, "/userinfo", Authorization=f"Bearer {data['access_token']}").json()["email"] == claims["email"]
    assert is_active(sandbox, data["access_token"])


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": "w" * 64},
        {"code_verifier": ""},
        {"code_verifier": CHALLENGE},
        {"redirect_uri": "https://app.example.test/other"},
        {"redirect_uri": ""},
    ],
)
def test_a_code_is_good_with_its_verifier_and_its_redirect_uri_only(sandbox: Sandbox, changed: dict[str, str]) -> None:
    assert error(by_code(sandbox, code(sandbox), **changed)) == (400, "invalid_grant")


def test_a_code_is_good_once_and_its_second_use_ends_all(sandbox: Sandbox) -> None:
    the_code = code(sandbox)
    first = by_code(sandbox, the_code).json()
    assert error(by_code(sandbox, the_code)) == (400, "invalid_grant")
    assert not is_active(sandbox, first["access_token"])
    assert error(by_refresh(sandbox, first["refresh_token"])) == (400, "invalid_grant")


def test_a_code_is_good_for_its_client_only(sandbox: Sandbox) -> None:
    answer = by_code(sandbox, code(sandbox), auth=None, client_id=sandbox.oauth.public_client_id)
    assert error(answer) == (400, "invalid_grant")


def test_a_code_ends_after_a_minute() -> None:
    now = [1_700_000_000.0]
    with Sandbox(clock=lambda: now[0]) as sandbox:
        the_code = code(sandbox)
        now[0] += 61
        assert error(by_code(sandbox, the_code)) == (400, "invalid_grant")


@pytest.mark.parametrize("auth", [("sandbox-web", "wrong"), ("sandbox-web", ""), ("nobody", "x"), None])
def test_who_asks_must_prove_it(sandbox: Sandbox, auth: tuple[str, str] | None) -> None:
    answer = by_code(sandbox, code(sandbox), auth=auth, client_id="sandbox-web")
    assert error(answer) == (401, "invalid_client")
    assert by_code(sandbox, code(sandbox)).status_code == 200


# -- refresh tokens ----------------------------------------------------------------------------------------------------


def test_a_refresh_token_is_good_once_and_its_second_use_ends_all(sandbox: Sandbox) -> None:
    first = by_code(sandbox, code(sandbox)).json()
    second = by_refresh(sandbox, first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert error(by_refresh(sandbox, first["refresh_token"])) == (400, "invalid_grant")
    assert error(by_refresh(sandbox, second["refresh_token"])) == (400, "invalid_grant")
    assert not is_active(sandbox, second["access_token"])


def test_without_rotation_it_stays_good_and_no_other_is_given(sandbox: Sandbox) -> None:
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, rotates=False)
    first = by_code(sandbox, code(sandbox)).json()
    for _ in range(2):
        answer = by_refresh(sandbox, first["refresh_token"])
        assert answer.status_code == 200
        assert "refresh_token" not in answer.json()


def test_of_two_who_refresh_at_the_same_time_one_is_refused(sandbox: Sandbox) -> None:
    first = by_code(sandbox, code(sandbox)).json()
    outcomes: list[int] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(by_refresh(sandbox, first["refresh_token"]).status_code))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [200, 400]


def test_what_is_revoked_or_has_ended_opens_nothing(sandbox: Sandbox) -> None:
    data = by_code(sandbox, code(sandbox)).json()
    assert sandbox.store.opens_mail("ana@sandbox.test", data["access_token"])
    assert not sandbox.store.opens_mail("eva@sandbox.test", data["access_token"])
    assert post(sandbox, "/revoke", token=data["refresh_token"]).status_code == 200
    assert not sandbox.store.opens_mail("ana@sandbox.test", data["access_token"])
    assert error(by_refresh(sandbox, data["refresh_token"])) == (400, "invalid_grant")
    other = by_code(sandbox, code(sandbox)).json()
    sandbox.oauth.expire_tokens()
    assert not is_active(sandbox, other["access_token"])
    assert by_refresh(sandbox, other["refresh_token"]).status_code == 200
    assert post(sandbox, "/revoke", token="never heard of").status_code == 200


def test_an_access_token_without_the_mail_scope_opens_no_mail(sandbox: Sandbox) -> None:
    data = by_code(sandbox, code(sandbox, scope="openid email")).json()
    assert is_active(sandbox, data["access_token"])
    assert not sandbox.store.opens_mail("ana@sandbox.test", data["access_token"])


# -- devices -----------------------------------------------------------------------------------------------------------


def test_a_device_is_told_to_wait_to_slow_down_and_then_gets_its_token_once(sandbox: Sandbox) -> None:
    client_id = sandbox.oauth.public_client_id
    told = post(sandbox, "/device_authorization", auth=None, client_id=client_id, scope="mail openid").json()
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": told["device_code"],
        "client_id": client_id,
    }
    assert error(post(sandbox, "/token", auth=None, **form)) == (400, "authorization_pending")
    assert error(post(sandbox, "/token", auth=None, **form)) == (400, "slow_down")
    assert "Enter the code" in get(sandbox, f"/device?user_code={told['user_code']}").text
    with pytest.raises(ValueError, match="No device waits"):
        sandbox.oauth.approve_device("XXXX-XXXX")
    sandbox.oauth.approve_device(told["user_code"].lower())
    assert post(sandbox, "/token", auth=None, **form).status_code == 200
    assert error(post(sandbox, "/token", auth=None, **form)) == (400, "invalid_grant")


# -- without a person --------------------------------------------------------------------------------------------------


def assertion(sandbox: Sandbox, key: str = "service account", **changed: Any) -> dict[str, Any]:
    info = sandbox.oauth.service_account_info
    now = int(sandbox.store.clock())
    right = {
        "iss": info["client_email"],
        "sub": "ana@sandbox.test",
        "aud": info["token_uri"],
        "scope": "https://mail.google.com/",
        "iat": now,
        "exp": now + 600,
    }
    return {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": jwt.signed(key, right | changed),
        "auth": None,
    }


def test_a_service_account_gets_a_token_for_an_account(sandbox: Sandbox) -> None:
    data = post(sandbox, "/token", **assertion(sandbox)).json()
    assert sandbox.store.opens_mail("ana@sandbox.test", data["access_token"])
    assert "refresh_token" not in data


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"key": "somebody"}, "invalid_grant"),
        ({"iss": "other@project.sandbox.test"}, "invalid_grant"),
        ({"aud": "https://oauth2.googleapis.com/token"}, "invalid_grant"),
        ({"exp": 1_700_000_000}, "invalid_grant"),
        ({"exp": 9_999_999_999}, "invalid_grant"),
        ({"sub": "stranger@example.org"}, "unauthorized_client"),
        ({"scope": "https://www.googleapis.com/auth/calendar"}, "invalid_scope"),
        ({"exp": "tomorrow"}, "invalid_grant"),
    ],
)
def test_a_wrong_assertion_gets_nothing(sandbox: Sandbox, changed: dict[str, Any], expected: str) -> None:
    assert error(post(sandbox, "/token", **assertion(sandbox, **changed))) == (400, expected)


def test_an_application_gets_a_token_for_every_account(sandbox: Sandbox) -> None:
    application = sandbox.oauth.application
    auth = (application.client_id, application.client_secret)
    data = post(sandbox, "/token", auth=auth, grant_type="client_credentials").json()
    assert sandbox.store.opens_mail("ana@sandbox.test", data["access_token"])
    wrong = post(sandbox, "/token", auth=(application.client_id, "x"), grant_type="client_credentials")
    assert error(wrong) == (401, "invalid_client")
    public = post(
        sandbox, "/token", auth=None, client_id=sandbox.oauth.public_client_id, grant_type="client_credentials"
    )
    assert error(public) == (400, "unauthorized_client")
    assert error(post(sandbox, "/token", grant_type="client_credentials")) == (400, "unauthorized_client")


def own_assertion(sandbox: Sandbox, **changed: Any) -> dict[str, Any]:
    """Return what an application proves itself with instead of its secret, with some of it changed."""
    application = sandbox.oauth.application
    certificate = x509.load_pem_x509_certificate(application.certificate.encode())
    thumbprint = jwt.encoded(hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).digest())
    now = int(sandbox.store.clock())
    right = {
        "iss": application.client_id,
        "sub": application.client_id,
        "aud": sandbox.oauth.issuer.token_endpoint,
        "jti": secrets.token_hex(16),
        "nbf": now,
        "exp": now + 600,
    }
    parts = ({"alg": "RS256", "x5t#S256": thumbprint}, right | changed)
    text = ".".join(jwt.encoded(json.dumps(part).encode()) for part in parts)
    key = serialization.load_pem_private_key(application.private_key.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return {
        "grant_type": "client_credentials",
        "client_id": application.client_id,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": f"{text}.{jwt.encoded(signature)}",
        "auth": None,
    }


def test_an_application_proves_itself_by_an_assertion_that_is_good_once(sandbox: Sandbox) -> None:
    """RFC 7523 section 3: who has overheard it gets nothing for it."""
    asked = own_assertion(sandbox)
    data = post(sandbox, "/token", **asked).json()
    assert sandbox.store.opens_mail("ana@sandbox.test", data["access_token"])
    assert error(post(sandbox, "/token", **asked)) == (401, "invalid_client")
    assert post(sandbox, "/token", **own_assertion(sandbox)).status_code == 200


def test_an_assertion_is_remembered_until_it_would_have_ended() -> None:
    time = 1_800_000_000.0
    with Sandbox(clock=lambda: time) as sandbox:
        one = own_assertion(sandbox, jti="one")
        assert post(sandbox, "/token", **one).status_code == 200
        time += 599
        assert error(post(sandbox, "/token", **one)) == (401, "invalid_client")
        time += 2
        assert error(post(sandbox, "/token", **one)) == (401, "invalid_client"), "it has ended"
        assert post(sandbox, "/token", **own_assertion(sandbox, jti="one")).status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "sandbox-web"},
        {"sub": "sandbox-web"},
        {"aud": "https://login.example.test/token"},
        {"jti": ""},
        {"exp": 1_700_000_000},
        {"exp": 9_999_999_999},
        {"nbf": 9_999_999_999},
    ],
)
def test_a_wrong_assertion_proves_nobody(sandbox: Sandbox, changed: dict[str, Any]) -> None:
    assert error(post(sandbox, "/token", **own_assertion(sandbox, **changed))) == (401, "invalid_client")


def test_a_service_account_gets_a_token_whatever_the_case_of_the_address(sandbox: Sandbox) -> None:
    data = post(sandbox, "/token", **assertion(sandbox, sub="Ana@Sandbox.test")).json()
    assert sandbox.store.opens_mail("ana@sandbox.test", data["access_token"])


def test_a_client_revokes_its_own_tokens_only(sandbox: Sandbox) -> None:
    data = by_code(sandbox, code(sandbox)).json()
    for token in (data["access_token"], data["refresh_token"]):
        stranger = post(sandbox, "/revoke", auth=None, client_id=sandbox.oauth.public_client_id, token=token)
        assert stranger.status_code == 200
    assert is_active(sandbox, data["access_token"])
    assert by_refresh(sandbox, data["refresh_token"]).status_code == 200
