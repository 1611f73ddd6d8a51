"""What the tests do not notice, and why that is right: `left.txt` says it for each function, and a run is held to it.

A line has the module, the function, how many of its mutants are left, which kind of reason, and the reason.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

REASONS = frozenset({"equivalent", "wording", "speed", "second line"})
"""Why a mutant may be left: it does the same; it says the same in other words, or what cannot come to be said; it takes
longer or shorter for the same; or what it breaks is caught once more behind it."""

_COLUMNS = re.compile(r" {2,}")
_NAME = re.compile(r"tether_mailconf\.(?P<module>[\w.]+)\.x(?:_|ǁ(?P<kind>\w+?)ǁ)(?P<function>\w+)__mutmut_\d+")


@attrs.frozen(kw_only=True)
class Left:
    """One line of the file."""

    module: str
    function: str
    count: int
    reason: str
    why: str


def explained() -> Iterator[Left]:
    """Yield every line of the file."""
    for line in Path(__file__).with_name("left.txt").read_text("utf-8").splitlines():
        module, function, count, reason, why = _COLUMNS.split(line)
        yield Left(module=module, function=function, count=int(count), reason=reason, why=why)


def unexplained(names: Iterable[str]) -> dict[tuple[str, str], int]:
    """Return, of the mutants that are left, how many more each function has than is explained, by module and function.

    Raises:
        ValueError: a name is none of mutmut's.
    """
    counts = collections.Counter(map(_place, names))
    for line in explained():
        counts[line.module, line.function] -= line.count
    return dict(sorted((+counts).items()))


def _place(name: str) -> tuple[str, str]:
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is not the name of a mutant")
    function = match["function"] if match["kind"] is None else f"{match['kind']}.{match['function']}"
    return f"{match['module'].replace('.', '/')}.py", function
