"""Who signed in: the id token's or the userinfo endpoint's word on it, checked before it is believed."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import datetime
from typing import cast

import attrs

from .._ports import IO, Deadline, HttpRequest
from ..address import read_address
from ..errors import Problem, printable
from ..secret import Secret
from . import causes
from .authorization import matches_issuer
from .client import Client
from .errors import SignInFailed
from .exchange import REQUEST_SECONDS, Granted, failure, read_object

_SKEW = 120.0
"""Seconds that the issuer's clock and ours may differ."""


@attrs.frozen(kw_only=True)
class Identity:
    """Who signed in, as the issuer says.

    Args:
        addresses: the addresses of the account; none if the issuer tells none.
        is_confirmed: whether the issuer stands for them.
    """

    addresses: tuple[str, ...] = ()
    is_confirmed: bool = False


async def identify(io: IO, client: Client, granted: Granted, nonce: Secret, deadline: Deadline) -> Identity:
    """Return who signed in.

    The id token comes straight from the token endpoint over verified TLS, so its signature proves nothing more (OpenID
    Connect Core section 3.1.3.7, point 6).

    Raises:
        SignInFailed: the issuer's word is not to be trusted.
        ConversationError: the userinfo endpoint cannot be asked.
    """
    if granted.id_token is not None and "openid" in client.issuer.asked_scopes:
        return _checked(client, granted.id_token, nonce, io.now())
    if client.issuer.userinfo_endpoint is None or "openid" not in client.issuer.asked_scopes:
        return Identity()
    bearer = Secret(b"Bearer " + granted.access.reveal_bytes())
    request = HttpRequest(
        method="GET",
        url=client.issuer.userinfo_endpoint,
        headers={"authorization": bearer, "accept": "application/json"},
    )
    response = await io.fetch(request, deadline.sooner(REQUEST_SECONDS))
    claims = read_object(response) if response.status == 200 else None
    if claims is None:
        raise failure(client.issuer.userinfo_endpoint, response)
    return _identity(client, claims)


def check_account(identity: Identity, login: str) -> bool:
    """Return whether the issuer confirms that `login` signed in; False if it tells nothing.

    Raises:
        SignInFailed: somebody else signed in.
    """
    if not identity.addresses:
        return False
    wanted = comparable(login)
    if any(comparable(address) == wanted for address in identity.addresses):
        return identity.is_confirmed
    seen = " or ".join(printable(ascii(address)[1:-1], 100) for address in identity.addresses)
    raise SignInFailed(causes.known("oauth.wrong_account"), f"signed in: {seen}; asked for: {login}")


def comparable(address: str) -> str | None:
    """Return an address in the form in which two are the same account; None if it is no address.

    Only ASCII letters lose their case, and nothing may become ASCII on the way: Unicode's lower case and normal forms
    turn look-alikes such as U+212A into plain letters.
    """
    found = read_address(address)
    if isinstance(found, Problem):
        return None
    local_part, _, domain = address.rpartition("@")
    if found.isascii() and not local_part.isascii():
        return None
    if not domain.isascii() and not _is_spelt_out(domain, found.rpartition("@")[2]):
        return None
    return _lower(found)


def _is_spelt_out(domain: str, found: str) -> bool:
    """Whether a domain with other than ASCII letters is what its A-labels stand for, letter by letter."""
    import idna

    return idna.decode(found) == _lower(domain)


def _lower(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)


def _checked(client: Client, id_token: Secret, nonce: Secret, now: datetime) -> Identity:
    claims = _claims(id_token)
    trouble = "it is no JSON Web Token" if claims is None else _trouble(client, claims, nonce, now)
    identity = _identity(client, claims or {})
    del claims  # an error shows no variable that holds them
    if trouble:
        raise SignInFailed(causes.known("oauth.identity_invalid"), f"the id token: {trouble}")
    return identity


def _trouble(client: Client, claims: dict[str, object], nonce: Secret, now: datetime) -> str:
    """Return what is wrong with an id token (OpenID Connect Core section 3.1.3.7); empty if nothing."""
    tenant, issuer, expires, told = (claims.get(name) for name in ("tid", "iss", "exp", "nonce"))
    audience, party = claims.get("aud"), claims.get("azp", client.id)
    is_known = isinstance(issuer, str) and (
        issuer in client.issuer.also_known_as or matches_issuer(client.issuer, issuer, str(tenant) if tenant else None)
    )
    if not is_known:
        return "another issuer made it (iss)"
    if audience not in (client.id, [client.id]) and not (
        isinstance(audience, list) and client.id in audience and "azp" in claims
    ):
        return "it is meant for another application (aud)"
    if party != client.id:
        return "it is meant for another application (azp)"
    if isinstance(expires, bool) or not isinstance(expires, int | float) or not expires > now.timestamp() - _SKEW:
        return "it has expired (exp)"
    if nonce and (not isinstance(told, str) or not _is(told, nonce)):
        return "it belongs to another sign-in (nonce)"
    return ""


def _claims(id_token: Secret) -> dict[str, object] | None:
    parts = id_token.reveal_bytes().split(b".")
    if len(parts) != 3:
        return None
    try:
        data = json.loads(base64.b64decode(parts[1] + b"=" * (-len(parts[1]) % 4), altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, object]", data) if isinstance(data, dict) else None


def _is(told: str, nonce: Secret) -> bool:
    return hmac.compare_digest(told.encode(errors="surrogatepass"), nonce.reveal_bytes())


def _identity(client: Client, claims: dict[str, object]) -> Identity:
    """Return the addresses that the claims name. One that the issuer says it has not verified is nobody's."""
    found: list[str] = []
    is_confirmed = True
    for name in client.issuer.identity_claims:
        value = claims.get(name)
        if not isinstance(value, str) or len(value) > 320 or "@" not in value:
            continue
        if name == "email":
            verified = claims.get("email_verified")
            if verified not in (None, True, "true"):
                continue
            # Not told is not verified (OpenID Connect Core section 5.1), but it may show that somebody else came.
            is_confirmed = verified is not None
        found.append(value)
    return Identity(addresses=tuple(dict.fromkeys(found)), is_confirmed=is_confirmed)
