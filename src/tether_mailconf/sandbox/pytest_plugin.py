"""Two pytest fixtures, for the tests of host applications: `mailconf_sandbox` and `mailconf_sandbox_with`.

pytest loads this module in every project that has the library installed, so it imports nothing but pytest; the servers
are imported when a test first asks for one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .personality import Personality
    from .sandbox import Sandbox


@pytest.fixture
def mailconf_sandbox() -> Iterator[Sandbox]:
    """A running sandbox that never files a copy by itself."""
    from .sandbox import Sandbox

    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def mailconf_sandbox_with() -> Iterator[Callable[[Personality], Sandbox]]:
    """A function that starts a sandbox with the given personality; all are closed when the test ends."""
    from .sandbox import Sandbox

    with ExitStack() as stack:
        yield lambda personality: stack.enter_context(Sandbox(personality))
