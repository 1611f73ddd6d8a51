"""The issuer of a sandbox as a web server sees it: which path is answered by whom, and what it says about itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from ..http_session import WebAnswer, WebRequest
from ..store import Store
from . import jwt
from .clients import RegisteredClient, authenticated
from .memory import DEVICE_SECONDS, IssuerMemory
from .pages import SCOPES, Pages
from .tokens import DEVICE_CODE, JWT_BEARER, TokenDesk, as_json, denied

_HIDDEN = frozenset(
    ["assertion", "client_assertion", "client_secret", "code", "code_verifier", "device_code", "refresh_token", "token"]
)
_METADATA_PATHS = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")


@attrs.frozen(kw_only=True)
class OAuthRequest:
    """A request that the issuer has answered.

    Args:
        method: GET or POST.
        path: what was asked for ("/token").
        parameters: of the query or the form; of a secret one only that it was there.
        status: the HTTP status of the answer; 0 if the connection was broken instead.
    """

    method: str
    path: str
    parameters: Mapping[str, str]
    status: int


class OAuthIssuer:
    """Answers web requests.

    Args:
        memory: what it remembers.
        clients: the applications it knows.
        issuer: its identifier.
        store: the accounts.
    """

    def __init__(
        self,
        memory: IssuerMemory,
        clients: dict[str, RegisteredClient],
        issuer: str,
        store: Store,
    ) -> None:
        self.requests: list[OAuthRequest] = []
        self._memory = memory
        self._clients = clients
        self._issuer = issuer
        self._desk = TokenDesk(memory, clients, issuer, store)
        pages = Pages(memory, clients, issuer, store)
        self._paths: dict[str, Callable[[WebRequest], WebAnswer]] = {
            "/authorize": pages.authorize,
            "/device": pages.device,
            "/token": self._desk.answer,
            "/device_authorization": self._device_authorization,
            "/revoke": self._revoke,
            "/introspect": self._introspect,
            "/userinfo": self._userinfo,
            "/keys": lambda _: as_json({"keys": [jwt.public_jwk("issuer")]}),
            **dict.fromkeys(_METADATA_PATHS, self._metadata),
        }

    def answer(self, request: WebRequest) -> WebAnswer:
        """Answer a request, and remember it."""
        found = self._paths.get(request.path)
        if found is None:
            answer = as_json({"error": "not_found"}, 404)
        elif request.method not in ("GET", "POST"):
            answer = as_json({"error": "invalid_request"}, 405)
        else:
            answer = found(request)
        shown = {name: "***" if name in _HIDDEN else value for name, value in request.parameters.items()}
        status = 0 if answer.is_lost else answer.status
        self.requests.append(OAuthRequest(method=request.method, path=request.path, parameters=shown, status=status))
        return answer

    def _device_authorization(self, request: WebRequest) -> WebAnswer:
        client = authenticated(request, self._clients, self._desk.endpoint, self._memory)
        scopes = tuple(request.parameters.get("scope", "").split())
        if client is None:
            return denied("invalid_client", status=401)
        if request.method != "POST" or not scopes or not set(scopes) <= set(SCOPES):
            return denied("invalid_scope")
        device_code, device = self._memory.new_device(client.id, scopes)
        page = f"{self._issuer}/device"
        return as_json(
            {
                "device_code": device_code,
                "user_code": device.user_code,
                "verification_uri": page,
                "verification_uri_complete": f"{page}?user_code={device.user_code}",
                "expires_in": int(DEVICE_SECONDS),
                "interval": self._memory.personality.interval,
            }
        )

    def _revoke(self, request: WebRequest) -> WebAnswer:
        if not self._memory.personality.revokes:
            return WebAnswer(status=503)
        client = authenticated(request, self._clients, self._desk.endpoint, self._memory)
        if client is None:
            return denied("invalid_client", status=401)
        self._memory.forget(request.parameters.get("token", ""), client.id)
        return WebAnswer()

    def _introspect(self, request: WebRequest) -> WebAnswer:
        client = authenticated(request, self._clients, self._desk.endpoint, self._memory)
        if client is None or client.secret is None:
            return denied("invalid_client", status=401)
        access = self._memory.of_access(request.parameters.get("token", ""))
        if access is None:
            return as_json({"active": False})
        grant = access.grant
        return as_json(
            {
                "active": True,
                "scope": " ".join(access.scopes),
                "client_id": grant.client_id,
                "username": grant.address,
                "exp": int(access.expires_at),
            }
        )

    def _userinfo(self, request: WebRequest) -> WebAnswer:
        if not self._memory.personality.has_userinfo:
            return as_json({"error": "not_found"}, 404)
        access = self._memory.of_access(request.bearer)
        if access is None or "openid" not in access.grant.scopes:
            return as_json({"error": "invalid_token"}, 401, WWW_Authenticate='Bearer error="invalid_token"')
        return as_json(self._desk.claims(access.grant))

    def _metadata(self, _: WebRequest) -> WebAnswer:
        data: dict[str, Any] = {
            "issuer": self._issuer,
            "authorization_endpoint": f"{self._issuer}/authorize",
            "token_endpoint": f"{self._issuer}/token",
            "device_authorization_endpoint": f"{self._issuer}/device_authorization",
            "revocation_endpoint": f"{self._issuer}/revoke",
            "introspection_endpoint": f"{self._issuer}/introspect",
            "userinfo_endpoint": f"{self._issuer}/userinfo",
            "jwks_uri": f"{self._issuer}/keys",
            "scopes_supported": list(SCOPES),
            "response_types_supported": ["code"],
            "grant_types_supported": [
                "authorization_code",
                "refresh_token",
                "client_credentials",
                DEVICE_CODE,
                JWT_BEARER,
            ],
            "token_endpoint_auth_methods_supported": [
                "client_secret_basic",
                "client_secret_post",
                "private_key_jwt",
                "none",
            ],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "id_token_signing_alg_values_supported": ["RS256"],
            "subject_types_supported": ["public"],
        }
        instead = dict(self._memory.personality.metadata)
        return as_json({name: value for name, value in (data | instead).items() if value is not None})
