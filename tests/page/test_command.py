"""The example as a whole: the one command that shows it to a person, and what it is made of."""

from __future__ import annotations

import ast
import importlib
import re
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


EXAMPLE = ROOT / "docs" / "examples" / "settings_page"


def test_the_example_uses_nothing_but_public_names() -> None:
    used: set[str] = set()
    for path in EXAMPLE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                used |= {f"{alias.name}:" for alias in node.names}
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                used |= {f"{node.module}:{alias.name}" for alias in node.names}
    ours = sorted(one.partition(":")[::2] for one in used if one.startswith("tether_mailconf"))
    assert ours
    for module, name in ours:
        assert module in ("tether_mailconf", *(f"tether_mailconf.{part}" for part in ("oauth", "presets", "sandbox")))
        assert not name or name in importlib.import_module(module).__all__


def test_the_page_has_no_script() -> None:
    for path in (EXAMPLE / "templates").iterdir():
        assert not re.search(r"<script|javascript:|\son\w+=", path.read_text(), flags=re.IGNORECASE)
