"""Who files is learned, and a provider that files after we have stopped looking leaves one copy all the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from tether_mailconf import ConnectionSettings, Filer, Filing, Receipt
from tether_mailconf.sandbox import Personality, Sandbox, personality

from .conftest import Start
from .post import Colour, copies, filed_by, letter


class Clock:
    """The time of day of a sandbox, which the test advances."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def unknown(sandbox: Sandbox) -> ConnectionSettings:
    return filed_by(sandbox.settings, Filer.UNKNOWN)


def learned(receipt: Receipt) -> ConnectionSettings:
    assert receipt.learned is not None
    return receipt.learned


@pytest.mark.parametrize(
    ("behaviour", "filing", "filer"),
    [
        (personality.FILES_ITSELF, Filing.BY_PROVIDER, Filer.PROVIDER),
        (personality.FILES_LATE, Filing.BY_PROVIDER, Filer.PROVIDER),
        (personality.PLAIN, Filing.APPENDED, Filer.CLIENT),
    ],
    ids=["at once", "after 3 s", "never"],
)
def test_what_is_learned_holds_for_the_next_mailer(
    start: Start, colour: Colour, behaviour: Personality, filing: Filing, filer: Filer
) -> None:
    sandbox = start(behaviour)
    with colour.mailer(sandbox, unknown(sandbox)) as mailer:
        receipt = mailer.send(letter())
    assert receipt.filing is filing
    assert len(copies(sandbox.sent(), receipt.message_id)) == 1
    settings = ConnectionSettings.from_dict(learned(receipt).to_dict())
    assert settings.sent.filer is filer
    assert settings.sent.mailbox == "Sent"
    assert settings.sent.learned_at == "127.0.0.1 127.0.0.1"
    with colour.mailer(sandbox, settings) as mailer:
        again = mailer.send(letter())
    assert again.filing is filing
    assert again.learned is None


def test_what_was_learned_elsewhere_does_not_count(start: Start, colour: Colour) -> None:
    """After the host has moved the account to other servers, the old knowledge would double or lose copies."""
    sandbox = start(personality.FILES_ITSELF)
    settings = unknown(sandbox)
    sent = attrs.evolve(settings.sent, filer=Filer.CLIENT, learned_at="smtp.example.org imap.example.org")
    with colour.mailer(sandbox, attrs.evolve(settings, sent=sent)) as mailer:
        receipt = mailer.send(letter())
    assert (receipt.filing, learned(receipt).sent.filer) == (Filing.BY_PROVIDER, Filer.PROVIDER)
    assert len(sandbox.sent()) == 1


@pytest.mark.usefixtures("brief_looks")
def test_a_folder_that_is_gone_is_found_anew(sandbox: Sandbox, colour: Colour) -> None:
    settings = filed_by(sandbox.settings, Filer.CLIENT)
    sent = attrs.evolve(settings.sent, mailbox="Old folder", learned_at="127.0.0.1 127.0.0.1")
    for filer in (Filer.CLIENT, Filer.UNKNOWN):
        stale = attrs.evolve(settings, sent=attrs.evolve(sent, filer=filer))
        with colour.mailer(sandbox, stale) as mailer:
            receipt = mailer.send(letter())
        assert (receipt.filing, receipt.mailbox) == (Filing.APPENDED, "Sent")
        assert learned(receipt).sent.mailbox == "Sent"
        assert len(copies(sandbox.sent(), receipt.message_id)) == 1


