"""The IMAP session in memory: framing, signing in, mailboxes, messages, APPEND, and where it breaks."""

from __future__ import annotations

import base64

import pytest

from tether_mailconf.sandbox import personality as personalities
from tether_mailconf.sandbox.imap_session import ImapSession
from tether_mailconf.sandbox.personality import IMAP_EXTENSIONS, Drop, Personality

from .drive import ANA, MESSAGE, PASSWORD, PLAIN, TOKEN, imap, mailbox, new_store, say

N = len(MESSAGE)


def filled(count: int = 3) -> ImapSession:
    """A session with Sent selected, holding messages <1@...> to <n@...>."""
    store = new_store()
    for number in range(1, count + 1):
        mailbox(store, "Sent").add(MESSAGE.replace(b"<1@", b"<%d@" % number), flags=(), stored_at=1_700_000_000.0)
    session = imap(store)
    say(session, "s SELECT Sent\r\n")
    return session


def last(session: ImapSession, text: str | bytes) -> str:
    return say(session, text)[-1]


# -- opening and signing in ----------------------------------------------------------------------------------------


def test_before_tls_no_password_is_taken_and_nothing_said_is_kept() -> None:
    session = ImapSession(new_store())
    (greeting,) = say(session, "")
    assert "STARTTLS" in greeting
    assert "LOGINDISABLED" in greeting
    assert "AUTH=" not in greeting
    assert last(session, f"a LOGIN {ANA} {PASSWORD}\r\n").startswith("a NO [PRIVACYREQUIRED]")
    assert last(session, f"b AUTHENTICATE PLAIN {PLAIN}\r\n").startswith("b NO [PRIVACYREQUIRED]")
    assert last(session, "c STARTTLS\r\nd LOGOUT\r\n").startswith("c OK")
    assert session.wants_tls
    session.tls_started()
    assert session.take() == b""
    assert not session.closing
    lines = say(session, "e CAPABILITY\r\n")
    assert "AUTH=PLAIN" in lines[0]
    assert "STARTTLS" not in lines[0]
    assert last(session, "f STARTTLS\r\n").startswith("f BAD")


def unsigned(personality: Personality | None = None) -> ImapSession:
    session = ImapSession(new_store(personality))
    session.tls_started()
    session.take()
    return session


def test_signing_in_with_and_without_initial_response_and_by_login() -> None:
    assert last(unsigned(), f"a AUTHENTICATE PLAIN {PLAIN}\r\n").startswith("a OK [CAPABILITY IMAP4rev1")
    session = unsigned()
    assert say(session, "a AUTHENTICATE PLAIN\r\n") == ["+ "]
    assert last(session, f"{PLAIN}\r\n").startswith("a OK")
    session = unsigned()
    assert say(session, "a AUTHENTICATE PLAIN\r\n") == ["+ "]
    assert last(session, "*\r\n").startswith("a BAD")
    assert last(session, f'b LOGIN "{ANA}" "wrong"\r\n').startswith("b NO [AUTHENTICATIONFAILED]")
    assert last(session, f"c LOGIN {{{len(ANA)}+}}\r\n{ANA} {PASSWORD}\r\n").startswith("c OK")
    assert last(session, f"d LOGIN {ANA} {PASSWORD}\r\n").startswith("d BAD")


def test_a_refused_token_is_explained_before_the_refusal() -> None:
    def response(token: str) -> str:
        return base64.b64encode(f"user={ANA}\x01auth=Bearer {token}\x01\x01".encode()).decode()

    session = unsigned()
    (challenge,) = say(session, f"a AUTHENTICATE XOAUTH2 {response('stale')}\r\n")
    assert b'"status": "401"' in base64.b64decode(challenge.removeprefix("+ "))
    assert last(session, "\r\n").startswith("a NO")
    assert last(session, f"b AUTHENTICATE XOAUTH2 {response(TOKEN)}\r\n").startswith("b OK")


def test_a_bare_server_lists_its_capabilities_only_when_asked_and_takes_no_initial_response() -> None:
    session = ImapSession(new_store(personalities.BARE))
    session.tls_started()
    assert say(session, "") == ["* OK tether sandbox ready"]
    assert last(session, f"a AUTHENTICATE PLAIN {PLAIN}\r\n").startswith("a BAD")
    assert say(session, f"b LOGIN {ANA} {PASSWORD}\r\n") == ["b OK Logged in"]
    assert say(session, "c CAPABILITY\r\n")[0] == "* CAPABILITY IMAP4rev1 NAMESPACE"
    assert last(session, "d ID NIL\r\n").startswith("d BAD")


