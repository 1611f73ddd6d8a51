"""The same attacks on other libraries, for comparison: `python -m tests.hostile.peers`. No test of ours depends on it.

A run counts as failed if it ends later than its deadline and a second, grows by 32 MiB, raises what the library does
not say it raises, reports as failed what the server accepted or as done what it did not.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.mailer.raw_server import trusted_chain

from .attacks import ATTACKS, HURRY, Attack, Means
from .servers import PASSWORD, Truth, scene
from .verdict import GRACE, MEMORY

PROTOCOLS = {"smtplib": "smtp", "aiosmtplib": "smtp", "imaplib": "imap", "imapclient": "imap"}
_HANG = 20.0
_ROOT = Path(__file__).parents[2]


def fault(library: str, attack: Attack, files: tuple[Path, Path]) -> str:
    """Carry out one attack; return what is wrong with the run, nothing if nothing is."""
    authority, chain = files
    with scene(attack, chain) as servers:
        order = {
            "smtp": servers.smtp,
            "imap": servers.imap,
            "security": "starttls" if attack.at.in_clear else "tls",
            "deadline": HURRY,
            "size": attack.size,
            "password": PASSWORD,
            "ca_file": str(authority),
        }
        command = [sys.executable, "-m", "tests.hostile.peer_client", library]
        try:
            done = subprocess.run(
                command, input=json.dumps(order), capture_output=True, text=True, timeout=_HANG, cwd=_ROOT, check=False
            )
        except subprocess.TimeoutExpired:
            return "does not end"
    return _fault(attack, json.loads(done.stdout), servers.truth) if done.stdout else "dies"


def _fault(attack: Attack, answer: dict[str, Any], truth: Truth) -> str:
    if answer["growth"] > MEMORY + attack.size:
        return "memory"
    if answer["seconds"] > HURRY + GRACE:
        return "ends late"
    if not answer["is_typed"]:
        return f"raises {answer['error']}"
    is_done = bool(truth.accepted) if attack.protocol == "smtp" else bool(truth.stored)
    if answer["error"] and is_done and attack.means is not Means.ALREADY_THERE:
        return "reports as failed what was done"
    return "" if answer["error"] or is_done else "reports as done what was not"


def main() -> None:
    """Print for each library how many of the runs went well, and what was wrong with the others."""
    arguments = argparse.ArgumentParser(prog="python -m tests.hostile.peers", description=__doc__)
    arguments.add_argument("libraries", nargs="*", default=list(PROTOCOLS))
    # The scripts expect our commands, and end where others say HELO after EHLO has failed.
    threading.excepthook = lambda _: None
    for library in arguments.parse_args().libraries:
        # They sign in with a password, send step by step, and know nothing of who files.
        attacks = [
            attack
            for attack in ATTACKS.values()
            if attack.protocol == PROTOCOLS[library]
            and attack.at.mechanism == "PLAIN"
            and not attack.at.in_flight
            and attack.step not in ("fetch", "capability")
        ]
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(16) as pool:
            files = trusted_chain(Path(folder))
            faults = list(pool.map(lambda attack, name=library, both=files: fault(name, attack, both), attacks))
        found = Counter(text for text in faults if text)
        print(f"{library}: {len(attacks) - found.total()} of {len(attacks)}", flush=True)
        for text, count in found.most_common():
            print(f"    {count:4} {text}")


if __name__ == "__main__":
    main()
