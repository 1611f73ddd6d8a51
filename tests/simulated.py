"""A world in memory: the port over the sandbox's sessions, with a clock that moves only when everybody waits.

A round trip takes exactly `ROUND_TRIP` simulated seconds, so the time an operation takes, divided by it, is the number
of flights it needs, whatever machine this runs on. Connections can be cut after any byte in either direction.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

import attrs

from tether_mailconf._ports import Buffer, Deadline, HttpRequest, HttpResponse, R, TLSFacts, unwatched
from tether_mailconf.credentials import AppPassword
from tether_mailconf.delivery.dispatch import Dispatch
from tether_mailconf.delivery.journal import Journal
from tether_mailconf.errors import Dropped, Step, Unreachable
from tether_mailconf.sandbox.imap_session import ImapSession
from tether_mailconf.sandbox.personality import Personality
from tether_mailconf.sandbox.session import Session
from tether_mailconf.sandbox.smtp_session import SmtpSession
from tether_mailconf.sandbox.store import Store, StoredMessage
from tether_mailconf.settings import (
    ConnectionSettings,
    CredentialKind,
    Endpoint,
    Filer,
    Security,
    SentPolicy,
)

T = TypeVar("T")

ROUND_TRIP = 0.1
ADDRESS = "ana@sandbox.test"
PASSWORD = "geheimes-wort"
_EPOCH = 1_800_000_000.0
TLS = TLSFacts(version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", expires_at=datetime(2027, 3, 1, tzinfo=UTC))
"""What a simulated connection says of its encryption. The world begins on 2027-01-15."""


class _Signal:
    """Something that is waited for."""

    def __init__(self) -> None:
        self.is_set = False
        self.wake: Callable[[], None] | None = None

    def set(self) -> None:
        if not self.is_set:
            self.is_set = True
            if self.wake is not None:
                self.wake()

    def __await__(self) -> Generator[_Signal, None, None]:
        if not self.is_set:
            yield self


class World:
    """Simulated time, and what is to happen when."""

    def __init__(self) -> None:
        self.time = 0.0
        self._order = itertools.count()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []

    def now(self) -> float:
        return self.time

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (self.time + seconds, next(self._order), action))

    def run(self, conversation: Coroutine[Any, Any, T]) -> T:
        """Run a conversation to its end; time passes only while it waits."""
        task = self.start(conversation)
        while not task.done.is_set:
            if not self._agenda:
                raise AssertionError("everybody waits for nothing")
            self.time, _, action = heapq.heappop(self._agenda)
            action()
        return task.result()

    def run_down(self) -> None:
        """Let everything happen that is still under way."""
        while self._agenda:
            self.time, _, action = heapq.heappop(self._agenda)
            action()

    def start(self, conversation: Coroutine[Any, Any, T]) -> _Task[T]:
        task = _Task(conversation)
        task.step()
        return task

    async def sleep(self, seconds: float) -> None:
        signal = _Signal()
        self.later(seconds, signal.set)
        await signal

    async def race(
        self,
        thunks: Sequence[Callable[[], Coroutine[Any, Any, T]]],
        until: Callable[[Mapping[int, T]], Deadline],
    ) -> dict[int, T]:
        """As the port's `race`. Who is late goes on, unheard."""
        tasks = [self.start(thunk()) for thunk in thunks]
        results: dict[int, T] = {}
        while True:
            results |= {index: task.result() for index, task in enumerate(tasks) if task.done.is_set}
            left = until(results).at - self.time
            if left <= 0 or len(results) == len(tasks):
                return results
            woken = _Signal()
            self.later(left, woken.set)
            for task in tasks:
                if not task.done.is_set:
                    task.done.wake = woken.set
            await woken


class _Task(Generic[T]):
    """A conversation in progress."""

    def __init__(self, conversation: Coroutine[Any, Any, T]) -> None:
        self._conversation = conversation
        self._outcome: tuple[T | None, BaseException | None] = (None, None)
        self.done = _Signal()

    def step(self) -> None:
        try:
            waited: _Signal = self._conversation.send(None)
        except StopIteration as stop:
            self._outcome = stop.value, None
            self.done.set()
        except BaseException as error:
            self._outcome = None, error
            self.done.set()
        else:
            waited.wake = self.step

    def result(self) -> T:
        value, error = self._outcome
        if error is not None:
            raise error
        return value  # type: ignore[return-value]


