"""The mistakes that people make with mail settings, all at once, each with what was probably meant. Pure, asks nobody.

It works on what is typed, even where that cannot be read as settings yet. It never says anything about settings as a
preset makes them, and changes nothing by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

from ..errors import Problem
from ..secret import Secret
from ..settings import ConnectionSettings, CredentialKind
from .catalogue import get, ids, related
from .form import form_data
from .lookup import by_domain, by_server
from .near_miss import suggestion
from .preset import Preset, UserForm

_TLS_PORTS = {"465": "tls", "993": "tls", "587": "starttls", "143": "starttls", "25": "starttls", "2525": "starttls"}
_IMAP_PORTS = {"993", "143", "995", "110"}
_SMTP_PORTS = {"465", "587", "25", "2525"}
_BUSINESS = {"outlook": "microsoft_365", "gmail": "google_workspace"}
"""Where a provider has other servers or another way for domains of one's own, by the consumer's preset."""

_APP_PASSWORD_GROUPS = re.compile(r"\s*(?:[A-Za-z0-9]{4}[\s\u00a0-]){2,7}[A-Za-z0-9]{4}\s*")


@attrs.frozen(kw_only=True)
class Advice:
    """Something that is probably a mistake.

    Args:
        problem: what it is, with the name of the field on a page.
        proposal: what to put into which fields instead; a secret is a `Secret`. Empty if nobody can tell.
    """

    problem: Problem
    proposal: Mapping[str, str | int | Secret] = attrs.field(factory=dict[str, "str | int | Secret"])

    def applied(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is typed with the proposal in it. The secret, if there is one, stands in it as a text."""
        proposed = self.proposal.items()
        return {**data, **{name: one.reveal() if isinstance(one, Secret) else one for name, one in proposed}}


def lint(given: ConnectionSettings | Mapping[str, Any]) -> tuple[Advice, ...]:
    """Return what is probably a mistake in settings, or in what was typed on a page.

    Args:
        given: settings, or the data of a form (`parse`); what is not there is not held against it.
    """
    typed = _Typed(form_data(given) if isinstance(given, ConnectionSettings) else given)
    if isinstance(given, ConnectionSettings):
        typed.kind, typed.is_settled = given.credential, True
    found = [*_address(typed), *_hosts(typed), *_ports(typed), *_users(typed), *_secret(typed), *_way(typed)]
    return tuple(found)


