"""The sandbox's issuer is strict, or what is tested with it would prove nothing: its pages, and its description."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tether_mailconf.sandbox import Sandbox
from tether_mailconf.sandbox.issuer import jwt

from .issuing import VERIFIER, asked, back, by_code, by_refresh, code, error, get

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