@attrs.define(kw_only=True)
class Cut:
    """Where one connection breaks.

    Args:
        after_sent: after so many bytes from the client; None: nowhere there.
        after_received: after so many bytes to it; None: nowhere there.
        late: seconds after which the server hears what the client was writing when `after_sent` was reached; the client
            sees at once that the connection has ended, though not before all is written.
    """

    after_sent: int | None = None
    after_received: int | None = None
    late: float = 0.0


class Line:
    """One simulated connection, seen from the client."""

    local_address = "127.0.0.1"
    tls: TLSFacts | None = None

    def __init__(self, world: World, session: Session, cut: Cut, log: list[tuple[str, bytes]], piece: int) -> None:
        self._world = world
        self._session = session
        self._cut = cut
        self._log = log
        self._piece = piece
        self._arrived = bytearray()
        self._has_ended = False
        self.is_closed = False
        self._is_silent = False
        self._waiting: _Signal | None = None
        self.sent = 0
        self.received = 0
        world.later(ROUND_TRIP / 2, self._answer)

    async def send(self, data: Buffer, deadline: Deadline) -> None:
        deadline.remaining(Step.CONNECT)
        raw = bytes(data)
        if self.is_closed or self._has_ended:
            raise Dropped(step=Step.CONNECT)
        room = len(raw) if self._cut.after_sent is None else max(0, self._cut.after_sent - self.sent)
        if room <= len(raw) and self._cut.late:
            self._world.later(self._cut.late, lambda: self._session.receive(raw))
            self._break()
            return
        self.sent += min(len(raw), room)
        self._log.append(("C", raw[:room]))
        if raw[:room]:
            self._world.later(ROUND_TRIP / 2, lambda: self._hear(raw[:room]))
        if room <= len(raw) and self._cut.after_sent is not None:
            self._break()
        if room < len(raw):
            raise Dropped(step=Step.CONNECT)

    async def receive(self, deadline: Deadline) -> bytes:
        while not self._arrived and not self._has_ended:
            self._waiting = _Signal()
            self._world.later(deadline.remaining(Step.CONNECT), self._waiting.set)
            await self._waiting
        return self._taken()

    async def receive_waiting(self) -> bytes | None:
        return self._taken() if self._arrived or self._has_ended else None

    async def start_tls(self, deadline: Deadline) -> None:
        if self._has_ended:
            raise Dropped(step=Step.TLS)
        await self._world.sleep(ROUND_TRIP)
        self._session.tls_started()
        self.tls = TLS

    async def close(self) -> None:
        self.is_closed = True

    def fall_silent(self) -> None:
        """Have the server answer nothing any more."""
        self._is_silent = True

    def hang_up(self) -> None:
        """Have the server close the connection, without a word."""
        self._break()

    def _taken(self) -> bytes:
        taken = bytes(self._arrived[: self._piece])
        del self._arrived[: self._piece]
        return taken

    def _hear(self, data: bytes) -> None:
        self._session.receive(data)
        self._answer()

    def _answer(self) -> None:
        if self._is_silent:
            return
        pause = self._session.pause
        data = self._session.take()
        if data:
            self._log.append(("S", data))
            self._world.later(pause + ROUND_TRIP / 2, lambda: self._arrive(data))
        if self._session.closing or self._session.aborting:
            self._world.later(pause + ROUND_TRIP / 2, self._break)

    def _arrive(self, data: bytes) -> None:
        if self._has_ended:
            return
        room = len(data) if self._cut.after_received is None else max(0, self._cut.after_received - self.received)
        self._arrived += data[:room]
        self.received += len(data[:room])
        if room <= len(data) and self._cut.after_received is not None:
            self._has_ended = True
        self._wake()

    def _break(self) -> None:
        self._has_ended = True
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None:
            self._waiting.set()


class _Slots:
    def __init__(self, world: World, count: int) -> None:
        self._world = world
        self._free = count
        self._queue: list[_Signal] = []

    async def acquire(self, deadline: Deadline) -> None:
        while not self._free:
            signal = _Signal()
            self._queue.append(signal)
            self._world.later(deadline.remaining(Step.QUEUE), signal.set)
            await signal
        self._free -= 1

    def release(self) -> None:
        self._free += 1
        while self._queue:
            self._queue.pop(0).set()


