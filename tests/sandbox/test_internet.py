"""The internet of a sandbox as clients that are not ours see it: dnspython, http.client, requests and ssl."""

from __future__ import annotations

import errno
import http.client
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.opcode
import dns.query
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from tether_mailconf.sandbox import Internet, Question, Sandbox, WebAnswer, WebRequest

from .drive import trusting
from .worlds import TIMEOUT, WORLD, ask, heard_nothing, name_server, rcode, records, udp

DESCRIPTORS = Path("/dev/fd")


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox(internet=WORLD) as sandbox:
        yield sandbox


@pytest.fixture
def world(running: Sandbox) -> Sandbox:
    running.clear_logs()
    return running


# -- names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("acme.test", "MX", ["acme.test. 300 IN MX 10 mx.acme.test."]),
        ("ACME.Test", "TXT", ['ACME.Test. 300 IN TXT "v=spf1 " "-all"']),
        ("six.acme.test", "AAAA", ["six.acme.test. 300 IN AAAA ::1"]),
        ("_imap._tcp.acme.test", "SRV", ["_imap._tcp.acme.test. 300 IN SRV 0 0 0 ."]),
        ("acme.test", "NS", ["acme.test. 300 IN NS ns.acme.test."]),
        ("evil.test", "SOA", ["evil.test. 60 IN SOA ns.evil.test. me.evil.test. 7 60 60 60 60"]),
        ("xn--bcher-kva.test", "MX", ["xn--bcher-kva.test. 300 IN MX 5 xn--gre-6ka8i.xn--bcher-kva.test."]),
        ("a.wild.acme.test", "A", ["a.wild.acme.test. 300 IN A 127.0.0.1"]),
        ("a.b.wild.acme.test", "MX", ["a.b.wild.acme.test. 300 IN MX 10 mx.acme.test."]),
        ("www.acme.test", "CNAME", []),
        ("first.acme.test", "CNAME", ["first.acme.test. 300 IN CNAME second.acme.test."]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_records_are_answered_with_authority(world: Sandbox, name: str, kind: str, expected: list[str]) -> None:
    answer = ask(world, name, kind)
    assert records(answer) == expected
    assert rcode(answer) == "NOERROR"
    assert answer.flags & dns.flags.AA
    assert world.questions == (Question(name=name.lower(), kind=kind),)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nothing.acme.test", "NXDOMAIN"),
        ("x.www.acme.test", "NXDOMAIN"),
        ("mx.acme.test", "NOERROR"),
        ("_tcp.acme.test", "NOERROR"),
        ("wild.acme.test", "NOERROR"),
        ("own.wild.acme.test", "NOERROR"),
        ("_imaps._tcp.own.wild.acme.test", "NXDOMAIN"),
        ("_imaps._tcp.b.wild.acme.test", "NOERROR"),
    ],
)
def test_what_is_not_there_is_told_with_the_soa(world: Sandbox, name: str, expected: str) -> None:
    """RFC 2308 section 2, RFC 4592 section 2.2: a name between two others exists, and shadows a wildcard."""
    answer = ask(world, name, "SRV")
    assert (rcode(answer), answer.answer) == (expected, [])
    assert [str(records.name) for records in answer.authority] == ["acme.test."]


@pytest.mark.parametrize("name", ["elsewhere.test", "com", "."])
def test_a_name_of_no_zone_does_not_exist(world: Sandbox, name: str) -> None:
    answer = ask(world, name, "A")
    assert (rcode(answer), answer.answer, answer.authority) == ("NXDOMAIN", [], [])
    assert not answer.flags & dns.flags.AA


def test_aliases_are_followed_through_all_zones(world: Sandbox) -> None:
    assert records(ask(world, "first.acme.test", "MX")) == [
        "first.acme.test. 300 IN CNAME second.acme.test.",
        "second.acme.test. 300 IN CNAME mail.xn--bcher-kva.test.",
        "mail.xn--bcher-kva.test. 300 IN MX 7 mx.acme.test.",
    ]
    for name in ("gone", "out"):
        answer = ask(world, f"{name}.acme.test", "A")
        assert (rcode(answer), len(answer.answer)) == ("NXDOMAIN", 1)
    answer = ask(world, "round.acme.test", "A")
    assert (rcode(answer), answer.answer) == ("SERVFAIL", [])


