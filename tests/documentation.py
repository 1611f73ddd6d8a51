"""The code blocks of README.md and docs/ as tests.

A document shows what a host writes: `Mailer(settings, credential)` for a provider on the internet. Nothing here may
contact one, so while a block runs, a `Mailer` whose caller did not name a network of its own is opened on a sandbox.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser

if TYPE_CHECKING:
    from tether_mailconf.sandbox import Sandbox


@pytest.fixture(scope="session")
def documented_sandbox() -> Iterator[Sandbox]:
    """The server that stands in for the providers that the documents name."""
    from tether_mailconf.sandbox import Sandbox
    from tether_mailconf.sandbox.personality import FILES_ITSELF

    with Sandbox(FILES_ITSELF) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def documented_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working folder of the documents, in which one block may read what an earlier one wrote."""
    return tmp_path_factory.mktemp("documents")


@pytest.fixture
def documented_world(documented_sandbox: Sandbox, documented_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but loopback and a scratch folder, for the length of one code block."""
    import tether_mailconf
    from tether_mailconf import aio

    monkeypatch.chdir(documented_folder)
    for face in (tether_mailconf, aio):
        monkeypatch.setattr(face, "Mailer", on_sandbox(face.Mailer, documented_sandbox))


def on_sandbox(mailer: Any, sandbox: Sandbox) -> Any:
    """Return a stand-in for a `Mailer` class that dials the sandbox unless it is told which network to use."""

    def opened(settings: Any, credential: Any, **options: Any) -> Any:
        if "network" in options:
            return mailer(settings, credential, **options)
        here = {"network": sandbox.network, "ca_file": sandbox.ca_file}
        return mailer(sandbox.settings, sandbox.credential, **here, **options)

    return opened


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(future_imports=["annotations"])],
    path=str(Path(__file__).parent.parent),
    patterns=["README.md", "docs/*.md", "docs/**/*.md"],
    excludes=["docs/_build/**"],
    fixtures=["documented_world"],
).pytest()
