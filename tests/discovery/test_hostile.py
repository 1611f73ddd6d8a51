"""What web servers, name servers and mail servers of strangers may answer, and that discovery outlives all of it.

Every run has an end, nothing of it stays behind, and nobody learns more than the address. Where it may go is in
`test_ssrf`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import gzip
import logging
import os
import random
import select
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import attrs
import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from tether_mailconf import AppPassword, Discovery, InvalidSettings, NetworkPolicy, Source, TimedOut, Trust
from tether_mailconf._drivers.asyncio import AsyncioStream
from tether_mailconf._drivers.blocking import BlockingIO
from tether_mailconf._drivers.stream import READ_SIZE
from tether_mailconf._ports import Deadline, run_sync
from tether_mailconf._wire.imap import open_imap
from tether_mailconf.discovery import Outcome
from tether_mailconf.errors import ProtocolViolation
from tether_mailconf.sandbox import Internet, Sandbox, WebAnswer, WebRequest
from tether_mailconf.sandbox.internet import Page, Site
from tether_mailconf.settings import Endpoint, Security

from ..mailer.raw_server import Peer, RawServer, make_chain, trusted_chain
from .domains import AUTODISCOVER, CONFIG, HERE, WELL_KNOWN, config
from .strangers import COLOURS, FAR_TOO_LONG, LyingNameServer, Trap, discovered, texts

DESCRIPTORS = Path("/dev/fd")
TOLD = (Source.DATABASE, Source.MX, Source.AUTOCONFIG, Source.SRV, Source.AUTODISCOVER, Source.MX_AUTOCONFIG)
"""All but guessing, which would find the mail servers of the sandbox."""

GOOD = config("out.elsewhere.test", "in.elsewhere.test")
SECRET = "geheimes-wort-51c0"


def has_ended(is_over: Callable[[], bool]) -> bool:
    """Wait until something is over, which it is soon."""
    end = time.monotonic() + FAR_TOO_LONG
    while not is_over():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


# -- web servers -------------------------------------------------------------------------------------------------------


def document(inner: str, doctype: str = "", encoding: str = "UTF-8") -> bytes:
    """A document that would name servers, were it read."""
    servers = GOOD.decode().partition("?>")[2].replace("</clientConfig>", f"{inner}</clientConfig>")
    return f'<?xml version="1.0" encoding="{encoding}"?>{doctype}{servers}'.encode()


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
STALLED = threading.Event()


def stall(_: WebRequest) -> WebAnswer:
    """Say nothing, for as long as the tests of this kind take."""
    STALLED.wait(FAR_TOO_LONG)
    return WebAnswer(is_lost=True)


def moved(where: str) -> WebAnswer:
    return WebAnswer(status=302, headers={"Location": where})


ANSWERS: dict[str, Page] = {
    "billion-laughs": document("&l9;", f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]>'),
    "quadratic-entity": document("&a;" * 2000, f'<!DOCTYPE a [<!ENTITY a "{"x" * 20000}">]>'),
    "external-entity": document("&a;", '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]>'),
    "external-doctype": document("", '<!DOCTYPE a SYSTEM "https://trap.test/a.dtd">'),
    "parameter-entity": document("", '<!DOCTYPE a [<!ENTITY % a SYSTEM "https://trap.test/a.dtd">%a;]>'),
    "utf-16": GOOD.decode().replace("UTF-8", "UTF-16").encode("utf-16"),
    "utf-16-without-mark": GOOD.decode().replace("UTF-8", "UTF-16").encode("utf-16-le"),
    "utf-7": document("", encoding="UTF-7"),
    "too-long": GOOD + b" " * (128 * 1024 + 1 - len(GOOD)),
    "too-deep": document("<a>" * 5000 + "</a>" * 5000),
    "never-closed": b"<a>" * 40000,
    "many-attributes": b"<a " + b" ".join(b'a%d=""' % n for n in range(10000)) + b"/>",
    "one-long-token": b"<a b='" + b"x" * 130000,
    "include": document('<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>')[:-9],
    "not-xml": b"\0\xff" * 1000,
    "empty": b"",
    "gzip-told": WebAnswer(headers={"Content-Encoding": "gzip"}, body=gzip.compress(bytes(10_000_000))),
    "gzip-untold": gzip.compress(bytes(10_000_000)),
    "hundred-megabytes": WebAnswer(body=b" " * 1_000_000, repeat=100),
    "lost": WebAnswer(is_lost=True),
    "lost-in-the-middle": WebAnswer(headers={"Content-Length": "100000"}, body=GOOD[:200]),
    "longer-than-told": WebAnswer(headers={"Content-Length": "50"}, body=GOOD),
    "no-clear-end": WebAnswer(headers={"Transfer-Encoding": "chunked"}, body=GOOD),
    "basic": WebAnswer(status=401, headers={"WWW-Authenticate": 'Basic realm="mail"'}, body=GOOD),
    "ntlm": WebAnswer(status=401, headers={"WWW-Authenticate": "NTLM"}, body=GOOD),
    "negotiate": WebAnswer(status=407, headers={"Proxy-Authenticate": "Negotiate"}, body=GOOD),
    "error-with-a-document": WebAnswer(status=500, body=GOOD),
    "interim": WebAnswer(status=101, headers={"Upgrade": "h2c"}, body=GOOD),
    "no-such-status": WebAnswer(status=999, body=GOOD),
    "location-with-line-break": moved("https://trap.test/\r\nX-Injected: 1\r\n\r\n"),
    "location-folded": moved("https://\r\n trap.test/"),
    "location-not-ascii": moved("https://tr\u00e4p.test/"),
    "location-endless": moved("https://trap.test/" + "a" * 70000),
    "location-of-nothing": moved("https://["),
    "cookie": WebAnswer(
        status=302, headers={"Location": "/again", "Set-Cookie": "a=b; Path=/; Domain=test"}, body=GOOD
    ),
    "header-of-rubbish": WebAnswer(headers={"X Y": "z"}, body=GOOD),
    "many-headers": WebAnswer(headers={f"X-{n}": "y" for n in range(2000)}, body=GOOD),
}
SLOW: dict[str, Page] = {
    "dribble": WebAnswer(dribble=0.1, body=GOOD),
    "dribbled-redirect": WebAnswer(status=302, headers={"Location": "https://trap.test/"}, dribble=0.1),
    "silent": stall,
}


def names(kind: str) -> tuple[str, str]:
    """The domain of a kind of answer, and the domain of whoever takes its mail."""
    return f"{kind}.test", f"mx-{kind}.test"


def web() -> Internet:
    """For each kind of answer a domain all of whose web servers give it, and nothing else."""
    zones = {"trap.test": f"@ A {HERE}\nautoconfig A {HERE}\n@ MX 5 ."}
    sites: dict[str, Site] = {}
    for kind, page in (ANSWERS | SLOW | {"wrong-certificate": GOOD}).items():
        domain, mx = names(kind)
        zones[domain] = f"@ A {HERE}\nautoconfig A {HERE}\nautodiscover A {HERE}\ndb A {HERE}\n@ MX 5 a.{mx}."
        zones[mx] = f"autoconfig A {HERE}"
        site = dict.fromkeys((CONFIG, WELL_KNOWN, AUTODISCOVER, f"/{domain}", "/again"), page)
        sites.update(dict.fromkeys(hosts(kind), site))
    return Internet(zones=zones, sites=sites, untrusted=frozenset(hosts("wrong-certificate")))


def hosts(kind: str) -> tuple[str, ...]:
    domain, mx = names(kind)
    return domain, f"autoconfig.{domain}", f"autodiscover.{domain}", f"db.{domain}", f"autoconfig.{mx}"


@pytest.fixture(scope="module")
def strange() -> Iterator[Sandbox]:
    STALLED.clear()
    with Sandbox(internet=web()) as sandbox:
        yield sandbox
        STALLED.set()


def database(kind: str) -> str:
    return f"https://db.{names(kind)[0]}/"


def check_asked(sandbox: Sandbox, kind: str) -> None:
    """The domain's own hosts only, a dozen times at most, and by nobody who shows more than an address.

    A line break ends the field that it stands in: what is before it is where a redirect leads, the rest goes nowhere.
    """
    assert 0 < len(sandbox.requests) <= 12
    elsewhere = {"trap.test"} if kind == "location-with-line-break" else set[str]()
    assert {request.host for request in sandbox.requests} <= set(hosts(kind)) | elsewhere
    for request in sandbox.requests:
        assert not {"authorization", "proxy-authorization", "cookie", "x-injected"} & set(request.headers)


@pytest.mark.parametrize("kind", ANSWERS)
def test_no_web_server_can_make_anything_of_an_answer_like_this(strange: Sandbox, kind: str) -> None:
    """All web sources are told the same at once; the others find nothing either."""
    strange.clear_logs()
    found = discovered("aio", f"ana@{names(kind)[0]}", strange, strange.network, sources=TOLD, database=database(kind))
    assert found.candidates == ()
    told = {one.source: one.outcome for one in found.sources}
    web_sources = (Source.DATABASE, Source.AUTOCONFIG, Source.AUTODISCOVER, Source.MX_AUTOCONFIG)
    assert {told[source] for source in web_sources} <= {Outcome.FAILED, Outcome.NOTHING, Outcome.REFUSED}
    check_asked(strange, kind)
    for text in texts(found):
        assert "root:" not in text
        assert text.replace("\n", "").isprintable()
        assert len(text) < 20_000


@pytest.mark.parametrize("kind", ["billion-laughs", "gzip-told", "hundred-megabytes", "cookie", "basic"])
def test_it_is_the_same_for_threads(strange: Sandbox, kind: str) -> None:
    strange.clear_logs()
    found = discovered("sync", f"ana@{names(kind)[0]}", strange, strange.network, sources=TOLD, database=database(kind))
    assert found.candidates == ()
    check_asked(strange, kind)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_server_with_a_certificate_for_others_is_asked_nothing(strange: Sandbox, colour: str) -> None:
    strange.clear_logs()
    kind = "wrong-certificate"
    found = discovered(colour, f"ana@{names(kind)[0]}", strange, strange.network, sources=TOLD, database=database(kind))
    assert found.candidates == ()
    assert strange.requests == ()
    assert "certificate" in str(found)


@pytest.mark.parametrize(
    ("kind", "colour"),
    [("dribble", "sync"), ("dribble", "aio"), ("dribbled-redirect", "aio"), ("silent", "sync"), ("silent", "aio")],
)
def test_servers_that_take_their_time_are_left_at_the_deadline(strange: Sandbox, kind: str, colour: str) -> None:
    """All of them at once, and all that was done for them ends."""
    discovered(colour, "ana@trap.test", strange, strange.network, sources=TOLD)
    gc.collect()
    assert has_ended(lambda: not serving())
    threads, descriptors = set(threading.enumerate()), len(list(DESCRIPTORS.iterdir()))
    strange.clear_logs()
    started = time.monotonic()
    found = discovered(
        colour,
        f"ana@{names(kind)[0]}",
        strange,
        strange.network,
        sources=TOLD,
        database=database(kind),
        deadline=1.2,
    )
    assert time.monotonic() - started < FAR_TOO_LONG / 4
    assert found.candidates == ()
    late = [one.source for one in found.sources if one.outcome in (Outcome.LATE, Outcome.FAILED)]
    assert set(late) >= {Source.DATABASE, Source.AUTOCONFIG, Source.AUTODISCOVER}
    check_asked(strange, kind)
    assert has_ended(lambda: all("sandbox" in thread.name for thread in set(threading.enumerate()) - threads))
    if kind == "silent":
        STALLED.set()
    gc.collect()
    assert has_ended(lambda: set(threading.enumerate()) <= threads)
    assert has_ended(lambda: len(list(DESCRIPTORS.iterdir())) <= descriptors)
    STALLED.clear()


def serving() -> list[threading.Thread]:
    """The sandbox's connections."""
    return [
        thread for thread in threading.enumerate() if thread.name in ("sandbox web", "sandbox smtp", "sandbox imap")
    ]


