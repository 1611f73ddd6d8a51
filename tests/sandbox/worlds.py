"""The internet that these tests stand in, and how they ask its name server without the library."""

from __future__ import annotations

import gzip
import socket
from pathlib import Path

import dns.message
import dns.query
import dns.rcode

from tether_mailconf.sandbox import Internet, Sandbox, WebAnswer, WebRequest

DESCRIPTORS = Path("/dev/fd")
TIMEOUT = 20.0
MANY = "\n".join(f"many MX {number} mx{number}.acme.test." for number in range(60))
TEXTS = " ".join(f'"{letter * 200}"' for letter in "abcdefgh")


def autodiscover(request: WebRequest) -> WebAnswer:
    """Answer by what was posted."""
    if request.method != "POST":
        return WebAnswer(status=405)
    return WebAnswer(headers={"Content-Type": "text/xml"}, body=request.body.upper())


WORLD = Internet(
    zones={
        "acme.test": f"""
            @           MX    10 mx
            @           TXT   "v=spf1 " "-all"
            mx          A     127.0.0.1
            imap        A     127.0.0.1
            smtp        A     127.0.0.1
            autoconfig  CNAME www
            autodiscover CNAME www
            www         A     127.0.0.1
            six         AAAA  ::1
            dead        A     127.0.0.2
            half        A     127.0.0.3
            silent      A     127.0.0.1
            failing     MX    10 mx
            slow        MX    10 mx
            _imaps._tcp SRV   0 1 993 imap
            _imap._tcp  SRV   0 0 0 .
            gone        CNAME nothing
            out         CNAME www.elsewhere.test.
            round       CNAME and.round
            and.round   CNAME round
            first       CNAME second
            second      CNAME mail.bücher.test.
            *.wild      A     127.0.0.1
            *.wild      MX    10 mx
            own.wild    TXT   "mine"
            numeric     MX    10 192.0.2.1.
            numeric     MX    20 mx
            long        TXT   {TEXTS}
            {MANY.replace(chr(10), chr(10) + " " * 12)}
        """,
        "null.test": "@ MX 0 .",
        "bücher.test": "@ MX 5 Größe\nGröße A 127.0.0.1\nmail MX 7 mx.acme.test.",
        "evil.test": "mail A 127.0.0.1\nevil.test. 60 IN SOA ns.evil.test. me.evil.test. 7 60 60 60 60",
    },
    sites={
        "autoconfig.acme.test": {
            "/mail/config-v1.1.xml": b"<clientConfig/>",
            "/moved": WebAnswer(status=302, headers={"Location": "https://www.acme.test/there"}),
            "/bomb": WebAnswer(headers={"Content-Encoding": "gzip"}, body=gzip.compress(bytes(1_000_000))),
            "/lost": WebAnswer(is_lost=True),
        },
        "AutoDiscover.ACME.test": {"/autodiscover/autodiscover.xml": autodiscover},
        "*.tenants.test": {"/": b"a tenant"},
        "bücher.test": {"/": "Bücher".encode()},
    },
    untrusted=frozenset({"mail.evil.test"}),
    silent=frozenset({"silent.ACME.test", "*.quiet.test"}),
    failing=frozenset({"failing.acme.test"}),
    delays={"slow.acme.test": 0.2},
    listens={"127.0.0.3": frozenset({143, 587})},
)


def name_server(sandbox: Sandbox) -> tuple[str, int]:
    """Return the address and port of its name server."""
    (server,) = sandbox.network.name_servers
    return server


def udp(sandbox: Sandbox, query: dns.message.Message) -> dns.message.Message:
    """Ask over UDP."""
    host, port = name_server(sandbox)
    return dns.query.udp(query, host, port=port, timeout=TIMEOUT)


def ask(sandbox: Sandbox, name: str, kind: str) -> dns.message.Message:
    """Ask over UDP, and over TCP where an answer is cut."""
    host, port = name_server(sandbox)
    answer, _ = dns.query.udp_with_fallback(dns.message.make_query(name, kind), host, port=port, timeout=TIMEOUT)
    return answer


def records(answer: dns.message.Message) -> list[str]:
    """Return what stands in the answer section, a line for each record."""
    return [line for records in answer.answer for line in records.to_text().split("\n")]


def rcode(answer: dns.message.Message) -> str:
    """Return how it went."""
    return dns.rcode.to_text(answer.rcode())


def heard_nothing(sandbox: Sandbox, packet: bytes) -> bool:
    """Send a packet, and a question after it; return whether the answer to that is the first thing to come back."""
    query = dns.message.make_query("imap.acme.test", "A")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(TIMEOUT)
        client.connect(name_server(sandbox))
        client.send(packet)
        client.send(query.to_wire())
        return client.recv(65535)[:2] == query.id.to_bytes(2, "big")
