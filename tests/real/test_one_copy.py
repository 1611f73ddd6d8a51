"""Send and file on every pair of real servers: one message leaves, one copy stays, whatever Sent is called."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.servers.account import Account, account_on
from tests.servers.layout import LAYOUTS, MISSING, SentLayout
from tests.servers.plugin import Servers
from tether_mailconf import Delivery, Filing, Receipt, Security

from .conftest import Opened
from .post import BEN, CLARA, MESSAGE_ID, TEXT, copies_everywhere, letter, parsed, text_of

SECURITY = pytest.mark.parametrize("security", Security, ids=lambda security: security.value)


def dovecot_alone(servers: Servers, security: Security) -> Account:
    dovecot = servers.dovecot()
    return account_on(dovecot, dovecot, security)


def postfix_and_dovecot(servers: Servers, security: Security) -> Account:
    dovecot = servers.dovecot()
    return account_on(servers.postfix(dovecot), dovecot, security)


def dovecot_and_courier(servers: Servers, security: Security) -> Account:
    return account_on(servers.dovecot(), servers.courier(), security)


def postfix_and_courier(servers: Servers, security: Security) -> Account:
    return account_on(servers.postfix(servers.dovecot()), servers.courier(), security)


PAIRS = (dovecot_alone, postfix_and_dovecot, dovecot_and_courier, postfix_and_courier)


def check_one_copy(account: Account, receipt: Receipt, mailbox: str) -> None:
    """Hold that one message left without Bcc, and that one copy of it, with Bcc, is in Sent and nowhere else."""
    assert receipt.delivery is Delivery.SENT
    assert (receipt.filing, receipt.mailbox) == (Filing.APPENDED, mailbox)
    assert receipt.message_id == MESSAGE_ID
    (gone,) = account.received(1)
    assert gone.sender == account.user
    assert set(gone.recipients) == set(receipt.accepted) == {BEN, CLARA}
    assert parsed(gone.content)["Message-ID"] == MESSAGE_ID
    assert b"clara" not in gone.content.lower()
    assert copies_everywhere(account) == [mailbox]
    (copy,) = account.copies(mailbox)
    assert parsed(copy)["Bcc"] == CLARA
    assert text_of(copy) == text_of(gone.content) == TEXT
    (flags,) = account.mailboxes.flags(mailbox)
    assert flags == {"\\Seen"}


@SECURITY
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.__name__)
def test_one_message_leaves_and_one_copy_stays(
    servers: Servers, opened: Opened, security: Security, pair: Callable[[Servers, Security], Account]
) -> None:
    """Every pair of submission server and IMAP server, over TLS and STARTTLS."""
    account = pair(servers, security)
    mailbox = "INBOX.Sent" if "courier" in pair.__name__ else "Sent"
    with opened(account) as mailer:
        receipt = mailer.send(letter())
    check_one_copy(account, receipt, mailbox)
    assert mailbox in account.mailboxes.subscribed()


@SECURITY
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_the_copy_goes_into_sent_whatever_it_is_called(
    servers: Servers, opened: Opened, security: Security, layout: SentLayout
) -> None:
    """Marked, unmarked, in other scripts, under a prefix, or missing: one Sent folder, no second one beside it."""
    dovecot = servers.dovecot(layout)
    account = account_on(dovecot, dovecot, security)
    with opened(account) as mailer:
        receipt = mailer.send(letter())
    check_one_copy(account, receipt, layout.mailbox)
    assert set(account.folders()) == {"INBOX", layout.mailbox}


def test_a_missing_folder_is_created_once_and_subscribed(servers: Servers, opened: Opened) -> None:
    """Two messages, the second with what the first has learned: one folder, two copies."""
    dovecot = servers.dovecot(MISSING)
    account = account_on(dovecot, dovecot, Security.TLS)
    with opened(account) as mailer:
        first = mailer.send(letter())
    assert first.learned is not None
    assert first.learned.sent.mailbox == "Sent"
    with opened(account, first.learned) as mailer:
        second = mailer.send(letter(message_id="<two@example.test>"))
    assert second.learned is None, "there was nothing new to learn"
    assert set(account.folders()) == {"INBOX", "Sent"}
    assert "Sent" in account.mailboxes.subscribed()
    assert len(account.copies("Sent")) == 2


def test_a_learned_folder_that_was_deleted_meanwhile_is_made_again(servers: Servers, opened: Opened) -> None:
    """The person has deleted Sent since the settings were stored."""
    dovecot = servers.dovecot(MISSING)
    account = account_on(dovecot, dovecot, Security.TLS)
    with opened(account) as mailer:
        learned = mailer.send(letter()).learned
    with account.mailboxes.session() as imap:
        assert imap.delete("Sent")[0] == "OK"
    with opened(account, learned) as mailer:
        receipt = mailer.send(letter(message_id="<two@example.test>"))
    assert receipt.filing is Filing.APPENDED
    assert copies_everywhere(account, "<two@example.test>") == ["Sent"]


def test_one_mailer_sends_many_messages_over_the_same_connections(servers: Servers, opened: Opened) -> None:
    """Five messages one after the other: five leave, five copies stay."""
    dovecot = servers.dovecot()
    account = account_on(dovecot, dovecot, Security.STARTTLS)
    names = [f"<{number}@example.test>" for number in range(5)]
    with opened(account) as mailer:
        receipts = [mailer.send(letter(message_id=name)) for name in names]
    assert {receipt.filing for receipt in receipts} == {Filing.APPENDED}
    assert [parsed(gone.content)["Message-ID"] for gone in account.received(5)] == names
    assert [parsed(copy)["Message-ID"] for copy in account.copies("Sent")] == names
