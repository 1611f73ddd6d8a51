"""The parsers of what the web and the name servers say of a domain, and what people type of it."""

from __future__ import annotations

from typing import Any

import dns.exception
import dns.message
import dns.nameserver
import dns.resolver

from tether_mailconf import ConversationError, Endpoint, Problem, Security
from tether_mailconf._drivers import names
from tether_mailconf._drivers.callback import Awaited, judged
from tether_mailconf._drivers.web import web_endpoint
from tether_mailconf._ports import CNAME, MX, SRV, TXT, Deadline, HttpRequest
from tether_mailconf.address import read_address
from tether_mailconf.discovery.autodiscover_xml import read_autodiscover
from tether_mailconf.discovery.client_config import read_client_config
from tether_mailconf.discovery.placeholders import filled
from tether_mailconf.discovery.spf import includes
from tether_mailconf.discovery.xml_document import read_xml
from tether_mailconf.host_name import read_host

from .target import Target, text_of

ADDRESS = "ana.bell@example.com"

_CONFIG = b"""<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1"><emailProvider id="example.com"><domain>example.com</domain>
<incomingServer type="imap"><hostname>imap.%EMAILDOMAIN%</hostname><port>993</port><socketType>SSL</socketType>
<username>%EMAILADDRESS%</username><authentication>OAuth2</authentication></incomingServer>
<outgoingServer type="smtp"><hostname>smtp.example.com</hostname><port>587</port><socketType>STARTTLS</socketType>
<username>%EMAILLOCALPART%</username><authentication>password-cleartext</authentication></outgoingServer>
</emailProvider></clientConfig>"""
_ANSWER = b"""<?xml version="1.0"?><Autodiscover><Response><Account><AccountType>email</AccountType>
<Action>settings</Action><Protocol><Type>IMAP</Type><Server>imap.example.com</Server><Port>993</Port>
<LoginName>ana</LoginName><SSL>on</SSL></Protocol><Protocol><Type>SMTP</Type><Server>smtp.example.com</Server>
<Port>587</Port><Encryption>TLS</Encryption></Protocol></Account></Response></Autodiscover>"""
_REDIRECT = b"""<Autodiscover><Response><Account><Action>redirectUrl</Action>
<RedirectUrl>https://autodiscover.example.net/a.xml</RedirectUrl></Account></Response></Autodiscover>"""
_XML_WORDS = (
    b"<!DOCTYPE a [",
    b'<!ENTITY a "b">',
    b"&a;",
    b"&#0;",
    b"&#xd800;",
    b"<![CDATA[",
    b"]]>",
    b"<?x y?>",
    b"<!--",
    b"-->",
    b'xmlns="u"',
    b"<a>",
    b"</a>",
    b'<?xml version="1.0" encoding="UTF-16"?>',
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"<a b='c'",
    b"<hostname>",
    b"</hostname>",
    b"<Server>",
    b"%EMAILADDRESS%",
)


def _hosts(endpoints: list[Endpoint]) -> None:
    for endpoint in endpoints:
        assert read_host(endpoint.host) == endpoint.host
        assert isinstance(endpoint.security, Security)


def client_config(data: bytes) -> None:
    found = read_client_config(data, ADDRESS)
    if isinstance(found, Problem):
        assert found.message.isprintable()
        return
    _hosts([one.endpoint for one in (*found.smtp, *found.imap)])
    assert all(note.isprintable() for note in found.notes)


def autodiscover(data: bytes) -> None:
    found = read_autodiscover(data, ADDRESS)
    if isinstance(found, Problem):
        assert found.message.isprintable()
        return
    _hosts([one.endpoint for one in (*found.smtp, *found.imap)])
    assert all(note.isprintable() for note in found.notes)
    assert found.redirect_url == "" or found.redirect_url.lower().startswith("https://")


def xml(data: bytes) -> None:
    root = read_xml(data, most_bytes=2_000, deepest=8)
    if isinstance(root, Problem):
        assert root.message.isprintable()
        return
    for element in root.iter():
        assert element.tag == element.tag.lower()


def spf(data: bytes) -> None:
    records = [TXT(text=text_of(piece)) for piece in data.split(b"\xff")]
    found = includes(records)
    assert len(found) <= 20
    assert all(name == name.lower() and len(name) <= 253 for name in found)


class _Said(dns.nameserver.Nameserver):
    """A name server that answers every question with the same bytes.

    Args:
        said: the answer section and what follows it; its first two bytes are flags and a count.
    """

    def __init__(self, said: bytes) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._said = said

    def query(self, request: dns.message.QueryMessage, *arguments: Any, **options: Any) -> dns.message.Message:
        del arguments, options
        question = request.to_wire()[12:]
        code, count = (*self._said[:2], 0, 0)[:2]
        head = bytes((request.id >> 8, request.id & 255, 0x81, 0x80 | code % 4, 0, 1, 0, count % 8, 0, 0, 0, 0))
        return dns.message.from_wire(head + question + self._said[2:], ignore_trailing=True)

    def kind(self) -> str:
        return "fuzz"

    def is_always_max_size(self) -> bool:
        return False

    def answer_nameserver(self) -> str:
        return "192.0.2.53"

    def answer_port(self) -> int:
        return 53

    def __str__(self) -> str:
        return "fuzz"


