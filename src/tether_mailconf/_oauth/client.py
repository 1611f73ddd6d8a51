"""The host application as an issuer knows it (the "client" of RFC 6749), and how it identifies itself."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import attrs

from .._ports import HttpRequest
from ..errors import InvalidSettings, Problem
from ..secret import Secret
from .issuer import ClientAuthentication, Issuer

_FORM = "application/x-www-form-urlencoded"


@attrs.frozen(kw_only=True)
class Client:
    """The host application at one issuer.

    Args:
        issuer: the issuer.
        id: the client id that the issuer gave.
        secret: the client secret; None for a public client.
        redirect_uri: where the issuer sends the browser back to; None where no browser comes back.

    Raises:
        InvalidSettings: one of them cannot be right.
    """

    issuer: Issuer
    id: str
    secret: Secret | None
    redirect_uri: str | None = None

    def __attrs_post_init__(self) -> None:
        problems: list[Problem] = []
        if not self.id or not self.id.isascii() or not self.id.isprintable() or len(self.id) > 500:
            problems.append(Problem(field="client_id", code="client_id.invalid", message="this is no client id"))
        if self.secret is not None and not self.secret:
            text = "the client secret is empty; a public client has none"
            problems.append(Problem(field="client_secret", code="client_secret.empty", message=text))
        if self.redirect_uri is not None and (problem := _redirect_problem(self.redirect_uri)):
            problems.append(Problem(field="redirect_uri", code="redirect_uri.invalid", message=problem))
        if problems:
            raise InvalidSettings(tuple(problems))

    def post(self, url: str, parameters: Mapping[str, str], secrets: Mapping[str, Secret]) -> HttpRequest:
        """Return the request that posts a form in this client's name (RFC 6749 section 2.3.1).

        Args:
            url: the endpoint.
            parameters: what is no secret.
            secrets: what is.
        """
        headers: dict[str, str | Secret] = {"content-type": _FORM, "accept": "application/json"}
        public, hidden = dict(parameters), dict(secrets)
        if self.secret is None:
            public["client_id"] = self.id
        elif self.issuer.client_authentication is ClientAuthentication.BASIC:
            headers["authorization"] = _basic(self.id, self.secret)
        else:
            public["client_id"] = self.id
            hidden["client_secret"] = self.secret
        return HttpRequest(method="POST", url=url, headers=headers, body=form(public, hidden))


def form(parameters: Mapping[str, str], secrets: Mapping[str, Secret]) -> Secret:
    """Return the fields of a form, encoded (application/x-www-form-urlencoded)."""
    return Secret(urlencode([*parameters.items(), *((name, secret.reveal()) for name, secret in secrets.items())]))


def _basic(client_id: str, secret: Secret) -> Secret:
    # RFC 6749 section 2.3.1: both are form-encoded before they are joined.
    return Secret(
        b"Basic " + base64.b64encode(quote_plus(client_id).encode() + b":" + quote_plus(secret.reveal()).encode())
    )


def _redirect_problem(uri: str) -> str:
    """Return what is wrong with a redirect URI (RFC 6749 section 3.1.2, RFC 8252 section 7); empty if nothing."""
    if len(uri) > 2048 or not uri.isascii() or not uri.isprintable() or " " in uri:
        return "a redirect URI has up to 2,048 printable ASCII characters and no space"
    try:
        parts: Any = urlsplit(uri)
        host = parts.hostname
        parts.port  # noqa: B018 - raises for a port that is none
    except ValueError:
        return "this is no URI"
    if parts.fragment or uri.endswith("#"):
        return "a redirect URI has no fragment (RFC 6749 section 3.1.2)"
    if parts.scheme == "https" and host:
        return ""
    if parts.scheme == "http" and host in ("127.0.0.1", "::1", "localhost"):
        return ""
    if "." in parts.scheme:
        return ""  # a scheme of the application's own, in reverse domain order (RFC 8252 section 7.1)
    return "a redirect URI is https; http only on this machine (127.0.0.1)"
