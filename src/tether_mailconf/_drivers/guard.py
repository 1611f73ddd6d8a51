"""What may be dialled.

Host names come from people and, later, from strangers' servers. A name is resolved once, every address it gives is
checked, and the connection goes to a checked address, so that a second look-up cannot lead elsewhere. All refusals read
alike: they tell a prober nothing about the network behind us.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import attrs

from ..errors import InvalidSettings, NotPermitted, Problem, Step
from ..host_name import is_address
from ..settings import Endpoint

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAIL_AND_WEB_PORTS = frozenset({443, 465, 587, 993, 143})

# The IANA special-purpose registries, plus what `ipaddress.is_global` of Python 3.11 calls global although it leads
# inside: v4 in v6 in all its forms, the deprecated site-local block, and Azure's host agent.
_NEVER_PUBLIC: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "168.63.129.16/32",
        "::/96",
        "::ffff:0:0/96",
        "::ffff:0:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)

# RFC 6761, RFC 6762, RFC 7686, RFC 8375, RFC 9476 and the root's own reservation of "internal". The names for
# documentation (example, test) are left out: they do not resolve, and tests use them.
_SPECIAL_USE_NAMES = ("localhost", "local", "internal", "onion", "invalid", "home.arpa", "alt", "lan", "localdomain")


# What dnspython reads literally. It takes a backslash for an escape, and some letters and dots of Unicode for others.
_DOMAIN = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?")
_SERVICES = re.compile(r"\A(?:_[^.]*\.)+")

_NAME_SERVER = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<host>[0-9.]+))(?::(?P<port>[0-9]{1,5}))?")


def _networks(value: Iterable[str]) -> tuple[Network, ...]:
    networks: list[Network] = []
    problems: list[Problem] = []
    for text in value:
        try:
            networks.append(ipaddress.ip_network(text))
        except ValueError as error:
            problems.append(Problem(field="networks", code="network.invalid", message=f"{error}"))
    if problems:
        raise InvalidSettings(tuple(problems))
    return tuple(networks)


def _ports(value: Iterable[int]) -> frozenset[int]:
    return frozenset(value)


def _forwarded(value: Mapping[int, int]) -> Mapping[int, int]:
    return MappingProxyType(dict(value))


def _name_servers(value: Iterable[str | tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    servers: list[tuple[str, int]] = []
    problems: list[Problem] = []
    for given in value:
        found = _name_server(given) if isinstance(given, str) else given
        if found is None:
            text = "a name server is given by its address, such as 192.0.2.53 or [2001:db8::53]:5353"
            problems.append(Problem(field="name_servers", code="name_server.invalid", message=text))
        else:
            servers.append(found)
    if problems:
        raise InvalidSettings(tuple(problems))
    return tuple(servers)


def _name_server(text: str) -> tuple[str, int] | None:
    found = _NAME_SERVER.fullmatch(text)
    host, port = (text, "53") if found is None else (found["v6"] or found["host"], found["port"] or "53")
    return (host, int(port)) if is_address(host) and 0 < int(port) < 65536 else None


@attrs.frozen(kw_only=True)
class NetworkPolicy:
    """Which addresses and ports the library may dial. By default the public internet on the ports of mail and https.

    A host application that serves an intranet says so with a policy of its own.

    Args:
        networks: further networks that may be dialled, in CIDR form ("10.1.0.0/16"). With any of them given, names
            without a dot and special-use names are looked up too; the address then decides.
        ports: the ports that may be dialled.
        name_servers: the name servers to ask instead of the system's ("192.0.2.53", or with a port "192.0.2.53:5353",
            "[2001:db8::53]:5353").
        forwarded: for a port, the one that is dialled in its place; behind a gateway, or at a test's servers that may
            not listen at the real ones. `ports` is about the former.

    Raises:
        InvalidSettings: a network is not in CIDR form, or a name server is no address.
    """

    networks: tuple[Network, ...] = attrs.field(default=(), converter=_networks)
    ports: frozenset[int] = attrs.field(default=MAIL_AND_WEB_PORTS, converter=_ports)
    name_servers: tuple[tuple[str, int], ...] = attrs.field(default=(), converter=_name_servers)
    forwarded: Mapping[int, int] = attrs.field(factory=dict[int, int], converter=_forwarded, hash=False)

    def dialled_port(self, endpoint: Endpoint) -> int:
        """Return the port that is dialled for an endpoint."""
        return self.forwarded.get(endpoint.port, endpoint.port)

    def permits(self, host: str, port: int | None = None) -> bool:
        """Return whether a host may be dialled, as far as can be told without looking anything up.

        Args:
            host: a host name or an IP address.
            port: the port; None if that does not matter.
        """
        if port is not None and port not in self.ports:
            return False
        if is_address(host):
            return self._permits(ipaddress.ip_address(host))
        return bool(self.networks) or not _is_special(host)

    def check_domain(self, name: str) -> None:
        """Check a name before its records are looked up.

        Raises:
            NotPermitted: the name is not one of the public internet's.
        """
        if not self.networks and (not _DOMAIN.fullmatch(name) or _is_special(_under_services(name))):
            raise NotPermitted(step=Step.LOOKUP)

    def check_name(self, endpoint: Endpoint) -> None:
        """Check port and host name before anything is looked up.

        Raises:
            NotPermitted: the port or the name is not allowed.
        """
        host = endpoint.host
        if endpoint.port not in self.ports:
            raise _refusal(endpoint)
        if not self.networks and not is_address(host) and _is_special(host):
            raise _refusal(endpoint)

    def check_addresses(self, endpoint: Endpoint, addresses: Iterable[str]) -> tuple[str, ...]:
        """Return the addresses, all of which may be dialled.

        One bad address refuses them all: a name that leads both outside and inside is an attack, not a choice.

        Raises:
            NotPermitted: at least one of them may not be dialled.
        """
        checked = tuple(addresses)
        if not all(map(self._permits_text, checked)):
            raise _refusal(endpoint)
        return checked

    def _permits_text(self, address: str) -> bool:
        try:
            return self._permits(ipaddress.ip_address(address.partition("%")[0]))
        except ValueError:
            return False

    def _permits(self, address: Address) -> bool:
        if any(address.version == network.version and address in network for network in self.networks):
            return True
        if not address.is_global or address.is_multicast or address.is_reserved:
            return False
        return not any(address.version == network.version and address in network for network in _NEVER_PUBLIC)


def _under_services(name: str) -> str:
    """Return the domain whose services a name is about ("_imaps._tcp.acme.example", RFC 2782), in lower case."""
    return _SERVICES.sub("", name.lower()).removesuffix(".")


def _is_special(name: str) -> bool:
    return "." not in name or any(name == special or name.endswith("." + special) for special in _SPECIAL_USE_NAMES)


def _refusal(endpoint: Endpoint) -> NotPermitted:
    return NotPermitted(step=Step.LOOKUP, endpoint=endpoint)
