"""Whatever a server does, at whatever step: a send ends in time, costs little, and tells the truth.

Each test carries out all attacks on one step in one colour, and names in its failure those that went wrong.
`python -m tests.hostile NAME` repeats one of them.
"""

from __future__ import annotations

import itertools

import pytest

from .attacks import ATTACKS, COLOURS, COSTLY, IMAP_STEPS, Attack
from .behaviours import BREAKS_OFF, RUBBISH, TIMES, TOO_MUCH
from .running import Child
from .verdict import complaints, left

STEPS: dict[str, list[Attack]] = {
    f"{protocol}-{step}": list(attacks)
    for (protocol, step), attacks in itertools.groupby(
        sorted(ATTACKS.values(), key=lambda attack: (attack.protocol, attack.step)),
        key=lambda attack: (attack.protocol, attack.step),
    )
}


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("step", STEPS)
def test_a_hostile_server(child: Child, step: str, colour: str) -> None:
    batch = child.run(colour, [attack for attack in STEPS[step] if colour in attack.colours])
    wrong = [f"{run.attack.name}-{colour}: {complaint}" for run in batch.runs for complaint in complaints(run)]
    wrong += [f"{step}-{colour}: {complaint}" for complaint in left(batch)]
    assert not wrong, "\n" + "\n".join(wrong)


def test_every_step_meets_every_behaviour_that_makes_sense_anywhere() -> None:
    """More than the 410 runs of SMTP and the 455 of IMAP that other libraries were measured with."""
    common = TIMES | BREAKS_OFF | TOO_MUCH | {name: does for name, does in RUBBISH.items() if "secret" not in name}
    for step, attacks in STEPS.items():
        if step.partition("-")[2] not in ("handshake", "upgrade", "body", "idle"):
            assert common.keys() <= {attack.behaviour for attack in attacks}
    for protocol, runs in (("smtp", 410), ("imap", 455)):
        assert sum(len(attack.colours) for attack in ATTACKS.values() if attack.protocol == protocol) >= runs


def test_each_colour_meets_every_costly_behaviour_at_some_steps_and_every_step_is_met() -> None:
    steps = {step for step, at in IMAP_STEPS.items() if not at.is_kept}
    for name in COSTLY:
        met = {
            (attack.step, colour)
            for attack in ATTACKS.values()
            if attack.behaviour == name
            for colour in attack.colours
        }
        assert {step for step, _ in met} == steps
        for colour in COLOURS:
            assert sum(one == colour for _, one in met) >= len(steps) // 2
