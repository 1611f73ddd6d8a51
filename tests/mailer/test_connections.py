"""Connections are kept, reused, reopened when they are gone, bounded in number, and never left behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from tether_mailconf import Closed, ConnectionSettings, Delivery, Filer, Filing, Receipt, Refused, aio
from tether_mailconf.delivery import lanes
from tether_mailconf.sandbox import Personality, Sandbox

from .conftest import Start
from .post import Colour, accepted, at_ports, connections_to, copies, descriptors, filed_by, letter, permitting
from .relay import Relay

RelayTo = Callable[[int], Relay]


class Relayed:
    """The sandbox behind relays."""

    def __init__(self, sandbox: Sandbox, relay_to: RelayTo) -> None:
        self._sandbox = sandbox
        imap = sandbox.settings.imap
        assert imap is not None
        self.smtp = relay_to(sandbox.settings.smtp.port)
        self.imap = relay_to(imap.port)
        self.settings: ConnectionSettings = filed_by(
            at_ports(sandbox.settings, smtp=self.smtp.port, imap=self.imap.port), Filer.CLIENT
        )

    def wait_until_idle(self) -> None:
        """Return once no connection is left on either side of the relays."""
        self.smtp.wait_until_idle()
        self.imap.wait_until_idle()
        wait_until_idle(self._sandbox)

    @property
    def opened(self) -> tuple[int, int]:
        return self.smtp.opened, self.imap.opened


@pytest.fixture
def relayed(sandbox: Sandbox, relay_to: RelayTo) -> Relayed:
    return Relayed(sandbox, relay_to)


def each_has_one_copy(sandbox: Sandbox, receipts: list[Receipt]) -> None:
    for receipt in receipts:
        assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.APPENDED)
        assert accepted(sandbox, receipt.message_id) == 1
        assert len(copies(sandbox.sent(), receipt.message_id)) == 1
    assert len(sandbox.sent()) == len(sandbox.submissions) == len(receipts)


def test_an_open_mailer_uses_one_connection_to_each_server(sandbox: Sandbox, relayed: Relayed, colour: Colour) -> None:
    with colour.mailer(sandbox, relayed.settings) as mailer:
        receipts = [mailer.send(letter()) for _ in range(4)]
    assert relayed.opened == (1, 1)
    each_has_one_copy(sandbox, receipts)


def wait_until_idle(sandbox: Sandbox) -> None:
    """Return once the sandbox has noticed that every connection has ended: a moment after the client closed it."""
    connections = sandbox._alive().server._connections
    while connections:
        time.sleep(0.001)


def test_without_with_each_call_opens_and_closes_its_own(sandbox: Sandbox, relayed: Relayed, colour: Colour) -> None:
    mailer = colour.mailer(sandbox, relayed.settings)
    receipts = [mailer.send(letter())]
    relayed.wait_until_idle()
    before = descriptors()
    for _ in range(3):
        receipts.append(mailer.send(letter()))
        relayed.wait_until_idle()
        assert descriptors() == before
    assert relayed.opened == (4, 4)
    each_has_one_copy(sandbox, receipts)


def test_no_descriptor_is_left_behind_by_failures(start: Start, colour: Colour) -> None:
    sandbox = start(Personality(refused_senders={"ana@sandbox.test"}))
    mailer = colour.mailer(sandbox, filed_by(sandbox.settings, Filer.CLIENT))
    counts = []
    for _ in range(3):
        with pytest.raises(Refused, match="not owned"):
            mailer.send(letter())
        wait_until_idle(sandbox)
        counts.append(descriptors())
    assert counts == [counts[0]] * 3


def test_closing_closes_kept_connections(sandbox: Sandbox, relayed: Relayed, colour: Colour) -> None:
    with colour.mailer(sandbox, relayed.settings) as mailer:
        before = descriptors()
        mailer.send(letter())
        assert (relayed.smtp.live, relayed.imap.live) == (1, 1)
    relayed.wait_until_idle()
    assert descriptors() == before


def test_a_server_that_closed_an_idle_connection_loses_and_doubles_nothing(
    sandbox: Sandbox, relayed: Relayed, colour: Colour
) -> None:
    receipts = []
    with colour.mailer(sandbox, relayed.settings) as mailer:
        for cut in ((), (relayed.smtp,), (relayed.imap,), (relayed.smtp, relayed.imap)):
            for relay in cut:
                relay.cut()
            receipts.append(mailer.send(letter()))
    each_has_one_copy(sandbox, receipts)
    assert relayed.opened == (3, 3)


def test_a_connection_idle_for_long_is_asked_first(
    sandbox: Sandbox, relayed: Relayed, colour: Colour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "TRUSTED_IDLE", -1.0)
    receipts = []
    with colour.mailer(sandbox, relayed.settings) as mailer:
        for cut in (False, False, True):
            if cut:
                relayed.smtp.cut()
                relayed.imap.cut()
            receipts.append(mailer.send(letter()))
    each_has_one_copy(sandbox, receipts)
    assert relayed.opened == (2, 2)


def test_a_connection_that_died_silently_while_idle_is_replaced(
    sandbox: Sandbox, relayed: Relayed, colour: Colour, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A router that forgot the connection says nothing; that must cost a few seconds and not the message."""
    monkeypatch.setattr(lanes, "TRUSTED_IDLE", -1.0)
    monkeypatch.setattr(lanes, "ANSWER_SECONDS", 0.3)
    with colour.mailer(sandbox, relayed.settings) as mailer:
        receipts = [mailer.send(letter())]
        relayed.smtp.freeze()
        relayed.imap.freeze()
        receipts.append(mailer.send(letter(), deadline=20))
    each_has_one_copy(sandbox, receipts)
    assert relayed.opened == (2, 2)