@pytest.mark.parametrize(("name", "kind"), [("long.acme.test", "TXT"), ("many.acme.test", "MX")])
def test_a_long_answer_is_cut_over_udp_and_whole_over_tcp(world: Sandbox, name: str, kind: str) -> None:
    cut = udp(world, dns.message.make_query(name, kind))
    assert cut.flags & dns.flags.TC
    assert len(cut.to_wire()) <= 512
    host, port = name_server(world)
    whole = dns.query.tcp(dns.message.make_query(name, kind), host, port=port, timeout=TIMEOUT)
    assert not whole.flags & dns.flags.TC
    roomy = udp(world, dns.message.make_query(name, kind, use_edns=True, payload=4096))
    assert records(roomy) == records(whole)
    assert len(whole.answer[0]) == (60 if kind == "MX" else 1)
    assert [question.kind for question in world.questions] == [kind] * 3


def test_questions_over_tcp_may_come_together_and_cut_anywhere(world: Sandbox) -> None:
    queries = [dns.message.make_query(f"{name}.acme.test", "A") for name in ("imap", "smtp")]
    sent = b"".join(query.to_wire(prepend_length=True) for query in queries)
    for cut in range(1, len(sent), 7):
        with socket.create_connection(name_server(world), timeout=TIMEOUT) as client:
            client.sendall(sent[:cut])
            client.sendall(sent[cut:])
            for query in queries:
                answer, _ = dns.query.receive_tcp(client)
                assert query.is_response(answer)


def test_silence_failure_and_delay_are_for_the_names_that_have_them(world: Sandbox) -> None:
    assert rcode(ask(world, "failing.acme.test", "MX")) == "SERVFAIL"
    for name in ("silent.acme.test", "deep.below.quiet.test"):
        assert heard_nothing(world, dns.message.make_query(name, "A").to_wire())
    # It was asked first, and does not hold up the second.
    assert heard_nothing(world, dns.message.make_query("slow.acme.test", "MX").to_wire())
    assert records(ask(world, "slow.acme.test", "MX")) == ["slow.acme.test. 300 IN MX 10 mx.acme.test."]
    assert rcode(ask(world, "quiet.test", "A")) == "NXDOMAIN"


def test_an_asterisk_is_every_name() -> None:
    with Sandbox(internet=Internet(zones={"acme.test": "@ A 127.0.0.1"}, failing=frozenset({"*"}))) as sandbox:
        assert [rcode(ask(sandbox, name, "A")) for name in ("acme.test", "elsewhere.test")] == ["SERVFAIL"] * 2


def test_what_is_no_ordinary_question_is_told_so(world: Sandbox) -> None:
    query = dns.message.make_query("imap.acme.test", "A", "CH")
    assert rcode(udp(world, query)) == "REFUSED"
    query = dns.message.make_query("imap.acme.test", "A")
    query.question *= 2
    assert rcode(udp(world, query)) == "FORMERR"
    query = dns.message.make_query("imap.acme.test", "A")
    query.set_opcode(dns.opcode.NOTIFY)
    assert rcode(udp(world, query)) == "NOTIMP"
    assert world.questions == ()


def test_an_answer_is_not_answered(world: Sandbox) -> None:
    answer = dns.message.make_response(dns.message.make_query("imap.acme.test", "A"))
    assert heard_nothing(world, answer.to_wire())


@settings(max_examples=150, deadline=None)
@given(packet=st.binary(max_size=600))
def test_rubbish_is_not_answered(running: Sandbox, packet: bytes) -> None:
    assert heard_nothing(running, packet)


QUERY = dns.message.make_query("many.acme.test", "MX", use_edns=True, payload=1232).to_wire()


