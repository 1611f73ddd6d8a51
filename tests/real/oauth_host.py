"""The host application of the tests against the real issuer."""

from __future__ import annotations

import attrs

import tether_mailconf as mailconf
from tests.oauth_host import Host
from tests.servers.account import Account
from tests.servers.oauth_server import IDENTITY_SCOPES, MAIL_SCOPE, OAuthClient, OAuthServer
from tether_mailconf import oauth

from .post import Colour, settings_of


def host_at(
    colour: Colour, server: OAuthServer, account: Account, client: OAuthClient, issuer: oauth.Issuer | None = None
) -> Host:
    """Return a host application of the account.

    Args:
        colour: which of the library's two faces it uses.
        server: the issuer.
        account: whose mail it sends.
        client: what it is at the issuer.
        issuer: what it knows of the issuer; None: it has the issuer describe itself.
    """
    host = Host(
        attrs.evolve(settings_of(account), credential=mailconf.CredentialKind.OAUTH_TOKEN),
        is_async=colour is Colour.AIO,
        client={
            "client_id": client.client_id,
            "client_secret": client.client_secret,
            "redirect_uri": client.redirect_uri,
        },
        network=mailconf.NetworkPolicy(
            networks=("127.0.0.0/8",), ports=frozenset({server.port, account.smtp.port, account.imap.port})
        ),
        ca_file=account.ca_file,
        issuer=issuer,
    )
    if issuer is None:
        host.learn(server.issuer, scopes=(MAIL_SCOPE,), identity_scopes=IDENTITY_SCOPES)
    return host
