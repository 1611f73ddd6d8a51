"""From a name to the provider it belongs to: the domain of an address, the host of an MX record, a server."""

from __future__ import annotations

from ..host_name import read_host
from .catalogue import get
from .preset import Preset
from .tables import table


def by_domain(domain: str) -> Preset | None:
    """Return the provider to whom a domain of addresses belongs; None if the catalogue does not list it.

    A domain below a listed one counts only where the provider owns everything below.

    Args:
        domain: the domain, as a person may write it.
    """
    name = _host(domain)
    domains = table("domains.txt")
    found = domains.find(name) or domains.find(f".{name}")
    while found is None and "." in name:
        name = name.partition(".")[2]
        found = domains.find(f".{name}")
    return None if found is None else get(found)


def by_mx(host: str) -> Preset | None:
    """Return the provider who takes the mail of domains that name this host in their MX record.

    Args:
        host: the host of an MX record.
    """
    return _by_suffix("mx.txt", host)


def by_autodiscover(host: str) -> Preset | None:
    """Return the provider of domains whose autodiscover name is an alias of this host.

    Args:
        host: the target of the CNAME record of autodiscover.DOMAIN.
    """
    return _by_suffix("autodiscover.txt", host)


def by_spf_include(name: str) -> Preset | None:
    """Return the provider of mailboxes whose servers a domain allows to send by including this name (RFC 7208).

    Args:
        name: the domain of an include mechanism.
    """
    # Such a name may begin with an underscore, which no host name has.
    found = table("spf.txt").find(name.lower().rstrip("."))
    return None if found is None else get(found)


def by_server(host: str) -> Preset | None:
    """Return the provider whose submission or IMAP server this is; of several presets the one that is offered first.

    Args:
        host: the server, as `Endpoint` stores it.
    """
    found = table("servers.txt").find(_host(host))
    return None if found is None else get(found)


def mail_filter(host: str) -> str | None:
    """Return the name of the mail filter that this host of an MX record belongs to; None if it is none that is known.

    Behind a filter, the MX record does not tell who holds the mailboxes.

    Args:
        host: the host of an MX record.
    """
    return table("filters.txt").find_suffix(_host(host))


def domains_of(preset_id: str) -> tuple[str, ...]:
    """Return the domains of the addresses of a provider.

    Args:
        preset_id: the id of its preset.
    """
    return tuple(name.removeprefix(".") for name, found in table("domains.txt").lines() if found == preset_id)


def _by_suffix(name: str, host: str) -> Preset | None:
    found = table(name).find_suffix(_host(host))
    return None if found is None else get(found)


def _host(value: str) -> str:
    """Return a host name as the tables spell it; for what is none, a name that is in none of them."""
    found = read_host(value)
    return found if isinstance(found, str) else "-"
