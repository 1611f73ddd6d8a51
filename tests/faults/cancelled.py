"""Sends of `tether_mailconf.aio` that are cancelled at random moments: what they leave, and whether others go on."""

from __future__ import annotations

import asyncio
import collections
import gc
import random
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import attrs

from tests.faults.letters import Letter, letters
from tests.faults.world import Access
from tether_mailconf import Delivery, Receipt, aio

AT_ONCE = 50
TURNS = 60
"""Up to how many turns of the loop a send may have had when it is cancelled."""


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


def run(access: Access, journals: dict[str, aio.FileJournal], wanted: int, chance: random.Random) -> Cancelled:
    """Cancel that many sends, and send as many again as there are connections with the Mailers that are left."""
    return asyncio.run(_run(access, journals, wanted, chance))


async def _run(access: Access, journals: dict[str, aio.FileJournal], wanted: int, chance: random.Random) -> Cancelled:
    # The threads in which files are written come to be here, and go with the loop.
    await asyncio.gather(*(asyncio.to_thread(int) for _ in range(64)))
    before = descriptors(), len(asyncio.all_tasks())
    told: dict[str, Receipt] = {}
    tried: list[Letter] = []
    counts: collections.Counter[str] = collections.Counter()
    numbers = iter(range(1_000_000))
    async with AsyncExitStack() as held:
        mailers = {
            tenant: await held.enter_async_context(
                aio.Mailer(**access.mailer_arguments(tenant), journal=journals[tenant], connections=AT_ONCE // 4)
            )
            for tenant in access.settings
        }

        async def one(letter: Letter, seconds: float, turns: int) -> None:
            task = asyncio.ensure_future(mailers[letter.tenant].send(letter.build()))
            await asyncio.wait([task], timeout=seconds)
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            try:
                told[letter.message_id] = await task
            except asyncio.CancelledError:
                counts["cancelled"] += 1

        def batch() -> list[Letter]:
            made = letters([next(numbers) for _ in range(AT_ONCE)])
            tried.extend(made)
            return made

        def moments() -> Iterator[tuple[float, int]]:
            longest = 0.02
            while True:
                # A send takes as long as the machine is loaded; those that all are cut short, or none, show little.
                share = counts["cancelled"] / max(1, len(tried))
                longest = min(1.0, max(0.002, longest * (1.02 if share > 0.8 else 0.98)))
                yield chance.uniform(0.0, longest), chance.randrange(TURNS)

        moment = moments()
        while counts["cancelled"] < wanted:
            await asyncio.gather(*(one(letter, *next(moment)) for letter in batch()))
        for receipt in await asyncio.gather(*(mailers[letter.tenant].send(letter.build()) for letter in batch())):
            assert receipt.delivery is Delivery.SENT
            told[receipt.message_id] = receipt
    # What was written to a connection as it closed is dealt with by the loop a turn later.
    await asyncio.sleep(0)
    after = descriptors(), len(asyncio.all_tasks())
    return Cancelled(
        told=told,
        cancelled=counts["cancelled"],
        tried=tried,
        left={"descriptors": (before[0], after[0]), "tasks": (before[1], after[1])},
    )


def descriptors() -> int:
    """Return how many descriptors this process has open."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))
