"""Finding settings: the catalogue beside a parsed file of the same size, and discovery beside asking one after another.

Discovery is counted in simulated round trips, so no clock is read there.
"""

from __future__ import annotations

import statistics
import time
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from tests.discovery.asked import ADDRESS, ALONE, BLACK_HOLES, found_in
from tests.discovery.world import ROUND_TRIP, Internet
from tether_mailconf import Discovery, Source
from tether_mailconf.presets.tables import Table

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


def look_ups(folder: Path) -> list[LookUp]:
    """Measure the table, and the same domains as TOML in a dict."""
    names = sorted(f"domain{index:05}.example" for index in range(SIZE))
    (folder / "domains.txt").write_bytes(b"# synthetic\n" + b"".join(f"{name} some_id\n".encode() for name in names))
    (folder / "domains.toml").write_text("".join(f'"{name}" = "some_id"\n' for name in names))

    def ours() -> Callable[[str], str | None]:
        return Table((folder / "domains.txt").read_bytes()).find

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
