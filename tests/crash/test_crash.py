"""Whenever a process is killed, what was accepted was accepted once, has one copy, and is told truthfully.

The sandbox lives in this process and survives. The sender is killed at every read, write and record; after it another
process, which has only the journal and the message, finishes what is unfinished, and then a third one, which finds
nothing left to do.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from tether_mailconf import Delivery, FileJournal, Filer, Filing, Receipt, SentPolicy
from tether_mailconf.sandbox import Personality, Sandbox, personality

KILLED = -signal.SIGKILL
MOST_MOMENTS = 300


class Nursery:
    """Has jobs carried out, each in a process of its own."""

    def __init__(self) -> None:
        paths = os.pathsep.join(path or "." for path in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            env=os.environ | {"PYTHONPATH": paths},
            text=True,
        )

    def run(self, job: dict[str, Any]) -> tuple[int, list[Receipt]]:
        """Return how the process ended, and the receipts that it returned."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        print(json.dumps(job), file=stdin, flush=True)
        answer = json.loads(stdout.readline())
        return answer["status"], [Receipt.from_dict(data) for data in answer["receipts"] or ()]

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    opened = Nursery()
    yield opened
    opened.close()


class Run:
    """One message and the processes that care for it."""

    def __init__(self, nursery: Nursery, sandbox: Sandbox, filer: Filer, journal: Path, name: str) -> None:
        self._nursery = nursery
        self._sandbox = sandbox
        self._mark = f"Subject: run {name}.\r\n".encode()
        settings = attrs.evolve(sandbox.settings, sent=SentPolicy(filer=filer))
        self._job = {
            "settings": settings.to_dict(),
            "password": sandbox.password,
            "ca_file": str(sandbox.ca_file),
            "ports": sorted(sandbox.network.ports),
            "journal": str(journal),
            "name": name,
        }

    def send(self, where: str, at: int) -> tuple[int, list[Receipt]]:
        ended = self._nursery.run({**self._job, "do": "send", "where": where, "at": at})
        self._wait_until_idle()
        return ended

    def recover(self) -> list[Receipt]:
        status, receipts = self._nursery.run({**self._job, "do": "recover"})
        assert status == 0
        self._wait_until_idle()
        return receipts

    @property
    def accepted(self) -> int:
        return sum(self._mark in submission.content for submission in self._sandbox.submissions)

    @property
    def copies(self) -> int:
        return sum(self._mark in stored.content for stored in self._sandbox.sent())

    def _wait_until_idle(self) -> None:
        # What a killed client wrote is still read: the server has done with it once it has closed its end.
        connections = self._sandbox._alive().server._connections
        while connections:
            time.sleep(0.0005)


SITUATIONS = {
    "client": (personality.PLAIN, Filer.CLIENT),
    "client, asked for each literal": (
        Personality(imap_extensions=personality.IMAP_EXTENSIONS - {"LITERAL+"}),
        Filer.CLIENT,
    ),
    "client, old servers": (personality.BARE, Filer.CLIENT),
    "provider": (personality.FILES_ITSELF, Filer.PROVIDER),
    "unknown, provider files": (personality.FILES_ITSELF, Filer.UNKNOWN),
    "unknown, nobody files": (personality.PLAIN, Filer.UNKNOWN),
}


def check(run: Run, journal: Path, *, provider_files: bool) -> Delivery | None:
    """Recover twice, and return what became of the message; None if the journal never heard of it."""
    before = list(FileJournal(journal).read().values())
    accepted = run.accepted
    assert accepted <= 1
    known = run.recover()
    assert run.accepted == accepted, "recovery sent the message again"
    copies = run.copies
    assert len(known) == len(before) <= 1
    if not known:
        assert accepted == copies == 0
        return None
    (receipt,) = known
    if before[0].delivery is Delivery.SENT:
        assert receipt.delivery is Delivery.SENT
    if receipt.delivery is Delivery.SENT:
        assert accepted == copies == 1
        assert receipt.filing in (Filing.APPENDED, Filing.ALREADY_THERE, Filing.BY_PROVIDER)
    elif receipt.delivery is Delivery.NOT_SENT:
        assert accepted == copies == 0
    else:
        assert copies == (accepted if provider_files else 0)
        assert not (provider_files and accepted), "the copy was there to be found"
    assert run.recover() == known
    assert (run.accepted, run.copies) == (accepted, copies)
    assert list(FileJournal(journal).read().values()) == known
    return receipt.delivery


@pytest.mark.parametrize("where", ["wire", "journal"])
@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_killed_send_is_never_doubled_and_what_was_accepted_has_one_copy(
    nursery: Nursery, tmp_path: Path, situation: str, where: str
) -> None:
    behaviour, filer = SITUATIONS[situation]
    outcomes: list[Delivery | None] = []
    with Sandbox(behaviour) as sandbox:
        for at in range(MOST_MOMENTS):
            journal = tmp_path / f"{at}.jsonl"
            run = Run(nursery, sandbox, filer, journal, f"{where}-{at}")
            status, receipts = run.send(where, at)
            if status == 0:
                break
            assert status == KILLED
            outcomes.append(check(run, journal, provider_files=behaviour.filing_delay is not None))
        else:
            pytest.fail("no run survived")
    assert receipts[0].delivery is Delivery.SENT
    assert run.accepted == run.copies == 1
    # Killed early nobody knows of it, then it is not sent, and late it is sent. In between is what cannot be known; the
    # last kill may fall there, since replies that arrive together need fewer reads in the run that survives.
    assert outcomes[0] is None or outcomes[0] is Delivery.NOT_SENT
    assert Delivery.NOT_SENT in outcomes
    assert outcomes[-1] in (Delivery.SENT, Delivery.UNKNOWN)
    assert len(outcomes) > (10 if where == "wire" else 5)
