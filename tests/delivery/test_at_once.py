"""Several workers that file the same copy at the same time: one copy is left, whoever is slow."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tether_mailconf._ports import Deadline
from tether_mailconf._wire.imap import ImapSession
from tether_mailconf.delivery import one_copy
from tether_mailconf.delivery.receipt import Filing, Receipt
from tether_mailconf.settings import Filer, Security

from ..simulated import ADDRESS, ROUND_TRIP, Provider
from .test_loss import message, sending

FILERS = (Filer.CLIENT, Filer.UNKNOWN)


def pending_at(provider: Provider, filer: Filer) -> Receipt:
    """Send while the IMAP server is away; it is back afterwards."""
    provider.dead.add("imap")
    receipt = provider.world.run(sending(provider, filer, Security.TLS))
    provider.dead.clear()
    assert receipt.filing is Filing.PENDING
    # Nobody knows who files, where the sending has taught nothing.
    return attrs.evolve(receipt, learned=receipt.learned or provider.settings(filer=filer))


def filed_at(provider: Provider, known: Sequence[tuple[float, Receipt]]) -> list[Receipt]:
    """File the copy from each moment on (seconds) by what is known there, each with connections of its own."""

    async def worker(moment: float, receipt: Receipt) -> Receipt:
        await provider.world.sleep(moment)
        return await provider.dispatch(receipt.learned).file(receipt, message(), seconds=60)

    filed = provider.world.run(provider.gather(*(functools.partial(worker, *one) for one in known)))
    provider.world.run_down()
    return filed


@given(moments=st.lists(st.floats(0, 3 * ROUND_TRIP), min_size=2, max_size=4), filer=st.sampled_from(FILERS))
@settings(max_examples=150, deadline=None)
def test_one_copy_is_left(moments: list[float], filer: Filer) -> None:
    """Each looks before the others have appended; all but the oldest copy are taken away by those who know them."""
    provider = Provider()
    receipt = pending_at(provider, filer)
    filed = filed_at(provider, [(moment, receipt) for moment in moments])
    (copy,) = provider.sent_folder()
    ours = [receipt for receipt in filed if receipt.filing is Filing.APPENDED]
    assert [receipt.uid for receipt in ours] == [copy.uid]
    assert {receipt.filing for receipt in filed} <= {Filing.APPENDED, Filing.ALREADY_THERE}
    # Another worker's copy does not teach that the provider files.
    assert all(receipt.learned is None or receipt.learned.sent.filer is not Filer.PROVIDER for receipt in filed)


@pytest.mark.parametrize("filer", FILERS)
@pytest.mark.parametrize("slow", [0.5, 1.9, 2.1, 3.0, 30.0])
def test_one_is_left_however_slow_the_other_is(slow: float, filer: Filer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who finds an older copy is held up before the younger one is removed, longer than the other is ready to wait."""
    provider = Provider()
    receipt = pending_at(provider, filer)
    remove, removed = one_copy._remove, list[int]()

    async def late(
        session: ImapSession, double: one_copy._Double, message_ids: Sequence[str], deadline: Deadline
    ) -> tuple[int, ...] | None:
        removed.append(double.uid)
        if double.uid == 2:
            await provider.world.sleep(slow)
        return await remove(session, double, message_ids, deadline)

    monkeypatch.setattr(one_copy, "_remove", late)
    filed_at(provider, [(0.0, receipt), (0.0, receipt)])
    assert removed[0] == 2
    assert (1 in removed) is (slow > 2)
    assert len(provider.sent_folder()) == 1


@given(moments=st.lists(st.floats(0, 3 * ROUND_TRIP), min_size=2, max_size=3))
@settings(max_examples=50, deadline=None)
def test_one_is_left_of_several_that_stand(moments: list[float]) -> None:
    """Each worker knows of a copy of its own, all of them stand, and each is asked to see that it is the only one."""
    provider = Provider()
    pending = pending_at(provider, Filer.CLIENT)
    first = provider.world.run(provider.dispatch(pending.learned).file(pending, message(), seconds=60))
    account = provider.store.account(ADDRESS)
    assert account is not None
    sent = provider.store.sent(account)
    assert sent is not None
    others = [sent.add(sent.messages[0].content, flags=("\\Seen",), stored_at=0.0) for _ in moments[1:]]
    known = [first, *(attrs.evolve(first, uid=other.uid) for other in others)]
    filed = filed_at(provider, list(zip(moments, known, strict=True)))
    (copy,) = provider.sent_folder()
    assert [receipt.uid for receipt in filed if receipt.filing is Filing.APPENDED] in ([copy.uid], [])


def test_a_copy_that_a_review_has_appended_again_is_known_as_one_of_several(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both were taken away at the same moment. What comes to stand beside the new one may be the other worker's."""
    provider = Provider()
    pending = pending_at(provider, Filer.UNKNOWN)
    first = provider.world.run(provider.dispatch(pending.learned).file(pending, message(), seconds=60))
    account = provider.store.account(ADDRESS)
    assert account is not None
    sent = provider.store.sent(account)
    assert sent is not None
    content = sent.messages[0].content
    other = sent.add(content, flags=("\\Seen",), stored_at=0.0)
    remove = one_copy._remove

    async def beside_another(
        session: ImapSession, double: one_copy._Double, message_ids: Sequence[str], deadline: Deadline
    ) -> tuple[int, ...] | None:
        sent.remove(other.uid)
        return await remove(session, double, message_ids, deadline)

    with monkeypatch.context() as during:
        during.setattr(one_copy, "_remove", beside_another)
        (again,) = filed_at(provider, [(0.0, first)])
    (copy,) = sent.messages
    assert (again.filing, again.uid) == (Filing.APPENDED, copy.uid)
    assert again.uid not in (first.uid, other.uid)
    sent.add(content, flags=("\\Seen",), stored_at=0.0)
    (reviewed,) = filed_at(provider, [(0.0, attrs.evolve(again, learned=pending.learned))])
    assert reviewed.filing is Filing.ALREADY_THERE
    assert reviewed.learned is None or reviewed.learned.sent.filer is not Filer.PROVIDER
    assert len(sent.messages) == 1