def test_after_close_nothing_is_sent(sandbox: Sandbox, relayed: Relayed, colour: Colour) -> None:
    message = letter()
    with colour.mailer(sandbox, relayed.settings) as mailer:
        receipt = mailer.send(message)
    with pytest.raises(Closed) as caught:
        mailer.send(letter())
    assert caught.value.receipt is not None
    assert caught.value.receipt.delivery is Delivery.NOT_SENT
    with pytest.raises(Closed):
        mailer.file(receipt, message)
    mailer.close()
    assert relayed.opened == (1, 1)
    each_has_one_copy(sandbox, [receipt])


@pytest.mark.parametrize("size", ["small", "large"])
def test_thirty_messages_at_once_go_over_three_connections(
    sandbox: Sandbox, relayed: Relayed, colour: Colour, size: str
) -> None:
    text = "Ein Brief.\n" * (1 if size == "small" else 10_000)
    messages = [letter(text) for _ in range(30)]
    with colour.mailer(sandbox, relayed.settings, connections=3) as mailer:
        outcomes = mailer.send_together(messages)
    receipts = [outcome for outcome in outcomes if isinstance(outcome, Receipt)]
    assert [receipt.message_id for receipt in receipts] == [message["Message-ID"] for message in messages], outcomes
    each_has_one_copy(sandbox, receipts)
    assert relayed.smtp.peak <= 3
    assert relayed.imap.peak <= 3
    assert relayed.opened <= (3, 3)


@pytest.mark.usefixtures("brief_looks")
def test_thirty_messages_at_once_while_nobody_knows_who_files(start: Start, relay_to: RelayTo, colour: Colour) -> None:
    for delay in (None, 0.0):
        sandbox = start(Personality(filing_delay=delay))
        relayed = Relayed(sandbox, relay_to)
        settings = filed_by(relayed.settings, Filer.UNKNOWN)
        messages = [letter() for _ in range(30)]
        with colour.mailer(sandbox, settings, connections=3) as mailer:
            outcomes = mailer.send_together(messages)
        assert all(isinstance(outcome, Receipt) for outcome in outcomes), outcomes
        for message in messages:
            assert accepted(sandbox, message["Message-ID"]) == 1
            assert len(copies(sandbox.sent(), message["Message-ID"])) == 1
        assert relayed.smtp.peak <= 3


