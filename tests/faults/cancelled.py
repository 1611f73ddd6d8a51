"""Sends of `tether_mailconf.aio` that are cancelled at random moments: what they leave, and whether others go on."""

from __future__ import annotations

import asyncio
import gc
import itertools
import random
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import attrs

from tests.faults.letters import Letter, letters
from tests.faults.world import Access
from tether_mailconf import Delivery, Receipt, aio

AT_ONCE = 50
TURNS = 60
"""Up to how many turns of the loop a send has yet when its moment has come."""
PATIENCE = 10.0
"""Seconds in which a thread that was writing for a cancelled send has closed its file."""


@attrs.frozen(kw_only=True)
class Cancelled:
    """What a run has seen.

    Args:
        told: what became of those that were not cancelled.
        cancelled: how many were.
        tried: all letters.
        left: how many descriptors and tasks there were before and after.
    """

    told: dict[str, Receipt]
    cancelled: int
    tried: list[Letter]
    left: dict[str, tuple[int, int]]


def run(access: Access, journals: Mapping[str, aio.FileJournal], wanted: int, chance: random.Random) -> Cancelled:
    """Cancel that many sends; with the Mailers that are left send some more."""
    return asyncio.run(_run(access, journals, wanted, chance))


async def _run(
    access: Access, journals: Mapping[str, aio.FileJournal], wanted: int, chance: random.Random
) -> Cancelled:
    # The threads in which files are written come to be here, and go with the loop.
    await asyncio.gather(*(asyncio.to_thread(int) for _ in range(64)))
    before = _counts()
    async with AsyncExitStack() as held:
        mailers = {
            tenant: await held.enter_async_context(
                aio.Mailer(**access.mailer_arguments(tenant), journal=journals[tenant], connections=AT_ONCE // 4)
            )
            for tenant in access.settings
        }
        whims = _Whims(mailers, chance)
        await whims.cancel(wanted)
        await whims.send()
    end = time.monotonic() + PATIENCE
    while (after := _counts()) != before and time.monotonic() < end:
        await asyncio.sleep(0.01)
    left = {what: (before[what], after[what]) for what in before}
    return Cancelled(told=whims.told, cancelled=whims.cancelled, tried=whims.tried, left=left)


class _Whims:
    """Sends in batches, and changes its mind."""

    def __init__(self, mailers: Mapping[str, aio.Mailer], chance: random.Random) -> None:
        self.told: dict[str, Receipt] = {}
        self.tried: list[Letter] = []
        self.cancelled = 0
        self._mailers = mailers
        self._chance = chance
        self._numbers = itertools.count()

    async def send(self) -> None:
        """Send a batch to its end."""
        await asyncio.gather(*(self._sent(letter) for letter in self._batch()))

    async def cancel(self, wanted: int) -> None:
        """Send batches until so many sends were cancelled."""
        # As long as a batch takes of which nothing is cancelled, on this machine and now.
        started = time.monotonic()
        await self.send()
        longest = time.monotonic() - started
        while self.cancelled < wanted:
            before = self.cancelled
            moments = [(self._chance.uniform(0.0, longest), self._chance.randrange(TURNS)) for _ in range(AT_ONCE)]
            letters_and_moments = zip(self._batch(), moments, strict=True)
            await asyncio.gather(*(self._cancelled(letter, *moment) for letter, moment in letters_and_moments))
            # Kept where about half of them are cancelled: those that all are cut short, or none, show little.
            longest *= 0.8 if (self.cancelled - before) * 2 < AT_ONCE else 1.25

    async def _sent(self, letter: Letter) -> None:
        receipt = await self._mailers[letter.tenant].send(letter.build())
        assert receipt.delivery is Delivery.SENT
        self.told[letter.message_id] = receipt

    async def _cancelled(self, letter: Letter, seconds: float, turns: int) -> None:
        task = asyncio.ensure_future(self._mailers[letter.tenant].send(letter.build()))
        await asyncio.wait([task], timeout=seconds)
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        try:
            self.told[letter.message_id] = await task
        except asyncio.CancelledError:
            self.cancelled += 1

    def _batch(self) -> list[Letter]:
        made = letters(itertools.islice(self._numbers, AT_ONCE))
        self.tried.extend(made)
        return made


def _counts() -> dict[str, int]:
    """Return how many descriptors this process has open, and how many tasks there are."""
    gc.collect()
    return {"descriptors": len(list(Path("/proc/self/fd").iterdir())), "tasks": len(asyncio.all_tasks())}
