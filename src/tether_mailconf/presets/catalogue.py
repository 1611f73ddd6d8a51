"""The presets of the catalogue, each read when it is asked for: `providers/` has a file for each, named by its id."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import cast

from ..errors import InvalidSettings, Problem, printable
from .preset import Preset, read_preset
from .tables import content

_ID = re.compile(r"[a-z0-9_]{1,64}")


def get(preset_id: str) -> Preset:
    """Return the preset with this id.

    Raises:
        InvalidSettings: there is none.
    """
    name = cast(object, preset_id)
    found = _read(name) if isinstance(name, str) and _ID.fullmatch(name) else None
    if found is not None:
        return found
    shown = printable(name, 64) if isinstance(name, str) else type(name).__name__
    text = f"there is no preset {shown!r}"
    raise InvalidSettings((Problem(field="preset", code="preset.unknown", message=text),))


@cache
def ids() -> tuple[str, ...]:
    """Return the ids of all presets, sorted."""
    names = (entry.name for entry in files(__package__ or "").joinpath("providers").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def offered(current: str | None = None) -> tuple[Preset, ...]:
    """Return the presets that a settings page offers, in order: the best known, and Custom; OLD ways are left out.

    Args:
        current: the id of the account's preset now. It is offered too, an OLD one beside its NEW one.

    Raises:
        InvalidSettings: there is no such preset.
    """
    kept = None if current is None else get(current)
    presets = [preset for preset in map(get, _shown()) if not preset.is_old or preset == kept]
    if kept is not None and kept not in presets:
        presets.insert(len(presets) - 1, kept)
    return tuple(presets)


def related(preset: Preset) -> tuple[Preset, ...]:
    """Return the OLD or the NEW way to the same provider; none if there is only one.

    Args:
        preset: one of the two.
    """
    if preset.superseded_by is not None:
        return (get(preset.superseded_by),)
    return tuple(other for other in map(get, _shown()) if other.superseded_by == preset.id)


def _shown() -> list[str]:
    return content("offered.txt").decode().split()


@cache
def _read(preset_id: str) -> Preset | None:
    file = files(__package__ or "").joinpath("providers", f"{preset_id}.toml")
    if not file.is_file():
        return None
    return read_preset({"id": preset_id, **tomllib.loads(file.read_text(encoding="utf-8"))})
