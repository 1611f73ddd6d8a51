"""What a sandbox's issuer remembers: who agreed to what, and the codes and tokens that came of it. It knows no HTTP."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable

import attrs

from ..issuer_personality import OAuthPersonality

CODE_SECONDS = 60.0
DEVICE_SECONDS = 600.0
MAIL_SCOPE = "mail"

# RFC 8628 section 6.1: no vowels, so that no word comes of it, and nothing that is mistaken for something else.
_LETTERS = "".join(sorted(set(string.ascii_uppercase) - set("AEIOUYLSZB")))


@attrs.define(kw_only=True)
class Grant:
    """What a person, or an administrator, has agreed to, with all tokens that came of it.

    Attributes:
        client_id: for whom.
        address: whose mail; None: of every account.
        scopes: what for.
        agreed_at: when, in seconds since the epoch.
        nonce: what the id token repeats.
        refresh: the refresh token that is good now; None if there is none.
        spent: refresh tokens that were good once.
        is_over: whether it was taken back.
    """

    client_id: str
    address: str | None
    scopes: tuple[str, ...]
    agreed_at: float
    nonce: str = ""
    refresh: str | None = None
    spent: set[str] = attrs.field(factory=set[str])
    is_over: bool = False


@attrs.define(kw_only=True)
class Code:
    """An authorization code (RFC 6749 section 4.1.2)."""

    grant: Grant
    redirect_uri: str
    challenge: str
    expires_at: float
    is_used: bool = False


@attrs.define(kw_only=True)
class Device:
    """A device code, and how the person has decided; None while they have not."""

    client_id: str
    scopes: tuple[str, ...]
    user_code: str
    expires_at: float
    asked_at: float = 0.0
    is_denied: bool = False
    is_used: bool = False
    grant: Grant | None = None


@attrs.define(kw_only=True)
class Access:
    """An access token."""

    grant: Grant
    scopes: tuple[str, ...]
    expires_at: float


class IssuerMemory:
    """The memory of an issuer. Whoever uses it holds the store's lock.

    Args:
        clock: the seconds since the epoch.

    Attributes:
        personality: how the issuer behaves just now.
        times: how many answers its misbehaviour is still for.
    """

    def __init__(self, personality: OAuthPersonality, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.personality = personality
        self.times = personality.times
        self.codes: dict[str, Code] = {}
        self.devices: dict[str, Device] = {}
        self._grants: list[Grant] = []
        self._refreshes: dict[str, Grant] = {}
        self._accesses: dict[str, Access] = {}
        self._spent: dict[tuple[str, str], float] = {}

    def agree(self, client_id: str, address: str | None, scopes: tuple[str, ...], nonce: str = "") -> Grant:
        """Remember that somebody has agreed."""
        grant = Grant(client_id=client_id, address=address, scopes=scopes, agreed_at=self.clock(), nonce=nonce)
        self._grants.append(grant)
        return grant

    def new_code(self, grant: Grant, redirect_uri: str, challenge: str) -> str:
        """Return a code for what was agreed."""
        code = secrets.token_urlsafe(24)
        expires_at = self.clock() + CODE_SECONDS
        self.codes[code] = Code(grant=grant, redirect_uri=redirect_uri, challenge=challenge, expires_at=expires_at)
        return code

    def new_device(self, client_id: str, scopes: tuple[str, ...]) -> tuple[str, Device]:
        """Return a device code, and what is known of it."""
        letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
        device = Device(
            client_id=client_id,
            scopes=scopes,
            user_code=f"{letters[:4]}-{letters[4:]}",
            expires_at=self.clock() + DEVICE_SECONDS,
        )
        name = secrets.token_urlsafe(24)
        self.devices[name] = device
        return name, device

    def device(self, user_code: str) -> Device | None:
        """Return the device that waits for this code."""
        wanted = user_code.strip().upper()
        waiting = (one for one in self.devices.values() if one.grant is None and not one.is_denied)
        return next((one for one in waiting if one.user_code == wanted), None)

    def new_access(self, grant: Grant, scopes: tuple[str, ...], seconds: float) -> str:
        """Return a new access token."""
        token = f"at-{secrets.token_urlsafe(32)}"
        self._accesses[token] = Access(grant=grant, scopes=scopes, expires_at=self.clock() + seconds)
        return token

    def new_refresh(self, grant: Grant) -> str:
        """Return a new refresh token, which takes the place of the one before."""
        if grant.refresh is not None:
            grant.spent.add(grant.refresh)
        grant.refresh = f"rt-{secrets.token_urlsafe(32)}"
        self._refreshes[grant.refresh] = grant
        return grant.refresh

    def of_refresh(self, token: str) -> Grant | None:
        """Return what a refresh token is for; None if it is no longer, or never was. One used twice ends all."""
        grant = self._refreshes.get(token)
        if grant is None or grant.is_over or self.sign_in_left(grant) == 0:
            return None
        if token != grant.refresh:
            grant.is_over = True
            return None
        return grant

    def sign_in_left(self, grant: Grant) -> int | None:
        """Return the whole seconds that a sign-in still lasts; None if it has no end."""
        if self.personality.sign_in_seconds is None:
            return None
        return max(0, round(grant.agreed_at + self.personality.sign_in_seconds - self.clock()))

    def of_access(self, token: str) -> Access | None:
        """Return what a live access token is for."""
        access = self._accesses.get(token)
        if access is None or access.grant.is_over or access.expires_at <= self.clock():
            return None
        return access

    def opens_mail(self, address: str, token: str) -> bool:
        """Return whether mail servers take this token for the account."""
        access = self.of_access(token)
        return access is not None and MAIL_SCOPE in access.scopes and access.grant.address in (None, address)

    def forget(self, token: str, client_id: str) -> None:
        """Revoke a client's token, and with a refresh token the whole grant (RFC 7009 section 2.1)."""
        grant = self._refreshes.get(token)
        if grant is not None and grant.client_id == client_id:
            grant.is_over = True
        access = self._accesses.get(token)
        if access is not None and access.grant.client_id == client_id:
            del self._accesses[token]

    def expire(self) -> None:
        """End all access tokens."""
        self._accesses.clear()

    def revoke_all(self) -> None:
        """Take back everything that was agreed to."""
        for grant in self._grants:
            grant.is_over = True
        self._grants.clear()

    def spends(self, client_id: str, assertion_id: str, ends: float) -> bool:
        """Return whether a client's assertion was not used before, and note that it is now.

        Args:
            client_id: whose it is.
            assertion_id: its `jti` (RFC 7519 section 4.1.7).
            ends: until when it would be good, in seconds since the epoch; it is remembered for as long.
        """
        self._spent = {name: until for name, until in self._spent.items() if until > self.clock()}
        if (client_id, assertion_id) in self._spent:
            return False
        self._spent[client_id, assertion_id] = ends
        return True

    def misbehaves(self) -> bool:
        """Return whether the next answer of the token endpoint is to be a wrong one, and count it."""
        if self.times <= 0:
            return False
        self.times -= 1
        return True
