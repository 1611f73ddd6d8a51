"""The parsers of what issuers say: answers of the token endpoint, metadata, id tokens, and the browser's callback."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import attrs

from tether_mailconf import NetworkPolicy, oauth
from tether_mailconf._drivers.blocking import BlockingIO
from tether_mailconf._oauth.authorization import read_callback
from tether_mailconf._oauth.client import Client
from tether_mailconf._oauth.exchange import Granted, ask
from tether_mailconf._oauth.identity import check_account, identify
from tether_mailconf._oauth.metadata import issuer_from_metadata
from tether_mailconf._ports import Deadline, HttpRequest, HttpResponse, run_sync
from tether_mailconf.secret import Secret

from .forms import changed
from .target import Target, text_of

ISSUER = oauth.Issuer(
    id="own",
    label="Own",
    issuer="https://issuer.example",
    authorization_endpoint="https://issuer.example/authorize",
    token_endpoint="https://issuer.example/token",
    userinfo_endpoint="https://issuer.example/userinfo",
    scopes=("mail",),
    identity_scopes=("openid", "email"),
)
CLIENT = Client(issuer=ISSUER, id="client", secret=Secret("x"), redirect_uri="https://host.example/callback")
_QUESTION = HttpRequest(method="POST", url="https://issuer.example/token", body=Secret("x"))
_ANSWER = {
    "access_token": "at",
    "token_type": "Bearer",
    "expires_in": 3600,
    "refresh_token": "rt",
    "scope": "mail openid",
    "id_token": "a.b.c",
    "refresh_token_expires_in": 10,
}
_DENIAL = {
    "error": "invalid_grant",
    "error_description": "AADSTS700082: The refresh token has expired.",
    "error_codes": [1],
}
_CLAIMS = {
    "iss": "https://issuer.example",
    "aud": "client",
    "exp": 1893456000,
    "nonce": "n",
    "email": "ana@example.org",
    "email_verified": True,
}
_METADATA = {
    "issuer": "https://issuer.example",
    "authorization_endpoint": "https://issuer.example/authorize",
    "token_endpoint": "https://issuer.example/token",
    "userinfo_endpoint": "https://issuer.example/userinfo",
    "response_types_supported": ["code"],
    "token_endpoint_auth_methods_supported": ["client_secret_post"],
    "scopes_supported": ["openid", "email", "mail", "offline_access"],
    "code_challenge_methods_supported": ["S256"],
}


class Said(BlockingIO):
    """A world in which an issuer always says the same, at the same moment."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(NetworkPolicy(), None)
        self._answer = HttpResponse(status=status, headers={"retry-after": "5"}, body=Secret(body))

    async def fetch(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        return self._answer

    def now(self) -> datetime:
        return datetime(2026, 11, 2, tzinfo=UTC)


def _body(form: Any, data: bytes) -> bytes:
    return data if data[:1] in (b"{", b"[") else json.dumps(changed(form, data)).encode()


def token_answer(data: bytes) -> None:
    status = (200, 400, 401, 429, 500, 302)[data[0] % 6] if data else 200
    form = _DENIAL if 400 <= status < 500 else _ANSWER
    io = Said(status, _body(form, data[1:]))
    found = run_sync(ask(io, _QUESTION, io.deadline(20)))
    if isinstance(found, Granted):
        assert found.lifetime > 0
        assert found.access.reveal().isprintable()


def metadata(data: bytes) -> None:
    found = issuer_from_metadata(
        _body(_METADATA, data),
        issuer_url="https://issuer.example",
        scopes=("mail",),
        identity_scopes=("openid", "email"),
        endpoint_hosts=(),
    )
    for url in (found.authorization_endpoint, found.token_endpoint, found.userinfo_endpoint or found.token_endpoint):
        assert urlsplit(url).hostname == "issuer.example"


def _granted(id_token: bytes) -> Granted:
    return Granted(
        access=Secret("at"),
        token_type="bearer",
        lifetime=1.0,
        refresh=None,
        refresh_lifetime=None,
        scopes=None,
        id_token=Secret(id_token),
    )


def id_token(data: bytes) -> None:
    claims = _body(_CLAIMS, data)
    written = data if data.count(b".") == 2 else b"e30." + base64.urlsafe_b64encode(claims).rstrip(b"=") + b".c2ln"
    io = Said(200, b"")
    identity = run_sync(identify(io, CLIENT, _granted(written), Secret("n"), io.deadline(20)))
    check_account(identity, "ana@example.org")


def userinfo(data: bytes) -> None:
    io = Said(200, _body(_CLAIMS, data))
    granted = attrs.evolve(_granted(b""), id_token=None)
    check_account(run_sync(identify(io, CLIENT, granted, Secret("n"), io.deadline(20))), "ana@example.org")


def callback(data: bytes) -> None:
    code = read_callback(ISSUER, "s3cret", text_of(data))
    assert code.reveal().isprintable()


_JSON_WORDS = (b'"', b"{", b"}", b"[", b"]", b":", b",", b"null", b"1e999", b"NaN", b"\\ud800", b"-", b"[" * 60)

TARGETS = (
    Target(
        "token_answer",
        token_answer,
        [b"\0" + json.dumps(_ANSWER).encode(), b"\1" + json.dumps(_DENIAL).encode()]
        + [bytes((status, where, 0, which)) for status in range(6) for where in (0, 2, 5) for which in (3, 8, 19)],
        words=_JSON_WORDS,
    ),
    Target(
        "metadata",
        metadata,
        [json.dumps(_METADATA).encode(), b"\0\0\1", b"\1\4\0https://evil.example/"],
        words=_JSON_WORDS,
    ),
    Target("id_token", id_token, [json.dumps(_CLAIMS).encode(), b"a.e30.c", b"\0\0\1", b"\2\0\14"], words=_JSON_WORDS),
    Target(
        "userinfo", userinfo, [json.dumps(_CLAIMS).encode(), b"\4\0\23", b"\4\4\0ana@EXAMPLE.org"], words=_JSON_WORDS
    ),
    Target(
        "callback",
        callback,
        [
            b"https://host.example/callback?code=abc&state=s3cret",
            b"?error=access_denied&error_description=no&state=s3cret",
        ],
        words=[b"&state=s3cret", b"code=", b"&iss=", b"%00", b"%ff", b"#", b"&", b"="],
    ),
)
