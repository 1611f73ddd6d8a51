"""What is stored for an account."""

from __future__ import annotations

import json

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tether_mailconf._oauth import record
from tether_mailconf._oauth.record import Record
from tether_mailconf.errors import Damaged, MailconfError, UnsupportedSchema
from tether_mailconf.secret import Secret

FULL = Record(
    issuer="issuer.test",
    client_id="client",
    address="ana@issuer.test",
    login="ana@issuer.test",
    owner="tenant/user",
    access=Secret("at"),
    issued_at=1.5,
    expires_at=2.5,
    refresh=Secret("rt"),
    refresh_until=9.5,
    is_prolonged=True,
    granted_at=1.0,
    is_verified=True,
    ended="oauth.revoked",
    ended_detail="gone",
    lease="abc",
    leased_until=3.0,
)


def test_a_record_survives_the_store() -> None:
    assert Record.opened(FULL.sealed()) == FULL
    bare = Record(issuer="i", client_id="c", address="a@b.test", login="a@b.test", owner="")
    assert Record.opened(bare.sealed()) == bare


def test_a_record_shows_no_token() -> None:
    for text in (repr(FULL), str(attrs.asdict(FULL)), str(FULL.sealed())):
        assert "'at'" not in text
        assert "'rt'" not in text


def test_a_key_is_short_and_tells_nothing() -> None:
    """Whatever the owner is called: a column of a host's database takes it."""
    keys = {
        record.key("i", "o", "ana@x.test"),
        record.key("i", "o/ana", "@x.test"),
        record.key("io", "", "ana@x.test"),
        record.key("i", "/" * 200, ""),
    }
    assert len(keys) == 4
    assert all(len(one) < 100 and one.isascii() and "ana" not in one for one in keys)
    assert record.key("i", "o", "Ana@x.test") == record.key("i", "o", "ana@x.test")


@pytest.mark.parametrize("name", [field.name for field in attrs.fields(Record)])
def test_what_is_missing_or_of_another_kind_is_damaged(name: str) -> None:
    data = json.loads(FULL.sealed().reveal())
    wrongs: list[object] = [[], {"a": 1}, ...]
    for wrong in wrongs:
        changed = {key: value for key, value in (data | {name: wrong}).items() if value is not ...}
        if wrong is ... and name in ("access", "refresh"):
            continue
        with pytest.raises(Damaged) as caught:
            Record.opened(Secret(json.dumps(changed)))
        assert "rt" not in str(caught.value).split()


@pytest.mark.parametrize("name", ["access", "refresh"])
def test_a_token_that_is_no_text_of_utf_8_is_damaged(name: str) -> None:
    data = json.loads(FULL.sealed().reveal()) | {name: "\ud800"}
    with pytest.raises(Damaged):
        Record.opened(Secret(json.dumps(data)))


def test_a_newer_version_is_left_alone() -> None:
    with pytest.raises(UnsupportedSchema):
        Record.opened(Secret(json.dumps(json.loads(FULL.sealed().reveal()) | {"schema": 3})))


@given(st.binary(max_size=200))
def test_rubbish_is_an_error_of_ours(content: bytes) -> None:
    with pytest.raises(MailconfError):
        Record.opened(Secret(content))


def test_a_wiped_record_holds_nothing() -> None:
    copy = Record.opened(FULL.sealed())
    copy.wiped()
    assert (copy.access, copy.refresh) == (Secret(""), Secret(""))


def test_keys_keep_accounts_apart() -> None:
    keys = {
        record.key(*parts)
        for parts in (
            ("i", "", "a@b.test"),
            ("j", "", "a@b.test"),
            ("i", "o", "a@b.test"),
            ("i", "o/p", "a@b.test"),
            ("i/o", "p", "a@b.test"),
            ("i", "o%2Fp", "a@b.test"),
            ("i", "", "c@b.test"),
        )
    }
    assert len(keys) == 7
    assert record.key("i", "", "Ana@b.test") == record.key("i", "", "ana@b.test")
    assert len(record.key("i" * 60, "o" * 200, "a" * 64 + "@" + "b" * 180)) <= 600