class Provider:
    """A simulated provider with one account, and the port that leads to it.

    Attributes:
        lines: the connections made so far, by protocol.
        log: what was said on all of them, in order.
        cuts: where the next connections of a protocol break; each is used up by one.
        dead: protocols whose server cannot be reached.
        silent: protocols whose server accepts the connection and says nothing.
    """

    def __init__(self, personality: Personality | None = None, *, piece: int = 65536) -> None:
        self.world = World()
        self.store = Store(personality or Personality(), lambda: _EPOCH + self.world.time)
        self.store.add_account(ADDRESS, PASSWORD)
        self.lines: dict[str, list[Line]] = {"smtp": [], "imap": []}
        self.log: list[tuple[str, bytes]] = []
        self.cuts: dict[str, list[Cut]] = {"smtp": [], "imap": []}
        self.dead: set[str] = set()
        self.silent: set[str] = set()
        self._piece = piece

    # -- the port --------------------------------------------------------------------------------------------------

    def permits(self, host: str, port: int | None = None) -> bool:
        return True

    async def connect(self, endpoint: Endpoint, deadline: Deadline, done: Callable[[Step], None] = unwatched) -> Line:
        protocol = endpoint.host.partition(".")[0]
        await self.world.sleep(ROUND_TRIP)
        if protocol in self.dead:
            raise Unreachable(step=Step.CONNECT, endpoint=endpoint)
        done(Step.LOOKUP)
        done(Step.CONNECT)
        session = (SmtpSession if protocol == "smtp" else ImapSession)(self.store, self.store.personality)
        if endpoint.security is Security.TLS:
            await self.world.sleep(ROUND_TRIP)
            session.tls_started()
            done(Step.TLS)
        cut = self.cuts[protocol].pop(0) if self.cuts[protocol] else Cut()
        line = Line(self.world, session, cut, self.log, self._piece)
        line.tls = TLS if endpoint.security is Security.TLS else None
        if protocol in self.silent:
            line.fall_silent()
        self.lines[protocol].append(line)
        return line

    async def fetch(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        raise AssertionError("this world has no web")

    async def resolve(self, name: str, kind: type[R], deadline: Deadline) -> tuple[R, ...]:
        raise AssertionError("this world has no name servers")

    async def race(
        self, thunks: Sequence[Callable[[], Coroutine[Any, Any, T]]], until: Callable[[Mapping[int, T]], Deadline]
    ) -> dict[int, T]:
        return await self.world.race(thunks, until)

    async def uninterrupted(
        self, thunk: Callable[[], Coroutine[Any, Any, T]], deadline: Deadline, *, longest: float
    ) -> T:
        return await thunk()

    async def gather(self, *thunks: Callable[[], Coroutine[Any, Any, T]]) -> list[T]:
        tasks = [self.world.start(thunk()) for thunk in thunks]
        for task in tasks:
            await task.done
        return [task.result() for task in tasks]

    def slots(self, count: int) -> _Slots:
        return _Slots(self.world, count)

    async def sleep(self, seconds: float) -> None:
        await self.world.sleep(seconds)

    def deadline(self, seconds: float) -> Deadline:
        return Deadline.after(seconds, self.world.now)

    def now(self) -> datetime:
        return datetime.fromtimestamp(_EPOCH, UTC) + timedelta(seconds=self.world.time)

    # -- what tests want -------------------------------------------------------------------------------------------

    def settings(
        self, *, filer: Filer = Filer.CLIENT, security: Security = Security.TLS, mailbox: str | None = None
    ) -> ConnectionSettings:
        smtp_port, imap_port = (465, 993) if security is Security.TLS else (587, 143)
        return ConnectionSettings(
            address=ADDRESS,
            smtp=Endpoint(host="smtp.sandbox.test", port=smtp_port, security=security),
            imap=Endpoint(host="imap.sandbox.test", port=imap_port, security=security),
            smtp_user=ADDRESS,
            imap_user=ADDRESS,
            credential=CredentialKind.APP_PASSWORD,
            sent=SentPolicy(filer=filer, mailbox=mailbox),
        )

    def dispatch(
        self, settings: ConnectionSettings | None = None, *, journal: Journal | None = None, connections: int = 2
    ) -> Dispatch:
        """Return what a Mailer of this provider would be, keeping its connections."""
        dispatch = Dispatch(self, settings or self.settings(), AppPassword(PASSWORD), journal, connections)
        dispatch.keep_connections()
        return dispatch

    def sent_folder(self) -> tuple[StoredMessage, ...]:
        """Return the messages in Sent, those included that the provider has filed by now."""
        account = self.store.account(ADDRESS)
        assert account is not None
        with self.store.lock:
            self.store.settle()
            mailbox = self.store.sent(account)
        return mailbox.messages if mailbox is not None else ()

    def bytes_on(self, protocol: str) -> tuple[int, int]:
        """Return how many bytes the last connection of a protocol has sent and received."""
        line = self.lines[protocol][-1]
        return line.sent, line.received
