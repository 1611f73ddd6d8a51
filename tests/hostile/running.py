"""Runs attacks: opens the servers of each, has the child send to them, and brings both accounts together."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import attrs

from tests.mailer.raw_server import trusted_chain

from .attacks import Attack
from .orders import Order, Outcome
from .servers import PASSWORD, TOKEN, Scene, Truth, scene

_HANG = 90.0
"""Seconds after which a batch is given up: none takes a third of that."""

_ROOT = Path(__file__).parents[2]


@attrs.frozen(kw_only=True)
class Run:
    """One attack that was carried out, as the client tells it and as it was."""

    attack: Attack
    outcome: Outcome
    truth: Truth


@attrs.frozen(kw_only=True)
class Batch:
    """Attacks that were carried out in one go.

    Args:
        runs: each of them.
        threads: names of the threads that were left in the child.
        descriptors: how many were left open.
        logged: the secrets that could be read in the log, by the way in which they are spelled.
    """

    runs: tuple[Run, ...]
    threads: tuple[str, ...]
    descriptors: int
    logged: tuple[str, ...]


class Child:
    """The process that the client runs in.

    Args:
        folder: where the certificates are made.
    """

    def __init__(self, folder: Path) -> None:
        self._authority, self._chain = trusted_chain(folder)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.hostile.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
        )
        self._tell({"ca_file": str(self._authority), "password": PASSWORD, "token": TOKEN})
        for colour in ("sync", "aio"):
            with scene(None, self._chain) as honest:
                orders = [_order(None, honest, is_alone=is_alone) for is_alone in (True, False)]
                done = self._ask(colour, orders)
            assert [one["filing"] for one in done["outcomes"]] == ["appended"] * 2, done
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def run(self, colour: str, attacks: Sequence[Attack]) -> Batch:
        """Carry the attacks out, and return what came of them."""
        with ExitStack() as opened:
            scenes = [opened.enter_context(scene(attack, self._chain)) for attack in attacks]
            orders = [
                _order(attack, one, is_alone=attack.does.floods) for attack, one in zip(attacks, scenes, strict=True)
            ]
            done = self._ask(colour, orders)
        outcomes = {one["name"]: Outcome(**one) for one in done["outcomes"]}
        return Batch(
            runs=tuple(
                Run(attack=attack, outcome=outcomes[attack.name], truth=one.truth)
                for attack, one in zip(attacks, scenes, strict=True)
            ),
            threads=tuple(done["threads"]),
            descriptors=done["descriptors"],
            logged=tuple(done["logged"]),
        )

    def _tell(self, what: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def _ask(self, colour: str, orders: Sequence[Order]) -> dict[str, Any]:
        assert self._process.stdout is not None
        self._tell({"colour": colour, "orders": [attrs.asdict(order) for order in orders]})
        ready, _, _ = select.select([self._process.stdout], [], [], _HANG)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            self._process.kill()
            names = ", ".join(order.name for order in orders)
            raise RuntimeError(f"the client {'died' if ready else 'hangs'} in {colour} with one of: {names}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def _order(attack: Attack | None, servers: Scene, *, is_alone: bool) -> Order:
    at = None if attack is None else attack.at
    return Order(
        name="warm-up" if attack is None else attack.name,
        smtp=servers.smtp,
        imap=servers.imap,
        security="starttls" if at is not None and at.in_clear else "tls",
        mechanism="PLAIN" if at is None else at.mechanism,
        searches=at is not None and at.searches,
        deadline=60.0 if attack is None else attack.deadline,
        size=100 if attack is None else attack.size,
        gate=servers.gate,
        asks_first=at is not None and at.asks_first,
        is_alone=is_alone,
    )