@settings(max_examples=150, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, len(QUERY) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_damaged_question_does_not_kill_the_server(running: Sandbox, changes: list[tuple[int, int]]) -> None:
    packet = bytearray(QUERY)
    for position, value in changes:
        packet[position] = value
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(packet, name_server(running))
    with socket.create_connection(name_server(running), timeout=TIMEOUT) as client:
        client.sendall(len(packet).to_bytes(2, "big") + packet)
    assert rcode(ask(running, "imap.acme.test", "A")) == "NOERROR"


# -- web ---------------------------------------------------------------------------------------------------------------


def web(sandbox: Sandbox, host: str, path: str, method: str = "GET", data: bytes | None = None) -> requests.Response:
    """Ask a site by its Host field."""
    url = f"https://127.0.0.1:{sandbox.network.forwarded[443]}{path}"
    with requests.Session() as session:
        session.trust_env = False
        return session.request(
            method,
            url,
            data=data,
            headers={"Host": host},
            verify=str(sandbox.ca_file),
            timeout=TIMEOUT,
            allow_redirects=False,
        )


@pytest.mark.parametrize(
    ("host", "path", "status", "content"),
    [
        ("autoconfig.acme.test", "/mail/config-v1.1.xml?emailaddress=ana@acme.test", 200, b"<clientConfig/>"),
        ("AUTOCONFIG.acme.test.:443", "/mail/config-v1.1.xml", 200, b"<clientConfig/>"),
        ("autoconfig.acme.test", "/moved", 302, b""),
        ("autoconfig.acme.test", "/bomb", 200, bytes(1_000_000)),
        ("one.tenants.test", "/", 200, b"a tenant"),
        ("one.more.tenants.test", "/", 404, b"There is nothing here.\n"),
        ("xn--bcher-kva.test", "/", 200, "Bücher".encode()),
        ("autoconfig.acme.test", "/other", 404, b"There is nothing here.\n"),
        ("elsewhere.test", "/mail/config-v1.1.xml", 404, b"There is nothing here.\n"),
    ],
    ids=["query", "port", "redirect", "packed", "wildcard", "deeper", "idn", "path", "host"],
)
def test_sites_answer_by_host_and_path(world: Sandbox, host: str, path: str, status: int, content: bytes) -> None:
    answer = web(world, host, path)
    assert (answer.status_code, answer.content) == (status, content)
    (request,) = world.requests
    assert (request.method, request.path) == ("GET", path.partition("?")[0])


def test_a_function_sees_what_was_posted(world: Sandbox) -> None:
    host, path = "autodiscover.acme.test", "/autodiscover/autodiscover.xml"
    body = b"<request>" + b"&amp;" * 200 + b"</request>"
    connection = http.client.HTTPSConnection(
        "127.0.0.1", world.network.forwarded[443], timeout=TIMEOUT, context=trusting(world)
    )
    connection.request("POST", f"{path}?a=b", body, {"Host": host, "Content-Type": "text/xml", "X-Anchor": "Mailbox"})
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, body.upper())
    connection.close()
    (request,) = world.requests
    assert (request.host, request.body, request.headers["x-anchor"]) == (host, body, "Mailbox")
    assert request.parameters == {"a": "b"}
    assert web(world, host, path).status_code == 405
    assert web(world, host, path, "DELETE").status_code == 405
    assert [request.method for request in world.requests] == ["POST", "GET", "DELETE"]


def test_a_lost_answer_ends_the_connection(world: Sandbox) -> None:
    with pytest.raises(requests.ConnectionError):
        web(world, "autoconfig.acme.test", "/lost")


def test_a_page_that_takes_its_time_holds_up_nothing() -> None:
    """It may look into the sandbox too."""
    asked = threading.Event()

    def slow(request: WebRequest) -> WebAnswer:
        assert sandbox.mailboxes
        assert asked.wait(TIMEOUT)
        return WebAnswer(body=b"slow")

    def quick(request: WebRequest) -> WebAnswer:
        asked.set()
        return WebAnswer(body=b"quick")

    with Sandbox(internet=Internet(sites={"acme.test": {"/slow": slow, "/quick": quick}})) as sandbox:
        answers: list[bytes] = []
        waiting = threading.Thread(target=lambda: answers.append(web(sandbox, "acme.test", "/slow").content))
        waiting.start()
        answers.append(web(sandbox, "acme.test", "/quick").content)
        waiting.join(TIMEOUT)
    assert sorted(answers) == [b"quick", b"slow"]


