"""The submission session in memory: syntax, order, flights, content, and where it breaks."""

from __future__ import annotations

import base64
import json

import pytest

from tether_mailconf.sandbox import personality as personalities
from tether_mailconf.sandbox.personality import Drop, Personality
from tether_mailconf.sandbox.smtp_session import SmtpSession

from .drive import ANA, MESSAGE, PLAIN, TOKEN, Clock, mailbox, new_store, say, smtp

ENVELOPE = f"MAIL FROM:<{ANA}>\r\nRCPT TO:<bo@example.org>\r\n"


def codes(lines: list[str]) -> list[str]:
    return [line[:3] for line in lines if line[3:4] == " "]


def test_the_greeting_is_there_before_anything_is_received() -> None:
    session = SmtpSession(new_store())
    assert session.take().startswith(b"220 ")
    assert session.take() == b""


def test_a_whole_flight_of_mail_rcpt_and_bdat_is_answered_in_order_and_taken() -> None:
    store = new_store()
    flight = ENVELOPE.encode() + b"BDAT %d LAST\r\n" % len(MESSAGE) + MESSAGE
    assert codes(say(smtp(store), flight)) == ["250", "250", "250"]
    assert store.submissions[0].content == MESSAGE
    assert store.submissions[0].sender == ANA
    assert store.submissions[0].recipients == ("bo@example.org",)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_however_the_bytes_are_cut_the_same_message_is_taken(size: int) -> None:
    stuffed = MESSAGE.replace(b"\r\n.", b"\r\n..")
    flight = ENVELOPE.encode() + b"DATA\r\n" + stuffed + b".\r\nQUIT\r\n"
    store = new_store()
    session = smtp(store)
    for start in range(0, len(flight), size):
        session.receive(flight[start : start + size])
    assert codes(session.take().decode().split("\r\n")) == ["250", "250", "354", "250", "221"]
    assert [submission.content for submission in store.submissions] == [MESSAGE]
    assert session.closing


def test_bdat_after_a_refused_sole_recipient_is_read_to_its_end_and_refused() -> None:
    """RFC 3030 section 2: the octets are consumed, so they are not taken for commands."""
    store = new_store(Personality(refused_recipients=frozenset({"no@example.org"})))
    body = b"RSET\r\nQUIT\r\n"
    flight = f"MAIL FROM:<{ANA}>\r\nRCPT TO:<no@example.org>\r\nBDAT {len(body)} LAST\r\n".encode() + body + b"NOOP\r\n"
    session = smtp(store)
    assert codes(say(session, flight)) == ["250", "550", "503", "250"]
    assert not store.submissions
    assert codes(say(session, ENVELOPE)) == ["503", "250"], "the transaction stands until RSET"


def test_chunks_are_joined_and_the_last_one_may_be_empty() -> None:
    store = new_store()
    session = smtp(store)
    say(session, ENVELOPE)
    assert codes(say(session, b"BDAT 10\r\n" + MESSAGE[:10])) == ["250"]
    assert codes(say(session, "RCPT TO:<late@example.org>\r\n")) == ["503"]
    assert codes(say(session, b"BDAT %d\r\n" % (len(MESSAGE) - 10) + MESSAGE[10:])) == ["250"]
    assert codes(say(session, "BDAT 0 LAST\r\n")) == ["250"]
    assert store.submissions[0].content == MESSAGE


@pytest.mark.parametrize("ending", [b"\n.\n", b"\n.\r\n", b"\r.\r"])
def test_a_bare_line_end_does_not_end_data_and_makes_the_message_refused(ending: bytes) -> None:
    store = new_store()
    session = smtp(store)
    say(session, f"{ENVELOPE}DATA\r\n")
    assert say(session, b"Subject: x\r\n\r\nhi" + ending) == []
    assert codes(say(session, b"MAIL FROM:<evil@example.org>\r\n.\r\n")) == ["550"]
    assert not store.submissions


