"""The description of a settings page for one preset, from which a host draws it without knowing any provider. Pure.

The names of fields and buttons are stable; the English labels stand in `LABELS`, apart, so that a host can say them in
its own language.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import attrs

from ..settings import ConnectionSettings, CredentialKind, Security
from .catalogue import get
from .preset import FirstStep, Preset, UserForm

LABELS: Mapping[str, str] = {
    "enabled": "Enable SMTP and IMAP",
    "address": "E-mail address",
    "display_name": "Your name",
    "smtp_host": "SMTP server",
    "smtp_port": "SMTP port",
    "smtp_security": "SMTP security",
    "smtp_user": "SMTP user name",
    "imap_host": "IMAP server",
    "imap_port": "IMAP port",
    "imap_security": "IMAP security",
    "imap_user": "IMAP user name",
    "secret": "Password",
    "secret.app_password": "App password",
    "sign_in": "Sign in",
    "sign_in.google": "Sign in with Google",
    "sign_in.microsoft": "Sign in with Microsoft",
    "test": "Test SMTP Send",
    "save": "Save Settings",
    "disable": "Disable",
    "clear": "Clear",
}
"""What is written beside fields and on buttons, by name; behind a dot, for a special case of it."""

HELP: Mapping[str, str] = {
    "imap_host": "Leave it empty if there is none: then no copy of what you send is filed.",
    "secret.app_password": "Not the password of your account: one that the provider makes for this application.",
    "secret.kept": "One is kept. Leave this empty to go on using it.",
}
"""Further sentences, by name."""

_ISSUERS = {"accounts.google.com": "sign_in.google", "login.microsoftonline.com": "sign_in.microsoft"}
_SECURITY = tuple((member.value, member.name) for member in Security)
_BY_PASSWORD = (CredentialKind.APP_PASSWORD, CredentialKind.PASSWORD)


class FieldKind(enum.StrEnum):
    """What kind of input a field is."""

    TEXT = "text"
    EMAIL = "email"
    PASSWORD = "password"  # noqa: S105 - the name of a kind of input
    """a secret: shown as dots, and never sent back to the page"""
    NUMBER = "number"
    CHOICE = "choice"
    CHECKBOX = "checkbox"


class Button(enum.StrEnum):
    """What a page lets a person do."""

    SIGN_IN = "sign_in"
    TEST = "test"
    SAVE = "save"
    DISABLE = "disable"
    CLEAR = "clear"


@attrs.frozen(kw_only=True)
class Field:
    """One field of a page.

    Args:
        name: its stable name, and its name in what comes back.
        kind: what kind of input it is.
        label: what is written beside it, in English; `LABELS` has all of them.
        value: what it shows at first; of a secret always nothing.
        is_required: whether it must be filled in.
        is_kept: whether a secret is kept already, so that the field may stay empty.
        choices: what can be chosen, each as its value and its label.
        help: a sentence for the person; may be empty.
    """

    name: str
    kind: FieldKind
    label: str
    value: str | int | bool = ""
    is_required: bool = False
    is_kept: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    help: str = ""

    @property
    def is_secret(self) -> bool:
        """Whether what is typed must not be shown."""
        return self.kind is FieldKind.PASSWORD

    def to_dict(self) -> dict[str, Any]:
        """Return the field as plain data."""
        return {
            "name": self.name,
            "kind": self.kind.value,
            "label": self.label,
            "value": self.value,
            "is_required": self.is_required,
            "is_secret": self.is_secret,
            "is_kept": self.is_kept,
            "choices": [{"value": value, "label": label} for value, label in self.choices],
            "help": self.help,
        }


@attrs.frozen(kw_only=True)
class Form:
    """What a page shows for one preset.

    Args:
        preset: the preset's id; it belongs to what comes back, under the name "preset".
        label: the preset's name for people.
        credential: how the account is signed in to.
        fields: the fields, in order.
        buttons: the buttons, in order, each with its label.
        first: what the person must do at the provider before it works.
        issuer: who is signed in with; None if nobody is.
        superseded_by: the id of the NEW way, if this preset is the OLD one; None otherwise.
        unavailable: why no application can send from such a mailbox; empty if one can.
    """

    preset: str
    label: str
    credential: CredentialKind
    fields: tuple[Field, ...]
    buttons: tuple[tuple[Button, str], ...]
    first: tuple[FirstStep, ...] = ()
    issuer: str | None = None
    superseded_by: str | None = None
    unavailable: str = ""

    @property
    def is_old(self) -> bool:
        """Whether there is a NEW way, which a person who has this one should be shown beside it."""
        return self.superseded_by is not None

    def field(self, name: str) -> Field:
        """Return the field of that name.

        Raises:
            LookupError: there is none on this page.
        """
        for one in self.fields:
            if one.name == name:
                return one
        raise LookupError(f"there is no field {name!r} for {self.label}")

    def filled(self, typed: Mapping[str, object]) -> Form:
        """Return the form with what was typed; a secret is left out."""
        fields = (
            attrs.evolve(one, value=_shown(one, typed[one.name])) if one.name in typed and not one.is_secret else one
            for one in self.fields
        )
        return attrs.evolve(self, fields=tuple(fields))

    def to_dict(self) -> dict[str, Any]:
        """Return the form as plain data, fit for JSON."""
        return {
            "preset": self.preset,
            "label": self.label,
            "credential": self.credential.value,
            "fields": [one.to_dict() for one in self.fields],
            "buttons": [{"name": button.value, "label": label} for button, label in self.buttons],
            "first": [{"text": step.text, "url": step.url} for step in self.first],
            "issuer": self.issuer,
            "is_old": self.is_old,
            "superseded_by": self.superseded_by,
            "unavailable": self.unavailable,
        }

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema (draft 2020-12) of what comes back."""
        required = ["preset", *(one.name for one in self.fields if one.is_required and not one.is_kept)]
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.label,
            "type": "object",
            "properties": {"preset": {"const": self.preset}, **{one.name: _schema(one) for one in self.fields}},
            "required": required,
            "additionalProperties": False,
        }


