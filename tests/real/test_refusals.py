"""What real servers refuse: nobody gets such a message, nothing is filed, and the error says what the server said."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import attrs
import pytest

from tests.servers.account import Account, account_on
from tests.servers.dovecot import Dovecot
from tests.servers.plugin import Servers
from tether_mailconf import (
    Delivery,
    Endpoint,
    Filing,
    MailconfError,
    NotOffered,
    RecipientsRefused,
    Refused,
    Security,
    SignInRefused,
    TLSFailed,
)

from .conftest import Opened
from .post import BEN, CLARA, copies_everywhere, letter, parsed, settings_of

NOBODY = "nobody@example.org"
PROBE = "<probe@example.test>"
SECURITY = pytest.mark.parametrize("security", Security, ids=lambda security: security.value)


def check_nothing_left(account: Account, opened: Opened) -> None:
    """Hold that nothing left and nothing was filed. What left before the probe would show."""
    with opened(account) as mailer:
        mailer.send(letter(message_id=PROBE))
    assert [parsed(gone.content)["Message-ID"] for gone in account.received(1)] == [PROBE]
    assert copies_everywhere(account) == []


def check_not_sent(error: MailconfError) -> None:
    """Hold that the error carries the storable account of a message that was not sent."""
    assert error.receipt is not None
    assert error.receipt.delivery is Delivery.NOT_SENT


@SECURITY
def test_one_refused_recipient_keeps_the_message_from_everybody(
    servers: Servers, opened: Opened, security: Security
) -> None:
    """The error names who was refused and why."""
    dovecot = servers.dovecot()
    account = account_on(servers.postfix(dovecot, refused=[NOBODY]), dovecot, security)
    with opened(account) as mailer, pytest.raises(RecipientsRefused) as caught:
        mailer.send(letter(to=f"{BEN}, {NOBODY}"))
    check_not_sent(caught.value)
    assert set(caught.value.refused) == {NOBODY}
    assert (caught.value.reply.code, caught.value.reply.enhanced) == ("550", "5.1.1")
    check_nothing_left(account, opened)


def test_the_same_mailer_goes_on_after_a_refusal(servers: Servers, opened: Opened) -> None:
    """The connection that heard the refusal carries the next message, and nothing of the one before."""
    dovecot = servers.dovecot()
    account = account_on(servers.postfix(dovecot, refused=[NOBODY]), dovecot, Security.TLS)
    with opened(account) as mailer:
        with pytest.raises(RecipientsRefused):
            mailer.send(letter(to=NOBODY), recipients=[NOBODY])
        receipt = mailer.send(letter(message_id=PROBE))
    assert receipt.filing is Filing.APPENDED
    (gone,) = account.received(1)
    assert set(gone.recipients) == {BEN, CLARA}
    assert copies_everywhere(account) == []
    assert copies_everywhere(account, PROBE) == ["Sent"]


@SECURITY
def test_partial_sends_to_those_who_are_accepted(servers: Servers, opened: Opened, security: Security) -> None:
    """Ben and Clara get it; the receipt says who does not, and one copy is filed."""
    dovecot = servers.dovecot()
    account = account_on(servers.postfix(dovecot, refused=[NOBODY]), dovecot, security)
    with opened(account) as mailer:
        receipt = mailer.send(letter(to=f"{BEN}, {NOBODY}"), partial=True)
    assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.APPENDED)
    assert set(receipt.accepted) == {BEN, CLARA}
    assert {address: (reply.code, reply.enhanced) for address, reply in receipt.refused.items()} == {
        NOBODY: ("550", "5.1.1")
    }
    (gone,) = account.received(1)
    assert set(gone.recipients) == {BEN, CLARA}
    assert copies_everywhere(account) == ["Sent"]


def test_partial_with_nobody_accepted_is_a_refusal(servers: Servers, opened: Opened) -> None:
    """There is nobody to send it to."""
    dovecot = servers.dovecot()
    account = account_on(servers.postfix(dovecot, refused=[NOBODY]), dovecot, Security.TLS)
    with opened(account) as mailer, pytest.raises(RecipientsRefused):
        mailer.send(letter(to=NOBODY), recipients=[NOBODY], partial=True)
    check_nothing_left(account, opened)


@SECURITY
def test_a_sender_that_is_not_the_users_own_is_refused(servers: Servers, opened: Opened, security: Security) -> None:
    """Postfix says so with 553 5.7.1 (reject_sender_login_mismatch)."""
    dovecot = servers.dovecot()
    account = account_on(servers.postfix(dovecot), dovecot, security)
    with opened(account) as mailer, pytest.raises(Refused) as caught:
        mailer.send(letter(sender="boss@example.test"))
    check_not_sent(caught.value)
    assert (caught.value.reply.code, caught.value.reply.enhanced) == ("553", "5.7.1")
    assert not caught.value.is_temporary
    check_nothing_left(account, opened)


def test_a_message_larger_than_the_server_takes_is_not_sent(servers: Servers, opened: Opened) -> None:
    """The server's limit is told; a small message passes it."""
    dovecot = servers.dovecot()
    account = account_on(servers.postfix(dovecot, message_size_limit=20_000), dovecot, Security.TLS)
    with opened(account) as mailer, pytest.raises(NotOffered, match="20000") as caught:
        mailer.send(letter(text=("x" * 70 + "\n") * 400))
    check_not_sent(caught.value)
    check_nothing_left(account, opened)


