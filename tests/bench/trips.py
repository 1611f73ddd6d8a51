"""Round trips, measured: the same job over a line of 0, 20 and 100 ms; what it takes longer is the round trips.

A line is a relay in a process of its own. A new connection counts the round trip of TCP's handshake, and whatever
the client waits for when it says goodbye. Other work on the machine only ever adds to what is waited for, and a round
trip takes what it takes, so of several turns the shortest is kept.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator

import attrs

from .adapters.adapter import Adapter
from .adapters.everybody import ADAPTERS
from .beside import beside
from .cpu import KEPT, NEW, SEND, SEND_AND_FILE
from .figures import Figures, Goal, Plot, Table, number
from .job import Letter, Target, Wire, letter, targets

MILLISECONDS = (0, 20, 100)
LETTERS = {0: 8, 20: 4, 100: 3}
"""How many letters in a turn, by delay."""
TURNS = 2
JOBS = ((Wire.TLS, SEND_AND_FILE), (Wire.STARTTLS, SEND_AND_FILE), (Wire.TLS, SEND))

GOALS = {
    (Wire.TLS, SEND_AND_FILE, NEW): 7.2,
    (Wire.STARTTLS, SEND_AND_FILE, NEW): 9.2,
    (Wire.TLS, SEND_AND_FILE, KEPT): 2.1,
    (Wire.STARTTLS, SEND_AND_FILE, KEPT): 2.1,
    (Wire.TLS, SEND, KEPT): 1.1,
}


@attrs.frozen(kw_only=True)
class Trips:
    """What one takes for a letter of 1 KiB over a long line.

    Args:
        client: who.
        wire: how the servers are reached.
        job: "send" or "send + file".
        connections: "new" or "kept".
        seconds: of wall, the least, by milliseconds of the round trip.
        trips: round trips, by milliseconds of the round trip: the wall less that without delay, divided by it.
    """

    client: str
    wire: str
    job: str
    connections: str
    seconds: dict[str, float]
    trips: dict[str, float]


def measure(*, quick: bool) -> Figures:
    """Measure everybody on every line."""
    delays = MILLISECONDS[:2] if quick else MILLISECONDS
    jobs = JOBS[:1] if quick else JOBS
    found: list[Trips] = []
    with lines(delays) as at:
        for wire, job in jobs:
            kinds = [kind for kind in ADAPTERS if wire in kind.wires]
            least: dict[tuple[str, str], dict[int, float]] = {}
            for _, delay, kind in itertools.product(range(1 if quick else TURNS), delays, kinds):
                for connections, taken in turn(kind, at[delay][wire], job, 1 if quick else LETTERS[delay]).items():
                    known = least.setdefault((kind.name, connections), {})
                    known[delay] = min(taken, known.get(delay, taken))
            found += [counted(name, wire, job, connections, known) for (name, connections), known in least.items()]
    return Figures(
        rows=[attrs.asdict(row) for row in found], tables=tables(found), plots=plots(found), goals=goals(found)
    )


@contextlib.contextmanager
def lines(delays: tuple[int, ...]) -> Iterator[dict[int, dict[Wire, Target]]]:
    """Start the null server, and a relay to it for each delay; the one without delay is a relay too."""
    names = ("smtp_tls", "imap_tls", "smtp_clear", "imap_clear")
    with contextlib.ExitStack() as held:
        null = held.enter_context(beside("tests.bench.null_server"))
        ports = [str(null.told[name]) for name in names]
        relays = {delay: held.enter_context(beside("tests.bench.relay", str(delay), *ports)) for delay in delays}
        yield {
            delay: targets(null.told | dict(zip(names, relay.told["ports"], strict=True)))
            for delay, relay in relays.items()
        }


def turn(kind: type[Adapter], target: Target, job: str, letters: int) -> dict[str, float]:
    """Return the least seconds that a letter took, on new connections and, by who keeps any, on kept ones."""
    content = letter("1 KiB")
    with kind(target, files=job == SEND_AND_FILE) as adapter:
        taken = {NEW: min(seconds(adapter.cold, content) for _ in range(letters))}
        if kind.keeps:
            adapter.connect()
            adapter.warm(content, 1)
            taken[KEPT] = min(seconds(adapter.warm, content) for _ in range(letters))
            adapter.disconnect()
    return taken


def seconds(work: Callable[[Letter, int], None], content: Letter) -> float:
    """Return the seconds that one letter takes."""
    began = time.perf_counter()
    work(content, 1)
    return time.perf_counter() - began


def counted(client: str, wire: Wire, job: str, connections: str, least: dict[int, float]) -> Trips:
    """Return what is counted from the seconds by delay."""
    return Trips(
        client=client,
        wire=wire.value,
        job=job,
        connections=connections,
        seconds={str(delay): value for delay, value in least.items()},
        trips={str(delay): (value - least[0]) / (delay / 1000) for delay, value in least.items() if delay},
    )


def tables(found: list[Trips]) -> tuple[Table, ...]:
    """Return a table for each job."""
    drawn: list[Table] = []
    for wire, job in dict.fromkeys((row.wire, row.job) for row in found):
        rows = [row for row in found if (row.wire, row.job) == (wire, job)]
        delays = list(rows[0].trips)
        columns = [(connections, delay) for connections in (NEW, KEPT) for delay in delays]
        cells = {(row.client, row.connections, delay): trips for row in rows for delay, trips in row.trips.items()}
        drawn.append(
            Table(
                title=f"round trips, {job}, {wire}",
                columns=("who", *(f"{connections}, {delay} ms" for connections, delay in columns)),
                rows=tuple(
                    (client, *(number(cells.get((client, *column))) for column in columns))
                    for client in dict.fromkeys(row.client for row in rows)
                ),
            )
        )
    return tuple(drawn)


def plots(found: list[Trips]) -> tuple[Plot, ...]:
    """Return the whole job as one plot, at the longest delay."""
    whole = [row for row in found if row.job == SEND_AND_FILE]
    groups = list(dict.fromkeys((row.wire, row.connections) for row in whole))
    cells = {(row.client, row.wire, row.connections): list(row.trips.values())[-1] for row in whole}
    return (
        Plot(
            name="trips",
            title=f"Round trips, {SEND_AND_FILE}",
            axis="round trips",
            groups=tuple(f"{wire}, {connections} connections" for wire, connections in groups),
            bars={
                client: tuple(cells.get((client, *group)) for group in groups)
                for client in dict.fromkeys(row.client for row in whole)
            },
            goals=tuple(GOALS.get((Wire(wire), SEND_AND_FILE, connections)) for wire, connections in groups),
        ),
    )


def goals(found: list[Trips]) -> tuple[Goal, ...]:
    """Return those of the design, at the longest delay."""
    ours = {kind.name for kind in ADAPTERS if kind.is_ours}
    return tuple(
        Goal(
            what=f"{row.client}, {row.job}, {row.connections} connections, {row.wire}",
            goal=goal,
            measured=list(row.trips.values())[-1],
            unit="round trips",
        )
        for row in found
        if row.client in ours and (goal := GOALS.get((Wire(row.wire), row.job, row.connections))) is not None
    )
