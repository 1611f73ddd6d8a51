"""What the page shows, put together from what is stored and from what is being typed. It changes nothing."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

import tether_mailconf as mailconf
from tether_mailconf import oauth, presets
from tether_mailconf.presets import Button, Field, Preset

from .desk import Desk
from .lines import Line, hint

AT_FIRST = ("gmail", "outlook", "icloud")
"""What is picked with one click; the others are one click further away."""


@attrs.frozen(kw_only=True)
class Choice:
    """What can be picked.

    Args:
        preset: what it stands for.
        label: what the button says.
        is_picked: whether it is picked now.
    """

    preset: Preset
    label: str
    is_picked: bool


@attrs.frozen(kw_only=True)
class Page:
    """The page, ready to be drawn.

    Args:
        choices: what is offered at first sight, Custom last.
        more: what is offered under "more".
        preset: what is picked.
        fields: its fields.
        values: what stands in them.
        errors: what is wrong, by field; under "" what belongs to none.
        corrections: what was probably meant instead, by field.
        meant: what should probably be picked instead; None if this may well be right.
        new: the NEW way, if an OLD one is picked.
        is_enabled: whether the box "Enable SMTP and IMAP" is ticked.
        has_secret: whether a password is set, which is never shown.
        is_stored: whether there is an account to disable or clear.
        sign_in: what the button says with which one signs in; empty if one does not.
        is_signed_in: whether that has been done.
        lines: what is said above the fields.
    """

    choices: tuple[Choice, ...]
    more: tuple[Choice, ...]
    preset: Preset
    fields: tuple[Field, ...]
    values: Mapping[str, str]
    errors: Mapping[str, tuple[str, ...]]
    corrections: Mapping[str, str]
    meant: Preset | None
    new: Preset | None
    is_enabled: bool
    has_secret: bool
    is_stored: bool
    sign_in: str
    is_signed_in: bool
    lines: tuple[Line, ...]


def make_page(desk: Desk) -> Page:
    """Return the page for a person."""
    account, draft, typed, preset, form = desk.account, desk.draft, desk.typed, desk.preset, desk.form
    stored_preset = None if account is None else account.settings.preset
    choices = _choices(stored_preset, preset)
    errors: dict[str, tuple[str, ...]] = {}
    for problem in draft.problems:
        errors[problem.field] = (*errors.get(problem.field, ()), problem.message)
    lines = draft.lines
    status = _status(desk)
    is_over = status is not None and status.state is oauth.TokenState.NEEDS_SIGN_IN
    if status is not None and is_over and not any(line.sentence == status.sentence for line in lines):
        lines = (*lines, hint(status.sentence, status.remedy))
    return Page(
        choices=tuple(one for one in choices if _is_at_first(one)),
        more=tuple(one for one in choices if not _is_at_first(one)),
        preset=preset,
        fields=tuple(field for field in form.fields if field.name != "enabled"),
        values=typed,
        errors=errors,
        corrections=_corrections(typed) if draft.typed is not None else {},
        meant=_meant(typed),
        new=None if preset.superseded_by is None else presets.get(preset.superseded_by),
        is_enabled=typed.get("enabled") == "on",
        has_secret="secret" in draft.secrets or any(field.is_kept for field in form.fields),
        is_stored=account is not None,
        sign_in=dict(form.buttons).get(Button.SIGN_IN, ""),
        is_signed_in=status is not None and status.state is oauth.TokenState.READY,
        lines=lines,
    )


def _choices(stored: str | None, picked: Preset) -> tuple[Choice, ...]:
    offered = presets.offered(stored)
    superseded = {preset.superseded_by for preset in offered if preset.is_old}
    return tuple(
        Choice(
            preset=preset,
            label=f"{preset.label} (OLD)"
            if preset.is_old
            else f"{preset.label} (NEW)"
            if preset.id in superseded
            else preset.label,
            is_picked=preset == picked,
        )
        for preset in offered
    )


def _is_at_first(choice: Choice) -> bool:
    return choice.is_picked or choice.preset.is_old or choice.preset.id in (*AT_FIRST, presets.CUSTOM.id)


def _corrections(typed: Mapping[str, str]) -> dict[str, str]:
    """Return what was probably meant, for each field that a slip is in."""
    slips = ((advice.problem.field, advice.proposal) for advice in presets.lint(typed))
    return {field: str(proposal[field]) for field, proposal in slips if field in proposal}


def _meant(typed: Mapping[str, str]) -> Preset | None:
    """Return what the address that is typed belongs to, if it is not what is picked."""
    for advice in presets.lint(typed):
        if advice.problem.field == "preset" and advice.proposal["preset"] != typed["preset"]:
            return presets.get(str(advice.proposal["preset"]))
    return None


def _status(desk: Desk) -> oauth.TokenStatus | None:
    if desk.form.issuer is None or not desk.typed.get("address"):
        return None
    try:
        return desk.host.sign_in(desk.preset.oauth_issuer or "").status(desk.typed["address"], owner=desk.owner)
    except mailconf.InvalidSettings:
        return None  # what is typed is no address, which is told beside its field
