"""Nobody's domain makes a host application dial its own network: addresses, names, ports, redirects, second look-ups.

Traps stand on loopback. `test_a_trap_sees_who_is_dialled` shows that they would tell.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

import attrs
import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from tests.hostile.awaited import blocking
from tests.mailer.post import letter
from tether_mailconf import AppPassword, Endpoint, Filing, Mailer, NetworkPolicy, Security, Source, aio
from tether_mailconf.discovery import Outcome
from tether_mailconf.errors import InvalidSettings, NotPermitted
from tether_mailconf.sandbox import Internet, Sandbox, WebAnswer, WebRequest
from tether_mailconf.sandbox.internet import PUBLIC_PORTS, Site

from .domains import AUTODISCOVER, CONFIG, HERE, WELL_KNOWN, config
from .strangers import (
    COLOURS,
    REFUSAL,
    LyingNameServer,
    Pretended,
    Trap,
    discovered,
    forbid_sockets,
    policy,
    said,
)

REFUSED = "127.0.0.9"
"""Loopback that no policy here permits."""

KINDS: dict[str, tuple[str, ...]] = {
    "loopback": ("127.0.0.1",),
    "loopback-far": ("127.255.255.254",),
    "ten": ("10.0.0.1",),
    "172.16": ("172.16.0.1",),
    "172.31": ("172.31.255.254",),
    "192.168": ("192.168.1.1",),
    "link-local-metadata": ("169.254.169.254",),
    "azure-host-agent": ("168.63.129.16",),
    "shared": ("100.64.0.1",),
    "zero": ("0.0.0.0",),
    "zero-net": ("0.1.2.3",),
    "broadcast": ("255.255.255.255",),
    "multicast": ("224.0.0.1",),
    "reserved": ("240.0.0.1",),
    "benchmark": ("198.18.0.1",),
    "documentation": ("192.0.2.1",),
    "v6-loopback": ("::1",),
    "v6-any": ("::",),
    "v4-mapped": ("::ffff:127.0.0.1",),
    "v4-mapped-public": ("::ffff:8.8.8.8",),
    "v4-compatible": ("::127.0.0.1",),
    "v4-translated": ("::ffff:0:127.0.0.1",),
    "nat64": ("64:ff9b::7f00:1",),
    "nat64-local": ("64:ff9b:1::7f00:1",),
    "6to4": ("2002:7f00:1::",),
    "teredo": ("2001::1",),
    "v6-link-local": ("fe80::1",),
    "v6-unique-local": ("fc00::1",),
    "v6-site-local": ("fec0::1",),
    "v6-multicast": ("ff02::1",),
    "v6-documentation": ("2001:db8::1",),
    # Were the first of them taken alone, it might be dialled.
    "public-and-inside": ("8.8.8.8", "10.0.0.1"),
    "inside-and-public": ("127.0.0.1", "2606:4700::1111"),
}
NUMBERED = {kind: f"k{number}.test" for number, kind in enumerate(KINDS)}


def everywhere(addresses: tuple[str, ...]) -> str:
    """Records by which every host of a domain is at these addresses."""
    lines = [
        f"{host} {'AAAA' if ':' in address else 'A'} {address}"
        for host in ("@", "autoconfig", "autodiscover", "imap", "smtp", "mail", "in", "out", "db")
        for address in addresses
    ]
    return "\n".join(lines)


MOVED = f"autoconfig A {HERE}\nautodiscover A {HERE}\nhop A {HERE}\ninside A {REFUSED}"


def mailer_of(colour: str, *given: Any, **options: Any) -> Any:
    """A Mailer of either colour, whose methods need not be awaited."""
    return (Mailer if colour == "sync" else blocking(aio.Mailer))(*given, **options)


def zones() -> dict[str, str]:
    found = dict[str, str]()
    for kind, addresses in KINDS.items():
        name = NUMBERED[kind]
        services = "_submissions._tcp SRV 0 1 465 out\n_imaps._tcp SRV 0 1 993 in\n@ MX 10 mx.of-"
        found[name] = f"{everywhere(addresses)}\n{services}{name}."
        found[f"of-{name}"] = everywhere(addresses)
    return found


@pytest.fixture(scope="module")
def inside() -> Iterator[Sandbox]:
    """Domains whose hosts are at addresses that nobody may be led to."""
    with Sandbox(internet=Internet(zones=zones())) as sandbox:
        yield sandbox


@pytest.fixture
def trap() -> Iterator[Trap]:
    with Trap() as set_up:
        yield set_up


def trapped(trap: Trap) -> dict[int, int]:
    """Set traps at every loopback address there is; return the ports that lead to them."""
    port = trap.listen("127.0.0.1")
    trap.listen("127.255.255.254", port)
    if socket.has_ipv6:
        trap.listen("::1", port)
    return dict.fromkeys(PUBLIC_PORTS, port)


# -- addresses ---------------------------------------------------------------------------------------------------------

ALL_REFUSED = [
    (Source.CATALOGUE, Outcome.NOTHING, "the catalogue does not list the domain"),
    (Source.DATABASE, Outcome.REFUSED, REFUSAL),
    (Source.MX, Outcome.NOTHING, "its mail goes to mx.of-DOMAIN, which is not known"),
    (Source.MX_AUTOCONFIG, Outcome.REFUSED, REFUSAL),
    (Source.AUTOCONFIG, Outcome.REFUSED, REFUSAL),
    (Source.AUTOCONFIG, Outcome.REFUSED, REFUSAL),
    (Source.SRV, Outcome.FOUND, "the domain's records name in.DOMAIN, out.DOMAIN"),
    (Source.AUTODISCOVER, Outcome.REFUSED, REFUSAL),
    (Source.GUESS, Outcome.NOTHING, "no submission server answers under a usual name"),
]


# What may be dialled is decided in one place for both colours and all sources; three kinds show that all of them ask.
@pytest.mark.parametrize(
    ("colour", "kind"),
    [("aio", kind) for kind in KINDS] + [("sync", kind) for kind in ("loopback", "v4-mapped", "public-and-inside")],
)
def test_no_host_at_a_refused_address_is_dialled_and_all_refusals_read_alike(
    inside: Sandbox, trap: Trap, monkeypatch: pytest.MonkeyPatch, kind: str, colour: str
) -> None:
    """The records name servers, which nobody dials before there is a credential; with one, they are refused too."""
    public = policy(NetworkPolicy, inside, forwarded=trapped(trap))
    opened = forbid_sockets(monkeypatch)
    domain = NUMBERED[kind]
    found = discovered(
        colour,
        f"ana@{domain}",
        inside,
        public,
        database=f"https://db.{domain}/v1.1/",
        sources=set(Source) - {Source.GUESS} if colour == "aio" else None,
        verify=AppPassword("geheimes-wort"),
    )
    assert said(found) == (ALL_REFUSED[:-1] if colour == "aio" else ALL_REFUSED)
    assert found.verified is None
    assert {(one.accepted, one.said.replace(domain, "DOMAIN")) for one in found.attempts} == {
        (None, f"look-up (out.DOMAIN:465): {REFUSAL}"),
    }
    assert (opened, trap.caught()) == ([], 0)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_trap_sees_who_is_dialled(inside: Sandbox, trap: Trap, colour: str) -> None:
    port = trapped(trap)
    careless = policy(NetworkPolicy, inside, forwarded=port, networks=("127.0.0.0/8", "::1/128"))
    for kind in ("loopback", "v6-loopback") if socket.has_ipv6 else ("loopback",):
        discovered(colour, f"ana@{NUMBERED[kind]}", inside, careless, deadline=2.0, sources=[Source.GUESS])
        assert trap.caught() > 0


# -- names -------------------------------------------------------------------------------------------------------------

NOT_PUBLIC = (
    "something.local",
    "Printer.LOCAL",
    "corp.internal",
    "hidden.onion",
    "mail.localhost",
    "router.lan",
    "host.localdomain",
    "nas.home.arpa",
    "x.invalid",
    "x.alt",
    "intranet",
    "localhost",
    "127.0.0.1",
    "[127.0.0.1]",
    "[IPv6:::1]",
    "2130706433",
    "0x7f.1",
    "acme.test@internal",
    "acme.test\r\n.internal",
    "printer\u3002local",
    "printer.\uff4cocal",
)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("domain", NOT_PUBLIC, ids=lambda name: name.encode("unicode_escape").decode())
def test_a_domain_of_the_inside_is_refused_before_anybody_is_asked(
    inside: Sandbox, monkeypatch: pytest.MonkeyPatch, domain: str, colour: str
) -> None:
    """Not the database either: that there is such a domain is nobody's business."""
    inside.clear_logs()
    opened = forbid_sockets(monkeypatch)
    with pytest.raises((NotPermitted, InvalidSettings)):
        discovered(
            colour, f"ana@{domain}", inside, policy(Pretended, inside), database="https://autoconfig.moved.test/v1.1/"
        )
    assert (inside.questions, inside.requests, opened) == ((), (), [])


