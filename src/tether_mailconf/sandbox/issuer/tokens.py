"""The token endpoint of a sandbox's issuer: strict where RFC 6749 and RFC 9700 are, and wrong where it is told so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import attrs

from ..http_session import WebAnswer, WebRequest
from ..issuer_personality import Denial, RefreshTokens, TokenAnswer
from ..store import Store
from . import jwt
from .clients import RegisteredClient, authenticated, number
from .memory import MAIL_SCOPE, Grant, IssuerMemory

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
SERVICE_KEY = "service account"
GOOGLE_SCOPE = "https://mail.google.com/"
SERVICE_ACCOUNT = "mailer@project.sandbox.test"
_HOUR = 3600
_HUGE = 100_000_000
_CHUNK = b" " * 65536


def as_json(data: object, status: int = 200, **headers: str) -> WebAnswer:
    """Return an answer of JSON."""
    fields = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return WebAnswer(status=status, headers=fields, body=json.dumps(data).encode())


def denied(error: str, description: str = "", status: int = 400) -> WebAnswer:
    """Return an error (RFC 6749 section 5.2)."""
    return as_json({"error": error} | ({"error_description": description} if description else {}), status)


class TokenDesk:
    """Exchanges what clients bring for tokens.

    Args:
        memory: what the issuer remembers.
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
        self._memory = memory
        self._clients = clients
        self._issuer = issuer
        self._store = store
        self._grants: dict[str, Callable[[WebRequest, RegisteredClient], WebAnswer | Grant]] = {
            "authorization_code": self._by_code,
            "refresh_token": self._by_refresh,
            DEVICE_CODE: self._by_device,
            "client_credentials": self._by_itself,
        }

    @property
    def endpoint(self) -> str:
        """Its URL."""
        return f"{self._issuer}/token"

    def answer(self, request: WebRequest) -> WebAnswer:
        """Answer a request, rightly or as the personality says."""
        personality = self._memory.personality
        kind = personality.answer
        if (kind is TokenAnswer.RIGHT and personality.denial is None) or not self._memory.misbehaves():
            return self._right(request)
        if personality.denial is not None:
            return _denial(personality.denial)
        if kind is TokenAnswer.DROPPED_BEFORE:
            return WebAnswer(is_lost=True)
        if kind is TokenAnswer.DROPPED_AFTER:
            self._right(request)
            return WebAnswer(is_lost=True)
        if kind is TokenAnswer.DRIBBLED:
            return attrs.evolve(self._right(request), dribble=personality.dribble)
        if kind is TokenAnswer.REPEATED:
            return _repeated(self._right(request))
        return _WRONG[kind]

    def _right(self, request: WebRequest) -> WebAnswer:
        if request.method != "POST" or request.repeated:
            return denied("invalid_request", "a form is posted, and each parameter comes once")
        kind = request.parameters.get("grant_type", "")
        if kind == JWT_BEARER:
            outcome = self._by_assertion(request)
        else:
            client = authenticated(request, self._clients, self.endpoint, self._memory)
            if client is None:
                answer = denied("invalid_client", status=401)
                return attrs.evolve(answer, headers={**answer.headers, "WWW-Authenticate": "Basic"})
            if kind not in self._grants:
                return denied("unsupported_grant_type")
            outcome = self._grants[kind](request, client)
        if isinstance(outcome, WebAnswer):
            return outcome
        return as_json(self._tokens(outcome, kind))

    # -- by what a token is asked for ------------------------------------------------------------------------------

    def _by_code(self, request: WebRequest, client: RegisteredClient) -> WebAnswer | Grant:
        code = self._memory.codes.get(request.parameters.get("code", ""))
        if code is None or code.grant.client_id != client.id:
            return denied("invalid_grant", "there is no such code")
        if code.is_used:
            # RFC 6749 section 4.1.2: somebody else may have it, so all that came of it ends.
            code.grant.is_over = True
            return denied("invalid_grant", "the code was used before")
        if code.expires_at <= self._memory.clock():
            return denied("invalid_grant", "the code is too old")
        if code.redirect_uri != request.parameters.get("redirect_uri"):
            return denied("invalid_grant", "the redirect URI is another")
        verifier = request.parameters.get("code_verifier", "")
        if jwt.encoded(hashlib.sha256(verifier.encode()).digest()) != code.challenge:
            return denied("invalid_grant", "the verifier does not fit (PKCE)")
        code.is_used = True
        return code.grant

    def _by_refresh(self, request: WebRequest, client: RegisteredClient) -> WebAnswer | Grant:
        grant = self._memory.of_refresh(request.parameters.get("refresh_token", ""))
        if grant is None or grant.client_id != client.id:
            return denied("invalid_grant", "the refresh token is good no more")
        return grant

    def _by_device(self, request: WebRequest, client: RegisteredClient) -> WebAnswer | Grant:
        device = self._memory.devices.get(request.parameters.get("device_code", ""))
        now = self._memory.clock()
        if device is None or device.client_id != client.id or device.is_used:
            return denied("invalid_grant", "there is no such device code")
        if device.expires_at <= now:
            return denied("expired_token")
        if device.is_denied:
            return denied("access_denied")
        # A clock of ours and one of theirs: half of the interval is early enough to be rude.
        is_rude = now - device.asked_at < self._memory.personality.interval / 2
        device.asked_at = now
        if device.grant is None:
            return denied("slow_down" if is_rude else "authorization_pending")
        device.is_used = True
        return device.grant

    def _by_itself(self, request: WebRequest, client: RegisteredClient) -> WebAnswer | Grant:
        if not client.key:
            return denied("unauthorized_client")
        return self._memory.agree(client.id, None, (MAIL_SCOPE,))

    def _by_assertion(self, request: WebRequest) -> WebAnswer | Grant:
        found = jwt.opened(request.parameters.get("assertion", ""), SERVICE_KEY)
        if found is None:
            return denied("invalid_grant", "Invalid JWT Signature.")
        _, claims = found
        now = self._memory.clock()
        if claims.get("iss") != SERVICE_ACCOUNT or claims.get("aud") != self.endpoint:
            return denied("invalid_grant", "Invalid JWT: iss or aud")
        issued, ends = number(claims, "iat"), number(claims, "exp")
        if not now - _HOUR <= issued <= now + 5 or not now < ends <= now + _HOUR:
            return denied("invalid_grant", "Invalid JWT: Token must be a short-lived token")
        if not {GOOGLE_SCOPE, MAIL_SCOPE} & set(str(claims.get("scope")).split()):
            return denied("invalid_scope")
        account = self._store.account(str(claims.get("sub")))
        if account is None:
            return denied("unauthorized_client", "Client is unauthorized to retrieve access tokens using this method")
        return self._memory.agree(SERVICE_ACCOUNT, account.address, (MAIL_SCOPE, str(claims["scope"])))

    # -- what is given ---------------------------------------------------------------------------------------------

    def _tokens(self, grant: Grant, kind: str) -> dict[str, Any]:
        personality = self._memory.personality
        seconds = personality.expires_in if isinstance(personality.expires_in, int) else _HOUR
        scopes = tuple(scope for scope in grant.scopes if scope not in personality.withheld)
        data: dict[str, Any] = {
            "access_token": self._memory.new_access(grant, scopes, seconds),
            "token_type": personality.token_type,
        }
        if personality.expires_in is not None:
            data["expires_in"] = personality.expires_in
        if personality.tells_scope:
            data["scope"] = " ".join(scopes)
        if kind in (JWT_BEARER, "client_credentials"):
            return data
        data |= self._refresh(grant, kind)
        left = self._memory.sign_in_left(grant)
        if left is not None:
            data["refresh_token_expires_in"] = left
        if "openid" in grant.scopes and personality.gives_id_token:
            data["id_token"] = jwt.signed("issuer", self.claims(grant) | self._about_the_token(grant))
        return data

    def _refresh(self, grant: Grant, kind: str) -> dict[str, Any]:
        personality = self._memory.personality
        if personality.refresh_tokens is RefreshTokens.NULL:
            return {"refresh_token": None}
        if personality.refresh_tokens is RefreshTokens.EMPTY:
            return {"refresh_token": ""}
        if personality.refresh_tokens is RefreshTokens.ABSENT or (kind == "refresh_token" and not personality.rotates):
            return {}
        return {"refresh_token": self._memory.new_refresh(grant)}

    def claims(self, grant: Grant) -> dict[str, Any]:
        """Return what is said of the person (OpenID Connect Core section 5.1)."""
        said: dict[str, Any] = {"sub": grant.address}
        if "email" in grant.scopes:
            said |= {"email": grant.address, "email_verified": True}
        return _changed(said, self._memory.personality.claims)

    def _about_the_token(self, grant: Grant) -> dict[str, Any]:
        now = int(self._memory.clock())
        said = {"iss": self._issuer, "aud": grant.client_id, "iat": now, "exp": now + 600}
        if grant.nonce:
            said["nonce"] = grant.nonce
        return _changed(said, self._memory.personality.claims)


