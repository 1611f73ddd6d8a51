"""A host application that signs people in and sends their mail, in either colour.

It is what a test acts through: the colours' calls are the same, so one class makes them and waits where that is asked
for. It starts no server and consents to nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Self

import tether_mailconf as mailconf
from tether_mailconf import aio, oauth

OWNER = "tenant7/user3"


class Host:
    """A host application for one account, with one store for its whole life. Use it as a context manager.

    Args:
        settings: the account that it sends mail of.
        is_async: whether it uses the library's asynchronous face.
        client: its arguments at `SignIn`: client_id, client_secret, redirect_uri.
        network: what it may dial.
        ca_file: the authority of all servers.
        issuer: what it knows of the issuer; None until `learn`.
        store: where it keeps tokens; in memory, if not given.
        owner: whose account it is, in its own words.
    """

    def __init__(
        self,
        settings: mailconf.ConnectionSettings,
        *,
        is_async: bool,
        client: dict[str, Any],
        network: mailconf.NetworkPolicy,
        ca_file: Path,
        issuer: oauth.Issuer | None = None,
        store: oauth.TokenStore | None = None,
        owner: str = OWNER,
    ) -> None:
        self.settings = settings
        self.store: Any = oauth.MemoryTokenStore() if store is None else store
        self.client = client
        self.issuer: Any = issuer
        self.owner = owner
        self._runner = asyncio.Runner() if is_async else None
        self.face: Any = aio.oauth if is_async else oauth
        self.reach: dict[str, Any] = {"network": network, "ca_file": ca_file}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._runner is not None:
            self._runner.close()

    def wait(self, answer: Any) -> Any:
        """Return what a call came to: in the asynchronous colour it has only begun."""
        return self._runner.run(answer) if self._runner is not None and asyncio.iscoroutine(answer) else answer

    def learn(self, url: str, **options: Any) -> oauth.Issuer:
        """Have the issuer describe itself."""
        self.issuer = self.wait(self.face.issuer_at(url, **options, **self.reach))
        issuer: oauth.Issuer = self.issuer
        return issuer

    def sign_in(self) -> Any:
        """Return a new `SignIn`, as each web request may make one."""
        return self.face.SignIn(self.issuer, store=self.store, **self.client, **self.reach)

    def begin(self, **options: Any) -> oauth.PendingSignIn:
        """Begin a sign-in for the account."""
        begun: oauth.PendingSignIn = self.wait(self.sign_in().begin(self.settings.address, owner=self.owner, **options))
        return begun

    def complete(self, pending: oauth.PendingSignIn, callback_url: str, **options: Any) -> oauth.OAuthToken:
        """Complete it, with what a web session would have kept of it."""
        kept = oauth.PendingSignIn.from_dict(pending.to_dict())
        token: oauth.OAuthToken = self.wait(
            self.sign_in().complete(kept, callback_url, **({"owner": self.owner} | options))
        )
        return token

    def begin_device(self) -> oauth.PendingDevice:
        """Begin a sign-in by a code that is entered elsewhere."""
        begun: oauth.PendingDevice = self.wait(self.sign_in().begin_device(self.settings.address, owner=self.owner))
        return begun

    def complete_device(self, pending: oauth.PendingDevice, deadline: float = 60.0) -> oauth.OAuthToken:
        """Wait for the code to be entered, with what was kept of it."""
        kept = oauth.PendingDevice.from_dict(pending.to_dict())
        token: oauth.OAuthToken = self.wait(self.sign_in().complete_device(kept, owner=self.owner, deadline=deadline))
        return token

    def token(self) -> oauth.OAuthToken:
        """Return the account's credential as on a later day: from the store."""
        token: oauth.OAuthToken = self.wait(self.sign_in().token(self.settings.address, owner=self.owner))
        return token

    def status(self) -> oauth.TokenStatus:
        """Return how the sign-in stands."""
        status: oauth.TokenStatus = self.wait(self.sign_in().status(self.settings.address, owner=self.owner))
        return status

    def disconnect(self) -> oauth.Disconnected:
        """Give the sign-in back."""
        gone: oauth.Disconnected = self.wait(self.sign_in().disconnect(self.settings.address, owner=self.owner))
        return gone

    def send(self, credential: Any, *messages: EmailMessage) -> list[mailconf.Receipt]:
        """Send messages one after the other with one Mailer, which is closed afterwards."""
        mailer = (mailconf.Mailer if self._runner is None else aio.Mailer)(self.settings, credential, **self.reach)
        with contextlib.ExitStack() as opened:
            if isinstance(mailer, mailconf.Mailer):
                opened.enter_context(mailer)
            else:
                self.wait(mailer.__aenter__())
                opened.callback(lambda: self.wait(mailer.close()))
            return [self.wait(mailer.send(message)) for message in messages]

    def migrate(self, credential: Any, new_credential: Any, **options: Any) -> mailconf.ConnectionSettings:
        """Move the account from one credential to another."""
        migrate: Any = mailconf.migrate if self._runner is None else aio.migrate
        after: mailconf.ConnectionSettings = self.wait(
            migrate(self.settings, credential, new_credential, **options, **self.reach)
        )
        return after