SPECIAL = (
    "localhost",
    "metadata.google.internal",
    "router.lan",
    "printer",
    "a.local",
    REFUSED,
    "10.0.0.1",
    "169.254.169.254",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
)
UNLISTED = {"google.internal": "metadata A 127.0.0.1\nautoconfig A 127.0.0.1", "lan": "*.router A 127.0.0.1"}


def plain(host: str) -> bytes:
    """A document that names servers without encryption, at which TLS is looked for."""
    return config(host, host, socket="plain")


@pytest.fixture(scope="module")
def leading_inside() -> Iterator[Sandbox]:
    """Domains that name hosts of the inside, in every place where a host can be named."""
    zones, sites = dict(UNLISTED), dict[str, Site]()
    for number, host in enumerate(SPECIAL):
        name = f"s{number}.test"
        zones[name] = (
            f"autoconfig A {HERE}\nautodiscover A {HERE}\n@ MX 5 {host}.\n"
            f"_submissions._tcp SRV 0 1 465 {host}.\n_imaps._tcp SRV 0 1 993 {host}."
        )
        sites[f"autoconfig.{name}"] = {CONFIG: plain(host)}
        sites[f"autodiscover.{name}"] = {AUTODISCOVER: redirecting(f"https://{host}/")}
    with Sandbox(internet=Internet(zones=zones, sites=sites)) as sandbox:
        yield sandbox


