"""Receipts: what is stored comes back the same, and what somebody changed is told as damaged, never half read."""

from __future__ import annotations

import contextlib
import json
import pickle
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tether_mailconf import (
    ConnectionSettings,
    CredentialKind,
    Damaged,
    Delivery,
    Endpoint,
    Filing,
    FilingTrouble,
    Receipt,
    Reply,
    Security,
    SentPolicy,
    Step,
    UnsupportedSchema,
)

LEARNED = ConnectionSettings(
    address="ana@example.com",
    smtp=Endpoint(host="smtp.example.com", port=465, security=Security.TLS),
    smtp_user="ana",
    credential=CredentialKind.PASSWORD,
    sent=SentPolicy(mailbox="Отправленные"),
)
FULL = Receipt(
    delivery=Delivery.SENT,
    message_id="<a@example.com>",
    date="Mon, 02 Nov 2026 03:04:05 +0000",
    digest="sha256:00",
    sender="ana@example.com",
    accepted=("bob@example.org", "jörg@example.org"),
    refused={"eve@example.org": Reply(code="550", enhanced="5.1.1", text="no such user\nhere")},
    reply=Reply(code="250", enhanced="2.0.0", text="queued as ABC"),
    filing=Filing.PENDING,
    filing_code="server.refused",
    filing_reason="the mailbox is full",
    filing_trouble=FilingTrouble(
        step=Step.APPEND,
        endpoint=Endpoint(host="imap.example.com", port=993, security=Security.TLS),
        reply=Reply(code="NO", enhanced="OVERQUOTA", text="the mailbox is full"),
        detail="the server refused",
    ),
    mailbox="Отправленные",
    uid_validity=7,
    uid=9,
    server_message_id="<b@provider.example>",
    learned=LEARNED,
    timings={"connect": 0.25, "body": 1.0},
)
UNREACHED = attrs.evolve(FULL, filing_trouble=FilingTrouble(step=Step.LOOKUP, detail="nobody knows the server"))
SPARE = Receipt(delivery=Delivery.NOT_SENT, message_id="<a@b>", date="d", digest="sha256:0", sender="ana@example.com")


@pytest.mark.parametrize("receipt", [FULL, UNREACHED, SPARE], ids=["full", "unreached", "spare"])
def test_what_is_stored_as_json_comes_back_the_same(receipt: Receipt) -> None:
    back = Receipt.from_dict(json.loads(json.dumps(receipt.to_dict())))
    assert back == receipt
    assert back.timings == receipt.timings
    assert pickle.loads(pickle.dumps(receipt)) == receipt


def test_every_field_is_stored() -> None:
    assert FULL.to_dict().keys() == {"schema", *(field.name for field in attrs.fields(Receipt))}


def test_two_receipts_are_equal_however_long_it_took() -> None:
    assert attrs.evolve(FULL, timings={}) == FULL
    assert attrs.evolve(FULL, uid=10) != FULL


@pytest.mark.parametrize("schema", [3, 99, 10**30])
def test_a_receipt_of_a_newer_version_is_an_error_of_its_own(schema: int) -> None:
    with pytest.raises(UnsupportedSchema) as caught:
        Receipt.from_dict({"schema": schema})
    assert (caught.value.found, caught.value.supported) == (schema, 2)


def test_learned_settings_of_a_newer_version_are_that_error_too() -> None:
    with pytest.raises(UnsupportedSchema):
        Receipt.from_dict({**FULL.to_dict(), "learned": {**LEARNED.to_dict(), "schema": 2}})


def damaged(data: Any) -> None:
    """Assert that reading says it is damaged, in a text that can be shown."""
    with pytest.raises(Damaged) as caught:
        Receipt.from_dict(data)
    assert caught.value.what == "receipt"
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("data", [None, [], "x", 5, b"{}", {}, {"schema": None}, {"schema": True}, {"schema": "1"}])
def test_what_is_no_receipt_is_damaged(data: Any) -> None:
    damaged(data)


@pytest.mark.parametrize("name", sorted(FULL.to_dict()))
def test_a_missing_field_is_damage(name: str) -> None:
    data = FULL.to_dict()
    del data[name]
    damaged(data)


TROUBLE = FULL.to_dict()["filing_trouble"]
WRONG: dict[str, list[Any]] = {
    "schema": [0, -1, 1.0, "x"],
    "delivery": ["delivered", None, ["sent"], 5],
    "message_id": [None, 5, b"x", ["<a@b>"], "<a\r\nb@c>", "<\u00fc@x>"],
    "date": [None, 5],
    "digest": [None, {}],
    "sender": [None, 5],
    "accepted": [None, "bob@example.org", [5], [None], {"a": 1}, 5],
    "refused": [None, [], {"a": "550"}, {"a": {"code": "550"}}, {"a": None}, 5],
    "reply": ["250 ok", {}, [], 5],
    "filing": ["filed", None],
    "filing_code": [None, 5],
    "filing_reason": [None, 5],
    "filing_trouble": [
        "x",
        5,
        {},
        [],
        {**TROUBLE, "step": "nowhere"},
        {**TROUBLE, "reply": 5},
        {**TROUBLE, "endpoint": {}},
    ],
    "mailbox": [5, ["Sent"], b"Sent", "Se\r\nnt", "Sent\x85"],
    "uid_validity": ["7", 7.0, True, []],
    "uid": ["9", 9.5, False],
    "server_message_id": [5, [], "<a\nb@c>", "<a\x0bb@c>", "<a\u2028b@c>", "<\ud800@c>"],
    "learned": ["x", 5, {}, [], {**LEARNED.to_dict(), "address": "nobody"}],
    "timings": [None, [], {"a": "x"}, {"a": None}, {"a": 10**400}],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_field_of_the_wrong_kind_is_damage(name: str, value: Any) -> None:
    damaged({**FULL.to_dict(), name: value})


def test_every_field_is_tried() -> None:
    assert WRONG.keys() == FULL.to_dict().keys()


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
rubbish = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(WRONG)), rubbish)
def test_any_rubbish_in_a_field_is_a_receipt_that_can_be_stored_or_a_typed_error(name: str, value: Any) -> None:
    with contextlib.suppress(Damaged, UnsupportedSchema):
        receipt = Receipt.from_dict({**FULL.to_dict(), name: value})
        assert Receipt.from_dict(receipt.to_dict()) == receipt


@given(rubbish)
def test_any_rubbish_is_a_typed_error(data: Any) -> None:
    with pytest.raises((Damaged, UnsupportedSchema)):
        Receipt.from_dict(data)