# -- signing in --------------------------------------------------------------------------------------------------------


def refused_attempts(dovecot: Dovecot, account: Account) -> int:
    """Return how many wrong passwords Dovecot's log tells of. Postfix asks Dovecot too, so its attempts are there.

    Dovecot's processes log each for itself, and one may be late. So the first is waited for; then a good sign-in is
    made and waited for, behind which another wrong one would stand.
    """
    log = dovecot.auth_socket.parents[1] / "dovecot.log"
    wait_for(log, "password mismatch", more_than=0)
    good = "imap-login: info: login:"
    before = log.read_text("utf-8").lower().count(good)
    account.folders()
    wait_for(log, good, more_than=before)
    return log.read_text("utf-8").lower().count("password mismatch")


def wait_for(log: Path, words: str, *, more_than: int) -> None:
    """Return once a log has these words more than so many times."""
    end = time.monotonic() + 30
    while (text := log.read_text("utf-8").lower()).count(words) <= more_than:
        assert time.monotonic() < end, text
        time.sleep(0.02)


@SECURITY
@pytest.mark.parametrize("make", ["dovecot", "postfix"])
def test_a_wrong_password_is_tried_exactly_once(
    servers: Servers, opened: Opened, security: Security, make: str
) -> None:
    """Once at the submission server; there is no IMAP server in these settings, so all attempts are there."""
    dovecot = servers.dovecot()
    account = account_on(servers.postfix(dovecot) if make == "postfix" else dovecot, dovecot, security)
    settings = attrs.evolve(settings_of(account), imap=None, imap_user="")
    with opened(account, settings, password="not it") as mailer, pytest.raises(SignInRefused) as caught:
        mailer.send(letter())
    check_not_sent(caught.value)
    assert caught.value.reply.code == "535"
    assert "not it" not in "\n".join((str(caught.value), *caught.value.transcript))
    assert refused_attempts(dovecot, account) == 1
    check_nothing_left(account, opened)


def test_a_wrong_password_is_tried_once_at_each_of_two_servers(servers: Servers, opened: Opened) -> None:
    """Submission and IMAP are signed in to side by side, each once."""
    dovecot = servers.dovecot()
    account = account_on(dovecot, dovecot, Security.TLS)
    with opened(account, password="not it") as mailer, pytest.raises(SignInRefused):
        mailer.send(letter())
    assert 1 <= refused_attempts(dovecot, account) <= 2
    check_nothing_left(account, opened)


# -- encryption --------------------------------------------------------------------------------------------------------


