"""A token that stays fresh: renewed before it ends, once for all who want it, and never lost on the way.

Whoever renews takes a lease in the store first (compare-and-swap), so that threads, tasks and processes that share a
store make one request between them; the others wait and look again. A lease ends by itself, so one who was killed holds
up nobody for longer than `_LEASE`. What the issuer gave is stored before anybody uses it. Only the issuer's own clear
word ends a sign-in; whatever else goes wrong, the refresh token stays as it is.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import secrets

import attrs

from .._ports import IO, Deadline
from ..credentials.token import BearerToken
from ..credentials.token_store import Stored
from ..errors import ConversationError, MailconfError, Step, StoreFailed, printable
from ..secret import Secret
from ..settings import CredentialKind
from . import causes
from .errors import IssuerRefused, SignInNeeded
from .exchange import REQUEST_SECONDS, Denied, Granted, ask
from .grant import Grant
from .keeping import PAUSE, TRIES, Keeping, never_swapped
from .record import Record

_MARGIN = 300.0
"""Seconds before its end in which a token is renewed, or a fifth of its life if that is less."""

_USABLE = 15.0
"""Seconds before its end until which a token still will do, should no new one be had."""

_LEASE = REQUEST_SECONDS + 10.0
"""Seconds after which one who renews is given up for dead. Longer than its request may take."""

_SKEW = 60.0
"""Seconds that the clocks of two machines with one store may differ. Who waits goes by its own clock besides."""

_LOOKS = (0.02, 0.05, 0.1, 0.2, 0.5)
"""Seconds between two looks whether somebody else is done renewing; the last goes on."""

_STORE_AGAIN = (0.1, 0.4, 1.5)
"""Seconds between the tries to store what the issuer gave."""

_FORCED_PAUSE = 60.0
"""Seconds after a renewal that a refusal led to, in which another refusal leads to none: it is not the token's age."""

_LOG = logging.getLogger(__name__)


