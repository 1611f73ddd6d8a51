"""The applications that a sandbox's issuer knows, and how they prove who they are (RFC 6749 section 2.3)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

import attrs
from cryptography.hazmat.primitives.serialization import Encoding

from ...secret import Secret
from ..http_session import WebRequest
from . import jwt
from .memory import IssuerMemory

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LOOPBACK = re.compile(r"http://127\.0\.0\.1(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?")


@attrs.frozen(kw_only=True)
class Application:
    """An application that sends in its own name, as Microsoft has them.

    Args:
        client_id: its id.
        client_secret: its secret.
        certificate: the certificate that is registered for it (PEM).
        private_key: the certificate's key (PEM).
    """

    client_id: str
    client_secret: str = attrs.field(repr=False)
    certificate: str = attrs.field(repr=False)
    private_key: str = attrs.field(repr=False)


@attrs.define(kw_only=True)
class RegisteredClient:
    """What is registered for an application.

    Attributes:
        id: its id.
        secret: its secret; None for a public client.
        redirect_uris: where the browser may be sent back to.
        takes_loopback: whether that may be any port and path of 127.0.0.1 (RFC 8252 section 7.3).
        key: the name of the key that its assertions are signed with; empty if it has none.
    """

    id: str
    secret: Secret | None = None
    redirect_uris: set[str] = attrs.field(factory=set[str])
    takes_loopback: bool = False
    key: str = ""

    def takes(self, redirect_uri: str) -> bool:
        """Return whether the browser may be sent there."""
        if redirect_uri in self.redirect_uris:
            return True
        return self.takes_loopback and _LOOPBACK.fullmatch(redirect_uri) is not None


def authenticated(
    request: WebRequest, clients: dict[str, RegisteredClient], token_endpoint: str, memory: IssuerMemory
) -> RegisteredClient | None:
    """Return who asks; None if it is not proved.

    Args:
        request: what is asked.
        clients: the applications that there are, by id.
        token_endpoint: whom an assertion must be for.
        memory: which assertions were used before.
    """
    name, password = request.client or (request.parameters.get("client_id", ""), None)
    client = clients.get(name)
    if client is None:
        return None
    if request.client is not None and "client_secret" in request.parameters:
        return None  # RFC 6749 section 2.3: one way at a time
    if "client_assertion" in request.parameters:
        return client if _proves(request, client, token_endpoint, memory) else None
    if password is None:
        password = request.parameters.get("client_secret")
    if client.secret is None:
        return client if not password else None
    return client if password is not None and Secret(password) == client.secret else None


def _proves(request: WebRequest, client: RegisteredClient, token_endpoint: str, memory: IssuerMemory) -> bool:
    """Whether an assertion is the client's own (RFC 7523 section 3), by the certificate that is registered for it.

    It is good once, as that section allows: whoever has overheard one cannot use it.
    """
    if not client.key or request.parameters.get("client_assertion_type") != ASSERTION_TYPE:
        return False
    found = jwt.opened(request.parameters["client_assertion"], client.key)
    if found is None:
        return False
    header, claims = found
    now = memory.clock()
    der = jwt.certificate_of(client.key).public_bytes(Encoding.DER)
    return (
        header.get("x5t#S256") == jwt.encoded(hashlib.sha256(der).digest())
        and claims.get("iss") == claims.get("sub") == client.id
        and claims.get("aud") == token_endpoint
        and number(claims, "nbf") <= now + 5
        and now < (ends := number(claims, "exp")) <= now + 3600
        and bool(claims.get("jti"))
        and memory.spends(client.id, str(claims["jti"]), ends)
    )


def number(claims: Mapping[str, object], name: str) -> float:
    """Return a claim that is a number of seconds; 0.0 if it is none."""
    value = claims.get(name)
    return float(value) if isinstance(value, int | float) else 0.0
