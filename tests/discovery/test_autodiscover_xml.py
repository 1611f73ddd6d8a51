"""Asking Autodiscover, and reading the servers that it answers with."""

from __future__ import annotations

import pytest

from tether_mailconf import Endpoint, Security
from tether_mailconf.discovery.autodiscover_xml import AutodiscoverAnswer, request_body
from tether_mailconf.discovery.offer import Server
from tether_mailconf.discovery.xml_document import read_xml
from tether_mailconf.errors import Problem

from .autodiscover_answers import ADDRESS, WHOLE, account, protocol, read

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
