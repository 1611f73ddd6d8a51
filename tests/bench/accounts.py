"""Many accounts at once, as at the top of an hour: each connects, signs in, sends one letter and closes.

Measured in a child process for each: CPU for an account, and the peak of memory over what one account had left.
`python -m tests.bench.accounts JSON` is such a child.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from tether_mailconf import aio

from . import resident
from .adapters.asyncio_peers import client
from .adapters.ours import account, check
from .beside import Beside, beside, given, in_child
from .figures import Figures, Goal, Plot, Table, number
from .job import KIB, Letter, Target, Wire, letter, targets

WINDOW = 256
COUNTS = {1_000: 3, 10_000: 1}
"""How many accounts, and how often."""
MOST = max(COUNTS)
OURS = "tether_mailconf.aio"
PEER = "aiosmtplib"


@attrs.frozen(kw_only=True)
class Crowd:
    """What a number of accounts took.

    Args:
        client: who sent for them.
        count: how many accounts.
        cpu: milliseconds of CPU for each, the median.
        wall: seconds for all, the median.
        memory: MiB at the peak over the base, the median.
    """

    client: str
    count: int
    cpu: float
    wall: float
    memory: float


async def ours(target: Target, content: Letter) -> None:
    """Send for one account with ours."""
    async with aio.Mailer(**account(target, files=False)) as mailer:
        check(await mailer.send(content.message), files=False)


async def peers(target: Target, content: Letter) -> None:
    """Send for one account with aiosmtplib."""
    async with client(target) as smtp:
        refused, _ = await smtp.send_message(content.message)
        assert refused == {}


SENDERS: dict[str, Callable[[Target, Letter], Awaitable[None]]] = {OURS: ours, PEER: peers}


async def crowd(who: str, target: Target, count: int) -> dict[str, float]:
    """Send for so many accounts, all begun at once, WINDOW of them at work at any time."""
    send, content, window = SENDERS[who], letter("1 KiB"), asyncio.Semaphore(WINDOW)

    async def one(number: int) -> None:
        async with window:
            await send(alike(target, number), content)

    await one(0)
    gc.collect()
    resident.forget_peak()
    base = resident.memory()
    began, cpu_began = time.perf_counter(), time.process_time()
    await asyncio.gather(*(one(number) for number in range(count)))
    return {
        "cpu": (time.process_time() - cpu_began) * 1000 / count,
        "wall": time.perf_counter() - began,
        "memory": (resident.peak() - base) / KIB,
    }


def alike(target: Target, number: int) -> Target:
    """Return another account at the same servers."""
    return attrs.evolve(target, user=f"user{number}@example.test")


def measure(*, quick: bool) -> Figures:
    """Measure both, in turn."""
    found: list[Crowd] = []
    with beside("tests.bench.null_server") as null:
        target = targets(null.told)[Wire.TLS]
        for count, rounds in ({20: 1} if quick else COUNTS).items():
            taken: dict[str, list[dict[str, float]]] = {name: [] for name in SENDERS}
            for _ in range(rounds):
                for name in SENDERS:
                    taken[name].append(checked(null, name, target, count))
            found += [
                Crowd(
                    client=name,
                    count=count,
                    **{key: statistics.median(run[key] for run in runs) for key in ("cpu", "wall", "memory")},
                )
                for name, runs in taken.items()
            ]
    return Figures(
        rows=[attrs.asdict(row) for row in found], tables=(table(found),), plots=plots(found), goals=goals(found)
    )


def checked(null: Beside, who: str, target: Target, count: int) -> dict[str, float]:
    """Run a child, and hold that the server took a letter from each account, and the first one's."""
    before = null.ask()["messages"]
    taken: dict[str, float] = in_child("tests.bench.accounts", who=who, count=count, target=stored(target))
    assert null.ask()["messages"] - before == count + 1
    return taken


def stored(target: Target) -> dict[str, Any]:
    """Return a target as a child is given it."""
    return attrs.asdict(target) | {"wire": target.wire.value}


def restored(value: dict[str, Any]) -> Target:
    """Return the target that a child was given."""
    return Target(**{**value, "wire": Wire(value["wire"])})


def table(found: list[Crowd]) -> Table:
    """Return it as a table."""
    return Table(
        title=f"accounts at once, a window of {WINDOW}, send, new connections, TLS",
        columns=("who", "accounts", "CPU each, ms", "peak over the base, MiB", "wall, s"),
        rows=tuple(
            (row.client, f"{row.count:,}", number(row.cpu, 3), number(row.memory, 1), number(row.wall, 1))
            for row in found
        ),
    )


def plots(found: list[Crowd]) -> tuple[Plot, ...]:
    """Return the memory as a plot."""
    counts = list(dict.fromkeys(row.count for row in found))
    return (
        Plot(
            name="accounts",
            title=f"Memory at the peak over the base, accounts at once, a window of {WINDOW}",
            axis="MiB",
            groups=tuple(f"{count:,} accounts" for count in counts),
            bars={name: tuple(row.memory for row in found if row.client == name) for name in SENDERS},
            goals=tuple(100 if count == MOST else None for count in counts),
        ),
    )


def goals(found: list[Crowd]) -> tuple[Goal, ...]:
    """Return those of the design."""
    return tuple(
        goal
        for row in found
        if row.client == OURS and row.count == MOST
        for goal in (
            Goal(what=f"{row.count:,} accounts, CPU each", goal=1.5, measured=row.cpu, unit="ms"),
            Goal(what=f"{row.count:,} accounts, memory over the base", goal=100, measured=row.memory, unit="MiB"),
        )
    )


def main() -> None:
    """Be the child."""
    what = given()
    print(json.dumps(asyncio.run(crowd(what["who"], restored(what["target"]), what["count"]))))


if __name__ == "__main__":
    main()
