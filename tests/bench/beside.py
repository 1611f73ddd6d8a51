"""Processes beside the measured one: servers that are asked by lines of JSON, and children that measure themselves.

What runs elsewhere does not count as the measured process's CPU or memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any


class Beside:
    """A process that tells something when it starts, and something more whenever it is asked.

    Args:
        told: what it told when it started.
        to: where it is asked.
        back: where it answers.
    """

    def __init__(self, told: dict[str, Any], to: IO[str], back: IO[str]) -> None:
        self.told = told
        self._to = to
        self._back = back

    def ask(self) -> dict[str, Any]:
        """Return what it tells now."""
        self._to.write("\n")
        self._to.flush()
        answer: dict[str, Any] = json.loads(self._back.readline())
        return answer


@contextmanager
def beside(module: str, *arguments: str) -> Iterator[Beside]:
    """Start a module as another process, and end it by closing its standard input."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Beside(json.loads(process.stdout.readline()), process.stdin, process.stdout)
        finally:
            process.stdin.close()


def in_child(module: str, **given: Any) -> Any:
    """Run a module with one argument of JSON, and return what it prints as JSON.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    command = [sys.executable, "-m", module, json.dumps(given)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def given() -> Any:
    """Return what this child was given."""
    return json.loads(sys.argv[1])