def redirecting(url: str) -> bytes:
    """An Autodiscover answer that sends the client elsewhere."""
    return f"""<?xml version="1.0" encoding="utf-8"?>
        <Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
        <Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a">
        <Account><AccountType>email</AccountType><Action>redirectUrl</Action>
        <RedirectUrl>{escape(url)}</RedirectUrl></Account></Response></Autodiscover>""".encode()


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("host", SPECIAL)
def test_a_name_of_the_inside_that_a_stranger_names_is_not_even_looked_up(
    leading_inside: Sandbox, host: str, colour: str
) -> None:
    leading_inside.clear_logs()
    domain = f"s{SPECIAL.index(host)}.test"
    found = discovered(colour, f"ana@{domain}", leading_inside, policy(Pretended, leading_inside))
    assert {request.host for request in leading_inside.requests} == {f"autoconfig.{domain}", f"autodiscover.{domain}"}
    assert {name for name in (one.name for one in leading_inside.questions) if not name.endswith(domain)} == set()
    # Records and documents may say what they like; who they name is never believed without a person.
    assert found.best is None, str(found)


# -- redirects ---------------------------------------------------------------------------------------------------------


@attrs.define
class Moved:
    """A domain whose web servers send everybody elsewhere."""

    sandbox: Sandbox
    trap: Trap
    where: list[str]

    @property
    def network(self) -> NetworkPolicy:
        return policy(NetworkPolicy, self.sandbox, networks=(f"{HERE}/32",))


