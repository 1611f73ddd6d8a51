"""Answers of Autodiscover that name no server: redirects, errors, rubbish."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tether_mailconf import Security
from tether_mailconf.discovery.autodiscover_xml import MOST_BYTES, AutodiscoverAnswer, read_autodiscover
from tether_mailconf.errors import Problem

from .autodiscover_answers import ADDRESS, WHOLE, account, inside, protocol, read

# -- answers without servers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kinds", [("EXCH",), ("EXPR", "EXCH", "WEB"), ("WEB",), ("exHTTP",), ("mapiHttp",)], ids="+".join
)
def test_an_exchange_server_that_tells_nothing_of_imap_is_noted(kinds: tuple[str, ...]) -> None:
    assert read(account(*(protocol(kind) for kind in kinds))) == AutodiscoverAnswer(
        notes=("it is an Exchange server, and whether it has IMAP and SMTP is not told",)
    )


def test_servers_inside_of_outlooks_own_elements_are_passed_over() -> None:
    inner = protocol("IMAP", "inner.example")
    answer = read(account(f"<Protocol><Type>WEB</Type><Internal>{inner}</Internal></Protocol>"))
    assert (answer.imap, len(answer.notes)) == ((), 1)


def test_an_empty_answer_is_noted() -> None:
    notes = ("neither an IMAP nor an SMTP server is named",)
    assert read("<Autodiscover/>") == AutodiscoverAnswer(notes=notes)
    assert read(account(protocol("POP3"))) == AutodiscoverAnswer(notes=notes)


# -- redirects ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("elements", "url", "address"),
    [
        (
            "<Action>redirectUrl</Action><RedirectUrl>https://a.example/Autodiscover/x.xml?y=z</RedirectUrl>",
            "https://a.example/Autodiscover/x.xml?y=z",
            "",
        ),
        (
            "<Action>REDIRECTURL</Action><RedirectUrl> HTTPS://a.example:444/ </RedirectUrl>",
            "HTTPS://a.example:444/",
            "",
        ),
        ("<Action>redirectAddr</Action><RedirectAddr> ana@B.example </RedirectAddr>", "", "ana@b.example"),
        (
            "<Action>redirectAddr</Action><RedirectAddr>ana@bücher.example</RedirectAddr>",
            "",
            "ana@xn--bcher-kva.example",
        ),
        ("<RedirectAddr>ana@b.example</RedirectAddr>", "", "ana@b.example"),
    ],
    ids=["url", "case and port", "address", "U-labels", "no action"],
)
def test_a_redirect_is_told(elements: str, url: str, address: str) -> None:
    assert read(account(elements)) == AutodiscoverAnswer(redirect_url=url, redirect_address=address)


def test_what_no_action_asks_for_is_no_redirect() -> None:
    url, address = "<RedirectUrl>https://a.example/</RedirectUrl>", "<RedirectAddr>ana@b.example</RedirectAddr>"
    answer = read(account("<Action>settings</Action>", url, address, protocol()))
    assert (answer.redirect_url, answer.redirect_address, len(answer.imap)) == ("", "", 1)


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/", "ftp://a.example/", "file:///etc/passwd", "//a.example/", "a.example", "https://", "https:///x",
        "https://ana:secret@a.example/", "https://a.example@b.example/", "https://a b.example/", "https://[::1/",
        "https://a.example:99999/", "https://a.example/&#10;x", "https://bücher.example/", "https://127.1/",
        "javascript:alert(1)", "https://a.example/" + "x" * 2048,
    ],
    ids=lambda url: url[:40],
)  # fmt: skip
def test_a_redirect_to_anything_but_an_https_url_is_left_out_with_a_note(url: str) -> None:
    answer = read(account(f"<Action>redirectUrl</Action><RedirectUrl>{url}</RedirectUrl>"))
    assert answer.redirect_url == ""
    assert "left out" in answer.notes[0]
    assert all(note.isprintable() for note in answer.notes)


@pytest.mark.parametrize(
    "address", ["ana", "@b.example", "ana@", "ana@b.example&#10;x", "a@b@c d", "x" * 5000], ids=lambda text: text[:20]
)
def test_a_redirect_to_what_is_no_address_is_left_out_with_a_note(address: str) -> None:
    answer = read(account(f"<Action>redirectAddr</Action><RedirectAddr>{address}</RedirectAddr>"))
    assert answer.redirect_address == ""
    assert "left out" in answer.notes[0]
    assert all(note.isprintable() for note in answer.notes)


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("<ErrorCode>600</ErrorCode><Message>Invalid Request</Message><DebugData/>", "600 Invalid Request"),
        ("<Message>No\u202e such&#10;user</Message>", "No\\u202e such\\nuser"),
        ("<Message>" + "x" * 5000 + "</Message>", "x" * 199 + "…"),
        ("gone", "gone"),
        ("", "no reason"),
    ],
    ids=["Exchange's", "control characters", "long", "text", "nothing"],
)
def test_an_error_is_told_in_the_servers_words(error: str, said: str) -> None:
    document = f'<Autodiscover><Response><Error Time="1" Id="2">{error}</Error></Response></Autodiscover>'
    assert read_autodiscover(document.encode(), ADDRESS) == Problem(
        field="", code="autodiscover.error", message=f"the Autodiscover server refuses: {said}"
    )


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"<html/>", "document.other"),
        (b"<clientConfig/>", "document.other"),
        (b"<!DOCTYPE html><html/>", "document.doctype"),
        (b"<Autodiscover>", "document.malformed"),
        (b"", "document.malformed"),
        (b"\0", "document.encoding"),
        (b"<Autodiscover>" + b"<x>" * 50_000, "document.too_deep"),
        (b" " * MOST_BYTES + b"<Autodiscover/>", "document.too_long"),
    ],
    ids=["web page", "client-config", "HTML", "cut", "nothing", "NUL", "deep", "long"],
)
def test_what_is_no_answer_says_why(document: bytes, code: str) -> None:
    found = read_autodiscover(document, ADDRESS)
    assert isinstance(found, Problem)
    assert found.code == code


# -- properties --------------------------------------------------------------------------------------------------------


def check(found: AutodiscoverAnswer | Problem) -> None:
    """Whatever was read, it is encrypted, bounded and fit to be shown."""
    if isinstance(found, Problem):
        assert found.message.isprintable()
        return
    assert max(len(found.smtp), len(found.imap)) <= 10
    assert len(found.notes) <= 20
    assert all(text.isprintable() for text in (found.redirect_url, found.redirect_address, *found.notes))
    for each in (*found.smtp, *found.imap):
        assert each.endpoint.security in (Security.TLS, Security.STARTTLS)
        assert each.user is None or (each.user and "\n" not in each.user)


@settings(max_examples=80)
@given(st.binary(max_size=300), st.text(max_size=30))
def test_any_bytes_give_a_value_or_a_problem(document: bytes, address: str) -> None:
    check(read_autodiscover(document, address))


def test_an_answer_cut_at_any_byte_gives_a_value_or_a_problem() -> None:
    document = WHOLE.encode()
    for end in range(len(document)):
        check(read_autodiscover(document[:end], ADDRESS))


VALUES = st.one_of(
    st.sampled_from(
        [
            "IMAP", "SMTP", "EXCH", "on", "off", "None", "SSL", "TLS", "Auto", "993", "143", "465", "587", "25", "0",
            "mail.example.com", "a:1", "%EMAILADDRESS%", "%X%", "settings", "redirectUrl", "redirectAddr",
            "https://a.example/", "http://a.example/", "ana@b.example",
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="<&\ufffe\uffff"), max_size=12),
)  # fmt: skip


NAMES = st.sampled_from(["Type", "Server", "Port", "SSL", "Encryption", "LoginName"])


PROTOCOLS = st.lists(st.lists(st.tuples(NAMES, VALUES), max_size=8), max_size=4)


ACTIONS = st.lists(st.tuples(st.sampled_from(["Action", "RedirectUrl", "RedirectAddr"]), VALUES), max_size=3)


@settings(max_examples=120)
@given(PROTOCOLS, ACTIONS, st.one_of(st.just(ADDRESS), st.text(max_size=20)))
def test_any_elements_give_an_answer(
    protocols: list[list[tuple[str, str]]], actions: list[tuple[str, str]], address: str
) -> None:
    bodies = [inside(fields) for fields in protocols]
    document = account(inside(actions), *(f"<Protocol>{body}</Protocol>" for body in bodies))
    found = read_autodiscover(document.encode(), address)
    check(found)
    assert isinstance(found, AutodiscoverAnswer)