CHILD = """
import asyncio, pathlib, re, resource, sys
from tether_mailconf import NetworkPolicy, Source, aio

port, web, ca_file, told = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4].split()
network = NetworkPolicy(networks=("127.0.0.0/8",), name_servers=(("127.0.0.1", port),), forwarded={443: web})

def peak():
    try:
        status = pathlib.Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(re.search(r"VmHWM:\\s+(\\d+)", status)[1])

def run(kind):
    found = asyncio.run(aio.discover(
        f"ana@{kind}.test", network=network, ca_file=ca_file, database=f"https://db.{kind}.test/",
        sources=[Source(one) for one in told], grace=60,
    ))
    assert found.candidates == (), found

run("not-xml")
before = peak()
for kind in sys.argv[5:]:
    run(kind)
print(peak() - before)
"""


def test_a_hundred_megabytes_do_not_fill_the_memory(strange: Sandbox) -> None:
    """Nor a bomb, nor a document that would unfold: the peak of a process that meets them hardly moves."""
    (server,) = strange.network.name_servers
    arguments = (str(server[1]), str(strange.network.forwarded[443]), str(strange.ca_file))
    told = " ".join(source.value for source in TOLD)
    kinds = ("hundred-megabytes", "gzip-told", "gzip-untold", "billion-laughs", "never-closed", "too-deep")
    child = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CHILD), *arguments, told, *kinds],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=FAR_TOO_LONG,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    assert int(child.stdout) < 32 * 1024


