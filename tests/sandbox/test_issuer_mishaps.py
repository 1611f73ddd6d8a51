"""The sandbox's issuer goes wrong in the ways that its personality says."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
import requests

from tether_mailconf.sandbox import Sandbox
from tether_mailconf.sandbox.issuer import jwt
from tether_mailconf.sandbox.issuer_personality import Denial, RefreshTokens, TokenAnswer

from .issuing import asked, back, by_code, by_refresh, code, error, get, post


@pytest.mark.parametrize(
    ("answer", "status", "kind"),
    [
        (TokenAnswer.HTML, 200, "text/html"),
        (TokenAnswer.HTML_ERROR, 500, "text/html"),
        (TokenAnswer.ERROR_WITH_200, 200, "application/json"),
        (TokenAnswer.REDIRECT, 307, ""),
        (TokenAnswer.REDIRECT_TO_HTTP, 302, ""),
        (TokenAnswer.THROTTLED, 429, "application/json"),
        (TokenAnswer.UNAVAILABLE, 503, "text/html"),
    ],
)
def test_wrong_answers_are_counted(sandbox: Sandbox, answer: TokenAnswer, status: int, kind: str) -> None:
    the_code = code(sandbox)
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, answer=answer, times=1)
    wrong = by_code(sandbox, the_code)
    assert (wrong.status_code, wrong.headers.get("Content-Type", "")) == (status, kind)
    assert by_code(sandbox, the_code).status_code == 200


def test_an_answer_can_be_lost_before_and_after_the_work(sandbox: Sandbox) -> None:
    the_code = code(sandbox)
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, answer=TokenAnswer.DROPPED_BEFORE, times=1)
    with pytest.raises(requests.ConnectionError):
        by_code(sandbox, the_code)
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, answer=TokenAnswer.DROPPED_AFTER, times=1)
    with pytest.raises(requests.ConnectionError):
        by_code(sandbox, the_code)
    assert error(by_code(sandbox, the_code)) == (400, "invalid_grant"), "it was used up the second time"


def test_an_answer_can_be_huge(sandbox: Sandbox) -> None:
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, answer=TokenAnswer.HUGE)
    url = sandbox.oauth.issuer.token_endpoint
    with requests.post(url, verify=str(sandbox.ca_file), timeout=30, stream=True) as answer:
        length = int(answer.headers["Content-Length"])
        arrived = sum(len(piece) for piece in answer.iter_content(65536))
    assert arrived == length > 99_000_000


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [(RefreshTokens.NULL, {"refresh_token": None}), (RefreshTokens.EMPTY, {"refresh_token": ""})],
)
def test_a_refresh_token_can_be_nothing(sandbox: Sandbox, tokens: RefreshTokens, expected: dict[str, Any]) -> None:
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, refresh_tokens=tokens)
    assert expected.items() <= by_code(sandbox, code(sandbox)).json().items()


@pytest.mark.parametrize("tokens", [RefreshTokens.ABSENT, RefreshTokens.NULL, RefreshTokens.EMPTY])
def test_a_refresh_that_brings_no_other_token_leaves_the_old_one(sandbox: Sandbox, tokens: RefreshTokens) -> None:
    first = by_code(sandbox, code(sandbox)).json()
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, refresh_tokens=tokens)
    for _ in range(2):
        answer = by_refresh(sandbox, first["refresh_token"])
        assert answer.status_code == 200
        assert not answer.json().get("refresh_token")
        assert ("refresh_token" in answer.json()) == (tokens is not RefreshTokens.ABSENT)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"token_type": "DPoP"}, {"token_type": "DPoP"}),
        ({"expires_in": "3600"}, {"expires_in": "3600"}),
        ({"withheld": frozenset({"mail"})}, {"scope": "openid email"}),
    ],
)
def test_a_token_can_be_told_wrongly(sandbox: Sandbox, changed: dict[str, Any], expected: dict[str, Any]) -> None:
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, **changed)
    data = by_code(sandbox, code(sandbox)).json()
    assert expected.items() <= data.items()
    assert sandbox.store.opens_mail("ana@sandbox.test", data["access_token"]) == ("withheld" not in changed)


@pytest.mark.parametrize(
    ("changed", "absent"),
    [({"expires_in": None}, "expires_in"), ({"tells_scope": False}, "scope"), ({"gives_id_token": False}, "id_token")],
)
def test_a_token_can_be_told_little_of(sandbox: Sandbox, changed: dict[str, Any], absent: str) -> None:
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, **changed)
    assert absent not in by_code(sandbox, code(sandbox)).json()


def test_an_error_of_any_kind_can_be_answered(sandbox: Sandbox) -> None:
    denial = Denial(error="invalid_grant", description="AADSTS700082: inactive", status=599)
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, denial=denial, times=1)
    wrong = by_code(sandbox, code(sandbox))
    assert error(wrong) == (599, "invalid_grant")
    assert wrong.json()["error_description"] == "AADSTS700082: inactive"


def test_claims_callbacks_and_descriptions_can_be_changed(sandbox: Sandbox) -> None:
    sandbox.oauth.personality = attrs.evolve(
        sandbox.oauth.personality,
        claims={"email": "eva@sandbox.test", "nonce": None},
        callback={"iss": "https://evil.example.test", "state": None},
        repeated=("code",),
        metadata={"token_endpoint": "https://evil.example.test/token", "issuer": None},
        has_userinfo=False,
        revokes=False,
    )
    location = sandbox.oauth.consent(asked(sandbox))
    assert location.count("code=") == 2
    assert back(location)["iss"] == "https://evil.example.test"
    assert "state" not in back(location)
    data = by_code(sandbox, back(location)["code"]).json()
    opened = jwt.opened(data["id_token"], "issuer")
    assert opened is not None
    assert opened[1]["email"] == "eva@sandbox.test"
    assert "nonce" not in opened[1]
    described = get(sandbox, "/.well-known/openid-configuration").json()
    assert described["token_endpoint"] == "https://evil.example.test/token"
    assert "issuer" not in described
    assert get(sandbox, "/userinfo", Authorization=f"Bearer {data['access_token']}").status_code == 404
    assert post(sandbox, "/revoke", token=data["refresh_token"]).status_code == 503
    assert by_refresh(sandbox, data["refresh_token"]).status_code == 200


def test_an_answer_that_dribbles_takes_its_time(sandbox: Sandbox) -> None:
    the_code = code(sandbox)
    sandbox.oauth.personality = attrs.evolve(
        sandbox.oauth.personality, answer=TokenAnswer.DRIBBLED, dribble=30, times=1
    )
    with pytest.raises(requests.Timeout):
        requests.post(sandbox.oauth.issuer.token_endpoint, verify=str(sandbox.ca_file), timeout=0.5)
    assert by_code(sandbox, the_code).status_code == 200


def test_an_answer_can_say_everything_twice(sandbox: Sandbox) -> None:
    the_code = code(sandbox)
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, answer=TokenAnswer.REPEATED, times=1)
    pairs = json.loads(by_code(sandbox, the_code).content, object_pairs_hook=list)
    names = [name for name, _ in pairs]
    assert names[: len(names) // 2] == names[len(names) // 2 :]
    assert {value for _, value in pairs[: len(pairs) // 2]} == {"wrong"}
    assert sandbox.store.opens_mail("ana@sandbox.test", dict(pairs)["access_token"])
