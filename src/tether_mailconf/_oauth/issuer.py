"""Issuers: who lets people sign in and makes the tokens (the "authorization server" of RFC 6749), as data.

What is known of the large ones is in `issuers.toml`, each with source and date, and is read on first use. Any other is
made of its own values, or of the document in which it describes itself (`metadata`).
"""

from __future__ import annotations

import enum
import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import attrs

from ..errors import InvalidSettings, Problem, printable
from ..host_name import read_host

TENANT = "{tenantid}"
"""In an `iss` of Microsoft: the id of the tenant that the person belongs to."""

# RFC 3986 section 2, without what begins a fragment: all that an endpoint is made of.
_URL = re.compile(r"https://[A-Za-z0-9._~:/?\[\]!$&'()*+,;=%@-]{1,2000}\Z")
# RFC 6749 section 3.3: scope-token.
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,300}\Z")
_ID = re.compile(r"[\x21-\x7e]{1,200}\Z")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)

_ENDPOINTS = (
    "authorization_endpoint",
    "token_endpoint",
    "device_authorization_endpoint",
    "revocation_endpoint",
    "userinfo_endpoint",
    "introspection_endpoint",
)
_OURS = frozenset(
    {
        "client_id",
        "client_secret",
        "code_challenge",
        "code_challenge_method",
        "login_hint",
        "nonce",
        "redirect_uri",
        "response_mode",
        "response_type",
        "scope",
        "state",
    }
)
"""What a sign-in sets itself; an issuer's own parameters may not undo it."""

_CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant of all personal accounts: https://learn.microsoft.com/en-us/entra/identity-platform/id-tokens"""

_CONSTANTS = {
    "AOL": "login.aol.com",
    "COMCAST": "comcast.net",
    "FASTMAIL": "api.fastmail.com",
    "GOOGLE": "accounts.google.com",
    "MAIL_RU": "o2.mail.ru",
    "MICROSOFT": "login.microsoftonline.com",
    "YAHOO": "login.yahoo.com",
    "YANDEX": "oauth.yandex.com",
}


class ClientAuthentication(enum.Enum):
    """How a client with a secret shows it to the token endpoint (RFC 6749 section 2.3.1)."""

    POST = "post"
    """in the form, as client_id and client_secret"""
    BASIC = "basic"
    """in the Authorization field"""


class MicrosoftCloud(enum.Enum):
    """Microsoft's cloud, and the sovereign ones beside it."""

    GLOBAL = "global"
    US_GOVERNMENT = "us_government"
    """GCC High"""
    US_DEFENSE = "us_defense"
    """DoD"""
    CHINA = "china"
    """operated by 21Vianet"""


def _tuple(values: Iterable[str]) -> tuple[str, ...]:
    # A lone string is a mistake that would become one scope a letter; the validation tells it better.
    return (values,) if isinstance(values, str) else tuple(values)


