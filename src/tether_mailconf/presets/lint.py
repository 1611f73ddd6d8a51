"""The mistakes that people make with mail settings, all at once, each with what was probably meant. Pure, asks nobody.

It works on what is typed, even where that cannot be read as settings yet. It never says anything about settings as a
preset makes them, and changes nothing by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..credentials import Credential, Password
from ..secret import Secret
from ..settings import ConnectionSettings, CredentialKind
from .catalogue import get, related
from .form import form_data
from .lint_servers import hosts, ports
from .lookup import by_domain
from .preset import Preset, UserForm
from .typed import Advice, Typed, advice, meant_address

if TYPE_CHECKING:
    from ..credentials.token import TokenSource

_BUSINESS = {"outlook": "microsoft_365", "gmail": "google_workspace"}
"""Where a provider has other servers or another way for domains of one's own, by the consumer's preset."""

_UNPAIRED = re.compile(r"[\ud800-\udfff]")
_APP_PASSWORD_GROUPS = re.compile(r"\s*(?:[A-Za-z0-9]{4}[\s\u00a0-]{1,3}){2,7}[A-Za-z0-9]{4}\s*")


def lint(
    given: ConnectionSettings | Mapping[str, Any], credential: Credential | TokenSource | None = None
) -> tuple[Advice, ...]:
    """Return what is probably a mistake in settings, or in what was typed on a page.

    Args:
        given: settings, or the data of a form (`parse`); what is not there is not held against it.
        credential: what is signed in with, if it is at hand. A secret typed in `given` goes first.
    """
    settings = given if isinstance(given, ConnectionSettings) else None
    kind = credential.kind if credential is not None else None if settings is None else settings.credential
    typed = Typed(form_data(given) if isinstance(given, ConnectionSettings) else given, kind)
    found = [*_address(typed), *hosts(typed), *ports(typed), *_users(typed), *_secret(typed, credential), *_way(typed)]
    if settings is not None and credential is not None:
        found += _other_kind(settings, credential.kind)
    return tuple(found)


def _address(typed: Typed) -> Iterator[Advice]:
    address, meant = typed.address, typed.meant_address
    if address != typed.text("address").strip():
        yield advice("address", "lint.pasted_address", "only the address belongs here", {"address": meant})
    if meant != address:
        text = f"perhaps {meant.rpartition('@')[2]} was meant"
        yield advice("address", "lint.near_miss", text, {"address": meant})


def _users(typed: Typed) -> Iterator[Advice]:
    provider, address = typed.provider(), typed.meant_address
    for field in ("smtp_user", "imap_user"):
        user = typed.text(field).strip()
        form = None if provider is None else provider.smtp_user if field == "smtp_user" else provider.imap_user
        if not user or "@" not in address:
            continue
        label = "" if provider is None else provider.label
        if form is UserForm.ADDRESS and "@" not in user:
            text = f"{label} wants the whole address as the user name"
            yield advice(field, "lint.user_form", text, {field: address})
        elif form is UserForm.LOCAL_PART and meant_address(user) == address:
            text = f"{label} wants only what stands before the @ as the user name"
            yield advice(field, "lint.user_form", text, {field: address.rpartition("@")[0]})
        elif (meant := meant_address(user)) != user:
            yield advice(field, "lint.near_miss", f"perhaps {meant} was meant", {field: meant})


def _secret(typed: Typed, credential: object) -> Iterator[Advice]:
    secret = typed.text("secret")
    try:
        if not secret and isinstance(credential, Password):
            secret = credential.kept().reveal()
        if _UNPAIRED.search(secret):
            return  # no text that any server could be told
        if _APP_PASSWORD_GROUPS.fullmatch(secret) and any(map(str.isspace, secret)):
            meant = Secret("".join(character for character in secret if not character.isspace()))
            yield advice("secret", "lint.spaces", "the spaces are there for reading only", {"secret": meant})
        elif secret.strip() and secret != secret.strip():
            text = "there are spaces before or behind the password, which are rarely part of it"
            yield advice("secret", "lint.spaces", text, {"secret": Secret(secret.strip())})
    finally:
        del secret  # an error shows no variable that holds it


def _way(typed: Typed) -> Iterator[Advice]:
    """Yield what is wrong with the choice of provider, or with the way of signing in."""
    provider = typed.provider()
    if provider is None:
        return
    if (better := _for_the_domain(typed, provider)) is not None:
        text = f"addresses of {typed.domain} are not of {provider.label}; {better.label} is probably meant"
        yield advice("preset", "lint.other_preset", text, {"preset": better.id, **_servers(better)})
        provider = better
    kinds = _kinds(typed)
    if not kinds or kinds & _taken(provider):
        return
    for retirement in provider.retired:
        if kinds & set(retirement.kinds):
            yield advice("preset", "lint.retired", retirement.reason, {"preset": provider.id})
            return


def _other_kind(settings: ConnectionSettings, kind: CredentialKind) -> Iterator[Advice]:
    """Yield that the credential is of another kind than the settings name: nothing would be sent with the two."""
    if kind is settings.credential:
        return
    preset = get(settings.preset)
    way = preset.way(kind)
    text = f"the settings ask for {settings.credential.value}, and this is {kind.value}"
    yield advice("secret", "lint.other_credential", text, {} if way == preset else {"preset": way.id})


def _taken(provider: Preset) -> set[CredentialKind]:
    """Return the kinds that the provider takes by any of its ways."""
    return {kind for way in (provider, *related(provider)) for kind in way.works}


def _kinds(typed: Typed) -> set[CredentialKind]:
    """Return what the credential may be: a secret typed beside typed servers may be an app password or none."""
    if typed.kind is not None:
        return {typed.kind}
    return {CredentialKind.PASSWORD, CredentialKind.APP_PASSWORD} if typed.text("secret") else set()


def _for_the_domain(typed: Typed, provider: Preset) -> Preset | None:
    """Return the preset that an address of this domain needs, if it is not this one."""
    domain = typed.domain
    if not domain or "." not in domain:
        return None
    owner = by_domain(domain)
    if owner is not None:
        return owner if _is_a_stranger(typed, provider, owner) else None
    business = _BUSINESS.get(provider.superseded_by or provider.id)
    return None if business is None else get(business)


def _is_a_stranger(typed: Typed, provider: Preset, owner: Preset) -> bool:
    """Whether a provider has nothing to do with the addresses of another.

    Typed servers prove nothing: they may be those of a house that runs the other's mail.
    """
    if owner.id in (provider.id, provider.superseded_by):
        return False
    if _BUSINESS.get(owner.id) == provider.id:
        return True
    is_picked = provider == typed.preset and bool(provider.domains)
    return is_picked and not {one.host for one in owner.smtp} & {one.host for one in provider.smtp}


def _servers(preset: Preset) -> dict[str, str | int]:
    found: dict[str, str | int] = {}
    for protocol, endpoints in (("smtp", preset.smtp), ("imap", preset.imap)):
        for endpoint in endpoints[:1]:
            found[f"{protocol}_host"] = endpoint.host
            found[f"{protocol}_port"] = endpoint.port
            found[f"{protocol}_security"] = endpoint.security.value
    return found
