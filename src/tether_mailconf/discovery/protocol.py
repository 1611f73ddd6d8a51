"""The two protocols of a mailbox: their ports, and from what a stranger says of a server to where it can be dialled.

Pure. It knows what belongs to SMTP and what to IMAP; who named the server, in what format, and whether it can be
believed, is not known here.
"""

from __future__ import annotations

import enum

from ..errors import InvalidSettings, Problem
from ..settings import Endpoint, Security


class Protocol(enum.Enum):
    """What a server is for."""

    IMAP = "imap"
    SMTP = "smtp"
    """submission (RFC 6409)"""


_PORTS = {
    (Protocol.IMAP, Security.TLS): 993,
    (Protocol.IMAP, Security.STARTTLS): 143,
    (Protocol.SMTP, Security.TLS): 465,
    (Protocol.SMTP, Security.STARTTLS): 587,
}
_OTHERS = {Protocol.IMAP: (25, 110, 465, 587, 995), Protocol.SMTP: (110, 143, 993, 995)}


def standard_port(protocol: Protocol, security: Security) -> int:
    """Return the port where a protocol is spoken with this security (RFC 8314 section 3, RFC 6409, RFC 9051)."""
    return _PORTS[protocol, security]


def security_of(protocol: Protocol, port: int) -> Security | None:
    """Return how a protocol is encrypted on one of its own ports; None for a port that does not tell."""
    if protocol is Protocol.SMTP and port == 25:
        return Security.STARTTLS
    return next((security for security in Security if _PORTS[protocol, security] == port), None)


def read_port(text: str) -> int | None:
    """Return a port that is written in decimal digits; None if it is not one (1 to 65535)."""
    # The length is looked at first: a number of many thousand digits takes long to read.
    port = int(text) if len(text) <= 5 and text.isascii() and text.isdigit() else 0
    return port if 1 <= port <= 65535 else None


def endpoint_of(protocol: Protocol, host: str, port: int, security: Security) -> Endpoint | Problem:
    """Return where a server can be dialled, or why what is said of it cannot be right.

    Args:
        protocol: what it is said to speak.
        host: its name, as it is written there.
        port: the port.
        security: how the connection is said to be encrypted.
    """
    if port in _OTHERS[protocol]:
        text = f"port {port} is not a port of {protocol.name}"
        return Problem(field="port", code="port.other_protocol", message=text)
    try:
        return Endpoint(host=host, port=port, security=security)
    except InvalidSettings as invalid:
        return invalid.problems[0]