@pytest.fixture(scope="module")
def moved() -> Iterator[Moved]:
    where = [""]

    def redirect(request: WebRequest) -> WebAnswer:
        if request.method == "POST":
            return WebAnswer(body=redirecting(where[0]))
        return WebAnswer(status=302, headers={"Location": where[0]})

    def hop(status: int) -> Site:
        return {
            f"/{number}": WebAnswer(status=status, headers={"Location": f"https://hop.moved.test/{number + 1}"})
            for number in range(1, 20)
        }

    sites: dict[str, Site] = {
        "autoconfig.moved.test": {CONFIG: redirect},
        "autodiscover.moved.test": {AUTODISCOVER: redirect},
        "hop.moved.test": {
            **hop(307),
            "/round": WebAnswer(status=301, headers={"Location": "/round"}),
            "/in": redirect,
        },
    }
    with (
        Sandbox(internet=Internet(zones={"moved.test": MOVED}, sites=sites)) as sandbox,
        Trap() as trap,
    ):
        for port in sandbox.network.forwarded.values():
            trap.listen(REFUSED, port)
        yield Moved(sandbox, trap, where)


TARGETS = (
    "http://hop.moved.test/",
    "http://127.0.0.9/",
    "HTTP://127.0.0.9/",
    "https://hop.moved.test:8443/",
    "https://hop.moved.test:22/",
    "https://hop.moved.test:0/",
    "https://hop.moved.test:65536/",
    "https://hop.moved.test:a/",
    "https://127.0.0.9/",
    "//127.0.0.9/",
    "https://127.9/",
    "https://127.0.9/",
    "https://2130706441/",
    "https://0x7f000009/",
    "https://0x7f.0.0.9/",
    "https://0177.0.0.011/",
    "https://017700000011/",
    "https://127.0.0.9./",
    "https://[::1]/",
    "https://[::ffff:127.0.0.9]/",
    "https://[::ffff:7f00:9]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[fe80::1%25lo]/",
    "https://[127.0.0.9]/",
    "https://%31%32%37.0.0.9/",
    "https://\u2460\u2461\u2466.0.0.9/",
    "https://hop.moved.test@127.0.0.9/",
    "https://127.0.0.9@hop.moved.test/",
    "https://user:pass@hop.moved.test/",
    "https://@hop.moved.test/",
    "https://hop.moved.test\\@127.0.0.9/",
    "https:\\\\127.0.0.9/",
    "https://hop.moved.test#@127.0.0.9/",
    "https://hop.moved.test/#fragment",
    "https://inside.moved.test/",
    "https://inside.moved.test./",
    "https://127.0.0.9:443/",
    "https://hop.moved.test /",
    "https://hop.moved.test,127.0.0.9/",
    "https://localhost/",
    "ftp://hop.moved.test/",
    "file:///etc/passwd",
    "gopher://hop.moved.test/",
    "javascript:alert(1)",
    "data:text/xml,<clientConfig/>",
    "ldap://hop.moved.test/",
    "jar:https://hop.moved.test/",
    "https://0.0.0.0/",
    "https://0/",
    "https://[::]/",
    "https://[::127.0.0.9]/",
    "https://[::ffff:0:127.0.0.9]/",
    "https://[64:ff9b::7f00:9]/",
    "https://[64:ff9b:1::7f00:9]/",
    "https://[2002:7f00:9::]/",
    "https://127.000.000.009/",
    "https://0x7f.1/",
    "https://127.0.0.9%00.moved.test/",
    "https://127.0.0.9%2f@hop.moved.test/",
    "https://hop.moved.test:443@127.0.0.9/",
    "https://hop.moved.test%2e127.0.0.9/",
    "https://169.254.169.254/latest/meta-data/",
    "https://metadata.google.internal/",
    # `urljoin` would take these letters out, and go where no other reader is led to.
    "https://hop.mo\tved.test/",
    "https:/\t/hop.moved.test/",
    "htt\tps://hop.moved.test/",
    "https://hop.moved.test/\x0b",
    "https://hop.moved.test/\x1b",
    "https://hop.moved.test/\x7f",
    "\x0chttps://hop.moved.test/",
    "\x01https://hop.moved.test/",
)


