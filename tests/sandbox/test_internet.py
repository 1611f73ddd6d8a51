"""The names of a sandbox's internet as dnspython sees them, and the value that they are written in."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading

import dns.flags
import dns.message
import dns.opcode
import dns.query
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tether_mailconf.sandbox import Internet, Question, Sandbox

from .worlds import DESCRIPTORS, TIMEOUT, WORLD, ask, heard_nothing, name_server, rcode, records, udp

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
