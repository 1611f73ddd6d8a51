"""What may be dialled.

Host names come from people and, later, from strangers' servers. A name is resolved once, every address it gives is
checked, and the connection goes to a checked address, so that a second look-up cannot lead elsewhere. All refusals read
alike: they tell a prober nothing about the network behind us.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

import attrs

from ..errors import InvalidSettings, NotPermitted, Problem, Step
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


@attrs.frozen(kw_only=True)
class NetworkPolicy:
    """Which addresses and ports the library may dial. By default the public internet on the ports of mail and https.

    A host application that serves an intranet says so with a policy of its own.

    Args:
        networks: further networks that may be dialled, in CIDR form ("10.1.0.0/16"). With any of them given, names
            without a dot and special-use names are looked up too; the address then decides.
        ports: the ports that may be dialled.

    Raises:
        InvalidSettings: a network is not in CIDR form.
    """

    networks: tuple[Network, ...] = attrs.field(default=(), converter=_networks)
    ports: frozenset[int] = attrs.field(default=MAIL_AND_WEB_PORTS, converter=_ports)

    def check_name(self, endpoint: Endpoint) -> None:
        """Check port and host name before anything is looked up.

        Raises:
            NotPermitted: the port or the name is not allowed.
        """
        host = endpoint.host
        if endpoint.port not in self.ports:
            raise _refusal(endpoint)
        if self.networks or _is_address(host):
            return
        if "." not in host or any(host == name or host.endswith("." + name) for name in _SPECIAL_USE_NAMES):
            raise _refusal(endpoint)

    def check_addresses(self, endpoint: Endpoint, addresses: Iterable[str]) -> tuple[str, ...]:
        """Return the addresses, all of which may be dialled.

        One bad address refuses them all: a name that leads both outside and inside is an attack, not a choice.

        Raises:
            NotPermitted: at least one of them may not be dialled.
        """
        checked = tuple(addresses)
        if not all(self._permits(ipaddress.ip_address(address.partition("%")[0])) for address in checked):
            raise _refusal(endpoint)
        return checked

    def _permits(self, address: Address) -> bool:
        if any(address.version == network.version and address in network for network in self.networks):
            return True
        if not address.is_global or address.is_multicast or address.is_reserved:
            return False
        return not any(address.version == network.version and address in network for network in _NEVER_PUBLIC)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _refusal(endpoint: Endpoint) -> NotPermitted:
    return NotPermitted(step=Step.LOOKUP, endpoint=endpoint)