# -- name servers ------------------------------------------------------------------------------------------------------


def mx_of(*exchanges: str) -> str:
    return "\n".join(f"@ MX {number} {exchange}" for number, exchange in enumerate(exchanges))


def services(smtp: str, imap: str = "0 1 993 imap") -> str:
    return f"_submissions._tcp SRV {smtp}\n_imaps._tcp SRV {imap}"


LONG_LABEL = "a" * 63
PORTS = (22, 25, 80, 8443, 65535)
RECORDS: dict[str, str] = {
    "thousand-mx": "\n".join(f"@ MX {number} mx{number}.elsewhere.test." for number in range(1000)),
    "mx-is-an-address": mx_of("127.0.0.1.", "169.254.169.254.", "2130706433."),
    "mx-with-control": mx_of(r"a\000b.elsewhere.test.", r"a\010b.elsewhere.test.", r"\032.elsewhere.test."),
    "mx-with-path": mx_of(r"elsewhere.test\/x.", r"a\@b.test.", r"a\?b.test.", r"a\.b.test.", r"a\058443.test."),
    "mx-not-ascii": mx_of(r"\255\254.test.", r"m\195\188.test."),
    "mx-bad-punycode": mx_of("xn--zzzzzz99999999.test.", "xn--.test.", "xn--a.test.", "xn--99999999999999.test."),
    "mx-public-suffix": mx_of("co.uk.", "test.", "github.io."),
    "mx-longest": mx_of(".".join([LONG_LABEL] * 3) + ".b." + "c" * 57 + "."),
    "mx-wildcard": mx_of("*.elsewhere.test."),
    "srv-port-zero": services("0 1 0 smtp"),
    "srv-with-control": services(r"0 1 465 a\000b", r"0 1 993 a\010b"),
    "srv-not-ascii": services(r"0 1 465 \255\254"),
    "srv-is-an-address": services("0 1 465 127.0.0.1.", "0 1 993 127.0.0.1."),
    "srv-no-service": services("0 0 0 .", "65535 65535 65535 ."),
    "text-of-64-kb": " ".join(["@ TXT", *(f'"{"v=spf1 include:_spf.google.com " * 7}"' for _ in range(270))])
    + "\n@ MX 1 mx1.filtered.pphosted.com.",
    "text-of-rubbish": r'@ TXT "v=spf1 \000\255 include:\010 redirect=\255"' + "\n@ MX 1 mx1.filtered.pphosted.com.",
    "alias-of-itself": "autoconfig CNAME autoconfig\nautodiscover CNAME other\nother CNAME autodiscover\n"
    "_imaps._tcp CNAME _imaps._tcp\n@ MX 1 mx1.filtered.pphosted.com.",
    "alias-of-rubbish": "autodiscover CNAME \\000\\255.autodiscover.outlook.com.\n@ MX 1 mx1.filtered.pphosted.com.",
}


