"""The sandbox's issuer is strict, or the tests that sign in at it would prove nothing."""

from __future__ import annotations

import base64
import hashlib
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import attrs
import pytest
import requests

from tether_mailconf.sandbox import Sandbox
from tether_mailconf.sandbox.issuer import jwt
from tether_mailconf.sandbox.issuer_personality import Denial, RefreshTokens, TokenAnswer

VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def asked(sandbox: Sandbox, **changed: Any) -> str:
    """The URL of a right request, with some of it changed; None takes one away."""
    right = {
        "response_type": "code",
        "client_id": sandbox.oauth.client_id,
        "redirect_uri": sandbox.oauth.redirect_uri,
        "scope": "mail openid email",
        "state": "the-state",
        "nonce": "the-nonce",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "login_hint": "ana@sandbox.test",
    }
    told = {name: value for name, value in (right | changed).items() if value is not None}
    return f"{sandbox.oauth.issuer.authorization_endpoint}?{urlencode(told)}"


def back(location: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def code(sandbox: Sandbox, **changed: Any) -> str:
    return back(sandbox.oauth.consent(asked(sandbox, **changed)))["code"]


def post(sandbox: Sandbox, path: str, auth: Any = "the client", **form: Any) -> requests.Response:
    if auth == "the client":
        auth = (sandbox.oauth.client_id, sandbox.oauth.client_secret)
    url = f"{sandbox.oauth.issuer.issuer}{path}"
    return requests.post(url, data=form, auth=auth, verify=str(sandbox.ca_file), timeout=30, allow_redirects=False)


def get(sandbox: Sandbox, path: str, **headers: str) -> requests.Response:
    url = f"{sandbox.oauth.issuer.issuer}{path}"
    return requests.get(url, headers=headers, verify=str(sandbox.ca_file), timeout=30, allow_redirects=False)


def by_code(sandbox: Sandbox, the_code: str, **changed: Any) -> requests.Response:
    right = {
        "grant_type": "authorization_code",
        "code": the_code,
        "redirect_uri": sandbox.oauth.redirect_uri,
        "code_verifier": VERIFIER,
    }
    return post(sandbox, "/token", **(right | changed))


def by_refresh(sandbox: Sandbox, token: str) -> requests.Response:
    return post(sandbox, "/token", grant_type="refresh_token", refresh_token=token)


def error(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]


def is_active(sandbox: Sandbox, token: str) -> bool:
    return bool(post(sandbox, "/introspect", token=token).json()["active"])


# -- the page of consent -----------------------------------------------------------------------------------------------


def test_a_right_request_comes_back_with_a_code_the_state_and_the_issuer(sandbox: Sandbox) -> None:
    location = sandbox.oauth.consent(asked(sandbox))
    assert location.startswith(f"{sandbox.oauth.redirect_uri}?")
    told = back(location)
    assert (told["state"], told["iss"]) == ("the-state", sandbox.oauth.issuer.issuer)
    assert told["code"]


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "nobody"},
        {"redirect_uri": "https://evil.example.test/"},
        {"redirect_uri": "https://app.example.test/oauth/callback/x"},
        {"redirect_uri": "http://127.0.0.1:5000/callback"},
        {"redirect_uri": "http://["},
        {"redirect_uri": None},
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(sandbox: Sandbox, changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not known here"):
        sandbox.oauth.consent(asked(sandbox, **changed))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "mail everything"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
    ],
)
def test_a_wrong_request_comes_back_with_an_error(sandbox: Sandbox, changed: dict[str, Any], expected: str) -> None:
    told = back(sandbox.oauth.consent(asked(sandbox, **changed)))
    assert (told["error"], told["state"]) == (expected, "the-state")
    assert "code" not in told


def test_a_person_who_refuses_is_sent_back_with_that(sandbox: Sandbox) -> None:
    assert back(sandbox.oauth.deny(asked(sandbox)))["error"] == "access_denied"


def test_the_page_can_be_read_and_submitted_by_a_browser(sandbox: Sandbox) -> None:
    page = get(sandbox, asked(sandbox).removeprefix(sandbox.oauth.issuer.issuer))
    assert page.status_code == 200
    assert "<form" in page.text
    assert "ana@sandbox.test" in page.text
    assert 'value="mail" checked' in page.text
    assert page.headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")


def test_what_a_request_brings_is_no_part_of_the_page(sandbox: Sandbox) -> None:
    page = get(sandbox, asked(sandbox, state='"><script>').removeprefix(sandbox.oauth.issuer.issuer))
    assert "<script>" not in page.text


def test_a_public_client_may_come_back_to_any_port_of_this_machine(sandbox: Sandbox) -> None:
    told = {"client_id": sandbox.oauth.public_client_id, "redirect_uri": "http://127.0.0.1:51234/any"}
    the_code = code(sandbox, **told)
    client_id = sandbox.oauth.public_client_id
    answer = by_code(sandbox, the_code, auth=None, client_id=client_id, redirect_uri=told["redirect_uri"])
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="not known here"):
        sandbox.oauth.consent(asked(sandbox, **(told | {"redirect_uri": "http://localhost.evil.example.test/"})))


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


