"""Whose a host is: the domain that somebody registered, by the public suffix list.

A server under the address's own domain is more credible than one elsewhere, and that is decided by what was registered,
never by how many labels two names share: example.co.uk has nothing to do with other.co.uk. Nothing is looked up.
"""

from __future__ import annotations

import functools
import ipaddress
from typing import TYPE_CHECKING

from ..host_name import read_host

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


def registrable(domain: str) -> str | None:
    """Return the part of a host that somebody registered, such as "example.co.uk" of "mail.example.co.uk".

    Both sections of the list count (publicsuffix.org/list): who has a name under github.io has no say over the others
    there. A top-level domain that the list does not know is a public suffix, as its algorithm has it.

    Args:
        domain: a host name; of any other form than lower-case A-labels (RFC 5890), its A-labels are meant.

    Returns:
        Lower-case A-labels; None for a public suffix itself, an IP address, and what is no host name.
    """
    host = read_host(domain)
    if not isinstance(host, str) or _is_ip_address(host):
        return None
    return _suffixes().privatesuffix(host)


def is_within(host: str, domain: str) -> bool:
    """Return whether whoever registered `domain` also has `host`; never for a public suffix or an IP address."""
    owned = registrable(domain)
    return owned is not None and registrable(host) == owned


def _is_ip_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@functools.cache
def _suffixes() -> PublicSuffixList:
    # Read at the first question: it takes tens of milliseconds, and never changes.
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()
