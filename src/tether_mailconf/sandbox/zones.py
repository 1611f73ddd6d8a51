"""Zones of the domain name system: read from master files, and what an authority answers from them.

RFC 1034 section 4.3.2, as RFC 4592 has made it clear for wildcards. Pure: a question in, an answer out; `name_server`
has the sockets.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any, TypeVar, cast

import attrs
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tokenizer
import dns.zonefile

from ..errors import printable

_TTL = 300
_MOST_ALIASES = 16
_IN = dns.rdataclass.IN
_HOST_KINDS = (dns.rdatatype.A, dns.rdatatype.AAAA, dns.rdatatype.CNAME)
# IDNA 2008 with UTS 46, as the library reads names; what is ASCII already, such as _tcp, stays as it is.
_IDNA = dns.name.IDNA2008Codec(True, False, True, False)

T = TypeVar("T")

Records = Mapping[dns.rdatatype.RdataType, dns.rrset.RRset]


def read_name(text: str) -> dns.name.Name:
    """Return a domain name.

    Raises:
        ValueError: it is none.
    """
    try:
        return dns.name.from_text(text, idna_codec=_IDNA)
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"{printable(text, 80)!r} is not a domain name: {error}") from error


def told_of(name: dns.name.Name, table: Mapping[dns.name.Name, T]) -> T | None:
    """Return what a table says of a name, or else of the nearest wildcard above it."""
    if name in table:
        return table[name]
    while name != dns.name.root:
        name = name.parent()
        wildcard = _wildcard(name)
        if wildcard in table:
            return table[wildcard]
    return None


@attrs.frozen(kw_only=True)
class _Zone:
    """One zone.

    Args:
        origin: its name.
        nodes: the records by owner and kind.
        existing: the owners and every name between them and the origin, which exist without records (RFC 4592).
    """

    origin: dns.name.Name
    nodes: Mapping[dns.name.Name, Records]
    existing: frozenset[dns.name.Name]

    def find(self, name: dns.name.Name) -> Records | None:
        """Return the records of a name, maybe those of a wildcard; None if there is no such name."""
        if name in self.existing:
            return self.nodes.get(name, {})
        while name not in self.existing:
            name = name.parent()
        return self.nodes.get(_wildcard(name))


class Zones:
    """All zones of a world.

    Args:
        texts: master files by the name of the zone.

    Raises:
        ValueError: one of them cannot be read.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        zones = [_read(read_name(name), text) for name, text in texts.items()]
        self._zones = {zone.origin: zone for zone in zones}

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names that have an address or are an alias, in lower case without a final dot; wildcards among them."""
        return tuple(
            shown(name)
            for zone in self._zones.values()
            for name, records in zone.nodes.items()
            if any(kind in records for kind in _HOST_KINDS)
        )

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """Answer a query for one name of class IN."""
        answer = dns.message.make_response(query, recursion_available=True)
        name, kind = query.question[0].name, query.question[0].rdtype
        if self._zone(name) is not None:
            answer.flags |= dns.flags.AA
        for _ in range(_MOST_ALIASES):
            zone = self._zone(name)
            records = None if zone is None else zone.find(name)
            if zone is None or records is None:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            elif kind in records:
                answer.answer.append(_owned(name, records[kind]))
                return answer
            elif dns.rdatatype.CNAME in records:
                alias = _owned(name, records[dns.rdatatype.CNAME])
                answer.answer.append(alias)
                name = cast("Any", alias[0]).target
                continue
            if zone is not None:
                answer.authority.append(zone.nodes[zone.origin][dns.rdatatype.SOA])
            return answer
        answer.answer.clear()
        answer.set_rcode(dns.rcode.SERVFAIL)
        return answer

    def _zone(self, name: dns.name.Name) -> _Zone | None:
        while name not in self._zones:
            if name == dns.name.root:
                return None
            name = name.parent()
        return self._zones[name]


def shown(name: dns.name.Name) -> str:
    """Return a name as text, in lower case without a final dot."""
    return name.to_text(omit_final_dot=True).lower()


def _wildcard(name: dns.name.Name) -> dns.name.Name:
    return dns.name.Name((b"*", *name.labels))


def _owned(name: dns.name.Name, records: dns.rrset.RRset) -> dns.rrset.RRset:
    """Return the records as those of `name`, which a wildcard's become (RFC 4592 section 3.3.1)."""
    return dns.rrset.from_rdata_list(name, records.ttl, list(records))


def _read(origin: dns.name.Name, text: str) -> _Zone:
    nodes: dict[dns.name.Name, dict[dns.rdatatype.RdataType, dns.rrset.RRset]] = {origin: {}}
    for records in _parsed(origin, text):
        if not records.name.is_subdomain(origin):
            raise ValueError(f"the zone {shown(origin)} cannot be read: {shown(records.name)} does not belong to it")
        nodes.setdefault(records.name, {})[records.rdtype] = records
    if dns.rdatatype.CNAME in nodes[origin]:
        raise ValueError(f"the zone {shown(origin)} cannot be read: the zone itself cannot be an alias")
    for kind, said in (("NS", "ns"), ("SOA", "ns hostmaster 1 3600 600 86400 300")):
        apex = dns.rdatatype.from_text(kind)
        if apex not in nodes[origin]:
            data = dns.rdata.from_text(_IN, apex, said, origin=origin, relativize=False)
            nodes[origin][apex] = dns.rrset.from_rdata(origin, _TTL, data)
    existing = {
        dns.name.Name(name.labels[cut:]) for name in nodes for cut in range(len(name.labels) - len(origin.labels) + 1)
    }
    return _Zone(origin=origin, nodes=nodes, existing=frozenset(existing))


def _parsed(origin: dns.name.Name, text: str) -> list[dns.rrset.RRset]:
    # Indented as a whole, as texts in programs are: a line that begins with a space would belong to the owner above it.
    tokens = dns.tokenizer.Tokenizer(textwrap.dedent(text), shown(origin), idna_codec=_IDNA)
    # dnspython's types leave out what it gives.
    manager: Any = dns.zonefile.RRSetsReaderManager(origin)
    try:
        with manager.writer(True) as transaction:
            reader = dns.zonefile.Reader(
                tokens, _IN, transaction, allow_directives=("$ORIGIN", "$TTL"), default_ttl=_TTL
            )
            # Names outside are to be told rather than passed over.
            reader.zone_origin = dns.name.root
            reader.read()
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"the zone {shown(origin)} cannot be read: {error}") from error
    found: list[dns.rrset.RRset] = manager.rrsets
    return found