@pytest.fixture(scope="module")
def lying() -> Iterator[Sandbox]:
    zones = {f"{kind}.test": records for kind, records in RECORDS.items()}
    zones |= {"failing.test": "@ A 127.0.0.2", "unheard.test": "@ A 127.0.0.2"}
    zones |= {
        f"port-{port}.test": f"{services(f'0 1 {port} out', f'0 1 {port} in')}\nout A {HERE}\nin A {HERE}"
        for port in PORTS
    }
    zones["extremes.test"] = (
        "_submissions._tcp SRV 65535 65535 465 last\n_submissions._tcp SRV 0 0 465 second\n"
        "_submissions._tcp SRV 0 65535 465 first\n_imaps._tcp SRV 65535 0 993 in"
    )
    internet = Internet(
        zones=zones,
        silent=frozenset({"*.unheard.test", "unheard.test"}),
        failing=frozenset({"*.failing.test", "failing.test"}),
    )
    with Sandbox(internet=internet) as sandbox:
        yield sandbox


@pytest.mark.parametrize("kind", RECORDS)
def test_records_that_no_decent_domain_has_lead_nowhere(lying: Sandbox, kind: str) -> None:
    lying.clear_logs()
    found = discovered("aio", f"ana@{kind}.test", lying, lying.network, sources=TOLD)
    assert found.candidates == (), str(found)
    # Every source has come to its own end: none of them was broken by what it read.
    assert not [one for one in found.sources if one.outcome is Outcome.LATE]
    assert found.requests <= 12
    looked_up = [one.name for one in lying.questions if one.kind in ("A", "AAAA")]
    # Hosts that take mail are asked nothing, and looked up by nobody; whoever has registered them has a web server.
    assert all(name.endswith(f"{kind}.test") or name.startswith("autoconfig.") for name in looked_up)
    assert len(set(looked_up)) <= 7
    for text in texts(found):
        assert text.replace("\n", "").isprintable()
        assert len(text) < 20_000


