"""smtplib and a bare socket against the sandbox's submission server."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage

import pytest

from tether_mailconf.sandbox import Drop, Personality, Sandbox
from tether_mailconf.sandbox import personality as personalities

from .drive import trusting

Start = Callable[[Personality | None], Sandbox]


def letter(to: str = "bo@example.org") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "ana@sandbox.test"
    message["To"] = to
    message["Subject"] = "Grüße"
    message["Message-ID"] = "<42@sandbox.test>"
    message.set_content("Hallo\n.\n..Zeile\n(привет)\n")
    return message


@contextmanager
def client(sandbox: Sandbox, *, starttls: bool = False, sign_in: bool = True) -> Iterator[smtplib.SMTP]:
    if starttls:
        endpoint = sandbox.settings_starttls.smtp
        smtp = smtplib.SMTP(endpoint.host, endpoint.port, timeout=20)
        smtp.starttls(context=trusting(sandbox))
    else:
        endpoint = sandbox.settings.smtp
        smtp = smtplib.SMTP_SSL(endpoint.host, endpoint.port, timeout=20, context=trusting(sandbox))
    try:
        if sign_in:
            smtp.login(sandbox.address, sandbox.password)
        yield smtp
    finally:
        smtp.close()


@pytest.mark.parametrize("starttls", [False, True])
def test_smtplib_sends_over_tls_and_starttls(sandbox: Sandbox, starttls: bool) -> None:
    with client(sandbox, starttls=starttls) as smtp:
        assert smtp.send_message(letter()) == {}
        assert smtp.quit()[0] == 221
    (submission,) = sandbox.submissions
    assert submission.user == "ana@sandbox.test"
    assert b"Message-ID: <42@sandbox.test>\r\n" in submission.content
    assert not sandbox.sent(), "this personality does not file"


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_smtplib_signs_in_with_each_password_mechanism(start: Start, mechanism: str) -> None:
    with client(start(Personality(mechanisms=(mechanism,)))) as smtp:
        assert smtp.noop()[0] == 250


def test_a_refused_recipient_does_not_keep_the_others_from_getting_it(start: Start) -> None:
    sandbox = start(Personality(refused_recipients=frozenset({"no@example.org"})))
    with client(sandbox) as smtp:
        refused = smtp.send_message(letter(), to_addrs=["no@example.org", "bo@example.org"])
        assert refused["no@example.org"][0] == 550
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            smtp.send_message(letter(), to_addrs=["no@example.org"])
    assert [submission.recipients for submission in sandbox.submissions] == [("bo@example.org",)]


def test_a_refused_sender_a_wrong_password_and_a_large_message_are_refused(start: Start) -> None:
    sandbox = start(Personality(refused_senders=frozenset({"boss@sandbox.test"}), max_size=100))
    with client(sandbox) as smtp:
        with pytest.raises(smtplib.SMTPSenderRefused, match="not owned by user"):
            smtp.sendmail("boss@sandbox.test", ["bo@example.org"], b"Subject: x\r\n\r\n")
        with pytest.raises(smtplib.SMTPSenderRefused, match="size"):
            smtp.send_message(letter())
    with client(sandbox, sign_in=False) as smtp:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login(sandbox.address, "wrong")
        with pytest.raises(smtplib.SMTPSenderRefused, match="Authentication required"):
            smtp.sendmail(sandbox.address, ["bo@example.org"], b"Subject: x\r\n\r\n")
    assert not sandbox.submissions


READY_MADE = {
    name: value for name in personalities.__all__ if isinstance(value := getattr(personalities, name), Personality)
}


@pytest.mark.parametrize("name", READY_MADE)
def test_smtplib_can_send_to_every_ready_made_personality(start: Start, name: str) -> None:
    personality = READY_MADE[name]
    sandbox = start(personality)
    if personality.drop_at is not None:
        with client(sandbox) as smtp, pytest.raises(smtplib.SMTPServerDisconnected):
            smtp.send_message(letter())
        assert sandbox.last_drop is personality.drop_at
    else:
        with client(sandbox) as smtp:
            smtp.send_message(letter())
    assert len(sandbox.submissions) == 1
    assert len(sandbox.sent()) == (personality.filing_delay == 0.0)


@pytest.mark.parametrize("drop", [Drop.GREETING, Drop.EHLO, Drop.AUTH, Drop.MAIL, Drop.RCPT, Drop.BODY])
def test_a_connection_that_breaks_before_the_end_delivers_nothing_and_the_next_one_is_fine(
    start: Start, drop: Drop
) -> None:
    sandbox = start(Personality(drop_at=drop, drop_count=2))
    for _ in range(2):
        with pytest.raises((smtplib.SMTPServerDisconnected, OSError)), client(sandbox) as smtp:
            smtp.send_message(letter())
    assert sandbox.last_drop is drop
    assert not sandbox.submissions
    with client(sandbox) as smtp:
        smtp.send_message(letter())
    assert len(sandbox.submissions) == 1


def test_a_client_that_trusts_only_public_authorities_is_not_deceived(sandbox: Sandbox) -> None:
    endpoint = sandbox.settings.smtp
    with pytest.raises(ssl.SSLCertVerificationError):
        smtplib.SMTP_SSL(endpoint.host, endpoint.port, timeout=20, context=ssl.create_default_context())


def test_localhost_is_a_name_that_the_certificate_holds_for(sandbox: Sandbox) -> None:
    with (
        socket.create_connection(("127.0.0.1", sandbox.settings.smtp.port), timeout=20) as stream,
        trusting(sandbox).wrap_socket(stream, server_hostname="localhost") as secure,
    ):
        assert secure.recv(100).startswith(b"220 ")


def test_a_flight_over_a_socket_is_answered_reply_by_reply(sandbox: Sandbox) -> None:
    """BDAT, which smtplib cannot do, in one write with the envelope and the next transaction's envelope."""
    body = b"Subject: x\r\n\r\n.leading dot\r\n"
    envelope = b"MAIL FROM:<ana@sandbox.test>\r\nRCPT TO:<bo@example.org>\r\n"
    with client(sandbox) as smtp:
        assert smtp.sock is not None
        smtp.sock.sendall(envelope + b"BDAT %d LAST\r\n" % len(body) + body + envelope)
        assert [smtp.getreply()[0] for _ in range(5)] == [250] * 5
    assert sandbox.submissions[0].content == body


def test_a_message_between_accounts_is_delivered(sandbox: Sandbox) -> None:
    sandbox.add_account("bo@sandbox.test", "secret", user="bo")
    with client(sandbox) as smtp:
        smtp.send_message(letter("bo@sandbox.test"))
    (message,) = sandbox.inbox("bo@sandbox.test")
    assert b"Message-ID: <42@sandbox.test>" in message.content
    assert not sandbox.inbox()
    with pytest.raises(ValueError, match="already"):
        sandbox.add_account("other@sandbox.test", "secret", user="BO")
