"""What all tests share: the real servers, the documentation as tests, and no silent skipping."""

from __future__ import annotations

pytest_plugins = ["tests.servers.plugin", "tests.documentation", "tests.no_skips"]
