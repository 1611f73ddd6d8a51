"""How long an operation may take: a number of seconds, and never for ever."""

from __future__ import annotations

import math

import pytest

from tether_mailconf import InvalidSettings, Step, TimedOut
from tether_mailconf._ports import Deadline


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_of_seconds_is_refused(seconds: float) -> None:
    with pytest.raises(InvalidSettings) as caught:
        Deadline.after(seconds)
    assert [problem.code for problem in caught.value.problems] == ["deadline.invalid"]


def test_no_deadline_is_further_away_than_a_system_call_can_wait() -> None:
    for seconds in (1e6, 1e12, 1e300):
        assert Deadline.after(seconds, lambda: 100.0).remaining(Step.CONNECT) == 7 * 86_400


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_one_that_is_over_has_passed(seconds: float) -> None:
    with pytest.raises(TimedOut):
        Deadline.after(seconds).remaining(Step.CONNECT)
