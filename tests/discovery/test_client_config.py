"""Reading client configuration documents: as they are specified, as they are found, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tether_mailconf import Endpoint, Security
from tether_mailconf.discovery.client_config import MOST_BYTES, ClientConfig, Hint, read_client_config
from tether_mailconf.discovery.offer import Server
from tether_mailconf.discovery.protocol import Protocol
from tether_mailconf.errors import Problem

from .client_configs import ADDRESS, PASSWORD, TOKEN, config_of, read, server, smtp

WHOLE = """<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
  <emailProvider id="example.com">
    <domain>example.com</domain>
    <domain>example.net</domain>
    <displayName>Example Mail &amp; More</displayName>
    <displayShortName>Example</displayShortName>
    <incomingServer type="imap">
      <hostname>imap.example.com</hostname>
      <port>993</port>
      <socketType>SSL</socketType>
      <username>%EMAILADDRESS%</username>
      <authentication>OAuth2</authentication>
      <authentication>password-cleartext</authentication>
    </incomingServer>
    <incomingServer type="imap">
      <hostname>imap.example.com</hostname>
      <port>143</port>
      <socketType>STARTTLS</socketType>
      <username>%EMAILLOCALPART%</username>
      <authentication>password-cleartext</authentication>
    </incomingServer>
    <incomingServer type="pop3">
      <hostname>pop.example.com</hostname>
      <port>995</port>
      <socketType>SSL</socketType>
      <username>%EMAILADDRESS%</username>
      <authentication>password-cleartext</authentication>
    </incomingServer>
    <outgoingServer type="smtp">
      <hostname>smtp.%EMAILDOMAIN%</hostname>
      <port>587</port>
      <socketType>STARTTLS</socketType>
      <username>%EMAILADDRESS%</username>
      <authentication>password-cleartext</authentication>
      <restriction>client-IP-address</restriction>
    </outgoingServer>
    <documentation url="https://www.example.com/help"><descr lang="en">Help</descr></documentation>
  </emailProvider>
  <oAuth2>
    <issuer>login.example.com</issuer>
    <scope>https://mail.example.com/ https://mail.example.com/contacts</scope>
  </oAuth2>
  <enable visiturl="https://www.example.com/"><instruction>Enable IMAP</instruction></enable>
