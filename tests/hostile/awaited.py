"""The asyncio face, called as if it were the blocking one, so that what is done with a text there is done here too."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.surface import faces

from . import acted, injected

_MAIL = ("Accounts", "FileJournal", "Mailer", "check", "discover", "migrate", "verify")
_OAUTH = ("LoopbackReceiver", "SignIn", "SqliteTokenStore", "issuer_at")
NAMES = (*_MAIL, *(f"oauth.{name}" for name in _OAUTH))
"""What is another object in each colour."""


class Awaited:
    """An object of the asyncio face whose methods are awaited by this one's, each in a loop of its own."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __getattr__(self, name: str) -> Any:
        return blocking(getattr(self._value, name))

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exception: object) -> None:
        """Without `async with` each call opens and closes its own connections."""


def blocking(value: Any) -> Any:
    """Return what does the same as a function, class or attribute of the asyncio face, and waits for it."""
    if inspect.iscoroutinefunction(value):
        return lambda *arguments, **named: asyncio.run(value(*arguments, **named))
    if isinstance(value, type):
        return _class(value)
    return value


def _class(kind: type[Any]) -> Callable[..., Any]:
    def make(*arguments: Any, **named: Any) -> Awaited:
        return Awaited(kind(*arguments, **named))

    for name, value in inspect.getmembers(kind):
        if isinstance(inspect.getattr_static(kind, name), staticmethod | classmethod):
            setattr(make, name, value)
    return make


@contextmanager
def aio() -> Iterator[None]:
    """Have the acts of `acted` and `injected` use the asyncio face."""
    face, oauth = faces.face("tether_mailconf.aio"), faces.face("tether_mailconf.aio.oauth")
    others = {name: getattr(faces.face("tether_mailconf.oauth"), name) for name in dir(oauth)}
    awaited = {name: blocking(getattr(oauth, name)) for name in _OAUTH}
    modules: tuple[ModuleType, ...] = (acted, injected)
    with pytest.MonkeyPatch.context() as patch:
        for module in modules:
            patch.setattr(module, "oauth", SimpleNamespace(**{**others, **awaited}))
            for name in _MAIL:
                if hasattr(module, name):
                    patch.setattr(module, name, blocking(getattr(face, name)))
        yield