@pytest.mark.usefixtures("brief_looks")
@pytest.mark.parametrize("delay", [6.0, 20.0])
def test_a_double_that_comes_late_is_removed_by_file(start: Start, colour: Colour, delay: float) -> None:
    clock = Clock()
    sandbox = start(Personality(filing_delay=delay), clock=clock)
    message = letter()
    with colour.mailer(sandbox, unknown(sandbox)) as mailer:
        receipt = mailer.send(message)
        assert receipt.filing is Filing.APPENDED
        assert mailer.file(receipt, message) == receipt
    clock.now += delay
    assert len(copies(sandbox.sent(), receipt.message_id)) == 2
    with colour.mailer(sandbox, learned(receipt)) as mailer:
        reviewed = mailer.file(Receipt.from_dict(receipt.to_dict()), message)
        assert reviewed.filing is Filing.BY_PROVIDER
        assert learned(reviewed).sent.filer is Filer.PROVIDER
        (copy,) = copies(sandbox.sent(), receipt.message_id)
        assert copy.uid != receipt.uid
        assert mailer.file(reviewed, message) == reviewed
        later = mailer.send(letter())
        assert later.filing is Filing.BY_PROVIDER
    clock.now += delay
    assert len(copies(sandbox.sent(), later.message_id)) == 1


@pytest.mark.usefixtures("brief_looks")
@pytest.mark.parametrize("delay", [6.0, 20.0])
def test_a_double_that_comes_late_is_removed_at_the_next_send(start: Start, colour: Colour, delay: float) -> None:
    clock = Clock()
    sandbox = start(Personality(filing_delay=delay), clock=clock)
    with colour.mailer(sandbox, unknown(sandbox)) as mailer:
        first = mailer.send(letter())
        clock.now += delay
        second = mailer.send(letter())
        clock.now += delay
        third = mailer.send(letter())
    clock.now += delay
    assert first.filing is Filing.APPENDED
    assert second.filing is third.filing is Filing.BY_PROVIDER
    assert learned(second).sent.filer is Filer.PROVIDER
    for receipt in (first, second, third):
        assert len(copies(sandbox.sent(), receipt.message_id)) == 1


@pytest.mark.usefixtures("brief_looks")
def test_a_double_that_comes_between_the_third_send_and_the_fourth_is_removed_too(start: Start, colour: Colour) -> None:
    """A host that sends often has sent again before a slow provider files the first copy."""
    clock = Clock()
    sandbox = start(Personality(filing_delay=20.0), clock=clock)
    receipts: list[Receipt] = []
    with colour.mailer(sandbox, unknown(sandbox)) as mailer:
        for pause in (2.0, 2.0, 30.0, 30.0):
            receipts.append(mailer.send(letter()))
            clock.now += pause
        assert learned(receipts[3]).sent.filer is Filer.PROVIDER
    for receipt in receipts:
        assert len(copies(sandbox.sent(), receipt.message_id)) == 1


def test_a_second_copy_that_may_be_ours_teaches_nothing(sandbox: Sandbox, colour: Colour) -> None:
    """An APPEND whose answer was lost comes through after the one that was made in its place."""
    account = sandbox.store.account(sandbox.address)
    assert account is not None
    message = letter()
    with colour.mailer(sandbox, unknown(sandbox)) as mailer:
        receipt = mailer.send(message)
        settings = learned(receipt)
    (copy,) = sandbox.sent()
    account.mailboxes["Sent"].remove(copy.uid)
    with colour.mailer(sandbox, settings) as mailer:
        lost = attrs.evolve(receipt, filing=Filing.PENDING, filing_code="connection.dropped", uid=None)
        repeated = mailer.file(lost, message)
        assert (repeated.filing, repeated.filing_code) == (Filing.APPENDED, "append.repeated")
        account.mailboxes["Sent"].add(copy.content, flags=("\\Seen",), stored_at=0.0)
        reviewed = mailer.file(Receipt.from_dict(repeated.to_dict()), message)
        assert (reviewed.filing, reviewed.filing_code) == (Filing.ALREADY_THERE, "")
        assert reviewed.learned is None
        assert len(sandbox.sent()) == 1
        assert mailer.send(letter()).filing is Filing.APPENDED
    assert len(sandbox.submissions) == len(sandbox.sent()) == 2