class _Typed:
    """What is typed, as texts, and the providers it leads to."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data
        self.kind: CredentialKind | None = None
        preset_id = self.text("preset")
        self.preset = get(preset_id) if preset_id in ids() else None
        if self.preset is not None:
            self.kind = next(iter(self.preset.works), None)
        self.is_settled = self.preset is not None and bool(self.preset.smtp)

    def text(self, name: str) -> str:
        value = self._data.get(name, "")
        return "" if isinstance(value, bool) or not isinstance(value, str | int) else str(value)

    @property
    def domain(self) -> str:
        return self.text("address").rpartition("@")[2].strip().lower()

    def provider(self) -> Preset | None:
        """Return whose submission server it is: by its name, or else by the preset that is chosen."""
        host = host_in(self.text("smtp_host"))
        own = () if self.preset is None else [one.host for one in self.preset.smtp]
        if own and host in ("", *own):
            return self.preset
        return by_server(host) if host else None


def host_in(text: str) -> str:
    """Return the host in what somebody has put into the field of a host: an URL, a host with its port, a host."""
    bare = text.strip()
    try:
        parts = urlsplit(bare if "://" in bare else f"//{bare}")
        return (parts.hostname or "").rstrip(".")
    except ValueError:
        return ""


def _advice(field: str, code: str, message: str, **proposal: str | int | Secret) -> Advice:
    return Advice(problem=Problem(field=field, code=code, message=message), proposal=proposal)


def _address(typed: _Typed) -> Iterator[Advice]:
    local_part, at, domain = typed.text("address").strip().rpartition("@")
    if at and (meant := suggestion(domain)) is not None:
        yield _advice("address", "lint.near_miss", f"perhaps {meant} was meant", address=f"{local_part}@{meant}")


def _hosts(typed: _Typed) -> Iterator[Advice]:
    for protocol, other in (("smtp", "imap"), ("imap", "smtp")):
        field = f"{protocol}_host"
        text = typed.text(field)
        host = host_in(text)
        if not host:
            continue
        if host != text.strip().lower().rstrip("."):
            yield _advice(field, "lint.pasted_url", "only the name of the server belongs here", **{field: host})
        if (right := _in_the_wrong_box(host, protocol)) is not None:
            text = f"this is a server for {other.upper()}, not for {protocol.upper()}"
            yield _advice(field, "lint.other_protocol", text, **{field: right})
        elif (near := _near_server(host)) is not None:
            yield _advice(field, "lint.near_miss", f"perhaps {near} was meant", **{field: near})


def _in_the_wrong_box(host: str, protocol: str) -> str | None:
    """Return the server that was meant, if this one speaks the other protocol."""
    preset = by_server(host)
    other = "imap" if protocol == "smtp" else "smtp"
    if preset is not None:
        own = [one.host for one in (preset.smtp if protocol == "smtp" else preset.imap)]
        others = [one.host for one in (preset.imap if protocol == "smtp" else preset.smtp)]
        return own[0] if own and host in others and host not in own else None
    first, _, rest = host.partition(".")
    return f"{protocol}.{rest}" if first == other and "." in rest else None


def _near_server(host: str) -> str | None:
    """Return the server of a known provider that this name is a slip away from."""
    if by_server(host) is not None:
        return None
    labels = host.split(".")
    for start in range(1, len(labels) - 1):
        meant = suggestion(".".join(labels[start:]))
        if meant is not None:
            near = ".".join([*labels[:start], meant])
            return near if by_server(near) is not None else None
    return None


def _ports(typed: _Typed) -> Iterator[Advice]:
    for protocol, others, usual in (("smtp", _IMAP_PORTS, 465), ("imap", _SMTP_PORTS, 993)):
        port, security = typed.text(f"{protocol}_port").strip(), typed.text(f"{protocol}_security").strip()
        if not host_in(typed.text(f"{protocol}_host")):
            continue
        if port in others:
            text = f"port {port} is not one of {protocol.upper()}"
            proposal: dict[str, str | int] = {f"{protocol}_port": usual, f"{protocol}_security": "tls"}
            yield _advice(f"{protocol}_port", "lint.other_port", text, **proposal)
        elif port == "25" and protocol == "smtp":
            text = "port 25 is for servers among themselves"
            yield _advice("smtp_port", "lint.other_port", text, smtp_port=587, smtp_security="starttls")
        elif port in _TLS_PORTS and security in ("tls", "starttls") and _TLS_PORTS[port] != security:
            right = _TLS_PORTS[port]
            text = f"port {port} speaks {right.upper()}"
            proposal = {f"{protocol}_security": right}
            yield _advice(f"{protocol}_security", "lint.port_security", text, **proposal)


def _users(typed: _Typed) -> Iterator[Advice]:
    provider, address = typed.provider(), typed.text("address").strip()
    if provider is None or "@" not in address:
        return
    for field, form in (("smtp_user", provider.smtp_user), ("imap_user", provider.imap_user)):
        user = typed.text(field).strip()
        if user and form is UserForm.ADDRESS and "@" not in user:
            text = f"{provider.label} wants the whole address as the user name"
            yield _advice(field, "lint.user_form", text, **{field: address})
        elif user == address and form is UserForm.LOCAL_PART:
            text = f"{provider.label} wants only what stands before the @ as the user name"
            yield _advice(field, "lint.user_form", text, **{field: address.rpartition("@")[0]})


def _secret(typed: _Typed) -> Iterator[Advice]:
    secret = typed.text("secret")
    if _APP_PASSWORD_GROUPS.fullmatch(secret) and any(map(str.isspace, secret)):
        meant = Secret("".join(character for character in secret if not character.isspace()))
        text = "the spaces are there for reading only"
        yield _advice("secret", "lint.spaces", text, secret=meant)
    elif secret.strip() and secret != secret.strip():
        text = "there are spaces before or behind the password, which are rarely part of it"
        yield _advice("secret", "lint.spaces", text, secret=Secret(secret.strip()))


def _way(typed: _Typed) -> Iterator[Advice]:
    """Yield what is wrong with the choice of provider, or with the way of signing in."""
    provider = typed.provider()
    if provider is None:
        return
    if (better := _for_the_domain(provider, typed.domain)) is not None:
        text = f"addresses of {typed.domain} are not of {provider.label}; {better.label} is probably meant"
        yield _advice("preset", "lint.other_preset", text, preset=better.id, **_servers(better))
        provider = better
    kinds = _kinds(typed)
    if not kinds or kinds & _taken(provider):
        return
    for retirement in provider.retired:
        if kinds & set(retirement.kinds):
            yield _advice("preset", "lint.retired", retirement.reason, preset=provider.id)
            return


def _taken(provider: Preset) -> set[CredentialKind]:
    """Return the kinds that the provider takes by any of its ways."""
    return {kind for way in (provider, *related(provider)) for kind in way.works}


def _kinds(typed: _Typed) -> set[CredentialKind]:
    """Return what the credential may be: a secret typed beside typed servers may be an app password or none."""
    if typed.is_settled and typed.kind is not None:
        return {typed.kind}
    return {CredentialKind.PASSWORD, CredentialKind.APP_PASSWORD} if typed.text("secret") else set()


def _for_the_domain(provider: Preset, domain: str) -> Preset | None:
    """Return the preset that an address of this domain needs, if it is not this one."""
    if not domain or "." not in domain:
        return None
    consumer = next((one for one, business in _BUSINESS.items() if business == provider.id), None)
    owner = by_domain(domain)
    if consumer is not None and owner is not None and owner.id == consumer:
        return owner
    business = _BUSINESS.get(provider.superseded_by or provider.id)
    if business is None or owner is not None:
        return None
    return get(business)


def _servers(preset: Preset) -> dict[str, str | int]:
    found: dict[str, str | int] = {}
    for protocol, endpoints in (("smtp", preset.smtp), ("imap", preset.imap)):
        for endpoint in endpoints[:1]:
            found[f"{protocol}_host"] = endpoint.host
            found[f"{protocol}_port"] = endpoint.port
            found[f"{protocol}_security"] = endpoint.security.value
    return found
