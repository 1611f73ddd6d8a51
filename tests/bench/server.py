"""A sandbox in a process of its own, so that its work does not count as a client's. Ends when its input does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs

from tether_mailconf.sandbox import Sandbox


@attrs.frozen(kw_only=True)
class Address:
    """Where the sandbox listens, and what signs in there."""

    smtp: int
    imap: int
    ca_file: str
    user: str
    password: str


@contextmanager
def sandbox_beside() -> Iterator[Address]:
    """Start the other process, and end it."""
    command = [sys.executable, "-m", "tests.bench.server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told: dict[str, Any] = json.loads(process.stdout.readline())
        try:
            yield Address(**told)
        finally:
            process.stdin.close()


def main() -> None:
    """Listen until nobody wants it any more."""
    with Sandbox() as sandbox:
        settings = sandbox.settings
        assert settings.imap is not None
        told = {
            "smtp": settings.smtp.port,
            "imap": settings.imap.port,
            "ca_file": str(sandbox.ca_file),
            "user": sandbox.address,
            "password": sandbox.password,
        }
        print(json.dumps(told), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