def test_a_function_that_raises_is_told_by_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda arguments: told.append(arguments.exc_type))

    def wrong(request: WebRequest) -> WebAnswer:
        raise LookupError(request.path)

    with (
        Sandbox(internet=Internet(sites={"acme.test": {"/": wrong}})) as sandbox,
        pytest.raises(requests.ConnectionError),
    ):
        web(sandbox, "acme.test", "/")
    assert told == [LookupError]


# -- certificates and addresses ----------------------------------------------------------------------------------------


def handshake(sandbox: Sandbox, host: str, public_port: int = 993) -> None:
    plain = socket.create_connection(("127.0.0.1", sandbox.network.forwarded[public_port]), timeout=TIMEOUT)
    with plain, trusting(sandbox).wrap_socket(plain, server_hostname=host):
        pass


@pytest.mark.parametrize(
    "host",
    [
        "imap.acme.test",
        "autoconfig.acme.test",
        "six.acme.test",
        "dead.acme.test",
        "a.wild.acme.test",
        "x.tenants.test",
        "xn--bcher-kva.test",
        "localhost",
        "127.0.0.1",
    ],
)
@pytest.mark.parametrize("public_port", [443, 465, 993])
def test_the_certificate_is_for_every_host(world: Sandbox, host: str, public_port: int) -> None:
    handshake(world, host, public_port)


