"""Do the tests notice when the code is wrong? `python -m tests.mutation [--again] [--percent N] [PATTERN ...]`.

What is changed, and which tests are to notice, is under `[tool.mutmut]` in pyproject.toml. What survives was not
tested, or makes no difference: `mutmut results` lists it, `mutmut show NAME` shows it, and `left.txt` says why. What is
left beyond that ends the run with an error. What is known is kept in the folder `mutants`, for those functions that do
not change.
"""

from __future__ import annotations

import argparse
import collections
import os
import sys
from pathlib import Path

import pytest
from mutmut.configuration import config
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import setup_source_paths

from .left import unexplained
from .made import SURVIVED, UNREACHED, WORDING, Chosen, generate, known
from .trial import Trial

COLUMNS = {
    "killed": "by tests",
    "caught by type check": "by types",
    "timeout": "timed out",
    "survived": "survived",
    "no tests": "unreached",
    "not checked": "not tried",
}
"""What may become of a mutant, in mutmut's words and in ours. What ended otherwise was noticed: it crashed."""

NOTICED = ("killed", "caught by type check", "timeout", "crashed")


def tell() -> None:
    """Print how many mutants of each module came to what, and what share of those tried was noticed."""
    print(f"{'':<28}{'made':>7}" + "".join(f"{name:>11}" for name in (*COLUMNS.values(), "crashed")) + f"{'score':>9}")
    total: collections.Counter[str] = collections.Counter()
    for data in known():
        codes = [code for code in data.exit_code_by_key.values() if code != WORDING]
        verdicts = (status_by_exit_code[code] for code in codes)
        counted = collections.Counter(verdict if verdict in COLUMNS else "crashed" for verdict in verdicts)
        total += counted
        if codes:
            row(str(Path(data.path).relative_to("src/tether_mailconf")), counted)
    row("all", total)


def row(name: str, counted: collections.Counter[str]) -> None:
    """Print one line of the table."""
    tried = counted.total() - counted["not checked"]
    score = f"{sum(counted[verdict] for verdict in NOTICED) / tried:9.1%}" if tried else f"{'-':>9}"
    print(f"{name:<28}{counted.total():>7}" + "".join(f"{counted[key]:>11}" for key in (*COLUMNS, "crashed")) + score)


def tell_what_is_not_explained() -> bool:
    """Print which functions have more mutants left than is explained; return whether there are any."""
    codes = ((name, code) for data in known() for name, code in data.exit_code_by_key.items())
    more = unexplained(name for name, code in codes if code in (SURVIVED, UNREACHED))
    for (module, function), count in more.items():
        print(f"not explained: {count} of {function} in {module}")
    return bool(more)


def try_them(trial: Trial) -> int:
    """Make the mutants and show them to the tests."""
    generate()
    setup_source_paths()
    os.environ["PYTHONPATH"] = str(Path("mutants/src").resolve())
    selected = [*config().pytest_add_cli_args_test_selection, *config().pytest_add_cli_args]
    return int(pytest.main(["-q", "--capture=sys", "--tb=native", *selected], plugins=[trial]))


def main() -> int:
    """Make the mutants, try them, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("--again", action="store_true", help="try those once more that survived")
    parser.add_argument("--enough", type=float, default=5.0, metavar="SECONDS", help="of tests, other than unit tests")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at a time")
    parser.add_argument("--percent", type=int, default=100, help="try only this share of those not tried yet")
    parser.add_argument("--tell", action="store_true", help="only print what is known")
    parser.add_argument("patterns", nargs="*", default=["*"], metavar="PATTERN", help="mutants by name")
    options = parser.parse_args()
    chosen = Chosen(patterns=options.patterns, again=options.again, percent=options.percent)
    trial = Trial(chosen, jobs=options.jobs, enough=options.enough)
    if not options.tell and (status := try_them(trial)):
        return status
    tell()
    return int(tell_what_is_not_explained())


if __name__ == "__main__":
    sys.exit(main())