def test_of_extreme_priorities_and_weights_the_least_and_the_most_come_first(lying: Sandbox) -> None:
    found = discovered("aio", "ana@extremes.test", lying, lying.network)
    smtp = list(dict.fromkeys(one.settings.smtp.host.partition(".")[0] for one in found.candidates))
    assert smtp == ["first", "second", "last"]


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("port", PORTS)
def test_a_port_that_is_not_for_mail_is_not_dialled_even_with_a_credential(
    lying: Sandbox, port: int, colour: str
) -> None:
    with Trap() as trap:
        forwarded = {**lying.network.forwarded, port: trap.listen("127.0.0.1")}
        network = attrs.evolve(lying.network, forwarded=forwarded, ports=NetworkPolicy().ports)
        found = discovered(
            colour, f"ana@port-{port}.test", lying, network, verify=AppPassword(SECRET), sources=[Source.SRV]
        )
        assert trap.caught() == 0
    assert found.verified is None
    assert not any(one.accepted for one in found.attempts)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(("domain", "seconds"), [("failing.test", 30.0), ("unheard.test", 0.2)])
def test_name_servers_that_fail_or_keep_silent_are_no_more_than_that(
    lying: Sandbox, domain: str, seconds: float, colour: str
) -> None:
    before = set(threading.enumerate())
    started = time.monotonic()
    found = discovered(colour, f"ana@{domain}", lying, lying.network, deadline=seconds)
    assert time.monotonic() - started < FAR_TOO_LONG / 2
    assert found.candidates == ()
    told = [one for one in found.sources if one.source in (Source.MX, Source.AUTOCONFIG, Source.SRV)]
    assert {one.outcome for one in told} <= {Outcome.FAILED, Outcome.LATE}
    # A question that is left behind ends by itself, and what is done for it with it.
    assert has_ended(lambda: not {one for one in set(threading.enumerate()) - before if "mailconf" in one.name})


def rubbish(seed: int) -> Callable[[dns.message.Message], bytes | None]:
    """Answers that begin as they should and go on as they please."""
    chance = random.Random(seed)

    def answer(query: dns.message.Message) -> bytes:
        made = dns.message.make_response(query, recursion_available=True)
        name, kind = query.question[0].name, dns.rdatatype.to_text(query.question[0].rdtype)
        if kind in ("MX", "SRV", "TXT", "CNAME", "A"):
            data = {"MX": "5 a.b.test.", "SRV": "0 1 465 a.b.test.", "TXT": '"x"', "CNAME": "a.test.", "A": "127.0.0.1"}
            made.answer.append(dns.rrset.from_text(name, 300, "IN", kind, data[kind]))
        packet = bytearray(made.to_wire())
        how = chance.randrange(4)
        if how == 0:
            del packet[chance.randrange(12, len(packet)) :]
        elif how == 1:
            packet += chance.randbytes(200)
        else:
            for _ in range(how * 3):
                packet[chance.randrange(2, len(packet))] = chance.randrange(256)
        return bytes(packet)

    return answer


@pytest.mark.parametrize("seed", range(4))
def test_answers_of_rubbish_are_no_answers(lying: Sandbox, seed: int) -> None:
    """Whatever dnspython makes of them, nobody waits beyond the deadline, and no thread dies of it."""
    with LyingNameServer(rubbish(seed)) as server:
        network = attrs.evolve(lying.network, name_servers=server.servers, networks=("192.0.2.0/24",))
        before = set(threading.enumerate())
        found = discovered("aio", "ana@acme.test", lying, network, sources=TOLD, deadline=0.8)
        assert has_ended(lambda: set(threading.enumerate()) <= before)
    assert server.asked
    assert all(one.needs_confirmation or one.source is Source.SRV for one in found.candidates)


