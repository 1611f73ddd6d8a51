"""What a receipt says of a copy that could not be filed."""

from __future__ import annotations

import logging

import pytest

from tether_mailconf import (
    Delivery,
    Dropped,
    Endpoint,
    Filing,
    FilingTrouble,
    NotOffered,
    Receipt,
    Refused,
    Reply,
    Security,
    Step,
)
from tether_mailconf.delivery.file import Copy
from tether_mailconf.delivery.settle import filed, known_ids, pending

from ..simulated import Provider

SENT = Receipt(delivery=Delivery.SENT, message_id="<a@b.example>", date="", digest="", sender="ana@b.example")


def test_a_failure_of_ours_is_told_with_its_code_and_its_words() -> None:
    failure = Dropped(step=Step.APPEND)
    told = pending(SENT, failure)
    assert (told.filing, told.filing_code, told.filing_reason) == (Filing.PENDING, failure.code, str(failure))


def test_where_filing_failed_is_kept_as_data_for_whoever_explains_it() -> None:
    imap = Endpoint(host="imap.b.example", port=993, security=Security.TLS)
    full = Reply(code="NO", enhanced="OVERQUOTA", text="The quota is exceeded")
    told = pending(SENT, Refused(step=Step.APPEND, reply=full, endpoint=imap)).filing_trouble
    assert told is not None
    assert (told.step, told.endpoint, told.reply) == (Step.APPEND, imap, full)
    assert "quota" in told.detail
    assert pending(SENT, Dropped(step=Step.APPEND)).filing_trouble == FilingTrouble(
        step=Step.APPEND, detail=Dropped.summary
    )
    too_large = NotOffered(step=Step.APPEND, detail="the message has 5 bytes, the server files at most 4")
    assert pending(SENT, too_large).filing_trouble == FilingTrouble(step=Step.APPEND, detail=too_large.detail)


def test_a_failure_that_is_not_ours_is_told_by_its_kind_and_its_words_go_to_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR, logger="tether_mailconf"):
        told = pending(SENT, KeyError("swordfish-7"))
    assert (told.filing, told.filing_code) == (Filing.PENDING, "filing.failed")
    assert "KeyError" in told.filing_reason
    assert "swordfish-7" not in told.filing_reason
    assert "<a@b.example>" in caplog.text
    assert "swordfish-7" in caplog.text


def test_a_message_is_known_by_its_own_id_and_by_the_one_that_the_server_gave_it() -> None:
    assert known_ids(SENT) == ("<a@b.example>",)


@pytest.mark.parametrize(
    ("is_repeat", "times", "is_watched"), [(False, 1, True), (True, 1, False), (False, 2, False), (True, 2, False)]
)
def test_a_copy_is_watched_only_if_another_one_could_not_be_ours(is_repeat: bool, times: int, is_watched: bool) -> None:
    """What doubles a watched copy is taken for the provider's, and the account stops filing."""
    account = Provider().dispatch()._account
    account.begin_watch()
    for _ in range(times):
        account.note_sent(SENT.message_id)
    copy = Copy(filing=Filing.APPENDED, mailbox="Sent", is_repeat=is_repeat)
    assert filed(account, SENT, copy).filing is Filing.APPENDED
    assert account.watched == ([(copy, known_ids(SENT))] if is_watched else [])