def test_nothing_but_signing_in_is_possible_before_it() -> None:
    assert last(unsigned(), 'a LIST "" "*"\r\n').startswith("a NO")
    assert last(imap(new_store()), "a FETCH 1 FLAGS\r\n").startswith("a BAD")


# -- framing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 5])
def test_however_the_bytes_are_cut_the_same_is_done(size: int) -> None:
    flight = b"a APPEND Sent (\\Seen) {%d+}\r\n" % N + MESSAGE + b"\r\nb STATUS Sent (MESSAGES)\r\nc LOGOUT\r\n"
    store = new_store()
    session = imap(store)
    for start in range(0, len(flight), size):
        session.receive(flight[start : start + size])
    lines = session.take().decode().split("\r\n")
    assert [line[:4] for line in lines if line[:1] in "abc" and line] == ["a OK", "b OK", "c OK"]
    assert '* STATUS "Sent" (MESSAGES 1)' in lines
    assert session.closing


@pytest.mark.parametrize(
    "text",
    [
        "\r\n",
        "a\r\n",
        "* NOOP\r\n",
        "a NOOP x\r\n",
        "a FOO\r\n",
        "a NOOP\nb LOGOUT\r\n",
        'a LIST "" "*\r\n',
        "a SELECT  Sent\r\n",
        "a STATUS Sent ()\r\n",
        "a CREATE (\r\n",
        "a SELECT Отправленные\r\n",
        "a UID\r\n",
    ],
)
def test_what_the_grammar_does_not_allow_is_bad(text: str) -> None:
    lines = say(imap(new_store()), text)
    assert any(line.startswith(("* BAD", "a BAD")) for line in lines)
    assert not any("OK" in line for line in lines)


def test_a_line_without_end_and_a_literal_without_bound_are_cut_off() -> None:
    session = imap(new_store())
    assert say(session, "a " + "x" * 70_000)[0].startswith("* BYE")
    session = imap(new_store())
    assert say(session, "a SELECT {99999}\r\n")[0].startswith("* BYE")
    assert session.closing


# -- mailboxes -----------------------------------------------------------------------------------------------------


def test_list_shows_uses_and_children_and_takes_wildcards() -> None:
    session = imap(new_store())
    say(session, "a CREATE Projects/2026\r\n")
    lines = say(session, 'b LIST "" "*"\r\n')
    assert '* LIST (\\HasNoChildren \\Sent) "/" "Sent"' in lines
    assert '* LIST (\\HasChildren \\Noselect) "/" "Projects"' in lines
    assert '* LIST (\\HasNoChildren) "/" "Projects/2026"' in lines
    assert not any("2026" in line for line in say(session, 'c LIST "" %\r\n'))
    assert say(session, 'd LIST Projects/ "%"\r\n')[0].endswith('"Projects/2026"')
    assert say(session, 'e LIST "" ""\r\n')[0] == '* LIST (\\Noselect) "/" ""'
    assert len(say(session, 'f LIST "" inbox\r\n')) == 2
    assert len(say(session, 'g LIST "" "%/%"\r\n')) == len(say(session, 'h LIST "" "*/*"\r\n')) == 2
    assert len(say(session, 'i LIST "" "%j%c%/20*"\r\n')) == 2
    assert len(say(session, 'j LIST "" "%20%"\r\n')) == 1
    assert len(say(session, f'k LIST "" "{"*e" * 40}x"\r\n')) == 1
    assert len(say(session, 'g LIST "" sent\r\n')) == 1


def test_extended_list_selects_by_use_and_is_bad_where_it_is_not_offered() -> None:
    session = imap(new_store())
    names = [line.split('"')[-2] for line in say(session, 'a LIST (SPECIAL-USE) "" "*"\r\n')[:-1]]
    assert names == ["Drafts", "Sent", "Trash"]
    assert last(session, 'b LIST "" "*" RETURN (SPECIAL-USE)\r\n').startswith("b OK")
    assert len(say(session, 'c LIST "" (INBOX "Sen*")\r\n')) == 3
    plain = imap(new_store(personalities.NO_SPECIAL_USE))
    assert last(plain, 'a LIST (SPECIAL-USE) "" "*"\r\n').startswith("a BAD")
    assert last(plain, 'b LIST "" "*" RETURN (SPECIAL-USE)\r\n').startswith("b BAD")
    assert not any("\\Sent" in line for line in say(plain, 'c LIST "" "*"\r\n'))


