"""Do the tests notice when the code is wrong? `python tests/mutation [--again] [--jobs N] [PATTERN ...]`.

mutmut makes the mutants: each is one small change of one function of what `[tool.mutmut]` in pyproject.toml names. Of
each it is told whether a test fails because of it. What survives was not tested, or makes no difference; `mutmut
results` lists it, `mutmut show NAME` shows it.

mutmut's own runner collects the tests anew for each mutant, which takes longer than running them. Here they are
collected once, run once to see which lines each of them reaches, and every mutant is a fork of that process, which
runs the tests that reach the line it changes, the fastest first, until one fails.
"""

from __future__ import annotations

import argparse
import collections
import fnmatch
import itertools
import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import attrs
import coverage
import pytest
from mutmut.configuration import config
from mutmut.mutation.data import MutantLineSpans, SourceFileMutationData
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import copy_src_dir, setup_source_paths, walk_mutatable_files, walk_source_files

KILLED, SURVIVED, UNREACHED = 1, 0, 33
"""As mutmut writes them down. What ran out of its seconds has the number of the signal that ended it."""

MEMORY = 4 << 30
"""Bytes of address space that a mutant may take: one that never stops collecting must not take the machine's."""

SHARE_OF_TIME, GRACE = 5, 2
"""How many times the seconds of processor time that its tests took a mutant may use, and how many more."""

ENOUGH = 1.0
"""Seconds of tests other than unit tests that a mutant is shown at first. `--again` shows survivors all of them."""


@attrs.define
class Selection:
    """What is asked for on the command line."""

    patterns: Sequence[str]
    again: bool
    jobs: int

    def place(self, name: str, exit_code: int | None) -> int | None:
        """Return the place in the queue of a mutant that came to this the last time, or None if it is not wanted."""
        if exit_code is not None and not (self.again and exit_code in (SURVIVED, UNREACHED)):
            return None
        return next((index for index, pattern in enumerate(self.patterns) if fnmatch.fnmatch(name, pattern)), None)


class Trial:
    """A pytest plugin that, instead of running the tests once, runs them for each mutant."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._seconds: dict[str, float] = {}
        self._items: dict[str, pytest.Item] = {}
        self._reached: dict[str, dict[int, list[str]]] = {}
        self._has_failed = False
        self._running: dict[int, tuple[str, SourceFileMutationData, float]] = {}

    def pytest_configure(self) -> None:
        """Have the same examples each time, and no more of them than needed: a mutant is seldom wrong for only one."""
        import hypothesis  # not before pytest, which wants to rewrite its assertions

        profile = hypothesis.settings.get_profile("no clock")
        hypothesis.settings.register_profile("mutation", profile, max_examples=30, derandomize=True, database=None)
        hypothesis.settings.load_profile("mutation")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notice a failure."""
        self._has_failed = self._has_failed or report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Learn which test reaches what, then try the mutants."""
        if session.testsfailed:
            raise session.Interrupted("the tests cannot be collected")
        self._learn(session.items)
        for name, data in mutants(self._selection):
            tests = self._tests_of(name, data)
            if not tests:
                data.exit_code_by_key[name] = UNREACHED
                data.save()
                continue
            while len(self._running) >= self._selection.jobs:
                self._reap()
            self._start(name, data, tests)
        while self._running:
            self._reap()
        return True

    def _learn(self, items: Sequence[pytest.Item]) -> None:
        set_mutant_under_test("")
        files = [str(Path("mutants", path).resolve()) for path in walk_mutatable_files()]
        measured = coverage.Coverage(data_file=None, config_file=False, include=files)
        measured.start()
        for item in items:
            measured.switch_context(item.nodeid)
            began = time.process_time()
            self._run(item)
            self._seconds[item.nodeid] = time.process_time() - began
            self._items[item.nodeid] = item
            if self._has_failed:
                raise pytest.UsageError(f"{item.nodeid} fails without a mutant")
        measured.stop()
        self._reached = {file: measured.get_data().contexts_by_lineno(file) for file in files}

    def _tests_of(self, name: str, data: SourceFileMutationData) -> list[pytest.Item]:
        """Return the tests that reach the line which this mutant changes, the fastest first."""
        reached = self._reached[str(Path("mutants", data.path).resolve())]
        first, changed = lines(name, data)
        # What spans several lines is not reached on each of them.
        line = next((line for line in range(changed, first, -1) if line in reached), first)
        tests = sorted(filter(None, reached.get(line, ())), key=self._seconds.__getitem__)
        if not self._selection.again:
            spent = itertools.accumulate(0 if "/unit/" in test else self._seconds[test] for test in tests)
            tests = [test for test, so_far in zip(tests, spent, strict=True) if "/unit/" in test or so_far < ENOUGH]
        return [self._items[test] for test in tests]

    def _run(self, item: pytest.Item) -> None:
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)

    def _start(self, name: str, data: SourceFileMutationData, tests: Sequence[pytest.Item]) -> None:
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            self._try(name, tests)
        self._running[child] = (name, data, began)

    def _try(self, name: str, tests: Sequence[pytest.Item]) -> NoReturn:
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            seconds = int(
                time.process_time() + GRACE + SHARE_OF_TIME * sum(self._seconds[test.nodeid] for test in tests)
            )
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            set_mutant_under_test(name)
            for test in tests:
                self._run(test)
                if self._has_failed:
                    os._exit(KILLED)
            os._exit(SURVIVED)
        finally:
            os._exit(KILLED)

    def _reap(self) -> None:
        child, status = os.wait()
        name, data, began = self._running.pop(child)
        data.exit_code_by_key[name] = os.waitstatus_to_exitcode(status)
        data.durations_by_key[name] = time.monotonic() - began
        data.save()
        verdict = status_by_exit_code[data.exit_code_by_key[name]]
        if verdict != "killed":
            print(f"{verdict:<10} {data.durations_by_key[name]:6.1f} s  {name}", flush=True)


def generate() -> None:
    """Write the mutants of every module, beside what is known of those that did not change."""
    from mutmut.__main__ import create_file_mutants

    Path("mutants").mkdir(exist_ok=True)
    copy_src_dir()
    for path in walk_source_files():
        done = create_file_mutants(path)
        if done.error is not None:
            raise done.error


def lines(name: str, data: SourceFileMutationData) -> tuple[int, int]:
    """Return where the mutant's function begins in the mutated file, unchanged, and the line of it that is changed."""
    index = MutantLineSpans.load(data.path)
    assert index is not None
    function = name.rpartition(".")[2]
    original = f"{function.partition('__mutmut_')[0]}__mutmut_orig"
    before, after = (
        source.replace(called, "").splitlines()
        for called, source in zip((original, function), index.read_function_sources((original, function)), strict=True)
    )
    first = index.span_by_function_name[original].start
    changed = (number for number, (old, new) in enumerate(zip(before, after, strict=False)) if old != new)
    return first, first + next(changed, 0)


