"""On what was measured, and with which versions: figures without it say little."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import os
import platform
import ssl
from pathlib import Path

PEERS = ("tether-mailconf", "aiosmtplib", "aioimaplib", "IMAPClient", "imap-tools", "yagmail", "redmail", "attrs")


def described() -> dict[str, str]:
    """Return what is known of the machine, now."""
    return {
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "Python": platform.python_version(),
        "OpenSSL": ssl.OPENSSL_VERSION,
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "processor": processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "load at the start": f"{os.getloadavg()[0]:.1f}",
        "versions": ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PEERS),
    }


def processor() -> str:
    """Return what the system calls the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