# -- about itself ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"])
def test_it_describes_itself(sandbox: Sandbox, path: str) -> None:
    data = get(sandbox, path).json()
    issuer = sandbox.oauth.issuer
    assert data["issuer"] == issuer.issuer
    for name in ("authorization_endpoint", "token_endpoint", "revocation_endpoint", "userinfo_endpoint"):
        assert data[name] == getattr(issuer, name)
    (key,) = get(sandbox, "/keys").json()["keys"]
    assert key["kid"] == jwt.KEY_ID


def test_what_it_remembers_of_requests_has_no_secret(sandbox: Sandbox) -> None:
    the_code = code(sandbox)
    data = by_code(sandbox, the_code).json()
    by_refresh(sandbox, data["refresh_token"])
    text = repr(sandbox.oauth.requests)
    for secret in (the_code, VERIFIER, data["refresh_token"], data["access_token"], sandbox.oauth.client_secret):
        assert secret not in text
    assert [one.parameters["grant_type"] for one in sandbox.oauth.requests if one.path == "/token"] == [
        "authorization_code",
        "refresh_token",
    ]


def test_unknown_paths_and_methods_are_refused(sandbox: Sandbox) -> None:
    assert get(sandbox, "/nothing").status_code == 404
    assert (
        requests.delete(sandbox.oauth.issuer.token_endpoint, verify=str(sandbox.ca_file), timeout=30).status_code == 405
    )
    assert error(get(sandbox, "/token")) == (400, "invalid_request")


@pytest.mark.parametrize(
    "request_line",
    [b"GET", b"GET /token", b"GET http://[/ HTTP/1.1", b"POST /token HTTP/1.1\r\nContent-Length: " + b"9" * 5000],
)
def test_rubbish_is_refused_and_the_next_request_is_answered(sandbox: Sandbox, request_line: bytes) -> None:
    parts = urlsplit(sandbox.oauth.issuer.issuer)
    assert parts.hostname is not None
    context = ssl.create_default_context(cafile=sandbox.ca_file)
    with (
        socket.create_connection((parts.hostname, parts.port or 0), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname=parts.hostname) as stream,
    ):
        stream.sendall(request_line + b"\r\n\r\n")
        assert stream.recv(100).startswith(b"HTTP/1.1 400 ")
    assert get(sandbox, "/keys").status_code == 200


def test_it_is_gone_with_the_sandbox() -> None:
    sandbox = Sandbox()
    with pytest.raises(RuntimeError, match="not running"):
        _ = sandbox.oauth.issuer
    with sandbox:
        url = asked(sandbox)
        threads = threading.active_count()
        sandbox.oauth.consent(url)
    assert threading.active_count() < threads
    with pytest.raises(RuntimeError, match="not running"):
        sandbox.oauth.consent(url)
    assert sandbox.oauth.requests


# -- what it does wrong when it is told to -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "status", "kind"),
    [
        (TokenAnswer.HTML, 200, "text/html"),
        (TokenAnswer.HTML_ERROR, 500, "text/html"),
        (TokenAnswer.ERROR_WITH_200, 200, "application/json"),
        (TokenAnswer.REDIRECT, 307, ""),
        (TokenAnswer.REDIRECT_TO_HTTP, 302, ""),
        (TokenAnswer.THROTTLED, 429, "application/json"),
        (TokenAnswer.UNAVAILABLE, 503, "text/html"),
    ],
)
def test_wrong_answers_are_counted(sandbox: Sandbox, answer: TokenAnswer, status: int, kind: str) -> None:
    the_code = code(sandbox)
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, answer=answer, times=1)
    wrong = by_code(sandbox, the_code)
    assert (wrong.status_code, wrong.headers.get("Content-Type", "")) == (status, kind)
    assert by_code(sandbox, the_code).status_code == 200


def test_an_answer_can_be_lost_before_and_after_the_work(sandbox: Sandbox) -> None:
    the_code = code(sandbox)
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, answer=TokenAnswer.DROPPED_BEFORE, times=1)
    with pytest.raises(requests.ConnectionError):
        by_code(sandbox, the_code)
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, answer=TokenAnswer.DROPPED_AFTER, times=1)
    with pytest.raises(requests.ConnectionError):
        by_code(sandbox, the_code)
    assert error(by_code(sandbox, the_code)) == (400, "invalid_grant"), "it was used up the second time"


def test_an_answer_can_be_huge(sandbox: Sandbox) -> None:
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, answer=TokenAnswer.HUGE)
    url = sandbox.oauth.issuer.token_endpoint
    with requests.post(url, verify=str(sandbox.ca_file), timeout=30, stream=True) as answer:
        length = int(answer.headers["Content-Length"])
        arrived = sum(len(piece) for piece in answer.iter_content(65536))
    assert arrived == length > 99_000_000


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [(RefreshTokens.NULL, {"refresh_token": None}), (RefreshTokens.EMPTY, {"refresh_token": ""})],
)
def test_a_refresh_token_can_be_nothing(sandbox: Sandbox, tokens: RefreshTokens, expected: dict[str, Any]) -> None:
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, refresh_tokens=tokens)
    assert expected.items() <= by_code(sandbox, code(sandbox)).json().items()


