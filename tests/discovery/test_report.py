"""What was found, stored and read again, and shown to a person."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tether_mailconf import AppPassword, Damaged, Discovery, Endpoint, Security, Source, Trust, UnsupportedSchema
from tether_mailconf._ports import MX
from tether_mailconf.discovery import Attempt

from .asked import ADDRESS, AUTOCONFIG, DOMAIN, LISTED, document, found_in, services
from .world import Internet

FOUND = attrs.evolve(
    found_in(
        Internet(
            records={**services("elsewhere.example"), (DOMAIN, MX): (MX(preference=1, host="mx.pphosted.com"),)},
            pages={AUTOCONFIG: document(), LISTED: document("smtp.old.example", "imap.old.example")},
        ),
        grace=20.0,
        credential=AppPassword("geheimes-wort"),
    )[0],
    suggestion="ana@acme.test",
)


def test_it_survives_being_stored_as_json() -> None:
    assert FOUND.conflicts
    assert FOUND.attempts
    assert FOUND.candidates
    assert Discovery.from_dict(json.loads(json.dumps(FOUND.to_dict()))) == FOUND
    accepted = attrs.evolve(FOUND, verified=FOUND.candidates[0])
    assert Discovery.from_dict(accepted.to_dict()).best == FOUND.candidates[0]


def test_what_a_newer_version_stored_is_left_alone() -> None:
    with pytest.raises(UnsupportedSchema):
        Discovery.from_dict({**FOUND.to_dict(), "schema": 2})


@pytest.mark.parametrize("data", [None, [], {}, {"schema": 1}, {"schema": "1"}, {"schema": True}], ids=repr)
def test_what_is_no_discovery_is_said_so(data: object) -> None:
    with pytest.raises(Damaged):
        Discovery.from_dict(data)


RUBBISH = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=3),
    st.lists(st.none(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.none(), max_size=2),
)


@given(path=st.lists(st.integers(0, 5), min_size=1, max_size=6), rubbish=RUBBISH)
def test_rubbish_anywhere_in_it_is_told_and_raises_nothing_else(path: list[int], rubbish: Any) -> None:
    data: Any = json.loads(json.dumps(FOUND.to_dict()))
    where = data
    for step in path[:-1]:
        keys = list(where) if isinstance(where, dict) else range(len(where)) if isinstance(where, list) else []
        if not keys or not isinstance(where[list(keys)[step % len(keys)]], dict | list):
            break
        where = where[list(keys)[step % len(keys)]]
    keys = list(where) if isinstance(where, dict) else list(range(len(where)))
    if not keys:
        return
    where[keys[path[-1] % len(keys)]] = rubbish
    try:
        found = Discovery.from_dict(data)
    except (Damaged, UnsupportedSchema):
        return
    assert isinstance(str(found), str)
    json.dumps(found.to_dict())


def test_the_text_names_each_candidate_and_each_source_with_its_words() -> None:
    text = str(FOUND)
    for part in (
        ADDRESS,
        "smtp.old.example:465/tls",
        "elsewhere.example",
        "mail_filter",
        "trust: https",
        "perhaps meant",
    ):
        assert part in text, text
    assert text.count("\n= ") == 1
    assert "\n? " in text
    assert "\n! smtp:" in text
    assert "geheimes" not in text


def test_attempts_are_told() -> None:
    endpoint = Endpoint(host="smtp.acme.example", port=465, security=Security.TLS)
    attempts = tuple(
        Attempt(endpoint=endpoint, user="ana", accepted=one, said="because") for one in (True, False, None)
    )
    text = str(attrs.evolve(FOUND, attempts=attempts))
    assert "as ana: accepted" in text
    assert "as ana: refused because" in text
    assert "as ana: not tried because" in text


def test_the_best_is_never_one_that_nobody_confirmed() -> None:
    unproven = tuple(attrs.evolve(one, trust=Trust.UNPROVEN) for one in FOUND.candidates)
    assert attrs.evolve(FOUND, candidates=unproven).best is None
    assert attrs.evolve(FOUND, candidates=unproven).unconfirmed == unproven
    assert Source.SRV in {one.source for one in FOUND.unconfirmed}
