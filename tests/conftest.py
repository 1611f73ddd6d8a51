"""What all tests share: the real servers, the documentation as tests, and no silent skipping."""

from __future__ import annotations

import gc
import os

import hypothesis

pytest_plugins = ["tests.servers.plugin", "tests.documentation", "tests.no_skips"]

# Every server of the tests has an authority of its own. Loading the machine's 150 besides, once for each of them, takes
# two thirds of the processor's time; tests/mailer/test_trust.py looks whether the machine's are believed.
os.environ["SSL_CERT_FILE"] = os.devnull

# No test asserts a time, and hypothesis would: on a loaded machine, in a fresh clone, making its table of characters
# takes it longer than it allows a test's first example.
hypothesis.settings.register_profile("no clock", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("no clock")


def pytest_collection_finish() -> None:
    """Have the tests' own garbage looked for only: thousands of tests collect it, to notice what was left open."""
    gc.collect()
    gc.freeze()
