"""What may be dialled: the public internet on the ports of mail and the web, and what a host's policy adds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tether_mailconf import Endpoint, InvalidSettings, NetworkPolicy, NotPermitted, Security, Step

PUBLIC = ("192.178.1.1", "17.42.251.1", "2a00:1450:4001::6c", "2620:149::1", "1.1.1.1", "168.63.129.17")
REFUSED = {
    "private 10": "10.1.2.3",
    "private 172": "172.16.0.1",
    "private 172, the last": "172.31.255.255",
    "private 192": "192.168.1.1",
    "shared": "100.64.0.1",
    "loopback": "127.0.0.1",
    "loopback, another": "127.8.8.8",
    "loopback 6": "::1",
    "link-local": "169.254.1.1",
    "link-local 6": "fe80::1",
    "link-local 6 with a zone": "fe80::1%eth0",
    "metadata": "169.254.169.254",
    "metadata 6": "fd00:ec2::254",
    "metadata of another": "100.100.100.200",
    "metadata, Azure": "168.63.129.16",
    "unique local": "fd12:3456::1",
    "site-local": "fec0::1",
    "unspecified": "0.0.0.0",
    "this network": "0.1.2.3",
    "unspecified 6": "::",
    "v4-mapped loopback": "::ffff:127.0.0.1",
    "v4-mapped public": "::ffff:1.1.1.1",
    "v4-compatible": "::7f00:1",
    "v4-translated": "::ffff:0:7f00:1",
    "NAT64": "64:ff9b::7f00:1",
    "NAT64, local": "64:ff9b:1::a00:1",
    "6to4": "2002:7f00:1::1",
    "6to4 relay": "192.88.99.1",
    "Teredo": "2001:0:1::1",
    "ORCHID": "2001:20::1",
    "multicast": "224.0.0.1",
    "multicast, global": "239.255.255.250",
    "multicast 6": "ff02::1",
    "multicast 6, global": "ff0e::1",
    "documentation 1": "192.0.2.1",
    "documentation 2": "198.51.100.1",
    "documentation 3": "203.0.113.1",
    "documentation 6": "2001:db8::1",
    "documentation 6, new": "3fff::1",
    "benchmark": "198.18.0.1",
    "IETF": "192.0.0.8",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "discard": "100::1",
    "segment routing": "5f00::1",
}


def server(host: str = "mail.example.com", port: int = 465) -> Endpoint:
    """A server's endpoint."""
    return Endpoint(host=host, port=port, security=Security.STARTTLS if port in (25, 143, 587) else Security.TLS)


def refused(policy: NetworkPolicy, endpoint: Endpoint, *addresses: str) -> str:
    """The text of the refusal, which tells nothing about what was found."""

    def dial() -> None:
        policy.check_name(endpoint)
        policy.check_addresses(endpoint, addresses)

    with pytest.raises(NotPermitted) as caught:
        dial()
    assert (caught.value.step, caught.value.endpoint) == (Step.LOOKUP, endpoint)
    return str(caught.value)


@pytest.mark.parametrize("address", PUBLIC)
def test_the_public_internet_may_be_dialled(address: str) -> None:
    assert NetworkPolicy().check_addresses(server(), [address]) == (address,)


@pytest.mark.parametrize("address", REFUSED.values(), ids=REFUSED)
def test_an_address_that_leads_inside_or_nowhere_may_not(address: str) -> None:
    refused(NetworkPolicy(), server(), address)


def test_all_refusals_read_alike_whatever_the_reason() -> None:
    """A prober must not learn from them what is behind us."""
    texts = {refused(NetworkPolicy(), server(), address) for address in REFUSED.values()}
    assert texts == {"look-up (mail.example.com:465): connecting to this host is not permitted"}
    by_name = refused(NetworkPolicy(), server("mail.internal"))
    by_port = refused(NetworkPolicy(), server("mail.internal", 2525)).replace("2525", "465")
    assert {by_name, by_port} == {next(iter(texts)).replace("mail.example.com", "mail.internal")}


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("bad", ["10.0.0.1", "::1", "fe80::1%2"])
def test_one_bad_address_among_several_refuses_them_all(bad: str, place: int) -> None:
    addresses: list[str] = list(PUBLIC[:2])
    addresses.insert(place, bad)
    refused(NetworkPolicy(), server(), *addresses)


