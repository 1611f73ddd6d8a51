"""The test send: where, when and how the message arrives, and what is read of it there."""

from __future__ import annotations

import email
import email.policy
from typing import Any

import pytest

from tests.simulated import ADDRESS
from tether_mailconf.delivery import trial as trial_of
from tether_mailconf.delivery.authentication import AuthenticationResults, read
from tether_mailconf.sandbox.personality import Personality

from .trying import CHAIN, FAILS, UNSURE, WORKS, causes, outcomes, tried


def test_not_yet_is_not_failed() -> None:
    trial = tried(Personality(arrival_delay=100.0), seconds=20)
    assert (trial.outcome, causes(trial)) == (UNSURE, ["trial.not_yet"])
    assert trial.was_accepted
    assert outcomes(trial) == {"body": WORKS, "arrival": UNSURE, "append": WORKS}
    assert 15 < trial.seconds <= 20


def test_late_is_in_time() -> None:
    trial = tried(Personality(arrival_delay=17.0), seconds=40)
    assert trial.outcome is WORKS
    assert trial.arrival is not None
    assert 16 < trial.arrival.seconds < 20


@pytest.mark.parametrize(("name", "marked"), [("Junk", True), ("Spamverdacht", False)])
def test_in_junk_is_arrived_and_told(name: str, marked: bool) -> None:
    personality = Personality(junk_name=name, special_use=marked)
    trial = tried(personality)
    assert (trial.outcome, causes(trial)) == (WORKS, ["trial.in_junk"])
    assert trial.arrival is not None
    assert (trial.arrival.mailbox, trial.arrival.is_junk) == (name, True)


def test_a_rewritten_from_is_told_with_both_addresses() -> None:
    trial = tried(Personality(rewritten_sender="owner@sandbox.test"))
    assert (trial.outcome, causes(trial)) == (FAILS, ["trial.from_rewritten"])
    assert outcomes(trial) == {**CHAIN, "sender": FAILS}
    for address in (ADDRESS, "owner@sandbox.test"):
        assert address in trial.findings[0].detail


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (b"From: Ana <ana@sandbox.test>", "ana@sandbox.test"),
        (b"From: =?utf-8?q?M=C3=BCller=2C_Ana?= <ana@sandbox.test>", "ana@sandbox.test"),
        (b"From: =?utf-8?q?owner=40elsewhere=2Etest?= <ana@sandbox.test>", "ana@sandbox.test"),
        (b"From: =?utf-8?b?a?= <ana@sandbox.test>", "ana@sandbox.test"),
        (b"From: =?nope?q?a?= <ana@sandbox.test>", "ana@sandbox.test"),
        (b"From: M\xfcller <ana@sandbox.test>", "ana@sandbox.test"),
        (b"From: ana@\r\n sandbox.test", "ana@sandbox.test"),
        (b"From: " + b"(" * 5000 + b" <ana@sandbox.test>", ""),
        (b"From: " + b"x" * 5000, ""),
        (b"From:", ""),
        (b"Subject: no From", ""),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_the_from_of_what_arrived_is_read_whatever_it_holds(field: bytes, expected: str) -> None:
    header = email.message_from_bytes(field + b"\r\n\r\n", policy=email.policy.compat32)
    assert trial_of._address(header) == expected


def test_what_the_receiving_server_says_about_spf_and_dkim_is_kept() -> None:
    said = "mx.sandbox.test 1; spf=pass (sender ok; really) smtp.mailfrom=x; dkim=fail reason=none; arc=none"
    trial = tried(Personality(authentication_results=said))
    assert trial.arrival is not None
    assert trial.arrival.authentication == AuthenticationResults(
        server="mx.sandbox.test", results=(("spf", "pass"), ("dkim", "fail"), ("arc", "none"))
    )
    assert "mx.sandbox.test says: spf pass, dkim fail, arc none" in str(trial)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("mx.example", ("mx.example", ())),
        ("mx.example; none", ("mx.example", ())),
        (
            "mx.example;\r\n\tspf = pass\r\n smtp.mailfrom=a;dkim/1=pass",
            ("mx.example", (("spf", "pass"), ("dkim", "pass"))),
        ),
        ("((a(b)c)) mx.example; SPF=PASS (c;d=e)", ("mx.example", (("spf", "pass"),))),
        ("", None),
        (";", None),
        ("(" * 5000, ("(" * 499 + "…", ())),
        ("x;" + "spf=pass;" * 1000, ("x", (("spf", "pass"),) * 20)),
    ],
)
def test_authentication_results_are_read_within_bounds(field: str, expected: Any) -> None:
    found = read([field, "other.example; spf=fail"])
    assert (None if found is None else (found.server, found.results)) == expected
    assert read([]) is None
