"""The test send: the whole chain from the sign-in to the copy, and nothing that raises once the message is out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from tests.simulated import ADDRESS, PASSWORD, Cut, Provider
from tether_mailconf import (
    AppPassword,
    Closed,
    ConnectionSettings,
    Damaged,
    Delivery,
    Filer,
    Filing,
    InvalidMessage,
    Mailer,
    SentPolicy,
    Step,
    Trial,
    UnsupportedSchema,
    aio,
)
from tether_mailconf.delivery.dispatch import Dispatch
from tether_mailconf.delivery.trial import MARK
from tether_mailconf.diagnosis.trial import judge
from tether_mailconf.sandbox import Sandbox
from tether_mailconf.sandbox.personality import (
    BARE,
    COURIER_LIKE,
    FILES_ITSELF,
    FILES_LATE,
    FULL,
    GERMAN,
    NO_SPECIAL_USE,
    PLAIN,
    Drop,
    Personality,
)

from .conftest import Start
from .trying import CHAIN, FAILS, UNSURE, WORKS, causes, outcomes, tried


@pytest.mark.parametrize(
    ("personality", "filing", "learned"),
    [
        (PLAIN, Filing.APPENDED, Filer.CLIENT),
        (FILES_ITSELF, Filing.BY_PROVIDER, Filer.PROVIDER),
        (FILES_LATE, Filing.BY_PROVIDER, Filer.PROVIDER),
        (BARE, Filing.APPENDED, Filer.CLIENT),
        (COURIER_LIKE, Filing.APPENDED, Filer.CLIENT),
        (NO_SPECIAL_USE, Filing.APPENDED, Filer.CLIENT),
        (Personality(sent_name=None), Filing.APPENDED, Filer.CLIENT),
        (Personality(reply_message_id=True, filing_delay=0.0), Filing.BY_PROVIDER, Filer.PROVIDER),
    ],
    ids=["plain", "files", "files late", "bare", "courier", "unmarked", "no Sent yet", "own Message-ID"],
)
def test_a_chain_that_holds(personality: Personality, filing: Filing, learned: Filer) -> None:
    provider = Provider(personality)
    trial = tried(provider)
    assert (outcomes(trial), trial.outcome, trial.findings) == (CHAIN, WORKS, ())
    assert trial.was_accepted
    assert trial.receipt is not None
    assert trial.receipt.filing is filing
    assert trial.copies == len(provider.sent_folder()) == 1
    assert trial.settings.sent.filer is learned
    assert trial.settings.sent.mailbox is not None
    assert trial.arrival is not None
    assert (trial.arrival.mailbox, trial.arrival.is_junk, trial.arrival.sender) == ("INBOX", False, ADDRESS)
    assert all(one.seconds is None or one.seconds >= 0 for one in trial.steps)
    assert trial.is_cleaned_up is None


def test_the_message_says_that_a_program_wrote_it_and_is_marked() -> None:
    provider = Provider()
    tried(provider)
    (sent,) = provider.store.submissions
    header = sent.content.partition(b"\r\n\r\n")[0].decode()
    for field in ("Auto-Submitted: auto-generated", f"{MARK}: ", f"To: {ADDRESS}", "Subject: Test message"):
        assert f"\r\n{field}" in f"\r\n{header}"


def test_two_tests_do_not_find_each_other() -> None:
    provider = Provider(Personality(arrival_delay=20.0))
    first = tried(provider, seconds=12)
    second = tried(provider, seconds=12)
    assert outcomes(first)["arrival"] is outcomes(second)["arrival"] is UNSURE
    third = tried(provider)
    assert third.arrival is not None
    assert third.arrival.seconds >= 19


def test_to_somebody_else_nobody_looks_into_the_inbox() -> None:
    trial = tried(to="ben@example.org")
    assert (outcomes(trial), trial.outcome) == ({"body": WORKS, "append": WORKS}, WORKS)
    assert (trial.to, trial.arrival, trial.copies) == ("ben@example.org", None, 1)


def test_to_the_account_s_own_address_however_it_is_written() -> None:
    assert outcomes(tried(to=f"Ana <{ADDRESS.upper()}>")) == CHAIN


def test_without_imap_what_is_accepted_works() -> None:
    trial = tried(imap=False)
    assert (outcomes(trial), trial.outcome, trial.copies) == ({"body": WORKS}, WORKS, None)


@pytest.mark.parametrize("filer", [Filer.NOBODY, Filer.PROVIDER])
def test_who_files_by_the_host_s_word(filer: Filer) -> None:
    trial = tried(FILES_ITSELF if filer is Filer.PROVIDER else PLAIN, filer=filer)
    assert trial.outcome is WORKS
    assert ("append" in outcomes(trial)) is (filer is Filer.PROVIDER)


def test_a_provider_that_does_not_file_although_it_is_said_to() -> None:
    trial = tried(PLAIN, filer=Filer.PROVIDER)
    assert (trial.outcome, causes(trial), trial.copies) == (UNSURE, ["trial.copy_not_yet"], 0)


def test_a_provider_that_files_although_it_is_said_not_to_leaves_two() -> None:
    trial = tried(FILES_ITSELF, filer=Filer.CLIENT)
    assert (trial.outcome, causes(trial), trial.copies) == (FAILS, ["trial.copy_doubled"], 2)


def test_a_copy_that_cannot_be_filed_names_the_reason_and_the_rest_of_the_chain_holds() -> None:
    trial = tried(FULL, filer=Filer.CLIENT)
    assert causes(trial) == ["mailbox.over_quota"]
    assert outcomes(trial) == {**CHAIN, "append": FAILS}
    assert trial.receipt is not None
    assert trial.receipt.filing is Filing.PENDING


@pytest.mark.parametrize(
    ("personality", "password", "step", "cause"),
    [
        (PLAIN, "falsch", Step.SIGN_IN, "sign_in.password_refused"),
        (Personality(refused_senders=frozenset({ADDRESS})), PASSWORD, Step.SENDER, None),
        (Personality(refused_recipients=frozenset({ADDRESS})), PASSWORD, Step.RECIPIENTS, "recipient.unknown"),
        (Personality(drop_at=Drop.GREETING, drop_count=9), PASSWORD, Step.GREETING, "connection.dropped"),
        (Personality(max_size=50), PASSWORD, Step.BODY, "message.too_big"),
    ],
)
def test_what_was_not_sent_is_told_and_not_raised(
    personality: Personality, password: str, step: Step, cause: str | None
) -> None:
    provider = Provider(personality)
    trial = tried(provider, password=password)
    assert trial.outcome is FAILS
    (finding,) = trial.findings
    assert finding.step is step
    assert cause in (None, finding.cause)
    assert (trial.receipt, trial.was_accepted, provider.store.submissions) == (None, False, [])
    assert Trial.from_dict(json.loads(json.dumps(trial.to_dict()))) == trial


def test_what_may_have_been_sent_is_looked_for_and_was_sent_if_it_arrived() -> None:
    trial = tried(Personality(drop_at=Drop.AFTER_BODY, filing_delay=0.0))
    assert trial.receipt is not None
    assert trial.receipt.delivery is Delivery.UNKNOWN
    assert outcomes(trial) == CHAIN
    trial = tried(Personality(drop_at=Drop.BODY), seconds=15)
    assert (trial.outcome, outcomes(trial)["body"]) == (UNSURE, UNSURE)
    assert causes(trial)[0] == "delivery.unknown"


def test_imap_that_is_down_does_not_hide_that_the_message_was_sent() -> None:
    provider = Provider()
    provider.dead.add("imap")
    trial = tried(provider)
    assert trial.was_accepted
    assert outcomes(trial)["body"] is WORKS
    assert trial.findings[0].step is Step.CONNECT
    assert trial.arrival is None


@pytest.mark.parametrize("direction", ["after_sent", "after_received"])
def test_a_connection_lost_at_any_byte_of_imap_never_raises(direction: str) -> None:
    whole = Provider()
    tried(whole)
    total = whole.bytes_on("imap")[direction == "after_received"]
    for count in range(0, total, 41):
        provider = Provider()
        provider.cuts["imap"].append(Cut(**{direction: count}))
        trial = tried(provider)
        assert trial.was_accepted, count
        assert len(provider.sent_folder()) == 1, count


@pytest.mark.parametrize("to", [None, "ben@example.org"])
def test_it_cleans_up_only_if_asked_and_only_what_it_sent(to: str | None) -> None:
    provider = Provider()
    dispatch = provider.dispatch()
    before = tried(provider)
    assert before.is_cleaned_up is None
    trial = tried(provider, to=to, clean_up=True)
    assert (trial.outcome, trial.is_cleaned_up) == (WORKS, True)
    account = provider.store.account(ADDRESS)
    assert account is not None
    assert len(account.mailboxes["INBOX"].messages) == 1
    assert len(provider.sent_folder()) == 1
    assert "removed again: all of it" in str(trial)
    provider.world.run(dispatch.close())


def test_where_single_messages_cannot_be_removed_they_stay_and_that_is_told() -> None:
    provider = Provider(BARE)
    trial = tried(provider, clean_up=True)
    assert (trial.outcome, trial.is_cleaned_up) == (WORKS, False)
    assert len(provider.sent_folder()) == 1
    late = tried(Personality(arrival_delay=50.0), seconds=12, clean_up=True)
    assert late.is_cleaned_up is False


def test_an_address_that_is_none_is_a_fault_of_the_caller() -> None:
    provider = Provider()
    for to in ("nobody", "", "a@b.example\r\nBcc: c@d.example"):
        with pytest.raises(InvalidMessage):
            tried(provider, to=to)
    assert provider.store.submissions == []


def test_settings_that_are_switched_off_send_nothing() -> None:
    provider = Provider()
    settings = attrs.evolve(provider.settings(), enabled=False)
    dispatch = Dispatch(provider, settings, AppPassword(PASSWORD), None, 2)
    trial = judge(provider.world.run(dispatch.test(None, seconds=9, clean_up=False)))
    assert (trial.outcome, causes(trial), provider.store.submissions) == (FAILS, ["settings.disabled"], [])


@pytest.mark.usefixtures("brief_looks")
@pytest.mark.parametrize("colour", ["sync", "aio"])
def test_both_colours_over_real_sockets(start: Start, colour: str) -> None:
    sandbox = start(GERMAN)

    def use(act: Callable[[Any], Any]) -> Any:
        settings = attrs.evolve(sandbox.settings, sent=SentPolicy())
        options: dict[str, Any] = {"network": sandbox.network, "ca_file": sandbox.ca_file}
        return (
            _blocking(sandbox, settings, options, act)
            if colour == "sync"
            else _awaited(sandbox, settings, options, act)
        )

    trial = use(lambda mailer: mailer.send_test(deadline=20.0))
    assert (outcomes(trial), trial.copies) == (CHAIN, 1)
    assert Trial.from_dict(json.loads(json.dumps(trial.to_dict()))) == trial
    for shown in ("works", "arrived in: INBOX", "copies in Sent: 1"):
        assert shown in str(trial)
    assert use(lambda mailer: mailer.send_test("ben@example.org", clean_up=True)).is_cleaned_up is True
    assert len(sandbox.sent()) == 1


def _blocking(
    sandbox: Sandbox, settings: ConnectionSettings, options: dict[str, Any], act: Callable[[Any], Any]
) -> Any:
    with Mailer(settings, sandbox.credential, **options) as mailer:
        result = act(mailer)
    with pytest.raises(Closed):
        mailer.send_test()
    return result


def _awaited(sandbox: Sandbox, settings: ConnectionSettings, options: dict[str, Any], act: Callable[[Any], Any]) -> Any:
    async def main() -> Any:
        async with aio.Mailer(settings, sandbox.credential, **options) as mailer:
            result = await act(mailer)
        with pytest.raises(Closed):
            await mailer.send_test()
        return result

    return asyncio.run(main())


def test_a_stored_trial_that_is_newer_or_damaged_is_said_to_be() -> None:
    stored = tried(Personality(authentication_results="mx; spf=pass")).to_dict()
    with pytest.raises(UnsupportedSchema):
        Trial.from_dict({**stored, "schema": 3})
    damaged: list[object] = [None, [], {}, {**stored, "schema": "1"}]
    for rubbish in damaged:
        with pytest.raises(Damaged):
            Trial.from_dict(rubbish)
    for name in stored.keys() - {"schema", "outcome"}:
        with pytest.raises(Damaged):
            Trial.from_dict({key: value for key, value in stored.items() if key != name})
        with pytest.raises((Damaged, UnsupportedSchema)):
            Trial.from_dict({**stored, name: object()})