@pytest.mark.parametrize("tokens", [RefreshTokens.ABSENT, RefreshTokens.NULL, RefreshTokens.EMPTY])
def test_a_refresh_that_brings_no_other_token_leaves_the_old_one(sandbox: Sandbox, tokens: RefreshTokens) -> None:
    first = by_code(sandbox, code(sandbox)).json()
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, refresh_tokens=tokens)
    for _ in range(2):
        answer = by_refresh(sandbox, first["refresh_token"])
        assert answer.status_code == 200
        assert not answer.json().get("refresh_token")
        assert ("refresh_token" in answer.json()) == (tokens is not RefreshTokens.ABSENT)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"token_type": "DPoP"}, {"token_type": "DPoP"}),
        ({"expires_in": "3600"}, {"expires_in": "3600"}),
        ({"withheld": frozenset({"mail"})}, {"scope": "openid email"}),
    ],
)
def test_a_token_can_be_told_wrongly(sandbox: Sandbox, changed: dict[str, Any], expected: dict[str, Any]) -> None:
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, **changed)
    data = by_code(sandbox, code(sandbox)).json()
    assert expected.items() <= data.items()
    assert sandbox.store.opens_mail("ana@sandbox.test", data["access_token"]) == ("withheld" not in changed)


@pytest.mark.parametrize(
    ("changed", "absent"),
    [({"expires_in": None}, "expires_in"), ({"tells_scope": False}, "scope"), ({"gives_id_token": False}, "id_token")],
)
def test_a_token_can_be_told_little_of(sandbox: Sandbox, changed: dict[str, Any], absent: str) -> None:
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, **changed)
    assert absent not in by_code(sandbox, code(sandbox)).json()


def test_an_error_of_any_kind_can_be_answered(sandbox: Sandbox) -> None:
    denial = Denial(error="invalid_grant", description="AADSTS700082: inactive", status=599)
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, denial=denial, times=1)
    wrong = by_code(sandbox, code(sandbox))
    assert error(wrong) == (599, "invalid_grant")
    assert wrong.json()["error_description"] == "AADSTS700082: inactive"


def test_claims_callbacks_and_descriptions_can_be_changed(sandbox: Sandbox) -> None:
    sandbox.oauth.personality = attrs.evolve(
        sandbox.oauth.personality,
        claims={"email": "eva@sandbox.test", "nonce": None},
        callback={"iss": "https://evil.example.test", "state": None},
        repeated=("code",),
        metadata={"token_endpoint": "https://evil.example.test/token", "issuer": None},
        has_userinfo=False,
        revokes=False,
    )
    location = sandbox.oauth.consent(asked(sandbox))
    assert location.count("code=") == 2
    assert back(location)["iss"] == "https://evil.example.test"
    assert "state" not in back(location)
    data = by_code(sandbox, back(location)["code"]).json()
    opened = jwt.opened(data["id_token"], "issuer")
    assert opened is not None
    assert opened[1]["email"] == "eva@sandbox.test"
    assert "nonce" not in opened[1]
    described = get(sandbox, "/.well-known/openid-configuration").json()
    assert described["token_endpoint"] == "https://evil.example.test/token"
    assert "issuer" not in described
    assert get(sandbox, "/userinfo", Authorization=f"Bearer {data['access_token']}").status_code == 404
    assert post(sandbox, "/revoke", token=data["refresh_token"]).status_code == 503
    assert by_refresh(sandbox, data["refresh_token"]).status_code == 200


def test_a_client_revokes_its_own_tokens_only(sandbox: Sandbox) -> None:
    data = by_code(sandbox, code(sandbox)).json()
    for token in (data["access_token"], data["refresh_token"]):
        stranger = post(sandbox, "/revoke", auth=None, client_id=sandbox.oauth.public_client_id, token=token)
        assert stranger.status_code == 200
    assert is_active(sandbox, data["access_token"])
    assert by_refresh(sandbox, data["refresh_token"]).status_code == 200


def test_an_answer_that_dribbles_takes_its_time(sandbox: Sandbox) -> None:
    the_code = code(sandbox)
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, answer=TokenAnswer.DRIBBLED, times=1)
    with pytest.raises(requests.Timeout):
        requests.post(sandbox.oauth.issuer.token_endpoint, verify=str(sandbox.ca_file), timeout=0.05)
    assert by_code(sandbox, the_code).status_code == 200


def test_it_answers_when_a_request_comes_in_pieces(sandbox: Sandbox) -> None:
    """A body that follows its head later is waited for."""

    def pieces() -> Iterator[bytes]:
        yield b"grant_type="
        yield b"x"

    url = sandbox.oauth.issuer.token_endpoint
    answer = requests.post(
        url, data=pieces(), verify=str(sandbox.ca_file), timeout=30, headers={"Content-Length": "12"}
    )
    assert answer.status_code in (400, 401)
