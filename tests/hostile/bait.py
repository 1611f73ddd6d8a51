"""Bait for a regular expression: long texts, made of the pattern itself, that nearly match.

Matching is slow where a repeat can be left at many places and what follows fails at each of them. So each repeat of a
pattern meets what it repeats, many times, behind what leads to it and before what cannot follow; and texts are made of
each letter that the pattern knows, of pairs of letters, and of whole pieces of what it matches.
"""

from __future__ import annotations

import importlib
import itertools
import re
from collections.abc import Iterator
from typing import Any

import attrs

# The tree of a pattern has no public home since Python 3.11: `sre_parse` warns when it is imported.
_parser: Any = importlib.import_module("re._parser")

SIZE = 100_000
"""Characters of a whole bait."""

FOREIGN = "\u00f7"
"""A letter that hardly any pattern knows, and that a byte can hold."""

_ENDS = ("", FOREIGN, "\0", "\n", "\r\n", "!", "a", "-", " ", '"', "]")
_FEW_ENDS = ("", FOREIGN)
_MOST_LETTERS = 16
_MOST_PAIRED = 9
_LONG = 300
"""How often a repeat inside another is repeated, where it may be."""
_SAMPLES = {"CATEGORY_SPACE": " ", "CATEGORY_DIGIT": "1", "CATEGORY_WORD": "a"}
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")

Node = tuple[Any, Any]


@attrs.frozen
class Bait:
    """A text of any length: a head, what is repeated, and an end."""

    head: str
    unit: str
    end: str

    @property
    def least(self) -> int:
        """Characters of the shortest text of it."""
        return len(self.head) + len(self.unit) + len(self.end)

    def text(self, size: int) -> str:
        """Return it in at most `size` characters, which must not be fewer than the least."""
        return self.head + self.unit * ((size - len(self.head) - len(self.end)) // len(self.unit)) + self.end


def baits_for(pattern: re.Pattern[Any]) -> list[Bait]:
    """Return all bait for a pattern, each once, the shortest first."""
    source = pattern.pattern
    nodes = list(_parser.parse(source, pattern.flags & ~re.UNICODE if isinstance(source, bytes) else pattern.flags))
    letters = _letters(nodes)
    units = [*_repeats(nodes, ""), *(("", unit) for unit in _pieces(nodes)), *(("", letter) for letter in letters)]
    pairs = [("", a + b) for a, b in itertools.permutations(letters[:_MOST_PAIRED], 2)]
    made = [Bait(head, unit, end) for head, unit in units for end in _ENDS if unit]
    made += [Bait(head, unit, end) for head, unit in pairs for end in _FEW_ENDS]
    return sorted(dict.fromkeys(made), key=lambda bait: bait.least)


# -- what a pattern matches --------------------------------------------------------------------------------------------


def _sample(nodes: list[Node], often: int, choice: int) -> str:
    """Return a text that the nodes match, as far as can be told from each alone.

    Args:
        nodes: a sequence of the tree.
        often: how often each repeat is repeated, where it may be.
        choice: which letter of a class, and which branch, is taken.
    """
    return "".join(_sample_of(node, often, choice) for node in nodes)


def _sample_of(node: Node, often: int, choice: int) -> str:
    kind, argument = str(node[0]), node[1]
    if kind in _REPEATS:
        least, most, inner = argument
        return _sample(list(inner), often, choice) * max(int(least), min(int(most), often))
    if kind == "BRANCH":
        branches = argument[1]
        return _sample(list(branches[choice % len(branches)]), often, choice)
    if kind == "SUBPATTERN":
        return _sample(list(argument[3]), often, choice)
    if kind == "ATOMIC_GROUP":
        return _sample(list(argument), often, choice)
    letters = _letters_of(node)
    return letters[choice % len(letters)] if letters else ""


def _letters_of(node: Node) -> list[str]:
    """Return letters that a node of one letter matches; none for what matches no letter."""
    kind, argument = str(node[0]), node[1]
    if kind == "LITERAL":
        return [chr(argument)]
    if kind in ("NOT_LITERAL", "ANY"):
        return ["a", FOREIGN, " "]
    if kind == "CATEGORY":
        return [_SAMPLES.get(str(argument), FOREIGN)]
    if kind == "RANGE":
        return [chr(argument[0]), chr(argument[1])]
    if kind != "IN":
        return []
    named = list(dict.fromkeys(letter for inner in argument for letter in _letters_of(inner)))
    if str(argument[0][0]) != "NEGATE":
        return named
    return [letter for letter in ("a", FOREIGN, " ", "1", "=", "/", "<", "[", "(") if letter not in named]


def _inner(node: Node) -> list[list[Node]]:
    """Return the sequences inside a node."""
    kind, argument = str(node[0]), node[1]
    if kind in _REPEATS:
        return [list(argument[2])]
    if kind == "BRANCH":
        return [list(branch) for branch in argument[1]]
    if kind == "SUBPATTERN":
        return [list(argument[3])]
    if kind == "ATOMIC_GROUP":
        return [list(argument)]
    return [list(argument[1])] if kind in ("ASSERT", "ASSERT_NOT") else []


# -- what is repeated --------------------------------------------------------------------------------------------------


def _repeats(nodes: list[Node], before: str) -> Iterator[tuple[str, str]]:
    """Return, for each repeat however deep, what leads to it and what it repeats."""
    for index, node in enumerate(nodes):
        head = before + _sample(nodes[:index], 1, 0)
        if str(node[0]) in _REPEATS and int(node[1][1]) > 1:
            inner = list(node[1][2])
            yield from ((head, _sample(inner, often, choice)) for choice in range(4) for often in (1, _LONG))
        for sequence in _inner(node):
            yield from _repeats(sequence, head)


def _pieces(nodes: list[Node]) -> Iterator[str]:
    """Return the beginnings of what the pattern matches, and the whole."""
    for end in range(1, len(nodes) + 1):
        yield from (_sample(nodes[:end], often, choice) for choice in range(3) for often in (1, _LONG))
    for node in nodes:
        for sequence in _inner(node):
            yield from _pieces(sequence)


def _letters(nodes: list[Node]) -> list[str]:
    """Return the letters that the pattern knows, and one that it does not."""
    found = dict.fromkeys(FOREIGN)
    waiting = list(nodes)
    while waiting:
        node = waiting.pop(0)
        found.update(dict.fromkeys(_letters_of(node)))
        waiting += [inner for sequence in _inner(node) for inner in sequence]
    return list(found)[:_MOST_LETTERS]
