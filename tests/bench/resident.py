"""What this process holds, as the system counts it: memory, its peak, descriptors, threads."""

from __future__ import annotations

import re
from pathlib import Path

_SELF = Path("/proc/self")


def memory() -> int:
    """Return the resident memory now, in KiB."""
    return _status("VmRSS")


def forget_peak() -> None:
    """Let the peak begin anew from what is resident now (proc(5), clear_refs)."""
    (_SELF / "clear_refs").write_text("5")


def peak() -> int:
    """Return the most that was resident since the peak was forgotten, in KiB."""
    return _status("VmHWM")


def threads() -> int:
    """Return how many threads there are."""
    return _status("Threads")


def descriptors() -> int:
    """Return how many descriptors are open, without the one that this look takes."""
    return len(list((_SELF / "fd").iterdir())) - 1


def _status(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+)", (_SELF / "status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])
