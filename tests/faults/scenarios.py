"""Every scenario: what the tenants send through, in which colour, and what strikes meanwhile.

`SCENARIOS` is the list. Each is run with so many messages and a seed, and gives a verdict.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import random
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs

from tests.faults import cancelled
from tests.faults.host import Colour, by_tenant, each, recover, sending
from tests.faults.letters import TENANTS, Letter, letters
from tests.faults.mortal import journalled
from tests.faults.oracle import Verdict, judge
from tests.faults.real_world import RealWorld, SmallRealWorld
from tests.faults.servant import Servant
from tests.faults.world import FilingSandboxWorld, SandboxWorld, World, file_in
from tether_mailconf import Delivery, FileJournal, Filing, Receipt, aio
from tether_mailconf.delivery import file

KILLED = -9
SECONDS = 6.0
"""For one try of a message: what a lost route costs."""
BATCH = 20
MOMENTS = 500
"""Reads, writes and records of a batch, about; a life ends at one of them."""
MOST_LIVES = 200


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
def bad_network(world: World, chance: random.Random) -> Iterator[None]:
    """Connections are struck at random, and now and then all of them."""
    world.worsen()
    yield


@contextlib.contextmanager
def restarts(world: World, chance: random.Random) -> Iterator[None]:
    """Servers end and begin again."""
    over = threading.Event()
    failures: list[BaseException] = []

    def restart() -> None:
        try:
            while not over.wait(chance.uniform(0.05, 0.6)):
                world.restart(chance)
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=restart, name="restarts")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        for failure in failures:
            raise failure


full_mailbox = bad_network
"""It is the world's own way to be bad."""


def settled(world: World, run: Run, colour: Colour, sent: list[Letter], told: dict[str, Receipt], begin: Any) -> Verdict:
    """Let all be well, recover from what the host has, ask the servers, and judge."""
    world.heal()
    world.seen()  # what is still on its way arrives before
    known = recover(colour, world.access, begin.values())
    # A copy that came late is found the second time; after that nothing changes any more.
    known = recover(colour, world.access, known.values())
    again = recover(colour, world.access, known.values())
    verdict = judge(sent, told, known, world.seen(), provider_files=world.provider_files)
    changed = [name for name, receipt in again.items() if receipt != known[name]]
    faults = {**verdict.faults, **({"recovery does not end": tuple(changed)} if changed else {})}
    return attrs.evolve(verdict, struck=world.struck(), faults=faults)


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
        verdict = settled(world, run, colour, run.letters, told, known)
    differing = [name for name, receipt in told.items() if known[name].delivery is not receipt.delivery]
    faults = {**verdict.faults, **({"told otherwise than journalled": tuple(differing)} if differing else {})}
    pending = sum(receipt.delivery is Delivery.SENT and receipt.filing is Filing.PENDING for receipt in done)
    return attrs.evolve(verdict, faults=faults, struck={**verdict.struck, **errors, "pending": pending})


def killed(run: Run, *, colour: Colour, width: int) -> Verdict:
    """The sending process is killed again and again, each time at a random read, write or record, until all is sent."""
    chance = random.Random(run.seed)
    lives = 0
    with SandboxWorld(run.seed) as world, Servant("tests.faults.mortal") as mortal:
        job = {"access": world.access.to_dict(), "colour": colour.value, "folder": str(run.folder), "width": width}
        for first in range(0, run.count, BATCH):
            numbers = list(range(first, min(run.count, first + BATCH)))
            for _ in range(MOST_LIVES):
                status, _ = mortal.ask("live", **job, numbers=numbers, at=chance.randrange(MOMENTS))
                lives += 1
                if status == 0:
                    break
                assert status == KILLED, f"it ended with {status}"
            else:
                raise AssertionError("no life was long enough")
        known = journalled(run.folder)
        verdict = settled(world, run, colour, run.letters, {}, known)
    return attrs.evolve(verdict, struck={"killed": lives - len(range(0, run.count, BATCH))})


def full_disk(run: Run, *, colour: Colour, width: int) -> Verdict:
    """The disk of the journals and of the accounts is full now and then."""
    with SandboxWorld(run.seed) as world, Servant("tests.faults.mortal") as mortal:
        job = {"access": world.access.to_dict(), "colour": colour.value, "folder": str(run.folder), "width": width}
        status, answer = mortal.ask("hoard", **job, numbers=list(range(run.count)), seed=run.seed)
        assert status == 0, f"it ended with {status}"
        told = {receipt.message_id: receipt for receipt in map(Receipt.from_dict, answer["told"])}
        # The process lives, so it has what it was told, which the journal may have missed.
        verdict = settled(world, run, colour, run.letters, told, told)
        stale = [name for name, last in journalled(run.folder).items() if not agrees(last, told[name])]
    faults = {**verdict.faults, **({"journalled as something that was not so": tuple(stale)} if stale else {})}
    return attrs.evolve(verdict, faults=faults, struck=answer["struck"])


