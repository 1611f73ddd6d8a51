"""The record of what mutation testing leaves is about functions that exist, and whatever it does not name is told."""

from __future__ import annotations

import importlib
from functools import reduce

import pytest

from .left import REASONS, Left, explained, unexplained

LINES = list(explained())


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.module} {line.function} {line.reason}")
def test_a_line_is_about_a_function_that_there_is(line: Left) -> None:
    module = importlib.import_module(f"tether_mailconf.{line.module.removesuffix('.py').replace('/', '.')}")
    assert callable(reduce(getattr, line.function.split("."), module))
    assert line.reason in REASONS
    assert line.count > 0


def test_each_function_and_reason_has_one_line_and_they_are_in_order() -> None:
    keys = [(line.module, line.function, line.reason) for line in LINES]
    assert keys == sorted(set(keys))


def test_what_is_left_beyond_the_record_is_told() -> None:
    line = LINES[0]
    assert "." in line.function or "_" in line.function
    kind, dot, function = line.function.rpartition(".")
    stem = f"ǁ{kind}ǁ{function}" if dot else f"_{function}"
    name = f"tether_mailconf.{line.module.removesuffix('.py').replace('/', '.')}.x{stem}__mutmut_"
    allowed = sum(other.count for other in LINES if (other.module, other.function) == (line.module, line.function))
    names = [f"{name}{number}" for number in range(allowed)]
    assert unexplained(names) == {}
    assert unexplained([*names, f"{name}9999"]) == {(line.module, line.function): 1}
    with pytest.raises(ValueError, match="not the name of a mutant"):
        unexplained(["else"])
