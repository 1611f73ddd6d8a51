"""The one command that shows the page to a person."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_example_runs_with_one_command_and_ends_when_interrupted() -> None:
    command = [sys.executable, "-m", "docs.examples.settings_page", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        try:
            first = running.stdout.readline()
            url = first.split()[1]
            with urllib.request.urlopen(url, timeout=30) as page:
                assert "Who are you?" in page.read().decode()
        finally:
            running.send_signal(signal.SIGINT)
        told = first + running.stdout.read()
        assert (running.wait(30), running.stderr.read()) == (0, "")
    assert "ana@gmail.com" in told
