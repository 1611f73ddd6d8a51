"""Every mutant is shown to the tests, as a fork of a process that has collected and run them once.

mutmut's own runner collects the tests anew for each mutant, which takes longer than running them. Here it is known
which test reaches which line, and a mutant is shown to the tests that reach the line it changes, the fastest first,
until one fails.
"""

from __future__ import annotations

import itertools
import os
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import coverage
import pytest
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files

from .made import KILLED, SURVIVED, UNREACHED, Chosen, Mutant, mutants

MEMORY = 4 << 30
"""Bytes of address space that a mutant may take: one that never stops collecting must not take the machine's."""

SHARE_OF_TIME, GRACE = 5, 2
"""How many times the seconds of processor time that its tests took a mutant may use, and how many more."""


class Trial:
    """A pytest plugin that, instead of running the tests once, runs them for each mutant.

    Args:
        chosen: which mutants.
        jobs: how many are tried at a time.
        enough: seconds of tests other than unit tests that a mutant is shown.
    """

    def __init__(self, chosen: Chosen, *, jobs: int, enough: float) -> None:
        self._chosen = chosen
        self._jobs = jobs
        self._enough = enough
        self._seconds: dict[str, float] = {}
        self._items: dict[str, pytest.Item] = {}
        self._reached: dict[str, dict[int, list[str]]] = {}
        self._has_failed = False
        self._running: dict[int, tuple[Mutant, float]] = {}

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
        for mutant in mutants(self._chosen):
            tests = self._tests_of(mutant)
            if not tests:
                mutant.came_to(UNREACHED)
                mutant.data.save()
                continue
            while len(self._running) >= self._jobs:
                self._reap()
            self._start(mutant, tests)
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

    def _tests_of(self, mutant: Mutant) -> list[pytest.Item]:
        """Return the tests that reach the line which this mutant changes, the fastest first."""
        reached = self._reached[str(Path("mutants", mutant.data.path).resolve())]
        changed = range(mutant.line, mutant.line + mutant.was.count("\n") + 1)
        # Of what spans several lines each test reaches some only, and nothing may reach the one that begins it.
        lines = [line for line in changed if line in reached] or [
            next((line for line in range(mutant.line, mutant.first, -1) if line in reached), mutant.first)
        ]
        found = {test for line in lines for test in reached.get(line, ()) if test}
        tests = sorted(found, key=self._seconds.__getitem__)
        spent = itertools.accumulate(0 if "/unit/" in test else self._seconds[test] for test in tests)
        return [
            self._items[test]
            for test, so_far in zip(tests, spent, strict=True)
            if "/unit/" in test or so_far < self._enough
        ]

    def _run(self, item: pytest.Item) -> None:
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)

    def _start(self, mutant: Mutant, tests: Sequence[pytest.Item]) -> None:
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            self._try(mutant, tests)
        self._running[child] = (mutant, began)

    def _try(self, mutant: Mutant, tests: Sequence[pytest.Item]) -> NoReturn:
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            needed = sum(self._seconds[test.nodeid] for test in tests)
            seconds = int(time.process_time() + GRACE + SHARE_OF_TIME * needed)
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            set_mutant_under_test(mutant.name)
            for test in tests:
                self._run(test)
                if self._has_failed:
                    os._exit(KILLED)
            os._exit(SURVIVED)
        finally:
            os._exit(KILLED)

    def _reap(self) -> None:
        child, status = os.wait()
        mutant, began = self._running.pop(child)
        outcome = os.waitstatus_to_exitcode(status)
        mutant.came_to(outcome)
        mutant.data.save()
        if outcome != KILLED:
            print(f"{status_by_exit_code[outcome]:<10} {time.monotonic() - began:6.1f} s  {mutant.name}")
            print(f"{mutant.was}\n -->\n{mutant.becomes}", flush=True)