def describe(preset: Preset, settings: ConnectionSettings | None, credential: CredentialKind | None) -> Form:
    """Return the form of a preset; see `Preset.form`."""
    kind = next(iter(preset.works), CredentialKind.PASSWORD) if credential is None else credential
    if credential is None and settings is not None and settings.preset == preset.id:
        kind = settings.credential
    fields = [*_person(settings), *_servers(preset, settings), *_users(preset, settings)]
    if kind in _BY_PASSWORD:
        is_kept = settings is not None and (settings.preset, settings.credential) == (preset.id, kind)
        fields.append(_secret(kind, is_kept=is_kept))
    return Form(
        preset=preset.id,
        label=preset.label,
        credential=kind,
        fields=tuple(fields),
        buttons=_buttons(preset, kind, settings),
        first=preset.first,
        issuer=preset.oauth_issuer if kind is CredentialKind.OAUTH_TOKEN else None,
        superseded_by=preset.superseded_by,
        unavailable=preset.unavailable,
    )


def form_data(settings: ConnectionSettings) -> dict[str, str | int | bool]:
    """Return settings as a page would send them back; the secret is not in them."""
    data: dict[str, str | int | bool] = {
        "preset": settings.preset,
        "enabled": settings.enabled,
        "address": settings.address,
        "display_name": settings.display_name,
        "smtp_user": settings.smtp_user,
        "imap_user": settings.imap_user,
    }
    for protocol, endpoint in (("smtp", settings.smtp), ("imap", settings.imap)):
        if endpoint is not None:
            data[f"{protocol}_host"] = endpoint.host
            data[f"{protocol}_port"] = endpoint.port
            data[f"{protocol}_security"] = endpoint.security.value
    return data


def _person(settings: ConnectionSettings | None) -> list[Field]:
    values = ("", "", False) if settings is None else (settings.address, settings.display_name, settings.enabled)
    address, name, enabled = values
    return [
        Field(name="enabled", kind=FieldKind.CHECKBOX, label=LABELS["enabled"], value=enabled),
        Field(name="address", kind=FieldKind.EMAIL, label=LABELS["address"], value=address, is_required=True),
        Field(name="display_name", kind=FieldKind.TEXT, label=LABELS["display_name"], value=name),
    ]


