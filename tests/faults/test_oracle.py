"""The judge: each way to be wrong is seen, for the right message, and what is right is not."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from tests.faults import oracle
from tests.faults.letters import ANA, BOB, letters
from tests.faults.oracle import Verdict, judge
from tests.faults.world import Seen, Witnessed
from tether_mailconf import Delivery, Filing, Receipt

LETTERS = letters(range(4))
ONE = LETTERS[0]
SENT, UNKNOWN, NOT_SENT = Delivery.SENT, Delivery.UNKNOWN, Delivery.NOT_SENT


def receipt(delivery: Delivery, name: str = ONE.message_id, filing: Filing = Filing.APPENDED) -> Receipt:
    filing = filing if delivery is SENT else Filing.OFF
    return Receipt(
        delivery=delivery, message_id=name, date="", digest="sha256:right", sender=ANA, filing=filing, mailbox="Sent"
    )


def witnessed(user: str = ANA, **changes: Any) -> Witnessed:
    return attrs.evolve(Witnessed(message_id=ONE.message_id, user=user, digest="sha256:right"), **changes)


def verdict(
    told: Delivery | None,
    last: Receipt | None,
    accepted: list[Witnessed],
    copies: list[Witnessed],
    *,
    provider_files: bool = False,
) -> Verdict:
    """Judge one message among four; the others went well."""
    others = {letter.message_id: letter.tenant for letter in LETTERS[1:]}
    fine = {name: receipt(SENT, name) for name in others}
    seen = [Witnessed(message_id=name, user=tenant) for name, tenant in others.items()]
    return judge(
        LETTERS,
        fine if told is None else {**fine, ONE.message_id: receipt(told)},
        fine if last is None else {**fine, ONE.message_id: last},
        Seen(accepted=(*seen, *accepted), copies=(*seen, *copies)),
        provider_files=provider_files,
    )


@pytest.mark.parametrize(
    ("told", "last", "accepted", "copies"),
    [
        (SENT, receipt(SENT), [witnessed()], [witnessed()]),
        (UNKNOWN, receipt(UNKNOWN), [witnessed()], []),
        (UNKNOWN, receipt(UNKNOWN), [], []),
        (UNKNOWN, receipt(SENT), [witnessed()], [witnessed()]),
        (NOT_SENT, receipt(NOT_SENT), [], []),
        (None, None, [], []),
        (SENT, receipt(SENT, filing=Filing.BY_PROVIDER), [witnessed()], [witnessed(digest="sha256:without bcc")]),
    ],
)
def test_what_is_right_is_not_complained_of(
    told: Delivery | None, last: Receipt | None, accepted: list[Witnessed], copies: list[Witnessed]
) -> None:
    found = verdict(told, last, accepted, copies)
    assert found.faults == {}
    assert found.messages == len(LETTERS)
    assert found.unknown_accepted == (last == receipt(UNKNOWN) and bool(accepted))


@pytest.mark.parametrize(
    ("kind", "told", "last", "accepted", "copies"),
    [
        (oracle.DOUBLED, SENT, receipt(SENT), [witnessed()] * 2, [witnessed()]),
        (oracle.DOUBLED, UNKNOWN, receipt(UNKNOWN), [witnessed()] * 2, []),
        (oracle.LOST, SENT, receipt(SENT), [], [witnessed()]),
        (oracle.LOST, SENT, receipt(UNKNOWN), [], []),
        (oracle.DENIED, NOT_SENT, receipt(NOT_SENT), [witnessed()], []),
        (oracle.DENIED, NOT_SENT, receipt(UNKNOWN), [witnessed()], []),
        (oracle.DENIED, None, None, [witnessed()], []),
        (oracle.FORGOTTEN, SENT, receipt(UNKNOWN), [witnessed()], []),
        (oracle.MIXED, SENT, receipt(SENT), [witnessed(BOB)], [witnessed()]),
        (oracle.MISFILED, SENT, receipt(SENT), [witnessed()], [witnessed(BOB)]),
        (oracle.COPIES, SENT, receipt(SENT), [witnessed()], []),
        (oracle.COPIES, SENT, receipt(SENT), [witnessed()], [witnessed()] * 2),
        (oracle.UNFILED, SENT, receipt(SENT, filing=Filing.PENDING), [witnessed()], [witnessed()]),
        (oracle.STRAY, NOT_SENT, receipt(NOT_SENT), [], [witnessed()]),
        (oracle.STRAY, UNKNOWN, receipt(UNKNOWN), [witnessed()], [witnessed()]),
        (oracle.STRAY, None, None, [], [witnessed()]),
        (oracle.CHANGED, SENT, receipt(SENT), [witnessed()], [witnessed(digest="sha256:wrong")]),
        (oracle.UNKNOWN_LETTER, SENT, receipt(SENT), [witnessed(), witnessed(message_id="<x@y>")], [witnessed()]),
        (oracle.UNKNOWN_LETTER, SENT, receipt(SENT), [witnessed()], [witnessed(), witnessed(message_id="<x@y>")]),
    ],
)
def test_what_is_wrong_is_named(
    kind: str, told: Delivery | None, last: Receipt | None, accepted: list[Witnessed], copies: list[Witnessed]
) -> None:
    name = "<x@y>" if kind == oracle.UNKNOWN_LETTER else ONE.message_id
    assert name in verdict(told, last, accepted, copies).faults[kind]


def test_where_the_provider_files_what_was_accepted_is_found() -> None:
    found = verdict(UNKNOWN, receipt(UNKNOWN), [witnessed()], [], provider_files=True)
    assert found.faults[oracle.FOUND] == (ONE.message_id,)
    assert verdict(UNKNOWN, receipt(UNKNOWN), [], [], provider_files=True).faults == {}
