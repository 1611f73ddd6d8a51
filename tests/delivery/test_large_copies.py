"""The copy of a large message travels beside the message, and no further than it is wanted."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from tether_mailconf.delivery.receipt import Delivery, Filing, Receipt
from tether_mailconf.errors import ConversationError, MailconfError
from tether_mailconf.sandbox.personality import IMAP_EXTENSIONS, Drop, Personality

from ..simulated import ADDRESS, Provider

SIZE = 300_000
ASKS_FIRST = IMAP_EXTENSIONS - {"LITERAL+"}
"""Of an IMAP server that wants to be asked before a message comes, which takes a round trip."""

SLOW_IMAP = {
    "imap_extensions": frozenset({"NAMESPACE"}),
    "greeting_capabilities": False,
    "login_capabilities": False,
}


def sent(provider: Provider) -> Receipt | MailconfError:
    """Send a large message; return what became of it."""
    message = EmailMessage()
    message["To"] = "bob@example.org"
    message.set_content(("x" * 70 + "\n") * (SIZE // 71))
    dispatch = provider.dispatch()
    sending = dispatch.send(message, sender=None, recipients=None, partial=False, dsn=None, seconds=60)
    try:
        return provider.world.run(sending)
    except MailconfError as error:
        return error
    finally:
        provider.world.run(dispatch.close())


def copy_bytes(provider: Provider) -> int:
    """How many bytes the IMAP connections were sent."""
    return sum(line.sent for line in provider.lines["imap"])


@pytest.mark.parametrize("extensions", [IMAP_EXTENSIONS, ASKS_FIRST], ids=["LITERAL+", "asks first"])
def test_it_is_uploaded_once_while_the_message_is_sent(extensions: frozenset[str]) -> None:
    provider = Provider(Personality(imap_extensions=extensions))
    receipt = sent(provider)
    assert isinstance(receipt, Receipt)
    assert (receipt.filing, receipt.filing_code) == (Filing.APPENDED, "")
    assert SIZE <= copy_bytes(provider) < SIZE * 1.1
    assert len(provider.lines["imap"]) == len(provider.sent_folder()) == 1


@pytest.mark.parametrize(
    "refusing",
    [
        {"drop_at": Drop.EHLO},
        {"refused_senders": frozenset({ADDRESS})},
        {"refused_recipients": frozenset({"bob@example.org"})},
    ],
    ids=["dropped", "sender", "recipient"],
)
def test_once_the_message_is_refused_its_copy_travels_no_further(refusing: dict[str, object]) -> None:
    provider = Provider(Personality(**(SLOW_IMAP | refusing)))  # type: ignore[arg-type]  # the personality's own types
    error = sent(provider)
    assert isinstance(error, ConversationError)
    assert error.receipt is not None
    assert error.receipt.delivery is Delivery.NOT_SENT
    assert copy_bytes(provider) < 1000
    assert provider.sent_folder() == ()


def test_of_a_message_of_which_nobody_knows_no_copy_travels() -> None:
    """It would say that it was sent."""
    provider = Provider(Personality(**SLOW_IMAP, drop_at=Drop.AFTER_BODY))  # type: ignore[arg-type]
    receipt = sent(provider)
    assert isinstance(receipt, Receipt)
    assert (receipt.delivery, receipt.filing) == (Delivery.UNKNOWN, Filing.PENDING)
    assert copy_bytes(provider) < 1000
    assert provider.sent_folder() == ()


def test_a_copy_for_which_there_is_no_room_is_offered_once() -> None:
    provider = Provider(Personality(imap_extensions=ASKS_FIRST, quota=0))
    receipt = sent(provider)
    assert isinstance(receipt, Receipt)
    assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.PENDING)
    assert receipt.filing_trouble is not None
    assert sum(b" APPEND " in data for speaker, data in provider.log if speaker == "C") == 1
