"""From what a page sent back to settings and a credential, or to everything that is wrong with it, at once. Pure.

Nothing that was typed is lost: the error has the page filled in again, all but the secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from ..credentials import AppPassword, Password
from ..errors import CredentialRetired, InvalidSettings, Problem
from ..settings import ConnectionSettings, CredentialKind, Endpoint, Security, SentPolicy, is_same_account
from .catalogue import get
from .form import Form, describe, is_checked
from .preset import Preset

_NAMES = {"smtp": "smtp_host", "imap": "imap_host", "credential": "secret"}
_SECURITIES = {member.value: member for member in Security}


@attrs.frozen(kw_only=True)
class Parsed:
    """What a page has told.

    Args:
        settings: the settings.
        credential: what was typed as a secret; None if the one that is kept stays, or if it is not typed but signed in.
    """

    settings: ConnectionSettings
    credential: Password | None


class InvalidForm(InvalidSettings):
    """What came back from a page cannot be right. `problems` lists all of it, by the names of the fields.

    Attributes:
        form: the page, filled in with what was typed, all but the secret.
    """

    code = "form.invalid"

    def __init__(self, problems: tuple[Problem, ...], form: Form) -> None:
        super().__init__(problems)
        self.args = (problems, form)
        self.form = form


def parse(
    form_data: Mapping[str, object],
    *,
    settings: ConnectionSettings | None = None,
    credential: CredentialKind | None = None,
) -> Parsed:
    """Return what a page has told.

    Args:
        form_data: what came back: the preset's id under "preset", and the fields of `Preset.form` by their names, as a
            browser (all texts) or JSON sends them. Other names are not looked at.
        settings: the settings that are stored, if there are any. With the same address, servers, user names and kind of
            credential, a secret left empty means that the one that is kept stays; with the same servers, what was
            learned about Sent stays.
        credential: how one signs in: what `Preset.form` was given.

    Raises:
        InvalidForm: with everything that is wrong.
        InvalidSettings: there is no such preset.
    """
    preset_id = form_data.get("preset")
    preset = get(preset_id if isinstance(preset_id, str) else "")
    form = describe(preset, settings, credential)
    problems: list[Problem] = []
    if preset.unavailable:
        problems.append(Problem(field="preset", code="preset.unavailable", message=preset.unavailable))
    typed = {one.name: form_data[one.name] for one in form.fields if one.name in form_data}
    parsed = _settings(preset, form, typed, problems)
    is_kept = settings is not None and parsed is not None and is_same_account(parsed, settings)
    typed_credential = _credential(form, typed.get("secret"), problems, is_kept=is_kept)
    if problems or parsed is None:
        raise InvalidForm(tuple(problems), form.filled(typed))
    if settings is not None and (parsed.smtp, parsed.imap) == (settings.smtp, settings.imap):
        parsed = attrs.evolve(parsed, sent=settings.sent)
    return Parsed(settings=parsed, credential=typed_credential)


def _settings(
    preset: Preset, form: Form, typed: Mapping[str, object], problems: list[Problem]
) -> ConnectionSettings | None:
    told: dict[str, Any] = {
        "display_name": _text(typed, "display_name"),
        "enabled": is_checked(typed.get("enabled")),
        "credential": form.credential,
        "sent": SentPolicy(),
    }
    for protocol in ("smtp", "imap"):
        if _text(typed, f"{protocol}_host"):
            told[protocol] = _endpoint(typed, protocol, problems)
        if user := _text(typed, f"{protocol}_user"):
            told[f"{protocol}_user"] = user
    if not preset.smtp and not _text(typed, "smtp_host"):
        problems.append(_missing("smtp_host"))
    if not preset.smtp and "imap" not in told:
        told.pop("imap_user", None)
    known = {problem.field for problem in problems}
    try:
        return preset.settings(_text(typed, "address"), **told)
    except CredentialRetired as error:
        problems.append(Problem(field="secret", code=error.code, message=str(error)))
    except InvalidSettings as error:
        beside = (attrs.evolve(one, field=_name(one.field)) for one in error.problems)
        problems += (one for one in beside if one.field not in known)
    return None


def _endpoint(typed: Mapping[str, object], protocol: str, problems: list[Problem]) -> Endpoint | None:
    security = _SECURITIES.get(_text(typed, f"{protocol}_security") or Security.TLS.value)
    if security is None:
        choices = ", ".join(_SECURITIES)
        text = f"this must be one of: {choices}"
        problems.append(Problem(field=f"{protocol}_security", code="choice.invalid", message=text))
    port = _text(typed, f"{protocol}_port")
    try:
        return Endpoint(
            host=_text(typed, f"{protocol}_host"),
            port=int(port) if port.isascii() and port.isdigit() and len(port) < 6 else 0,
            security=security or Security.TLS,
        )
    except InvalidSettings as error:
        # A port is not held against a security that nobody chose.
        skipped = "port.security_mismatch" if security is None else ""
        problems += (
            attrs.evolve(one, field=f"{protocol}_{one.field}") for one in error.problems if one.code != skipped
        )
    return None


def _credential(form: Form, secret: object, problems: list[Problem], *, is_kept: bool) -> Password | None:
    if form.credential not in (CredentialKind.APP_PASSWORD, CredentialKind.PASSWORD):
        return None
    if not isinstance(secret, str) or not secret.strip():
        if not is_kept:
            problems.append(_missing("secret"))
        return None
    kind = AppPassword if form.credential is CredentialKind.APP_PASSWORD else Password
    try:
        return kind(secret)
    except ValueError as error:
        problems.append(Problem(field="secret", code="secret.invalid", message=str(error)))
        return None
    finally:
        del secret  # an error shows no variable that holds it


def _text(typed: Mapping[str, object], name: str) -> str:
    value = typed.get(name, "")
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value) if name == "display_name" else str(value).strip()


def _name(field: str) -> str:
    """Return the name of the field of a page for that of a field of settings."""
    return _NAMES.get(field, field.replace(".", "_"))


def _missing(field: str) -> Problem:
    return Problem(field=field, code="field.missing", message="this must be filled in")
