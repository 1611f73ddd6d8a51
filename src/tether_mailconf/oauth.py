"""Signing in at Google, Microsoft and any OAuth issuer, so that mail goes out for years without a password.

    sign_in = oauth.SignIn(oauth.GOOGLE, client_id=..., client_secret=..., redirect_uri=..., store=store)
    pending = sign_in.begin("ana@gmail.com")              # send the browser to pending.url
    token = sign_in.complete(pending, callback_url)       # a credential for a Mailer
    token = sign_in.token("ana@gmail.com")                # the same one, on any later day

The same names, awaited, are in `tether_mailconf.aio.oauth`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._drivers.blocking import BlockingIO
from ._drivers.guard import NetworkPolicy
from ._drivers.loopback import LoopbackReceiver
from ._oauth import issuer as _issuer
from ._oauth import service
from ._oauth.causes import Mender
from ._oauth.client import Client
from ._oauth.described import described
from ._oauth.enrolment import Enrolment, TokenState, TokenStatus
from ._oauth.errors import IssuerFailed, IssuerRefused, OAuthError, SignInFailed, SignInNeeded
from ._oauth.issuer import ClientAuthentication, Issuer, MicrosoftCloud, microsoft
from ._oauth.issuer import known as known_issuer
from ._oauth.keeping import Keeping
from ._oauth.pending import PendingDevice, PendingSignIn
from ._oauth.revoke import Disconnected
from ._oauth.token import OAuthToken
from ._ports import run_sync
from .credentials.token import BearerToken
from .credentials.token_store import Stored, TokenStore
from .errors import Unreadable
from .secret import Secret, holds
from .token_stores.memory import MemoryTokenStore
from .token_stores.sqlite import SqliteTokenStore

if TYPE_CHECKING:
    AOL: Issuer
    COMCAST: Issuer
    FASTMAIL: Issuer
    GOOGLE: Issuer
    MAIL_RU: Issuer
    MICROSOFT: Issuer
    YAHOO: Issuer
    YANDEX: Issuer

__all__ = [
    "AOL",
    "COMCAST",
    "FASTMAIL",
    "GOOGLE",
    "MAIL_RU",
    "MICROSOFT",
    "YAHOO",
    "YANDEX",
    "BearerToken",
    "ClientAuthentication",
    "Disconnected",
    "Issuer",
    "IssuerFailed",
    "IssuerRefused",
    "LoopbackReceiver",
    "MemoryTokenStore",
    "Mender",
    "MicrosoftCloud",
    "OAuthError",
    "OAuthToken",
    "PendingDevice",
    "PendingSignIn",
    "SignIn",
    "SignInFailed",
    "SignInNeeded",
    "SqliteTokenStore",
    "Stored",
    "TokenState",
    "TokenStatus",
    "TokenStore",
    "Unreadable",
    "google_service_account",
    "issuer_at",
    "known_issuer",
    "microsoft",
    "microsoft_application",
]


def __getattr__(name: str) -> Issuer:
    if name in __all__:
        return _issuer.__getattr__(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


class SignIn:
    """Signs people in to their mail accounts at one issuer.

    It may be made anew for each web request: what lasts is in the store. A program of several processes gives them one
    store, such as `SqliteTokenStore` or its own.

    Args:
        issuer: where people sign in: `GOOGLE`, `microsoft("common")`, an `Issuer` of your own ...
        client_id: what the issuer calls your application.
        client_secret: its secret; None for a public client, such as a desktop program's at Microsoft.
        redirect_uri: where the issuer sends the browser back to, exactly as it is registered there. Only the device
            code goes without.
        store: where sign-ins and tokens are kept; in memory, if not given.
        network: what may be dialled; the public internet, if not given.
        ca_file: further certificate authorities to trust (PEM), beside the system's.

    Raises:
        InvalidSettings: one of these cannot be right.
    """

    def __init__(
        self,
        issuer: Issuer,
        *,
        client_id: str,
        client_secret: str | Secret | None = None,
        redirect_uri: str | None = None,
        store: TokenStore | None = None,
        network: NetworkPolicy | None = None,
        ca_file: str | Path | None = None,
    ) -> None:
        try:
            secret = Secret(client_secret) if isinstance(client_secret, str | bytes) else client_secret
        finally:
            del client_secret  # an error shows no variable that holds it
        client = Client(issuer=issuer, id=client_id, secret=secret, redirect_uri=redirect_uri)
        io = BlockingIO(NetworkPolicy() if network is None else network, ca_file)
        self._enrolment = Enrolment(io, client, Keeping(MemoryTokenStore() if store is None else store))

    def begin(self, address: str, *, owner: str = "", login: str | None = None) -> PendingSignIn:
        """Begin a sign-in.

        Args:
            address: the address whose mail is to be sent.
            owner: who begins it, in your words, such as tenant and user: up to 200 printable ASCII characters. Tokens
                of different owners are kept apart.
            login: who signs in, if not `address` itself: a Microsoft user principal name, a shared mailbox's delegate.

        Returns:
            What to keep until the browser comes back, with the URL to send it to. It can be completed once, within ten
            minutes.

        Raises:
            InvalidSettings: an argument cannot be right.
            StoreFailed: the store could not be written.
        """
        return run_sync(self._enrolment.begin(address, owner=owner, login=login))

    def complete(
        self, pending: PendingSignIn, callback_url: str, *, owner: str = "", deadline: float = 30.0
    ) -> OAuthToken:
        """Complete a sign-in with the URL that the browser came back to.

        State, issuer (RFC 9207), PKCE, granted scopes, and which account has signed in are all checked.

        Args:
            pending: what `begin` returned.
            callback_url: the whole URL that the browser called, or its query with the question mark.
            owner: the same as given to `begin`, from your own session, not from the request.
            deadline: seconds for all of it.

        Returns:
            The credential for a Mailer. Its `code` and `sentence` may be shown.

        Raises:
            SignInFailed: it did not work out; what was stored before has not changed.
            IssuerRefused: the issuer refuses, and signing in again would not help.
            ConversationError: the issuer cannot be reached, or is out of order (`IssuerFailed`).
            StoreFailed: the store could not be read or written.
        """
        try:
            return run_sync(self._enrolment.complete(pending, callback_url, owner=owner, seconds=deadline))
        finally:
            del callback_url  # an error shows no variable that holds the code

    def begin_device(
        self, address: str, *, owner: str = "", login: str | None = None, deadline: float = 30.0
    ) -> PendingDevice:
        """Begin a sign-in by a code that the person enters on another device (RFC 8628).

        Args:
            address: as for `begin`.
            owner: as for `begin`.
            login: as for `begin`.
            deadline: seconds for asking the issuer for the code.

        Returns:
            What to show: `user_code` and `verification_uri`.

        Raises:
            InvalidSettings: an argument cannot be right, or the issuer has no device codes for mail.
            IssuerRefused: the issuer refuses.
            ConversationError: the issuer cannot be reached, or is out of order (`IssuerFailed`).
            StoreFailed: the store could not be written.
        """
        return run_sync(self._enrolment.begin_device(address, owner=owner, login=login, seconds=deadline))

    def complete_device(self, pending: PendingDevice, *, owner: str = "", deadline: float = 900.0) -> OAuthToken:
        """Wait until the person has entered the code, and complete the sign-in.

        Args:
            pending: what `begin_device` returned.
            owner: the same as given to `begin_device`.
            deadline: seconds to wait. When they have passed, this may be called again.

        Raises:
            TimedOut: the code has not been entered yet.
            SignInFailed: it was declined, or ended.
            MailconfError: as `complete`.
        """
        return run_sync(self._enrolment.complete_device(pending, owner=owner, seconds=deadline))

    def token(self, address: str, *, owner: str = "") -> OAuthToken:
        """Return the credential of an account that has signed in before, from the store. Asks no issuer.

        Args:
            address: the address, as given to `begin`.
            owner: the same as given to `begin`.

        Raises:
            SignInNeeded: nobody has signed in to it.
            StoreFailed: the store could not be read.
            Damaged: what is stored cannot be read. A new sign-in replaces it.
        """
        return run_sync(self._enrolment.token(address, owner=owner))

    def status(self, address: str, *, owner: str = "") -> TokenStatus:
        """Return how an account's sign-in stands, for a settings page. Asks no issuer.

        Args:
            address: as for `token`.
            owner: as for `token`.

        Raises:
            StoreFailed: the store could not be read.
            Damaged: what is stored cannot be read. A new sign-in replaces it.
        """
        return run_sync(self._enrolment.status(address, owner=owner))

    def disconnect(self, address: str, *, owner: str = "", deadline: float = 30.0) -> Disconnected:
        """Delete an account's tokens here, and ask the issuer to revoke them (RFC 7009), as far as that can be done.

        Args:
            address: as for `token`.
            owner: as for `token`.
            deadline: seconds for asking the issuer.

        Returns:
            What became of it, in words that may be shown. Here the tokens are gone in any case.

        Raises:
            StoreFailed: the store could not be written, so the tokens are still in it.
        """
        return run_sync(self._enrolment.disconnect(address, owner=owner, seconds=deadline))


def issuer_at(
    url: str,
    *,
    scopes: Collection[str],
    identity_scopes: Collection[str] = ("openid", "email"),
    endpoint_hosts: Collection[str] = (),
    network: NetworkPolicy | None = None,
    ca_file: str | Path | None = None,
    deadline: float = 30.0,
) -> Issuer:
    """Return the issuer that describes itself at `url` (RFC 8414, OpenID Connect Discovery).

    Args:
        url: the issuer's identifier, without /.well-known.
        scopes: the scopes that mail needs there.
        identity_scopes: scopes to ask for besides, to learn who signed in or to get a refresh token.
        endpoint_hosts: hosts beside the issuer's own on which its endpoints may lie.
        network: what may be dialled; the public internet, if not given.
        ca_file: further certificate authorities to trust (PEM), beside the system's.
        deadline: seconds for all of it.

    Raises:
        InvalidSettings: what is described there cannot be trusted, or is not enough.
        ConversationError: it cannot be reached.
    """
    io = BlockingIO(NetworkPolicy() if network is None else network, ca_file)
    return run_sync(
        described(
            io,
            url,
            scopes=tuple(scopes),
            identity_scopes=tuple(identity_scopes),
            endpoint_hosts=endpoint_hosts,
            seconds=deadline,
        )
    )


def google_service_account(info: Mapping[str, Any], subject: str, *, store: TokenStore | None = None) -> OAuthToken:
    """Return the credential of a Google service account with domain-wide delegation, for one mailbox of the domain.

    Nobody signs in. The key is as good as every mailbox of the domain: guard it so.

    Args:
        info: the content of the key file (JSON) from the Google Cloud console.
        subject: the address of the mailbox.
        store: where access tokens are kept; in memory, if not given.

    Raises:
        InvalidSettings: one of these cannot be right.
    """
    keeping = Keeping(MemoryTokenStore() if store is None else store)
    try:
        return service.google_service_account(keeping, info, subject)
    finally:
        del info  # an error shows no variable that holds the key


def microsoft_application(
    issuer: Issuer,
    *,
    client_id: str,
    address: str,
    client_secret: str | Secret | None = None,
    certificate: str | bytes = b"",
    private_key: str | bytes | Secret | None = None,
    resource: str = "https://outlook.office365.com/.default",
    store: TokenStore | None = None,
) -> OAuthToken:
    """Return the credential of a Microsoft application that sends in its own name (client credentials).

    Nobody signs in. The tenant's administrator gives the application the permissions SMTP.SendAsApp and
    IMAP.AccessAsApp, and the right to each mailbox.

    Args:
        issuer: `microsoft("the tenant's id")`.
        client_id: the application's id.
        address: the address of the mailbox.
        client_secret: its secret; or, instead,
        certificate: the certificate registered for it (PEM), and
        private_key: the certificate's key (PEM, without a passphrase).
        resource: what a token is asked for; another one in the sovereign clouds.
        store: where access tokens are kept; in memory, if not given.

    Raises:
        InvalidSettings: one of these cannot be right.
    """
    try:
        secret = Secret(client_secret) if isinstance(client_secret, str | bytes) else client_secret
        # What is no text at all is no key either, and is told so.
        key = Secret(private_key if holds(private_key) else "") if isinstance(private_key, str) else private_key
        key = Secret(key) if isinstance(key, bytes) else key
    finally:
        del client_secret, private_key  # an error shows no variable that holds them
    keeping = Keeping(MemoryTokenStore() if store is None else store)
    client = Client(issuer=issuer, id=client_id, secret=secret)
    pem = certificate.encode(errors="surrogatepass") if isinstance(certificate, str) else certificate
    return service.microsoft_application(keeping, client, address, resource, pem, key)
