"""A program of ours in a process of its own, which does what it is asked: a line of JSON a question and an answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

FOLDER = Path(__file__).parents[2]


class Servant:
    """Starts a module; use it as a context manager. Threads may ask at the same time, and are answered in turn.

    Args:
        module: its name; its `main` calls `serve`.
        arguments: its command line.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        paths = os.pathsep.join(path or "." for path in sys.path)
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=FOLDER,
            env=os.environ | {"PYTHONPATH": paths},
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def ask(self, what: str, **arguments: Any) -> Any:
        """Have it do something, and return what it answers."""
        with self._lock:
            stdin, stdout = self._process.stdin, self._process.stdout
            assert stdin is not None
            assert stdout is not None
            print(json.dumps([what, arguments]), file=stdin, flush=True)
            answer = stdout.readline()
        if not answer:
            raise AssertionError(
                f"{self._process.args!r} has ended instead of doing {what}; its standard error says why"
            )
        return json.loads(answer)


def serve(acts: Mapping[str, Callable[..., Any]]) -> None:
    """Answer until nobody asks any more."""
    for line in sys.stdin:
        what, arguments = json.loads(line)
        print(json.dumps(acts[what](**arguments)), flush=True)
