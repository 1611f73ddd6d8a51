"""Writes measured figures into the documentation: `python -m tests.bench.page DIR`.

DIR is where `python -m tests.bench --out DIR` has put them. What stands between `<!-- measured: PART -->` and
`<!-- end -->` in docs/explanation/performance.md is written anew, and the plots beside it are drawn anew. Everything
else on the page is people's.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .figures import Goal, Plot, Table, goals_table

PAGE = Path("docs", "explanation", "performance.md")
PICTURES = PAGE.with_suffix("")
MOST = 150 * 1024
"""Bytes of all pictures: they are kept with the sources."""

PLACE = re.compile(r"(<!-- measured: ([a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> int:
    """Write the page and its pictures."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.page", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="where the figures are")
    folder = parser.parse_args().folder
    parts = {file.stem: json.loads(file.read_text("utf-8")) for file in sorted(folder.glob("*.json"))}
    PAGE.write_text(filled(PAGE.read_text("utf-8"), parts), "utf-8")
    size = sum(file.stat().st_size for file in pictures(parts))
    print(f"{PAGE}: written; {size // 1024} KiB of pictures")
    return 0 if size <= MOST else 1


def filled(page: str, parts: dict[str, Any]) -> str:
    """Return the page with the figures in their places.

    Raises:
        KeyError: a part that the page wants was not measured.
    """
    written = {part: "\n\n".join(about(stored)) for part, stored in parts.items()}
    written["goals"] = goals_table([Goal(**goal) for part in parts.values() for goal in part["goals"]]).markdown()
    written["machine"] = machines(parts).markdown()
    return PLACE.sub(lambda place: f"{place[1]}\n{written[place[2]]}\n\n{place[3]}", page)


def about(stored: dict[str, Any]) -> Iterator[str]:
    """Yield the plots and tables of one part."""
    for plot in stored["plots"]:
        yield f"![{plot['title']}](performance/{plot['name']}.svg)"
    for table in stored["tables"]:
        yield f"**{table['title'][:1].upper()}{table['title'][1:]}**"
        yield Table(
            title=table["title"], columns=tuple(table["columns"]), rows=tuple(tuple(row) for row in table["rows"])
        ).markdown()


def machines(parts: dict[str, Any]) -> Table:
    """Return on what it was measured, and when each part was."""
    on: dict[str, str] = dict(next(iter(parts.values()))["machine"])
    del on["date"], on["load at the start"]
    on["measured"] = "; ".join(
        f"{part}: {stored['machine']['date']}, at a load of {stored['machine']['load at the start']}"
        for part, stored in parts.items()
    )
    return Table(title="machine", columns=("", "what"), rows=tuple(on.items()))


def pictures(parts: dict[str, Any]) -> Iterator[Path]:
    """Draw all plots anew, and yield their files."""
    from .plots import draw_all

    PICTURES.mkdir(exist_ok=True)
    for old in PICTURES.glob("*.svg"):
        old.unlink()
    for stored in parts.values():
        yield from draw_all(tuple(Plot(**plot) for plot in stored["plots"]), PICTURES, "svg")


if __name__ == "__main__":
    raise SystemExit(main())
