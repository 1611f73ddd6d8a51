"""A module of the tests in a process of its own, which is told lines and answers in lines."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def start(module: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a module with what this process can import; whoever starts it ends it."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)},
        text=True,
    )


def say(child: subprocess.Popen[str], line: str) -> None:
    """Write a line to it."""
    assert child.stdin is not None
    print(line, file=child.stdin, flush=True)


def heard(child: subprocess.Popen[str]) -> str:
    """Return its next line."""
    assert child.stdout is not None
    return child.stdout.readline().strip()