def _pairs(values: Mapping[str, str] | tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return values if isinstance(values, tuple) else tuple(values.items())


@attrs.frozen(kw_only=True)
class Issuer:
    """Where people sign in, and what has to be known for it.

    Args:
        id: what it is stored under, and what presets name it by: up to 200 printable ASCII characters, no spaces.
        label: its name, for people.
        issuer: its identifier, which `iss` must be; `{tenantid}` in it stands for the tenant that an id token names.
        authorization_endpoint: where the browser is sent.
        token_endpoint: where codes and refresh tokens are exchanged.
        device_authorization_endpoint: where device codes are made (RFC 8628); None if it makes none for mail.
        revocation_endpoint: where tokens are revoked (RFC 7009); None if nowhere.
        userinfo_endpoint: where it says who signed in (OpenID Connect Core section 5.3); None if nowhere.
        introspection_endpoint: where servers ask about tokens (RFC 7662); not used by a sign-in.
        scopes: what sending and filing mail needs; a person who does not grant all of it has not signed in.
        identity_scopes: what is asked for besides, to learn who signed in or to get a refresh token.
        identity_claims: which claims name the address of who signed in. Elsewhere than at Microsoft, people choose any
            `preferred_username` they like (OpenID Connect Core section 5.7).
        also_known_as: further values that `iss` of an id token may have.
        authorization_parameters: what the authorization endpoint is told besides, by name.
        client_authentication: how a client's secret is shown.
        checks_pkce: whether it checks PKCE (RFC 7636), which is used in any case; None if no source says so.
        sends_iss: whether every callback has `iss` (RFC 9207); one that is there is checked in any case.
        checked: year and month of the last look at the sources.
        sources: where all this is written.

    Raises:
        InvalidSettings: one of them cannot be right.
    """

    id: str
    label: str
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    device_authorization_endpoint: str | None = None
    revocation_endpoint: str | None = None
    userinfo_endpoint: str | None = None
    introspection_endpoint: str | None = None
    scopes: tuple[str, ...] = attrs.field(converter=_tuple)
    identity_scopes: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    identity_claims: tuple[str, ...] = attrs.field(default=("email",), converter=_tuple)
    also_known_as: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    authorization_parameters: tuple[tuple[str, str], ...] = attrs.field(default=(), converter=_pairs)
    client_authentication: ClientAuthentication = ClientAuthentication.POST
    checks_pkce: bool | None = None
    sends_iss: bool = False
    checked: str = ""
    sources: tuple[str, ...] = attrs.field(default=(), converter=_tuple)

    def __attrs_post_init__(self) -> None:
        problems: list[Problem] = []
        if not _ID.match(self.id):
            text = "an issuer's id has up to 200 printable ASCII characters and no space"
            problems.append(Problem(field="id", code="issuer.id", message=text))
        if not self.label.strip() or printable(self.label) != self.label:
            problems.append(Problem(field="label", code="issuer.label", message="an issuer has a name for people"))
        if why := url_problem(self.issuer.replace(TENANT, "tenantid")):
            problems.append(Problem(field="issuer", code="issuer.url", message=why))
        for name in _ENDPOINTS:
            value: str | None = getattr(self, name)
            if value is not None and (why := url_problem(value)):
                problems.append(Problem(field=name, code="issuer.url", message=why))
        problems += scope_problems(self.scopes, self.identity_scopes)
        if unfit := _OURS & {name for name, _ in self.authorization_parameters}:
            text = f"a sign-in sets {', '.join(sorted(unfit))} itself"
            problems.append(Problem(field="authorization_parameters", code="issuer.parameters", message=text))
        if problems:
            raise InvalidSettings(tuple(problems))

    @property
    def asked_scopes(self) -> tuple[str, ...]:
        """All scopes that are asked for, in order and once each."""
        return tuple(dict.fromkeys((*self.scopes, *self.identity_scopes)))


def scope_problems(scopes: tuple[str, ...], identity_scopes: tuple[str, ...]) -> list[Problem]:
    """Return what is wrong with the scopes that mail needs, and with those that are asked for besides."""
    problems: list[Problem] = []
    if not scopes:
        text = "name the scopes that mail needs; without them a sign-in proves nothing about mail"
        problems.append(Problem(field="scopes", code="issuer.scopes_missing", message=text))
    for field, asked in (("scopes", scopes), ("identity_scopes", identity_scopes)):
        for scope in asked:
            if not is_scope(scope):
                text = f"{printable(scope, 80)!r} is not one scope (RFC 6749 section 3.3); give each by itself"
                problems.append(Problem(field=field, code="issuer.scope", message=text))
    return problems


def is_scope(text: str) -> bool:
    """Return whether this is one scope (RFC 6749 section 3.3)."""
    return _SCOPE.match(text) is not None


def url_problem(url: str) -> str:
    """Return why nothing may be sent to this URL; empty if it may.

    https, a host, and nothing that two readers could understand in two ways.
    """
    if not _URL.match(url):
        return "this is not an https address"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "this is not an address"
    if "@" in parts.netloc or port == 0 or isinstance(read_host(host), Problem):
        return "the address needs a host, and has no user name"
    return ""


def known(issuer_id: str) -> Issuer:
    """Return the issuer with this id, such as a preset's `oauth_issuer`; Microsoft's sovereign clouds have ids too.

    Raises:
        InvalidSettings: none is known by it.
    """
    for cloud in MicrosoftCloud:
        if issuer_id == _data()["microsoft"]["cloud"][cloud.value]["id"]:
            return microsoft(cloud=cloud)
    found = _issuers().get(issuer_id)
    if found is None:
        text = f"no issuer is known as {printable(issuer_id, 80)!r}; there are {', '.join(ids())}"
        raise InvalidSettings((Problem(field="issuer", code="issuer.unknown", message=text),))
    return found


def ids() -> tuple[str, ...]:
    """Return the ids of all known issuers."""
    return tuple(sorted(_CONSTANTS.values()))


@cache
def microsoft(tenant: str = "common", cloud: MicrosoftCloud = MicrosoftCloud.GLOBAL) -> Issuer:
    """Return Microsoft as an issuer.

    Args:
        tenant: whose accounts may sign in: "common" is all, "organizations" is work and school, "consumers" is personal
            ones; or one tenant by its id or a domain of it. It must fit how the application is registered
            (https://learn.microsoft.com/en-us/entra/identity-platform/authentication-national-cloud).
        cloud: the cloud that the tenant is in. A sovereign one has no personal accounts.

    Raises:
        InvalidSettings: there is no such tenant.
    """
    entry = _data()["microsoft"]
    place: Mapping[str, Any] = entry["cloud"][cloud.value]
    tenant = tenant.strip().lower()
    problem = ""
    if tenant not in ("common", "organizations", "consumers") and not _GUID.match(tenant):
        name = read_host(tenant)
        problem = "" if isinstance(name, str) and "." in name else "give the tenant's id, or a domain of it"
    elif tenant == "consumers" and cloud is not MicrosoftCloud.GLOBAL:
        problem = "personal accounts are in the global cloud only"
    if problem:
        raise InvalidSettings((Problem(field="tenant", code="issuer.tenant", message=problem),))
    authority = f"https://{place['login']}/{tenant}/oauth2/v2.0"
    tenant_id = {"consumers": _CONSUMERS}.get(tenant, tenant if _GUID.match(tenant) else TENANT)
    return Issuer(
        id=place["id"] if tenant == "common" else f"{place['id']}/{tenant}",
        label=entry["label"],
        issuer=f"https://{place['issuer']}/{tenant_id}/v2.0",
        authorization_endpoint=f"{authority}/authorize",
        token_endpoint=f"{authority}/token",
        device_authorization_endpoint=f"{authority}/devicecode",
        scopes=tuple(f"https://{place['resource']}/{permission}" for permission in entry["permissions"]),
        identity_scopes=entry["identity_scopes"],
        identity_claims=entry["identity_claims"],
        authorization_parameters=entry["authorization_parameters"],
        checks_pkce=entry["checks_pkce"],
        checked=entry["checked"],
        sources=entry["sources"],
    )


@cache
def _data() -> Mapping[str, Any]:
    folder = files(__name__.rpartition(".")[0])
    return tomllib.loads(folder.joinpath("issuers.toml").read_text(encoding="utf-8"))


@cache
def _issuers() -> Mapping[str, Issuer]:
    return {entry["id"]: Issuer(**entry) for entry in _data()["issuer"]}


def __getattr__(name: str) -> Issuer:
    if name in _CONSTANTS:
        return known(_CONSTANTS[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
