"""What web servers of strangers may answer, and that discovery outlives all of it.

Every run has an end, nothing of it stays behind, and nobody learns more than the address. Where it may go is in
`test_ssrf`.
"""

from __future__ import annotations

import gc
import gzip
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tether_mailconf import Source
from tether_mailconf.discovery import Answer
from tether_mailconf.sandbox import Internet, Sandbox, WebAnswer, WebRequest
from tether_mailconf.sandbox.internet import Page, Site

from ..domains import AUTODISCOVER, CONFIG, HERE, WELL_KNOWN, config
from ..strangers import COLOURS, FAR_TOO_LONG, discovered, texts
from .worlds import TOLD, has_ended

DESCRIPTORS = Path("/dev/fd")
GOOD = config("out.elsewhere.test", "in.elsewhere.test")


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
    assert {told[source] for source in web_sources} <= {Answer.FAILED, Answer.NOTHING, Answer.REFUSED}
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
    late = [one.source for one in found.sources if one.outcome in (Answer.LATE, Answer.FAILED)]
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