def agrees(journalled_last: Receipt, told: Receipt) -> bool:
    """Tell whether a journal that missed the end of the story is honest: it may know less, never otherwise."""
    return journalled_last.delivery in (told.delivery, Delivery.UNKNOWN)


def cancelled_sends(run: Run) -> Verdict:
    """As many sends as there are messages are cancelled; the Mailers, and whatever else there is, are as before."""
    threads = threading.active_count()
    with SandboxWorld(run.seed) as world:
        journals = {tenant: aio.FileJournal(run.journal(tenant)) for tenant in TENANTS}
        seen = cancelled.run(world.access, journals, run.count, random.Random(run.seed))
        left = [(after, before) for after, before in (*seen.left, (threading.active_count(), threads)) if after != before]
        verdict = settled(world, run, Colour.AIO, seen.tried, seen.told, journalled(run.folder))
    faults = {**verdict.faults, **({"descriptors, tasks or threads were left": tuple(map(str, left))} if left else {})}
    return attrs.evolve(verdict, faults=faults, struck={"cancelled": seen.cancelled})


@attrs.frozen(kw_only=True)
class Scenario:
    """One way in which everything fails.

    Args:
        name: of the scenario.
        play: runs it.
        short: how many messages the short form has.
        share: how many of a thousand messages of the long form it has.
        strikes: what must have happened at least once, for the run to show anything.
    """

    name: str
    play: Callable[[Run], Verdict]
    short: int
    share: int
    strikes: tuple[str, ...]

    def run(self, count: int, seed: str) -> Verdict:
        """Run it with so many messages."""
        with tempfile.TemporaryDirectory(prefix="faults-") as folder:
            return self.play(Run(count=count, seed=f"{seed} {self.name}", folder=Path(folder)))


def loaded(kind: type[World], colour: Colour, trouble: Trouble, width: int) -> Callable[[Run], Verdict]:
    """Return a run of `under_load`."""
    return functools.partial(under_load, kind=kind, colour=colour, trouble=trouble, width=width)


SYNC, AIO = Colour.SYNC, Colour.AIO
SCENARIOS = (
    Scenario(
        name="network-threads",
        play=loaded(SandboxWorld, SYNC, bad_network, 100),
        short=120,
        share=200,
        strikes=("struck",),
    ),
    Scenario(
        name="network-tasks",
        play=loaded(SandboxWorld, AIO, bad_network, 100),
        short=200,
        share=200,
        strikes=("struck",),
    ),
    Scenario(
        name="network-provider-files",
        play=loaded(FilingSandboxWorld, AIO, bad_network, 100),
        short=60,
        share=100,
        strikes=("struck",),
    ),
    Scenario(
        name="network-real-servers",
        play=loaded(RealWorld, AIO, bad_network, 20),
        short=40,
        share=80,
        strikes=("struck",),
    ),
    Scenario(
        name="restarts-threads",
        play=loaded(SandboxWorld, SYNC, restarts, 20),
        short=40,
        share=60,
        strikes=("restarts",),
    ),
    Scenario(
        name="restarts-tasks",
        play=loaded(SandboxWorld, AIO, restarts, 20),
        short=40,
        share=60,
        strikes=("restarts",),
    ),
    Scenario(
        name="restarts-real-servers",
        play=loaded(RealWorld, AIO, restarts, 20),
        short=40,
        share=60,
        strikes=("restarts",),
    ),
    Scenario(
        name="mailbox-full",
        play=loaded(SmallRealWorld, SYNC, full_mailbox, 5),
        short=40,
        share=20,
        strikes=("pending",),
    ),
    Scenario(
        name="disk-full-threads",
        play=functools.partial(full_disk, colour=SYNC, width=5),
        short=40,
        share=40,
        strikes=("disk full",),
    ),
    Scenario(
        name="disk-full-tasks",
        play=functools.partial(full_disk, colour=AIO, width=5),
        short=40,
        share=40,
        strikes=("disk full",),
    ),
    Scenario(
        name="killed-threads",
        play=functools.partial(killed, colour=SYNC, width=5),
        short=20,
        share=30,
        strikes=("killed",),
    ),
    Scenario(
        name="killed-tasks",
        play=functools.partial(killed, colour=AIO, width=5),
        short=20,
        share=30,
        strikes=("killed",),
    ),
    Scenario(name="cancelled", play=cancelled_sends, short=100, share=80, strikes=("cancelled",)),
)


@contextlib.contextmanager
def brief_looks() -> Iterator[None]:
    """Look for a provider's copy at shorter intervals: these tests are about what is found, not about when."""
    before, file.LOOKS = file.LOOKS, (0.0, 0.02, 0.05)
    try:
        yield
    finally:
        file.LOOKS = before
