"""What is public: the modules with `__all__` that a host may import, their names, and the members of those.

Nothing is listed here but the modules; a name that is added to one of them is covered from then on.
"""

from __future__ import annotations

import enum
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import attrs

import tether_mailconf

FACES = (
    "tether_mailconf",
    "tether_mailconf.aio",
    "tether_mailconf.oauth",
    "tether_mailconf.aio.oauth",
    "tether_mailconf.presets",
    "tether_mailconf.sandbox",
    "tether_mailconf.accounts",
    "tether_mailconf.credentials",
    "tether_mailconf.diagnosis",
    "tether_mailconf.discovery",
)
"""The modules that a host imports from."""

COLOURS = {"tether_mailconf": "tether_mailconf.aio", "tether_mailconf.oauth": "tether_mailconf.aio.oauth"}
"""Which face is which one's, awaited."""


def face(name: str) -> ModuleType:
    """Return one of `FACES`; `tether_mailconf.aio.oauth` is an attribute rather than a module."""
    if name == "tether_mailconf.aio.oauth":
        return face("tether_mailconf.aio").oauth  # type: ignore[no-any-return]
    return importlib.import_module(name)


def everything_imported() -> list[ModuleType]:
    """Import every module of the library, and return them."""
    found = pkgutil.walk_packages(tether_mailconf.__path__, f"{tether_mailconf.__name__}.")
    return [importlib.import_module(one.name) for one in found if not one.name.endswith("__main__")]


def named() -> list[tuple[str, Any]]:
    """Return every public name with its face in front, and what it stands for."""
    return [(f"{name}.{public}", getattr(face(name), public)) for name in FACES for public in face(name).__all__]


def objects() -> dict[str, Any]:
    """Return every public class and function once, by its first name."""
    found: dict[int, tuple[str, Any]] = {}
    for name, value in named():
        if isinstance(value, type | FunctionType):
            found.setdefault(id(value), (name, value))
    return dict(found.values())


def members(kind: type) -> Iterator[tuple[str, Any]]:
    """Yield what a host may call or read on a class: public methods and properties, those of our own bases too."""
    seen: set[str] = set()
    for base in kind.__mro__:
        if not base.__module__.startswith("tether_mailconf"):
            continue
        for name, value in vars(base).items():
            if name.startswith("_") or name in seen:
                continue
            seen.add(name)
            if isinstance(value, classmethod | staticmethod):
                value = value.__func__
            if isinstance(value, FunctionType | property):
                yield name, value


def functions() -> dict[str, FunctionType]:
    """Return every public function and method by its name."""
    found: dict[str, FunctionType] = {}
    for name, value in objects().items():
        if isinstance(value, FunctionType):
            found[name] = value
        else:
            found |= {f"{name}.{one}": it for one, it in members(value) if isinstance(it, FunctionType)}
    return found


def parameters(function: Any) -> list[inspect.Parameter]:
    """Return the parameters that a caller gives."""
    return [one for one in inspect.signature(function).parameters.values() if one.name not in ("self", "cls")]


def constructor(kind: type) -> list[str]:
    """Return the names of what a class is made from; nothing for what a host never makes by itself."""
    if attrs.has(kind):
        return [one.alias or one.name for one in attrs.fields(kind) if one.init and not one.name.startswith("_")]
    made = vars(kind).get("__init__")
    if issubclass(kind, enum.Enum) or not isinstance(made, FunctionType) or getattr(kind, "_is_protocol", False):
        return []
    return [one.name for one in parameters(made)]
