"""The real servers do what the other tests rely on. Only the standard library's clients speak here, never ours."""

from __future__ import annotations

import contextlib
import imaplib
import smtplib
import socket
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.servers.account import Account, account_on
from tests.servers.authority import Authority
from tests.servers.dovecot import Dovecot
from tests.servers.layout import ENGLISH, LAYOUTS, SentLayout
from tests.servers.plugin import Servers
from tests.servers.process import LOOPBACK, NotStarted, running
from tether_mailconf.settings import Security

EVERY_LAYOUT = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
EVERY_SECURITY = pytest.mark.parametrize("security", Security)
CONTENT = b"Message-ID: <one@example.test>\r\nSubject: one\r\n\r\nbody\r\n"


def letter(sender: str, *, text: str = "Grüße\n.\n") -> EmailMessage:
    """Return a message to Bob."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = "bob@example.org"
    message["Message-ID"] = "<letter@example.test>"
    message["Subject"] = "Grüße"
    message.set_content(text)
    return message


@contextlib.contextmanager
def submission(account: Account, *, sign_in: bool = True) -> Iterator[smtplib.SMTP]:
    """Connect to an account's submission server with smtplib."""
    context = ssl.create_default_context(cafile=str(account.ca_file))
    host, port = account.smtp.host, account.smtp.port
    smtp: smtplib.SMTP
    if account.smtp.security is Security.TLS:
        smtp = smtplib.SMTP_SSL(host, port, context=context, timeout=20)
    else:
        smtp = smtplib.SMTP(host, port, timeout=20)
    with smtp:
        if account.smtp.security is Security.STARTTLS:
            smtp.starttls(context=context)
        smtp.ehlo()
        if sign_in:
            smtp.login(account.user, account.password)
        yield smtp


@EVERY_SECURITY
def test_dovecot_takes_mail_and_relays_it_to_the_sink(servers: Servers, security: Security) -> None:
    """What smtplib submits over TLS and STARTTLS arrives at the sink, and nothing is filed."""
    dovecot = servers.dovecot()
    account = account_on(dovecot, dovecot, security)
    with submission(account) as smtp:
        smtp.send_message(letter(account.user))
    (received,) = account.received(1)
    assert (received.sender, received.recipients) == (account.user, ("bob@example.org",))
    assert b"Message-ID: <letter@example.test>\r\n" in received.content
    assert account.all_copies() == {"INBOX": [], "Sent": []}


@EVERY_SECURITY
def test_a_message_can_be_filed_in_dovecot_and_is_read_back_byte_for_byte(servers: Servers, security: Security) -> None:
    """imaplib appends over TLS and STARTTLS; the witness reads the same bytes and flags."""
    dovecot = servers.dovecot()
    account = account_on(dovecot, dovecot, security)
    context = ssl.create_default_context(cafile=str(account.ca_file))
    imap = (
        imaplib.IMAP4_SSL(account.imap.host, account.imap.port, ssl_context=context, timeout=20)
        if security is Security.TLS
        else imaplib.IMAP4(account.imap.host, account.imap.port, timeout=20)
    )
    with imap:
        if security is Security.STARTTLS:
            assert "LOGINDISABLED" in imap.capabilities
            imap.starttls(context)
        imap.login(account.user, account.password)
        status, said = imap.append("Sent", "(\\Seen)", "", CONTENT)
    assert status == "OK"
    assert b"APPENDUID" in said[0]
    assert account.copies("Sent") == [CONTENT]
    assert account.mailboxes.flags("Sent") == [{"\\Seen"}]


@EVERY_LAYOUT
def test_dovecot_keeps_sent_where_the_layout_says(servers: Servers, layout: SentLayout) -> None:
    """The Sent folder is there, by its name and mark, or it is not."""
    folders = servers.dovecot(layout).folders()
    if layout.name is None:
        assert list(folders) == ["INBOX"]
        return
    assert set(folders) == {"INBOX", layout.mailbox}
    assert ("\\sent" in folders[layout.mailbox]) == layout.special_use


def test_a_folder_that_is_created_is_seen_with_its_subscription(servers: Servers) -> None:
    """The witness tells folders, subscriptions and the absence of a folder apart."""
    mailboxes = servers.dovecot(LAYOUTS["missing"]).mailboxes
    with pytest.raises(LookupError, match="Папка & Co"):
        mailboxes.copies("Папка & Co")
    mailboxes.create("Папка & Co")
    assert mailboxes.copies("Папка & Co") == []
    assert mailboxes.subscribed() == {"Папка & Co"}


