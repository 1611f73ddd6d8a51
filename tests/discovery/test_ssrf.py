"""No host at an address of the inside is dialled, and no name of the inside looked up, whoever names them.

Traps stand on loopback. `test_a_trap_sees_who_is_dialled` shows that they would tell.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tether_mailconf import AppPassword, NetworkPolicy, Source
from tether_mailconf.discovery import Answer
from tether_mailconf.errors import InvalidSettings, NotPermitted
from tether_mailconf.sandbox import Internet, Sandbox
from tether_mailconf.sandbox.internet import PUBLIC_PORTS, Site

from .domains import AUTODISCOVER, CONFIG, HERE, config
from .inside import REFUSED, redirecting
from .strangers import (
    COLOURS,
    REFUSAL,
    Pretended,
    Trap,
    discovered,
    forbid_sockets,
    policy,
    said,
)

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


def trapped(trap: Trap) -> dict[int, int]:
    """Set traps at every loopback address there is; return the ports that lead to them."""
    port = trap.listen("127.0.0.1")
    trap.listen("127.255.255.254", port)
    if socket.has_ipv6:
        trap.listen("::1", port)
    return dict.fromkeys(PUBLIC_PORTS, port)


# -- addresses ---------------------------------------------------------------------------------------------------------

ALL_REFUSED = [
    (Source.CATALOGUE, Answer.NOTHING, "the catalogue does not list the domain"),
    (Source.DATABASE, Answer.REFUSED, REFUSAL),
    (Source.MX, Answer.NOTHING, "its mail goes to mx.of-DOMAIN, which is not known"),
    (Source.MX_AUTOCONFIG, Answer.REFUSED, REFUSAL),
    (Source.AUTOCONFIG, Answer.REFUSED, REFUSAL),
    (Source.AUTOCONFIG, Answer.REFUSED, REFUSAL),
    (Source.SRV, Answer.FOUND, "the domain's records name in.DOMAIN, out.DOMAIN"),
    (Source.AUTODISCOVER, Answer.REFUSED, REFUSAL),
    (Source.GUESS, Answer.NOTHING, "no submission server answers under a usual name"),
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
