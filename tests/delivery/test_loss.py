"""A connection that is lost at every single byte: the outcome told is always the true one."""

from __future__ import annotations

import functools
from email.message import EmailMessage

import attrs
import pytest

from tether_mailconf.delivery.file import LOOKS
from tether_mailconf.delivery.receipt import Delivery, Filing, Receipt
from tether_mailconf.delivery.settle import pending
from tether_mailconf.errors import (
    Dropped,
    MailconfError,
    NotOffered,
    ProtocolViolation,
    Refused,
    Reply,
    Step,
    TimedOut,
    TLSFailed,
    Unreachable,
)
from tether_mailconf.sandbox.personality import BARE, FILES_ITSELF, SMTP_EXTENSIONS, Personality
from tether_mailconf.settings import Endpoint, Filer, Security

from ..simulated import Cut, Provider

DATA_ONLY = Personality(smtp_extensions=SMTP_EXTENSIONS - {"CHUNKING"})


@functools.cache
def message() -> EmailMessage:
    """Return a small message with everything that is awkward in it."""
    text = EmailMessage()
    text["To"] = "bo@example.org"
    text["Bcc"] = "eva@example.org"
    text["Message-ID"] = "<one@sandbox.test>"
    text["Date"] = "Mon, 23 Nov 2026 08:00:00 +0000"
    text.set_content(".\n..\nHello\n")
    return text


async def sending(provider: Provider, filer: Filer, security: Security) -> Receipt:
    """Send one message."""
    dispatch = provider.dispatch(provider.settings(filer=filer, security=security))
    return await dispatch.send(message(), sender=None, recipients=None, partial=True, dsn=None, seconds=60)


def outcome(provider: Provider, filer: Filer = Filer.NOBODY, security: Security = Security.TLS) -> Delivery:
    """Send, and return what was told of the message."""
    try:
        return provider.world.run(sending(provider, filer, security)).delivery
    except MailconfError as error:
        return Delivery.SENT if error.receipt is None else error.receipt.delivery
    finally:
        provider.world.run_down()


@pytest.mark.parametrize(
    ("personality", "security"),
    [
        (Personality(), Security.TLS),
        (Personality(), Security.STARTTLS),
        (DATA_ONLY, Security.TLS),
        (BARE, Security.TLS),
    ],
    ids=["BDAT", "BDAT-STARTTLS", "DATA", "bare"],
)
class TestSmtp:
    """The submission leg."""

    def test_lost_on_the_way_out(self, personality: Personality, security: Security) -> None:
        """The message was accepted exactly when the last byte of the body had gone out; then nobody knows it."""
        whole = Provider(personality)
        assert outcome(whole, security=security) is Delivery.SENT
        seen = set()
        for count in range(whole.bytes_on("smtp")[0] + 1):
            provider = Provider(personality)
            provider.cuts["smtp"].append(Cut(after_sent=count))
            told = outcome(provider, security=security)
            accepted = len(provider.store.submissions)
            assert told is (Delivery.UNKNOWN if accepted else Delivery.NOT_SENT), f"cut after {count} bytes"
            seen.add(told)
        assert seen == {Delivery.UNKNOWN, Delivery.NOT_SENT}

    def test_lost_on_the_way_back(self, personality: Personality, security: Security) -> None:
        """SENT only if the whole final reply was read; NOT_SENT only if the message was not accepted."""
        whole = Provider(personality)
        assert outcome(whole, security=security) is Delivery.SENT
        told_by_count = []
        for count in range(whole.bytes_on("smtp")[1] + 1):
            provider = Provider(personality)
            provider.cuts["smtp"].append(Cut(after_received=count))
            told = outcome(provider, security=security)
            accepted = len(provider.store.submissions)
            assert accepted == (told is not Delivery.NOT_SENT), f"cut after {count} bytes"
            told_by_count.append(told)
        assert told_by_count[-1] is Delivery.SENT
        assert told_by_count[-2] is Delivery.UNKNOWN
        assert told_by_count.count(Delivery.SENT) == 1

    def test_bytes_one_by_one(self, personality: Personality, security: Security) -> None:
        """However the replies are cut, the result is the same."""
        provider = Provider(personality, piece=1)
        assert outcome(provider, Filer.CLIENT, security) is Delivery.SENT
        assert len(provider.sent_folder()) == 1


