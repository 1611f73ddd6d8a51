"""One field of a form, or of stored data: is it what it should be? Problems are gathered, and told all at once.

What a field means is the business of whoever asks.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import attrs

from .address import read_address
from .errors import InvalidSettings, Problem, printable
from .host_name import CONTROL, read_host

MAX_TEXT = 256
"""Characters that a text may have where nothing else is said."""

T = TypeVar("T")
E = TypeVar("E", bound=enum.Enum)
Problems = list[Problem]
Reader = Callable[[object, str, Problems], T]


# -- values -----------------------------------------------------------------------------------------------------------


def check_kind(value: object, kind: type, field: str, problems: Problems) -> None:
    """Add a problem for a value of another class."""
    if not isinstance(value, kind):
        problems.append(wrong_type(field, "true or false" if kind is bool else f"a value of {kind.__name__}"))


def check_text(value: object, field: str, problems: Problems, *, is_required: bool, limit: int = MAX_TEXT) -> None:
    """Add a problem for what is no text, is empty though required, too long, or holds a control character."""
    if not isinstance(value, str):
        problems.append(wrong_type(field, "text"))
    elif is_required and not value.strip():
        problems.append(Problem(field=field, code="text.missing", message="this must not be empty"))
    elif len(value) > limit:
        problems.append(Problem(field=field, code="text.too_long", message=f"this has more than {limit} characters"))
    elif CONTROL.search(value) or any("\ud800" <= character <= "\udfff" for character in value):
        text = "this contains a line break or another control character"
        problems.append(Problem(field=field, code="text.control", message=text))


def normal_host(value: object, field: str, problems: Problems) -> str:
    """Return the host normalised; a problem is added for one that is none, and the value returned as it is."""
    if not isinstance(value, str):
        problems.append(wrong_type(field, "text"))
        return ""
    found = read_host(value)
    if isinstance(found, str):
        return found
    problems.append(attrs.evolve(found, field=field))
    return value


def normal_address(value: object, problems: Problems) -> str:
    """Return the address with its domain normalised; a problem is added for one that is none."""
    if not isinstance(value, str):
        problems.append(wrong_type("address", "text"))
        return ""
    before = len(problems)
    check_text(value, "address", problems, is_required=True, limit=320)
    if len(problems) > before:
        return value
    found = read_address(value)
    if isinstance(found, str):
        return found
    problems.append(attrs.evolve(found, field="address"))
    return value


# -- stored data -------------------------------------------------------------------------------------------------------


def mapping_of(value: object, field: str, problems: Problems) -> dict[object, object] | None:
    """Return a copy of a stored mapping, or None and a problem."""
    if isinstance(value, Mapping):
        return dict(cast(Mapping[object, object], value))
    problems.append(wrong_type(field, "a mapping"))
    return None


def member_of(kind: type[E]) -> Reader[E | None]:
    """Return a reader that takes the stored value of an enumeration for its member."""

    def read(value: object, field: str, problems: Problems) -> E | None:
        for member in kind:
            if isinstance(value, str) and member.value == value:
                return member
        choices = ", ".join(str(member.value) for member in kind)
        problems.append(Problem(field=field, code="choice.invalid", message=f"this must be one of: {choices}"))
        return None

    return read


def read_as(values: dict[object, object], name: str, reader: Reader[Any], problems: Problems, prefix: str = "") -> None:
    """Replace a stored value by what it stands for."""
    if name in values:
        values[name] = reader(values[name], f"{prefix}{name}", problems)


def check_names(values: Mapping[object, object], kind: type, prefix: str, problems: Problems) -> None:
    """Add a problem for each name that is no field of `kind`, and for each required field that is missing."""
    fields = attrs.fields_dict(kind)
    for name in values:
        if name not in fields:
            shown = printable(name, 80) if isinstance(name, str) else f"<{type(name).__name__}>"
            problems.append(Problem(field=f"{prefix}{shown}", code="field.unknown", message="there is no such field"))
    for name, field in fields.items():
        if field.default is attrs.NOTHING and name not in values:
            problems.append(Problem(field=f"{prefix}{name}", code="field.missing", message="this is missing"))


# -- problems ---------------------------------------------------------------------------------------------------------


def wrong_type(field: str, expected: str) -> Problem:
    """Return the problem of a value of another type."""
    return Problem(field=field, code="type.wrong", message=f"this must be {expected}")


def refuse(problems: Problems) -> None:
    """Raise `InvalidSettings` if there is any problem."""
    if problems:
        raise InvalidSettings(tuple(problems))
