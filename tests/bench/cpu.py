"""CPU and wall time for each letter: by size, with new and with kept connections, sent, and sent and filed.

Everybody does a few letters in turn, again and again, so that what disturbs one disturbs all; the medians are kept.
The server counts what it took, so nobody is measured who did less than the job.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import attrs

from tests.servers.authority import make_authority
from tests.servers.dovecot import Dovecot
from tests.servers.layout import ENGLISH
from tether_mailconf.settings import Security

from .adapters.adapter import Adapter
from .adapters.blocking_peers import Stdlib
from .adapters.everybody import ADAPTERS
from .beside import Beside, beside
from .figures import Figures, Goal, Plot, Table
from .job import SIZES, Letter, Target, Wire, letter, targets

NULL = "null server"
DOVECOT = "Dovecot"
KEPT = "kept"
NEW = "new"
SEND = "send"
SEND_AND_FILE = "send + file"

ROUNDS = {
    "1 KiB": {KEPT: (11, 20), NEW: (7, 4)},
    "1 KiB text": {KEPT: (11, 20), NEW: (7, 4)},
    "100 KiB": {KEPT: (5, 5), NEW: (5, 2)},
    "10 MiB": {KEPT: (3, 1), NEW: (3, 1)},
}
"""How many rounds, and how many letters in each."""
QUICK = {"1 KiB": {KEPT: (1, 2), NEW: (1, 1)}}
SMALL = "1 KiB text"
WITH_DOVECOT = ("1 KiB", "100 KiB")
LEFT_OUT = {(Wire.CLEAR, SEND, KEPT), (Wire.CLEAR, SEND, NEW)}
"""Without TLS, only the whole job is measured."""
LEFT_OUT_IN_A_HURRY = {(Wire.TLS, SEND, KEPT), (Wire.TLS, SEND, NEW)}

GOALS = {"1 KiB": 0.22, "10 MiB": 0.30}
"""The design's, for send + file on kept connections over TLS, as a part of what the standard library takes."""


@attrs.frozen(kw_only=True)
class Cell:
    """What is the same for everybody who is compared.

    Args:
        server: who takes it.
        size: of the letter.
        wire: how it is reached. Ours goes over TLS always.
        connections: "new" for each letter, or "kept".
        job: "send" or "send + file".
    """

    server: str
    size: str
    wire: str
    connections: str
    job: str


@attrs.frozen(kw_only=True)
class Cost:
    """What one takes for one letter.

    Args:
        cell: what was done.
        client: who.
        cpu: milliseconds of its process, the median.
        wall: milliseconds, the median.
        cpu_ratio: to the standard library's in this run.
        wall_ratio: the same for the wall.
    """

    cell: Cell
    client: str
    cpu: float
    wall: float
    cpu_ratio: float
    wall_ratio: float


def measure(*, quick: bool) -> Figures:
    """Measure everybody in every cell."""
    rounds = QUICK if quick else ROUNDS
    costs: list[Cost] = []
    with beside("tests.bench.null_server") as null:
        at = targets(null.told)
        for size, counts in rounds.items():
            for wire, job, connections in itertools.product((Wire.TLS, Wire.CLEAR), (SEND_AND_FILE, SEND), (KEPT, NEW)):
                if (wire, job, connections) in (LEFT_OUT | LEFT_OUT_IN_A_HURRY if quick else LEFT_OUT):
                    continue
                cell = Cell(server=NULL, size=size, wire=wire.value, connections=connections, job=job)
                costs += compare(cell, at, counts[connections], checked_by(null, cell))
    with dovecot_target() as (dovecot, target):
        done = 0
        for size, connections in itertools.product(WITH_DOVECOT, (KEPT, NEW)):
            if size in rounds:
                cell = Cell(server=DOVECOT, size=size, wire=Wire.TLS.value, connections=connections, job=SEND_AND_FILE)
                counted = Counted()
                costs += compare(cell, {Wire.TLS: target}, rounds[size][connections], counted)
                done += counted.letters
        assert len(dovecot.copies(ENGLISH.mailbox)) == done
    return Figures(
        rows=[attrs.asdict(cost) for cost in costs], tables=tables(costs), plots=plots(costs), goals=goals(costs)
    )


Doing = Callable[[int, str], contextlib.AbstractContextManager[None]]
"""Watches so many letters of one size being sent."""


def compare(cell: Cell, at: Mapping[Wire, Target], counts: tuple[int, int], watched: Doing) -> list[Cost]:
    """Measure everybody who can do what is in one cell, in turn."""
    rounds, letters = counts
    content, small = letter(cell.size), letter(SMALL)
    taken: dict[str, list[tuple[float, float]]] = {}
    with contextlib.ExitStack() as held:
        everybody = [held.enter_context(adapter) for adapter in able(cell, at)]
        for adapter in everybody:
            with watched(1, SMALL):
                # What is imported or read at first use is nobody's cost of a letter.
                if cell.connections == KEPT:
                    adapter.connect()
                    held.callback(adapter.disconnect)
                    adapter.warm(small, 1)
                else:
                    adapter.cold(small, 1)
        for _, adapter in itertools.product(range(rounds), everybody):
            work = adapter.warm if cell.connections == KEPT else adapter.cold
            with watched(letters, cell.size):
                taken.setdefault(adapter.name, []).append(timed(work, content, letters))
    medians = {
        name: tuple(statistics.median(values) * 1000 for values in zip(*times, strict=True))
        for name, times in taken.items()
    }
    base = medians[Stdlib.name]
    return [
        Cost(cell=cell, client=name, cpu=cpu, wall=wall, cpu_ratio=cpu / base[0], wall_ratio=wall / base[1])
        for name, (cpu, wall) in medians.items()
    ]