class OAuthToken:
    """A credential that stays fresh for years: renewed before it ends, by one caller for all.

    A Mailer takes it like any credential. It is made by `SignIn.complete`, and later by `SignIn.token`.

    Attributes:
        address: the address whose mail is sent.
        owner: who had begun the sign-in.
        account_verified: whether the issuer, or a mail server since, has confirmed that this account signed in.
        code: a stable name of how the sign-in ended ("oauth.token_generated").
        sentence: the same for a person.
    """

    kind = CredentialKind.OAUTH_TOKEN

    def __init__(
        self,
        grant: Grant,
        keeping: Keeping,
        key: str,
        *,
        address: str,
        owner: str,
        account_verified: bool,
        code: str,
        sentence: str,
    ) -> None:
        self._grant = grant
        self._keeping = keeping
        self._key = key
        self.address = address
        self.owner = owner
        self.account_verified = account_verified
        self.code = code
        self.sentence = sentence

    def __repr__(self) -> str:
        return f"OAuthToken({self.address!r})"

    # -- what a Mailer asks ----------------------------------------------------------------------------------------

    @property
    def issuer(self) -> str:
        """The id of the issuer; what it gives to an application rather than to a person is marked behind a slash."""
        return self._grant.issuer_id

    async def fresh(self, io: IO, deadline: Deadline) -> BearerToken:
        """Return a token to sign in with now, renewed if it is about to end.

        Raises:
            SignInNeeded: only the person can help.
            IssuerRefused: the issuer refuses, and a new sign-in would not help.
            IssuerFailed: the issuer is out of order. Nothing was lost.
            ConversationError: it cannot be reached. Nothing was lost.
            StoreFailed: the store cannot be read or written.
        """
        stored, record = await self._load()
        now = io.now().timestamp()
        if _is_fresh(record, now):
            return BearerToken(_access(record))
        if stored is not None and self._is_leased(record, now) and _is_usable(record, now):
            return BearerToken(_access(record))
        try:
            return await self._renewal(io, None, deadline)
        except (ConversationError, IssuerRefused, StoreFailed) as trouble:
            if not _is_usable(record, io.now().timestamp()):
                raise
            _LOG.warning("the token of %s could not be renewed yet: %s", self.address, trouble)
            return BearerToken(_access(record))

    async def renewed(self, refused: BearerToken, io: IO, deadline: Deadline) -> BearerToken | None:
        """Return another token than `refused`; None if that one is itself the answer to a refusal of a moment ago.

        Args:
            refused: the token that a mail server did not accept.
            io: the caller's way to the issuer.
            deadline: until when.

        Raises:
            MailconfError: as `fresh`.
        """
        _, record = await self._load()
        since = io.now().timestamp() - record.forced_at
        if record.access is not None and refused.is_token(record.access) and 0 <= since < _FORCED_PAUSE:
            return None
        other = await self._renewal(io, refused, deadline)
        return None if other.is_same(refused) else other

    async def accepted(self, token: BearerToken, user: str, io: IO, deadline: Deadline) -> None:
        """Note that a mail server took `token` for `user`, which proves whose it is. Never raises for the store.

        Args:
            token: what was signed in with.
            user: the user name that went with it.
            io: the caller's way out.
            deadline: until when.
        """
        if self.account_verified:
            return
        try:
            stored, record = await self._load()
            if stored is None or user.lower() != record.login.lower():
                return
            if record.access is None or not token.is_token(record.access):
                return  # somebody has signed in anew meanwhile
            if not record.is_verified:
                verified = attrs.evolve(record, is_verified=True)
                if not await self._keeping.swap(self._key, verified.sealed(), expected=stored.version):
                    return
            self.account_verified = True
        except MailconfError as trouble:
            _LOG.warning("it could not be noted that %s is verified: %s", self.address, trouble)

    # -- renewing --------------------------------------------------------------------------------------------------

    async def _renewal(self, io: IO, refused: BearerToken | None, deadline: Deadline) -> BearerToken:
        """Return a token that is fresh and not the refused one, renewed by us or by somebody else."""
        holder, looks = secrets.token_hex(8), iter(_LOOKS)
        pause = 0.0
        seen, since = None, deadline.clock()
        while True:
            stored, record = await self._load()
            now = io.now().timestamp()
            expected = None if stored is None else stored.version
            if expected != seen:
                seen, since = expected, deadline.clock()
            if _is_fresh(record, now) and (refused is None or not refused.is_token(_access(record))):
                return BearerToken(_access(record))
            if self._is_leased(record, now) and deadline.clock() - since < _LEASE:
                pause = next(looks, pause)
                await io.sleep(min(pause, deadline.remaining(Step.TOKEN)))
                continue
            deadline.remaining(Step.TOKEN)
            leased = attrs.evolve(record, lease=holder, leased_until=now + _LEASE)
            forced_at = record.forced_at if refused is None else now
            # What the issuer gives must reach the store, whatever becomes of the one who wanted it.
            token = await io.uninterrupted(
                functools.partial(self._renew, io, leased, expected, forced_at), deadline, longest=_LEASE
            )
            if token is not None:
                return token
            await io.sleep(PAUSE)

    def _is_leased(self, record: Record, now: float) -> bool:
        return bool(record.lease) and now < record.leased_until + _SKEW

    async def _renew(self, io: IO, leased: Record, expected: str | None, forced_at: float) -> BearerToken | None:
        """Take the lease, ask the issuer, store what it says; None if another one's work must be looked at."""
        if not await self._keeping.swap(self._key, leased.sealed(), expected=expected):
            return None
        refreshed = leased
        try:
            request = self._grant.request(leased, io.now().timestamp())
            if request is None:
                raise self._needed(causes.known("oauth.no_refresh_token"))
            outcome = await ask(io, request, io.deadline(REQUEST_SECONDS))
            if isinstance(outcome, Granted) and outcome.refresh is not None:
                # Also an answer that is of no use may have spent the old refresh token.
                refreshed = _with_refresh(leased, outcome, io.now().timestamp())
            granted = self._checked(outcome, leased, io.now().timestamp())
        except SignInNeeded as trouble:
            is_told = causes.is_told(causes.known(trouble.code))
            told = attrs.evolve(refreshed, ended=trouble.code, ended_detail=trouble.detail) if is_told else refreshed
            if await self._store_surely(io, leased, told):
                raise
            return None
        except BaseException:
            with contextlib.suppress(MailconfError):
                await (
                    self._store(io, leased, leased)
                    if refreshed is leased
                    else self._store_surely(io, leased, refreshed)
                )
            raise
        renewed = attrs.evolve(renewed_record(leased, granted, io.now().timestamp()), forced_at=forced_at)
        return BearerToken(granted.access) if await self._store_surely(io, leased, renewed) else None

    async def _store_surely(self, io: IO, leased: Record, renewed: Record) -> bool:
        # The issuer may take the old refresh token no more, so the new one is not given up at the first trouble.
        for pause in _STORE_AGAIN:
            try:
                return await self._store(io, leased, renewed)
            except StoreFailed as trouble:
                _LOG.warning("the new token of %s could not be stored yet: %s", self.address, trouble)
                await io.sleep(pause)
        return await self._store(io, leased, renewed)

    async def _store(self, io: IO, leased: Record, after: Record) -> bool:
        """Store `after` without the lease, unless somebody else has come to other tokens meanwhile."""
        for _ in range(TRIES):
            stored = await self._keeping.load(self._key)
            if stored is None:
                return False
            current = Record.opened(stored.content)
            if current.lease != leased.lease and (after is leased or not _has_same_tokens(current, leased)):
                return False
            mine = attrs.evolve(after, lease="", leased_until=0.0, is_verified=current.is_verified)
            if await self._keeping.swap(self._key, mine.sealed(), expected=stored.version):
                return True
            await io.sleep(PAUSE)
        raise never_swapped()

    def _checked(self, outcome: Granted | Denied, record: Record, now: float) -> Granted:
        """Return what was granted.

        Raises:
            SignInNeeded: nothing was, and only the person can help.
            IssuerRefused: nothing was, and not even the person can help.
        """
        if isinstance(outcome, Denied):
            cause, detail = self._grant.cause(outcome, record, now), f"{outcome.error} {outcome.description}".strip()
        elif useless := why_useless(outcome, self._grant.scopes):
            cause, detail = useless
        else:
            return outcome
        is_for_a_person = cause.mender is causes.Mender.PERSON or causes.ends_a_grant(cause)
        if is_for_a_person and self._grant.blank() is None:
            raise self._needed(cause, detail)
        raise IssuerRefused(cause, detail)

    # -- the store -------------------------------------------------------------------------------------------------

    async def _load(self) -> tuple[Stored | None, Record]:
        """Return what is stored.

        Raises:
            SignInNeeded: nothing is, or nothing that can be used.
        """
        stored = await self._keeping.load(self._key)
        blank = self._grant.blank()
        if stored is None:
            if blank is None:
                raise self._needed(causes.known("oauth.never_signed_in"))
            return None, blank
        record = Record.opened(stored.content)
        if record.ended and not causes.may_be_given_again(record.ended):
            raise self._needed(causes.known(record.ended), record.ended_detail)
        if record.client_id != self._grant.client_id:
            raise self._needed(causes.known("oauth.client_changed"))
        return stored, record

    def _needed(self, cause: causes.Cause, detail: str = "") -> SignInNeeded:
        return SignInNeeded(cause, detail, address=self.address, owner=self.owner)