@pytest.mark.parametrize(
    "domain",
    [
        "b\u00fccher.xn--zzzzzz99999999.test",
        "a\0b.test",
        "a\n.test",
        "\ud800.test",
        "a..test",
        "-a.test",
        f"{LONG_LABEL}a.test",
        ".".join([LONG_LABEL] * 5),
        "\u202e.test",
        "xn--zzzzzz99999999.test",
        "xn--a.test",
    ],
    ids=lambda name: name.encode("unicode_escape").decode()[:30],
)
def test_a_domain_that_is_none_is_told_before_anybody_is_asked(lying: Sandbox, domain: str) -> None:
    lying.clear_logs()
    with pytest.raises(InvalidSettings):
        discovered("aio", f"ana@{domain}", lying, lying.network)
    assert lying.questions == ()


# -- mail servers ------------------------------------------------------------------------------------------------------

HARMLESS = {"EHLO", "STARTTLS", "CAPABILITY", "QUIT", "LOGOUT"}


@attrs.define
class Heard:
    """What a mail server was told in the clear, or by whoever trusted it."""

    words: list[str] = attrs.field(factory=list)

    def hear(self, peer: Peer) -> str:
        line = peer.hear()
        words = line.upper().split()
        if words:
            # IMAP commands begin with a tag.
            self.words.append(words[1] if len(words) > 1 and words[0] not in HARMLESS else words[0])
        return line


def tag(line: str) -> str:
    return line.partition(" ")[0]


def no_starttls(peer: Peer, heard: Heard, protocol: str) -> None:
    if protocol == "smtp":
        peer.say("220 mail.acme.test ESMTP")
        heard.hear(peer)
        peer.say("250-mail.acme.test", "250 AUTH PLAIN LOGIN")
        heard.hear(peer)
        peer.say("502 no")
    else:
        peer.say("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready")
        while line := heard.hear(peer):
            peer.say(f"{tag(line)} BAD no")
    while heard.hear(peer):
        pass


def preauth(peer: Peer, heard: Heard, protocol: str) -> None:
    peer.say("* PREAUTH [CAPABILITY IMAP4rev1] welcome ana" if protocol == "imap" else "235 2.7.0 you are in")
    while line := heard.hear(peer):
        peer.say(f"{tag(line)} OK")


def silent(peer: Peer, heard: Heard, protocol: str) -> None:
    while heard.hear(peer):
        pass


def flood(peer: Peer, heard: Heard, protocol: str) -> None:
    while True:
        peer.say_bytes(b"220-welcome\r\n" * 5000 if protocol == "smtp" else b"* OK welcome\r\n" * 5000)


def flood_of_one_line(peer: Peer, heard: Heard, protocol: str) -> None:
    while True:
        peer.say_bytes(b"x" * 65536)


def flood_after_ehlo(peer: Peer, heard: Heard, protocol: str) -> None:
    peer.say("220 mail.acme.test ESMTP" if protocol == "smtp" else "* OK ready")
    heard.hear(peer)
    while True:
        peer.say_bytes(b"250-X\r\n" * 5000 if protocol == "smtp" else b"* CAPABILITY X\r\n" * 5000)


def injected(peer: Peer, heard: Heard, protocol: str) -> None:
    """What is sent ahead of TLS would be taken for what came after it (CVE-2011-0411)."""
    if protocol == "smtp":
        peer.say("220 mail.acme.test ESMTP")
        heard.hear(peer)
        peer.say("250-mail.acme.test", "250 STARTTLS")
        heard.hear(peer)
        peer.say("220 go ahead", "250-mail.acme.test", "250 AUTH PLAIN")
    else:
        peer.say("* OK ready")
        line = heard.hear(peer)
        peer.say(f"{tag(line)} OK begin", "* CAPABILITY IMAP4rev1 AUTH=PLAIN", "a2 OK done")
    while heard.hear(peer):
        pass


def goes_away(peer: Peer, heard: Heard, protocol: str) -> None:
    peer.say("421 4.3.2 too many connections" if protocol == "smtp" else "* BYE too many connections")


def speaks_http(peer: Peer, heard: Heard, protocol: str) -> None:
    peer.say("HTTP/1.1 400 Bad Request", "Content-Length: 0", "")
    while heard.hear(peer):
        pass


Behaviour = Callable[[Peer, Heard, str], None]
BEHAVIOURS: dict[str, Behaviour] = {
    "no-starttls": no_starttls,
    "preauth": preauth,
    "silent": silent,
    "flood": flood,
    "flood-of-one-line": flood_of_one_line,
    "flood-after-ehlo": flood_after_ehlo,
    "injected": injected,
    "goes-away": goes_away,
    "http": speaks_http,
}
MAIL = {465: ("smtp", True), 587: ("smtp", False), 993: ("imap", True), 143: ("imap", False)}