def able(cell: Cell, at: Mapping[Wire, Target]) -> Iterator[Adapter]:
    """Yield everybody who can do it."""
    for kind in ADAPTERS:
        wire = Wire.TLS if kind.is_ours else Wire(cell.wire)
        if wire in kind.wires and (kind.keeps or cell.connections == NEW):
            yield kind(at[wire], files=cell.job == SEND_AND_FILE)


def timed(work: Callable[[Letter, int], None], content: Letter, letters: int) -> tuple[float, float]:
    """Return the seconds of CPU and wall for each letter."""
    gc.collect()
    began, cpu_began = time.perf_counter(), time.process_time()
    work(content, letters)
    return (time.process_time() - cpu_began) / letters, (time.perf_counter() - began) / letters


def checked_by(null: Beside, cell: Cell) -> Doing:
    """Return what holds that the null server was given as many letters and copies as were said to be sent."""

    @contextlib.contextmanager
    def watched(letters: int, size: str) -> Iterator[None]:
        before = null.ask()
        yield
        rise = {name: count - before[name] for name, count in null.ask().items()}
        copies = letters if cell.job == SEND_AND_FILE else 0
        assert (rise["messages"], rise["copies"]) == (letters, copies), rise
        # In base64 it is a third more.
        least = SIZES[size] * 4 // 3
        assert rise["message_bytes"] >= letters * least, rise
        assert rise["copy_bytes"] >= copies * least, rise

    return watched


class Counted:
    """Counts letters, to be compared with a real mailbox in the end."""

    def __init__(self) -> None:
        self.letters = 0

    @contextlib.contextmanager
    def __call__(self, letters: int, size: str) -> Iterator[None]:
        yield
        self.letters += letters


@contextlib.contextmanager
def dovecot_target() -> Iterator[tuple[Dovecot, Target]]:
    """Start a real server."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with Dovecot(make_authority(Path(folder)), ENGLISH) as dovecot:
            yield (
                dovecot,
                Target(
                    smtp=dovecot.endpoint("submission", Security.TLS).port,
                    imap=dovecot.endpoint("imap", Security.TLS).port,
                    wire=Wire.TLS,
                    ca_file=str(dovecot.ca_file),
                    user=dovecot.address,
                    password=dovecot.password,
                ),
            )


def tables(costs: list[Cost]) -> tuple[Table, ...]:
    """Return a table of CPU and one of wall for each kind of work, the sizes side by side."""
    kinds: dict[str, list[Cost]] = {}
    for cost in costs:
        cell = cost.cell
        kinds.setdefault(f"{cell.job}, {cell.connections} connections, {cell.wire}, {cell.server}", []).append(cost)
    drawn = [by_size(f"CPU, ms (of stdlib): {kind}", members, on_cpu) for kind, members in kinds.items()]
    drawn += [
        by_size(f"wall, ms (of stdlib): {kind}", members, on_wall)
        for kind, members in kinds.items()
        if members[0].cell.job == SEND_AND_FILE
    ]
    return tuple(drawn)


def on_cpu(cost: Cost) -> str:
    """Return a cell about CPU."""
    return f"{cost.cpu:.3g} ({cost.cpu_ratio:.2f})"


def on_wall(cost: Cost) -> str:
    """Return a cell about wall."""
    return f"{cost.wall:.3g} ({cost.wall_ratio:.2f})"


def by_size(title: str, costs: list[Cost], shown: Callable[[Cost], str]) -> Table:
    """Return a table with a row for everybody and a column for each size."""
    sizes = list(dict.fromkeys(cost.cell.size for cost in costs))
    clients = list(dict.fromkeys(cost.client for cost in costs))
    cells = {(cost.client, cost.cell.size): shown(cost) for cost in costs}
    return Table(
        title=title,
        columns=("who", *sizes),
        rows=tuple((client, *(cells[client, size] for size in sizes)) for client in clients),
    )


def plots(costs: list[Cost]) -> tuple[Plot, ...]:
    """Return the CPU of everybody as parts of the standard library's, one plot for each kind of connection."""
    drawn: list[Plot] = []
    for connections in (KEPT, NEW):
        sizes = [size for size in SIZES if any(cost.cell.size == size for cost in costs)]
        found = {
            (cost.client, cost.cell.size): cost.cpu_ratio
            for cost in costs
            if (cost.cell.server, cost.cell.wire, cost.cell.connections, cost.cell.job)
            == (NULL, Wire.TLS.value, connections, SEND_AND_FILE)
        }
        names = list(dict.fromkeys(client for client, _ in found))
        drawn.append(
            Plot(
                name=f"cpu-{connections}",
                title=f"CPU for each letter, {SEND_AND_FILE}, {connections} connections, TLS",
                axis="CPU, smtplib + imaplib = 1",
                groups=tuple(sizes),
                bars={name: tuple(found.get((name, size)) for size in sizes) for name in names},
                goals=tuple(GOALS.get(size) if connections == KEPT else None for size in sizes),
            )
        )
    return tuple(drawn)


def goals(costs: list[Cost]) -> tuple[Goal, ...]:
    """Return those of the design."""
    ours = {kind.name for kind in ADAPTERS if kind.is_ours}
    return tuple(
        Goal(
            what=f"CPU of {cost.client}, warm {SEND_AND_FILE}, {cost.cell.size}",
            goal=GOALS[cost.cell.size],
            measured=cost.cpu_ratio,
            unit="of stdlib",
        )
        for cost in costs
        if cost.client in ours
        and cost.cell.size in GOALS
        and (cost.cell.server, cost.cell.wire, cost.cell.connections, cost.cell.job)
        == (NULL, Wire.TLS.value, KEPT, SEND_AND_FILE)
    )