# What an URL may be is decided in one place for both colours, and so is what becomes of a redirect.
@pytest.mark.parametrize(
    ("colour", "number"),
    [("aio", number) for number in range(len(TARGETS))] + [("sync", number) for number in range(0, len(TARGETS), 8)],
)
def test_a_redirect_to_where_nobody_may_go_ends_there(moved: Moved, number: int, colour: str) -> None:
    """By HTTP, and by the words of Autodiscover."""
    moved.sandbox.clear_logs()
    moved.where[0] = TARGETS[number]
    found = discovered(
        colour, "ana@moved.test", moved.sandbox, moved.network, sources=[Source.AUTOCONFIG, Source.AUTODISCOVER]
    )
    assert found.candidates == ()
    assert moved.trap.caught() == 0
    assert sorted(request.host for request in moved.sandbox.requests) == [
        "autoconfig.moved.test",
        "autodiscover.moved.test",
    ]
    assert "root:" not in str(found)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("start", ["/1", "/round"])
def test_no_more_redirects_are_followed_than_the_share_of_a_source_allows(
    moved: Moved, start: str, colour: str
) -> None:
    moved.sandbox.clear_logs()
    moved.where[0] = f"https://hop.moved.test{start}"
    found = discovered(colour, "ana@moved.test", moved.sandbox, moved.network, sources=[Source.AUTOCONFIG])
    assert [request.host for request in moved.sandbox.requests] == ["autoconfig.moved.test", "hop.moved.test"]
    assert any("its share of the requests" in one.said for one in found.sources)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("start", ["/1", "/round", "/in"])
def test_redirects_of_both_kinds_are_counted_together(moved: Moved, start: str, colour: str) -> None:
    """Autodiscover redirects in its own words as well; who mixes both gets no further."""
    moved.sandbox.clear_logs()
    moved.where[0] = f"https://hop.moved.test{start}"
    found = discovered(colour, "ana@moved.test", moved.sandbox, moved.network, sources=[Source.AUTODISCOVER])
    assert found.candidates == ()
    assert [request.method for request in moved.sandbox.requests] == ["POST"] * 2
    assert found.requests == 2


@pytest.mark.parametrize("colour", COLOURS)
def test_proxies_of_the_environment_are_not_used(
    moved: Moved, trap: Trap, monkeypatch: pytest.MonkeyPatch, colour: str
) -> None:
    proxy = f"http://127.0.0.1:{trap.listen('127.0.0.1')}"
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, proxy)
    moved.sandbox.clear_logs()
    moved.where[0] = "https://hop.moved.test/nothing"
    discovered(colour, "ana@moved.test", moved.sandbox, moved.network, sources=[Source.AUTOCONFIG])
    assert len(moved.sandbox.requests) == 2
    assert trap.caught() == 0


# -- aliases -----------------------------------------------------------------------------------------------------------

ALIASES = {
    "inside": f"* CNAME inside\ninside A {REFUSED}",
    "in two steps": f"* CNAME two\ntwo CNAME inside\ninside A {REFUSED}",
    "to a name of the inside": "* CNAME metadata.google.internal.",
    "to localhost": "* CNAME localhost.",
    "to an address": f"* CNAME {REFUSED}.",
    "to itself": "* CNAME round\nround CNAME autoconfig",
    "inside and outside": f"* CNAME both\nboth A {HERE}\nboth A {REFUSED}",
}
ALIASED = {why: f"alias{number}.test" for number, why in enumerate(ALIASES)}


@pytest.fixture(scope="module")
def aliased() -> Iterator[Sandbox]:
    """Domains all of whose hosts are other names for hosts of the inside."""
    zones = {ALIASED[why]: records for why, records in ALIASES.items()}
    others = {"google.internal": f"metadata A {REFUSED}", "localhost": f"@ A {REFUSED}"}
    with Sandbox(internet=Internet(zones=zones | others)) as sandbox:
        yield sandbox


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("why", ALIASES)
def test_an_alias_leads_to_no_address_that_its_owner_may_not_name(
    aliased: Sandbox, trap: Trap, why: str, colour: str
) -> None:
    for port in aliased.network.forwarded.values():
        trap.listen(REFUSED, port)
    domain = ALIASED[why]
    found = discovered(
        colour,
        f"ana@{domain}",
        aliased,
        policy(Pretended, aliased),
        database=f"https://db.{domain}/v1.1/",
        sources=[Source.DATABASE, Source.AUTOCONFIG, Source.AUTODISCOVER, Source.GUESS],
    )
    assert found.candidates == ()
    assert (trap.caught(), aliased.requests) == (0, ())


