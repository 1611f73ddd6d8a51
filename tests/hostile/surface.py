"""Every place where text comes in: fields of public values, and arguments of public calls, found by looking."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Iterator, Mapping
from types import ModuleType

import attrs

import tether_mailconf
from tether_mailconf import oauth, presets

BLOCKING: Mapping[str, ModuleType] = {"": tether_mailconf, "oauth.": oauth, "presets.": presets}
AIO: Mapping[str, ModuleType] = {"": tether_mailconf.aio, "oauth.": tether_mailconf.aio.oauth, "presets.": presets}
"""The modules that a host imports from, by what stands before a name in each colour.

`tether_mailconf.sandbox` is left out on purpose: what it is told comes from the test that runs it, which could do as
well without it whatever it had it do, and it listens on loopback only. So are the homes of errors and protocols.
"""

_TEXTUAL = ("str", "Mapping", "Message", "Path", "Network, ...")
"""What stands in the annotation of an argument that can hold text."""


def public(homes: Mapping[str, ModuleType]) -> Iterator[tuple[str, object]]:
    """Return every public class and function, each once, by the name it is called with."""
    seen: set[int] = set()
    for prefix, home in homes.items():
        names: list[str] = getattr(home, "__all__", None) or [name for name in dir(home) if name[:1] != "_"]
        for name in names:
            value = getattr(home, name)
            if callable(value) and id(value) not in seen:
                seen.add(id(value))
                yield f"{prefix}{name}", value


def places(homes: Mapping[str, ModuleType] = BLOCKING) -> list[str]:
    """Return every place where text comes in: "Endpoint.host", "Mailer.send(recipients)", "discover(address)"."""
    return [place for name, value in public(homes) for place in _places(name, value)]


def _places(name: str, value: object) -> Iterator[str]:
    if not isinstance(value, type):
        yield from _arguments(name, value)
    elif not issubclass(value, enum.Enum | BaseException):
        # Errors are told by the library; what is in them is shown by `printable`.
        if attrs.has(value):
            yield from (f"{name}.{field.name}" for field in attrs.fields(value) if _is_textual(str(field.type)))
        elif not getattr(value, "_is_protocol", False):
            yield from _arguments(name, value)
        if not getattr(value, "_is_protocol", False):
            for method, _ in inspect.getmembers(value, callable):
                if method[:1] != "_":
                    yield from _arguments(f"{name}.{method}", getattr(value, method))


def _arguments(name: str, call: object) -> Iterator[str]:
    if callable(call):
        for argument in inspect.signature(call).parameters.values():
            if _is_textual(str(argument.annotation)):
                yield f"{name}({argument.name})"


def _is_textual(annotation: str) -> bool:
    return any(word in annotation for word in _TEXTUAL)
