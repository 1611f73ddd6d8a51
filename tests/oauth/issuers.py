"""Issuers and clients that the tests of pure functions use; nobody is asked."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import attrs

from tether_mailconf._oauth.client import Client
from tether_mailconf._oauth.exchange import Granted
from tether_mailconf._oauth.issuer import Issuer
from tether_mailconf.secret import Secret

ISSUER = Issuer(
    id="issuer.test",
    label="Test",
    issuer="https://issuer.test",
    authorization_endpoint="https://issuer.test/authorize",
    token_endpoint="https://issuer.test/token",
    scopes=("mail",),
    identity_scopes=("openid", "email"),
)
MICROSOFT_LIKE = attrs.evolve(
    ISSUER, issuer="https://login.issuer.test/{tenantid}/v2.0", identity_claims=("preferred_username", "upn")
)
TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
CLIENT = Client(issuer=ISSUER, id="the-client", secret=Secret("the-secret"), redirect_uri="https://app.test/back")
NONCE = Secret("the-nonce")


def claims(**changed: Any) -> dict[str, Any]:
    """The claims of a good id token, with some changed; `...` takes one away."""
    good = {
        "iss": "https://issuer.test",
        "aud": "the-client",
        "sub": "1",
        "email": "ana@issuer.test",
        "email_verified": True,
        "nonce": "the-nonce",
        "iat": int(time.time()),
        "exp": int(time.time()) + 600,
    }
    return {name: value for name, value in (good | changed).items() if value is not ...}


def id_token(content: object) -> Secret:
    """A JSON Web Token of this content; nobody checks its signature."""
    parts = (json.dumps({"alg": "none"}).encode(), json.dumps(content).encode(), b"signature")
    return Secret(b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts))


def granted(token: Secret | None) -> Granted:
    """A grant with this id token."""
    return Granted(
        access=Secret("access"),
        token_type="bearer",
        lifetime=60.0,
        refresh=Secret("refresh"),
        refresh_lifetime=None,
        scopes=("mail",),
        id_token=token,
    )
