"""The way through the browser: the URL that it is sent to, and what it comes back with (RFC 6749 section 4.1)."""

from __future__ import annotations

import hmac
import re
import secrets
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ..secret import Secret
from . import causes
from .client import Client
from .errors import IssuerRefused, OAuthError, SignInFailed
from .issuer import Issuer

_LONGEST_CALLBACK = 32 * 1024
_MOST_PARAMETERS = 64
_CODE = re.compile(r"[\x20-\x7e]{1,8192}\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
"""What no URL contains, and what `urlsplit` would take out of one."""


def new_state() -> str:
    """Return an unguessable text of 256 bits (RFC 6749 section 10.10 asks for 128)."""
    return secrets.token_urlsafe(32)


def new_verifier() -> Secret:
    """Return a PKCE verifier of 64 characters (RFC 7636 section 4.1)."""
    from oauthlib.oauth2 import WebApplicationClient

    return Secret(WebApplicationClient("").create_code_verifier(64))


def url(client: Client, *, state: str, nonce: Secret, verifier: Secret, login: str) -> str:
    """Return where to send the browser.

    PKCE is always S256 (RFC 9700 section 2.1.1); an issuer that does not know it passes over it (RFC 6749 section 3.1).
    """
    from oauthlib.oauth2 import WebApplicationClient

    issuer = client.issuer
    browser: Any = WebApplicationClient(client.id)
    extra = dict(issuer.authorization_parameters)
    if "openid" in issuer.asked_scopes:
        extra["nonce"] = nonce.reveal()
    text: str = browser.prepare_request_uri(
        issuer.authorization_endpoint,
        redirect_uri=client.redirect_uri,
        scope=list(issuer.asked_scopes),
        state=state,
        login_hint=login,
        code_challenge=browser.create_code_challenge(verifier.reveal(), "S256"),
        code_challenge_method="S256",
        **extra,
    )
    return text


def read_callback(issuer: Issuer, state: str, callback_url: str) -> Secret:
    """Return the authorization code that the browser came back with.

    The state is looked at first: what a stranger sends, an error included, is not taken for the issuer's word.

    Raises:
        SignInFailed: the answer is not this sign-in's, is malformed, or says no.
        IssuerRefused: the issuer says no, and a new sign-in would not help.
    """
    parameters = _parameters(callback_url)
    error: OAuthError | None = None
    if parameters is None:
        error = SignInFailed(causes.known("oauth.callback_malformed"))
    elif not hmac.compare_digest(_utf8(parameters.get("state", "")), _utf8(state)):
        error = SignInFailed(causes.known("oauth.state_mismatch"))
    elif not _is_issuer(issuer, parameters.get("iss")):
        error = SignInFailed(causes.known("oauth.issuer_mismatch"))
    elif ("error" in parameters) == ("code" in parameters):
        error = SignInFailed(causes.known("oauth.callback_malformed"))
    elif "error" in parameters:
        error = _refusal(parameters["error"], parameters.get("error_description", ""))
    elif not _CODE.match(parameters["code"]):
        error = SignInFailed(causes.known("oauth.callback_malformed"))
    code = Secret((parameters or {}).get("code", "") if error is None else "")
    del parameters, callback_url  # an error shows no variable that holds the code
    if error is not None:
        raise error
    return code


def _utf8(text: str) -> bytes:
    # Whatever a stranger sends, and whatever lies where a host keeps what it stores.
    return text.encode(errors="surrogatepass")


def _parameters(callback_url: str) -> dict[str, str] | None:
    """Return the parameters; None if one is there twice (RFC 6749 section 3.1) or they are no parameters."""
    if len(callback_url) > _LONGEST_CALLBACK or _CONTROL.search(callback_url):
        return None
    try:
        pairs = parse_qsl(
            urlsplit(callback_url).query, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS
        )
    except ValueError:
        return None
    parameters = dict(pairs)
    return parameters if len(parameters) == len(pairs) else None


def _is_issuer(issuer: Issuer, told: str | None) -> bool:
    if told is None:
        return not issuer.sends_iss
    return matches_issuer(issuer, told, None)


def matches_issuer(issuer: Issuer, told: str, tenant: str | None) -> bool:
    """Whether `told` is the issuer's identifier; `{tenantid}` in it stands for `tenant`, or for any if that is None."""
    before, mark, behind = issuer.issuer.partition("{tenantid}")
    if not mark:
        return told == before
    middle = r"[0-9a-fA-F-]{36}" if tenant is None else re.escape(tenant)
    return re.fullmatch(re.escape(before) + middle + re.escape(behind), told) is not None


def _refusal(error: str, description: str) -> OAuthError:
    cause = causes.of_answer(error, description, invalid_grant="oauth.refused")
    kind = SignInFailed if cause.mender is causes.Mender.PERSON else IssuerRefused
    return kind(cause, f"{error} {description}".strip())
