"""What importing costs: time over attrs, which ours stands on, and which heavy modules it brings.

Measured in a new process for each, in turn; the medians of CPU are kept.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import Any

import attrs

from .figures import Figures, Goal, Plot, Table, number

HEAVY = ("requests", "dns", "google", "asyncio", "ssl", "email")
"""What must not be there before it is used."""

ROUNDS = 9
OURS = "import tether_mailconf"
STATEMENTS = (
    OURS,
    "from tether_mailconf import Mailer",
    "from tether_mailconf.aio import Mailer",
    "import smtplib",
    "import smtplib, imaplib",
    "import imapclient",
    "import aiosmtplib",
    "import aioimaplib",
    "import imap_tools",
    "import yagmail",
    "import redmail",
)

CHILD = """
import sys, time
import attr, attrs
before = set(sys.modules)
began, cpu_began = time.perf_counter(), time.process_time()
{statement}
cpu, wall = time.process_time() - cpu_began, time.perf_counter() - began
new = sorted(set(sys.modules) - before)
import json
print(json.dumps({{"cpu": cpu * 1000, "wall": wall * 1000, "modules": new}}))
"""


@attrs.frozen(kw_only=True)
class Import:
    """What one statement costs in a new process that has imported attrs.

    Args:
        statement: what is imported.
        cpu: milliseconds, the median.
        wall: milliseconds, the median.
        modules: how many modules it brings.
        heavy: which of the HEAVY are among them.
    """

    statement: str
    cpu: float
    wall: float
    modules: int
    heavy: tuple[str, ...]


def measure(*, quick: bool) -> Figures:
    """Measure each statement, in turn."""
    taken: dict[str, list[dict[str, Any]]] = {statement: [] for statement in STATEMENTS}
    for _ in range(1 if quick else ROUNDS):
        for statement, runs in taken.items():
            runs.append(once(statement))
    found = [
        Import(
            statement=statement,
            cpu=statistics.median(run["cpu"] for run in runs),
            wall=statistics.median(run["wall"] for run in runs),
            modules=len(runs[0]["modules"]),
            heavy=tuple(name for name in HEAVY if name in runs[0]["modules"]),
        )
        for statement, runs in taken.items()
    ]
    ours = found[0]
    return Figures(
        rows=[attrs.asdict(row) for row in found],
        tables=(
            Table(
                title="imports, over attrs",
                columns=("statement", "CPU, ms", "wall, ms", "modules", "heavy ones among them"),
                rows=tuple(
                    (
                        row.statement,
                        number(row.cpu, 1),
                        number(row.wall, 1),
                        str(row.modules),
                        " ".join(row.heavy) or "-",
                    )
                    for row in found
                ),
            ),
        ),
        plots=(
            Plot(
                name="imports",
                title="CPU of an import, over attrs",
                axis="ms",
                groups=("",),
                bars={row.statement: (row.cpu,) for row in found},
                goals=(5,),
            ),
        ),
        goals=(
            Goal(what=f"{OURS}, over attrs", goal=5, measured=ours.cpu, unit="ms of CPU"),
            Goal(what=f"{OURS}: of {', '.join(HEAVY)}", goal=0, measured=len(ours.heavy), unit="modules"),
        ),
    )


def once(statement: str) -> dict[str, Any]:
    """Return what one new process says."""
    command = [sys.executable, "-c", CHILD.format(statement=statement)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told