def test_a_second_copy_does_not_overrule_the_host(sandbox: Sandbox, colour: Colour) -> None:
    """Who is told that nobody else files does not stop filing what is pending because of one double."""
    account = sandbox.store.account(sandbox.address)
    assert account is not None
    first, second = letter(), letter()
    with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.CLIENT)) as mailer:
        doubled, lost = mailer.send(first), mailer.send(second)
        one, other = sandbox.sent()
        account.mailboxes["Sent"].add(one.content, flags=("\\Seen",), stored_at=0.0)
        account.mailboxes["Sent"].remove(other.uid)
        assert mailer.file(doubled, first).filing is Filing.ALREADY_THERE
        pending = attrs.evolve(lost, filing=Filing.PENDING, filing_code="connection.dropped", uid=None)
        assert mailer.file(pending, second).filing is Filing.APPENDED
    assert len(copies(sandbox.sent(), doubled.message_id)) == len(copies(sandbox.sent(), lost.message_id)) == 1


@pytest.mark.usefixtures("brief_looks")
def test_messages_of_others_are_never_removed(start: Start, colour: Colour) -> None:
    """Neither one marked as deleted by its owner, nor one whose Message-ID merely contains ours."""
    clock = Clock()
    sandbox = start(Personality(filing_delay=6.0), clock=clock)
    account = sandbox.store.account(sandbox.address)
    assert account is not None
    sent = account.mailboxes["Sent"]
    message = letter()
    similar = f"Message-ID: <x{message['Message-ID'][1:-1]}>\r\n\r\nnot ours\r\n".encode()
    sent.add(similar, flags=("\\Deleted",), stored_at=clock.now)
    with colour.mailer(sandbox, unknown(sandbox)) as mailer:
        receipt = mailer.send(message)
        assert receipt.filing is Filing.APPENDED
        clock.now += 6
        assert mailer.file(receipt, message).filing is Filing.BY_PROVIDER
    assert [one.content == similar for one in sandbox.sent()] == [True, False]


@pytest.mark.usefixtures("brief_looks")
def test_without_uidplus_nothing_is_removed(start: Start, colour: Colour) -> None:
    clock = Clock()
    sandbox = start(attrs.evolve(personality.BARE, filing_delay=6.0), clock=clock)
    message = letter()
    with colour.mailer(sandbox, unknown(sandbox)) as mailer:
        receipt = mailer.send(message)
        assert (receipt.filing, receipt.uid) == (Filing.APPENDED, None)
        clock.now += 6
        assert mailer.file(receipt, message) == receipt
    assert len(copies(sandbox.sent(), receipt.message_id)) == 2


@pytest.mark.usefixtures("brief_looks")
def test_a_provider_that_replaces_the_message_id_is_recognised(start: Start, colour: Colour) -> None:
    sandbox = start(Personality(filing_delay=0.0, reply_message_id=True))
    with colour.mailer(sandbox, unknown(sandbox)) as mailer:
        receipt = mailer.send(letter())
    assert receipt.filing is Filing.BY_PROVIDER
    assert receipt.server_message_id is not None
    assert len(sandbox.sent()) == len(copies(sandbox.sent(), receipt.server_message_id)) == 1


@pytest.mark.parametrize("name", ["Gesendete Objekte", 'Se"nt\\ & Öffentlich', "Отправленные", "已发送"])
def test_folder_names_of_all_kinds(start: Start, colour: Colour, name: str) -> None:
    for extensions in (personality.IMAP_EXTENSIONS, frozenset({"SPECIAL-USE"})):
        sandbox = start(Personality(sent_name=name, imap_extensions=extensions))
        with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.CLIENT)) as mailer:
            receipt = mailer.send(letter())
        assert (receipt.filing, receipt.mailbox) == (Filing.APPENDED, name)
        assert len(sandbox.mailbox(name)) == 1


def test_the_ca_file_may_be_a_path_or_a_text(sandbox: Sandbox, colour: Colour) -> None:
    kinds: tuple[Callable[[Path], object], ...] = (str, Path)
    for kind in kinds:
        with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.NOBODY), ca_file=kind(sandbox.ca_file)) as mailer:
            mailer.send(letter())
