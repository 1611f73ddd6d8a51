"""Threads of the library that a test may leave behind, which end by themselves, and what they hold with them."""

from __future__ import annotations

import threading
import time

_LONGEST = 20.0


def wait_for_those_left_behind() -> None:
    """Wait until they have ended, so that the next test of this process finds no descriptor of theirs."""
    end = time.monotonic() + _LONGEST
    while time.monotonic() < end and any(thread.name.startswith("mailconf") for thread in threading.enumerate()):
        time.sleep(0.01)
