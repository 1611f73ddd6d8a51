"""What long fuzzing found worth keeping is read again, and what is near to it."""

from __future__ import annotations

import random
import zlib

import pytest

from .__main__ import CORPUS
from .target import LONGEST, Target
from .targets import ALL

_NEAR = 60
"""Changed inputs for each parser."""

_MOST_KEPT = 200 * 1024
"""Bytes of the whole corpus."""


def kept(name: str) -> list[bytes]:
    """Return the inputs that were kept for a parser."""
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


@pytest.mark.parametrize("name", ALL)
def test_what_was_kept_is_a_value_or_a_typed_error(name: str) -> None:
    for data in [*ALL[name].seeds, *kept(name)]:
        ALL[name].run(data)


def near(target: Target) -> list[bytes]:
    """Return inputs made of what was kept, always the same ones: cut, joined, and with words put in."""
    known = [*target.seeds, *kept(target.name)]
    chance = random.Random(zlib.crc32(target.name.encode()))
    made: list[bytes] = []
    for _ in range(_NEAR):
        first, second = chance.choice(known), chance.choice(known)
        cut, other = chance.randrange(len(first) + 1), chance.randrange(len(second) + 1)
        word = chance.choice(target.words) if target.words else chance.randbytes(2)
        made.append((first[:cut] + word * chance.choice((0, 1, 1, 40)) + second[other:])[:LONGEST])
    return made


@pytest.mark.parametrize("name", ALL)
def test_what_is_near_to_it_is_a_value_or_a_typed_error(name: str) -> None:
    for data in near(ALL[name]):
        ALL[name].run(data)


def test_the_corpus_is_small_and_belongs_to_parsers_that_there_are() -> None:
    folders = {path.name for path in CORPUS.iterdir()}
    assert folders == set(ALL)
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < _MOST_KEPT


def test_a_fault_in_a_parser_is_told() -> None:
    def broken(data: bytes) -> None:
        raise IndexError(data)

    with pytest.raises(IndexError):
        Target("broken", broken, [b""]).run(b"x")
