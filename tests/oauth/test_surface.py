"""Signing in has the same names, methods and parameters in both colours, and loads nothing that it may not need."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import pytest

from tests.mailer.test_surface import methods, parameters
from tether_mailconf import aio, oauth

COLOURED = ("LoopbackReceiver", "SignIn", "SqliteTokenStore")


@pytest.mark.parametrize("name", COLOURED)
def test_the_classes_of_both_colours_have_the_same_methods_and_parameters(name: str) -> None:
    blocking, awaited = getattr(oauth, name), getattr(aio.oauth, name)
    assert blocking is not awaited
    assert parameters(blocking) == parameters(awaited)
    assert set(methods(blocking)) == set(methods(awaited))
    for method, function in methods(blocking).items():
        twin = methods(awaited)[method]
        assert parameters(function) == parameters(twin)
        assert inspect.signature(function).return_annotation == inspect.signature(twin).return_annotation
        assert inspect.iscoroutinefunction(twin)
        assert not inspect.iscoroutinefunction(function)
        assert inspect.getdoc(function)
        assert inspect.getdoc(twin)


def test_every_name_of_one_is_in_the_other() -> None:
    assert oauth.__all__ == aio.oauth.__all__
    for name in oauth.__all__:
        same = getattr(oauth, name) is getattr(aio.oauth, name)
        assert same is (name not in (*COLOURED, "issuer_at")), name
        assert inspect.getdoc(getattr(oauth, name)), name
    assert parameters(oauth.issuer_at) == parameters(aio.oauth.issuer_at)


def test_names_that_there_are_not_are_said_so() -> None:
    modules: list[Any] = [oauth, aio.oauth]
    for module in modules:
        with pytest.raises(AttributeError, match="nothing_here"):
            _ = module.nothing_here


@pytest.mark.parametrize("name", ["oauth", "aio.oauth"])
def test_what_may_not_be_needed_is_not_loaded(name: str) -> None:
    """Requests, oauthlib, google-auth and cryptography cost half a second together."""
    code = (
        f"import sys, tether_mailconf, tether_mailconf.aio; tether_mailconf.{name}.SignIn; "
        "print([one for one in ('requests', 'oauthlib', 'google', 'cryptography') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
