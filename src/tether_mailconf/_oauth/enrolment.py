"""Signing in, from the first click to a token that stays fresh, for one client at one issuer, over the port.

`tether_mailconf.oauth.SignIn` and `tether_mailconf.aio.oauth.SignIn` are this class in their colour.
"""

from __future__ import annotations

import enum
from datetime import UTC, datetime

import attrs

from .._ports import IO, Deadline
from ..errors import Damaged, InvalidSettings, Problem
from ..secret import Secret
from . import authorization, causes, device, pending, record, revoke
from .client import Client
from .errors import IssuerRefused, SignInFailed, SignInNeeded
from .exchange import Denied, Granted, ask
from .grant import RefreshGrant
from .identity import Identity, check_account, identify
from .keeping import PAUSE, TRIES, Keeping, never_swapped
from .pending import Kept, PendingDevice, PendingSignIn
from .record import Record
from .token import OAuthToken, renewed_record, why_useless


class TokenState(enum.Enum):
    """How a stored sign-in stands."""

    READY = "ready"
    NEEDS_SIGN_IN = "needs_sign_in"
    """it is over, and only the person can help"""
    ABSENT = "absent"
    """nobody has signed in"""


@attrs.frozen(kw_only=True)
class TokenStatus:
    """How a stored sign-in stands, without asking anybody.

    Args:
        state: how.
        code: a stable name of the reason ("oauth.revoked"); empty for `READY`.
        sentence: the reason, for a person.
        remedy: what to do, for a person.
        account_verified: whether it is proved whose account it is.
        signed_in_at: when the person signed in; None for `ABSENT`.
        expires_at: when the access token ends that is stored now; it is renewed by itself. None without one.
        sign_in_ends_at: when the sign-in itself will be over, however often it is used; then only the person can help.
            None if the issuer has not said so, or puts it off whenever the token is renewed.
    """

    state: TokenState
    code: str = ""
    sentence: str = ""
    remedy: str = ""
    account_verified: bool = False
    signed_in_at: datetime | None = None
    expires_at: datetime | None = None
    sign_in_ends_at: datetime | None = None


_A_STRANGER_S = ("oauth.pending_mismatch", "oauth.state_mismatch", "oauth.callback_malformed")
"""What anybody can bring about; the sign-in that was begun can still be completed after it."""


