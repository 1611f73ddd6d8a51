"""What a host may use has a name in one place, a docstring that is right, and the same shape in both colours."""

from __future__ import annotations

import builtins
import enum
import inspect
import re
import types
from pathlib import Path
from typing import Any

import pytest

import tether_mailconf
from tether_mailconf import MailconfError

from . import faces
from .listing import listing

FUNCTIONS = faces.functions()
CLASSES = {name: value for name, value in faces.objects().items() if isinstance(value, type)}
EVERYTHING: dict[str, Any] = FUNCTIONS | CLASSES
PAIRS = [
    (f"{blocking}.{name}", getattr(faces.face(blocking), name), getattr(faces.face(awaited), name))
    for blocking, awaited in faces.COLOURS.items()
    for name in faces.face(blocking).__all__
]
COLOURED = [
    (name, one, other)
    for name, one, other in PAIRS
    if one is not other and not isinstance(one, types.ModuleType)  # `oauth` is a face of its own
]

_SECTION = re.compile(r"(Args|Returns|Raises|Attributes):")
_ENTRY = re.compile(r"    (\w+)(?: and|, and)?:")


def sections(documented: Any) -> dict[str, list[tuple[str, str]]]:
    """Return the sections of a docstring, each with its entries: a name, and the line that begins with it."""
    found: dict[str, list[tuple[str, str]]] = {}
    section: list[tuple[str, str]] | None = None
    for line in inspect.cleandoc(documented.__doc__ or "").splitlines():
        if heading := _SECTION.fullmatch(line):
            section = found.setdefault(heading[1], [])
        elif line and not line.startswith(" "):
            section = None
        elif section is not None and (entry := _ENTRY.match(line)):
            section.append((entry[1], line))
        elif section:
            name, text = section[-1]
            section[-1] = (name, f"{text} {line.strip()}")
    return found


def described(documented: Any, *wanted: str) -> dict[str, str]:
    """Return the entries of some sections of a docstring by name."""
    return {name: text for section in wanted for name, text in sections(documented).get(section, [])}


def is_told_elsewhere(documented: Any) -> bool:
    """Whether a docstring sends its reader to another one, of the blocking colour or of a protocol, that tells all."""
    told = re.search(r"\b(?:as|see) `([\w.]+)`|^`([\w.]+)` for asyncio", documented.__doc__ or "")
    return told is not None and any(name.endswith(f".{told[1]}") or name in told.groups() for name in EVERYTHING)


# -- names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", faces.FACES)
def test_a_face_lists_its_names_once_and_shows_just_them(name: str) -> None:
    face = faces.face(name)
    assert len(set(face.__all__)) == len(face.__all__)
    assert set(face.__all__) <= set(dir(face))
    assert all(hasattr(face, public) for public in face.__all__)
    for private in ("nothing_here", "_nothing_here"):
        with pytest.raises(AttributeError, match=private):
            getattr(face, private)


@pytest.mark.parametrize("name", [name for name in faces.FACES if "__dir__" in vars(faces.face(name))])
def test_what_can_be_tried_at_a_prompt_is_what_is_public(name: str) -> None:
    face = faces.face(name)
    shown = {one for one in dir(face) if not one.startswith("_") and not inspect.ismodule(getattr(face, one))}
    assert sorted(shown - set(face.__all__) - {"annotations", "TYPE_CHECKING", "Any"}) == []


def test_every_module_with_a_list_of_names_is_a_face_or_private_or_a_part_of_one() -> None:
    parts = ("tether_mailconf.sandbox.",)
    listed = {one.__name__ for one in faces.everything_imported() if hasattr(one, "__all__")}
    others = {name for name in listed - set(faces.FACES) if not name.startswith(parts)}
    assert {name for name in others if "._" not in name} == set()


def test_the_surface_is_the_one_that_was_agreed() -> None:
    """A name, a parameter or a default that comes, goes or changes is a change for every host: it is made on purpose.

    `python -m tests.surface` writes the list anew; look at the difference, and tell it in CHANGELOG.md.
    """
    agreed = Path(__file__).with_name("surface.txt").read_text().splitlines()
    assert listing() == agreed


# -- docstrings --------------------------------------------------------------------------------------------------------


def test_everything_says_what_it_is_for() -> None:
    silent = [name for name, documented in EVERYTHING.items() if not is_sentence(documented.__doc__)]
    silent += [
        f"{name}.{member}"
        for name, kind in CLASSES.items()
        for member, value in faces.members(kind)
        if not inspect.getdoc(value)
    ]
    assert silent == []


def is_sentence(text: str | None) -> bool:
    """Whether a docstring begins with a sentence."""
    first = " ".join((text or "").strip().partition("\n\n")[0].split())
    return re.match(r"[A-Z`].*[.:?]", first) is not None


def test_the_arguments_that_are_told_are_those_that_there_are() -> None:
    """All of them, in their order. One or two may be told by the sentence instead."""
    wrong = {}
    for name, function in FUNCTIONS.items():
        given, told = [one.name for one in faces.parameters(function)], list(described(function, "Args"))
        is_clear = not told and (len(given) <= 2 or is_told_elsewhere(function))
        if told != given and not is_clear:
            wrong[name] = told, given
    assert wrong == {}