def test_only_the_dots_that_stuffing_added_are_taken_away() -> None:
    store = new_store()
    session = smtp(store)
    say(session, f"{ENVELOPE}DATA\r\n")
    say(session, b"..\r\n...a\r\nb.\r\n.c\r\n.\r\n")
    assert store.submissions[0].content == b".\r\n..a\r\nb.\r\nc\r\n"


@pytest.mark.parametrize("body", [b"x" * 60, b"x" * 500])
def test_a_message_over_the_size_is_refused_by_data_bdat_and_mail(body: bytes) -> None:
    store = new_store(Personality(max_size=50))
    session = smtp(store)
    assert codes(say(session, f"MAIL FROM:<{ANA}> SIZE={len(body)}\r\n")) == ["552"]
    say(session, f"{ENVELOPE}DATA\r\n")
    assert codes(say(session, body + b"\r\n.\r\n")) == ["552"]
    say(session, ENVELOPE)
    assert codes(say(session, b"BDAT %d\r\n" % len(body) + body + b"BDAT 0 LAST\r\n")) == ["552", "503"]
    assert not store.submissions


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("MAIL FROM: <ana@sandbox.test>", "501"),
        ("MAIL FROM:ana@sandbox.test", "501"),
        ("MAIL FROM:<ana@sandbox.test", "501"),
        ("MAIL FROM:<ana@@sandbox.test>", "501"),
        ("MAIL FROM:<ana@-x->", "501"),
        ("MAIL FROM:<ana@sandbox.test> SIZE=x", "501"),
        ("MAIL FROM:<ana@sandbox.test> BODY=BINARYMIME", "501"),
        ("MAIL FROM:<ana@sandbox.test>  SMTPUTF8", "501"),
        ("MAIL FROM:<ana@sandbox.test> FOO=1", "555"),
        ("MAIL FROM:<аня@sandbox.test>", "553"),
        ("MAIL FROM:<аня@sandbox.test> SMTPUTF8", "250"),
        ("MAIL FROM:<> RET=HDRS ENVID=a+2Bb", "250"),
        ('MAIL FROM:<"a b"@sandbox.test> BODY=8BITMIME SIZE=10', "250"),
        ("RCPT TO:<bo@example.org>", "503"),
        ("DATA", "503"),
        ("EHLO", "501"),
        ("STARTTLS", "503"),
        ("AUTH PLAIN", "503"),
        ("VRFY bo", "252"),
        ("NOOP anything", "250"),
        ("TURN", "500"),
    ],
)
def test_commands_are_read_strictly(line: str, code: str) -> None:
    assert codes(say(smtp(new_store()), f"{line}\r\n")) == [code]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("RCPT TO:<>", "501"),
        ("RCPT TO:<bo@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;bo@example.org", "250"),
        ("RCPT TO:<bo@example.org> NOTIFY=NEVER,DELAY", "501"),
        ("RCPT TO:<bö@example.org>", "553"),
        ("RCPT TO:<bo@[192.0.2.1]>", "250"),
        ("MAIL FROM:<ana@sandbox.test>", "503"),
    ],
)
def test_recipients_are_read_strictly(line: str, code: str) -> None:
    session = smtp(new_store())
    say(session, f"MAIL FROM:<{ANA}>\r\n")
    assert codes(say(session, f"{line}\r\n")) == [code]


def test_a_command_with_a_bare_line_feed_is_refused_whole() -> None:
    store = new_store()
    assert codes(say(smtp(store), "NOOP\nMAIL FROM:<x@example.org>\r\n")) == ["500"]


def test_a_line_without_end_is_cut_off() -> None:
    session = smtp(new_store())
    assert codes(say(session, "NOOP " + "x" * 20_000)) == ["500"]
    assert session.closing


