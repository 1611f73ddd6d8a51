"""A long day of one Mailer: 100,000 letters, sent and filed, and what the process holds meanwhile.

Each colour in a child process, two senders at once, so that both of its lanes are at work. What grows with every
letter shows between the first look, after a hundredth of them, and the last. `python -m tests.bench.soak JSON` is
such a child.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import attrs

from tether_mailconf import Mailer, aio

from . import resident
from .accounts import restored, stored
from .adapters.ours import account, check
from .beside import beside, given, in_child
from .figures import Figures, Plot, Table
from .job import Target, Wire, letter, targets

COUNT = 100_000
LOOKS = 10
SENDERS = 2


@attrs.frozen(kw_only=True)
class Look:
    """What the process holds after so many letters.

    Args:
        letters: how many.
        memory: KiB resident.
        descriptors: open ones.
        threads: running ones.
        tasks: of the event loop; 0 without one.
    """

    letters: int
    memory: int
    descriptors: int
    threads: int
    tasks: int


def look(letters: int, tasks: int) -> Look:
    """Look at this process."""
    gc.collect()
    return Look(
        letters=letters,
        memory=resident.memory(),
        descriptors=resident.descriptors(),
        threads=resident.threads(),
        tasks=tasks,
    )


def stretches(count: int) -> Iterator[tuple[int, int]]:
    """Yield how many letters come next, and how many there are after them: a hundredth, then tenths."""
    first = max(count // 100, SENDERS)
    ends = [first, *(count * part // LOOKS for part in range(1, LOOKS + 1))]
    yield first, first
    for before, after in itertools.pairwise(ends):
        yield after - before, after


def blocking(target: Target, count: int) -> list[Look]:
    """Send with threads."""
    content, looks = letter("1 KiB text"), []
    with Mailer(**account(target, files=True)) as mailer:

        def send(letters: int) -> None:
            for _ in range(letters):
                check(mailer.send(content.message), files=True)

        for letters, after in stretches(count):
            threads = [threading.Thread(target=send, args=(share,)) for share in shares(letters)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            looks.append(look(after, 0))
    return looks


def for_asyncio(target: Target, count: int) -> list[Look]:
    """Send with tasks."""

    async def whole() -> list[Look]:
        content, looks = letter("1 KiB text"), []
        async with aio.Mailer(**account(target, files=True)) as mailer:

            async def send(letters: int) -> None:
                for _ in range(letters):
                    check(await mailer.send(content.message), files=True)

            for letters, after in stretches(count):
                await asyncio.gather(*map(send, shares(letters)))
                looks.append(look(after, len(asyncio.all_tasks())))
        return looks

    return asyncio.run(whole())


def shares(letters: int) -> list[int]:
    """Return what each sender sends."""
    return [letters // SENDERS, letters - letters // SENDERS]


COLOURS: dict[str, Callable[[Target, int], list[Look]]] = {
    "tether_mailconf": blocking,
    "tether_mailconf.aio": for_asyncio,
}


def measure(*, quick: bool) -> Figures:
    """Let each colour send, and hold that every letter and every copy came."""
    count = 40 if quick else COUNT
    rows: list[dict[str, Any]] = []
    for name in COLOURS:
        with beside("tests.bench.null_server") as null:
            target = stored(targets(null.told)[Wire.TLS])
            looks = in_child("tests.bench.soak", who=name, count=count, target=target)
            tally = null.ask()
            assert tally["messages"] == tally["copies"] == count
            rows += [{"client": name, "connections": tally["connections"]} | taken for taken in looks]
    return Figures(rows=rows, tables=(table(rows, count),), plots=(plot(rows),))


def table(rows: list[dict[str, Any]], count: int) -> Table:
    """Return the first and the last look of each colour."""
    shown: list[tuple[str, ...]] = []
    for name in COLOURS:
        looks = [row for row in rows if row["client"] == name]
        for row in (looks[0], looks[-1]):
            numbers = (row[key] for key in ("letters", "memory", "descriptors", "threads", "tasks", "connections"))
            shown.append((name, *(f"{value:,}" for value in numbers)))
    return Table(
        title=f"{count:,} letters of 1 KiB, sent and filed by one Mailer",
        columns=("who", "after letters", "memory, KiB", "descriptors", "threads", "tasks", "connections in all"),
        rows=tuple(shown),
    )


def plot(rows: list[dict[str, Any]]) -> Plot:
    """Return the memory as a plot."""
    after = list(dict.fromkeys(row["letters"] for row in rows))
    return Plot(
        name="soak",
        title="Memory of one Mailer's process",
        axis="MiB",
        groups=tuple(f"{letters:,}" for letters in after),
        bars={name: tuple(row["memory"] / 1024 for row in rows if row["client"] == name) for name in COLOURS},
    )


def main() -> None:
    """Be the child."""
    what = given()
    looks = COLOURS[what["who"]](restored(what["target"]), what["count"])
    print(json.dumps([attrs.asdict(taken) for taken in looks]))


if __name__ == "__main__":
    main()
