"""Finding settings: the catalogue beside a parsed file of the same size, and discovery beside asking one after another.

Discovery is counted in simulated round trips, so no clock is read there.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from tests.discovery.asked import ADDRESS, ALONE, BLACK_HOLES, found_in
from tests.discovery.world import ROUND_TRIP, Internet
from tether_mailconf import Discovery, Source
from tether_mailconf.presets import tables

from .figures import Figures, Goal, Plot, Table, number

SIZE = 10_000

# The order in which a client asks that asks one after the other: chatmail/core, src/configure.rs (2026-11).
ONE_BY_ONE = (Source.AUTOCONFIG, Source.AUTODISCOVER, Source.SRV, Source.MX, Source.DATABASE, Source.GUESS)


@attrs.frozen(kw_only=True)
class LookUp:
    """What looking up a domain among 10,000 costs.

    Args:
        way: how it is stored.
        opening: microseconds until the first answer.
        hit: microseconds for a further one.
    """

    way: str
    opening: float
    hit: float


@attrs.frozen(kw_only=True)
class Search:
    """Round trips until settings are found.

    Args:
        world: who answers.
        ours: all at once.
        in_turn: one after the other.
        goal: the most that the design allows.
    """

    world: str
    ours: float
    in_turn: float
    goal: float


def measure(*, quick: bool) -> Figures:
    """Measure both. Neither takes long."""
    with tempfile.TemporaryDirectory() as folder:
        looked_up = look_ups(Path(folder))
    searched = searches()
    return Figures(
        rows=[*map(attrs.asdict, looked_up), *map(attrs.asdict, searched)],
        tables=(look_up_table(looked_up), search_table(searched)),
        plots=(search_plot(searched),),
        goals=goals(looked_up, searched),
    )


def look_ups(folder: Path) -> list[LookUp]:
    """Measure the table, and the same domains as TOML in a dict."""
    names = sorted(f"domain{index:05}.example" for index in range(SIZE))
    (folder / "domains.txt").write_bytes(b"# synthetic\n" + b"".join(f"{name} some_id\n".encode() for name in names))
    (folder / "domains.toml").write_text("".join(f'"{name}" = "some_id"\n' for name in names))

    def ours() -> Callable[[str], str | None]:
        return tables.Table((folder / "domains.txt").read_bytes()).find

    def parsed() -> Callable[[str], str | None]:
        known: Mapping[str, str] = tomllib.loads((folder / "domains.toml").read_text())
        return known.get

    return [_look_up("ours: sorted lines", ours, names, 20), _look_up("TOML, parsed into a dict", parsed, names, 3)]


def _look_up(way: str, opener: Callable[[], Callable[[str], str | None]], names: list[str], rounds: int) -> LookUp:
    opening: list[float] = []
    for _ in range(rounds):
        started = time.process_time_ns()
        assert opener()(names[1234]) == "some_id"
        opening.append((time.process_time_ns() - started) / 1000)
    find = opener()
    started = time.process_time_ns()
    for name in names:
        find(name)
    return LookUp(way=way, opening=statistics.median(opening), hit=(time.process_time_ns() - started) / 1000 / SIZE)


def searches() -> list[Search]:
    """Count round trips for each source alone, and with everybody else a black hole."""
    found: list[Search] = []
    for name, (internet, alive, _, _) in ALONE.items():
        holes = {hole: seconds for hole, seconds in BLACK_HOLES.items() if hole not in alive}
        found.append(_search(name, internet, 5.2))
        found.append(_search(f"{name}, dead hosts", attrs.evolve(internet, delays=holes), 7.0))
    return found


def _search(world: str, internet: Internet, goal: float) -> Search:
    def round_trips(discovery: Discovery) -> float:
        return round(discovery.seconds / ROUND_TRIP, 1)

    in_turn = 0.0
    for source in ONE_BY_ONE:
        sources = [source, *([Source.MAIL_FILTER, Source.MX_AUTOCONFIG] if source is Source.MX else [])]
        discovery, _ = found_in(internet, ADDRESS, sources=sources)
        in_turn += round_trips(discovery)
        if discovery.best is not None:
            break
    return Search(world=world, ours=round_trips(found_in(internet)[0]), in_turn=round(in_turn, 1), goal=goal)


def look_up_table(found: list[LookUp]) -> Table:
    """Return the look-ups as a table."""
    return Table(
        title=f"a domain among {SIZE:,}",
        columns=("how it is stored", "opening, us", "a further hit, us"),
        rows=tuple((row.way, number(row.opening, 0), number(row.hit, 1)) for row in found),
    )


def search_table(found: list[Search]) -> Table:
    """Return the searches as a table."""
    return Table(
        title="round trips until settings are found",
        columns=("who answers", "all at once (ours)", "one after the other", "goal"),
        rows=tuple((row.world, number(row.ours, 1), number(row.in_turn, 1), number(row.goal, 1)) for row in found),
    )


def search_plot(found: list[Search]) -> Plot:
    """Return the searches as a plot."""
    return Plot(
        name="finding",
        title="Round trips until settings are found, by who answers",
        axis="round trips",
        groups=tuple(row.world for row in found),
        bars={
            "tether_mailconf: all at once": tuple(row.ours for row in found),
            "one after the other": tuple(row.in_turn for row in found),
        },
        is_logarithmic=True,
    )


def goals(looked_up: list[LookUp], searched: list[Search]) -> tuple[Goal, ...]:
    """Return those of the design."""
    ours = looked_up[0]
    alone = max(row.ours for row in searched if "dead" not in row.world)
    dead = max(row.ours for row in searched if "dead" in row.world)
    return (
        Goal(what="catalogue, opened lazily", goal=500, measured=ours.opening, unit="us"),
        Goal(what="catalogue, a hit", goal=15, measured=ours.hit, unit="us"),
        Goal(what="discovery, one source answers, the slowest", goal=5.2, measured=alone, unit="round trips"),
        Goal(what="the same with dead hosts", goal=7, measured=dead, unit="round trips"),
    )