@pytest.mark.parametrize("personality", [Personality(), BARE], ids=["literal+", "bare"])
@pytest.mark.parametrize("direction", ["after_sent", "after_received"])
def test_imap_lost_at_every_byte(personality: Personality, direction: str) -> None:
    """Whatever happens to the copy, the message is SENT; `file` then leaves exactly one, however often it is called."""
    whole = Provider(personality)
    assert outcome(whole, Filer.CLIENT) is Delivery.SENT
    total = whole.bytes_on("imap")[direction == "after_received"]
    for count in range(total + 1):
        provider = Provider(personality)
        provider.cuts["imap"].append(Cut(**{direction: count}))
        receipt = provider.world.run(sending(provider, Filer.CLIENT, Security.TLS))
        assert receipt.delivery is Delivery.SENT
        dispatch = provider.dispatch(receipt.learned)
        # Once more changes nothing, which a part of the cuts is enough to show.
        for _ in range(2 if count % 8 == 0 else 1):
            receipt = provider.world.run(dispatch.file(receipt, message(), seconds=60))
            assert receipt.filing in (Filing.APPENDED, Filing.ALREADY_THERE), receipt
            assert len(provider.sent_folder()) == 1, f"cut after {count} bytes"
        assert len(provider.store.submissions) == 1


def test_an_append_that_comes_through_late() -> None:
    """An append whose connection has ended may yet be carried out: no other one is made that nobody could remove."""
    seconds = sum(LOOKS) - 1
    whole = Provider()
    assert outcome(whole, Filer.CLIENT) is Delivery.SENT
    up, down = whole.bytes_on("imap")
    tells = set()
    # What happens to the second connection, on which a copy is looked for and perhaps appended: nothing, or a loss.
    for count in (None, *range(0, down * 2, 4)):
        provider = Provider()
        provider.cuts["imap"] += [Cut(after_sent=up, late=seconds), Cut(after_received=count)]
        receipt = provider.world.run(sending(provider, Filer.CLIENT, Security.TLS))
        assert receipt.delivery is Delivery.SENT
        tells.add(receipt.filing)
        dispatch = provider.dispatch(receipt.learned)
        for _ in range(2):
            receipt = provider.world.run(dispatch.file(receipt, message(), seconds=60))
            assert receipt.filing in (Filing.APPENDED, Filing.ALREADY_THERE), receipt
            provider.world.run_down()
        assert len(provider.sent_folder()) == 1, f"second connection cut after {count} bytes"
    assert tells == {Filing.ALREADY_THERE, Filing.PENDING}


def test_an_append_whose_end_was_not_sent_is_repeated_without_waiting() -> None:
    """It was no command, so nothing of it can be on its way: as on a connection that has died while it was kept."""
    whole = Provider()
    assert outcome(whole, Filer.CLIENT) is Delivery.SENT
    provider = Provider()
    provider.cuts["imap"].append(Cut(after_sent=whole.bytes_on("imap")[0] - 1))
    receipt = provider.world.run(sending(provider, Filer.CLIENT, Security.TLS))
    assert receipt.filing is Filing.APPENDED
    assert receipt.timings["file"] < sum(LOOKS) / 2
    assert len(provider.sent_folder()) == 1


def test_a_copy_for_a_folder_that_is_gone_is_repeated_without_waiting() -> None:
    """The server has told that it stored nothing."""
    provider = Provider()
    dispatch = provider.dispatch(provider.settings(filer=Filer.CLIENT, mailbox="Gone"))
    sent = dispatch.send(message(), sender=None, recipients=None, partial=True, dsn=None, seconds=60)
    receipt = provider.world.run(sent)
    assert receipt.filing is Filing.APPENDED
    assert receipt.timings["file"] < sum(LOOKS) / 2


