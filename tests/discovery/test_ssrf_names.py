"""Names that are other names for the inside, and names that lead elsewhere the second time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from tests.hostile.awaited import blocking
from tests.mailer.post import letter
from tether_mailconf import Endpoint, Filing, Mailer, Security, Source, aio
from tether_mailconf.errors import NotPermitted
from tether_mailconf.sandbox import Internet, Sandbox, WebAnswer
from tether_mailconf.sandbox.internet import Site

from .domains import AUTODISCOVER, CONFIG, HERE, WELL_KNOWN
from .inside import REFUSED
from .strangers import COLOURS, LyingNameServer, Pretended, Trap, discovered, policy

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


def mailer_of(colour: str, *given: Any, **options: Any) -> Any:
    """A Mailer of either colour, whose methods need not be awaited."""
    return (Mailer if colour == "sync" else blocking(aio.Mailer))(*given, **options)


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
