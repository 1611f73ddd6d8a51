"""Exchange Autodiscover: the question, and what the answers tell."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tether_mailconf import Endpoint, Security
from tether_mailconf.discovery.autodiscover_xml import (
    MOST_BYTES,
    AutodiscoverAnswer,
    read_autodiscover,
    request_body,
)
from tether_mailconf.discovery.offer import Server
from tether_mailconf.discovery.xml_document import read_xml
from tether_mailconf.errors import Problem

ADDRESS = "ana.bell@example.com"

WHOLE = """<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
  <Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a">
    <User><DisplayName>Ana Bell</DisplayName></User>
    <Account>
      <AccountType>email</AccountType>
      <Action>settings</Action>
      <Protocol>
        <Type>POP3</Type><Server>pop.example.com</Server><Port>995</Port><SSL>on</SSL>
      </Protocol>
      <Protocol>
        <Type>IMAP</Type>
        <Server>imap.example.com</Server>
        <Port>993</Port>
        <DomainRequired>off</DomainRequired>
        <LoginName>ana.bell</LoginName>
        <SPA>off</SPA>
        <SSL>on</SSL>
        <AuthRequired>on</AuthRequired>
      </Protocol>
      <Protocol>
        <Type>SMTP</Type>
        <Server>smtp.example.com</Server>
        <Port>587</Port>
        <LoginName>ana.bell@example.com</LoginName>
        <SSL>on</SSL>
        <Encryption>TLS</Encryption>
        <AuthRequired>on</AuthRequired>
        <UsePOPAuth>off</UsePOPAuth>
        <SMTPLast>off</SMTPLast>
      </Protocol>
    </Account>
  </Response>
