"""A kept connection on which something was said that nobody asked for: it is noticed at once, and for good."""

from __future__ import annotations

import pytest

from tether_mailconf import Endpoint, ProtocolViolation, Security, Step
from tether_mailconf._ports import Buffer, Channel, Deadline, run_sync
from tether_mailconf._wire.imap import ImapSession
from tether_mailconf._wire.smtp import SmtpSession

SERVER = Endpoint(host="mail.example.com", port=465, security=Security.TLS)
FOREVER = Deadline.after(3600.0, lambda: 0.0)


class Idle(Channel):
    """A connection on which things wait to be read, and which answers what it is asked.

    Args:
        waiting: what has come in while nobody asked.
        answer: what comes, in one piece, when something is read.
    """

    def __init__(self, *waiting: bytes, answer: bytes = b"") -> None:
        self._waiting = list(waiting)
        self._answer = answer
        self.sent = b""

    async def send(self, data: Buffer, deadline: Deadline) -> None:
        self.sent += bytes(data)

    async def receive(self, deadline: Deadline) -> bytes:
        return self._answer

    async def receive_waiting(self) -> bytes | None:
        return self._waiting.pop(0) if self._waiting else None


def smtp(*waiting: bytes, answer: bytes = b"") -> SmtpSession:
    return SmtpSession(Idle(*waiting, answer=answer), SERVER)  # type: ignore[abstract]


def imap(*waiting: bytes, answer: bytes = b"") -> ImapSession:
    return ImapSession(Idle(*waiting, answer=answer), SERVER)  # type: ignore[abstract]


def test_a_silent_connection_is_quiet_as_often_as_it_is_looked_at() -> None:
    for session in (smtp(), imap()):
        assert [run_sync(session.is_quiet()) for _ in range(3)] == [True] * 3


@pytest.mark.parametrize("said", [b"", b"2", b"250 ok\r\n", b"421 bye\r\n", b"250-ok\r\n", b"\0"])
def test_an_smtp_connection_that_was_not_quiet_never_is_again(said: bytes) -> None:
    session = smtp(said)
    assert [run_sync(session.is_quiet()) for _ in range(3)] == [False] * 3
    assert session.busy


@pytest.mark.parametrize(
    "said", [b"", b"*", b"* BYE bye\r\n", b"m1 OK done\r\n", b"+ go on\r\n", b"\r\n", b"* {9}\r\n"]
)
def test_an_imap_connection_that_was_not_quiet_never_is_again(said: bytes) -> None:
    session = imap(said)
    assert [run_sync(session.is_quiet()) for _ in range(3)] == [False] * 3
    assert session.busy


def test_news_leaves_an_imap_connection_as_it_was() -> None:
    session = imap(b"* 5 EXI", b"STS\r\n* OK [ALERT] listen\r\n")
    assert run_sync(session.is_quiet())
    assert not session.busy


@pytest.mark.parametrize("more", [b"250 early\r\n", b"250-", b"421 bye\r\n"])
def test_more_than_the_answer_to_noop_is_no_good_sign_in_smtp(more: bytes) -> None:
    assert run_sync(smtp(answer=b"250 ok\r\n").is_alive(FOREVER))
    assert not run_sync(smtp(answer=b"250 ok\r\n" + more).is_alive(FOREVER))


@pytest.mark.parametrize("more", [b"m2 OK early\r\n", b"+ go on\r\n", b"* BYE bye\r\n", b"* 5"])
def test_more_than_the_answer_to_noop_is_no_good_sign_in_imap(more: bytes) -> None:
    assert run_sync(imap(answer=b"m1 OK done\r\n* 5 EXISTS\r\n").is_alive(FOREVER))
    assert not run_sync(imap(answer=b"m1 OK done\r\n" + more).is_alive(FOREVER))


def test_what_was_said_ahead_of_a_command_answers_it_in_neither_protocol() -> None:
    early = smtp(answer=b"250 ok\r\n250 early\r\n")
    run_sync(early.send(Step.SENDER, b"MAIL FROM:<>\r\n", FOREVER, "MAIL"))
    run_sync(early.reply(Step.SENDER, FOREVER))
    early.busy = False
    with pytest.raises(ProtocolViolation, match="not given"):
        run_sync(early.send(Step.SENDER, b"RSET\r\n", FOREVER, "RSET"))
    for said, why in ((b"m2 OK early\r\n", "not given"), (b"+ go on\r\n", "nothing is owed")):
        other = imap(answer=b"m1 OK done\r\n" + said)
        run_sync(other.run(Step.MAILBOX, FOREVER, "NOOP"))
        with pytest.raises(ProtocolViolation, match=why) as caught:
            other.begin(Step.APPEND)
        assert caught.value.step is Step.APPEND
