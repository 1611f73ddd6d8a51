"""How a run goes: the tenants send while something strikes; then all is well, the host recovers, and it is judged."""

from __future__ import annotations

import collections
import contextlib
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs

from tests.faults import cancelled
from tests.faults.host import Colour, by_tenant, each, recover, sending
from tests.faults.letters import TENANTS, Letter, letters
from tests.faults.mortal import is_unsettled, journalled
from tests.faults.oracle import Verdict, judge
from tests.faults.servant import Servant
from tests.faults.world import SandboxWorld, World, file_in
from tether_mailconf import Delivery, FileJournal, Filing, Receipt, aio
from tether_mailconf.delivery import file, one_copy

KILLED = -9
SECONDS = 5.0
"""For one try of a message: what a lost route costs."""
BATCH = 20
MOMENTS = 200
"""Reads, writes and records of a batch, or fewer; the first life ends at one of them."""
MOST_LIVES = 100


@attrs.frozen(kw_only=True)
class Run:
    """What a run is about.

    Args:
        count: how many messages.
        seed: of everything that is random.
        folder: where the host keeps its files.
    """

    count: int
    seed: str
    folder: Path

    @property
    def letters(self) -> list[Letter]:
        """The messages."""
        return letters(range(self.count))

    def journal(self, tenant: str) -> Path:
        """The file of a tenant's journal."""
        return file_in(self.folder, tenant, "journal")


Trouble = Callable[[World, random.Random], contextlib.AbstractContextManager[None]]


@contextlib.contextmanager
def bad_times(world: World, chance: random.Random) -> Iterator[None]:
    """What is bad is up to the world: mostly its network."""
    world.worsen()
    yield


@contextlib.contextmanager
def strikes(world: World, chance: random.Random) -> Iterator[None]:
    """Something happens to the servers now and then: mostly they end, and begin again."""
    over = threading.Event()
    failures: list[BaseException] = []

    def strike() -> None:
        try:
            while True:
                world.strike(chance)
                if over.wait(chance.uniform(0.05, 0.6)):
                    return
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=strike, name="strikes")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        for failure in failures:
            raise failure


def settled(
    world: World, colour: Colour, sent: list[Letter], told: Mapping[str, Receipt], begin: Mapping[str, Receipt]
) -> Verdict:
    """Let all be well, let two workers recover from what the host has, ask the servers, and judge.

    Args:
        world: what was sent through.
        colour: of the Mailers that recover.
        sent: the messages.
        told: what the host was told while it ran.
        begin: what it has when it recovers.
    """
    world.heal()
    world.seen()  # what is still on its way arrives before
    with ThreadPoolExecutor(2, thread_name_prefix="worker") as workers:
        known, other = workers.map(lambda _: recover(colour, world.access, begin.values()), range(2))
    touched = [receipt for name, receipt in known.items() if receipt != begin[name] or is_unsettled(receipt)]
    again = recover(colour, world.access, touched)
    seen = world.seen()
    verdict = judge(sent, told, known, seen, provider_files=world.provider_files)
    for kind, names in judge(sent, told, other, seen, provider_files=world.provider_files).faults.items():
        verdict = verdict.blamed(f"as the other worker knows it, {kind}", names)
    changed = [name for name, receipt in again.items() if receipt != known[name]]
    return attrs.evolve(verdict, struck=world.struck()).blamed("recovery does not end", changed)


def under_load(run: Run, *, kind: type[World], colour: Colour, trouble: Trouble, width: int) -> Verdict:
    """Both tenants send as much as they can, `width` messages each at the same time, while the trouble lasts."""
    errors: collections.Counter[str] = collections.Counter()
    journal: Any = aio.FileJournal if colour is Colour.AIO else FileJournal
    journals = {tenant: journal(run.journal(tenant)) for tenant in TENANTS}
    send = sending(tries=20, seconds=SECONDS, errors=errors)
    with kind(run.seed) as world:
        with trouble(world, random.Random(run.seed)):
            done = each(colour, world.access, by_tenant(run.letters), send, width=width, journals=journals)
        told = {receipt.message_id: receipt for receipt in done}
        known = journalled(run.folder)
        verdict = settled(world, colour, run.letters, told, known)
    differing = [name for name, receipt in told.items() if known[name].delivery is not receipt.delivery]
    errors["pending"] = sum(one.delivery is Delivery.SENT and one.filing is Filing.PENDING for one in done)
    return attrs.evolve(verdict, struck={**verdict.struck, **errors}).blamed("not journalled as told", differing)


