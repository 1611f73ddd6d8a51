"""Run everything, print tables, and write them as JSON if asked: `python -m tests.bench [--quick] [--json FILE]`."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import attrs

from . import cpu, finding, flights
from .server import sandbox_beside

FULL = {"1 KiB": (15, 40), "100 KiB": (9, 10), "10 MiB": (3, 1)}
QUICK = {"1 KiB": (1, 2)}


def main() -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--quick", action="store_true", help="only see whether it runs")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    with sandbox_beside() as address:
        counted = [*flights.ours(), flights.stdlib(address)]
        costs = cpu.warm(address, QUICK if options.quick else FULL)
    with tempfile.TemporaryDirectory() as folder:
        look_ups = finding.look_ups(Path(folder))
    searches = finding.searches()
    print(f"{'round trips':<42} {'new':>6} {'goal':>6} {'warm':>6} {'goal':>6}")
    for row in counted:
        new, warm = ("", "") if row.goal is None else row.goal
        print(f"{row.job:<42} {row.cold:>6} {new:>6} {row.warm:>6} {warm:>6}")
    print(f"\n{'CPU, warm send + file':<22} {'size':>8} {'ms':>9} {'ratio':>7} {'goal':>6}")
    for cost in costs:
        goal = cpu.GOALS.get(cost.size, "") if cost.client.startswith("tether") else ""
        print(f"{cost.client:<22} {cost.size:>8} {cost.milliseconds:>9.3f} {cost.ratio:>7.2f} {goal:>6}")
    print(f"\n{'round trips until settings are found':<42} {'ours':>6} {'goal':>6} {'in turn':>8}")
    for search in searches:
        print(f"{search.world:<42} {search.ours:>6} {search.goal:>6} {search.in_turn:>8}")
    print(f"\n{'a domain among 10,000':<42} {'opening':>12} {'hit':>8}")
    for look_up in look_ups:
        print(f"{look_up.way:<42} {look_up.opening:>9.0f} us {look_up.hit:>5.1f} us")
    if options.json is not None:
        figures = {
            "flights": [attrs.asdict(row) for row in counted],
            "cpu": [attrs.asdict(cost) for cost in costs],
            "searches": [attrs.asdict(search) for search in searches],
            "look_ups": [attrs.asdict(look_up) for look_up in look_ups],
        }
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
