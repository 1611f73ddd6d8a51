"""The benchmarks run, everybody in them does the whole job, and their figures find their places on the page.

No time is asserted.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .bench.adapters.everybody import ADAPTERS
from .bench.job import Wire
from .bench.page import PAGE, filled

EVERYBODY = {kind.name for kind in ADAPTERS}


def told_by_cpu(rows: list[dict[str, Any]]) -> None:
    """New connections are measured with everybody; kept ones with everybody who keeps any."""
    for connections in ("new", "kept"):
        able = {kind.name for kind in ADAPTERS if kind.keeps or connections == "new"}
        for wire in ("TLS", "plaintext"):
            found = [row for row in rows if (row["cell"]["connections"], row["cell"]["wire"]) == (connections, wire)]
            assert {row["client"] for row in found} == able
            assert all(row["cpu"] > 0 and row["wall"] > 0 and row["cpu_ratio"] > 0 for row in found)
    assert {row["cell"]["server"] for row in rows} == {"null server", "Dovecot"}


def told_by_trips(rows: list[dict[str, Any]]) -> None:
    """Everybody goes over the long line, and over the one without delay."""
    assert {row["client"] for row in rows} == {kind.name for kind in ADAPTERS if Wire.TLS in kind.wires}
    for row in rows:
        assert row["seconds"].keys() == {"0", "20"}
        assert row["trips"].keys() == {"20"}


def told_by_finding(rows: list[dict[str, Any]]) -> None:
    """Discovery is counted in simulated round trips, so its figures are always the same."""
    searches = [row for row in rows if "world" in row]
    assert len(searches) == 12
    for search in searches:
        # Of those that are alone, one waits for a web server that is asked twice: 6 round trips rather than 5.2.
        assert search["ours"] <= 7.0
    assert len(rows) == 14


def told_by_accounts(rows: list[dict[str, Any]]) -> None:
    """Both sent for as many accounts."""
    assert {(row["client"], row["count"]) for row in rows} == {("tether_mailconf.aio", 20), ("aiosmtplib", 20)}
    assert all(row["cpu"] > 0 and row["wall"] > 0 and row["memory"] >= 0 for row in rows)


def told_by_idle(rows: list[dict[str, Any]]) -> None:
    """Ours, the peer's, and asyncio's own."""
    assert [row["client"] for row in rows] == ["tether_mailconf.aio", "aiosmtplib", "asyncio streams"]
    assert {row["count"] for row in rows} == {20}


def told_by_imports(rows: list[dict[str, Any]]) -> None:
    """Ours brings none of the heavy modules; the look for them does find those that others bring."""
    found = {row["statement"]: row for row in rows}
    assert found["import tether_mailconf"]["heavy"] == []
    assert found["import aiosmtplib"]["heavy"] == ["asyncio", "ssl", "email"]
    assert all(row["cpu"] > 0 and row["modules"] > 0 for row in rows)


def told_by_soak(rows: list[dict[str, Any]]) -> None:
    """One Mailer of each colour kept its two lanes to the end, with a descriptor for each connection at least."""
    for client in ("tether_mailconf", "tether_mailconf.aio"):
        looks = [row for row in rows if row["client"] == client]
        assert [looks[0]["letters"], looks[-1]["letters"]] == [2, 40]
        assert all(look["memory"] > 0 and look["threads"] > 0 for look in looks)
        assert {look["connections"] for look in looks} == {4}
        assert {look["descriptors"] for look in looks} == {looks[0]["descriptors"]}
        assert {look["tasks"] for look in looks} == {int(client.endswith("aio"))}


TOLD: dict[str, Callable[[list[dict[str, Any]]], None]] = {
    "cpu": told_by_cpu,
    "trips": told_by_trips,
    "accounts": told_by_accounts,
    "idle": told_by_idle,
    "imports": told_by_imports,
    "finding": told_by_finding,
    "soak": told_by_soak,
}


def test_every_part_runs_and_its_figures_are_there(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.bench", "--quick", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    parts = {file.stem: json.loads(file.read_text("utf-8")) for file in tmp_path.glob("*.json")}
    assert parts.keys() == TOLD.keys()
    page = filled(PAGE.read_text("utf-8"), parts)
    for part, told in TOLD.items():
        stored = parts[part]
        assert stored["machine"]["Python"]
        told(stored["rows"])
        for table in stored["tables"]:
            assert table["rows"]
            assert table["title"] in done.stdout
            assert " | ".join(table["rows"][0]) in page
        for plot in stored["plots"]:
            assert (tmp_path / f"{plot['name']}.png").read_bytes().startswith(b"\x89PNG")
