"""What a host gets when it installs and imports the library."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "tether_mailconf"
HEAVY = ("requests", "dns", "google", "asyncio", "ssl", "email", "socket", "cryptography")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel that hatchling builds from this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    build = "import sys, hatchling.build; print(hatchling.build.build_wheel(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", build, str(folder)], cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_carries_the_typing_marker_and_every_source_and_data_file(wheel: zipfile.ZipFile) -> None:
    expected = {
        f"tether_mailconf/{path.relative_to(SOURCE).as_posix()}"
        for path in SOURCE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {name for name in wheel.namelist() if name.startswith("tether_mailconf/")}
    assert "tether_mailconf/py.typed" in packed
    assert packed == expected


def test_the_wheel_declares_its_types_and_its_pytest_plugin(wheel: zipfile.ZipFile) -> None:
    (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    (entries,) = (name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))
    assert "Classifier: Typing :: Typed" in wheel.read(metadata).decode()
    assert "tether_mailconf = tether_mailconf.sandbox.pytest_plugin" in wheel.read(entries).decode()


@pytest.mark.parametrize("module", ["tether_mailconf", "tether_mailconf.sandbox.pytest_plugin"])
def test_importing_brings_in_nothing_heavy(module: str) -> None:
    """The plugin is imported by the pytest of every project that has the library installed."""
    already = " import pytest;" if module.endswith("pytest_plugin") else ""
    code = f"import sys, attrs;{already} before = set(sys.modules); import {module}; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert [name for name in done.stdout.split() if name.partition(".")[0] in HEAVY] == []


def test_what_is_imported_is_a_dependency_and_every_dependency_is_imported() -> None:
    """What comes along with another package today may not tomorrow."""
    imported = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add((node.module or "").partition(".")[0])
    distributions = importlib.metadata.packages_distributions()
    foreign = imported - sys.stdlib_module_names - {"_typeshed", "pytest", "tether_mailconf"}
    used = {name.lower().replace("_", "-") for module in foreign for name in distributions[module]}
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {re.split(r"[>=\[]", line)[0] for line in declared} == used


def test_ci_calls_exactly_the_second_command_of_the_readme() -> None:
    commands = re.findall(r"^python3 -m venv .*$", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    assert len(commands) == 2
    assert commands[0].endswith(".venv/bin/python -m tether_mailconf demo")
    assert (ROOT / ".ci" / "run").read_text().rstrip().splitlines()[-1] == commands[1]


def test_the_changelog_names_the_version_or_an_unreleased_one() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert headings[1:] == [] or headings[1] == version
