"""imaplib against the sandbox's IMAP server."""

from __future__ import annotations

import imaplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tether_mailconf.sandbox import Drop, Personality, Sandbox
from tether_mailconf.sandbox import personality as personalities

from .drive import MESSAGE, trusting

Start = Callable[[Personality | None], Sandbox]


@contextmanager
def client(sandbox: Sandbox, *, starttls: bool = False, sign_in: bool = True) -> Iterator[imaplib.IMAP4]:
    endpoint = (sandbox.settings_starttls if starttls else sandbox.settings).imap
    assert endpoint is not None
    if starttls:
        imap = imaplib.IMAP4(endpoint.host, endpoint.port, timeout=20)
        imap.starttls(trusting(sandbox))
    else:
        imap = imaplib.IMAP4_SSL(endpoint.host, endpoint.port, timeout=20, ssl_context=trusting(sandbox))
    try:
        if sign_in:
            imap.login(sandbox.address, sandbox.password)
        yield imap
    finally:
        if imap.state != "LOGOUT":
            imap.shutdown()


def ok(answer: tuple[str, Any]) -> Any:
    status, data = answer
    assert status == "OK", data
    return data


def names(sandbox: Sandbox) -> set[str]:
    with client(sandbox) as imap:
        return {line.decode().split('"')[-2] for line in ok(imap.list())}


@pytest.mark.parametrize("starttls", [False, True])
def test_imaplib_files_finds_reads_and_removes_a_message(sandbox: Sandbox, starttls: bool) -> None:
    with client(sandbox, starttls=starttls) as imap:
        ok(imap.append("Sent", "(\\Seen)", imaplib.Time2Internaldate(1_700_000_000.0), MESSAGE))
        assert ok(imap.select("Sent")) == [b"1"]
        assert ok(imap.uid("SEARCH", "HEADER", "Message-ID", '"<1@sandbox.test>"')) == [b"1"]
        (envelope, content), _ = ok(imap.fetch("1", "(UID FLAGS BODY.PEEK[])"))
        assert b"UID 1 FLAGS (\\Seen)" in envelope
        assert content == MESSAGE
        ok(imap.store("1", "+FLAGS", "(\\Deleted)"))
        assert ok(imap.expunge()) == [b"1"]
        ok(imap.close())
        assert imap.logout()[0] == "BYE"
    assert not sandbox.sent()


def test_a_wrong_password_is_refused_and_so_is_any_before_tls(sandbox: Sandbox) -> None:
    with client(sandbox, sign_in=False) as imap, pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        imap.login(sandbox.address, "wrong")
    endpoint = sandbox.settings_starttls.imap
    assert endpoint is not None
    imap = imaplib.IMAP4(endpoint.host, endpoint.port, timeout=20)
    with pytest.raises(imaplib.IMAP4.error, match="PRIVACYREQUIRED"):
        imap.login(sandbox.address, sandbox.password)
    imap.shutdown()


def test_imaplib_authenticates_with_a_token(sandbox: Sandbox) -> None:
    answer = f"user={sandbox.address}\x01auth=Bearer {sandbox.token}\x01\x01".encode()
    with client(sandbox, sign_in=False) as imap:
        ok(imap.authenticate("XOAUTH2", lambda challenge: answer))


@pytest.mark.parametrize(
    ("personality", "name"),
    [
        (personalities.GERMAN, "Gesendete Objekte"),
        (personalities.RUSSIAN, "&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-"),
        (personalities.NO_SPECIAL_USE, "Sent Items"),
        (personalities.COURIER_LIKE, "INBOX.Sent"),
        (personalities.BARE, "Sent"),
        (Personality(sent_name="[Gmail]/Gesendet"), "[Gmail]/Gesendet"),
    ],
)
def test_sent_is_where_the_personality_has_it(start: Start, personality: Personality, name: str) -> None:
    sandbox = start(personality)
    with client(sandbox) as imap:
        lines = [line for line in ok(imap.list()) if line.endswith(f'"{name}"'.encode())]
        assert len(lines) == 1
        assert (b"\\Sent" in lines[0]) == personality.special_use
        ok(imap.append(f'"{name}"', "(\\Seen)", "", MESSAGE))
    assert [message.content for message in sandbox.sent()] == [MESSAGE]


def test_a_sent_mailbox_that_is_missing_can_be_created(start: Start) -> None:
    sandbox = start(Personality(sent_name=None))
    assert names(sandbox) == {"INBOX", "Drafts", "Trash"}
    with client(sandbox) as imap:
        status, (text,) = imap.append("Sent", "", "", MESSAGE)
        assert status == "NO"
        assert b"TRYCREATE" in text
        ok(imap.create("Sent"))
        ok(imap.subscribe("Sent"))
        ok(imap.append("Sent", "", "", MESSAGE))
    assert len(sandbox.sent()) == 1
    assert sandbox.mailboxes["Sent"] == sandbox.mailbox("Sent") == sandbox.sent()


def test_a_full_account_takes_nothing_more(start: Start) -> None:
    sandbox = start(personalities.FULL)
    with client(sandbox) as imap:
        status, (text,) = imap.append("Sent", "", "", MESSAGE)
    assert status == "NO"
    assert b"OVERQUOTA" in text
    assert not sandbox.sent()


@pytest.mark.parametrize(("drop", "stored"), [(Drop.APPEND, 0), (Drop.AFTER_APPEND, 1)])
def test_an_append_that_breaks_off_is_stored_or_not_as_the_step_says(start: Start, drop: Drop, stored: int) -> None:
    sandbox = start(Personality(drop_at=drop))
    with client(sandbox) as imap, pytest.raises((imaplib.IMAP4.abort, OSError)):
        imap.append("Sent", "", "", MESSAGE * 50)
    assert sandbox.last_drop is drop
    assert len(sandbox.sent()) == stored


@pytest.mark.parametrize("drop", [Drop.IMAP_GREETING, Drop.IMAP_AUTH, Drop.LIST, Drop.SEARCH])
def test_a_connection_breaks_at_the_named_step_and_the_next_one_is_fine(start: Start, drop: Drop) -> None:
    sandbox = start(Personality(drop_at=drop))

    def use() -> None:
        with client(sandbox) as imap:
            ok(imap.list())
            ok(imap.select("Sent"))
            ok(imap.search(None, "ALL"))

    with pytest.raises((imaplib.IMAP4.abort, imaplib.IMAP4.error, OSError)):
        use()
    assert sandbox.last_drop is drop
    use()


def test_mail_that_arrives_is_told_to_whoever_has_the_mailbox_open(start: Start) -> None:
    sandbox = start(personalities.FILES_ITSELF)
    with client(sandbox) as one, client(sandbox) as other:
        assert ok(one.select("Sent")) == [b"0"]
        ok(other.append("Sent", "", "", MESSAGE))
        ok(one.noop())
        assert one.response("EXISTS")[1][-1] == b"1"


def test_a_client_that_trusts_only_public_authorities_is_not_deceived(sandbox: Sandbox) -> None:
    endpoint = sandbox.settings.imap
    assert endpoint is not None
    with pytest.raises(ssl.SSLCertVerificationError):
        imaplib.IMAP4_SSL(endpoint.host, endpoint.port, timeout=20, ssl_context=ssl.create_default_context())