# -- second look-ups ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("last", [REFUSED, "10.0.0.1", "169.254.169.254"])
def test_a_name_that_leads_elsewhere_the_second_time_is_followed_to_no_unchecked_address(
    last: str, colour: str
) -> None:
    """The first answer is the one that is dialled; for a new connection the new answer is checked, and refused."""
    told: dict[str, int] = {}

    def answer(query: dns.message.Message) -> bytes:
        made = dns.message.make_response(query, recursion_available=True)
        question = query.question[0]
        if dns.rdatatype.to_text(question.rdtype) == "A":
            host = question.name.to_text()
            address = HERE if host not in told else last
            told[host] = told.get(host, 0) + 1
            made.answer.append(dns.rrset.from_text(question.name, 0, "IN", "A", address))
        return made.to_wire()

    again = WebAnswer(status=302, headers={"Location": f"https://rebind.test{WELL_KNOWN}?again"})
    site: Site = {CONFIG: again, WELL_KNOWN: again, AUTODISCOVER: again}
    hosts = ("rebind.test", "autoconfig.rebind.test", "autodiscover.rebind.test")
    internet = Internet(zones={"rebind.test": f"@ A {HERE}\n* A {HERE}"}, sites=dict.fromkeys(hosts, site))
    with Sandbox(internet=internet) as sandbox, Trap() as trap, LyingNameServer(answer) as lying:
        for port in sandbox.network.forwarded.values():
            trap.listen(REFUSED, port)
        network = policy(Pretended, sandbox, name_servers=lying.servers)
        discovered(colour, "ana@rebind.test", sandbox, network, sources=[Source.AUTOCONFIG, Source.AUTODISCOVER])
        assert trap.caught() == 0
        # Each host was reached once, by the one good answer there was for it.
        assert sorted(request.host for request in sandbox.requests) == sorted(hosts)
        assert max(told.values()) > 1


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("last", [REFUSED, "10.0.0.1", "::1"])
def test_a_mail_server_that_has_moved_inside_gets_no_second_message(last: str, colour: str) -> None:
    told: set[str] = set()

    def answer(query: dns.message.Message) -> bytes:
        made = dns.message.make_response(query, recursion_available=True)
        question = query.question[0]
        host, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
        address = last if host in told else HERE
        if kind == ("AAAA" if ":" in address else "A"):
            told.add(host)
            made.answer.append(dns.rrset.from_text(question.name, 0, "IN", kind, address))
        return made.to_wire()

    with (
        Sandbox(internet=Internet(zones={"rebind.test": f"@ A {HERE}\n* A {HERE}"})) as sandbox,
        Trap() as trap,
        LyingNameServer(answer) as lying,
    ):
        for port in sandbox.network.forwarded.values():
            trap.listen(REFUSED, port)
        smtp = Endpoint(host="smtp.rebind.test", port=465, security=Security.TLS)
        imap = Endpoint(host="imap.rebind.test", port=993, security=Security.TLS)
        mailer = mailer_of(
            colour,
            attrs.evolve(sandbox.settings, smtp=smtp, imap=imap),
            sandbox.credential,
            network=policy(Pretended, sandbox, name_servers=lying.servers),
            ca_file=sandbox.ca_file,
        )
        assert mailer.send(letter()).filing is Filing.APPENDED
        with pytest.raises(NotPermitted):
            mailer.send(letter())
        assert (trap.caught(), len(sandbox.submissions)) == (0, 1)
        assert told == {"smtp.rebind.test.", "imap.rebind.test."}