def known() -> Iterator[SourceFileMutationData]:
    """Yield what is known of each module's mutants."""
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        yield data


def mutants(selection: Selection) -> list[tuple[str, SourceFileMutationData]]:
    """Return the mutants asked for, in the order of the patterns."""
    chosen = [
        (place, name, data)
        for data in known()
        for name, exit_code in data.exit_code_by_key.items()
        if (place := selection.place(name, exit_code)) is not None
    ]
    return [(name, data) for _, name, data in sorted(chosen, key=lambda entry: entry[0])]


def tell() -> None:
    """Print how many mutants of each module came to what, and what share of them was noticed."""
    columns = ("killed", "timeout", "survived", "no tests", "other", "not checked")
    print(f"{'module':<40}{'made':>7}" + "".join(f"{column:>12}" for column in columns) + f"{'score':>8}")
    total: collections.Counter[str] = collections.Counter()
    for data in known():
        verdicts = [status_by_exit_code[code] for code in data.exit_code_by_key.values()]
        counted = collections.Counter(verdict if verdict in columns else "other" for verdict in verdicts)
        total += counted
        row(str(Path(data.path).relative_to("src/tether_mailconf")), counted, columns)
    row("all", total, columns)


def row(name: str, counted: collections.Counter[str], columns: Sequence[str]) -> None:
    """Print one line of the table."""
    noticed = counted["killed"] + counted["timeout"] + counted["other"]
    tried = counted.total() - counted["not checked"]
    score = f"{noticed / tried:8.1%}" if tried else f"{'-':>8}"
    print(f"{name:<40}{counted.total():>7}" + "".join(f"{counted[column]:>12}" for column in columns) + score)


def main() -> int:
    """Make the mutants, try them, and tell."""
    parser = argparse.ArgumentParser(prog="python tests/mutation")
    parser.add_argument("--again", action="store_true", help="try those once more that survived")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at a time")
    parser.add_argument("--tell", action="store_true", help="only print what is known")
    parser.add_argument("patterns", nargs="*", default=["*"], metavar="PATTERN", help="mutants by name, with wildcards")
    options = parser.parse_args()
    selection = Selection(patterns=options.patterns, again=options.again, jobs=options.jobs)
    if not options.tell:
        generate()
        setup_source_paths()
        os.environ["PYTHONPATH"] = str(Path("mutants/src").resolve())
        chosen = [*config().pytest_add_cli_args_test_selection, *config().pytest_add_cli_args]
        status = pytest.main(["-q", "--capture=sys", *chosen], plugins=[Trial(selection)])
        if status:
            return int(status)
    tell()
    return 0


if __name__ == "__main__":
    sys.exit(main())
