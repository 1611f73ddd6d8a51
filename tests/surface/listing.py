"""The surface in words: a line for each public name, its members and parameters, as `surface.txt` has it."""

from __future__ import annotations

import enum
import inspect
import types
from collections.abc import Iterator
from typing import Any

from . import faces


def listing() -> list[str]:
    """Return a line for each public name, in the order of the faces; and below it those of its members."""
    lines: list[str] = []
    told: dict[int, str] = {}
    for name, value in faces.named():
        if isinstance(value, type | types.FunctionType) and id(value) in told:
            lines.append(f"{name} = {told[id(value)]}")
            continue
        told[id(value)] = name
        lines.extend(lines_of(name, value))
    return lines


def lines_of(name: str, value: Any) -> Iterator[str]:
    """Yield the lines of one name."""
    if isinstance(value, types.ModuleType):
        yield f"{name}: module"
    elif isinstance(value, types.FunctionType):
        yield f"{name}{signature(value)}"
    elif not isinstance(value, type):
        yield f"{name}: {type(value).__name__}"
    else:
        yield f"{name}: {kind_of(value)}"
        if issubclass(value, enum.Enum):
            yield from (f"    {member.name} = {member.value!r}" for member in value)
        elif faces.constructor(value):
            yield f"    {signature(value)}"
        for member, it in faces.members(value):
            yield f"    {member}{': property' if isinstance(it, property) else signature(it)}"


def kind_of(value: type) -> str:
    """Return what a class is called in the list."""
    bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
    return f"class({bases})" if bases else "class"


def signature(value: Any) -> str:
    """Return the parameters with their defaults, and whether it is awaited. Types are mypy's business: tests/typing."""
    shown = [
        parameter.replace(annotation=inspect.Parameter.empty, default=_in_order(parameter.default))
        for parameter in faces.parameters(value)
    ]
    awaited = ", awaited" if inspect.iscoroutinefunction(value) else ""
    return f"{inspect.Signature(shown)}{awaited}"


class _Literal(str):
    """Text that `repr` shows as it stands."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _in_order(default: Any) -> Any:
    # A set shows its members in another order in each process.
    if isinstance(default, frozenset) and default:
        return _Literal(f"frozenset({sorted(default)})")
    return default
