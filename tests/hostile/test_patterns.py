"""No text of 100 kB, however well it is made for a pattern of this package, keeps it busy for longer than a blink."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from .bait import SIZE, Bait, baits_for
from .patterns import Call, Found, calls, held

LIMIT = 0.05
"""Seconds of CPU, whatever the text."""

_SIZES = (8, 12, 16, 20, 24, 28, 32, 40, 60, 100, 200, 400, 800, 1_600, 4_000, 20_000)
_WORST = 8
_RUNS = 3
_HOPELESS = 20 * LIMIT
"""Seconds of CPU after which another run would change nothing."""


PUT_TOGETHER: dict[tuple[str, str], re.Pattern[Any]] = {
    ("tether_mailconf._oauth.authorization", "matches_issuer"): re.compile(
        r"https://login\.example/[0-9a-fA-F-]{36}/v2\.0"
    ),
    ("tether_mailconf.delivery.rendering", "_with_a_labels"): re.compile(r"@b\u00fccher\.example(?![\w-])"),
    ("tether_mailconf.sandbox.store", "with_field"): re.compile(
        rb"^From:(?:[^\n]|\n[ \t])*\n", re.IGNORECASE | re.MULTILINE
    ),
}
"""Patterns that functions put together at run time, as one of theirs."""


def written_out() -> list[Found]:
    """Return the patterns that functions hold, written out or as a sample."""
    found: dict[tuple[str | bytes, int], Found] = {}
    for call in inside_functions():
        pattern = PUT_TOGETHER.get((call.module, call.function))
        if call.source is not None:
            pattern = re.compile(call.source, call.flags)
        if pattern is not None:
            # One that is compiled in a function is handed on from there, or asked there: to match, or to replace.
            methods = ("match", "sub") if call.method == "compile" else (call.method,)
            found[pattern.pattern, pattern.flags] = Found(f"{call.module}.{call.function}", pattern, methods)
    return list(found.values())


def inside_functions() -> list[Call]:
    return [call for call in calls() if call.function]


ALL = [*held(), *written_out()]


# -- are these all? ----------------------------------------------------------------------------------------------------


def test_every_pattern_that_the_source_names_is_found() -> None:
    """A pattern that is kept where nobody looks for it would never be baited."""
    known = {one.pattern.pattern for one in ALL}
    missed = {call.source for call in calls() if call.source is not None} - known
    assert missed == set()
    assert len(ALL) > 100


def test_every_pattern_that_is_put_together_in_a_function_has_a_sample() -> None:
    nameless = {(call.module, call.function) for call in inside_functions() if call.source is None}
    assert nameless == set(PUT_TOGETHER)


# -- bait --------------------------------------------------------------------------------------------------------------

ACTS: dict[str, Callable[[re.Pattern[Any], Any], object]] = {
    "match": lambda pattern, text: pattern.match(text),
    "fullmatch": lambda pattern, text: pattern.fullmatch(text),
    "search": lambda pattern, text: pattern.search(text),
    "sub": lambda pattern, text: pattern.sub(type(text)(), text),
    "subn": lambda pattern, text: pattern.subn(type(text)(), text),
    "split": lambda pattern, text: pattern.split(text),
    "findall": lambda pattern, text: pattern.findall(text),
    "finditer": lambda pattern, text: sum(1 for _ in pattern.finditer(text)),
}


def seconds(pattern: re.Pattern[Any], method: str, written: str) -> float:
    """Return the CPU that it takes; the least of a few runs, where the first takes too much."""
    text = written.encode("latin-1", "replace") if isinstance(pattern.pattern, bytes) else written
    least = float("inf")
    for _ in range(_RUNS):
        begun = time.process_time()
        ACTS[method](pattern, text)
        least = min(least, time.process_time() - begun)
        if least < LIMIT or least > _HOPELESS:
            break
    return least


def slow(pattern: re.Pattern[Any], method: str) -> tuple[float, str] | None:
    """Return bait that is too slow, if any is.

    All of it is given longer and longer, to a fifth of its size, so that what doubles with each letter is caught while
    it still ends; the worst of that is then given whole.
    """
    waiting = baits_for(pattern)
    taken: dict[Bait, float] = {}
    for size in _SIZES:
        for bait in waiting:
            if bait.least <= size:
                taken[bait] = seconds(pattern, method, bait.text(size))
                if taken[bait] > LIMIT:
                    return taken[bait], repr(bait)
    worst = sorted(taken, key=taken.__getitem__, reverse=True)[:_WORST]
    for bait in worst:
        spent = seconds(pattern, method, bait.text(SIZE))
        if spent > LIMIT:
            return spent, repr(bait)
    return None


@pytest.mark.parametrize(
    ("found", "method"),
    [(found, method) for found in ALL for method in found.methods],
    ids=lambda value: value.place.removeprefix("tether_mailconf.") if isinstance(value, Found) else value,
)
def test_no_bait_keeps_a_pattern_busy(found: Found, method: str) -> None:
    caught = slow(found.pattern, method)
    assert caught is None, f"{found.place}: {found.pattern.pattern!r}: {caught!r:.400}"


@pytest.mark.parametrize(
    ("pattern", "method"),
    [
        (r"(a+)+b", "match"),
        (r"(?:a|aa)+\Z", "match"),
        (r"\s*x\s*\Z", "search"),
        (r"[a-z]+@", "search"),
        (r"<([^>]*)>", "findall"),
        (r"^(?:.*,)*=", "match"),
        (r'"(?:[^"\\]|\\.|[^"])*"', "match"),
    ],
)
def test_the_bait_catches_what_is_known_to_be_slow(pattern: str, method: str) -> None:
    assert slow(re.compile(pattern), method)