def _servers(preset: Preset, settings: ConnectionSettings | None) -> list[Field]:
    """Return the fields of both servers, where the preset knows none."""
    if preset.smtp:
        return []
    kept = {} if settings is None or settings.preset != preset.id else form_data(settings)
    fields: list[Field] = []
    for protocol, port in (("smtp", 465), ("imap", 993)):
        host, number, security = f"{protocol}_host", f"{protocol}_port", f"{protocol}_security"
        fields += [
            Field(
                name=host,
                kind=FieldKind.TEXT,
                label=LABELS[host],
                value=kept.get(host, ""),
                is_required=protocol == "smtp",
                help=HELP.get(host, ""),
            ),
            Field(name=number, kind=FieldKind.NUMBER, label=LABELS[number], value=kept.get(number, port)),
            Field(
                name=security,
                kind=FieldKind.CHOICE,
                label=LABELS[security],
                value=kept.get(security, Security.TLS.value),
                choices=_SECURITY,
            ),
        ]
    return fields


def _users(preset: Preset, settings: ConnectionSettings | None) -> list[Field]:
    """Return the fields of the user names, where they cannot be told from the address."""
    kept = {} if settings is None or settings.preset != preset.id else form_data(settings)
    forms = {"smtp_user": preset.smtp_user, "imap_user": preset.imap_user}
    return [
        Field(
            name=name,
            kind=FieldKind.TEXT,
            label=LABELS[name],
            value=kept.get(name, ""),
            is_required=form is UserForm.GIVEN and (name == "smtp_user" or bool(preset.imap)),
        )
        for name, form in forms.items()
        if not preset.smtp or form is UserForm.GIVEN
    ]


def _secret(kind: CredentialKind, *, is_kept: bool) -> Field:
    is_app = kind is CredentialKind.APP_PASSWORD
    said = [HELP["secret.app_password"]] if is_app else []
    said += [HELP["secret.kept"]] if is_kept else []
    return Field(
        name="secret",
        kind=FieldKind.PASSWORD,
        label=LABELS["secret.app_password" if is_app else "secret"],
        is_required=True,
        is_kept=is_kept,
        help=" ".join(said),
    )


def _buttons(
    preset: Preset, kind: CredentialKind, settings: ConnectionSettings | None
) -> tuple[tuple[Button, str], ...]:
    if preset.unavailable:
        return ()
    signs_in = kind is CredentialKind.OAUTH_TOKEN and preset.oauth_issuer is not None
    offered = [Button.SIGN_IN] if signs_in else []
    offered += [Button.TEST, Button.SAVE]
    if settings is not None:
        offered += [Button.DISABLE, Button.CLEAR] if settings.enabled else [Button.CLEAR]
    label = LABELS[_ISSUERS.get(preset.oauth_issuer or "", "sign_in")]
    return tuple((one, label if one is Button.SIGN_IN else LABELS[one.value]) for one in offered)


def _shown(field: Field, typed: object) -> str | int | bool:
    if field.kind is FieldKind.CHECKBOX:
        return is_checked(typed)
    return typed if isinstance(typed, str | int) else ""


def is_checked(typed: object) -> bool:
    """Whether a checkbox is checked, as JSON or a browser says it."""
    return typed is True or (isinstance(typed, str) and typed.strip().lower() in ("on", "true", "1", "yes"))


def _schema(field: Field) -> dict[str, Any]:
    schema: dict[str, Any] = {"title": field.label}
    if field.help:
        schema["description"] = field.help
    if field.kind is FieldKind.CHECKBOX:
        return {**schema, "type": "boolean", "default": field.value}
    if field.kind is FieldKind.NUMBER:
        return {**schema, "type": "integer", "minimum": 1, "maximum": 65535, "default": field.value}
    schema["type"] = "string"
    if field.choices:
        named = [{"const": value, "title": label} for value, label in field.choices]
        return {**schema, "oneOf": named, "default": field.value}
    if field.kind is FieldKind.EMAIL:
        schema["format"] = "email"
    if field.is_secret:
        return {**schema, "writeOnly": True}
    if field.is_required:
        schema["minLength"] = 1
    return {**schema, "default": field.value} if field.value else schema


def with_credential(settings: ConnectionSettings, kind: CredentialKind) -> ConnectionSettings:
    """Return settings that sign in another way, in place: servers, user names and what was learned stay.

    Args:
        settings: the account.
        kind: the kind of credential from now on; the preset becomes the OLD or NEW way that takes it.

    Raises:
        CredentialRetired: the provider does not accept that kind any more.
        InvalidSettings: it never did.
    """
    preset = get(settings.preset)
    target = preset.way(kind)
    target.check_credential(kind)
    return attrs.evolve(settings, credential=kind, preset=target.id)
