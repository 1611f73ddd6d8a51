"""Whatever a client sends, a session answers or closes; it never raises, and what it says is whole lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tether_mailconf.sandbox.session import Session

from .drive import MESSAGE, imap, mailbox, new_store, smtp

SMTP_WORDS = [
    *(b"MAIL FROM:<", b"RCPT TO:<", b"ana@sandbox.test", b"> ", b">\r\n", b"SIZE=", b"BODY=8BITMIME", b"SMTPUTF8"),
    *(b"DATA\r\n", b"BDAT 5", b"BDAT 0 LAST", b" LAST\r\n", b"\r\n.\r\n", b".", b"RSET\r\n", b"AUTH PLAIN ", b"="),
    *(b"STARTTLS", b"EHLO x\r\n", b"QUIT", b"\r\n", b"\n", b"\r", b"\0", b"\xff", b'"', b"\\", b" ", b"[::1]"),
]
IMAP_WORDS = [
    *(b"a ", b"UID ", b"FETCH ", b"STORE ", b"SEARCH ", b"LIST ", b"APPEND ", b"CREATE ", b"SELECT ", b"STATUS "),
    *(b"Sent", b"INBOX", b'""', b'"*"', b"%", b"1:*", b"1", b",", b"{5+}\r\n", b"{5}\r\n", b"~{3+}\r\n", b"UTF8 ("),
    *(b"BODY.PEEK[", b"BODY[]", b"HEADER.FIELDS (", b"]", b"<0.5>", b"FLAGS", b"(", b")", b"\\Seen", b"\\", b'"'),
    *(b"HEADER ", b"NOT ", b"OR ", b"SINCE ", b"1-Jan-0000", b"&AAA-", b"&2AA-", b"RETURN ", b"(SPECIAL-USE) "),
    *(b"ENABLE UTF8=ACCEPT", b"AUTHENTICATE PLAIN", b"CHARSET UTF-8 ", b"\r\n", b"\n", b"\0", b"\xff", b" ", b"x"),
]


def pieces(words: list[bytes]) -> st.SearchStrategy[list[bytes]]:
    return st.lists(st.one_of(st.sampled_from(words), st.binary(max_size=6)), max_size=40)


def answers_in_lines(session: Session, said: list[bytes]) -> None:
    for piece in said:
        session.receive(piece)
    told = session.take()
    assert not told or told.endswith(b"\r\n")


@given(pieces(SMTP_WORDS))
def test_no_bytes_make_the_submission_session_raise(said: list[bytes]) -> None:
    answers_in_lines(smtp(new_store()), [*said, b"\r\n.\r\n"])


@given(pieces(IMAP_WORDS))
def test_no_bytes_make_the_imap_session_raise(said: list[bytes]) -> None:
    store = new_store()
    mailbox(store, "Sent").add(MESSAGE, flags=(), stored_at=0)
    session = imap(store)
    session.receive(b"s SELECT Sent\r\n")
    answers_in_lines(session, [*said, b"\r\n"])


@given(st.lists(st.sampled_from([b".", b"..", b"a", b".a", b"\xc3\xbc", b""]), min_size=1), st.booleans())
def test_every_body_comes_out_as_it_went_in(lines: list[bytes], by_chunks: bool) -> None:
    """Stuffed for DATA or bare in BDAT: the same message is taken."""
    body = b"".join(line + b"\r\n" for line in lines)
    store = new_store()
    session = smtp(store)
    session.receive(b"MAIL FROM:<>\r\nRCPT TO:<bo@example.org>\r\n")
    if by_chunks:
        session.receive(b"BDAT %d LAST\r\n" % len(body) + body)
    else:
        stuffed = b"".join((b"." + line if line.startswith(b".") else line) + b"\r\n" for line in lines)
        session.receive(b"DATA\r\n")
        session.receive(stuffed + b".\r\n")
    assert [submission.content for submission in store.submissions] == [body]
