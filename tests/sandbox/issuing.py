"""Right requests to the sandbox's issuer, of which a test changes what it is about."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

from tether_mailconf.sandbox import Sandbox

VERIFIER = "v" * 64


CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


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