def test_what_a_class_is_made_from_is_told() -> None:
    wrong = {}
    for name, kind in CLASSES.items():
        given, told = set(faces.constructor(kind)), set(described(kind, "Args"))
        if issubclass(kind, MailconfError):  # made by the library; what one holds, it or its base says
            text = " ".join(base.__doc__ or "" for base in kind.__mro__ if issubclass(base, MailconfError))
            told = {one for one in given if re.search(rf"\b{one}\b", text)}
        elif not told and ("Attributes" in sections(kind) or is_told_elsewhere(kind)):
            continue
        if told != given:
            wrong[name] = told ^ given
    assert wrong == {}


def test_what_is_raised_is_an_error_that_a_host_can_catch() -> None:
    wrong = []
    for name, documented in EVERYTHING.items():
        for raised in described(documented, "Raises"):
            kind = getattr(tether_mailconf, raised, None) or getattr(builtins, raised, None)
            if not (isinstance(kind, type) and issubclass(kind, Exception)):
                wrong.append(f"{name} raises {raised}")
    assert wrong == []


def test_a_length_of_time_or_a_size_has_its_unit() -> None:
    units = {
        "deadline": "second|until when",
        "seconds": "second",
        "busy_timeout": "second",
        "retry_after": "second",
        "delay": "second",
        "size": "byte|octet",
    }
    wrong = [
        f"{name}: {text}"
        for name, documented in EVERYTHING.items()
        for argument, text in described(documented, "Args", "Attributes").items()
        if argument in units and not re.search(units[argument], text)
    ]
    assert wrong == []


# -- colours -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("blocking", "awaited"), faces.COLOURS.items())
def test_both_colours_have_the_same_names(blocking: str, awaited: str) -> None:
    assert sorted(faces.face(blocking).__all__) == sorted(faces.face(awaited).__all__)


def test_only_what_waits_has_a_colour() -> None:
    """What talks to servers or issuers, and what writes to a disk."""
    assert sorted(name.removeprefix("tether_mailconf.") for name, _, _ in COLOURED) == [
        "Accounts",
        "FileJournal",
        "Mailer",
        "check",
        "discover",
        "health",
        "migrate",
        "oauth.LoopbackReceiver",
        "oauth.SignIn",
        "oauth.SqliteTokenStore",
        "oauth.issuer_at",
        "verify",
    ]


@pytest.mark.parametrize(("name", "blocking", "awaited"), COLOURED, ids=[name for name, _, _ in COLOURED])
def test_what_has_a_colour_has_the_same_shape_in_both(name: str, blocking: Any, awaited: Any) -> None:
    assert (blocking.__name__, shape(blocking)) == (awaited.__name__.removeprefix("Asyncio"), shape(awaited))
    if isinstance(blocking, types.FunctionType):
        assert_is_awaited(blocking, awaited)
        return
    assert faces.constructor(blocking) == faces.constructor(awaited)
    ours, theirs = dict(faces.members(blocking)), dict(faces.members(awaited))
    assert list(ours) == list(theirs)
    for member, value in ours.items():
        assert shape(value) == shape(theirs[member]), member
        if isinstance(inspect.getattr_static(blocking, member), staticmethod):
            assert value is theirs[member] or not inspect.iscoroutinefunction(theirs[member])  # it asks nobody
        elif isinstance(value, types.FunctionType):
            assert_is_awaited(value, theirs[member])
    for enter, twin in (("__enter__", "__aenter__"), ("__exit__", "__aexit__")):
        assert hasattr(blocking, enter) is hasattr(awaited, twin)


def shape(value: Any) -> Any:
    """Return what a caller must know of a function, class or property, whatever its colour."""
    if isinstance(value, property):
        return type(value), shape(value.fget)
    signature = inspect.signature(value)
    returned = None if isinstance(value, type) else signature.return_annotation
    return [(one.name, one.kind, one.default, one.annotation) for one in signature.parameters.values()], returned


def assert_is_awaited(blocking: Any, awaited: Any) -> None:
    assert inspect.iscoroutinefunction(awaited)
    assert not inspect.iscoroutinefunction(blocking)


# -- errors and enumerations -------------------------------------------------------------------------------------------


def test_every_error_that_any_module_defines_is_one_of_those_that_are_tried() -> None:
    """`tests.unit.test_errors` pickles and copies each of its family with everything set that it can hold."""
    faces.everything_imported()
    from tests.unit.test_errors import FAMILY, example, family

    assert set(family(MailconfError)) <= set(FAMILY)
    for kind in FAMILY:
        error = example(kind)
        for field in faces.constructor(kind):
            assert getattr(error, "args" if field == "cause" else field), f"{kind.__name__}.{field} is not set"


def test_an_enumeration_is_stored_by_values_that_do_not_change() -> None:
    """The values stand in what hosts keep: text, one for each member. `surface.txt` holds them."""
    for name, kind in CLASSES.items():
        if issubclass(kind, enum.Enum):
            values = [member.value for member in kind]
            assert all(isinstance(value, str) for value in values), name
            assert len(set(values)) == len(values), name
