"""`Internet`: the names and web pages that a test wants there to be around the sandbox's mail servers.

A value, checked where it is written. What it becomes is in `world`.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import attrs

from ..host_name import read_host
from .http_session import WebAnswer, WebRequest
from .personality import several
from .zones import Zones, read_name, shown

PUBLIC_PORTS = (465, 993, 587, 143, 443)
"""The ports of mail and https: implicit TLS first, then STARTTLS, then the web."""

_LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
_FIRST = ipaddress.ip_address("127.0.0.1")

Page = WebAnswer | bytes | Callable[[WebRequest], WebAnswer]
Site = Mapping[str, Page]


def _texts(value: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(value))


def _sites(value: Mapping[str, Site]) -> Mapping[str, Site]:
    return MappingProxyType({_site_host(host): _site(host, pages) for host, pages in value.items()})


def _site_host(text: str) -> str:
    star = "*." if text.startswith("*.") else ""
    host = read_host(text.removeprefix(star))
    if not isinstance(host, str):
        raise ValueError(f"a site needs the name of its host: {host.message}")
    return star + host


def _site(host: str, pages: Site) -> Site:
    for path in pages:
        if not path.startswith("/") or "?" in path:
            raise ValueError(f"a path of {host} begins with a slash and has no query, unlike {path!r}")
    return MappingProxyType(dict(pages))


def _names(value: Iterable[str]) -> frozenset[str]:
    return frozenset(shown(read_name(name)) for name in several(value))


def _delays(value: Mapping[str, float]) -> Mapping[str, float]:
    for name, seconds in value.items():
        if not 0 <= seconds < math.inf:
            raise ValueError(f"the delay of {name} is a number of seconds")
    return MappingProxyType({shown(read_name(name)): seconds for name, seconds in value.items()})


def _listens(value: Mapping[str, Iterable[int]]) -> Mapping[str, frozenset[int]]:
    listening = {address: frozenset(ports) for address, ports in value.items()}
    for text, ports in listening.items():
        address = ipaddress.ip_address(text)
        if address not in _LOOPBACK or address == _FIRST:
            raise ValueError(f"{text} is no loopback address besides 127.0.0.1, such as 127.0.0.2")
        if not ports <= frozenset(PUBLIC_PORTS):
            raise ValueError(f"the ports of {text} are some of {', '.join(map(str, sorted(PUBLIC_PORTS)))}")
    return MappingProxyType(listening)


@attrs.frozen(kw_only=True)
class Internet:
    """An internet on loopback: a name server, web sites, and every mail host in it served by one sandbox.

    Names may be written in any script and case. In `silent`, `failing` and `delays` a name stands for itself, and one
    with an asterisk (``*.acme.test``, or ``*`` for all) for every name below.

    Args:
        zones: by the name of a zone its records, as in a master file (RFC 1035 section 5); neither a time to live nor
            SOA and NS need be written, and the text may be indented. A host is served if its address is 127.0.0.1, at
            the ports 465, 587, 993, 143 and 443; nobody listens at 127.0.0.2 and the others, so that connections are
            refused there. A name in no zone does not exist (NXDOMAIN): what a real server would say, REFUSED, makes
            clients look for another one.
        sites: by host (``*.acme.test``: any name one label longer) and by path without the query, what https answers:
            bytes are a page, a function is called with the request in a thread of the server. If it raises, the
            connection ends and the thread tells. Everything else is 404.
        untrusted: hosts that the server's certificate is not for. It is for all other hosts of zones and sites, but not
            for a wildcard that would include one of these.
        silent: names about which no question is answered.
        failing: names about which every question is answered with SERVFAIL.
        delays: seconds that an answer about a name takes.
        listens: further loopback addresses that are served, each at these of the five ports only; Linux has them all,
            other systems must be told to.

    Raises:
        ValueError: a zone cannot be read, or a name, path, address or port is none.
    """

    zones: Mapping[str, str] = attrs.field(factory=dict[str, str], converter=_texts)
    sites: Mapping[str, Site] = attrs.field(factory=dict[str, Site], converter=_sites)
    untrusted: frozenset[str] = attrs.field(default=frozenset(), converter=_names)
    silent: frozenset[str] = attrs.field(default=frozenset(), converter=_names)
    failing: frozenset[str] = attrs.field(default=frozenset(), converter=_names)
    delays: Mapping[str, float] = attrs.field(factory=dict[str, float], converter=_delays)
    listens: Mapping[str, frozenset[int]] = attrs.field(factory=dict[str, frozenset[int]], converter=_listens)

    def __attrs_post_init__(self) -> None:
        Zones(self.zones)


@attrs.frozen(kw_only=True)
class Question:
    """What the name server was asked. A question that is repeated, for instance over TCP, is another one.

    Args:
        name: the name, in lower case without a final dot.
        kind: the kind of record ("MX").
    """

    name: str
    kind: str


__all__ = ["PUBLIC_PORTS", "Internet", "Page", "Question", "Site"]
