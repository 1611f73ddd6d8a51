"""Documents of client configuration, made of servers, and what becomes of them."""

from __future__ import annotations

from tether_mailconf import CredentialKind
from tether_mailconf.discovery.client_config import ClientConfig, read_client_config
from tether_mailconf.errors import Problem

ADDRESS = "ana.bell@example.com"


PASSWORD, TOKEN = CredentialKind.PASSWORD, CredentialKind.OAUTH_TOKEN


def read(document: str, address: str = ADDRESS) -> ClientConfig:
    """What a document tells; it must tell something."""
    config = read_client_config(document.encode(), address)
    assert not isinstance(config, Problem), config
    return config


def server(
    *,
    tag: str = "incomingServer",
    kind: str = "imap",
    host: str = "mail.example.com",
    port: str = "993",
    socket: str = "SSL",
    user: str = "%EMAILADDRESS%",
    ways: tuple[str, ...] = ("password-cleartext",),
) -> str:
    return (
        f'<{tag} type="{kind}"><hostname>{host}</hostname><port>{port}</port><socketType>{socket}</socketType>'
        f"<username>{user}</username>{''.join(f'<authentication>{way}</authentication>' for way in ways)}</{tag}>"
    )


def smtp(*, port: str = "465", socket: str = "SSL", ways: tuple[str, ...] = ("password-cleartext",)) -> str:
    return server(tag="outgoingServer", kind="smtp", port=port, socket=socket, ways=ways)


def config_of(*servers: str, domains: tuple[str, ...] = ("example.com",)) -> str:
    listed = "".join(f"<domain>{domain}</domain>" for domain in domains)
    return f"<clientConfig><emailProvider>{listed}{''.join(servers)}</emailProvider></clientConfig>"