def killed(run: Run, *, colour: Colour, width: int) -> Verdict:
    """The sending process is killed again and again, each time at a random read, write or record, until all is sent."""
    chance = random.Random(run.seed)
    batches = [range(first, min(run.count, first + BATCH)) for first in range(0, run.count, BATCH)]
    with SandboxWorld(run.seed) as world, Servant("tests.faults.mortal") as mortal:
        job = {"access": world.access.to_dict(), "colour": colour.value, "folder": str(run.folder), "width": width}
        lives = sum(lived(mortal, {**job, "numbers": list(batch)}, chance) for batch in batches)
        verdict = settled(world, colour, run.letters, {}, journalled(run.folder))
    return attrs.evolve(verdict, struck={"killed": lives - len(batches)})


def lived(mortal: Servant, job: Mapping[str, Any], chance: random.Random) -> int:
    """Live until a life ends by itself; return how many it took."""
    for life in range(1, MOST_LIVES):
        # Each life has more to look for than the one before, and may be longer, so that one will be long enough.
        status, _ = mortal.ask("live", **job, at=chance.randrange(MOMENTS + life * MOMENTS // 4))
        if status == 0:
            return life
        assert status == KILLED, f"it ended with {status}"
    raise AssertionError("no life was long enough")


def full_disk(run: Run, *, colour: Colour, width: int) -> Verdict:
    """The disk of the journals and of the accounts is full now and then."""
    with SandboxWorld(run.seed) as world, Servant("tests.faults.mortal") as mortal:
        job = {"access": world.access.to_dict(), "colour": colour.value, "folder": str(run.folder), "width": width}
        status, answer = mortal.ask("hoard", **job, numbers=list(range(run.count)), seed=run.seed)
        assert status == 0, f"it ended with {status}"
        told = {receipt.message_id: receipt for receipt in map(Receipt.from_dict, answer["told"])}
        last = journalled(run.folder)
        # The process lives, so it has what it was told, which the journal may have missed; and what if it had died?
        verdict = settled(world, colour, run.letters, told, told)
        orphaned = settled(world, colour, run.letters, {}, last)
    unlike = [name for name, receipt in told.items() if not agrees(last.get(name), receipt)]
    for kind, names in orphaned.faults.items():
        verdict = verdict.blamed(f"after a recovery from the journal, {kind}", names)
    return attrs.evolve(verdict, struck=answer["struck"]).blamed("not journalled as told", unlike)


def agrees(last: Receipt | None, told: Receipt) -> bool:
    """Tell whether a journal that missed a part of the story is honest: it may know less, never otherwise."""
    known = Delivery.NOT_SENT if last is None else last.delivery
    return known in (told.delivery, Delivery.UNKNOWN)


def cancelled_sends(run: Run) -> Verdict:
    """As many sends as there are messages are cancelled; the Mailers, and whatever else there is, are as before."""
    threads = threading.active_count()
    with SandboxWorld(run.seed) as world:
        journals = {tenant: aio.FileJournal(run.journal(tenant)) for tenant in TENANTS}
        seen = cancelled.run(world.access, journals, run.count, random.Random(run.seed))
        counts = {**seen.left, "threads": (threads, threading.active_count())}
        verdict = settled(world, Colour.AIO, seen.tried, seen.told, journalled(run.folder))
    left = [f"{what}: {before} before, {after} after" for what, (before, after) in counts.items() if before != after]
    return attrs.evolve(verdict, struck={"cancelled": seen.cancelled}).blamed("something was left", left)


@contextlib.contextmanager
def brief_looks() -> Iterator[None]:
    """Look for a late copy at shorter intervals: these tests are about what is found, not about when."""
    before = file.LOOKS, one_copy._YIELD_SECONDS
    file.LOOKS, one_copy._YIELD_SECONDS = (0.0, 0.05, 0.1, 0.15, 0.2), 0.2
    try:
        yield
    finally:
        file.LOOKS, one_copy._YIELD_SECONDS = before
