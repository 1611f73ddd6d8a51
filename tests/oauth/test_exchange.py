"""Answers of a token endpoint: what is granted, what is denied, and what is rubbish that changes nothing."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tether_mailconf._drivers.blocking import BlockingIO
from tether_mailconf._drivers.guard import NetworkPolicy
from tether_mailconf._oauth.errors import IssuerFailed
from tether_mailconf._oauth.exchange import Denied, Granted, ask
from tether_mailconf._ports import Deadline, HttpRequest, HttpResponse, run_sync
from tether_mailconf.secret import Secret

GOOD = {"access_token": "at", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "rt", "scope": "mail openid"}


class Answering(BlockingIO):
    """A world in which an issuer always gives the same answer."""

    def __init__(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        super().__init__(NetworkPolicy(), None)
        self._answer = HttpResponse(status=status, headers=headers, body=Secret(body))

    async def fetch(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        return self._answer


def answer(content: object, status: int = 200, **headers: str) -> Granted | Denied:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    io = Answering(status, body, {name.replace("_", "-"): value for name, value in headers.items()})
    request = HttpRequest(method="POST", url="https://issuer.test/token", body=Secret("x"))
    return run_sync(ask(io, request, io.deadline(5)))


def given_to(content: dict[str, Any]) -> Granted:
    granted = answer(content)
    assert isinstance(granted, Granted)
    return granted


def test_what_is_granted_is_read() -> None:
    granted = given_to(GOOD | {"id_token": "a.b.c"})
    assert (granted.access, granted.refresh, granted.id_token) == (Secret("at"), Secret("rt"), Secret("a.b.c"))
    assert (granted.token_type, granted.lifetime, granted.scopes) == ("bearer", 3600.0, ("mail", "openid"))


@pytest.mark.parametrize("refresh", [None, "", 5, [], "a\nb", "x" * 20_000])
def test_a_refresh_token_that_is_none_is_none(refresh: object) -> None:
    assert given_to(GOOD | {"refresh_token": refresh}).refresh is None


@pytest.mark.parametrize(
    ("told", "taken"),
    [
        (60, 60.0),
        ("1800", 1800.0),
        (59.5, 59.5),
        (None, 3600.0),
        (-5, 3600.0),
        (0, 3600.0),
        ("soon", 3600.0),
        (True, 3600.0),
        (10**30, 86_400.0),
        ("9" * 11, 86_400.0),
        ("9" * 5000, 3600.0),
        ([60], 3600.0),
    ],
)
def test_a_life_that_makes_no_sense_costs_no_token(told: object, taken: float) -> None:
    assert given_to(GOOD | {"expires_in": told}).lifetime == taken


@pytest.mark.parametrize(
    ("told", "taken"),
    [
        ({}, None),
        ({"refresh_token_expires_in": 604_799}, 604_799.0),
        ({"refresh_token_expires_in": "604799"}, 604_799.0),
        ({"refresh_expires_in": 1800}, 1800.0),
        ({"refresh_expires_in": 0}, None),
        ({"refresh_token_expires_in": None}, None),
        ({"refresh_token_expires_in": True}, None),
        ({"refresh_token_expires_in": -1}, None),
        ({"refresh_token_expires_in": float("nan")}, None),
        ({"refresh_token_expires_in": 10**30}, None),
        ({"refresh_token_expires_in": "9" * 5000}, None),
    ],
)
def test_the_life_of_a_refresh_token_is_what_the_issuer_says_or_unknown(
    told: dict[str, object], taken: float | None
) -> None:
    assert given_to(GOOD | told).refresh_lifetime == taken


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_that_json_does_not_know(number: str) -> None:
    granted = answer(b'{"access_token": "at", "token_type": "bearer", "expires_in": ' + number.encode() + b"}")
    assert isinstance(granted, Granted)
    assert 0 < granted.lifetime <= 86_400


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 200),
        (b"<html>Sorry</html>", 200),
        (b"<html>Sorry</html>", 500),
        (b"<html>Sorry</html>", 400),
        (b"[1]", 200),
        (b"null", 200),
        (b"[" * 100_000, 200),
        (b'{"a":' * 50_000, 200),
        (b"\xff\xfe", 200),
        ({}, 200),
        (GOOD | {"access_token": None}, 200),
        (GOOD | {"access_token": ""}, 200),
        (GOOD | {"access_token": "a b"}, 200),
        (GOOD | {"access_token": "a\r\nb"}, 200),
        (GOOD | {"access_token": "x" * 20_000}, 200),
        (GOOD | {"token_type": None}, 200),
        (GOOD, 302),
        (GOOD, 500),
        (GOOD, 201),
        ({"error": "invalid_grant"}, 200),
        ({"error": "invalid_grant"}, 500),
        ({"error": "invalid_grant"}, 302),
        ({"error": "temporarily_unavailable"}, 400),
        ({"error": "server_error"}, 400),
        ({"error": "invalid_grant"}, 429),
    ],
)
def test_what_is_no_answer_changes_nothing(content: object, status: int) -> None:
    with pytest.raises(IssuerFailed) as caught:
        answer(content, status)
    assert caught.value.status == status
    assert caught.value.code == "issuer.failed"
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_how_long_to_wait_is_told() -> None:
    with pytest.raises(IssuerFailed) as caught:
        answer({}, 429, retry_after="17")
    assert caught.value.retry_after == 17.0
    for rubbish in ("-1", "soon", "1e9", "9" * 50, "\u0663"):
        with pytest.raises(IssuerFailed) as caught:
            answer({}, 503, retry_after=rubbish)
        assert caught.value.retry_after is None


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_clear_no_is_a_no(status: int) -> None:
    denied = answer({"error": "invalid_grant", "error_description": "gone"}, status)
    assert denied == Denied(error="invalid_grant", description="gone", status=status)


@given(st.binary(max_size=400), st.sampled_from([200, 400, 500]))
def test_rubbish_is_an_error_of_ours(body: bytes, status: int) -> None:
    with contextlib.suppress(IssuerFailed):
        answer(body, status)


@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "error", "error_description", "id_token"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.lists(st.none()),
    ),
    st.sampled_from([200, 400]),
)
def test_any_object_is_an_answer_or_an_error_of_ours(content: dict[str, Any], status: int) -> None:
    with contextlib.suppress(IssuerFailed):
        answer(content, status)
