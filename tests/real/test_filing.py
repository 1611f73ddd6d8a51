"""Who files, and what is done when nobody can for now: learned from real servers, never guessed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest

from tests.servers.account import Account, account_on
from tests.servers.layout import MISSING, RUSSIAN
from tests.servers.plugin import Servers
from tests.servers.process import LOOPBACK, free_ports
from tether_mailconf import Delivery, Endpoint, Filer, Filing, Security

from .conftest import Opened
from .post import MESSAGE_ID, copies_everywhere, letter, settings_of

LARGE = b"Subject: a large one\r\n\r\n" + (b"x" * 70 + b"\r\n") * 300


@pytest.mark.parametrize("seconds", [0.0, 3.0], ids=["before it answers", "after 3 s"])
def test_a_provider_that_files_by_itself_is_found_out(servers: Servers, opened: Opened, seconds: float) -> None:
    """Its copy stays the only one, and the next message needs no IMAP at all."""
    dovecot = servers.dovecot(RUSSIAN, files_itself=seconds)
    account = account_on(dovecot, dovecot, Security.TLS)
    settings = settings_of(account, filer=Filer.UNKNOWN)
    with opened(account, settings) as mailer:
        receipt = mailer.send(letter())
    assert dovecot.filing is not None
    dovecot.filing.settle()
    assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.BY_PROVIDER)
    assert copies_everywhere(account) == [RUSSIAN.mailbox]
    learned = receipt.learned
    assert learned is not None
    assert (learned.sent.filer, learned.sent.mailbox) == (Filer.PROVIDER, RUSSIAN.mailbox)

    nobody = Endpoint(host=LOOPBACK, port=free_ports(1)[0], security=Security.TLS)
    with opened(account, attrs.evolve(learned, imap=nobody)) as mailer:
        second = mailer.send(letter(message_id="<two@example.test>"))
    dovecot.filing.settle()
    assert second.filing is Filing.BY_PROVIDER
    assert copies_everywhere(account, "<two@example.test>") == [RUSSIAN.mailbox]


def test_a_provider_that_never_files_is_found_out(servers: Servers, opened: Opened) -> None:
    """The library files, and with what it has learned it does not look any more before it does."""
    dovecot = servers.dovecot()
    account = account_on(dovecot, dovecot, Security.TLS)
    with opened(account, settings_of(account, filer=Filer.UNKNOWN)) as mailer:
        receipt = mailer.send(letter())
    assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.APPENDED)
    assert copies_everywhere(account) == ["Sent"]
    learned = receipt.learned
    assert learned is not None
    assert learned.sent.filer is Filer.CLIENT

    # What would be taken for the provider's copy if anybody looked.
    account.mailboxes.append("Sent", b"Message-ID: <two@example.test>\r\n\r\nnot looked for\r\n")
    with opened(account, learned) as mailer:
        second = mailer.send(letter(message_id="<two@example.test>"))
    assert second.filing is Filing.APPENDED
    assert copies_everywhere(account, "<two@example.test>") == ["Sent", "Sent"]


def test_a_copy_that_the_provider_files_after_ours_replaces_it(servers: Servers, opened: Opened) -> None:
    """Later than anybody would wait: `file` finds two, takes ours away, and learns who files."""
    dovecot = servers.dovecot(files_itself=7.0)
    account = account_on(dovecot, dovecot, Security.TLS)
    message = letter()
    with opened(account, settings_of(account, filer=Filer.UNKNOWN)) as mailer:
        receipt = mailer.send(message)
        assert receipt.filing is Filing.APPENDED
        assert dovecot.filing is not None
        dovecot.filing.settle()
        assert copies_everywhere(account) == ["Sent", "Sent"]
        reviewed = mailer.file(receipt, message)
    assert reviewed.filing is Filing.BY_PROVIDER
    assert reviewed.learned is not None
    assert reviewed.learned.sent.filer is Filer.PROVIDER
    assert copies_everywhere(account) == ["Sent"]
    (flags,) = account.mailboxes.flags("Sent")
    assert "\\Deleted" not in flags


def empty(account: Account, mailbox: str) -> None:
    """Delete every message of a mailbox."""
    with account.mailboxes.session() as imap:
        imap.select(mailbox)
        imap.store("1:*", "+FLAGS", "(\\Deleted)")
        imap.expunge()


@pytest.mark.parametrize("security", Security, ids=lambda security: security.value)
def test_a_full_mailbox_leaves_the_copy_pending_until_there_is_room(
    servers: Servers, opened: Opened, security: Security
) -> None:
    """The message is sent all the same; `file` says why while it is full, then files once, and no second time."""
    dovecot = servers.dovecot(quota="30K")
    account = account_on(dovecot, dovecot, security)
    account.mailboxes.append("INBOX", LARGE)
    message = letter(text=("y" * 70 + "\n") * 200)
    with opened(account) as mailer:
        receipt = mailer.send(message)
        assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.PENDING)
        assert "OVERQUOTA" in receipt.filing_reason
        assert len(account.received(1)) == 1
        assert copies_everywhere(account) == []
        still = mailer.file(receipt, message)
        assert (still.filing, copies_everywhere(account)) == (Filing.PENDING, [])

        empty(account, "INBOX")
        filed = mailer.file(still, message)
        assert (filed.delivery, filed.filing, filed.filing_reason) == (Delivery.SENT, Filing.APPENDED, "")
        assert copies_everywhere(account) == ["Sent"]
        assert mailer.file(filed, message) == filed
        # A host that has lost the newer receipt asks with the old one.
        assert mailer.file(receipt, message).filing is Filing.ALREADY_THERE
    assert copies_everywhere(account) == ["Sent"]
    assert len(account.received()) == 1


@pytest.mark.parametrize("filer", [Filer.CLIENT, Filer.UNKNOWN], ids=lambda filer: filer.value)
def test_an_imap_server_that_is_down_leaves_the_copy_pending(servers: Servers, opened: Opened, filer: Filer) -> None:
    """The message is sent; another Mailer files it when the server is back, into a folder that was missing."""
    dovecot = servers.dovecot(MISSING)
    account = account_on(servers.postfix(dovecot), dovecot, Security.STARTTLS)
    down = Endpoint(host=LOOPBACK, port=free_ports(1)[0], security=Security.STARTTLS)
    message = letter()
    with opened(account, settings_of(account, filer=filer, imap=down)) as mailer:
        receipt = mailer.send(message)
    assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.PENDING)
    assert receipt.filing_code == "network.unreachable"
    assert len(account.received(1)) == 1
    with opened(account, settings_of(account)) as mailer:
        filed = mailer.file(type(receipt).from_dict(receipt.to_dict()), message)
        assert filed.filing is Filing.APPENDED
        assert mailer.file(filed, message) == filed
    assert copies_everywhere(account, MESSAGE_ID) == ["Sent"]
    assert "Sent" in account.mailboxes.subscribed()


def test_workers_that_recover_at_the_same_time_leave_one_copy(servers: Servers, opened: Opened) -> None:
    """Each finds no copy, and all append: those who see an older one take theirs away."""
    dovecot = servers.dovecot()
    account = account_on(dovecot, dovecot, Security.TLS)
    down = Endpoint(host=LOOPBACK, port=free_ports(1)[0], security=Security.TLS)
    messages = [letter(message_id=f"<together-{number}@example.test>") for number in range(5)]
    with opened(account, settings_of(account, imap=down)) as mailer:
        receipts = [mailer.send(message) for message in messages]
    assert {receipt.filing for receipt in receipts} == {Filing.PENDING}
    together = threading.Barrier(3)

    def work(_: int) -> list[Filing]:
        filings: list[Filing] = []
        with opened(account) as mailer:
            for receipt, message in zip(receipts, messages, strict=True):
                together.wait(30)
                filings.append(mailer.file(receipt, message).filing)
        return filings

    with ThreadPoolExecutor(together.parties) as workers:
        filings = list(workers.map(work, range(together.parties)))
    for receipt, *ways in zip(receipts, *filings, strict=True):
        assert copies_everywhere(account, receipt.message_id) == ["Sent"]
        assert sorted(way.name for way in ways) == ["ALREADY_THERE", "ALREADY_THERE", "APPENDED"]