@pytest.fixture(scope="module")
def quiet() -> Iterator[Sandbox]:
    """An internet with one domain whose mail servers are the test's own."""
    zones = {"guessed.test": f"mail A {HERE}\nimap A {HERE}\nsmtp A {HERE}"}
    with Sandbox(internet=Internet(zones=zones)) as sandbox:
        yield sandbox


@contextlib.contextmanager
def serving_mail(behave: Behaviour, chain: Path | None) -> Iterator[tuple[Mapping[int, int], Heard]]:
    """Servers that behave like this at the four ports; those with TLS from the first byte have this certificate."""
    heard = Heard()
    with contextlib.ExitStack() as opened:
        forwarded = dict[int, int]()
        for port, (protocol, is_implicit) in MAIL.items():

            def act(peer: Peer, protocol: str = protocol) -> None:
                behave(peer, heard, protocol)

            server = RawServer(act, chain if is_implicit else None)
            forwarded[port] = opened.enter_context(server).port
        yield forwarded, heard


def guessed(sandbox: Sandbox, colour: str, forwarded: Mapping[int, int], ca_file: Path, seconds: float) -> Discovery:
    network = attrs.evolve(sandbox.network, forwarded=forwarded)
    return discovered(
        colour, "ana@guessed.test", sandbox, network, sources=[Source.GUESS], ca_file=ca_file, deadline=seconds
    )


# Where nobody answers, the deadline is the end; the others are over long before it.
@pytest.mark.parametrize(
    ("kind", "colour"), [(kind, "aio") for kind in BEHAVIOURS] + [("no-starttls", "sync"), ("flood", "sync")]
)
def test_a_mail_server_that_cannot_be_trusted_is_no_candidate(
    quiet: Sandbox, tmp_path: Path, kind: str, colour: str
) -> None:
    """Neither in the clear nor with a certificate of its own making, and it hears nothing worth hearing."""
    authority, _ = trusted_chain(tmp_path)
    _, own = make_chain(tmp_path, host="mail.guessed.test")
    with serving_mail(BEHAVIOURS[kind], own) as (forwarded, heard):
        found = guessed(quiet, colour, forwarded, authority, 0.3)
        assert found.candidates == (), str(found)
    assert set(heard.words) <= HARMLESS
    assert not any("ANA" in word for word in heard.words)


@pytest.mark.parametrize("kind", ["flood-after-ehlo", "goes-away", "preauth"])
def test_a_trusted_certificate_alone_makes_no_mail_server(quiet: Sandbox, tmp_path: Path, kind: str) -> None:
    """The sandbox's own certificate would do for these names."""
    with serving_mail(BEHAVIOURS[kind], quiet.ca_file.parent / "server.pem") as (forwarded, heard):
        found = guessed(quiet, "aio", forwarded, quiet.ca_file, 0.3)
        assert found.candidates == (), str(found)
    assert set(heard.words) <= HARMLESS


@contextlib.contextmanager
def connected() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client's end and a server's end."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
        listener.accept()[0] as server,
    ):
        client.setblocking(False)
        yield client, server


def test_a_server_that_has_always_more_to_say_is_not_listened_to_beyond_the_deadline() -> None:
    async def listen(client: socket.socket) -> None:
        with pytest.raises(TimedOut):
            await AsyncioStream(client).read(Deadline.after(-1.0))

    with connected() as (client, server):
        server.sendall(b"* OK welcome\r\n")
        assert select.select([client], [], [], FAR_TOO_LONG)[0]
        asyncio.run(listen(client))