@pytest.mark.parametrize("host", ["mail.evil.test", "acme.test", "elsewhere.test"])
def test_the_certificate_is_for_no_other_host(world: Sandbox, host: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(world, host)


def test_an_untrusted_host_is_not_let_in_by_a_wildcard() -> None:
    zones = {"acme.test": "* A 127.0.0.1\n*.b A 127.0.0.1"}
    with Sandbox(internet=Internet(zones=zones, untrusted=frozenset({"Mail.acme.test"}))) as sandbox:
        handshake(sandbox, "mail.b.acme.test")
        with pytest.raises(ssl.SSLCertVerificationError):
            handshake(sandbox, "mail.acme.test")


@pytest.mark.parametrize("public_port", [143, 443, 465, 587, 993])
def test_an_address_is_served_at_the_ports_it_is_told_to(world: Sandbox, public_port: int) -> None:
    def is_served(address: str) -> bool:
        try:
            socket.create_connection((address, world.network.forwarded[public_port]), timeout=TIMEOUT).close()
        except ConnectionRefusedError:
            return False
        return True

    served = [is_served(address) for address in ("127.0.0.1", "127.0.0.2", "127.0.0.3")]
    assert served == [True, False, public_port in (143, 587)]


def listening(monkeypatch: pytest.MonkeyPatch, failures: list[int]) -> None:
    """Have these errors happen, one after the other, where the sandbox listens at 127.0.0.3."""
    really = socket.create_server

    def create(address: tuple[str, int], **options: Any) -> socket.socket:
        if address[0] == "127.0.0.3" and failures:
            raise OSError(failures.pop(0), "as a test wants it")
        return really(address, **options)

    monkeypatch.setattr(socket, "create_server", create)


def test_a_port_that_is_taken_at_one_address_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    listening(monkeypatch, [errno.EADDRINUSE, errno.EADDRINUSE])
    with Sandbox(internet=WORLD) as sandbox:
        for address in ("127.0.0.1", "127.0.0.3"):
            socket.create_connection((address, sandbox.network.forwarded[587]), timeout=TIMEOUT).close()


@pytest.mark.parametrize("failures", [[errno.EADDRNOTAVAIL], [errno.EADDRINUSE] * 100], ids=["no-address", "no-port"])
def test_an_address_that_cannot_be_served_leaves_nothing(monkeypatch: pytest.MonkeyPatch, failures: list[int]) -> None:
    before = len(list(DESCRIPTORS.iterdir()))
    listening(monkeypatch, failures)
    sandbox = Sandbox(internet=WORLD)
    with pytest.raises(OSError, match=r"as a test wants it|no port is free"):
        sandbox.start()
    assert len(list(DESCRIPTORS.iterdir())) <= before
    with pytest.raises(RuntimeError):
        _ = sandbox.network


# -- the value, and the whole ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"zones": {"acme.test": "@ MXX 10 mx"}}, "acme.test:1: unknown rdatatype 'MXX'"),
        ({"zones": {"acme.test": "\n@ MX ten mx"}}, "acme.test:2: expecting an integer"),
        ({"zones": {"acme.test": "x A 127.0.0.1\nx CNAME y"}}, "the zone acme.test cannot be read"),
        ({"zones": {"acme.test": "@ CNAME y.example."}}, "the zone itself cannot be an alias"),
        ({"zones": {"acme.test": "www.other.test. A 127.0.0.1"}}, "www.other.test does not belong to it"),
        ({"zones": {"acme.test": "@ A 300.0.0.1"}}, "acme.test:1"),
        ({"zones": {"acme.test": "$INCLUDE /etc/hosts"}}, "not allowed"),
        ({"zones": {"acme.test": "a..b A 127.0.0.1"}}, "label is empty"),
        ({"zones": {"a..test": ""}}, "is not a domain name"),
        ({"zones": {"\ud800.test": ""}}, "is not a domain name"),
        ({"sites": {"https://acme.test": {}}}, "the name of its host"),
        ({"sites": {"acme.test": {"mail": b""}}}, "begins with a slash"),
        ({"sites": {"acme.test": {"/mail?a=b": b""}}}, "begins with a slash"),
        ({"silent": "acme.test"}, "as a set"),
        ({"failing": {"x" * 64}}, "is not a domain name"),
        ({"untrusted": {"a..b"}}, "is not a domain name"),
        ({"delays": {"acme.test": -1.0}}, "number of seconds"),
        ({"delays": {"acme.test": float("nan")}}, "number of seconds"),
        ({"listens": {"192.0.2.1": {143}}}, "no loopback address"),
        ({"listens": {"127.0.0.1": {143}}}, "no loopback address"),
        ({"listens": {"half.acme.test": {143}}}, "half.acme.test"),
        ({"listens": {"127.0.0.2": {25}}}, "143, 443, 465, 587, 993"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else str(value).replace(" ", "-"),
)
def test_what_makes_no_internet_is_told_in_a_sentence(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        Internet(**options)  # type: ignore[arg-type]


def test_closing_ends_every_thread_and_leaves_no_descriptor() -> None:
    before, threads = len(list(DESCRIPTORS.iterdir())), set(threading.enumerate())
    sandbox = Sandbox(internet=WORLD).start()
    query = dns.message.make_query("slow.acme.test", "MX").to_wire(prepend_length=True)
    idle = socket.create_connection(name_server(sandbox), timeout=TIMEOUT)
    waiting = socket.create_connection(name_server(sandbox), timeout=TIMEOUT)
    waiting.sendall(query)
    assert records(ask(sandbox, "imap.acme.test", "A"))
    sandbox.close()
    for client in (idle, waiting):
        client.close()
    assert set(threading.enumerate()) <= threads
    # One that another test had open may have gone meanwhile.
    assert len(list(DESCRIPTORS.iterdir())) <= before
    assert Question(name="imap.acme.test", kind="A") in sandbox.questions
    with sandbox:
        assert records(ask(sandbox, "imap.acme.test", "A"))


def test_without_an_internet_there_is_none(sandbox: Sandbox) -> None:
    assert (sandbox.network.name_servers, dict(sandbox.network.forwarded)) == ((), {})
    assert 443 not in sandbox.network.ports
    sandbox.clear_logs()
    assert (sandbox.questions, sandbox.requests) == ((), ())


def test_no_name_server_is_imported_without_an_internet() -> None:
    program = (
        "import sys, tether_mailconf, tether_mailconf.sandbox as s\n"
        "with s.Sandbox(): pass\n"
        "print([name for name in sys.modules if name.split('.')[0] == 'dns'])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout == "[]\n"