def test_good_addresses_are_returned_all_in_their_order() -> None:
    assert NetworkPolicy().check_addresses(server(), iter(PUBLIC)) == PUBLIC


@pytest.mark.parametrize("port", [1, 22, 25, 80, 110, 2525, 6379, 65535])
def test_only_the_ports_of_mail_and_web_may_be_dialled(port: int) -> None:
    refused(NetworkPolicy(), server(port=port))
    NetworkPolicy(ports=frozenset({port})).check_name(server(port=port))


@pytest.mark.parametrize("port", [143, 443, 465, 587, 993])
def test_the_ports_of_mail_and_web_may_be_dialled(port: int) -> None:
    NetworkPolicy().check_name(server(port=port))


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST.",
        "mail.localhost",
        "printer.local",
        "metadata.google.internal",
        "internal.",
        "x.onion",
        "x.invalid",
        "router.home.arpa",
        "x.alt",
        "nas.lan",
        "localhost.localdomain",
        "intranet",
        "mail",
    ],
)
def test_a_special_use_or_single_label_name_is_not_even_looked_up(host: str) -> None:
    refused(NetworkPolicy(), server(host))


@pytest.mark.parametrize(
    "host", ["mail.example.com", "mylocal.example", "notlocalhost.example", "local.example.com", "1.1.1.1", "::1"]
)
def test_an_ordinary_name_or_an_address_is_looked_at_further(host: str) -> None:
    NetworkPolicy().check_name(server(host))


def test_an_address_typed_as_the_host_is_checked_like_one_that_was_found() -> None:
    refused(NetworkPolicy(), server("127.0.0.1"), "127.0.0.1")


def test_a_policy_lets_an_intranet_in_and_nothing_beside_it() -> None:
    policy = NetworkPolicy(networks=("10.1.0.0/16", "fd12::/16"))
    for host in ("mail", "mail.corp.internal", "localhost"):
        policy.check_name(server(host))
    assert policy.check_addresses(server(), ["10.1.2.3", "fd12::1", "1.1.1.1"]) == ("10.1.2.3", "fd12::1", "1.1.1.1")
    for address in ("10.2.0.1", "127.0.0.1", "169.254.169.254", "::ffff:10.1.2.3", "fd13::1"):
        refused(policy, server(), "10.1.2.3", address)


def test_a_policy_with_networks_keeps_the_ports() -> None:
    refused(NetworkPolicy(networks=("127.0.0.0/8",)), server(port=22))


@pytest.mark.parametrize("text", ["", "x", "10.0.0.1/8", "10.0.0.0/33", "300.0.0.0/8", "10.0.0.0/8\n", "fd00::/129"])
def test_a_network_that_is_none_is_a_problem_and_all_are_told(text: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        NetworkPolicy(networks=(text, "10.0.0.0/8", "nothing"))
    assert [problem.code for problem in caught.value.problems] == ["network.invalid"] * 2


def test_a_single_text_is_not_taken_for_a_list_of_networks() -> None:
    wrong: Any = "127.0.0.0/8"
    with pytest.raises(InvalidSettings):
        NetworkPolicy(networks=wrong)


@given(
    st.ip_addresses(network="127.0.0.0/8") | st.ip_addresses(network="10.0.0.0/8") | st.ip_addresses(network="fc00::/7")
)
def test_nothing_inside_may_be_dialled_in_any_disguise(address: Any) -> None:
    disguises = [str(address)]
    if address.version == 4:
        number = int(address)
        disguises += [
            f"::ffff:{address}",
            f"::{number >> 16:x}:{number & 0xFFFF:x}",
            f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}",
            f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1",
        ]
    for disguise in disguises:
        refused(NetworkPolicy(), server(), disguise)