def test_a_server_that_has_always_more_to_say_does_not_keep_the_loop_from_others() -> None:
    """A task that reads what is there already would never let go of it."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def listen(client: socket.socket) -> None:
        stream, waiting = AsyncioStream(client), asyncio.create_task(others())
        for _ in range(4):
            assert await stream.read(Deadline.after(FAR_TOO_LONG))
        waiting.cancel()

    with connected() as (client, server):
        size = 4 * READ_SIZE
        server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * size)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 * size)
        sender = threading.Thread(target=server.sendall, args=(bytes(size),))
        sender.start()
        assert has_ended(lambda: not sender.is_alive())
        asyncio.run(listen(client))
    assert turns >= 3


@pytest.mark.parametrize("news", ["* OK welcome", "* CAPABILITY X", "* 1 EXISTS"])
def test_a_server_that_never_answers_a_command_is_left(quiet: Sandbox, news: str) -> None:
    """However short its words are: it may say so much, and so many things, and no more."""

    def behave(peer: Peer, heard: Heard, protocol: str) -> None:
        peer.say("* OK ready")
        heard.hear(peer)
        peer.say_bytes(f"{news}\r\n".encode() * 30_000)
        while heard.hear(peer):
            pass

    endpoint = Endpoint(host="mail.guessed.test", port=143, security=Security.STARTTLS)
    with serving_mail(behave, None) as (forwarded, _):
        io = BlockingIO(attrs.evolve(quiet.network, forwarded=forwarded), quiet.ca_file)
        with pytest.raises(ProtocolViolation, match="too many responses"):
            run_sync(open_imap(io, endpoint, io.deadline(FAR_TOO_LONG)))


# -- secrets -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def secretive() -> Iterator[Sandbox]:
    """A domain whose own servers refuse the password, and that names servers elsewhere besides."""
    zones = {
        "own.test": f"""
            autoconfig A {HERE}
            autodiscover A {HERE}
            out A {HERE}
            in A {HERE}
            @ MX 5 mx.stranger.test.
            _submissions._tcp SRV 0 1 465 out.stranger.test.
            _imaps._tcp SRV 0 1 993 in.stranger.test.
        """,
        "stranger.test": "out A 127.0.0.9\nin A 127.0.0.9\nautoconfig A 127.0.0.1",
    }
    challenge = WebAnswer(status=401, headers={"WWW-Authenticate": "Basic"})
    sites: dict[str, Site] = {
        "autoconfig.own.test": {CONFIG: config("out.own.test", "in.own.test")},
        "autodiscover.own.test": {AUTODISCOVER: challenge},
        "autoconfig.stranger.test": {CONFIG: config("out.stranger.test", "in.stranger.test")},
    }
    with Sandbox(internet=Internet(zones=zones, sites=sites)) as sandbox:
        yield sandbox


def forms(secret: str) -> list[bytes]:
    """How a secret may show: as it is, and as parts of what SASL makes of it, wherever it begins there."""
    plain = secret.encode()
    shifted = [base64.b64encode(b"\0" * shift + plain)[4:-4] for shift in range(3)]
    return [plain, *shifted, plain.hex().encode()]


@pytest.mark.parametrize("is_right", [True, False], ids=["right", "wrong"])
@pytest.mark.parametrize("colour", COLOURS)
def test_a_password_is_shown_to_servers_that_are_believed_and_to_nobody_else(
    secretive: Sandbox, caplog: pytest.LogCaptureFixture, colour: str, is_right: bool
) -> None:
    """Nor does it stand in a log, or in anything that a host shows or stores afterwards."""
    address = f"{colour}{'1' if is_right else '0'}@own.test"
    secretive.add_account(address, SECRET if is_right else "another")
    secretive.clear_logs()
    with Trap() as trap, caplog.at_level(logging.DEBUG):
        for port in (465, 993):
            trap.listen("127.0.0.9", secretive.network.forwarded[port])
        found = discovered(colour, address, secretive, secretive.network, verify=AppPassword(SECRET))
        # The candidates elsewhere are plain DNS's word.
        assert {one.trust for one in found.unconfirmed} == {Trust.UNPROVEN}
        assert {one.settings.smtp.host for one in found.unconfirmed} == {"out.stranger.test"}
        assert trap.caught() == 0
    assert (found.verified is not None) is is_right
    assert {one.accepted for one in found.attempts} >= {is_right}
    tried = {"out.own.test", "in.own.test"} if is_right else {"out.own.test"}
    assert {one.endpoint.host for one in found.attempts} == tried
    shown = [text.encode() for text in texts(found)]
    shown += [repr(one).encode() for one in (*found.candidates, *found.sources, *found.attempts, found.best)]
    shown += [f"{one.getMessage()} {one.args!r} {one.exc_text}".encode() for one in caplog.records]
    shown += [one.name.encode() for one in secretive.questions]
    for request in secretive.requests:
        shown += [f"{request!r} {request.path} {request.parameters} {request.headers}".encode(), request.body]
        assert "authorization" not in request.headers
    assert secretive.requests
    assert secretive.questions
    for form in forms(SECRET):
        assert not [text for text in shown if form in text]


def test_the_search_for_a_password_would_find_it() -> None:
    for before in ("", "a", "ab", "abc", "\0ana@own.test\0"):
        encoded = base64.b64encode(f"{before}{SECRET}".encode())
        assert any(form in encoded for form in forms(SECRET))
