"""Every regular expression of the package: those that its modules hold, and those that its functions write out."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

import tether_mailconf

METHODS = ("match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer")
_MAKERS = (*METHODS, "compile")


@attrs.frozen
class Found:
    """A pattern, where it is, and how it is asked.

    Args:
        place: module and name.
        pattern: the pattern.
        methods: the methods that the package calls on it; all of them, where that cannot be told.
    """

    place: str
    pattern: re.Pattern[Any]
    methods: tuple[str, ...]


@attrs.frozen
class Call:
    """A call of the module `re`.

    Args:
        module: where it is.
        function: the function it is in, with dots; empty at the level of the module or of a class.
        method: what is called.
        source: the pattern, if it is written out; None if it is put together.
        flags: the flags.
    """

    module: str
    function: str
    method: str
    source: str | bytes | None
    flags: int = 0


def modules() -> list[ModuleType]:
    """Return all modules of the package but the one that runs the command."""
    names = [one.name for one in pkgutil.walk_packages(tether_mailconf.__path__, "tether_mailconf.")]
    return [importlib.import_module(name) for name in ("tether_mailconf", *names) if not name.endswith("__main__")]


def held() -> list[Found]:
    """Return the patterns that modules and classes hold, in whatever containers."""
    used = uses()
    places: dict[re.Pattern[Any], str] = {}
    methods: dict[re.Pattern[Any], set[str]] = {}
    for module in modules():
        for name, value in vars(module).items():
            for place, pattern in _within(f"{module.__name__}.{name}", value, 0):
                places.setdefault(pattern, place)
                methods.setdefault(pattern, set()).update(used.get((module.__name__, name), ()))
    return [Found(place, pattern, tuple(sorted(methods[pattern])) or METHODS) for pattern, place in places.items()]


def _within(place: str, value: object, depth: int) -> Iterator[tuple[str, re.Pattern[Any]]]:
    if isinstance(value, re.Pattern):
        yield place, value
    elif depth > 6:
        return
    elif isinstance(value, tuple | list | set | frozenset):
        for index, inner in enumerate(value):
            yield from _within(f"{place}[{index}]", inner, depth + 1)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _within(f"{place}[{key!r}]", key, depth + 1)
            yield from _within(f"{place}[{key!r}]", inner, depth + 1)
    elif isinstance(value, type) and value.__module__.startswith("tether_mailconf"):
        for name, inner in list(vars(value).items()):
            yield from _within(f"{place}.{name}", inner, depth + 1)
    elif type(value).__module__.startswith("tether_mailconf"):
        for field in getattr(type(value), "__attrs_attrs__", ()):
            yield from _within(f"{place}.{field.name}", getattr(value, field.name), depth + 1)


# -- what the source says ----------------------------------------------------------------------------------------------


def trees() -> Iterator[tuple[str, ast.Module]]:
    """Return each module's name and tree."""
    root = Path(tether_mailconf.__path__[0])
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        yield ".".join(("tether_mailconf", *parts)).removesuffix(".__init__"), ast.parse(path.read_text())


def uses() -> dict[tuple[str, str], set[str]]:
    """Return, for each module and name, the methods of patterns that are asked of it there.

    Of a name that is handed on to a function, these are the methods that functions ask of a pattern they are given.
    """
    found: dict[tuple[str, str], set[str]] = {}
    handed_on: set[tuple[str, str]] = set()
    of_given: set[str] = set()
    for module, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in METHODS and isinstance(node.value, ast.Name):
                found.setdefault((module, node.value.id), set()).add(node.attr)
            elif isinstance(node, ast.Call):
                handed_on |= {(module, one.id) for one in node.args if isinstance(one, ast.Name)}
            elif isinstance(node, ast.FunctionDef):
                of_given |= _asked_of_given(node)
    return found | dict.fromkeys(handed_on - found.keys(), of_given)


def _asked_of_given(function: ast.FunctionDef) -> set[str]:
    """Return the methods that a function asks of the patterns among its arguments."""
    named = (*function.args.args, *function.args.kwonlyargs)
    given = {one.arg for one in named if one.annotation is not None and "Pattern" in ast.unparse(one.annotation)}
    return {
        node.attr
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in given
    } & {*METHODS}


def calls() -> list[Call]:
    """Return all calls of the module `re`."""
    return [call for module, tree in trees() for call in _calls(module, tree, ())]


def _calls(module: str, node: ast.AST, functions: tuple[str, ...]) -> Iterator[Call]:
    for inner in ast.iter_child_nodes(node):
        is_function = isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        name = getattr(inner, "name", "<lambda>")
        if isinstance(inner, ast.Call) and _is_of_re(inner.func):
            yield _call(module, inner, ".".join(functions))
        yield from _calls(module, inner, (*functions, name) if is_function else functions)


def _is_of_re(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and function.attr in _MAKERS
        and isinstance(function.value, ast.Name)
        and function.value.id == "re"
    )


def _call(module: str, call: ast.Call, function: str) -> Call:
    given = call.args[0]
    source = given.value if isinstance(given, ast.Constant) and isinstance(given.value, str | bytes) else None
    named = [node.attr for argument in call.args[1:] for node in ast.walk(argument) if isinstance(node, ast.Attribute)]
    flags = sum(int(getattr(re, name)) for name in named if isinstance(getattr(re, name, None), re.RegexFlag))
    return Call(module, function, call.func.attr if isinstance(call.func, ast.Attribute) else "", source, flags)
