"""What the journal is told, and that its failing loses nothing and doubles nothing."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path
from typing import Any

import attrs
import pytest

from tether_mailconf import Delivery, FileJournal, Filer, Filing, JournalFailed, Receipt, aio
from tether_mailconf.sandbox import Personality, Sandbox, personality

from .conftest import Start
from .post import BEN, CLARA, Colour, filed_by, letter


class Memory:
    """Remembers what it is told; fails from the n-th time on, counted from 1."""

    def __init__(self, fails_from: int = 1000, fails_until: int = 1000) -> None:
        self.told: list[Receipt] = []
        self.count = 0
        self._fails = range(fails_from, fails_until)

    def record(self, receipt: Receipt) -> None:
        self.count += 1
        if self.count in self._fails:
            raise OSError("no space left on device")
        self.told.append(receipt)

    @property
    def story(self) -> list[tuple[Delivery, Filing]]:
        return [(receipt.delivery, receipt.filing) for receipt in self.told]


class AsyncMemory(Memory):
    """The same, awaited."""

    async def record(self, receipt: Receipt) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        super().record(receipt)


def memory(colour: Colour, *arguments: int) -> Any:
    return AsyncMemory(*arguments) if colour.is_async else Memory(*arguments)


TOLD = {
    Filer.CLIENT: [
        (Delivery.NOT_SENT, Filing.OFF),
        (Delivery.UNKNOWN, Filing.PENDING),
        (Delivery.SENT, Filing.PENDING),
        (Delivery.SENT, Filing.APPENDED),
    ],
    Filer.PROVIDER: [
        (Delivery.NOT_SENT, Filing.OFF),
        (Delivery.UNKNOWN, Filing.BY_PROVIDER),
        (Delivery.SENT, Filing.BY_PROVIDER),
    ],
    Filer.NOBODY: [
        (Delivery.NOT_SENT, Filing.OFF),
        (Delivery.UNKNOWN, Filing.OFF),
        (Delivery.SENT, Filing.OFF),
    ],
}


@pytest.mark.parametrize("filer", TOLD)
def test_it_is_told_before_each_next_step(sandbox: Sandbox, colour: Colour, filer: Filer) -> None:
    journal = memory(colour)
    with colour.mailer(sandbox, filed_by(sandbox.settings, filer), journal=journal) as mailer:
        receipt = mailer.send(letter())
    assert journal.story == TOLD[filer]
    assert {told.message_id for told in journal.told} == {receipt.message_id}
    assert journal.told[1].accepted == receipt.accepted
    assert journal.told[2].reply == receipt.reply
    assert attrs.evolve(journal.told[-1], learned=receipt.learned) == receipt


@pytest.mark.parametrize("text", ["short\n", "long enough for several pieces\n" * 10_000], ids=["short", "long"])
@pytest.mark.parametrize("failing", [1, 2])
def test_a_journal_that_fails_before_the_end_of_the_body_stops_the_message(
    sandbox: Sandbox, colour: Colour, failing: int, text: str
) -> None:
    journal = memory(colour, failing, failing + 1)
    with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.CLIENT), journal=journal) as mailer:
        with pytest.raises(JournalFailed) as caught:
            mailer.send(letter(text))
        assert isinstance(caught.value.__cause__, OSError)
        assert caught.value.receipt is not None
        assert caught.value.receipt.delivery is Delivery.NOT_SENT
        assert not sandbox.submissions
        assert not sandbox.sent()
        assert journal.story[-1] == (Delivery.NOT_SENT, Filing.OFF)
        next_one = mailer.send(letter())
    assert next_one.filing is Filing.APPENDED
    assert len(sandbox.submissions) == len(sandbox.sent()) == 1


@pytest.mark.parametrize("failing", [3, 4])
def test_a_journal_that_fails_after_acceptance_changes_nothing_for_the_message(
    sandbox: Sandbox, colour: Colour, failing: int, caplog: pytest.LogCaptureFixture
) -> None:
    journal = memory(colour, failing, 1000)
    with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.CLIENT), journal=journal) as mailer:
        receipt = mailer.send(letter())
    assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.APPENDED)
    assert len(sandbox.submissions) == len(sandbox.sent()) == 1
    assert f"the journal did not record what became of {receipt.message_id}" in caplog.text


@pytest.mark.usefixtures("brief_looks")
@pytest.mark.parametrize("filer", [Filer.CLIENT, Filer.UNKNOWN])
def test_a_copy_of_ours_that_the_journal_missed_teaches_nothing_wrong(
    sandbox: Sandbox, colour: Colour, filer: Filer
) -> None:
    """The disk was full after acceptance: the copy found later is our own, and no sign of a provider that files."""
    journal = memory(colour, 3, 1000)
    message = letter()
    with colour.mailer(sandbox, filed_by(sandbox.settings, filer), journal=journal) as mailer:
        mailer.send(message)
    last = journal.told[-1]
    assert last.delivery is Delivery.UNKNOWN
    with colour.mailer(sandbox, filed_by(sandbox.settings, filer)) as mailer:
        resolved = mailer.resolve(last, message)
        assert (resolved.delivery, resolved.filing) == (Delivery.SENT, Filing.ALREADY_THERE)
        assert resolved.learned is not None
        assert resolved.learned.sent.filer is filer
        assert mailer.file(resolved, message) == resolved
        assert mailer.send(letter()).filing is Filing.APPENDED
    assert len(sandbox.submissions) == len(sandbox.sent()) == 2


def test_the_file_journal_of_each_colour_holds_what_the_next_process_needs(
    start: Start, colour: Colour, tmp_path: Path
) -> None:
    sandbox = start(personality.FULL)
    path = tmp_path / "journal"
    journal: Any = aio.FileJournal(path) if colour.is_async else FileJournal(path)
    message = letter()
    with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.CLIENT), journal=journal) as mailer:
        receipt = mailer.send(message)
        assert receipt.filing is Filing.PENDING
    stored = asyncio.run(journal.read()) if colour.is_async else journal.read()
    assert list(stored) == [receipt.message_id]
    assert attrs.evolve(stored[receipt.message_id], learned=receipt.learned) == receipt
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sandbox.password not in path.read_text()


def test_a_file_journal_passes_over_a_line_that_a_crash_cut_short(start: Start, colour: Colour, tmp_path: Path) -> None:
    sandbox = start(Personality())
    path = tmp_path / "journal"
    with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.CLIENT), journal=FileJournal(path)) as mailer:
        first = mailer.send(letter())
        path.write_bytes(path.read_bytes()[:-20])
        assert FileJournal(path).read()[first.message_id].filing is Filing.PENDING
        second = mailer.send(letter())
    stored = FileJournal(path).read()
    assert stored[second.message_id].filing is Filing.APPENDED
    assert stored[first.message_id].delivery is Delivery.SENT


@pytest.mark.parametrize(
    ("extensions", "known"),
    [
        ({"PIPELINING", "CHUNKING"}, False),
        ({"PIPELINING"}, True),
        ({"CHUNKING"}, True),
        (set(), True),
    ],
    ids=lambda value: " ".join(sorted(value)) or "neither" if isinstance(value, set) else "",
)
def test_a_recipient_who_was_refused_by_then_is_not_told_as_one_that_may_get_it(
    start: Start, colour: Colour, extensions: set[str], known: bool
) -> None:
    """After a crash nobody would learn of it: what is found in Sent counts as sent to all who may have got it."""
    sandbox = start(Personality(refused_recipients={CLARA}, smtp_extensions=frozenset({"8BITMIME", *extensions})))
    journal = memory(colour)
    with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.CLIENT), journal=journal) as mailer:
        receipt = mailer.send(letter(to=f"{BEN}, {CLARA}"), partial=True)
    unknown = journal.told[1]
    assert unknown.delivery is Delivery.UNKNOWN
    assert unknown.accepted == ((BEN,) if known else (BEN, CLARA))
    assert unknown.refused == (receipt.refused if known else {})
    assert list(receipt.refused) == [CLARA]


def test_a_refusal_is_told_as_not_sent(start: Start, colour: Colour) -> None:
    sandbox = start(Personality(max_size=5_000, smtp_extensions=frozenset({"8BITMIME", "CHUNKING", "PIPELINING"})))
    journal = memory(colour)
    with (
        colour.mailer(sandbox, filed_by(sandbox.settings, Filer.CLIENT), journal=journal) as mailer,
        pytest.raises(Exception, match="552"),
    ):
        mailer.send(letter("Ein Satz.\n" * 1_000))
    assert [delivery for delivery, _ in journal.story] == [Delivery.NOT_SENT, Delivery.UNKNOWN, Delivery.NOT_SENT]
