"""Connections that are kept and reused: a bounded number of lanes, each with a leg to SMTP and one to IMAP."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

from .._ports import IO, Deadline, Slots
from .._wire.imap import open_imap
from .._wire.smtp import open_smtp
from ..credentials import Credential
from ..credentials.token import TokenSource
from ..errors import Closed, InvalidSettings, MailconfError, Problem, SignInRefused
from ..settings import Endpoint

TRUSTED_IDLE = 10.0
"""Seconds after which an idle connection is asked whether it still stands before a message is entrusted to it."""

ANSWER_SECONDS = 5.0
"""Seconds that its answer may take. A connection that a router has forgotten never answers, and costs no more."""

_FAREWELL_SECONDS = 2.0


class Session(Protocol):
    """What a leg wants of a session, whichever protocol it speaks."""

    @property
    def busy(self) -> bool:
        """Whether an answer is owed."""
        ...

    async def sign_in(self, credential: Credential, user: str, deadline: Deadline) -> None:
        """Sign in, once."""
        ...

    async def is_quiet(self) -> bool:
        """Whether the connection stands and no answer is owed. Asks nobody."""
        ...

    async def is_alive(self, deadline: Deadline) -> bool:
        """Whether the server still answers."""
        ...

    async def farewell(self, deadline: Deadline) -> None:
        """Close, politely if that takes no waiting."""
        ...

    async def abandon(self) -> None:
        """Close at once."""
        ...


S = TypeVar("S", bound=Session)


class Leg(Generic[S]):
    """The connection to one server. Opened when first needed, checked before it is used again."""

    def __init__(self, opener: Callable[[IO, Endpoint, Deadline], Coroutine[Any, Any, S]], io: IO) -> None:
        self._opener = opener
        self._io = io
        self._session: S | None = None
        self._is_left = False
        self._used = 0.0
        self.timings: dict[str, float] = {}
        """Seconds that opening took, by part; empty where an open connection was used again."""

    async def session(
        self, endpoint: Endpoint, user: str, credential: Credential | TokenSource, deadline: Deadline
    ) -> S:
        """Return a signed-in session with nothing owed.

        Raises:
            ConversationError: there is none to be had.
            MailconfError: there is no token to be had.
            Closed: the leg was left meanwhile.
        """
        kept, self._session = self._session, None
        self.timings = {}
        if kept is not None:
            if await self._stands(kept, deadline):
                return await self._keep(kept)
            await kept.abandon()
        if isinstance(credential, TokenSource):
            return await self._with_token(endpoint, user, credential, deadline)
        return await self._opened(endpoint, user, credential, deadline)

    async def _with_token(self, endpoint: Endpoint, user: str, source: TokenSource, deadline: Deadline) -> S:
        """Sign in with a fresh token; if the server refuses it, once more with another, and no more."""
        token = await source.fresh(self._io, deadline)
        try:
            session = await self._opened(endpoint, user, token, deadline)
        except SignInRefused as refusal:
            other = None if refusal.is_temporary else await source.renewed(token, self._io, deadline)
            if other is None:
                raise
            token = other
            session = await self._opened(endpoint, user, token, deadline)
        await source.accepted(token, user, self._io, deadline)
        return session

    async def _opened(self, endpoint: Endpoint, user: str, credential: Credential, deadline: Deadline) -> S:
        started = deadline.clock()
        session = await self._opener(self._io, endpoint, deadline)
        opened = deadline.clock()
        try:
            await session.sign_in(credential, user, deadline)
        except BaseException:
            await session.abandon()
            raise
        self.timings = {"connect": opened - started, "sign in": deadline.clock() - opened}
        return await self._keep(session)

    async def _keep(self, session: S) -> S:
        self._session = session
        if self._is_left:
            await session.abandon()
            raise Closed
        return session

    async def _stands(self, kept: S, deadline: Deadline) -> bool:
        is_recent = deadline.clock() - self._used < TRUSTED_IDLE
        try:
            return await kept.is_quiet() and (is_recent or await kept.is_alive(deadline.sooner(ANSWER_SECONDS)))
        except BaseException:
            await kept.abandon()
            raise

    async def at_hand(self) -> S | None:
        """Return the session if it stands and was used a moment ago, without asking the server; else None."""
        session = self._session
        is_recent = self._io.deadline(0).at - self._used < TRUSTED_IDLE
        return session if session is not None and is_recent and await session.is_quiet() else None

    async def rest(self) -> None:
        """Keep the connection if it can be used again, else close it."""
        self._used = self._io.deadline(0).at
        if self._session is not None and self._session.busy:
            await self._session.abandon()
            self._session = None

    async def leave(self) -> None:
        """Close the connection at once; one that is still being opened, as soon as it is open. Never raises."""
        self._is_left = True
        if self._session is not None:
            await self._session.abandon()

    async def farewell(self) -> None:
        """Close the connection, politely if that takes no waiting. Never raises."""
        if self._session is not None:
            await self._session.farewell(self._io.deadline(_FAREWELL_SECONDS))
            self._session = None


class Lane:
    """The connections that one send uses."""

    def __init__(self, io: IO) -> None:
        self.smtp = Leg(open_smtp, io)
        self.imap = Leg(open_imap, io)

    async def rest(self) -> None:
        """Keep what can be used again, and close what cannot."""
        await self.smtp.rest()
        await self.imap.rest()

    async def leave(self) -> None:
        """Close both connections at once, whoever may still be using them. Never raises."""
        await self.smtp.leave()
        await self.imap.leave()

    async def farewell(self) -> None:
        """Close both connections. Never raises."""
        try:
            await self.smtp.farewell()
        finally:
            await self.imap.farewell()


class Lanes:
    """All lanes of one account.

    Args:
        io: the outside world.
        count: the most messages on their way at the same time; further ones wait.

    Raises:
        InvalidSettings: `count` is not at least 1.
    """

    def __init__(self, io: IO, count: int) -> None:
        if count < 1:
            text = "at least one connection is needed"
            raise InvalidSettings((Problem(field="connections", code="connections.too_few", message=text),))
        self._io = io
        self._slots: Slots = io.slots(count)
        self._resting: list[Lane] = []
        self._keeps = False
        self._is_closed = False

    def keep(self) -> None:
        """Keep connections open between uses from now on. Without it each use closes its own."""
        self._keeps = True

    def take(self, deadline: Deadline) -> _Taken:
        """Return a context in which a lane is held. Waits for a free one no longer than the deadline."""
        return _Taken(self, deadline)

    async def acquire(self, deadline: Deadline) -> Lane:
        """Take a lane.

        Raises:
            Closed: there are no lanes any more.
            TimedOut: none became free in time.
        """
        self._check_open()
        await self._slots.acquire(deadline)
        try:
            self._check_open()
        except Closed:
            self._slots.release()
            raise
        try:
            return self._resting.pop()
        except IndexError:
            return Lane(self._io)

    def _check_open(self) -> None:
        if self._is_closed:
            raise Closed

    async def release(self, lane: Lane) -> None:
        """Give a lane back."""
        try:
            await lane.rest()
            if self._keeps:
                self._resting.append(lane)
            else:
                await lane.farewell()
            if self._is_closed:
                await self.close()
        finally:
            self._slots.release()

    async def leave(self, lane: Lane) -> None:
        """Give a lane back that nobody may use any more."""
        try:
            await lane.leave()
        finally:
            self._slots.release()

    async def close(self) -> None:
        """Close all resting lanes, and each of the others when it comes back."""
        self._is_closed = True
        while True:
            try:
                lane = self._resting.pop()
            except IndexError:
                # Asked for forgiveness, because another thread may close at the same time.
                return
            await lane.farewell()


class _Taken:
    """Holds one lane from entry to exit."""

    def __init__(self, lanes: Lanes, deadline: Deadline) -> None:
        self._lanes = lanes
        self._deadline = deadline
        self._lane: Lane | None = None

    async def __aenter__(self) -> Lane:
        self._lane = await self._lanes.acquire(self._deadline)
        return self._lane

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._lane is None:
            return
        if error is None or isinstance(error, MailconfError):
            await self._lanes.release(self._lane)
        else:
            # Interrupted, at any point of a conversation; and a thread that worked beside may not have noticed yet.
            await self._lanes.leave(self._lane)