class Enrolment:
    """What a SignIn does, whatever its colour.

    Args:
        io: the outside world.
        client: the host application at the issuer.
        keeping: where sign-ins and tokens are kept.
    """

    def __init__(self, io: IO, client: Client, keeping: Keeping) -> None:
        self._io = io
        self._client = client
        self._keeping = keeping

    # -- through the browser ---------------------------------------------------------------------------------------

    async def begin(self, address: str, *, owner: str, login: str | None) -> PendingSignIn:
        """See `tether_mailconf.oauth.SignIn.begin`."""
        address, login = pending.read_who(address, login, owner)
        if self._client.redirect_uri is None:
            text = "a sign-in through the browser needs a redirect URI"
            raise InvalidSettings((Problem(field="redirect_uri", code="redirect_uri.missing", message=text),))
        state, nonce, verifier = (
            authorization.new_state(),
            Secret(authorization.new_state()),
            authorization.new_verifier(),
        )
        begun = PendingSignIn(
            url=authorization.url(self._client, state=state, nonce=nonce, verifier=verifier, login=login),
            state=state,
            issuer=self._client.issuer.id,
            redirect_uri=self._client.redirect_uri,
            address=address,
            login=login,
            owner=owner,
            expires_at=self._io.now().astimezone(UTC) + pending.LIFETIME,
        )
        await self._keep(begun, verifier, nonce)
        return begun

    async def complete(self, begun: PendingSignIn, callback_url: str, *, owner: str, seconds: float) -> OAuthToken:
        """See `tether_mailconf.oauth.SignIn.complete`."""
        deadline = self._io.deadline(seconds)
        try:
            self._check_bound(begun, owner)
            code = authorization.read_callback(self._client.issuer, begun.state, callback_url)
        except SignInFailed as failed:
            if failed.code not in _A_STRANGER_S:
                await self._take_kept(begun)
            raise
        except IssuerRefused:
            await self._take_kept(begun)
            raise
        finally:
            del callback_url  # an error shows no variable that holds the code
        kept = await self._take_kept(begun)
        request = self._client.post(
            self._client.issuer.token_endpoint,
            {"grant_type": "authorization_code", "redirect_uri": begun.redirect_uri},
            {"code": code, "code_verifier": kept.secret},
        )
        outcome = await ask(self._io, request, deadline)
        return await self._finish(outcome, begun, kept.nonce, "oauth.code_refused", deadline)

    # -- by a code on another device -------------------------------------------------------------------------------

    async def begin_device(self, address: str, *, owner: str, login: str | None, seconds: float) -> PendingDevice:
        """See `tether_mailconf.oauth.SignIn.begin_device`."""
        address, login = pending.read_who(address, login, owner)
        deadline = self._io.deadline(seconds)
        offered = await device.request_code(self._io, self._client, deadline)
        begun = PendingDevice(
            user_code=offered.user_code,
            verification_uri=offered.verification_uri,
            verification_uri_complete=offered.verification_uri_complete,
            interval=offered.interval,
            state=authorization.new_state(),
            issuer=self._client.issuer.id,
            address=address,
            login=login,
            owner=owner,
            expires_at=self._io.now().astimezone(UTC) + offered.lifetime,
        )
        await self._keep(begun, offered.device_code, Secret(""))
        return begun

    async def complete_device(self, begun: PendingDevice, *, owner: str, seconds: float) -> OAuthToken:
        """See `tether_mailconf.oauth.SignIn.complete_device`."""
        deadline = self._io.deadline(seconds)
        self._check_bound(begun, owner)
        kept, _ = await self._look_at_kept(begun)
        outcome = await device.wait_for_approval(self._io, self._client, begun, kept.secret, deadline)
        # Who is refused takes nothing out: the issuer gives once, so it may just have given to another who waits, and
        # that one cannot finish without the store's half.
        kept = (await self._look_at_kept(begun))[0] if isinstance(outcome, Denied) else await self._take_kept(begun)
        return await self._finish(outcome, begun, kept.nonce, "oauth.device_expired", self._io.deadline(seconds))

    # -- afterwards ------------------------------------------------------------------------------------------------

    async def token(self, address: str, *, owner: str) -> OAuthToken:
        """See `tether_mailconf.oauth.SignIn.token`."""
        address, _ = pending.read_who(address, None, owner)
        stored = await self._keeping.load(self._key(address, owner))
        if stored is None:
            raise SignInNeeded(causes.known("oauth.never_signed_in"), address=address, owner=owner)
        return self._token(Record.opened(stored.content))

    async def status(self, address: str, *, owner: str) -> TokenStatus:
        """See `tether_mailconf.oauth.SignIn.status`."""
        address, _ = pending.read_who(address, None, owner)
        stored = await self._keeping.load(self._key(address, owner))
        found = None if stored is None else Record.opened(stored.content)
        if found is None:
            cause, state = causes.known("oauth.never_signed_in"), TokenState.ABSENT
        elif found.ended or found.client_id != self._client.id:
            cause, state = causes.known(found.ended or "oauth.client_changed"), TokenState.NEEDS_SIGN_IN
        else:
            cause, state = None, TokenState.READY
        return TokenStatus(
            state=state,
            code=cause.code if cause else "",
            sentence=cause.sentence if cause else "",
            remedy=cause.remedy if cause else "",
            account_verified=found is not None and found.is_verified,
            signed_in_at=_moment(found.granted_at) if found else None,
            expires_at=_moment(found.expires_at) if found and found.access is not None else None,
            sign_in_ends_at=_moment(found.refresh_until) if found and _has_end(found) else None,
        )

    async def disconnect(self, address: str, *, owner: str, seconds: float) -> revoke.Disconnected:
        """See `tether_mailconf.oauth.SignIn.disconnect`."""
        address, _ = pending.read_who(address, None, owner)
        deadline = self._io.deadline(seconds)
        key = self._key(address, owner)
        return await revoke.disconnect(self._io, self._client, self._keeping, key, deadline)

    # -- the steps between -----------------------------------------------------------------------------------------

    async def _keep(self, begun: PendingSignIn | PendingDevice, secret: Secret, nonce: Secret) -> None:
        kept = Kept(secret=secret, nonce=nonce, bound=pending.bound(begun, self._client.id))
        if not await self._keeping.swap(
            pending.key(begun.state), kept.sealed(), expected=None, until=begun.expires_at + pending.LIFETIME
        ):
            raise Damaged("sign-in", "the store holds a sign-in that was never begun")

    def _check_bound(self, begun: PendingSignIn | PendingDevice, owner: str) -> None:
        if begun.owner != owner or begun.issuer != self._client.issuer.id:
            raise SignInFailed(causes.known("oauth.pending_mismatch"))

    async def _look_at_kept(self, begun: PendingSignIn | PendingDevice) -> tuple[Kept, str]:
        """Return the store's half, and its version.

        Raises:
            SignInFailed: there is none any more, or it says something else than the host's half.
        """
        stored = await self._keeping.load(pending.key(begun.state))
        if stored is None:
            is_late = self._io.now() > begun.expires_at
            raise SignInFailed(causes.known("oauth.expired" if is_late else "oauth.used"))
        kept = Kept.opened(stored.content)
        if kept.bound != pending.bound(begun, self._client.id):
            raise SignInFailed(causes.known("oauth.pending_mismatch"))
        return kept, stored.version

    async def _take_kept(self, begun: PendingSignIn | PendingDevice) -> Kept:
        """Take the store's half out, so that nobody else can complete this sign-in.

        Raises:
            SignInFailed: as `_look_at_kept`, or it is too late.
        """
        kept, version = await self._look_at_kept(begun)
        if not await self._keeping.swap(pending.key(begun.state), None, expected=version):
            raise SignInFailed(causes.known("oauth.used"))
        if self._io.now() > begun.expires_at and isinstance(begun, PendingSignIn):
            raise SignInFailed(causes.known("oauth.expired"))
        return kept

    async def _finish(
        self,
        outcome: Granted | Denied,
        begun: PendingSignIn | PendingDevice,
        nonce: Secret,
        refused: str,
        deadline: Deadline,
    ) -> OAuthToken:
        """Check what was granted and to whom, store it, and return the token.

        Raises:
            SignInFailed: it is not what was asked for, or not for the account.
            IssuerRefused: the issuer refuses, and a new sign-in would not help.
            ConversationError: the issuer cannot be asked who signed in.
        """
        if isinstance(outcome, Denied):
            cause = causes.of_answer(outcome.error, outcome.description, invalid_grant=refused)
            if cause.code == "oauth.inactive":
                cause = causes.known(refused)  # Microsoft says the same of a code that was too old
            kind = SignInFailed if cause.mender is causes.Mender.PERSON else IssuerRefused
            raise kind(cause, f"{outcome.error} {outcome.description}".strip())
        if useless := why_useless(outcome, self._client.issuer.scopes):
            raise SignInFailed(*useless)
        identity: Identity = await identify(self._io, self._client, outcome, nonce, deadline)
        is_verified = check_account(identity, begun.login)
        return self._token(await self._store(outcome, begun, is_verified=is_verified))

    async def _store(self, granted: Granted, begun: PendingSignIn | PendingDevice, *, is_verified: bool) -> Record:
        """Store what was granted. An absent refresh token never overwrites one that is there."""
        now = self._io.now().timestamp()
        key = self._key(begun.address, begun.owner)
        for _ in range(TRIES):
            stored = await self._keeping.load_or_ruin(key)
            before = None if stored is None else _readable(stored.content)
            blank = Record(
                issuer=self._client.issuer.id,
                client_id=self._client.id,
                address=begun.address,
                login=begun.login,
                owner=begun.owner,
                granted_at=now,
                is_verified=is_verified,
            )
            after = renewed_record(_with_what_is_still_good(blank, before), granted, now)
            if after.refresh is None:
                raise SignInFailed(causes.known("oauth.no_refresh_token"))
            if await self._keeping.swap(key, after.sealed(), expected=None if stored is None else stored.version):
                return after
            await self._io.sleep(PAUSE)
        raise never_swapped()

    def _key(self, address: str, owner: str) -> str:
        return record.key(self._client.issuer.id, owner, address)

    def _token(self, found: Record) -> OAuthToken:
        label = self._client.issuer.label
        sentence = f"Success: the {label} token for {found.address} was generated."
        if not found.is_verified:
            sentence += f" {label} does not say whose it is; the first sign-in to the mail servers will show it."
        return OAuthToken(
            RefreshGrant(self._client),
            self._keeping,
            self._key(found.address, found.owner),
            address=found.address,
            owner=found.owner,
            account_verified=found.is_verified,
            code="oauth.token_generated" if found.is_verified else "oauth.token_generated_unverified",
            sentence=sentence,
        )


def _readable(content: Secret) -> Record | None:
    # A new sign-in also mends what cannot be read any more.
    try:
        return Record.opened(content)
    except Damaged:
        return None


def _with_what_is_still_good(blank: Record, before: Record | None) -> Record:
    """Return a new record with the refresh token of the one before, if that one is still of use."""
    if before is None or (before.client_id, before.login) != (blank.client_id, blank.login):
        return blank
    if before.ended and not causes.may_be_given_again(before.ended):
        return blank
    return attrs.evolve(blank, refresh=before.refresh, refresh_until=before.refresh_until)


def _has_end(found: Record) -> bool:
    return found.refresh_until > 0.0 and not found.is_prolonged


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
