"""The mistakes that people make with the names and ports of servers, each with what was probably meant. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..host_name import read_host
from .catalogue import offered
from .lookup import by_domain, by_server
from .near_miss import is_slip, suggestion
from .typed import Advice, Typed, advice, host_in

_TLS_PORTS = {"465": "tls", "993": "tls", "587": "starttls", "143": "starttls", "25": "starttls", "2525": "starttls"}
_IMAP_PORTS = {"993", "143", "995", "110"}
_SMTP_PORTS = {"465", "587", "25", "2525"}
_OF_OTHER_PROTOCOLS = {"smtp": ("imap", "pop", "pop3"), "imap": ("smtp", "pop", "pop3")}
_SPELLED_OUT = {"imap": "IMAP", "smtp": "SMTP", "pop": "POP3", "pop3": "POP3"}
_NO_DOT = re.compile(r"(?P<first>smtp|imap|mail|pop3?)(?:\s*[,;@]\s*|\s+)(?P<rest>[^,;@\s]+)", re.IGNORECASE)
_ADDRESS = re.compile(r"[^@\s/:]+@(?P<domain>[^@\s/:]+)")


def hosts(typed: Typed) -> Iterator[Advice]:
    """Yield what is wrong with the names of the two servers.

    Whatever is said about one name, the same name is proposed: the one that has none of the mistakes.
    """
    for protocol in ("smtp", "imap"):
        field, text = f"{protocol}_host", typed.text(f"{protocol}_host")
        said, meant = _host(text, protocol)
        for code, message in said:
            yield advice(field, code, message.format(meant), {field: meant})


def _host(text: str, protocol: str) -> tuple[list[tuple[str, str]], str]:
    """Return what is wrong with a name, each with its code, and the name that was probably meant."""
    said: list[tuple[str, str]] = []
    host = _in_clear(text, protocol)
    if not host:
        return said, ""
    if host != text.strip().lower().rstrip("."):
        said.append(("lint.pasted_url", "only the name of the server belongs here"))
    other = _other_protocol(host, protocol)
    if other is not None:
        spoken, host = other
        said.append(("lint.other_protocol", f"this is a server for {spoken}, not for {protocol.upper()}"))
    if (near := _near(host, protocol)) is not None:
        host = near
        said.append(("lint.near_miss", "perhaps {} was meant"))
    return said, host


def _in_clear(text: str, protocol: str) -> str:
    """Return the name of a server in what is typed: without a scheme, a path, a port; or the one of an address."""
    bare = text.strip()
    if (no_dot := _NO_DOT.fullmatch(bare)) is not None:
        return f"{no_dot['first']}.{no_dot['rest']}".lower()
    if (address := _ADDRESS.fullmatch(bare)) is not None:
        return _server_of(address["domain"], protocol) or ""
    return host_in(bare)


def _server_of(domain: str, protocol: str) -> str | None:
    """Return the first server of the provider whose domain this is."""
    preset = by_domain(domain)
    endpoints = () if preset is None else preset.smtp if protocol == "smtp" else preset.imap
    return endpoints[0].host if endpoints else None


def _other_protocol(host: str, protocol: str) -> tuple[str, str] | None:
    """Return what this server speaks instead, and the server that was meant; None if it may well be right."""
    preset = by_server(host)
    if preset is not None:
        own = [one.host for one in (preset.smtp if protocol == "smtp" else preset.imap)]
        others = [one.host for one in (preset.imap if protocol == "smtp" else preset.smtp)]
        is_other = own and host in others and host not in own
        return (_SPELLED_OUT["imap" if protocol == "smtp" else "smtp"], own[0]) if is_other else None
    first, _, rest = host.partition(".")
    if first not in _OF_OTHER_PROTOCOLS[protocol] or "." not in rest:
        return None
    return _SPELLED_OUT[first], _server_of(rest, protocol) or f"{protocol}.{rest}"


def _near(host: str, protocol: str) -> str | None:
    """Return the server that this name is a slip away from."""
    if by_server(host) is not None:
        return None
    first, _, rest = host.partition(".")
    if "." not in host:
        return None
    if (own := _server_of(host, protocol)) is not None and own != host:
        return own  # the domain of the addresses in place of the server's name
    if sorted(first) == sorted(protocol) and "." in rest:
        first = protocol
    turned = f"{first}.{rest}"
    return _of_a_common_domain(turned) or _of_a_well_known(turned) or (turned if turned != host else None)


def _of_a_common_domain(host: str) -> str | None:
    labels = host.split(".")
    for start in range(1, len(labels) - 1):
        meant = suggestion(".".join(labels[start:]))
        if meant is not None:
            near = ".".join([*labels[:start], meant])
            return near if by_server(near) is not None else None
    return None


def _of_a_well_known(host: str) -> str | None:
    """Return the server of one of the providers that a page offers, if only a slip lies behind the first dot."""
    first, _, rest = host.partition(".")
    if by_server(host) is not None or not isinstance(read_host(host), str):
        return None
    for preset in offered():
        for endpoint in (*preset.smtp, *preset.imap):
            label, _, domain = endpoint.host.partition(".")
            if label == first and is_slip(rest, domain):
                return endpoint.host
    return None


def ports(typed: Typed) -> Iterator[Advice]:
    """Yield what is wrong with the ports, and with the security beside them."""
    for protocol, others, usual in (("smtp", _IMAP_PORTS, 465), ("imap", _SMTP_PORTS, 993)):
        port, security = typed.text(f"{protocol}_port").strip(), typed.text(f"{protocol}_security").strip()
        if not typed.text(f"{protocol}_host").strip():
            continue
        number, secured = f"{protocol}_port", f"{protocol}_security"
        if port in others:
            text = f"port {port} is not one of {protocol.upper()}"
            yield advice(number, "lint.other_port", text, {number: usual, secured: "tls"})
        elif port == "25" and protocol == "smtp":
            text = "port 25 is for servers among themselves"
            yield advice(number, "lint.other_port", text, {number: 587, secured: "starttls"})
        elif port in _TLS_PORTS and security in ("tls", "starttls") and _TLS_PORTS[port] != security:
            right = _TLS_PORTS[port]
            yield advice(secured, "lint.port_security", f"port {port} speaks {right.upper()}", {secured: right})
