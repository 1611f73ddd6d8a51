"""The reference has every public name, and no name that is not there."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

from . import faces

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
DIRECTIVE = re.compile(r"^ *\.\. (?:auto\w+|py:\w+):: ([\w.]+)(?:\(\))?$", re.MULTILINE)
MEMBERS = re.compile(r"^\.\. automodule:: ([\w.]+)\n +:members: (\w+(?:,\s+\w+)+)$", re.MULTILINE)


def documented() -> list[str]:
    """Return every dotted name that a page of the reference has an entry for."""
    pages = "\n".join(path.read_text() for path in sorted(REFERENCE.glob("*.md")))
    chosen = [f"{module}.{name}" for module, names in MEMBERS.findall(pages) for name in re.split(r",\s+", names)]
    return DIRECTIVE.findall(pages) + chosen


def found(dotted: str) -> Any:
    """Return what a dotted name stands for."""
    try:
        return importlib.import_module(dotted)
    except ModuleNotFoundError:
        parent, _, last = dotted.rpartition(".")
        return getattr(found(parent), last)


def test_what_the_reference_names_is_there() -> None:
    assert len(documented()) > 100
    assert all(found(dotted) is not None for dotted in documented())


def test_the_reference_has_every_public_name() -> None:
    """Both colours stand in one entry: a page says which names are awaited."""
    entries = [found(dotted) for dotted in documented()]
    names = {dotted.rpartition(".")[2] for dotted in documented()}
    missing = [
        name
        for name, value in faces.named()
        if name not in faces.FACES
        and not any(value is entry for entry in entries)
        and name.rpartition(".")[2] not in names
    ]
    assert sorted(missing) == []
