"""Where a domain's mail servers usually are, for domains of which nobody tells: names and ports to try, best first.

Pure guessing. Nothing is looked up here, and a server that answers under such a name has not yet shown that it is the
right one.
"""

from __future__ import annotations

import attrs

from ..host_name import read_host
from ..settings import Endpoint, Security
from .protocol import Protocol, endpoint_of, standard_port

_NAMES = {Protocol.IMAP: ("imap.", "mail.", ""), Protocol.SMTP: ("smtp.", "mail.", "")}


@attrs.frozen(kw_only=True)
class Guess:
    """Where servers may be.

    Args:
        smtp: where to try for the submission server, best first, at most 6.
        imap: where to try for the IMAP server, best first, at most 6.
    """

    smtp: tuple[Endpoint, ...] = ()
    imap: tuple[Endpoint, ...] = ()


def usual_hosts(domain: str) -> Guess:
    """Return where the mail servers of a domain usually are.

    A name that says what a server is for comes before one that does not, and on each name TLS from the first byte
    before STARTTLS (RFC 8314 section 3).

    Args:
        domain: the domain of an address. For what is none, such as an IP address, nothing is guessed.
    """
    host = read_host(domain)
    if not isinstance(host, str) or "." not in host or host.replace(".", "").isdigit():
        return Guess()
    return Guess(smtp=_endpoints(Protocol.SMTP, host), imap=_endpoints(Protocol.IMAP, host))


def _endpoints(protocol: Protocol, domain: str) -> tuple[Endpoint, ...]:
    candidates = (
        endpoint_of(protocol, f"{prefix}{domain}", standard_port(protocol, security), security)
        for prefix in _NAMES[protocol]
        for security in (Security.TLS, Security.STARTTLS)
    )
    # A domain may be so long that no name fits in front of it.
    return tuple(endpoint for endpoint in candidates if isinstance(endpoint, Endpoint))
