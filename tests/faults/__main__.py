"""The long form: `python -m tests.faults [--messages 10000] [--seed N] [scenario ...]` prints a table."""

from __future__ import annotations

import argparse
import secrets
import sys
import time

from tests.faults.oracle import Verdict
from tests.faults.plays import brief_looks
from tests.faults.scenarios import SCENARIOS

COLUMNS = ("messages", "sent", "unknown", "unknown_accepted", "not_sent", "copies")
WIDTH = 24


def main() -> int:
    """Run the scenarios asked for."""
    known = {scenario.name: scenario for scenario in SCENARIOS}
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000, help="in all, shared out among the scenarios asked for")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="what all random numbers come from")
    parser.add_argument("scenario", nargs="*", choices=[[], *known], help="all, if none is named")
    options = parser.parse_args()
    chosen = [known[name] for name in options.scenario] or list(SCENARIOS)
    shares = sum(scenario.share for scenario in chosen)
    print(f"seed {options.seed}")
    print("".join(name.replace("_", " ").rjust(18) for name in COLUMNS).rjust(WIDTH + 18 * len(COLUMNS)))
    failed = False
    for scenario in chosen:
        started = time.monotonic()
        with brief_looks():
            verdict = scenario.run(-(-options.messages * scenario.share // shares), options.seed)
        show(scenario.name, verdict, time.monotonic() - started)
        missing = [strike for strike in scenario.strikes if not verdict.struck.get(strike)]
        failed |= bool(verdict.faults or missing)
    return int(failed)


def show(name: str, verdict: Verdict, seconds: float) -> None:
    """Print a line for a scenario, and what struck it, and each fault."""
    print(name.ljust(WIDTH) + "".join(str(getattr(verdict, column)).rjust(18) for column in COLUMNS), flush=True)
    print(f"    {seconds:.0f} s; " + ", ".join(f"{what} {count}" for what, count in sorted(verdict.struck.items())))
    for kind, names in verdict.faults.items():
        print(f"    FAULT: {kind}: {len(names)}: {', '.join(names[:10])}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
