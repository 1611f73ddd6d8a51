"""Reading back what was stored as plain data: whole and of the right types, or a typed error. Converts nothing.

A value of another type than was written was changed by somebody; taking it for what it resembles would hide that.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Mapping
from datetime import datetime
from typing import Any, TypeVar, cast

from .errors import Damaged, InvalidSettings, UnsupportedSchema
from .settings import Endpoint, Security

T = TypeVar("T")


Upgrade = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""What makes the next schema version of stored data out of one."""


def record(what: str, data: object, schema: int, *upgrades: Upgrade) -> Mapping[str, Any]:
    """Return stored data as a mapping of the newest schema version, if this version of the library can read it.

    Args:
        what: what was stored, for the error ("receipt").
        data: the data.
        schema: the newest schema version.
        upgrades: what leads from each version to the next, from the oldest that is read.

    Raises:
        UnsupportedSchema: a newer version of the library wrote it.
        Damaged: it is no mapping, or has no schema version of ours.
    """
    if not isinstance(data, Mapping):
        raise Damaged(what, "it is not a mapping")
    stored = cast("Mapping[str, Any]", data)
    found = stored.get("schema")
    if type(found) is int and found > schema:
        raise UnsupportedSchema(found, schema)
    oldest = schema - len(upgrades)
    if type(found) is not int or found < oldest:
        raise Damaged(what, "it has no schema version of ours")
    for upgrade in upgrades[found - oldest :]:
        stored = upgrade(stored)
    return stored


@contextlib.contextmanager
def reading(what: str) -> Generator[None, None, None]:
    """Turn whatever goes wrong while fields are read into `Damaged`; of a part of it, into `Damaged` of the whole."""
    try:
        yield
    except Damaged as error:
        raise Damaged(what, f"its {error.what}: {error.reason}") from None
    except KeyError as error:
        raise Damaged(what, f"it lacks {error.args[0]}") from None
    except (TypeError, ValueError, OverflowError, AttributeError, InvalidSettings) as error:
        raise Damaged(what, f"{type(error).__name__}: {error}") from None


def exactly(kind: type[T], value: object) -> T:
    """Return a value that is of this type, and of no subclass.

    Raises:
        TypeError: it is not.
    """
    if type(value) is not kind:
        raise TypeError(f"{kind.__name__} expected, not {type(value).__name__}")
    return value


def if_any(kind: type[T], value: object) -> T | None:
    """Return a value of this type, or None if that was stored.

    Raises:
        TypeError: it is something else.
    """
    return None if value is None else exactly(kind, value)


def texts(value: object) -> tuple[str, ...]:
    """Return a list of texts.

    Raises:
        TypeError: it is something else.
    """
    return tuple(exactly(str, one) for one in cast("list[object]", exactly(list, value)))


def seconds(value: object) -> float:
    """Return a number of seconds.

    Raises:
        TypeError: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("a number of seconds is none")
    return float(value)


def moment(value: object) -> datetime:
    """Return a moment with its zone.

    Raises:
        TypeError: it is no text.
        ValueError: it is no moment, or one without a zone.
    """
    found = datetime.fromisoformat(exactly(str, value))
    if found.tzinfo is None:
        raise ValueError("a moment without a zone")
    return found


def endpoint(value: object) -> Endpoint:
    """Return a server.

    Raises:
        TypeError: it is no mapping.
        KeyError: a part is missing.
        ValueError: the security is none.
        InvalidSettings: it is no server.
    """
    parts = cast("Mapping[str, Any]", exactly(dict, value))
    return Endpoint(host=parts["host"], port=parts["port"], security=Security(parts["security"]))
