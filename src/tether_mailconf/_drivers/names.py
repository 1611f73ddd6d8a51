"""The name servers, asked through dnspython. What they say is a stranger's: read strictly, bounded, in lower case.

Imported at the first question: dnspython's resolver costs a tenth of a second.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, cast

import dns.exception
import dns.name
import dns.nameserver
import dns.resolver

from .._ports import CNAME, MX, SRV, TXT, Deadline, R
from ..errors import ConversationError, Step, TimedOut, Unreachable
from ..host_name import is_address, read_host

MOST_RECORDS = 50
"""Records of one answer that are looked at."""
_MOST_TEXT = 4096

Servers = tuple[tuple[str, int], ...]


def resolve(name: str, kind: type[R], servers: Servers, deadline: Deadline) -> tuple[R, ...] | ConversationError:
    """Return the records of one kind, or why there is no answer. Blocks.

    Args:
        name: the name.
        kind: which records.
        servers: the name servers; without any, the system's.
        deadline: until when.
    """
    try:
        with _translated(name):
            answer = _resolver(servers).resolve(
                dns.name.from_text(name), kind.__name__, search=False, lifetime=deadline.remaining(Step.LOOKUP)
            )
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return ()
    except ConversationError as error:
        return error
    read = cast("Callable[[Any], R | None]", _READERS[kind])
    found = (read(record) for record in itertools.islice(answer.rrset or (), MOST_RECORDS))
    return tuple(record for record in found if record is not None)


def addresses(host: str, servers: Servers, deadline: Deadline) -> tuple[str, ...] | ConversationError:
    """Return the addresses of a host as these name servers tell them, IPv6 first, or why there are none. Blocks."""
    try:
        with _translated(host):
            found = _resolver(servers).resolve_name(
                dns.name.from_text(host), search=False, lifetime=deadline.remaining(Step.LOOKUP)
            )
            return tuple(dict.fromkeys(found.addresses()))[:MOST_RECORDS]
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return Unreachable(step=Step.LOOKUP, detail="the name does not resolve")
    except ConversationError as error:
        return error


@contextmanager
def _translated(name: str) -> Generator[None]:
    try:
        yield
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, ConversationError):
        raise
    except dns.exception.Timeout:
        raise TimedOut(step=Step.LOOKUP) from None
    except (dns.exception.DNSException, OSError, ValueError) as error:
        raise Unreachable(step=Step.LOOKUP, detail=f"no name server answers for {name}") from error


def _resolver(servers: Servers) -> dns.resolver.Resolver:
    resolver = dns.resolver.Resolver(configure=not servers)
    if servers:
        resolver.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in servers]
    return resolver


def _host(name: dns.name.Name) -> str | None:
    """Return a name that a record leads to: empty for the root, None for one that is no host's."""
    if name == dns.name.root:
        return ""
    try:
        host = read_host(name.to_text(omit_final_dot=True))
    except UnicodeError:
        return None
    # People put addresses into records that want a name.
    return host if isinstance(host, str) and not is_address(host) else None


def _mx(record: Any) -> MX | None:
    host = _host(record.exchange)
    return None if host is None else MX(preference=record.preference, host=host)


def _srv(record: Any) -> SRV | None:
    host = _host(record.target)
    if host is None:
        return None
    return SRV(priority=record.priority, weight=record.weight, port=record.port, host=host)


def _txt(record: Any) -> TXT | None:
    raw = b"".join(record.strings)
    return TXT(text=raw.decode("ascii", "replace")) if len(raw) <= _MOST_TEXT else None


def _cname(record: Any) -> CNAME | None:
    host = _host(record.target)
    return None if not host else CNAME(host=host)


_READERS: dict[type[Any], Callable[[Any], Any]] = {MX: _mx, SRV: _srv, TXT: _txt, CNAME: _cname}
