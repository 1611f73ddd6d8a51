"""Everything that is checked, by name: `nox -l` lists it, `nox` alone runs the tests on the running interpreter."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["tests"]
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_venv = "yes"

SUPPORTED = ("3.11", "3.12", "3.13")
PYPROJECT = nox.project.load_toml("pyproject.toml")

SHARED_OUT = ("-n", "6", "--dist", "worksteal", "tests")
"""What pytest runs, and in how many processes: much of it is waiting for servers, so three a core (of two) is right.

The documents are run by the session `docs`, in one process, since their blocks continue each other.
"""

KEEP_COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}
"""For pytest: six processes and those that they start would else compile all test modules anew, each for itself."""

tested: set[str] = set()
"""The Python versions that this run of nox has taken through the tests: `matrix` need not repeat the one of `tests`."""


def group(*names: str) -> list[str]:
    """Return the requirements of PEP 735 groups, readable by any pip."""
    return nox.project.dependency_groups(PYPROJECT, *names)


def answer(*command: str) -> str:
    """Return what a command prints, or nothing if it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def candidates(version: str) -> Iterator[str]:
    """Yield the paths where an interpreter of this version may be: this one, PATH (every folder of it), pyenv."""
    yield sys.executable
    for folder in os.get_exec_path():
        if found := shutil.which(f"python{version}", path=folder):
            yield found
    for installed in answer("pyenv", "versions", "--bare").split():
        if installed.startswith(f"{version}."):
            yield str(Path(answer("pyenv", "prefix", installed), "bin", "python"))


def version_of(python: str) -> str:
    """Return "3.11" and the like, or nothing if that is no working interpreter (a pyenv shim may not be one)."""
    return answer(python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])")


def interpreter(version: str) -> str | None:
    """Return the path of an interpreter of this version, if the machine has one."""
    return next((python for python in candidates(version) if version_of(python) == version), None)


@nox.session(venv_backend="none")
def servers(session: nox.Session) -> None:
    """Install the real mail servers and the browser that the tests run against (apt; needs root)."""
    session.run("bash", "tests/servers/install.sh", external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Style: ruff's rules and its formatting."""
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Types: mypy --strict and pyright, over the sources and the tests."""
    session.install("-e", ".", *group("types"))
    session.run("mypy", "--strict")
    session.run("pyright", "--warnings")


@nox.session
def layers(session: nox.Session) -> None:
    """Architecture: which room of the house may import which."""
    session.install(*group("layers"))
    session.run("lint-imports", env={"PYTHONPATH": "src"})


@nox.session
def docs(session: nox.Session) -> None:
    """Documentation: built with warnings as errors; every code block is run."""
    session.install(".", *group("docs", "test"))
    session.run(
        "sphinx-build", "-n", "-W", "--keep-going", "-q", "-d", "docs/_build/doctrees", "docs", "docs/_build/html"
    )
    session.run("python", "-m", "pytest", "-p", "tests.documentation", "README.md", "docs")


@nox.session
def tests(session: nox.Session) -> None:
    """Every test, on the running interpreter. Arguments after `--` go to pytest."""
    tested.add(version_of(sys.executable))
    session.install(".", *group("bench"))
    session.run("python", "-m", "pytest", *SHARED_OUT, *session.posargs, env=KEEP_COMPILED)


@nox.session(venv_backend="none")
def matrix(session: nox.Session) -> None:
    """Nearly every test, on each supported interpreter that this machine has."""
    present = {version: path for version in SUPPORTED if (path := interpreter(version))}
    if not present:
        session.error(f"this machine has none of Python {', '.join(SUPPORTED)}")
    for version in SUPPORTED:
        if version not in present:
            session.warn(f"Python {version} is not on this machine: nothing was tested with it")
        elif version in tested:
            session.log(f"Python {version} was the one of the session 'tests'")
        else:
            test_with(session, version, present[version])


def test_with(session: nox.Session, version: str, python: str) -> None:
    """Run every test in an environment of its own, made with that interpreter."""
    session.log(f"Python {version}: {python}")
    environment = Path(".nox", f"matrix-{version}")
    inside = str(environment.resolve() / "bin" / "python")
    session.run(sys.executable, "-m", "virtualenv", "-q", "-p", python, str(environment), external=True)
    session.run(inside, "-m", "pip", "install", "-q", ".", *group("test"), external=True)
    # What depends on the interpreter least, and takes long, only the session `tests` does: the page in a browser, the
    # benchmarks, how long patterns take, and the hostile servers in the colour whose sockets are the simpler ones.
    left_out = [f"--ignore={path}" for path in ("tests/page", "tests/test_bench.py", "tests/hostile/test_patterns.py")]
    ours = [*SHARED_OUT, *left_out, "-k", "not (test_a_hostile_server and sync)", *session.posargs]
    session.run(inside, "-m", "pytest", *ours, env=KEEP_COMPILED, external=True)


@nox.session
def bench(session: nox.Session) -> None:
    """Round trips, CPU, memory and crowds of accounts, beside everybody who does the same job."""
    session.install(".", *group("bench"))
    session.run("python", "-m", "tests.bench", *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """Messages sent while connections, servers, disks and processes fail: 10,000 of them, each accounted for."""
    session.install(".", *group("test"))
    session.run("python", "-m", "tests.faults", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Every parser, with a million inputs each, or as many as `-- --inputs` or `-- --seconds` says."""
    session.install(".", *group("fuzz"))
    session.run("python", "-m", "tests.fuzz", *session.posargs)


@nox.session
def mutation(session: nox.Session) -> None:
    """Whether the tests notice what is changed in `_wire` and `delivery`; takes half an hour."""
    session.install("-e", ".", *group("mutation"))
    session.run("python", "-m", "tests.mutation", *session.posargs)


@nox.session
def demo(session: nox.Session) -> None:
    """The main job on the embedded sandbox."""
    session.install(".")
    session.run("python", "-m", "tether_mailconf", "demo", *session.posargs)


@nox.session
def settings_page(session: nox.Session) -> None:
    """The example of a settings page, on the embedded sandbox, for your own browser."""
    session.install(".", "flask>=3")
    session.run("python", "-m", "docs.examples.settings_page", *session.posargs)
