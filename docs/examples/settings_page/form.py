"""Which fields a preset needs, and what typed fields come to: settings, or everything that is wrong, by field.

It knows no provider: what differs is in the presets.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import attrs

import tether_mailconf as mailconf
from tether_mailconf import CredentialKind, presets
from tether_mailconf.presets import Preset, UserForm


@attrs.frozen(kw_only=True)
class Field:
    """A field of the page.

    Args:
        name: its name in the form.
        label: what stands above it.
        kind: the type of the input; "choice" for a list of `choices`.
        choices: what can be picked, as values with their labels.
        default: what a page that nobody has filled in shows.
    """

    name: str
    label: str
    kind: str = "text"
    choices: Mapping[str, str] = attrs.field(factory=dict[str, str])
    default: str = ""


_SECURITY = {"tls": "TLS", "starttls": "STARTTLS"}
_SERVERS = (
    Field(name="smtp_host", label="SMTP server"),
    Field(name="smtp_port", label="SMTP port", kind="number", default="465"),
    Field(name="smtp_security", label="SMTP security", kind="choice", choices=_SECURITY, default="tls"),
    Field(name="imap_host", label="IMAP server"),
    Field(name="imap_port", label="IMAP port", kind="number", default="993"),
    Field(name="imap_security", label="IMAP security", kind="choice", choices=_SECURITY, default="tls"),
)
_USERS = (Field(name="smtp_user", label="SMTP user name"), Field(name="imap_user", label="IMAP user name"))
_PASSWORD_LABELS = {CredentialKind.PASSWORD: "Password", CredentialKind.APP_PASSWORD: "App password"}


SECRETS = ("secret",)
"""The fields whose values never come back to the browser."""

NAMES = ("enabled", "address", "display_name", *(field.name for field in (*_SERVERS, *_USERS)))
"""All other fields."""


def fields(preset: Preset, kind: CredentialKind) -> tuple[Field, ...]:
    """Return the fields that a page shows for a preset.

    Args:
        preset: the preset.
        kind: what is signed in with.
    """
    found = [
        Field(name="address", label="E-mail address", kind="email"),
        Field(name="display_name", label="Your name"),
    ]
    if not preset.smtp:
        found += _SERVERS
    if not preset.smtp or UserForm.GIVEN in (preset.smtp_user, preset.imap_user):
        found += _USERS
    if kind in _PASSWORD_LABELS:
        found.append(Field(name="secret", label=_PASSWORD_LABELS[kind], kind="password"))
    return tuple(found)


def kind_of(preset: Preset, issuers: Container[str]) -> CredentialKind:
    """Return what a preset is signed in with: the best that works.

    Args:
        preset: the preset.
        issuers: where the application is registered; elsewhere nobody can sign in to it.
    """
    can_sign_in = preset.oauth_issuer is not None and preset.oauth_issuer in issuers
    works = (kind for kind in preset.works if can_sign_in or kind is not CredentialKind.OAUTH_TOKEN)
    return next(works, CredentialKind.PASSWORD)


def parse(typed: Mapping[str, str], kind: CredentialKind) -> mailconf.ConnectionSettings:
    """Return the settings that were typed.

    Args:
        typed: the fields.
        kind: what is signed in with.

    Raises:
        InvalidSettings: with everything that is wrong; `Problem.field` is the name of a field of the page.
    """
    preset = presets.get(typed.get("preset", ""))
    shown = {field.name for field in fields(preset, kind)}
    told: dict[str, Any] = {
        "display_name": typed.get("display_name", ""),
        "enabled": typed.get("enabled") == "on",
        "credential": kind,
    }
    problems: list[mailconf.Problem] = []
    for protocol in ("smtp", "imap"):
        if f"{protocol}_host" in shown and typed.get(f"{protocol}_host"):
            told[protocol] = _endpoint(typed, protocol, problems)
        if f"{protocol}_user" in shown and typed.get(f"{protocol}_user"):
            told[f"{protocol}_user"] = typed[f"{protocol}_user"]
    if "smtp_host" in shown and not typed.get("smtp_host"):
        text = "Name the server that mail is given to."
        problems.append(mailconf.Problem(field="smtp_host", code="field.missing", message=text))
    settings: mailconf.ConnectionSettings | None = None
    try:
        settings = preset.settings(typed.get("address", ""), **told)
    except mailconf.InvalidSettings as error:
        named = {problem.field for problem in problems}
        problems += (_beside(one) for one in error.problems if _beside(one).field not in named)
    if problems or settings is None:
        raise mailconf.InvalidSettings(tuple(problems))
    return settings


def written(settings: mailconf.ConnectionSettings) -> dict[str, str]:
    """Return settings as the fields of the page would have them typed."""
    typed = {"preset": settings.preset, "address": settings.address, "display_name": settings.display_name}
    typed |= {"enabled": "on"} if settings.enabled else {}
    for protocol, endpoint in (("smtp", settings.smtp), ("imap", settings.imap)):
        if endpoint is not None:
            typed[f"{protocol}_host"] = endpoint.host
            typed[f"{protocol}_port"] = str(endpoint.port)
            typed[f"{protocol}_security"] = endpoint.security.value
    return typed | {"smtp_user": settings.smtp_user, "imap_user": settings.imap_user}


def _endpoint(typed: Mapping[str, str], protocol: str, problems: list[mailconf.Problem]) -> mailconf.Endpoint | None:
    """Return a server as it was typed; what is wrong with it is added to the problems."""
    port = typed.get(f"{protocol}_port", "")
    try:
        return mailconf.Endpoint(
            host=typed[f"{protocol}_host"],
            port=int(port) if port.isascii() and port.isdigit() else -1,
            security=mailconf.Security(typed.get(f"{protocol}_security", "tls")),
        )
    except ValueError:
        text = "Pick TLS or STARTTLS."
        problems.append(mailconf.Problem(field=f"{protocol}_security", code="security.unknown", message=text))
    except mailconf.InvalidSettings as error:
        problems += (attrs.evolve(one, field=f"{protocol}_{one.field}") for one in error.problems)
    return None


def _beside(problem: mailconf.Problem) -> mailconf.Problem:
    """Return a problem of settings with the name of the field that it belongs to."""
    name = {"smtp": "smtp_host", "imap": "imap_host"}.get(problem.field, problem.field.replace(".", "_"))
    return attrs.evolve(problem, field=name)
