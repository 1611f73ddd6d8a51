"""`tether_mailconf.oauth` for asyncio: the same names; what talks to an issuer or a store is awaited.

Found as `tether_mailconf.aio.oauth`. What is neither (values, errors, issuers) is the same object as there.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._drivers.asyncio import AsyncioIO
from ._drivers.guard import NetworkPolicy
from ._drivers.loopback_asyncio import LoopbackReceiver
from ._oauth.client import Client
from ._oauth.described import described
from ._oauth.enrolment import Enrolment, TokenStatus
from ._oauth.issuer import Issuer
from ._oauth.keeping import Keeping
from ._oauth.pending import PendingDevice, PendingSignIn
from ._oauth.revoke import Disconnected
from ._oauth.token import OAuthToken
from .credentials.token_store import TokenStore
from .secret import Secret
from .token_stores.asyncio_sqlite import AsyncioSqliteTokenStore as SqliteTokenStore
from .token_stores.memory import MemoryTokenStore

if TYPE_CHECKING:
    from ._oauth.causes import Mender
    from ._oauth.enrolment import TokenState
    from ._oauth.errors import IssuerFailed, IssuerRefused, OAuthError, SignInFailed, SignInNeeded
    from ._oauth.issuer import ClientAuthentication, MicrosoftCloud, microsoft
    from .credentials.token import BearerToken
    from .credentials.token_store import Stored
    from .errors import Unreadable
    from .oauth import (
        AOL,
        COMCAST,
        FASTMAIL,
        GOOGLE,
        MAIL_RU,
        MICROSOFT,
        YAHOO,
        YANDEX,
        google_service_account,
        known_issuer,
        microsoft_application,
    )

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


def __getattr__(name: str) -> Any:
    from . import oauth

    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(oauth, name)


def __dir__() -> list[str]:
    return sorted(__all__)


class SignIn:
    """`tether_mailconf.oauth.SignIn` for asyncio: the same arguments, every method awaited.

    The store may be one whose methods are awaited.
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
        io = AsyncioIO(NetworkPolicy() if network is None else network, ca_file)
        self._enrolment = Enrolment(io, client, Keeping(MemoryTokenStore() if store is None else store))

    async def begin(self, address: str, *, owner: str = "", login: str | None = None) -> PendingSignIn:
        """Begin a sign-in: as `tether_mailconf.oauth.SignIn.begin`, awaited."""
        return await self._enrolment.begin(address, owner=owner, login=login)

    async def complete(
        self, pending: PendingSignIn, callback_url: str, *, owner: str = "", deadline: float = 30.0
    ) -> OAuthToken:
        """Complete a sign-in: as `tether_mailconf.oauth.SignIn.complete`, awaited."""
        try:
            return await self._enrolment.complete(pending, callback_url, owner=owner, seconds=deadline)
        finally:
            del callback_url  # an error shows no variable that holds the code

    async def begin_device(
        self, address: str, *, owner: str = "", login: str | None = None, deadline: float = 30.0
    ) -> PendingDevice:
        """Begin a sign-in by a code: as `tether_mailconf.oauth.SignIn.begin_device`, awaited."""
        return await self._enrolment.begin_device(address, owner=owner, login=login, seconds=deadline)

    async def complete_device(self, pending: PendingDevice, *, owner: str = "", deadline: float = 900.0) -> OAuthToken:
        """Wait until the code was entered: as `tether_mailconf.oauth.SignIn.complete_device`, awaited."""
        return await self._enrolment.complete_device(pending, owner=owner, seconds=deadline)

    async def token(self, address: str, *, owner: str = "") -> OAuthToken:
        """Return an account's credential: as `tether_mailconf.oauth.SignIn.token`, awaited."""
        return await self._enrolment.token(address, owner=owner)

    async def status(self, address: str, *, owner: str = "") -> TokenStatus:
        """Return how an account's sign-in stands: as `tether_mailconf.oauth.SignIn.status`, awaited."""
        return await self._enrolment.status(address, owner=owner)

    async def disconnect(self, address: str, *, owner: str = "", deadline: float = 30.0) -> Disconnected:
        """Delete an account's tokens and revoke them: as `tether_mailconf.oauth.SignIn.disconnect`, awaited."""
        return await self._enrolment.disconnect(address, owner=owner, seconds=deadline)


async def issuer_at(
    url: str,
    *,
    scopes: Collection[str],
    identity_scopes: Collection[str] = ("openid", "email"),
    endpoint_hosts: Collection[str] = (),
    network: NetworkPolicy | None = None,
    ca_file: str | Path | None = None,
    deadline: float = 30.0,
) -> Issuer:
    """Return the issuer that describes itself at `url`: as `tether_mailconf.oauth.issuer_at`, awaited."""
    io = AsyncioIO(NetworkPolicy() if network is None else network, ca_file)
    return await described(
        io,
        url,
        scopes=tuple(scopes),
        identity_scopes=tuple(identity_scopes),
        endpoint_hosts=endpoint_hosts,
        seconds=deadline,
    )