def test_mail_needs_tls_and_a_sign_in() -> None:
    session = SmtpSession(new_store())
    session.take()
    lines = say(session, "EHLO localhost\r\n")
    assert "250 STARTTLS" in lines
    assert not any("AUTH" in line for line in lines)
    assert codes(say(session, f"MAIL FROM:<{ANA}>\r\nAUTH PLAIN {PLAIN}\r\n")) == ["530", "538"]
    assert codes(say(session, "STARTTLS\r\n")) == ["220"]
    assert session.wants_tls
    session.tls_started()
    assert codes(say(session, f"EHLO localhost\r\nMAIL FROM:<{ANA}>\r\n")) == ["250", "530"]


def test_what_is_said_between_starttls_and_tls_is_never_heard() -> None:
    session = SmtpSession(new_store())
    session.take()
    assert codes(say(session, "EHLO a\r\nSTARTTLS\r\nEHLO injected\r\n")) == ["250", "220"]
    session.receive(b"NOOP\r\n")
    session.tls_started()
    assert session.take() == b""
    assert codes(say(session, f"AUTH PLAIN {PLAIN}\r\n")) == ["503"], "the introduction before TLS is forgotten"


def fresh() -> SmtpSession:
    session = SmtpSession(new_store())
    session.tls_started()
    say(session, "EHLO localhost\r\n")
    return session


def b64(data: bytes | str) -> str:
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


def test_plain_and_login_take_challenges_as_well_as_initial_responses() -> None:
    session = fresh()
    assert say(session, "AUTH PLAIN\r\n") == ["334 "]
    assert codes(say(session, f"{PLAIN}\r\n")) == ["235"]
    session = fresh()
    assert say(session, "AUTH LOGIN\r\n") == [f"334 {b64('Username:')}"]
    assert say(session, f"{b64(ANA)}\r\n") == [f"334 {b64('Password:')}"]
    assert codes(say(session, f"{b64('wrong')}\r\n")) == ["535"]
    assert codes(say(session, f"AUTH LOGIN {b64(ANA)}\r\n")) == ["334"]
    assert codes(say(session, "*\r\n")) == ["501"]
    assert codes(say(session, "AUTH PLAIN !!!\r\n")) == ["501"]
    assert codes(say(session, "AUTH SCRAM-SHA-256\r\n")) == ["504"]


@pytest.mark.parametrize(
    ("mechanism", "form"),
    [
        ("XOAUTH2", "user={user}\x01auth=Bearer {token}\x01\x01"),
        ("OAUTHBEARER", "n,a={user},\x01host=localhost\x01port=587\x01auth=Bearer {token}\x01\x01"),
    ],
)
def test_a_token_signs_in_and_a_refused_one_is_explained_before_the_refusal(mechanism: str, form: str) -> None:
    good, bad = (b64(form.format(user=ANA, token=token)) for token in (TOKEN, "stale"))
    session = fresh()
    (challenge,) = say(session, f"AUTH {mechanism} {bad}\r\n")
    assert json.loads(base64.b64decode(challenge.removeprefix("334 ")))["status"] == "401"
    assert codes(say(session, "\r\n" if mechanism == "XOAUTH2" else "AQ==\r\n")) == ["535"]
    assert codes(say(session, f"AUTH {mechanism} {good}\r\n")) == ["235"]


def test_pipelining_that_was_not_offered_is_refused() -> None:
    session = smtp(new_store(personalities.BARE))
    assert codes(say(session, ENVELOPE)) == ["554"]
    assert session.closing


def test_a_bare_server_offers_and_takes_little() -> None:
    store = new_store(personalities.BARE)
    session = smtp(store)
    assert say(session, "EHLO x\r\n") == [
        "250-sandbox.test",
        "250-8BITMIME",
        f"250-SIZE {personalities.BARE.max_size}",
        "250 AUTH PLAIN LOGIN",
    ]
    assert codes(say(session, "BDAT 3 LAST\r\n")) == ["500"]
    assert say(session, "RSET\r\n") == ["250 OK"], "no enhanced status codes"


