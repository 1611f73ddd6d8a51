"""Memory of connections that are kept and say nothing: each signed in, over TLS, after one letter.

Measured in a child process for each, over what one connection had left. The streams of asyncio are the least that a
program for asyncio can have without doing TLS itself; they only connect. `python -m tests.bench.idle JSON` is such a
child.
"""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Awaitable, Callable

import attrs

from tether_mailconf import aio

from . import resident
from .accounts import OURS, PEER, alike, restored, stored
from .adapters.asyncio_peers import client
from .adapters.ours import account, check
from .beside import beside, given, in_child
from .figures import Figures, Goal, Plot, Table, number
from .job import Letter, Target, Wire, letter, targets

COUNT = 2_000
AT_ONCE = 32
STREAMS = "asyncio streams"


@attrs.frozen(kw_only=True)
class Idle:
    """What idle connections hold.

    Args:
        client: who.
        count: how many connections.
        each: KiB of each.
    """

    client: str
    count: int
    each: float


async def ours(target: Target, content: Letter) -> object:
    """Return a Mailer that keeps a connection."""
    mailer = aio.Mailer(**account(target, files=False))
    await mailer.__aenter__()
    check(await mailer.send(content.message), files=False)
    return mailer


async def peers(target: Target, content: Letter) -> object:
    """Return an aiosmtplib client that is connected."""
    smtp = client(target)
    await smtp.connect()
    await smtp.send_message(content.message)
    return smtp


async def streams(target: Target, content: Letter) -> object:
    """Return asyncio's own two ends of a connection, once the greeting was read."""
    reader, writer = await asyncio.open_connection(target.host, target.smtp, ssl=target.context)
    assert (await reader.readline()).startswith(b"220")
    return reader, writer


OPENERS: dict[str, Callable[[Target, Letter], Awaitable[object]]] = {OURS: ours, PEER: peers, STREAMS: streams}


async def kept(who: str, target: Target, count: int) -> float:
    """Return the KiB that each of so many connections holds."""
    connected, content, window = OPENERS[who], letter("1 KiB text"), asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> object:
        async with window:
            return await connected(alike(target, number), content)

    first = await one(0)
    gc.collect()
    base = resident.memory()
    others = await asyncio.gather(*(one(number) for number in range(count)))
    gc.collect()
    held = resident.memory() - base
    assert first is not None
    assert len(others) == count
    return held / count


def measure(*, quick: bool) -> Figures:
    """Measure everybody, in turn."""
    count = 20 if quick else COUNT
    with beside("tests.bench.null_server") as null:
        target = stored(targets(null.told)[Wire.TLS])
        found = [
            Idle(client=name, count=count, each=in_child("tests.bench.idle", who=name, count=count, target=target))
            for name in OPENERS
        ]
    return Figures(
        rows=[attrs.asdict(row) for row in found],
        tables=(
            Table(
                title=f"{count:,} idle TLS connections",
                columns=("who", "KiB each"),
                rows=tuple((row.client, number(row.each, 1)) for row in found),
            ),
        ),
        plots=(
            Plot(
                name="idle",
                title=f"Memory of each of {count:,} idle TLS connections",
                axis="KiB",
                groups=("",),
                bars={row.client: (row.each,) for row in found},
                goals=(32,),
            ),
        ),
        goals=(Goal(what="an idle TLS connection, asyncio", goal=32, measured=found[0].each, unit="KiB"),),
    )


def main() -> None:
    """Be the child."""
    what = given()

    async def measured() -> None:
        print(json.dumps(await kept(what["who"], restored(what["target"]), what["count"])), flush=True)

    asyncio.run(measured())


if __name__ == "__main__":
    main()
