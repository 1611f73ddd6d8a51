"""A connection that is lost at every single byte: the outcome told is always the true one."""

from __future__ import annotations

import functools
from email.message import EmailMessage

import pytest

from tether_mailconf.delivery.receipt import Delivery, Filing, Receipt
from tether_mailconf.errors import MailconfError
from tether_mailconf.sandbox.personality import BARE, FILES_ITSELF, SMTP_EXTENSIONS, Personality
from tether_mailconf.settings import Filer, Security

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
            provider.cuts["smtp"] = Cut(after_sent=count)
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
            provider.cuts["smtp"] = Cut(after_received=count)
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
        provider.cuts["imap"] = Cut(**{direction: count})
        receipt = provider.world.run(sending(provider, Filer.CLIENT, Security.TLS))
        assert receipt.delivery is Delivery.SENT
        dispatch = provider.dispatch(receipt.learned)
        # Once more changes nothing, which a part of the cuts is enough to show.
        for _ in range(2 if count % 8 == 0 else 1):
            receipt = provider.world.run(dispatch.file(receipt, message(), seconds=60))
            assert receipt.filing in (Filing.APPENDED, Filing.ALREADY_THERE), receipt
            assert len(provider.sent_folder()) == 1, f"cut after {count} bytes"
        assert len(provider.store.submissions) == 1


def test_imap_lost_at_every_byte_while_the_provider_files() -> None:
    """With nobody knowing who files, a lost IMAP connection at any byte still leaves one copy and no wrong lesson."""
    whole = Provider(FILES_ITSELF)
    assert outcome(whole, Filer.UNKNOWN) is Delivery.SENT
    for count in range(whole.bytes_on("imap")[1] + 1):
        provider = Provider(FILES_ITSELF)
        provider.cuts["imap"] = Cut(after_received=count)
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
        provider.cuts["smtp"] = Cut(after_received=whole.bytes_on("smtp")[1] - 1)
        dispatch = provider.dispatch(provider.settings(filer=Filer.UNKNOWN))
        sent = dispatch.send(message(), sender=None, recipients=None, partial=True, dsn=None, seconds=60)
        receipt = provider.world.run(sent)
        assert receipt.delivery is Delivery.UNKNOWN
        for _ in range(2):
            receipt = provider.world.run(dispatch.resolve(receipt, message(), seconds=60))
            assert receipt.delivery is expected
        assert len(provider.store.submissions) == 1