@pytest.mark.parametrize(
    ("drop", "taken"),
    [
        (Drop.GREETING, 0),
        (Drop.EHLO, 0),
        (Drop.AUTH, 0),
        (Drop.MAIL, 0),
        (Drop.RCPT, 0),
        (Drop.BODY, 0),
        (Drop.AFTER_BODY, 1),
    ],
)
@pytest.mark.parametrize("by_chunks", [True, False])
def test_it_breaks_where_it_is_told_once_and_takes_the_message_only_after_the_body(
    drop: Drop, taken: int, by_chunks: bool
) -> None:
    store = new_store(Personality(drop_at=drop, filing_delay=0.0))
    body = b"BDAT %d LAST\r\n" % len(MESSAGE) + MESSAGE if by_chunks else b"DATA\r\n" + MESSAGE[:-5] + b"\r\n.\r\n"
    for attempt in (1, 2):
        session = SmtpSession(store)
        session.tls_started()
        session.take()
        session.receive(b"EHLO x\r\n")
        session.receive(f"AUTH PLAIN {PLAIN}\r\n".encode())
        session.receive(ENVELOPE.encode())
        session.receive(body)
        assert session.aborting == (attempt == 1)
        assert (session.take() == b"") == (attempt == 1)
        assert len(store.submissions) == taken + attempt - 1
        assert len(mailbox(store, "Sent").messages) == taken + attempt - 1
    assert store.last_drop is drop


def test_a_late_copy_is_filed_when_its_time_has_come_and_not_before() -> None:
    clock = Clock()
    store = new_store(personalities.FILES_LATE, clock)
    say(smtp(store), ENVELOPE.encode() + b"BDAT %d LAST\r\n" % len(MESSAGE) + MESSAGE)
    clock.now += 2.9
    assert not mailbox(store, "Sent").messages
    clock.now += 0.1
    assert [message.content for message in mailbox(store, "Sent").messages] == [MESSAGE]
    assert mailbox(store, "Sent").messages[0].flags == {"\\Seen"}


def test_a_server_that_makes_its_own_message_id_says_it_and_files_it() -> None:
    store = new_store(Personality(filing_delay=0.0, reply_message_id=True))
    reply = say(smtp(store), ENVELOPE.encode() + b"BDAT %d LAST\r\n" % len(MESSAGE) + MESSAGE)[-1]
    filed = mailbox(store, "Sent").messages[0].content.decode()
    own = reply.partition("OK ")[2]
    assert own.startswith("<")
    assert f"Message-ID: {own}\r\n" in filed
    assert "<1@sandbox.test>" not in filed
    assert filed.count("Message-ID:") == 1


def test_a_message_to_an_account_of_the_sandbox_lands_in_its_inbox() -> None:
    store = new_store()
    store.add_account("bo@example.org", "x")
    say(smtp(store), ENVELOPE.encode() + b"BDAT %d LAST\r\n" % len(MESSAGE) + MESSAGE)
    bo = store.account("bo@example.org")
    assert bo is not None
    (message,) = bo.mailboxes["INBOX"].messages
    assert message.content.endswith(MESSAGE)
    assert b"Received: from" in message.content


def test_a_slow_server_asks_its_transport_to_wait_before_it_answers() -> None:
    session = SmtpSession(new_store(Personality(slow=0.25)))
    assert session.pause == 0.25
    session.take()
    assert session.pause == 0.0


def test_refused_senders_and_recipients_are_refused_in_any_case() -> None:
    store = new_store(Personality(refused_senders={"boss@sandbox.test"}, refused_recipients={"No@example.org"}))
    session = smtp(store)
    assert codes(say(session, "MAIL FROM:<Boss@sandbox.test>\r\n")) == ["553"]
    assert codes(say(session, f"MAIL FROM:<{ANA}>\r\nRCPT TO:<no@Example.org>\r\n")) == ["250", "550"]
