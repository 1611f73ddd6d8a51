"""Who files is learned from what is seen, and whatever the provider does, and when, one copy is left.

tests/mailer/test_learning.py shows the same over sockets; here time passes as it is told to.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from email.message import EmailMessage

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tether_mailconf.delivery.dispatch import Dispatch
from tether_mailconf.delivery.receipt import Delivery, Filing, Receipt
from tether_mailconf.sandbox.personality import BARE, FILES_ITSELF, FILES_LATE, PLAIN, Personality
from tether_mailconf.settings import ConnectionSettings, Filer

from ..simulated import ADDRESS, ROUND_TRIP, Provider
from .test_flights import message


def letter(number: int = 1) -> EmailMessage:
    """Return a message with a Message-ID of its own."""
    made = message()
    made["Message-ID"] = f"<{number}@sandbox.test>"
    return made


def unknown(provider: Provider) -> Dispatch:
    """Return a Mailer that does not know who files."""
    return provider.dispatch(provider.settings(filer=Filer.UNKNOWN))


def send(provider: Provider, dispatch: Dispatch, number: int = 1) -> Receipt:
    """Send a message."""
    return provider.world.run(
        dispatch.send(letter(number), sender=None, recipients=None, partial=False, dsn=None, seconds=60)
    )


def together(provider: Provider, dispatch: Dispatch, moments: Mapping[int, Sequence[float]]) -> list[Receipt]:
    """Send messages by number, each at those moments (seconds)."""

    async def one(number: int, moment: float) -> Receipt:
        await provider.world.sleep(moment)
        return await dispatch.send(letter(number), sender=None, recipients=None, partial=False, dsn=None, seconds=60)

    wanted = [(number, moment) for number, several in moments.items() for moment in several]
    return provider.world.run(provider.gather(*(functools.partial(one, *each) for each in wanted)))


def file(provider: Provider, dispatch: Dispatch, receipt: Receipt, number: int = 1) -> Receipt:
    """File a message that was sent."""
    return provider.world.run(dispatch.file(receipt, letter(number), seconds=60))


def wait(provider: Provider, seconds: float) -> None:
    """Let time pass."""
    provider.world.run(provider.world.sleep(seconds))


def copies(provider: Provider) -> list[int]:
    """Return how many copies of each message stand in Sent, in the order of their numbers."""
    contents = [stored.content for stored in provider.sent_folder()]
    numbers = sorted({int(content.partition(b"Message-ID: <")[2].partition(b"@")[0]) for content in contents})
    return [sum(f"<{number}@sandbox.test>".encode() in content for content in contents) for number in numbers]


def learned(receipt: Receipt) -> ConnectionSettings:
    """Return the settings that know more."""
    assert receipt.learned is not None
    return receipt.learned


@pytest.mark.parametrize(
    ("personality", "filing", "filer"),
    [
        (FILES_ITSELF, Filing.BY_PROVIDER, Filer.PROVIDER),
        (FILES_LATE, Filing.BY_PROVIDER, Filer.PROVIDER),
        (PLAIN, Filing.APPENDED, Filer.CLIENT),
    ],
    ids=["at once", "after 3 s", "never"],
)
def test_the_first_message_shows_who_files(personality: Personality, filing: Filing, filer: Filer) -> None:
    provider = Provider(personality)
    dispatch = unknown(provider)
    first = send(provider, dispatch)
    assert (first.filing, first.filing_code, first.filing_reason) == (filing, "", "")
    assert (first.mailbox, first.uid is None) == ("Sent", filing is Filing.BY_PROVIDER)
    sent = learned(first).sent
    assert (sent.filer, sent.mailbox, sent.learned_at) == (filer, "Sent", "smtp.sandbox.test imap.sandbox.test")
    second = send(provider, dispatch, 2)
    assert (second.filing, second.learned) == (filing, None)
    wait(provider, 10)
    assert copies(provider) == [1, 1]


def test_a_message_that_is_sent_once_for_each_recipient_teaches_nothing_wrong() -> None:
    """A host may send the same message to one after the other. The copies of it are all our own."""
    provider = Provider(PLAIN)
    dispatch = unknown(provider)
    receipts = [send(provider, dispatch, number) for number in (1, 1, 1, 2, 1)]
    assert {receipt.filing for receipt in receipts} == {Filing.APPENDED}
    assert file(provider, dispatch, receipts[0]).learned is None
    assert send(provider, dispatch, 3).filing is Filing.APPENDED
    assert copies(provider)[1:] == [1, 1]


@pytest.mark.parametrize("offset", [0.0, 0.1, 1.0, 4.0, 6.0])
def test_a_message_that_is_sent_twice_at_the_same_time_teaches_nothing_wrong(offset: float) -> None:
    provider = Provider(PLAIN)
    dispatch = unknown(provider)
    together(provider, dispatch, {1: [0.0, offset]})
    assert send(provider, dispatch, 2).filing is Filing.APPENDED
    assert copies(provider)[1] == 1


@given(delay=st.floats(0, 8), offsets=st.lists(st.floats(0, 10), min_size=3, max_size=3))
@settings(max_examples=150, deadline=None)
def test_several_first_messages_have_one_copy_each(delay: float, offsets: list[float]) -> None:
    """What one lane has seen counts for the others: for one that looks, and for one that holds a copy back."""
    provider = Provider(Personality(filing_delay=delay))
    dispatch = unknown(provider)
    together(provider, dispatch, {number: [offset] for number, offset in enumerate(offsets)})
    wait(provider, 10)
    together(provider, dispatch, {number: [offset] for number, offset in enumerate(offsets, start=3)})
    wait(provider, 10)
    assert copies(provider) == [1] * 6


def test_a_copy_that_the_provider_was_seen_to_file_outweighs_one_that_was_late() -> None:
    """Of two first messages the provider files one at once, and the other later than we look."""
    provider = Provider(Personality(filing_delay=20.0))
    dispatch = unknown(provider)
    provider.world.later(3.0, lambda: setattr(provider.store, "personality", FILES_ITSELF))
    first, second = together(provider, dispatch, {1: [0.0], 2: [6.0]})
    wait(provider, 20.0)
    assert (first.filing, second.filing) == (Filing.APPENDED, Filing.BY_PROVIDER)
    assert learned(second).sent.filer is Filer.PROVIDER
    send(provider, dispatch, 3)
    assert copies(provider) == [1, 1, 1]


def test_what_was_learned_at_other_servers_does_not_count() -> None:
    provider = Provider(FILES_ITSELF)
    settings = provider.settings(filer=Filer.CLIENT)
    elsewhere = attrs.evolve(settings.sent, learned_at="smtp.example.org imap.example.org")
    receipt = send(provider, provider.dispatch(attrs.evolve(settings, sent=elsewhere)))
    assert (receipt.filing, learned(receipt).sent.filer) == (Filing.BY_PROVIDER, Filer.PROVIDER)
    assert copies(provider) == [1]


@pytest.mark.parametrize("delay", [8.0, 30.0])
def test_a_double_that_comes_late_is_removed_at_the_next_send(delay: float) -> None:
    provider = Provider(Personality(filing_delay=delay))
    dispatch = unknown(provider)
    first = send(provider, dispatch)
    assert (first.filing, learned(first).sent.filer) == (Filing.APPENDED, Filer.CLIENT)
    wait(provider, delay)
    assert copies(provider) == [2]
    second = send(provider, dispatch, 2)
    assert (second.filing, learned(second).sent.filer) == (Filing.BY_PROVIDER, Filer.PROVIDER)
    wait(provider, delay)
    assert copies(provider) == [1, 1]
    assert first.uid not in [stored.uid for stored in provider.sent_folder()]


def test_all_copies_are_watched_that_were_appended_before_the_provider_s_first_came() -> None:
    provider = Provider(Personality(filing_delay=30.0))
    dispatch = unknown(provider)
    for number in (1, 2, 3):
        assert send(provider, dispatch, number).filing is Filing.APPENDED
    wait(provider, 40.0)
    assert copies(provider) == [2, 2, 2]
    assert send(provider, dispatch, 4).filing is Filing.BY_PROVIDER
    said = provider.lines["imap"][-1].sent
    assert send(provider, dispatch, 5).filing is Filing.BY_PROVIDER
    assert provider.lines["imap"][-1].sent == said, "nothing is left to look at"
    wait(provider, 40.0)
    assert copies(provider) == [1, 1, 1, 1, 1]


def test_a_send_ahead_of_the_provider_s_copy_does_not_end_the_watch() -> None:
    """Slow providers file within half a minute, and a host may send meanwhile."""
    provider = Provider(Personality(filing_delay=30.0))
    dispatch = unknown(provider)
    for number in (1, 2, 3):
        send(provider, dispatch, number)
        wait(provider, 20.0)
    wait(provider, 30.0)
    send(provider, dispatch, 4)
    wait(provider, 30.0)
    assert copies(provider) == [1, 1, 1, 1]


def test_after_a_minute_nothing_is_watched_and_a_send_costs_two_flights_again() -> None:
    provider = Provider(PLAIN)
    dispatch = unknown(provider)
    send(provider, dispatch, 1)
    spent = []
    for number, pause in ((2, 1.0), (3, 65.0), (4, 1.0), (5, 1.0)):
        wait(provider, pause)
        began = provider.world.time
        assert send(provider, dispatch, number).filing is Filing.APPENDED
        spent.append(round((provider.world.time - began) / ROUND_TRIP))
    assert spent[0] > 2, "the first copy is looked at while it is watched"
    assert spent[-1] == 2
    assert copies(provider) == [1, 1, 1, 1, 1]


def test_a_double_that_comes_late_is_removed_by_file() -> None:
    provider = Provider(Personality(filing_delay=20.0))
    first = send(provider, unknown(provider))
    later = provider.dispatch(learned(first))
    assert file(provider, later, first) == first
    wait(provider, 20.0)
    assert copies(provider) == [2]
    reviewed = file(provider, later, first)
    assert (reviewed.filing, reviewed.uid, reviewed.uid_validity) == (Filing.BY_PROVIDER, None, None)
    assert learned(reviewed).sent.filer is Filer.PROVIDER
    assert copies(provider) == [1]
    assert file(provider, later, reviewed) == reviewed


def test_without_uidplus_no_copy_is_removed() -> None:
    """A plain EXPUNGE would take with it what the person has marked as deleted (RFC 4315 section 2.1)."""
    provider = Provider(attrs.evolve(BARE, filing_delay=20.0))
    first = send(provider, unknown(provider))
    assert (first.filing, first.uid) == (Filing.APPENDED, None)
    wait(provider, 20.0)
    later = provider.dispatch(learned(first))
    assert file(provider, later, first) == first
    assert copies(provider) == [2]


def test_a_copy_that_could_not_be_filed_says_why_until_it_is() -> None:
    provider = Provider(PLAIN)
    provider.dead.add("imap")
    dispatch = provider.dispatch(provider.settings(filer=Filer.CLIENT))
    pending = send(provider, dispatch)
    assert (pending.filing, pending.filing_code) == (Filing.PENDING, "network.unreachable")
    assert "imap.sandbox.test" in pending.filing_reason
    assert copies(provider) == []
    provider.dead.clear()
    began = provider.world.time
    done = file(provider, dispatch, pending)
    assert provider.world.time - began < 1.0, "there is nobody else to wait for"
    # What earlier tries came to is not told by a receipt, which knows the last one only.
    assert (done.filing, done.filing_code, done.filing_reason) == (Filing.APPENDED, "append.repeated", "")
    assert (pending.filing_trouble is None, done.filing_trouble is None) == (False, True)
    assert (done.mailbox, learned(done).sent.mailbox) == ("Sent", "Sent")
    assert learned(done).sent.learned_at is None, "the host has said who files"
    assert [stored.uid for stored in provider.sent_folder()] == [done.uid]
    again = file(provider, dispatch, pending)
    assert (again.filing, again.uid) == (Filing.ALREADY_THERE, None)
    assert copies(provider) == [1]


def test_a_copy_that_the_provider_files_after_all_is_pending_no_more() -> None:
    """What another message has shown settles a receipt that was left pending."""
    provider = Provider(FILES_ITSELF)
    provider.dead.add("imap")
    pending = send(provider, unknown(provider))
    assert pending.filing is Filing.PENDING
    assert pending.filing_trouble is not None
    done = file(provider, provider.dispatch(provider.settings(filer=Filer.PROVIDER)), pending)
    assert (done.filing, done.filing_code, done.filing_reason) == (Filing.BY_PROVIDER, "", "")
    assert done.filing_trouble is None


def test_a_provider_s_own_message_id_is_noted_and_its_copy_recognised() -> None:
    provider = Provider(Personality(filing_delay=0.0, reply_message_id=True))
    receipt = send(provider, unknown(provider))
    assert receipt.filing is Filing.BY_PROVIDER
    assert receipt.server_message_id not in (None, receipt.message_id)
    (stored,) = provider.sent_folder()
    assert str(receipt.server_message_id).encode() in stored.content


def test_a_message_of_another_s_that_merely_names_ours_is_not_taken_for_it() -> None:
    provider = Provider(PLAIN)
    account = provider.store.account(ADDRESS)
    assert account is not None
    account.mailboxes["Sent"].add(b"Message-ID: \xff <1@sandbox.test>\r\n\r\nnot ours\r\n", flags=(), stored_at=0.0)
    receipt = send(provider, unknown(provider))
    assert (receipt.filing, receipt.filing_reason) == (Filing.APPENDED, "")
    assert len(provider.sent_folder()) == 2


@pytest.mark.parametrize(
    ("filer", "expected", "done"),
    [
        (Filer.CLIENT, (Filing.PENDING, "filing.not_yet", "the copy has not been filed yet"), Filing.APPENDED),
        (Filer.PROVIDER, (Filing.BY_PROVIDER, "", ""), Filing.BY_PROVIDER),
        (Filer.NOBODY, (Filing.OFF, "", ""), Filing.OFF),
    ],
)
def test_the_journal_is_told_what_is_to_become_of_the_copy(
    filer: Filer, expected: tuple[Filing, str, str], done: Filing
) -> None:
    told: list[Receipt] = []

    class Diary:
        def record(self, receipt: Receipt) -> None:
            told.append(receipt)

    provider = Provider(PLAIN)
    receipt = send(provider, provider.dispatch(provider.settings(filer=filer), journal=Diary()))
    deliveries = [entry.delivery for entry in told]
    assert deliveries[:3] == [Delivery.NOT_SENT, Delivery.UNKNOWN, Delivery.SENT]
    for entry in told[1:3]:
        assert (entry.filing, entry.filing_code, entry.filing_reason) == expected
    assert (told[-1].filing, told[-1].filing_code, told[-1].filing_reason) == (done, "", "")
    assert attrs.evolve(told[-1], learned=receipt.learned) == receipt