def dns_answer(data: bytes) -> None:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [_Said(data)]
    before, names._resolver = names._resolver, lambda servers: resolver
    try:
        kinds: tuple[Any, ...] = (MX, SRV, TXT, CNAME)
        for kind in kinds:
            found = names.resolve("acme.example", kind, (), Deadline.after(20.0))
            if isinstance(found, ConversationError):
                assert str(found).isprintable()
                continue
            for record in found:
                host = getattr(record, "host", "")
                assert host == "" or read_host(host) == host
    finally:
        names._resolver = before


def host(data: bytes) -> None:
    found = read_host(text_of(data))
    if isinstance(found, str):
        assert read_host(found) == found
        assert found.isascii()
        assert found.isprintable()
        assert " " not in found
        assert Endpoint(host=found, port=465, security=Security.TLS).host == found
    else:
        assert found.message.isprintable()


def address(data: bytes) -> None:
    for is_quoted in (False, True):
        found = read_address(text_of(data), quoted=is_quoted)
        if isinstance(found, str):
            assert read_address(found, quoted=is_quoted) == found
            assert found.isprintable()
            assert not set("\r\n\0<>") & set(found.rpartition("@")[0]) or found.startswith('"')
        else:
            assert found.message.isprintable()


def placeholders(data: bytes) -> None:
    found = filled(text_of(data), ADDRESS)
    assert found is None or "%EMAILADDRESS%" not in found.upper()


def callback_request(data: bytes) -> None:
    target = judged(data, Awaited(port=8000, path="/callback", state="s3cret"))
    assert not isinstance(target, str) or (target.startswith("/callback?") and target.isprintable())


def url(data: bytes) -> None:
    endpoint = web_endpoint(HttpRequest(method="GET", url=text_of(data)))
    assert read_host(endpoint.host) == endpoint.host


_HOST_WORDS = (b"xn--", b".", b"-", b"[", b"]", b":", b"%", b"0x7f", "\u3002".encode(), "\u2488".encode(), b"::ffff:")

TARGETS = (
    Target("client_config", client_config, [_CONFIG], words=_XML_WORDS),
    Target("autodiscover", autodiscover, [_ANSWER, _REDIRECT], words=_XML_WORDS),
    Target("xml", xml, [_CONFIG, _ANSWER, b"<a b='c' x:d='e'>f</a>"], words=_XML_WORDS),
    Target(
        "spf",
        spf,
        [b"v=spf1 include:_spf.google.com ~all", b"v=spf1 redirect=_spf.example.net\xffgoogle-site-verification=x"],
        words=[b"v=spf1", b" include:", b" redirect=", b" -all", b"%{i}", b"\xff"],
    ),
    Target(
        "dns_answer",
        dns_answer,
        [
            b"\0\1\xc0\x0c\0\x0f\0\1\0\0\1\x2c\0\x0a\0\5\4mail\xc0\x0c",
            b"\0\1\xc0\x0c\0\x21\0\1\0\0\1\x2c\0\x0c\0\0\0\1\x01\xd1\3out\xc0\x0c",
            b"\0\1\xc0\x0c\0\x10\0\1\0\0\1\x2c\0\x0b\x0av=spf1 all",
            b"\0\1\xc0\x0c\0\5\0\1\0\0\1\x2c\0\7\4mail\xc0\x0c",
        ],
        words=[b"\xc0\x0c", b"\xc0\x00", b"\0\x0f\0\1", b"\0\x21\0\1", b"\0\x10\0\1", b"\0\5\0\1"],
    ),
    Target(
        "host",
        host,
        [b"smtp.example.com", "b\u00fccher.example".encode(), b"xn--bcher-kva.example.", b"192.0.2.1", b"2001:db8::1"],
        words=_HOST_WORDS,
    ),
    Target(
        "address",
        address,
        [b"ana@example.com", "j\u00f6rg@b\u00fccher.example".encode(), b'"john doe"@example.org', b"a@[192.0.2.1]"],
        words=(*_HOST_WORDS, b"@", b'"', b"\\", b"\r\n", b">", b"<"),
    ),
    Target(
        "placeholders",
        placeholders,
        [b"%EMAILADDRESS%", b"x-%EMAILLOCALPART%-%EMAILDOMAIN%", b"%%email%%", b"%username%"],
        words=[b"%", b"%%", b"EMAILADDRESS", b"DOMAIN"],
    ),
    Target(
        "callback_request",
        callback_request,
        [b"GET /callback?code=a&state=s3cret HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nAccept: */*"],
        words=[b"\r\n", b"Host:", b"127.0.0.1:8000", b"&state=s3cret", b"#", b"%00"],
    ),
    Target(
        "url",
        url,
        [b"https://autoconfig.example.com/mail/config.xml?a=b", b"https://[2001:db8::1]:8443/"],
        words=(*_HOST_WORDS, b"https://", b"@", b"/", b"\\", b"#"),
    ),
)