def test_without_with_the_bound_holds_too(sandbox: Sandbox, relayed: Relayed, colour: Colour) -> None:
    mailer = colour.mailer(sandbox, relayed.settings, connections=2)
    outcomes = mailer.send_together([letter() for _ in range(8)])
    each_has_one_copy(sandbox, [outcome for outcome in outcomes if isinstance(outcome, Receipt)])
    assert len(sandbox.submissions) == relayed.smtp.opened == 8


def test_who_waits_too_long_for_a_connection_has_not_sent(start: Start, colour: Colour) -> None:
    sandbox = start(Personality(slow=0.15))
    with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.NOBODY), connections=1) as mailer:
        # So many that some are late also where the machine starts them one after the other.
        outcomes = mailer.send_together([letter() for _ in range(12)], deadline=0.9)
    sent = [outcome for outcome in outcomes if isinstance(outcome, Receipt)]
    late = [outcome for outcome in outcomes if not isinstance(outcome, Receipt)]
    assert late
    assert {getattr(error, "code", repr(error)) for error in late} == {"deadline.passed"}, late
    unknown = [receipt for receipt in sent if receipt.delivery is Delivery.UNKNOWN]
    assert len(sent) - len(unknown) <= len(sandbox.submissions) <= len(sent)


@pytest.mark.parametrize("idle", [10.0, -1.0], ids=["used a moment ago", "asked first"])
def test_a_cancelled_send_leaves_no_task_no_descriptor_and_no_half_used_connection(
    sandbox: Sandbox, relay_to: RelayTo, monkeypatch: pytest.MonkeyPatch, idle: float
) -> None:
    """Cancelled at its n-th wait, for every n; the Mailer sends the next message as if nothing had been."""
    monkeypatch.setattr(lanes, "TRUSTED_IDLE", idle)
    relayed = Relayed(sandbox, relay_to)
    before = descriptors()
    cancelled = 0

    async def one(mailer: aio.Mailer, waits: int) -> bool:
        nonlocal cancelled
        # In ASCII: recoding it for each of the hundreds of sends would take longer than sending it.
        message = letter("Ein Satz, der eine ganze Zeile lang ist, wie sie in einem Brief meist dasteht.\n" * 1_000)
        task = asyncio.ensure_future(mailer.send(message))
        for _ in range(waits):
            await asyncio.sleep(0)
            if task.done():
                break
        survived = not task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            cancelled += 1
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert connections_to(relayed.smtp.port) <= 1
        assert connections_to(relayed.imap.port) <= 1
        receipt = await mailer.send(letter())
        assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.APPENDED)
        assert accepted(sandbox, message["Message-ID"]) <= 1
        assert len(copies(sandbox.sent(), message["Message-ID"])) <= accepted(sandbox, message["Message-ID"])
        return survived

    async def main() -> None:
        # How many turns of the loop a send takes depends on the machine, so the sweep is made again until it has
        # seen enough of them.
        rounds = 0
        while rounds == 0 or (cancelled <= 20 and rounds < 20):
            rounds += 1
            await sweep()

    async def sweep() -> None:
        waits, step = 0, 1
        while True:
            async with aio.Mailer(
                relayed.settings,
                sandbox.credential,
                network=permitting(sandbox, relayed.settings),
                ca_file=sandbox.ca_file,
                connections=1,
            ) as mailer:
                # The first send opens the connections, the second uses them again; each must survive a cancellation
                # at every wait that it has.
                survived = await one(mailer, waits)
                survived &= await one(mailer, waits)
            if survived or waits > 3000:
                return
            waits += step
            step += 1 if waits > 60 else 0

    asyncio.run(main())
    assert cancelled > 20
    assert connections_to(relayed.smtp.port) == connections_to(relayed.imap.port) == 0
    relayed.wait_until_idle()
    assert descriptors() == before
