"""Measure, print tables, and write JSON and plots: `python -m tests.bench [--quick] [--out DIR] [part ...]`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import attrs

from . import accounts, cpu, finding, idle, imports, machine, soak, trips
from .figures import Figures, Goal, goals_table
from .plots import draw_all

PARTS: dict[str, Callable[..., Figures]] = {
    "cpu": cpu.measure,
    "trips": trips.measure,
    "accounts": accounts.measure,
    "idle": idle.measure,
    "imports": imports.measure,
    "finding": finding.measure,
    "soak": soak.measure,
}


def main() -> int:
    """Measure and tell."""
    options = asked()
    options.out.mkdir(parents=True, exist_ok=True)
    reached: list[Goal] = []
    for part in options.parts or PARTS:
        on = machine.described()
        figures = PARTS[part](quick=options.quick)
        for table in figures.tables:
            print(f"{table.plain()}\n", flush=True)
        keep(options.out / f"{part}.json", on, figures)
        for file in draw_all(figures.plots, options.out, "png"):
            print(f"drawn: {file}")
        reached += figures.goals
    print(f"\n{goals_table(reached).plain()}")
    return 0


def asked() -> argparse.Namespace:
    """Return what is wanted."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see whether it runs; the figures mean nothing")
    parser.add_argument("--out", type=Path, default=Path(".bench"), metavar="DIR", help="where to (default: .bench)")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"{', '.join(PARTS)}; none: all")
    options = parser.parse_args()
    for part in options.parts:
        if part not in PARTS:
            parser.error(f"there is no part {part!r}")
    return options


def keep(file: Path, on: dict[str, str], figures: Figures) -> None:
    """Write figures as JSON, complete enough to be drawn again."""
    whole = {"machine": on} | attrs.asdict(figures)
    file.write_text(json.dumps(whole, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
