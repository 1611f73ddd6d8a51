"""The token endpoint: one request, and its answer as a value. Nothing an issuer sends gets further unread."""

from __future__ import annotations

import json
import re
from typing import Any, cast
from urllib.parse import urlsplit

import attrs

from .._ports import IO, Deadline, HttpRequest, HttpResponse
from ..errors import InvalidSettings, printable
from ..secret import Secret
from ..settings import Endpoint, Security
from . import causes
from .errors import IssuerFailed

REQUEST_SECONDS = 20.0
"""Longest that one request to an issuer may take."""

_LIFETIME = 3600.0
"""Seconds taken for an access token's life where the issuer does not say (RFC 6749 section 5.1 only recommends to). A
mail server that refuses it sooner leads to a new one anyway."""

_LONGEST_LIFETIME = 86_400.0
_LONGEST_SIGN_IN = 100 * 366 * 86_400.0
_REFRESH_LIVES = ("refresh_token_expires_in", "refresh_expires_in")
"""What Google, for access that the person gave for a time, and Keycloak say of the refresh token's life, in seconds. No
RFC names it. Seen in an issue thread of github.com/google/GoogleSignIn-iOS, number 565 (2025-12), and in Keycloak's
AccessTokenResponse; 0 is Keycloak's for a token without an end."""

_LONGEST_TOKEN = 16 * 1024
_B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*\Z")
_PRINTABLE = re.compile(r"[\x20-\x7e]+\Z")


@attrs.frozen(kw_only=True)
class Granted:
    """What an issuer gave (RFC 6749 section 5.1).

    Args:
        access: the access token.
        token_type: its kind, in lower case.
        lifetime: seconds that it lives.
        refresh: the refresh token; None if the answer has none, or an empty one.
        refresh_lifetime: seconds that the refresh token still lives; None if the issuer does not say.
        scopes: what was granted; None if the issuer does not say, which means all that was asked for.
        id_token: the id token (OpenID Connect Core section 2); None if there is none.
    """

    access: Secret
    token_type: str
    lifetime: float
    refresh: Secret | None
    refresh_lifetime: float | None
    scopes: tuple[str, ...] | None
    id_token: Secret | None


@attrs.frozen(kw_only=True)
class Denied:
    """What an issuer refused (RFC 6749 section 5.2).

    Args:
        error: its code.
        description: its words, not yet fit to be shown.
        status: the HTTP status.
    """

    error: str
    description: str
    status: int


def where(url: str) -> Endpoint | None:
    """Return the server of an https URL; None if it has none."""
    parts = urlsplit(url)
    try:
        return Endpoint(host=parts.hostname or "", port=parts.port or 443, security=Security.TLS)
    except (ValueError, InvalidSettings):
        return None


async def ask(io: IO, request: HttpRequest, deadline: Deadline) -> Granted | Denied:
    """Make a request to a token endpoint and return what it granted or denied.

    Raises:
        IssuerFailed: the issuer is out of order or talks rubbish.
        ConversationError: it cannot be reached.
    """
    response = await io.fetch(request, deadline.sooner(REQUEST_SECONDS))
    data = read_object(response)
    denied = None if data is None else _denied(data, response.status)
    granted = _granted(data) if data is not None and denied is None and response.status == 200 else None
    del data  # an error shows no variable that holds a token
    is_final = 400 <= response.status < 500 and response.status != 429
    if denied is not None and is_final and not causes.is_temporary(denied.error):
        return denied
    if granted is None:
        raise failure(request.url, response, "" if denied is None else f"{denied.error} {denied.description}")
    return granted


def failure(url: str, response: HttpResponse, said: str = "") -> IssuerFailed:
    """Return the error for an answer that is of no use."""
    words = printable(said.strip(), 300)
    detail = f"the issuer answered with HTTP status {response.status}" + (f": {words}" if words else "")
    if response.status == 200:
        detail = "the issuer's answer is not one that OAuth allows"
    if 300 <= response.status < 400:
        detail = "the issuer sent us elsewhere, which is not followed with a secret in hand"
    return IssuerFailed(
        detail=detail, endpoint=where(url), status=response.status, retry_after=_seconds(response.headers)
    )


def _seconds(headers: Any) -> float | None:
    text = str(headers.get("retry-after", ""))
    return min(float(text), 86_400.0) if text.isascii() and text.isdigit() and len(text) < 8 else None


def read_object(response: HttpResponse) -> dict[str, object] | None:
    """Return the JSON object that a response holds; None if it holds something else."""
    try:
        data = json.loads(response.body.reveal_bytes())
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, object]", data) if isinstance(data, dict) else None


def _denied(data: dict[str, object], status: int) -> Denied | None:
    error = data.get("error")
    if error is None and status < 400:
        return None
    if not isinstance(error, str) or not _PRINTABLE.match(error):
        return None if status < 400 and not error else Denied(error="", description="", status=status or 400)
    words = [value for name in ("error_description", "error_subtype") if isinstance(value := data.get(name), str)]
    return Denied(error=error[:100], description=" ".join(words)[:2000], status=status)


def _granted(data: dict[str, object]) -> Granted | None:
    """Return what was granted; None if the answer is rubbish."""
    access = _secret(data.get("access_token"), _B64TOKEN)
    token_type = data.get("token_type")
    if access is None or not isinstance(token_type, str):
        return None
    scope = data.get("scope")
    return Granted(
        access=access,
        token_type=token_type.lower(),
        lifetime=_lifetime(data.get("expires_in")),
        refresh=_secret(data.get("refresh_token"), _PRINTABLE),
        refresh_lifetime=_refresh_lifetime(data),
        scopes=tuple(scope.split()) if isinstance(scope, str) and scope.strip() else None,
        id_token=_secret(data.get("id_token"), _B64TOKEN),
    )


def _secret(value: object, form: re.Pattern[str]) -> Secret | None:
    if not isinstance(value, str) or len(value) > _LONGEST_TOKEN or not form.match(value):
        return None
    return Secret(value)


def _lifetime(value: object) -> float:
    # One that makes no sense must not cost a token that may be good.
    return min(_positive(value) or _LIFETIME, _LONGEST_LIFETIME)


def _refresh_lifetime(data: dict[str, object]) -> float | None:
    told = next((data[name] for name in _REFRESH_LIVES if name in data), None)
    seconds = _positive(told)
    return None if seconds is None or seconds > _LONGEST_SIGN_IN else seconds


def _positive(value: object) -> float | None:
    """Return a number of seconds; None for what is none. Some issuers write it as a text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return None
    return float(min(value, 10**12))
