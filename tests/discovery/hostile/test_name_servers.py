"""What name servers of strangers may answer, and that it leads nowhere."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator

import attrs
import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from tether_mailconf import AppPassword, InvalidSettings, NetworkPolicy, Source
from tether_mailconf.discovery import Answer
from tether_mailconf.sandbox import Internet, Sandbox

from ..domains import HERE
from ..strangers import COLOURS, FAR_TOO_LONG, LyingNameServer, Trap, discovered, texts
from .worlds import SECRET, TOLD, has_ended


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
    assert not [one for one in found.sources if one.outcome is Answer.LATE]
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
    assert {one.outcome for one in told} <= {Answer.FAILED, Answer.LATE}
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