def test_mailbox_names_are_modified_utf7_until_utf8_is_enabled() -> None:
    session = imap(new_store(personalities.RUSSIAN))
    encoded = "&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-"
    assert any(line.endswith(f'"{encoded}"') for line in say(session, 'a LIST "" "*"\r\n'))
    assert last(session, f'b STATUS "{encoded}" (MESSAGES)\r\n').startswith("b OK")
    assert last(session, 'c STATUS "Отправленные" (MESSAGES)\r\n').startswith("c BAD")
    assert say(session, "d ENABLE UTF8=ACCEPT\r\n")[0] == "* ENABLED UTF8=ACCEPT"
    assert any(line.endswith('"Отправленные"') for line in say(session, 'e LIST "" "*"\r\n'))
    assert last(session, 'f EXAMINE "Отправленные"\r\n').startswith("f OK")


def test_a_prefix_holds_for_what_is_created() -> None:
    session = imap(new_store(personalities.COURIER_LIKE))
    assert say(session, "a NAMESPACE\r\n")[0] == '* NAMESPACE (("INBOX." ".")) NIL NIL'
    assert last(session, "b CREATE Outgoing\r\n").startswith("b NO [CANNOT]")
    assert last(session, "c CREATE INBOX.Outgoing\r\n").startswith("c OK")
    assert any(line.endswith('"INBOX.Sent"') for line in say(session, 'd LIST "" "INBOX.*"\r\n'))


def test_create_marks_the_use_and_says_when_the_mailbox_is_there_already() -> None:
    store = new_store(Personality(sent_name=None))
    session = imap(store)
    assert last(session, 'a CREATE "Gesendet" (USE (\\Sent))\r\n').startswith("a OK")
    assert any("\\Sent" in line for line in say(session, 'b LIST "" Gesendet\r\n'))
    assert last(session, "c CREATE Gesendet\r\n").startswith("c NO [ALREADYEXISTS]")
    assert last(session, "d CREATE X (USE (\\Foo))\r\n").startswith("d NO [USEATTR]")
    assert last(session, "e CREATE a//b\r\n").startswith("e NO [CANNOT]")
    assert last(session, "f SUBSCRIBE Gesendet\r\n").startswith("f OK")
    assert len(say(session, 'g LSUB "" "*"\r\n')) == 2
    assert last(session, "h DELETE Gesendet\r\n").startswith("h OK")
    assert last(session, "i EXAMINE Gesendet\r\n").startswith("i NO [NONEXISTENT]")


# -- messages ------------------------------------------------------------------------------------------------------


def test_search_finds_by_header_uid_subject_and_flag() -> None:
    session = filled()
    assert say(session, "a UID SEARCH HEADER Message-ID <2@sandbox.test>\r\n")[0] == "* SEARCH 2"
    assert say(session, 'b UID SEARCH HEADER "message-id" "@SANDBOX.test>"\r\n')[0] == "* SEARCH 1 2 3"
    assert say(session, "c SEARCH UID 2:* NOT 3\r\n")[0] == "* SEARCH 2"
    assert say(session, "d SEARCH SUBJECT nothing\r\n")[0] == "* SEARCH"
    say(session, "e STORE 1 +FLAGS.SILENT (\\Deleted)\r\n")
    assert say(session, "f SEARCH DELETED\r\n")[0] == "* SEARCH 1"
    assert say(session, "g SEARCH OR UNDELETED (ALL DELETED)\r\n")[0] == "* SEARCH 1 2 3"
    assert say(session, "h SEARCH CHARSET UTF-8 SINCE 1-Jan-2020 BEFORE 1-Jan-2026\r\n")[0] == "* SEARCH 1 2 3"
    assert last(session, "i SEARCH CHARSET KOI8-R ALL\r\n").startswith("i NO [BADCHARSET")
    assert last(session, "j SEARCH FROBNICATE x\r\n").startswith("j BAD")
    assert say(session, f"k SEARCH TEXT .hi SMALLER {N + 1} LARGER {N - 1}\r\n")[0] == "* SEARCH 1 2 3"


