"""Each scenario in its short form. The long one is `python -m tests.faults`."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

import pytest

from tests.faults.plays import brief_looks
from tests.faults.scenarios import SCENARIOS, Scenario
from tests.left_behind import wait_for_those_left_behind

SEED = "FAULTS_SEED"
"""The environment variable that repeats the random numbers of a failure."""


@pytest.fixture(autouse=True)
def undisturbed() -> Iterator[None]:
    """Brief looks for copies, and none of another test's threads, which would be counted."""
    wait_for_those_left_behind()
    with brief_looks():
        yield


SHORT = [scenario for scenario in SCENARIOS if scenario.short]


@pytest.mark.parametrize("scenario", SHORT, ids=lambda scenario: scenario.name)
def test_each_message_is_accepted_once_or_unknown_has_one_copy_and_is_its_tenants(scenario: Scenario) -> None:
    seed = os.environ.get(SEED) or secrets.token_hex(4)
    print(f"to repeat it: {SEED}={seed}")
    verdict = scenario.run(scenario.short, seed)
    assert not verdict.faults, f"seed {seed}: {verdict.faults}"
    assert verdict.messages >= scenario.short
    assert verdict.sent, "nothing got through"
    assert all(verdict.struck.get(what) for what in scenario.strikes), f"nothing struck: {verdict.struck}"