def _changed(said: dict[str, Any], instead: Any) -> dict[str, Any]:
    return {name: value for name, value in (said | dict(instead)).items() if value is not None}


def _repeated(answer: WebAnswer) -> WebAnswer:
    """Return an answer whose members come twice, wrong first; RFC 8259 section 4 leaves open what that means."""
    wrong = "".join(f"{json.dumps(name)}: {json.dumps('wrong')}, " for name in json.loads(answer.body))
    return attrs.evolve(answer, body=b"{" + wrong.encode() + answer.body[1:])


def _denial(denial: Denial) -> WebAnswer:
    return denied(denial.error, denial.description, denial.status)


_PAGE = {"Content-Type": "text/html"}
_WRONG = {
    TokenAnswer.HTML: WebAnswer(headers=_PAGE, body=b"<html><h1>Welcome to the hotel's network</h1></html>"),
    TokenAnswer.HTML_ERROR: WebAnswer(status=500, headers=_PAGE, body=b"<html><h1>Internal Server Error</h1></html>"),
    TokenAnswer.ERROR_WITH_200: as_json({"error": "invalid_grant"}),
    TokenAnswer.REDIRECT: WebAnswer(status=307, headers={"Location": "https://localhost/elsewhere"}),
    TokenAnswer.REDIRECT_TO_HTTP: WebAnswer(status=302, headers={"Location": "http://127.0.0.1/elsewhere"}),
    TokenAnswer.HUGE: WebAnswer(headers={"Content-Type": "application/json"}, body=_CHUNK, repeat=_HUGE // len(_CHUNK)),
    TokenAnswer.THROTTLED: as_json({"error": "temporarily_unavailable"}, 429, Retry_After="7"),
    TokenAnswer.UNAVAILABLE: WebAnswer(status=503, headers=_PAGE, body=b"<html>Be right back</html>"),
    TokenAnswer.NOT_JSON: WebAnswer(headers={"Content-Type": "application/json"}, body=b"access_token=x&token_type=y"),
    TokenAnswer.LIST: as_json(["access_token", "token_type"]),
}
