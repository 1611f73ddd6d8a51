"""Which candidate a credential fits: the only place of discovery that knows one.

It is shown to servers that can be believed or were confirmed, and to none of them more than twice: accounts are locked
for less. IMAP is asked only once submission has let us in, so a wrong password is refused twice in all. A server that
cannot be reached, or that refuses for the time being, is not asked again.
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

from .. import presets
from .._ports import IO, Deadline
from ..credentials import Credential
from ..credentials.token import BearerToken, TokenSource
from ..delivery.lanes import Lane
from ..errors import ConversationError, SignInRefused
from ..settings import ConnectionSettings, CredentialKind, Endpoint
from .domain import registrable
from .known import preset_for
from .offer import Trust
from .protocol import Protocol
from .report import Attempt, Candidate, Discovery

MOST_SIGN_INS = 2
"""Sign-ins at one host for one protocol."""

Place: TypeAlias = tuple[Protocol, Endpoint, str]


async def verify(io: IO, found: Discovery, credential: Credential | TokenSource, deadline: Deadline) -> Discovery:
    """Return the discovery with the sign-ins that were tried, and the candidate that they proved right.

    Raises:
        MailconfError: there is no token to be had, so nothing can be tried.
    """
    # One token for all: asking for another one after a refusal would be a sign-in more.
    shown = await credential.fresh(io, deadline) if isinstance(credential, TokenSource) else credential
    trial = _Trial(io, shown, credential.issuer if isinstance(credential, TokenSource) else None, deadline)
    candidates = list(found.candidates)
    verified = None
    for index, candidate in enumerate(candidates):
        if not candidate.needs_confirmation and await trial.proves(candidate):
            verified = candidates[index] = _with_credential(candidate, credential.kind)
            break
    if verified is not None and isinstance(credential, TokenSource) and isinstance(shown, BearerToken):
        await credential.accepted(shown, verified.settings.smtp_user, io, deadline)
    return attrs.evolve(found, candidates=tuple(candidates), attempts=tuple(trial.attempts.values()), verified=verified)


def _with_credential(candidate: Candidate, kind: CredentialKind) -> Candidate:
    preset = preset_for(presets.get(candidate.settings.preset), kind)
    preset_id = candidate.settings.preset if preset is None else preset.id
    return attrs.evolve(candidate, settings=attrs.evolve(candidate.settings, credential=kind, preset=preset_id))


class _Trial:
    """The sign-ins made so far with one credential.

    Args:
        io: the outside world.
        credential: what is shown.
        issuer: whose token it is; None if it is none, or if only the host knows.
        deadline: until when.
    """

    def __init__(self, io: IO, credential: Credential, issuer: str | None, deadline: Deadline) -> None:
        self.attempts: dict[Place, Attempt] = {}
        self._io = io
        self._credential = credential
        self._issuer = issuer
        self._deadline = deadline
        self._made: dict[tuple[Protocol, str], int] = {}
        self._against: dict[tuple[Protocol, str], str] = {}

    async def proves(self, candidate: Candidate) -> bool:
        """Return whether the credential opens both servers."""
        settings = candidate.settings
        if (why := self._unfit(candidate)) is not None:
            place = (Protocol.SMTP, settings.smtp, settings.smtp_user)
            self.attempts.setdefault(place, Attempt(endpoint=place[1], user=place[2], accepted=None, said=why))
            return False
        lane = Lane(self._io)
        try:
            return await self._opens(lane, settings)
        finally:
            await lane.farewell()

    async def _opens(self, lane: Lane, settings: ConnectionSettings) -> bool:
        if not await self._try(lane, (Protocol.SMTP, settings.smtp, settings.smtp_user)):
            return False
        return settings.imap is None or await self._try(lane, (Protocol.IMAP, settings.imap, settings.imap_user))

    def _unfit(self, candidate: Candidate) -> str | None:
        """Return why the credential is not to be shown to these servers; None if it may be."""
        named, kind = presets.get(candidate.settings.preset), self._credential.kind
        preset = preset_for(named, kind)
        if preset is None:
            return f"{named.label} does not take this kind of credential ({kind.value})"
        if kind is not CredentialKind.OAUTH_TOKEN or candidate.trust is Trust.CONFIRMED:
            return None
        if not preset.oauth_issuer:
            return "a token opens the whole mailbox, and whoever gets it can use it: a person must confirm the server"
        if self._issuer is not None and self._issuer.partition("/")[0] != preset.oauth_issuer:
            return f"the token is not one of {preset.oauth_issuer}, which is what {preset.label} takes"
        return None

    async def _try(self, lane: Lane, place: Place) -> bool:
        """Return whether a server lets us in, from what is known already if it was asked before."""
        if place not in self.attempts:
            self.attempts[place] = await self._sign_in(lane, place)
        return self.attempts[place].accepted is True

    async def _sign_in(self, lane: Lane, place: Place) -> Attempt:
        protocol, endpoint, user = place
        # The hosts of one domain are one system under several names, and count its refusals together.
        refused_before = protocol, f"{user} {registrable(endpoint.host) or endpoint.host}"
        why = self._against.get((protocol, endpoint.host)) or self._against.get(refused_before)
        if why is None and self._made.get((protocol, endpoint.host), 0) >= MOST_SIGN_INS:
            why = f"{MOST_SIGN_INS} sign-ins at this server are enough"
        if why is not None:
            return Attempt(endpoint=endpoint, user=user, accepted=None, said=why)
        leg = lane.smtp if protocol is Protocol.SMTP else lane.imap
        self._made[protocol, endpoint.host] = self._made.get((protocol, endpoint.host), 0) + 1
        try:
            await leg.session(endpoint, user, self._credential, self._deadline)
        except SignInRefused as error:
            self._against[(protocol, endpoint.host) if error.is_temporary else refused_before] = str(error)
            return Attempt(endpoint=endpoint, user=user, accepted=False, said=str(error))
        except ConversationError as error:
            # Another port of the same host may still do.
            return Attempt(endpoint=endpoint, user=user, accepted=None, said=str(error))
        return Attempt(endpoint=endpoint, user=user, accepted=True)
