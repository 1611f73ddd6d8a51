"""The document in which an issuer describes itself (RFC 8414, OpenID Connect Discovery), read with distrust.

A client that believes such a document sends its secret and people's browsers wherever it points. So it must name the
issuer that was asked for, and its endpoints lie on that host, or on one that the host application has named.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import cast
from urllib.parse import urlsplit

from ..errors import InvalidSettings, Problem, printable
from .issuer import ClientAuthentication, Issuer, url_problem

_REQUIRED = ("authorization_endpoint", "token_endpoint")
_OPTIONAL = ("device_authorization_endpoint", "revocation_endpoint", "userinfo_endpoint", "introspection_endpoint")


def metadata_urls(issuer_url: str) -> tuple[str, ...]:
    """Return where an issuer may describe itself, in the order to ask.

    Raises:
        InvalidSettings: this is not an issuer's identifier (RFC 8414 section 2: https, no query, no fragment).
    """
    why = url_problem(issuer_url) or ("an issuer's identifier has no query" if "?" in issuer_url else "")
    if why:
        raise InvalidSettings((Problem(field="url", code="issuer.url", message=why),))
    parts = urlsplit(issuer_url)
    path = parts.path.rstrip("/")
    root = f"https://{parts.netloc}"
    return tuple(
        dict.fromkeys(
            (
                f"{root}/.well-known/oauth-authorization-server{path}",  # RFC 8414 section 3.1
                f"{root}{path}/.well-known/openid-configuration",  # OpenID Connect Discovery section 4.1
                f"{root}/.well-known/openid-configuration{path}",  # RFC 8414 section 5
            )
        )
    )


def issuer_from_metadata(
    document: bytes,
    *,
    issuer_url: str,
    scopes: tuple[str, ...],
    identity_scopes: tuple[str, ...],
    endpoint_hosts: Collection[str],
) -> Issuer:
    """Return the issuer that the document describes.

    Of `identity_scopes`, those that it does not support are left out, if it lists what it supports; offline_access,
    which brings the refresh token (OpenID Connect Core section 11), is added if it is among them.

    Args:
        document: what was found at one of `metadata_urls`.
        issuer_url: the identifier of the issuer that was asked for.
        scopes: the scopes that mail needs there.
        identity_scopes: what to ask for besides.
        endpoint_hosts: hosts beside the issuer's own on which its endpoints may lie.

    Raises:
        InvalidSettings: with everything that is wrong with it.
    """
    data = _object(document)
    problems: list[Problem] = []
    _check_issuer(data, issuer_url, problems)
    hosts = {(urlsplit(issuer_url).hostname or "").lower(), *(host.lower() for host in endpoint_hosts)}
    endpoints = _endpoints(data, hosts, problems)
    _check_code(data, problems)
    authentication = _client_authentication(data, problems)
    if problems:
        raise InvalidSettings(tuple(problems))
    supported = _strings(data.get("scopes_supported"), [])
    besides = [scope for scope in identity_scopes if scope in supported or not supported]
    is_offline = "offline_access" in (*besides, *supported)
    return Issuer(
        id=issuer_url,
        label=urlsplit(issuer_url).hostname or "",
        issuer=issuer_url,
        scopes=scopes,
        identity_scopes=dict.fromkeys((*besides, "offline_access") if is_offline else besides),
        # OpenID Connect Core section 11: without it, offline_access is passed over.
        authorization_parameters={"prompt": "consent"} if is_offline else {},
        client_authentication=authentication,
        checks_pkce="S256" in _strings(data.get("code_challenge_methods_supported"), []),
        sends_iss=data.get("authorization_response_iss_parameter_supported") is True,
        **endpoints,
    )


def _check_issuer(data: Mapping[str, object], issuer_url: str, problems: list[Problem]) -> None:
    if data.get("issuer") != issuer_url:
        # RFC 8414 section 3.3: or anybody could describe somebody else's endpoints as theirs.
        text = f"the document is about {printable(str(data.get('issuer')), 120)!r}, not about {issuer_url!r}"
        problems.append(Problem(field="issuer", code="metadata.issuer", message=text))


def _check_code(data: Mapping[str, object], problems: list[Problem]) -> None:
    if "code" not in _strings(data.get("response_types_supported"), ["code"]):
        text = "the issuer does not offer the authorization code"
        problems.append(Problem(field="response_types_supported", code="metadata.no_code", message=text))


def _endpoints(data: Mapping[str, object], hosts: Collection[str], problems: list[Problem]) -> dict[str, str]:
    endpoints: dict[str, str] = {}
    for name in (*_REQUIRED, *_OPTIONAL):
        url = data.get(name)
        problem = _endpoint_problem(name, url, hosts)
        if isinstance(url, str) and problem is None:
            endpoints[name] = url
        elif problem is not None and (url is not None or name in _REQUIRED):
            problems.append(problem)
    return endpoints


def _object(document: bytes) -> dict[str, object]:
    try:
        data = json.loads(document)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        text = "what the issuer shows is not a description of itself"
        raise InvalidSettings((Problem(field="url", code="metadata.unreadable", message=text),))
    return cast("dict[str, object]", data)


def _endpoint_problem(name: str, url: object, hosts: Collection[str]) -> Problem | None:
    if not isinstance(url, str):
        return Problem(field=name, code="metadata.endpoint_missing", message=f"the issuer does not tell its {name}")
    if why := url_problem(url):
        return Problem(field=name, code="metadata.endpoint", message=why)
    host = (urlsplit(url).hostname or "").lower()
    if host not in hosts:
        text = f"it lies on {printable(host, 120)!r}; if that is right, name the host in endpoint_hosts"
        return Problem(field=name, code="metadata.foreign_endpoint", message=text)
    return None


def _client_authentication(data: Mapping[str, object], problems: list[Problem]) -> ClientAuthentication:
    """Return how to show the secret; a problem is added if no way that the issuer takes is ours."""
    field = "token_endpoint_auth_methods_supported"
    methods = _strings(data.get(field), [])
    if not methods or "client_secret_basic" in methods:
        return ClientAuthentication.BASIC  # RFC 8414 section 2: the default
    if "client_secret_post" not in methods and "none" not in methods:
        text = "the issuer takes neither a client secret nor a client without one"
        problems.append(Problem(field=field, code="metadata.client_authentication", message=text))
    return ClientAuthentication.POST


def _strings(value: object, default: list[str]) -> list[str]:
    if not isinstance(value, list):
        return default
    return [item for item in cast("list[object]", value) if isinstance(item, str)]
