"""The two halves of a sign-in that has begun."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from tether_mailconf._oauth import pending
from tether_mailconf._oauth.pending import Kept, PendingDevice, PendingSignIn
from tether_mailconf.errors import Damaged, InvalidSettings, UnsupportedSchema
from tether_mailconf.secret import Secret

SIGN_IN = PendingSignIn(
    url="https://issuer.test/authorize?state=s",
    state="s",
    issuer="issuer.test",
    redirect_uri="https://app.test/back",
    address="ana@issuer.test",
    login="ana@issuer.test",
    owner="tenant/user",
    expires_at=datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
)
DEVICE = PendingDevice(
    user_code="ABCD-EFGH",
    verification_uri="https://issuer.test/device",
    verification_uri_complete="",
    interval=5,
    state="s",
    issuer="issuer.test",
    address="ana@issuer.test",
    login="ana@issuer.test",
    owner="",
    expires_at=datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
)


@pytest.mark.parametrize("begun", [SIGN_IN, DEVICE])
def test_the_hosts_half_survives_json(begun: PendingSignIn | PendingDevice) -> None:
    assert type(begun).from_dict(json.loads(json.dumps(begun.to_dict()))) == begun


@pytest.mark.parametrize("begun", [SIGN_IN, DEVICE])
def test_what_is_missing_or_changed_is_noticed(begun: PendingSignIn | PendingDevice) -> None:
    good = begun.to_dict()
    wrongs: list[object] = [None, [], {}, True]
    for name in good:
        for wrong in wrongs:
            if name == "interval" and wrong is True:
                continue
            bad: dict[str, Any] = good | {name: wrong}
            with pytest.raises((Damaged, UnsupportedSchema)):
                type(begun).from_dict(bad)
    with pytest.raises(Damaged, match="expires_at"):
        type(begun).from_dict(good | {"expires_at": "never"})
    with pytest.raises(UnsupportedSchema):
        type(begun).from_dict(good | {"schema": 2})


@pytest.mark.parametrize("kind", [PendingSignIn, PendingDevice])
@pytest.mark.parametrize("data", [None, [], "{}", 1])
def test_what_is_no_mapping_is_damaged(kind: type[PendingSignIn | PendingDevice], data: Any) -> None:
    with pytest.raises(Damaged, match="not a mapping"):
        kind.from_dict(data)


def test_the_stores_half_survives_the_store() -> None:
    kept = Kept(secret=Secret("verifier"), nonce=Secret("nonce"), bound=pending.bound(SIGN_IN, "client"))
    assert Kept.opened(kept.sealed()) == kept
    assert "verifier" not in repr(kept)


_LONE = '{"secret": "\\ud800", "nonce": "", "bound": {}}'


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", "null", '{"secret": 1, "nonce": "", "bound": {}}', "[" * 99_999, _LONE]
)
def test_a_store_that_holds_something_else_is_damaged(content: str) -> None:
    with pytest.raises(Damaged):
        Kept.opened(Secret(content))


def test_everything_a_sign_in_is_tied_to_counts() -> None:
    bound = pending.bound(SIGN_IN, "client")
    for name in ("issuer", "redirect_uri", "address", "login", "owner"):
        another: dict[str, Any] = {name: "another"}
        assert pending.bound(attrs.evolve(SIGN_IN, **another), "client") != bound
    assert pending.bound(SIGN_IN, "other") != bound
    assert pending.bound(attrs.evolve(SIGN_IN, expires_at=datetime(2027, 1, 1, tzinfo=UTC)), "client") != bound


def test_the_stores_key_does_not_tell_the_state() -> None:
    assert "a-state" not in pending.key("a-state")
    assert pending.key("a") != pending.key("b")
    assert len(pending.key("x" * 100_000)) < 600


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(InvalidSettings) as caught:
        pending.read_who("no address", "none either", "a\nb")
    assert {problem.field for problem in caught.value.problems} == {"address", "login", "owner"}
    assert pending.read_who("ana@B\u00fccher.example", None, "") == ("ana@xn--bcher-kva.example",) * 2
    assert pending.read_who("team@acme.example", "ana@acme.example", "x")[1] == "ana@acme.example"


@pytest.mark.parametrize("owner", ["x" * 201, "\u00e4", "a\0b", "tab\there"])
def test_an_owner_is_short_and_printable(owner: str) -> None:
    with pytest.raises(InvalidSettings):
        pending.read_who("ana@issuer.test", None, owner)