</clientConfig>
"""


def refused(document: str | bytes, address: str = ADDRESS) -> str:
    """The code of what is wrong with a document."""
    found = read_client_config(document.encode() if isinstance(document, str) else document, address)
    assert isinstance(found, Problem), found
    return found.code


# -- as it is specified ------------------------------------------------------------------------------------------------


def test_a_whole_document_is_read() -> None:
    assert read(WHOLE) == ClientConfig(
        imap=(
            Server(
                endpoint=Endpoint(host="imap.example.com", port=993, security=Security.TLS),
                user=ADDRESS,
                kinds=(TOKEN, PASSWORD),
            ),
            Server(
                endpoint=Endpoint(host="imap.example.com", port=143, security=Security.STARTTLS),
                user="ana.bell",
                kinds=(PASSWORD,),
            ),
        ),
        smtp=(
            Server(
                endpoint=Endpoint(host="smtp.example.com", port=587, security=Security.STARTTLS),
                user=ADDRESS,
                kinds=(PASSWORD,),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("ana@second.example", "second.example"),
        ("ana@xn--bcher-kva.example", "third.example"),
        ("ana@bücher.example", "third.example"),
        ("ana@first.example", "first.example"),
        ("ana@elsewhere.example", "first.example"),
        ("nonsense", "first.example"),
    ],
)
def test_of_several_providers_the_one_that_lists_the_domain_counts(address: str, host: str) -> None:
    providers = "".join(
        f"<emailProvider><domain> {domain} </domain>{server(host=name)}</emailProvider>"
        for domain, name in [
            ("first.example", "first.example"),
            ("SECOND.example", "second.example"),
            ("Bücher.example", "third.example"),
        ]
    )
    assert read(f"<clientConfig>{providers}</clientConfig>", address).imap[0].endpoint.host == host


# -- as it is found ----------------------------------------------------------------------------------------------------


def test_case_blanks_and_namespaces_do_not_matter() -> None:
    config = read(
        '<CLIENTCONFIG xmlns="urn:x"><EmailProvider><INCOMINGSERVER TYPE=" Imap ">'
        "<HostName>\n  IMAP.Example.COM.\n</HostName><Port> 993 </Port><SOCKETTYPE> ssl </SOCKETTYPE>"
        "<UserName> %EMAILADDRESS%\n</UserName><Authentication> Password-Cleartext </Authentication>"
        "</INCOMINGSERVER></EmailProvider></CLIENTCONFIG>"
    )
    endpoint = Endpoint(host="imap.example.com", port=993, security=Security.TLS)
    assert config.imap == (Server(endpoint=endpoint, user=ADDRESS, kinds=(PASSWORD,)),)


def test_comments_sections_and_instructions_do_not_matter() -> None:
    host = "<![CDATA[imap]]><!-- x -->.example<?y z?>.com"
    assert read(config_of("<!-- a -->", server(host=host))).imap[0].endpoint.host == "imap.example.com"


@pytest.mark.parametrize(
    ("socket", "port", "security", "number"),
    [
        ("SSL", "993", Security.TLS, 993),
        ("TLS", "993", Security.TLS, 993),
        ("SSL/TLS", "993", Security.TLS, 993),
        ("STARTTLS", "143", Security.STARTTLS, 143),
        ("starttls", "", Security.STARTTLS, 143),
        ("SSL", "", Security.TLS, 993),
        ("SSL", "imaps", Security.TLS, 993),
        ("SSL", "0", Security.TLS, 993),
        ("SSL", "65536", Security.TLS, 993),
        ("SSL", "-1", Security.TLS, 993),
        ("SSL", "\uff19\uff19\uff13", Security.TLS, 993),
        ("SSL", "9" * 5000, Security.TLS, 993),
        ("SSL", "0993", Security.TLS, 993),
        ("SSL", "1993", Security.TLS, 1993),
        ("STARTTLS", "1143", Security.STARTTLS, 1143),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else None,
)
def test_ports_and_socket_types_are_read_together(socket: str, port: str, security: Security, number: int) -> None:
    endpoint = read(config_of(server(socket=socket, port=port))).imap[0].endpoint
    assert endpoint == Endpoint(host="mail.example.com", port=number, security=security)


def test_smtp_has_default_ports_of_its_own() -> None:
    config = read(config_of(smtp(port=""), smtp(port="", socket="STARTTLS"), smtp(port="25", socket="STARTTLS")))
    assert [each.endpoint.port for each in config.smtp] == [465, 587, 25]


def test_an_outgoing_server_of_no_type_is_an_smtp_server() -> None:
    config = read(
        config_of("<outgoingServer><hostname>a.example</hostname><socketType>SSL</socketType></outgoingServer>")
    )
    assert config.smtp == (Server(endpoint=Endpoint(host="a.example", port=465, security=Security.TLS)),)


def test_of_several_socket_types_the_first_with_encryption_counts() -> None:
    config = read(
        config_of(server(port="", socket="plain</socketType><socketType>STARTTLS</socketType><socketType>SSL"))
    )
    assert config.imap[0].endpoint.port == 143


@pytest.mark.parametrize(
    ("socket", "port"),
    [
        ("plain", "143"),
        ("plain", "993"),
        ("", "993"),
        ("none", ""),
        ("whatever", "143"),
        ("STARTTLS", "993"),
        ("SSL", "143"),
        ("TLS", "143"),
        ("SSL", "587"),
        ("STARTTLS", "25"),
        ("SSL", "995"),
    ],
)
def test_a_server_without_encryption_or_with_a_port_that_contradicts_is_a_hint(socket: str, port: str) -> None:
    config = read(config_of(server(socket=socket, port=port, host="IMAP.%EMAILDOMAIN%", user="%EMAILLOCALPART%")))
    assert (config.imap, config.smtp) == ((), ())
    assert config.hints == (Hint(protocol=Protocol.IMAP, host="imap.example.com", user="ana.bell"),)
    assert len(config.notes) == 1


@pytest.mark.parametrize(
    ("socket", "port"), [("plain", "25"), ("plain", "587"), ("SSL", "587"), ("STARTTLS", "465"), ("SSL", "993")]
)
def test_so_it_is_with_smtp(socket: str, port: str) -> None:
    config = read(config_of(smtp(socket=socket, port=port)))
    assert config.smtp == ()
    assert config.hints == (Hint(protocol=Protocol.SMTP, host="mail.example.com", user=ADDRESS),)


def test_the_same_is_told_once_in_the_order_of_the_document() -> None:
    first, second, plain = server(host="b.example"), server(host="a.example"), server(socket="plain", port="143")
    config = read(config_of(first, plain, second, first, second, plain))
    assert [each.endpoint.host for each in config.imap] == ["b.example", "a.example"]
    assert len(config.hints) == 1


def test_at_most_ten_of_each_are_told() -> None:
    numbers = range(15)
    config = read(
        config_of(
            *(server(host=f"i{number}.example") for number in numbers),
            *(server(host=f"h{number}.example", socket="plain") for number in numbers),
            *(server(tag="outgoingServer", kind="smtp", port="465", host=f"s{number}.example") for number in numbers),
        )
    )
    assert [each.endpoint.host for each in config.imap] == [f"i{number}.example" for number in range(10)]
    assert [each.endpoint.host for each in config.smtp] == [f"s{number}.example" for number in range(10)]
    assert [each.host for each in config.hints] == [f"h{number}.example" for number in range(10)]


# -- what is refused ---------------------------------------------------------------------------------------------------


def test_a_document_without_a_server_that_can_be_used_is_a_problem() -> None:
    found = read_client_config(config_of(server(host="%HOST%")).encode(), ADDRESS)
    assert found == Problem(
        field="",
        code="document.no_servers",
        message=(
            "the document names no server that can be used: "
            "IMAP server '%HOST%' left out: its name has a placeholder that is not known"
        ),
    )


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (config_of(), "document.no_servers"),
        (config_of(server(kind="pop3")), "document.no_servers"),
        (config_of(server(kind="")), "document.no_servers"),
        (config_of(server(kind="exchange")), "document.no_servers"),
        (config_of(server(tag="outgoingServer", kind="imap")), "document.no_servers"),
        (config_of(server(ways=("none",))), "document.no_servers"),
        (config_of("<x>" + server() + "</x>"), "document.no_servers"),
        ("<clientConfig/>", "document.other"),
        ("<html><body>Not found</body></html>", "document.other"),
        ("<!DOCTYPE html><html></html>", "document.doctype"),
        (WHOLE.replace("<clientConfig ", "<!DOCTYPE clientConfig><clientConfig "), "document.doctype"),
        (WHOLE.replace("UTF-8", "ISO-8859-1"), "document.encoding"),
        ("<clientConfig><emailProvider>" + "<x>" * 100_000, "document.too_long"),
        ("<clientConfig><emailProvider>" + "<x>" * 10_000, "document.too_deep"),
        (WHOLE[:-10], "document.malformed"),
        ("Not found", "document.malformed"),
        ("", "document.malformed"),
    ],
    ids=[
        "empty", "pop3", "no type", "exchange", "outgoing imap", "no sign-in", "nested", "no provider", "web page",
        "HTML", "document type", "latin-1", "long", "deep", "cut", "text", "nothing",
    ],
)  # fmt: skip
def test_what_tells_nothing_says_why(document: str, code: str) -> None:
    assert refused(document) == code


def test_128_kib_are_read_and_not_a_byte_more() -> None:
    document = WHOLE.encode().ljust(MOST_BYTES)
    assert isinstance(read_client_config(document, ADDRESS), ClientConfig)
    assert refused(document + b" ") == "document.too_long"


def test_notes_and_problems_are_bounded_and_fit_to_be_shown() -> None:
    bad = [server(host=f"bad {number} \u202e{'x' * 200}") for number in range(45)]
    config = read(config_of(*bad, server()))
    assert len(config.notes) == 20
    assert all(note.isprintable() and len(note) <= 500 for note in config.notes)
    found = read_client_config(config_of(*bad).encode(), ADDRESS)
    assert isinstance(found, Problem)
    assert found.message.isprintable()
    assert len(found.message) <= 500


# -- properties --------------------------------------------------------------------------------------------------------


def check(found: ClientConfig | Problem) -> None:
    """Whatever was read, it is encrypted, bounded and fit to be shown."""
    if isinstance(found, Problem):
        assert found.message.isprintable()
        return
    assert found.smtp or found.imap or found.hints
    assert max(len(found.smtp), len(found.imap), len(found.hints)) <= 10
    assert len(found.notes) <= 20
    assert all(text.isprintable() for text in found.notes)
    for each in (*found.smtp, *found.imap):
        assert each.endpoint.security in (Security.TLS, Security.STARTTLS)
        assert each.user is None or (each.user and "\n" not in each.user)


@settings(max_examples=80)
@given(st.binary(max_size=300), st.text(max_size=30))
def test_any_bytes_give_a_value_or_a_problem(document: bytes, address: str) -> None:
    check(read_client_config(document, address))


def test_a_document_cut_at_any_byte_gives_a_value_or_a_problem() -> None:
    document = WHOLE.encode()
    for end in range(len(document)):
        check(read_client_config(document[:end], ADDRESS))


VALUES = st.one_of(
    st.sampled_from(
        [
            "imap", "smtp", "pop3", "SSL", "TLS", "STARTTLS", "plain", "993", "143", "465", "587", "25", "0",
            "%EMAILADDRESS%", "%EMAILDOMAIN%", "%EMAILLOCALPART%", "%X%", "%", "mail.example.com", "192.0.2.1",
            "bücher.example", "a:1", "password-cleartext", "OAuth2", "none", "NTLM",
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="<&\ufffe\uffff"), max_size=12),
)  # fmt: skip


FIELDS = st.lists(
    st.tuples(st.sampled_from(["hostname", "port", "socketType", "username", "authentication"]), VALUES), max_size=8
)


SERVERS = st.lists(st.tuples(st.booleans(), FIELDS), max_size=4)


@settings(max_examples=120)
@given(SERVERS, st.one_of(st.just(ADDRESS), st.text(max_size=20)))
def test_any_servers_give_a_value_or_a_problem(servers: list[tuple[bool, list[tuple[str, str]]]], address: str) -> None:
    elements = []
    for incoming, fields in servers:
        tag, kind = ("incomingServer", "imap") if incoming else ("outgoingServer", "smtp")
        body = "".join(f"<{name}>{value}</{name}>" for name, value in fields)
        elements.append(f'<{tag} type="{kind}">{body}</{tag}>')
    found = read_client_config(config_of(*elements).encode(), address)
    check(found)
    assert not isinstance(found, Problem) or found.code == "document.no_servers"