def test_fetch_gives_the_message_or_parts_of_its_header() -> None:
    session = filled(1)
    lines = say(session, "a UID FETCH 1 (FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS (message-id)])\r\n")
    assert lines[0].startswith(f'* 1 FETCH (UID 1 FLAGS () RFC822.SIZE {N} INTERNALDATE "14-Nov-2023 22:13:20 +0000" ')
    assert lines[0].endswith("BODY[HEADER.FIELDS (message-id)] {32}")
    assert lines[1:4] == ["Message-ID: <1@sandbox.test>", "", ")"]
    assert MESSAGE.decode() in "\r\n".join(say(session, "b FETCH 1 BODY.PEEK[]\r\n"))
    assert "FLAGS" not in say(session, "c FETCH 1 BODY.PEEK[TEXT]<1.2>\r\n")[0]
    whole = "\r\n".join(say(session, "d FETCH 1 (BODY[])\r\n"))
    assert whole.count("FLAGS (\\Seen)") == 1, "reading a message marks it and says so"
    assert last(session, "e FETCH 1 BODYSTRUCTURE\r\n").startswith("e BAD")
    assert say(session, "f FETCH 9 FLAGS\r\n") == ["f OK FETCH completed"]


def test_expunge_removes_what_is_marked_and_uids_are_never_used_again() -> None:
    session = filled()
    say(session, "a STORE 1,3 +FLAGS (\\Deleted)\r\n")
    assert say(session, "b UID EXPUNGE 3\r\n") == ["* 3 EXPUNGE", "b OK EXPUNGE completed"]
    assert say(session, "c EXPUNGE\r\n") == ["* 1 EXPUNGE", "c OK EXPUNGE completed"]
    lines = say(session, b"d APPEND Sent {%d+}\r\n" % N + MESSAGE + b"\r\n")
    assert lines[0] == "* 2 EXISTS"
    assert lines[-1].startswith("d OK [APPENDUID ")
    assert lines[-1].split("]")[0].endswith(" 4")


def test_another_sessions_changes_are_told_but_not_in_the_middle_of_a_fetch() -> None:
    store = new_store()
    mailbox(store, "Sent").add(MESSAGE, flags=("\\Deleted",), stored_at=0)
    one, two = imap(store), imap(store)
    say(one, "a SELECT Sent\r\n")
    say(two, "a SELECT Sent\r\n")
    say(one, "b EXPUNGE\r\n")
    say(one, b"c APPEND Sent {%d+}\r\n" % N + MESSAGE + b"\r\n")
    assert say(two, "b FETCH 1 FLAGS\r\n") == ["* 2 EXISTS", "* 0 RECENT", "b OK FETCH completed"]
    assert say(two, "c NOOP\r\n") == ["* 1 EXPUNGE", "c OK NOOP completed"]


def test_a_mailbox_that_is_only_examined_cannot_be_changed() -> None:
    session = filled()
    assert last(session, "a EXAMINE Sent\r\n").startswith("a OK [READ-ONLY]")
    assert last(session, "b STORE 1 +FLAGS (\\Deleted)\r\n").startswith("b NO [READ-ONLY]")
    say(session, "c FETCH 1 BODY[]\r\n")
    assert "\\Seen" not in say(session, "d FETCH 1 FLAGS\r\n")[0]
    assert last(session, "e CLOSE\r\n").startswith("e OK")
    assert last(session, "f SEARCH ALL\r\n").startswith("f BAD")


# -- APPEND --------------------------------------------------------------------------------------------------------


def test_an_append_counts_only_when_its_last_crlf_has_come() -> None:
    store = new_store()
    session = imap(store)
    command = b"a APPEND Sent (\\Seen) {%d+}\r\n" % N
    assert say(session, command + MESSAGE) == []
    assert not mailbox(store, "Sent").messages
    assert say(session, b"\r") == []
    assert not mailbox(store, "Sent").messages
    assert last(session, b"\n").startswith("a OK [APPENDUID")
    assert mailbox(store, "Sent").messages[0].content == MESSAGE
    assert mailbox(store, "Sent").messages[0].flags == {"\\Seen"}