@EVERY_LAYOUT
@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_dovecot_can_file_by_itself(servers: Servers, layout: SentLayout, seconds: float) -> None:
    """At once or later, one copy of what was submitted comes to stand in Sent."""
    dovecot = servers.dovecot(layout, files_itself=seconds)
    account = account_on(dovecot, dovecot, Security.TLS)
    with submission(account) as smtp:
        smtp.send_message(letter(account.user))
    assert dovecot.filing is not None
    dovecot.filing.settle()
    assert account.copies(layout.mailbox) == [account.received(1)[0].content]


def test_a_provider_that_files_at_once_has_filed_before_it_says_so(servers: Servers) -> None:
    """With 0 seconds the copy is there when smtplib has its answer."""
    dovecot = servers.dovecot(files_itself=0.0)
    account = account_on(dovecot, dovecot, Security.STARTTLS)
    with submission(account) as smtp:
        smtp.send_message(letter(account.user))
        assert len(account.copies("Sent")) == 1


def test_a_small_quota_answers_overquota(servers: Servers) -> None:
    """APPEND of more than fits is refused with the response code of RFC 9051, and nothing is stored."""
    dovecot = servers.dovecot(quota="10K")
    with dovecot.mailboxes.session() as imap:
        status, said = imap.append("Sent", "", "", CONTENT + b"x" * 20_000 + b"\r\n")
    assert status == "NO"
    assert b"[OVERQUOTA]" in said[0]
    assert dovecot.copies("Sent") == []


def test_a_wrong_password_is_refused_everywhere(servers: Servers) -> None:
    """Nobody gets in with another password."""
    dovecot = servers.dovecot()
    postfix, courier = servers.postfix(dovecot), servers.courier()
    for imap_server in (dovecot, courier):
        with (
            pytest.raises(imaplib.IMAP4.error),
            imaplib.IMAP4_SSL(
                LOOPBACK,
                imap_server.ports["imaps"],
                ssl_context=ssl.create_default_context(cafile=str(dovecot.ca_file)),
                timeout=20,
            ) as imap,
        ):
            imap.login(dovecot.address, "wrong")
    for smtp_server in (dovecot, postfix):
        account = account_on(smtp_server, dovecot, Security.TLS)
        with submission(account, sign_in=False) as smtp, pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login(account.user, "wrong")


@EVERY_SECURITY
def test_postfix_takes_mail_and_relays_it_to_the_sink(servers: Servers, security: Security) -> None:
    """What smtplib submits over TLS and STARTTLS arrives at Postfix's sink; the mailboxes are Dovecot's."""
    dovecot = servers.dovecot()
    account = account_on(servers.postfix(dovecot), dovecot, security)
    with submission(account) as smtp:
        for extension in ("pipelining", "chunking", "size", "dsn", "8bitmime", "smtputf8", "enhancedstatuscodes"):
            assert smtp.has_extn(extension)
        smtp.send_message(letter(account.user))
    (received,) = account.received(1)
    assert (received.sender, received.recipients) == (account.user, ("bob@example.org",))
    assert b"Message-ID: <letter@example.test>\r\n" in received.content
    assert dovecot.sink.received() == []
    assert account.copies("Sent") == []


def test_postfix_relays_for_nobody_who_has_not_signed_in(servers: Servers) -> None:
    """Without AUTH no recipient is taken."""
    dovecot = servers.dovecot()
    account = account_on(servers.postfix(dovecot), dovecot, Security.TLS)
    with submission(account, sign_in=False) as smtp, pytest.raises(smtplib.SMTPRecipientsRefused):
        smtp.sendmail("someone@example.test", ["bob@example.org"], CONTENT)


def test_postfix_takes_addresses_beyond_ascii(servers: Servers) -> None:
    """SMTPUTF8 (RFC 6531) goes through to the sink."""
    dovecot = servers.dovecot()
    account = account_on(servers.postfix(dovecot), dovecot, Security.TLS)
    with submission(account) as smtp:
        smtp.sendmail(account.user, ["jürgen@example.org"], CONTENT, mail_options=["SMTPUTF8"])
    (received,) = account.received(1)
    assert received.recipients == ("jürgen@example.org",)


def test_postfix_refuses_the_recipients_it_was_told_to(servers: Servers) -> None:
    """One is refused with 550 5.1.1, the other gets the message."""
    dovecot = servers.dovecot()
    account = account_on(servers.postfix(dovecot, refused=["gone@example.org"]), dovecot, Security.TLS)
    with submission(account) as smtp:
        refused = smtp.sendmail(account.user, ["gone@example.org", "bob@example.org"], CONTENT)
    code, said = refused["gone@example.org"]
    assert code == 550
    assert said.startswith(b"5.1.1 ")
    assert account.received(1)[0].recipients == ("bob@example.org",)


