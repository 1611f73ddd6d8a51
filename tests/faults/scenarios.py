"""Every scenario: what the tenants send through, in which colour, and what strikes meanwhile.

`SCENARIOS` is the list. Each is run with so many messages and a seed, and gives a verdict.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path

import attrs

from tests.faults.host import Colour
from tests.faults.oracle import Verdict
from tests.faults.plays import Run, Trouble, bad_times, cancelled_sends, full_disk, killed, strikes, under_load
from tests.faults.real_world import RealWorld, SmallRealWorld, TinyDiskRealWorld
from tests.faults.world import FilingSandboxWorld, SandboxWorld, World


@attrs.frozen(kw_only=True)
class Scenario:
    """One way in which everything fails.

    Args:
        name: of the scenario.
        play: runs it.
        short: how many messages the short form has; 0: it has none, since root in a container may not be allowed to.
        share: how many of a thousand messages of the long form it has.
        strikes: what must have happened at least once, for the run to show anything.
        most: how many messages a round has at most; more are sent in several, each with servers of its own.
    """

    name: str
    play: Callable[[Run], Verdict]
    short: int
    share: int
    strikes: tuple[str, ...]
    most: int = 500

    def run(self, count: int, seed: str) -> Verdict:
        """Run it with so many messages."""
        verdict = Verdict()
        for number, first in enumerate(range(0, count, self.most)):
            with tempfile.TemporaryDirectory(prefix="faults-") as folder:
                few = min(self.most, count - first)
                verdict += self.play(Run(count=few, seed=f"{seed} {self.name} {number}", folder=Path(folder)))
        return verdict


def loaded(kind: type[World], colour: Colour, trouble: Trouble, width: int) -> Callable[[Run], Verdict]:
    """Return a run of `under_load`."""
    return functools.partial(under_load, kind=kind, colour=colour, trouble=trouble, width=width)


SYNC, AIO = Colour.SYNC, Colour.AIO
SCENARIOS = (
    Scenario(
        name="network-threads",
        play=loaded(SandboxWorld, SYNC, bad_times, 100),
        short=100,
        share=180,
        strikes=("struck",),
    ),
    Scenario(
        name="network-tasks",
        play=loaded(SandboxWorld, AIO, bad_times, 100),
        short=200,
        share=180,
        strikes=("struck",),
    ),
    Scenario(
        name="network-provider-files",
        play=loaded(FilingSandboxWorld, AIO, bad_times, 100),
        short=60,
        share=80,
        strikes=("struck",),
    ),
    Scenario(
        name="network-real-servers",
        play=loaded(RealWorld, AIO, bad_times, 20),
        short=40,
        share=80,
        strikes=("struck",),
    ),
    Scenario(
        name="restarts-threads",
        play=loaded(SandboxWorld, SYNC, strikes, 20),
        short=40,
        share=60,
        strikes=("restarts",),
    ),
    Scenario(
        name="restarts-tasks",
        play=loaded(SandboxWorld, AIO, strikes, 20),
        short=40,
        share=60,
        strikes=("restarts",),
    ),
    Scenario(
        name="restarts-real-servers",
        play=loaded(RealWorld, AIO, strikes, 20),
        short=40,
        share=60,
        strikes=("restarts",),
    ),
    Scenario(
        name="mailbox-full",
        play=loaded(SmallRealWorld, SYNC, bad_times, 5),
        short=40,
        share=20,
        strikes=("pending",),
    ),
    Scenario(
        name="mailbox-disk-full",
        play=loaded(TinyDiskRealWorld, AIO, strikes, 5),
        short=0,
        share=40,
        strikes=("disk full",),
    ),
    Scenario(
        name="disk-full-threads",
        play=functools.partial(full_disk, colour=SYNC, width=5),
        short=40,
        share=40,
        strikes=("disk full",),
    ),
    Scenario(
        name="disk-full-tasks",
        play=functools.partial(full_disk, colour=AIO, width=5),
        short=40,
        share=40,
        strikes=("disk full",),
    ),
    Scenario(
        name="killed-threads",
        play=functools.partial(killed, colour=SYNC, width=5),
        short=20,
        share=30,
        strikes=("killed",),
    ),
    Scenario(
        name="killed-tasks",
        play=functools.partial(killed, colour=AIO, width=5),
        short=20,
        share=30,
        strikes=("killed",),
    ),
    Scenario(name="cancelled", play=cancelled_sends, short=50, share=100, strikes=("cancelled",), most=1000),
)