def renewed_record(record: Record, granted: Granted, now: float) -> Record:
    """Return the record with what was granted in it. A refresh token that is not there overwrites nothing."""
    return attrs.evolve(
        _with_refresh(record, granted, now),
        access=granted.access,
        issued_at=now,
        expires_at=now + granted.lifetime,
        ended="",
        ended_detail="",
    )


def _with_refresh(record: Record, granted: Granted, now: float) -> Record:
    """Return the record with the refresh token that was granted, and with its end."""
    until = record.refresh_until if granted.refresh is None else 0.0
    if granted.refresh_lifetime is not None:
        until = now + granted.refresh_lifetime
    is_later = 0.0 < record.refresh_until < until - _SKEW
    return attrs.evolve(
        record,
        refresh=granted.refresh or record.refresh,
        refresh_until=until,
        is_prolonged=record.is_prolonged or is_later,
    )


def why_useless(granted: Granted, scopes: tuple[str, ...]) -> tuple[causes.Cause, str] | None:
    """Return why mail servers would not take a token, with the details; None if they would."""
    if granted.token_type != "bearer":  # noqa: S105 - the name of a kind
        return causes.known("oauth.token_type"), printable(granted.token_type, 40)
    # Microsoft writes scopes in another case than they were asked for in.
    given = {scope.lower() for scope in scopes if granted.scopes is None} | {s.lower() for s in granted.scopes or ()}
    missing = [scope for scope in scopes if scope.lower() not in given]
    return (causes.known("oauth.scope_missing"), f"missing: {' '.join(missing)}") if missing else None


def _has_same_tokens(one: Record, other: Record) -> bool:
    return (one.refresh, one.access) == (other.refresh, other.access)


def _is_fresh(record: Record, now: float) -> bool:
    return record.access is not None and now < record.expires_at - _margin(record)


def _margin(record: Record) -> float:
    return min(_MARGIN, (record.expires_at - record.issued_at) / 5)


def _is_usable(record: Record, now: float) -> bool:
    return record.access is not None and now < record.expires_at - min(_USABLE, _margin(record))


def _access(record: Record) -> Secret:
    if record.access is None:
        raise StoreFailed
    return record.access