IMAP = Endpoint(host="imap.sandbox.test", port=993, security=Security.TLS)
REPLY = Reply(code="NO", enhanced="OVERQUOTA", text="full")


@pytest.mark.parametrize(
    ("trouble", "waits"),
    [
        (Dropped(step=Step.APPEND, endpoint=IMAP), True),
        (TimedOut(step=Step.APPEND, endpoint=IMAP), True),
        (ProtocolViolation(step=Step.APPEND, endpoint=IMAP), True),
        (TLSFailed(step=Step.APPEND, endpoint=IMAP), True),
        (Refused(step=Step.APPEND, endpoint=IMAP, reply=REPLY), False),
        (NotOffered(step=Step.APPEND, endpoint=IMAP), False),
        (Dropped(step=Step.SEARCH, endpoint=IMAP), False),
        (Unreachable(step=Step.CONNECT, endpoint=IMAP), False),
        (RuntimeError("of the host's credential"), False),
        (None, True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_pending_copy_is_waited_for_if_it_may_be_on_its_way(trouble: Exception | None, *, waits: bool) -> None:
    """So it may where the answer to APPEND was lost, or the process ended before it had noted how it went."""
    provider = Provider()
    provider.dead.add("imap")
    receipt = provider.world.run(sending(provider, Filer.CLIENT, Security.TLS))
    assert receipt.filing is Filing.PENDING
    receipt = attrs.evolve(receipt, filing_code="filing.not_yet", filing_reason="", filing_trouble=None)
    if trouble is not None:
        receipt = pending(receipt, trouble)
    provider.dead.clear()
    began = provider.world.time
    done = provider.world.run(provider.dispatch(receipt.learned).file(receipt, message(), seconds=60))
    assert done.filing is Filing.APPENDED
    assert (provider.world.time - began > sum(LOOKS)) is waits


def test_imap_lost_at_every_byte_while_the_provider_files() -> None:
    """With nobody knowing who files, a lost IMAP connection at any byte still leaves one copy and no wrong lesson."""
    whole = Provider(FILES_ITSELF)
    assert outcome(whole, Filer.UNKNOWN) is Delivery.SENT
    for count in range(whole.bytes_on("imap")[1] + 1):
        provider = Provider(FILES_ITSELF)
        provider.cuts["imap"].append(Cut(after_received=count))
        receipt = provider.world.run(sending(provider, Filer.UNKNOWN, Security.TLS))
        assert receipt.delivery is Delivery.SENT
        assert len(provider.sent_folder()) == 1, f"cut after {count} bytes"
        if receipt.learned is not None:
            assert receipt.learned.sent.filer is not Filer.CLIENT


def test_what_is_unknown_is_settled_by_looking() -> None:
    """A message lost after its last byte is found where the provider files, and stays unknown where it does not."""
    for personality, expected in ((FILES_ITSELF, Delivery.SENT), (Personality(), Delivery.UNKNOWN)):
        whole = Provider(personality)
        assert outcome(whole) is Delivery.SENT
        provider = Provider(personality)
        provider.cuts["smtp"].append(Cut(after_received=whole.bytes_on("smtp")[1] - 1))
        dispatch = provider.dispatch(provider.settings(filer=Filer.UNKNOWN))
        sent = dispatch.send(message(), sender=None, recipients=None, partial=True, dsn=None, seconds=60)
        receipt = provider.world.run(sent)
        assert receipt.delivery is Delivery.UNKNOWN
        for _ in range(2):
            receipt = provider.world.run(dispatch.resolve(receipt, message(), seconds=60))
            assert receipt.delivery is expected
        assert len(provider.store.submissions) == 1