</Autodiscover>
"""


def read(document: str, address: str = ADDRESS) -> AutodiscoverAnswer:
    """What an answer tells; it must be one."""
    answer = read_autodiscover(document.encode(), address)
    assert not isinstance(answer, Problem), answer
    return answer


def account(*elements: str) -> str:
    return f"<Autodiscover><Response><Account>{''.join(elements)}</Account></Response></Autodiscover>"


def inside(elements: Iterable[tuple[str, str]]) -> str:
    return "".join(f"<{name}>{value}</{name}>" for name, value in elements)


def protocol(kind: str = "IMAP", server: str = "mail.example.com", **elements: str) -> str:
    return f"<Protocol><Type>{kind}</Type><Server>{server}</Server>{inside(elements.items())}</Protocol>"


# -- the question ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [ADDRESS, "a&b<c>'d\"@example.com", "grüezi@bücher.example", "]]>@example.com"])
def test_the_question_is_xml_and_asks_for_the_address(address: str) -> None:
    root = read_xml(request_body(address), most_bytes=2000, deepest=3)
    assert not isinstance(root, Problem)
    assert root.findtext("request/emailaddress") == address
    schema = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
    assert root.findtext("request/acceptableresponseschema") == schema


def test_the_question_is_as_outlook_asks_it() -> None:
    assert request_body(ADDRESS) == (
        b'<?xml version="1.0" encoding="utf-8"?>\n'
        b'<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>'
        b"<EMailAddress>ana.bell@example.com</EMailAddress><AcceptableResponseSchema>"
        b"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
        b"</AcceptableResponseSchema></Request></Autodiscover>\n"
    )


@pytest.mark.parametrize("address", ["a\0@example.com", "a\r\n@example.com", "\ud800@example.com"], ids=ascii)
def test_there_is_no_question_for_what_xml_cannot_hold(address: str) -> None:
    with pytest.raises(ValueError, match="control characters"):
        request_body(address)


# -- servers -----------------------------------------------------------------------------------------------------------


def test_a_whole_answer_is_read() -> None:
    assert read(WHOLE) == AutodiscoverAnswer(
        imap=(
            Server(endpoint=Endpoint(host="imap.example.com", port=993, security=Security.TLS), user="ana.bell"),
        ),
        smtp=(
            Server(endpoint=Endpoint(host="smtp.example.com", port=587, security=Security.STARTTLS), user=ADDRESS),
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("elements", "number", "security"),
    [
        ({"Port": "993", "SSL": "on"}, 993, Security.TLS),
        ({"Port": "143", "SSL": "on"}, 143, Security.STARTTLS),
        ({"Port": "1143", "SSL": "on"}, 1143, Security.TLS),
        ({"SSL": "on"}, 993, Security.TLS),
        ({"Port": "imaps", "SSL": "on"}, 993, Security.TLS),
        ({"Port": "0"}, 993, Security.TLS),
        ({"Port": "143"}, 143, Security.STARTTLS),
        ({}, 993, Security.TLS),
        ({"SSL": "On "}, 993, Security.TLS),
        ({"Encryption": "SSL"}, 993, Security.TLS),
        ({"Encryption": "SSL", "Port": "143"}, 143, Security.STARTTLS),
        ({"Encryption": "TLS"}, 143, Security.STARTTLS),
        ({"Encryption": "TLS", "Port": "993"}, 993, Security.TLS),
        ({"Encryption": "tls", "Port": "1143"}, 1143, Security.STARTTLS),
        ({"Encryption": "TLS", "SSL": "off", "Port": "143"}, 143, Security.STARTTLS),
        ({"Encryption": "Auto"}, 993, Security.TLS),
        ({"Encryption": "Auto", "Port": "143"}, 143, Security.STARTTLS),
        ({"Encryption": "whatever", "SSL": "on", "Port": "993"}, 993, Security.TLS),
    ],
    ids=lambda value: "+".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else None,
)
def test_ports_ssl_and_encryption_are_read_together(elements: dict[str, str], number: int, security: Security) -> None:
    answer = read(account(protocol(**elements)))
    endpoint = Endpoint(host="mail.example.com", port=number, security=security)
    assert (answer.imap, answer.notes) == ((Server(endpoint=endpoint),), ())


@pytest.mark.parametrize(
    ("elements", "number", "security"),
    [
        ({"Port": "465", "SSL": "on"}, 465, Security.TLS),
        ({"Port": "587", "SSL": "on"}, 587, Security.STARTTLS),
        ({"Port": "25", "SSL": "on"}, 25, Security.STARTTLS),
        ({"Encryption": "TLS"}, 587, Security.STARTTLS),
        ({"Encryption": "TLS", "Port": "465"}, 465, Security.TLS),
        ({"Port": "2525"}, 2525, Security.TLS),
        ({}, 465, Security.TLS),
    ],
    ids=lambda value: "+".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else None,
)
def test_so_it_is_with_smtp(elements: dict[str, str], number: int, security: Security) -> None:
    answer = read(account(protocol("smtp", **elements)))
    endpoint = Endpoint(host="mail.example.com", port=number, security=security)
    assert (answer.smtp, answer.notes) == ((Server(endpoint=endpoint),), ())


@pytest.mark.parametrize(
    "elements",
    [
        {"SSL": "off"},
        {"SSL": "OFF", "Port": "993"},
        {"SSL": "off", "Port": "143"},
        {"Encryption": "None"},
        {"Encryption": "none", "SSL": "on", "Port": "993"},
        {"Encryption": "whatever", "SSL": "off"},
    ],
    ids=lambda elements: "+".join(f"{k}={v}" for k, v in elements.items()),
)
def test_a_server_without_encryption_is_left_out_with_a_note(elements: dict[str, str]) -> None:
    assert read(account(protocol(**elements))) == AutodiscoverAnswer(
        notes=("IMAP server 'mail.example.com' left out: it is named without encryption",)
    )


@pytest.mark.parametrize(
    "server",
    [
        "", "mail.example.com:993", "https://mail.example.com/", "a b", "a&#10;b", "ana@example.com", "%SERVER%",
        "127.1", "[2001:db8::1]", "/o=Org/ou=Group", "a" * 300,
    ],
    ids=lambda server: server[:30],
)  # fmt: skip
def test_a_server_whose_name_is_none_is_left_out_with_a_note(server: str) -> None:
    answer = read(account(protocol(server=server), protocol(server="good.example")))
    assert [each.endpoint.host for each in answer.imap] == ["good.example"]
    assert len(answer.notes) == 1
    assert answer.notes[0].isprintable()


@pytest.mark.parametrize(("kind", "port"), [("IMAP", "587"), ("IMAP", "995"), ("SMTP", "993"), ("SMTP", "143")])
def test_a_server_with_another_protocols_port_is_left_out_with_a_note(kind: str, port: str) -> None:
    answer = read(account(protocol(kind, Port=port)))
    assert (answer.imap, answer.smtp, len(answer.notes)) == ((), (), 1)


@pytest.mark.parametrize(
    ("login", "user"),
    [
        ("ana", "ana"),
        ("EXAMPLE\\ana", "EXAMPLE\\ana"),
        ("%EMAILADDRESS%", ADDRESS),
        ("%EmailAddress%", ADDRESS),
        ("&lt;ana&gt;", "<ana>"),
        (" ana\n", "ana"),
        ("", None),
    ],
)
def test_user_names_are_read(login: str, user: str | None) -> None:
    answer = read(account(protocol(LoginName=login)))
    assert (answer.imap[0].user, answer.notes) == (user, ())


@pytest.mark.parametrize("login", ["%USER%", "a&#10;b", "a" * 257], ids=lambda login: login[:10])
def test_a_user_name_that_is_not_understood_is_not_said(login: str) -> None:
    answer = read(account(protocol(LoginName=login)))
    assert answer.imap[0].user is None
    assert len(answer.notes) == 1


def test_the_type_may_be_an_attribute_and_names_be_in_any_case() -> None:
    document = (
        "<AUTODISCOVER><response><account><PROTOCOL TYPE=' imap '><SERVER> MAIL.Example.com. </SERVER></PROTOCOL>"
        "</account></response></AUTODISCOVER>"
    )
    assert read(document).imap[0].endpoint.host == "mail.example.com"


def test_the_same_is_told_once_at_most_ten_in_the_order_of_the_answer() -> None:
    answer = read(account(*(protocol(server=f"m{number // 2}.example") for number in range(30))))
    assert [each.endpoint.host for each in answer.imap] == [f"m{number}.example" for number in range(10)]


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