def test_postfix_refuses_a_sender_that_is_not_the_users_own(servers: Servers) -> None:
    """Ana cannot send as Eve."""
    dovecot = servers.dovecot()
    account = account_on(servers.postfix(dovecot), dovecot, Security.STARTTLS)
    with submission(account) as smtp, pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        smtp.sendmail("eve@example.test", ["bob@example.org"], CONTENT)
    code, said = caught.value.recipients["bob@example.org"]
    assert code == 553
    assert b"not owned by user" in said


def test_postfix_announces_and_keeps_its_size_limit(servers: Servers) -> None:
    """A message over SIZE is refused at MAIL FROM when its size is declared."""
    dovecot = servers.dovecot()
    account = account_on(servers.postfix(dovecot, message_size_limit=5000), dovecot, Security.TLS)
    with submission(account) as smtp:
        assert smtp.esmtp_features["size"] == "5000"
        with pytest.raises(smtplib.SMTPSenderRefused) as caught:
            smtp.sendmail(account.user, ["bob@example.org"], CONTENT + b"x" * 6000, mail_options=["SIZE=6060"])
    assert caught.value.smtp_code == 552


@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_postfix_can_file_by_itself(servers: Servers, seconds: float) -> None:
    """A copy of what Postfix took comes to stand in the Sent folder of the Dovecot beside it."""
    dovecot = servers.dovecot()
    postfix = servers.postfix(dovecot, files_itself=seconds)
    account = account_on(postfix, dovecot, Security.TLS)
    with submission(account) as smtp:
        smtp.send_message(letter(account.user))
    (received,) = account.received(1)
    assert postfix.filing is not None
    postfix.filing.settle()
    assert account.copies("Sent") == [received.content]


@EVERY_SECURITY
def test_courier_has_its_own_namespace_and_no_sent_folder(servers: Servers, security: Security) -> None:
    """The facts about Courier that tests rely on, over TLS and STARTTLS."""
    dovecot, courier = servers.dovecot(), servers.courier()
    account = account_on(dovecot, courier, security)
    assert list(account.folders()) == ["INBOX"]
    context = ssl.create_default_context(cafile=str(account.ca_file))
    imap = (
        imaplib.IMAP4_SSL(account.imap.host, account.imap.port, ssl_context=context, timeout=20)
        if security is Security.TLS
        else imaplib.IMAP4(account.imap.host, account.imap.port, timeout=20)
    )
    with imap:
        if security is Security.STARTTLS:
            with pytest.raises(imaplib.IMAP4.error, match="STARTTLS required"):
                imap.login(account.user, account.password)
            imap.starttls(context)
        imap.login(account.user, account.password)
        assert b'(("INBOX." "."))' in imap.namespace()[1][0]
        assert "UTF8=ACCEPT" in imap.capabilities
        assert not {"SPECIAL-USE", "LITERAL+", "LITERAL-", "SASL-IR"} & set(imap.capabilities)
        assert imap.create("Sent")[0] == "NO"


def test_a_message_can_be_filed_in_courier_once_there_is_a_folder(servers: Servers) -> None:
    """A folder with a Russian name under INBOX. holds what is put into it, byte for byte."""
    mailboxes = servers.courier().mailboxes
    mailboxes.create("INBOX.Отправленные")
    mailboxes.append("INBOX.Отправленные", CONTENT)
    assert mailboxes.all_copies() == {"INBOX": [], "INBOX.Отправленные": [CONTENT]}
    assert "INBOX.Отправленные" in mailboxes.subscribed()


def test_servers_leave_nothing_behind(authority: Authority) -> None:
    """After the end nobody listens, and the folder is gone."""
    with Dovecot(authority, ENGLISH) as dovecot:
        ports, folder = dovecot.ports, dovecot.auth_socket.parent.parent
        assert folder.exists()
    assert not folder.exists()
    for port in ports.values():
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((LOOPBACK, port), timeout=1)


def test_a_server_that_does_not_start_shows_what_it_wrote(tmp_path: Path) -> None:
    """The error of a failed start holds the server's own words, and fails the test that asked for it."""
    command = ["sh", "-c", "echo no such setting >&2; exit 3"]
    with (
        pytest.raises(NotStarted, match=r"ended with 3:(?s:.*)no such setting"),
        running(command, logs=[tmp_path / "log"], socket_file=tmp_path / "never"),
    ):
        pass
