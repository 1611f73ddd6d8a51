"""What the application is given when it starts: where it keeps accounts and tokens, and who knows it as a client.

A host of your own makes a `Host` from its configuration; this example makes one from the sandbox (`__main__.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

import tether_mailconf as mailconf
from tether_mailconf import oauth


@attrs.frozen(kw_only=True)
class Client:
    """The application, as an issuer knows it.

    Args:
        issuer: who signs people in.
        id: the client id.
        secret: the client secret.
    """

    issuer: oauth.Issuer
    id: str
    secret: mailconf.Secret


@attrs.frozen(kw_only=True)
class Host:
    """What all requests share.

    Args:
        accounts: where settings and passwords are kept, encrypted.
        tokens: where sign-ins are kept, encrypted.
        clients: where the application is registered, by the id of the issuer.
        redirect_uri: where issuers send the browser back to.
        network: what may be dialled; the public internet, if not given.
        ca_file: further certificate authorities to trust.
    """

    accounts: mailconf.Accounts
    tokens: oauth.TokenStore
    clients: Mapping[str, Client]
    redirect_uri: str
    network: mailconf.NetworkPolicy | None = None
    ca_file: Path | None = None

    def sign_in(self, issuer_id: str) -> oauth.SignIn:
        """Return what signs people in at an issuer.

        Raises:
            KeyError: the application is not registered there.
        """
        client = self.clients[issuer_id]
        return oauth.SignIn(
            client.issuer,
            client_id=client.id,
            client_secret=client.secret,
            redirect_uri=self.redirect_uri,
            store=self.tokens,
            network=self.network,
            ca_file=self.ca_file,
        )

    def mailer(
        self, settings: mailconf.ConnectionSettings, credential: mailconf.Credential | oauth.OAuthToken
    ) -> mailconf.Mailer:
        """Return what sends an account's mail."""
        return mailconf.Mailer(settings, credential, network=self.network, ca_file=self.ca_file)

    def discover(self, address: str) -> mailconf.Discovery:
        """Look for the servers of an address.

        Raises:
            InvalidSettings: it is no address.
        """
        return mailconf.discover(address, network=self.network, ca_file=self.ca_file)
