"""The host application of a run: sends for both tenants at once, tries again what was not sent, recovers afterwards.

Written once for both colours: what it does with a Mailer is awaited, and a blocking Mailer's answers are there at once.
"""

from __future__ import annotations

import asyncio
import collections
import enum
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack
from typing import Any, Protocol

from tests.faults.letters import Letter, letter_of
from tests.faults.world import Access
from tether_mailconf import Delivery, MailconfError, Mailer, Receipt, aio
from tether_mailconf._ports import run_sync

RECOVERY_WIDTH = 16
RECOVERY_SECONDS = 60.0


class Colour(enum.Enum):
    """Which Mailer."""

    SYNC = "sync"
    AIO = "aio"


class Post(Protocol):
    """What the host does with a Mailer, awaited."""

    async def send(self, letter: Letter, *, deadline: float) -> Receipt: ...
    async def resolve(self, receipt: Receipt, *, deadline: float) -> Receipt: ...
    async def pause(self, seconds: float) -> None: ...


class Blocking:
    """A Mailer of threads."""

    def __init__(self, mailer: Mailer) -> None:
        self._mailer = mailer

    async def send(self, letter: Letter, *, deadline: float) -> Receipt:
        return self._mailer.send(letter.build(), deadline=deadline)

    async def resolve(self, receipt: Receipt, *, deadline: float) -> Receipt:
        return self._mailer.resolve(receipt, letter_of(receipt.message_id).build(), deadline=deadline)

    async def pause(self, seconds: float) -> None:
        time.sleep(seconds)


class Awaited:
    """A Mailer of tasks."""

    def __init__(self, mailer: aio.Mailer) -> None:
        self._mailer = mailer

    async def send(self, letter: Letter, *, deadline: float) -> Receipt:
        return await self._mailer.send(letter.build(), deadline=deadline)

    async def resolve(self, receipt: Receipt, *, deadline: float) -> Receipt:
        return await self._mailer.resolve(receipt, letter_of(receipt.message_id).build(), deadline=deadline)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


Act = Callable[[Post, Any], Awaitable[Receipt]]
Work = Mapping[str, Sequence[Any]]
"""For each tenant, what there is to do."""


def each(
    colour: Colour, access: Access, work: Work, act: Act, *, width: int, journals: Mapping[str, Any] | None = None
) -> list[Receipt]:
    """Do what there is to do for all tenants at once, each with a Mailer of its own, and return what came of it.

    Args:
        colour: with threads or with tasks.
        access: how the tenants reach their accounts.
        work: what there is to do.
        act: does one thing.
        width: how many things each tenant does at the same time.
        journals: each tenant's journal.
    """
    arguments = {
        tenant: {
            **access.mailer_arguments(tenant),
            "connections": width,
            "journal": None if journals is None else journals[tenant],
        }
        for tenant in work
    }
    together = _each_in_a_task if colour is Colour.AIO else _each_in_a_thread
    return together(arguments, work, act, width)


def _each_in_a_thread(arguments: Mapping[str, Any], work: Work, act: Act, width: int) -> list[Receipt]:
    async def begun(post: Post, thing: Any) -> Receipt:
        return await act(post, thing)

    def one(post: Post, thing: Any) -> Receipt:
        return run_sync(begun(post, thing))

    with ExitStack() as held:
        ends: list[Future[Receipt]] = []
        for tenant, things in work.items():
            post = Blocking(held.enter_context(Mailer(**arguments[tenant])))
            pool = held.enter_context(ThreadPoolExecutor(width, thread_name_prefix="host"))
            ends += [pool.submit(one, post, thing) for thing in things]
        return [end.result() for end in ends]


def _each_in_a_task(arguments: Mapping[str, Any], work: Work, act: Act, width: int) -> list[Receipt]:
    async def worker(post: Post, things: Iterable[Any], done: list[Receipt]) -> None:
        done.extend([await act(post, thing) for thing in things])

    async def main() -> list[Receipt]:
        done: list[Receipt] = []
        async with AsyncExitStack() as held:
            workers = []
            for tenant, things in work.items():
                post = Awaited(await held.enter_async_context(aio.Mailer(**arguments[tenant])))
                left = iter(things)  # one for all its workers
                workers += [worker(post, left, done) for _ in range(width)]
            await asyncio.gather(*workers)
        return done

    return asyncio.run(main())


def sending(*, tries: int, seconds: float, errors: collections.Counter[str] | None = None) -> Act:
    """Return what sends a letter, and tries again what was not sent.

    Args:
        tries: how often at most.
        seconds: for each of them.
        errors: where the codes of failures are counted.
    """
    counted: collections.Counter[str] = collections.Counter() if errors is None else errors

    async def send(post: Post, letter: Letter) -> Receipt:
        for turn in range(tries):
            try:
                return await post.send(letter, deadline=seconds)
            except MailconfError as error:
                told = error.receipt
                if told is None:
                    raise
                assert told.delivery is Delivery.NOT_SENT
                counted[error.code] += 1
            if turn + 1 == tries:
                return told
            await post.pause(0.05 * turn)
        raise AssertionError("it was never tried")

    return send


async def resolve(post: Post, receipt: Receipt) -> Receipt:
    """Settle what is unknown, and finish a copy that is pending."""
    return await post.resolve(receipt, deadline=RECOVERY_SECONDS)


def by_tenant(letters: Iterable[Letter]) -> Work:
    """Return the letters of each tenant."""
    work: dict[str, list[Letter]] = {}
    for letter in letters:
        work.setdefault(letter.tenant, []).append(letter)
    return work


def recover(
    colour: Colour,
    access: Access,
    known: Iterable[Receipt],
    *,
    width: int = RECOVERY_WIDTH,
    journals: Mapping[str, Any] | None = None,
) -> dict[str, Receipt]:
    """Do what a host does with all receipts that it has when it starts again; return them as they are then."""
    work: dict[str, list[Receipt]] = {}
    for receipt in known:
        work.setdefault(letter_of(receipt.message_id).tenant, []).append(receipt)
    done = each(colour, access, work, resolve, width=width, journals=journals)
    return {receipt.message_id: receipt for receipt in done}