@SECURITY
@pytest.mark.parametrize("make", ["dovecot", "postfix"])
def test_a_certificate_of_an_unknown_authority_is_not_believed(
    servers: Servers, opened: Opened, security: Security, make: str
) -> None:
    """The system's authorities have not signed it; the password is not shown to such a server."""
    dovecot = servers.dovecot()
    account = account_on(servers.postfix(dovecot) if make == "postfix" else dovecot, dovecot, security)
    with opened(account, is_authority_known=False) as mailer, pytest.raises(TLSFailed) as caught:
        mailer.send(letter())
    check_not_sent(caught.value)
    check_nothing_left(account, opened)


@contextlib.contextmanager
def forwarded(target: Endpoint) -> Iterator[Endpoint]:
    """Carry connections from 127.0.0.1, which the certificate does not name, to a server, byte for byte."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=accept_all, args=(listening, target), daemon=True).start()
        yield attrs.evolve(target, host="127.0.0.1", port=listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)


def accept_all(listening: socket.socket, target: Endpoint) -> None:
    """Accept until the listening socket is shut."""
    with contextlib.suppress(OSError):
        while True:
            near, _ = listening.accept()
            far = socket.create_connection((target.host, target.port))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=pump, args=(source, sink), daemon=True).start()


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Carry one direction until it ends."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (sink, source):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
    sink.close()


@SECURITY
def test_a_certificate_of_another_name_is_not_believed_by_smtp(
    servers: Servers, opened: Opened, security: Security
) -> None:
    """The authority is known, the server is not who it should be: not sent."""
    dovecot = servers.dovecot()
    account = account_on(dovecot, dovecot, security)
    with forwarded(account.smtp) as elsewhere:
        settings = attrs.evolve(settings_of(account), smtp=elsewhere)
        with opened(account, settings) as mailer, pytest.raises(TLSFailed) as caught:
            mailer.send(letter())
    check_not_sent(caught.value)
    check_nothing_left(account, opened)


@SECURITY
def test_a_certificate_of_another_name_is_not_believed_by_imap(
    servers: Servers, opened: Opened, security: Security
) -> None:
    """The message is sent by a server that is believed, and its copy stays pending."""
    dovecot = servers.dovecot()
    account = account_on(dovecot, dovecot, security)
    with forwarded(account.imap) as elsewhere, opened(account, settings_of(account, imap=elsewhere)) as mailer:
        receipt = mailer.send(letter())
    assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.PENDING)
    assert receipt.filing_code == "tls.failed"
    assert len(account.received(1)) == 1
    assert copies_everywhere(account) == []


# -- addresses outside ASCII -------------------------------------------------------------------------------------------


def international(message_id: str = "<utf8@example.test>") -> EmailMessage:
    return letter(to="jürgen@example.org", message_id=message_id)


@pytest.mark.parametrize("imap", ["dovecot", "courier"])
def test_a_local_part_outside_ascii_is_sent_where_smtputf8_is_offered(
    servers: Servers, opened: Opened, imap: str
) -> None:
    """Postfix offers it (RFC 6531). The copy is filed with UTF8=ACCEPT (Courier) and without (Dovecot)."""
    dovecot = servers.dovecot()
    account = account_on(servers.postfix(dovecot), servers.courier() if imap == "courier" else dovecot, Security.TLS)
    with opened(account) as mailer:
        receipt = mailer.send(international())
    assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.APPENDED)
    (gone,) = account.received(1)
    assert set(gone.recipients) == {"jürgen@example.org", CLARA}
    assert "SMTPUTF8" in gone.parameters
    assert receipt.mailbox is not None
    assert copies_everywhere(account, "<utf8@example.test>") == [receipt.mailbox]
    (copy,) = account.copies(receipt.mailbox)
    assert "jürgen@example.org".encode() in copy


def test_a_local_part_outside_ascii_is_not_sent_where_smtputf8_is_missing(servers: Servers, opened: Opened) -> None:
    """Dovecot's submission does not offer it."""
    dovecot = servers.dovecot()
    account = account_on(dovecot, dovecot, Security.TLS)
    with opened(account) as mailer, pytest.raises(NotOffered, match="SMTPUTF8") as caught:
        mailer.send(international())
    check_not_sent(caught.value)
    check_nothing_left(account, opened)
