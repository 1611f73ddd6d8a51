"""Attacks alone, to look at: `python -m tests.hostile smtp-greeting-silence imap-list-* --colour aio`."""

from __future__ import annotations

import argparse
import fnmatch
import itertools
import tempfile
from pathlib import Path

from .attacks import ATTACKS
from .running import Child
from .verdict import complaints, left


def main() -> int:
    """Carry out those attacks whose names match, and print what came of each; 1 if anything is wrong."""
    arguments = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    arguments.add_argument("patterns", nargs="*", default=["*"])
    arguments.add_argument("--colour", choices=("sync", "aio"), action="append")
    arguments.add_argument("--quiet", action="store_true", help="print only what is wrong")
    given = arguments.parse_args()
    chosen = [
        attack for name, attack in ATTACKS.items() if any(fnmatch.fnmatch(name, pattern) for pattern in given.patterns)
    ]
    wrong, runs = 0, 0
    most, latest = 0, 0.0
    colours = given.colour or ("sync", "aio")
    steps = sorted({(attack.protocol, attack.step) for attack in chosen})
    with tempfile.TemporaryDirectory() as folder, Child(Path(folder)) as child:
        for colour, step in itertools.product(colours, steps):
            met = [one for one in chosen if (one.protocol, one.step) == step and colour in one.colours]
            batch = child.run(colour, met)
            for run in batch.runs:
                found, outcome = complaints(run), run.outcome
                runs += 1
                wrong += bool(found)
                most = max(most, outcome.growth or 0)
                latest = max(latest, outcome.seconds - run.attack.deadline)
                if found or not given.quiet:
                    grown = "" if outcome.growth is None else f" {outcome.growth / 2**20:.1f} MiB"
                    kind = outcome.kinds[0] if outcome.kinds else f"{outcome.delivery} {outcome.filing}"
                    print(f"{outcome.name}-{colour}: {kind} at {outcome.step or '-'}: {outcome.shown[:120]}")
                    print(f"    {outcome.seconds:.2f} s{grown}", *found, sep="\n    ")
            for text in left(batch):
                wrong += 1
                print(f"{colour}: {text}")
    print(
        f"{runs} runs, {wrong} wrong; grown by {most / 2**20:.1f} MiB at most; {latest:+.2f} s past a deadline at most"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
