"""The long form: `python -m tests.faults [--messages 10000] [--seed N] [scenario ...]` prints a table."""

from __future__ import annotations

import argparse
import collections
import os
import secrets
import sys
import time

from tests.faults import oracle
from tests.faults.oracle import Verdict
from tests.faults.plays import brief_looks
from tests.faults.scenarios import SCENARIOS, Scenario

FAULTS = {
    "doubled": (oracle.DOUBLED,),
    "lost": (oracle.LOST, oracle.DENIED, oracle.FORGOTTEN),
    "not 1 copy": (oracle.COPIES, oracle.STRAY, oracle.FOUND),
    "mixed": (oracle.MIXED, oracle.MISFILED),
}
"""The columns of what must not be."""
COLUMNS = ("messages", "SENT", "UNKNOWN", "(accepted)", "NOT_SENT", "copies", *FAULTS)
NAME, CELL = 24, 11


def main() -> int:
    """Run the scenarios asked for; return the exit status."""
    known = {scenario.name: scenario for scenario in SCENARIOS}
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000, help="in all, shared out among the scenarios asked for")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="what all random numbers come from")
    parser.add_argument("scenario", nargs="*", choices=[[], *known], help="all, if none is named")
    options = parser.parse_args()
    # As in the tests: loading the machine's authorities for each server takes two thirds of the processor's time.
    os.environ["SSL_CERT_FILE"] = os.devnull
    chosen = [known[name] for name in options.scenario] or list(SCENARIOS)
    shares = sum(scenario.share for scenario in chosen)
    print(f"seed {options.seed}")
    print("".ljust(NAME) + "".join(column.rjust(CELL) for column in COLUMNS))
    total: collections.Counter[str] = collections.Counter()
    failed = False
    for scenario in chosen:
        verdict = run(scenario, -(-options.messages * scenario.share // shares), options.seed)
        total.update(cells(verdict))
        failed |= bool(verdict.faults) or not all(verdict.struck.get(what) for what in scenario.strikes)
    print_row("in all", total)
    return int(failed)


def run(scenario: Scenario, count: int, seed: str) -> Verdict:
    """Run a scenario, and print how it went: a row, what struck, and each fault."""
    started = time.monotonic()
    with brief_looks():
        verdict = scenario.run(count, seed)
    print_row(scenario.name, cells(verdict))
    struck = ", ".join(f"{what} {times}" for what, times in sorted(verdict.struck.items()) if times)
    print(f"    {time.monotonic() - started:.0f} s; {struck}")
    for kind, names in verdict.faults.items():
        print(f"    FAULT: {kind}: {len(names)}: {', '.join(names[:10])}", flush=True)
    return verdict


def cells(verdict: Verdict) -> dict[str, int]:
    """Return a row of the table."""
    counts = (
        verdict.messages,
        verdict.sent,
        verdict.unknown,
        verdict.unknown_accepted,
        verdict.not_sent,
        verdict.copies,
        *(sum(len(verdict.faults.get(kind, ())) for kind in kinds) for kinds in FAULTS.values()),
    )
    return dict(zip(COLUMNS, counts, strict=True))


def print_row(name: str, row: collections.Counter[str] | dict[str, int]) -> None:
    """Print a row of the table."""
    print(name.ljust(NAME) + "".join(str(row[column]).rjust(CELL) for column in COLUMNS), flush=True)


if __name__ == "__main__":
    sys.exit(main())