def test_a_synchronizing_literal_is_invited_or_refused_before_it_is_sent() -> None:
    store = new_store(Personality(quota=2 * N - 1))
    session = imap(store)
    assert say(session, f"a APPEND Sent {{{N}}}\r\n")[0].startswith("+ ")
    assert last(session, MESSAGE + b"\r\n").startswith("a OK")
    assert say(session, f"b APPEND Sent {{{N}}}\r\n")[0].startswith("b NO [OVERQUOTA]")
    assert say(session, "c APPEND Nowhere {10}\r\n")[0].startswith("c NO [TRYCREATE]")
    assert say(session, "d APPEND Sent {99999999}\r\n")[0].startswith("d NO [TOOBIG]")
    assert last(session, "e NOOP\r\n").startswith("e OK")


def test_a_literal_that_comes_unasked_is_read_to_its_end_before_it_is_refused() -> None:
    store = new_store(Personality(imap_extensions=IMAP_EXTENSIONS | {"APPENDLIMIT=100"}))
    session = imap(store)
    assert "APPENDLIMIT=100" in say(session, "x CAPABILITY\r\n")[0]
    body = b"y LOGOUT\r\n" * 20
    assert last(session, b"a APPEND Sent {200+}\r\n" + body + b"\r\n").startswith("a NO [TOOBIG]")
    assert last(session, b"b APPEND Nowhere {20+}\r\n" + body[:20] + b"\r\n").startswith("b NO [TRYCREATE]")
    assert not session.closing
    assert last(imap(new_store(personalities.FULL)), b"c APPEND Sent {1+}\r\nx\r\n").startswith("c NO [OVERQUOTA]")


@pytest.mark.parametrize("size", [4096, 4097])
def test_literal_minus_lets_only_small_literals_go_unasked(size: int) -> None:
    store = new_store(Personality(imap_extensions=(IMAP_EXTENSIONS - {"LITERAL+"}) | {"LITERAL-"}))
    session = imap(store)
    lines = say(session, b"a APPEND Sent {%d+}\r\n" % size + b"x" * size + b"\r\n")
    assert lines[-1].startswith("a OK" if size == 4096 else "* BYE")


def test_utf8_messages_need_utf8_to_be_enabled_and_a_literal8() -> None:
    store = new_store()
    session = imap(store)
    content = "Subject: привет\r\n\r\n(привет)\r\n".encode()
    command = b" APPEND Sent (\\Seen) UTF8 (~{%d+}\r\n" % len(content) + content + b")\r\n"
    assert any(line.startswith("a BAD") for line in say(session, b"a" + command))
    say(session, "b ENABLE UTF8=ACCEPT\r\n")
    assert last(session, b"c" + command).startswith("c OK")
    assert mailbox(store, "Sent").messages[0].content == content
    plain = b"d APPEND Sent ~{3+}\r\na\0b\r\n"
    assert last(session, plain).startswith("d BAD")


def test_append_keeps_the_date_it_is_given_and_names_mailboxes_by_literal_too() -> None:
    store = new_store()
    session = imap(store)
    command = b'a APPEND {4+}\r\nSent () "17-Jul-2026 02:44:25 -0700" {%d+}\r\n' % N
    assert last(session, command + MESSAGE + b"\r\n").startswith("a OK")
    assert mailbox(store, "Sent").messages[0].stored_at == 1784281465
    assert last(session, b'b APPEND Sent "yesterday" {1+}\r\nx\r\n').startswith("b BAD")
    assert last(session, b"c APPEND Sent {1+}\r\nx extra\r\n").startswith("c BAD")


@pytest.mark.parametrize(
    ("drop", "stored"),
    [
        (Drop.IMAP_GREETING, 0),
        (Drop.IMAP_AUTH, 0),
        (Drop.LIST, 0),
        (Drop.SEARCH, 0),
        (Drop.APPEND, 0),
        (Drop.AFTER_APPEND, 1),
    ],
)
def test_it_breaks_where_it_is_told_once_and_stores_the_message_only_after_the_append(drop: Drop, stored: int) -> None:
    store = new_store(Personality(drop_at=drop))
    for attempt in (1, 2):
        session = ImapSession(store)
        session.tls_started()
        session.take()
        session.receive(f"a LOGIN {ANA} {PASSWORD}\r\n".encode())
        session.receive(b'b LIST "" "*"\r\nc EXAMINE Sent\r\nd UID SEARCH ALL\r\n')
        session.receive(b"e APPEND Sent {%d+}\r\n" % N + MESSAGE + b"\r\n")
        assert session.aborting == (attempt == 1)
        assert (session.take() == b"") == (attempt == 1)
        assert len(mailbox(store, "Sent").messages) == stored + attempt - 1
    assert store.last_drop is drop
