"""Both colours have the same names, methods and parameters."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import tether_mailconf
from tether_mailconf import aio


def parameters(function: Any) -> list[tuple[str, Any, Any]]:
    return [(one.name, one.kind, one.default) for one in inspect.signature(function).parameters.values()]


def methods(kind: type) -> dict[str, Any]:
    return {name: value for name, value in vars(kind).items() if inspect.isfunction(value) and name[0] != "_"}


@pytest.mark.parametrize("name", ["Accounts", "Mailer", "FileJournal"])
def test_the_classes_of_both_colours_have_the_same_methods_and_parameters(name: str) -> None:
    blocking, awaited = getattr(tether_mailconf, name), getattr(aio, name)
    assert blocking is not awaited
    assert parameters(blocking) == parameters(awaited)
    assert list(methods(blocking)) == list(methods(awaited))
    for method, function in methods(blocking).items():
        twin = methods(awaited)[method]
        assert parameters(function) == parameters(twin)
        assert inspect.signature(function).return_annotation == inspect.signature(twin).return_annotation
        assert inspect.iscoroutinefunction(twin)
        assert not inspect.iscoroutinefunction(function)
        assert inspect.getdoc(function)
        assert inspect.getdoc(twin)


@pytest.mark.parametrize("name", ["check", "discover", "health", "migrate", "verify"])
def test_the_functions_of_both_colours_have_the_same_parameters(name: str) -> None:
    blocking, awaited = getattr(tether_mailconf, name), getattr(aio, name)
    assert parameters(blocking) == parameters(awaited)
    assert inspect.signature(blocking).return_annotation == inspect.signature(awaited).return_annotation
    assert inspect.iscoroutinefunction(awaited)
    assert not inspect.iscoroutinefunction(blocking)
    assert inspect.getdoc(blocking)
    assert inspect.getdoc(awaited)


def test_every_public_name_of_one_is_in_the_other() -> None:
    assert set(tether_mailconf.__all__) - {"aio"} == set(aio.__all__) - {"aio"}
    for name in aio.__all__:
        same = getattr(tether_mailconf, name) is getattr(aio, name)
        assert same is (
            name
            not in ("Accounts", "Mailer", "FileJournal", "check", "discover", "health", "migrate", "oauth", "verify")
        ), name


def test_names_that_there_are_not_are_said_so() -> None:
    for module in (tether_mailconf, aio):
        with pytest.raises(AttributeError, match="nothing_here"):
            _ = module.nothing_here
        assert set(module.__all__) <= set(dir(module))
