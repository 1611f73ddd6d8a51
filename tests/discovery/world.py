"""A simulated internet: name servers, web servers and mail servers by name, in time that passes only while all wait.

What is asked of it is logged, so that a test can say what a discovery asked, and what it showed to whom.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import attrs

from tests.simulated import ADDRESS, Cut, Line, World
from tether_mailconf._ports import Deadline, HttpRequest, HttpResponse, R, Slots, unwatched
from tether_mailconf.errors import Dropped, NotPermitted, Step, TimedOut, Unreachable
from tether_mailconf.sandbox.imap_session import ImapSession
from tether_mailconf.sandbox.personality import Personality
from tether_mailconf.sandbox.smtp_session import SmtpSession
from tether_mailconf.sandbox.store import Store
from tether_mailconf.secret import Secret
from tether_mailconf.settings import Endpoint, Security

T = TypeVar("T")

ROUND_TRIP = 0.1
NEVER = 1e9
"""Seconds after which a black hole answers."""


@attrs.frozen(kw_only=True)
class Page:
    """What a web server answers at an URL."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])


@attrs.define(kw_only=True)
class Internet:
    """What there is.

    Attributes:
        records: for a name and a kind, its records.
        pages: for an URL without its query, what is there. Other URLs of the same host answer 404.
        mail: where mail servers listen.
        delays: for a question ("MX acme.example"), a host, a host with its port, or an URL: how much later it answers.
        inside: hosts whose address may not be dialled.
        forbidden: domains that no question may be about.
    """

    records: dict[tuple[str, type[Any]], tuple[Any, ...]] = attrs.field(factory=dict)
    pages: dict[str, Page] = attrs.field(factory=dict)
    mail: set[tuple[str, int]] = attrs.field(factory=set)
    delays: dict[str, float] = attrs.field(factory=dict)
    inside: set[str] = attrs.field(factory=set)
    forbidden: set[str] = attrs.field(factory=set)


class Port:
    """The port that leads into an `Internet`.

    Attributes:
        asked: each question to a name server and each request to a web server, in order.
        shown: everything that was shown to anybody, as bytes.
        dialled: each mail server that was connected to.
    """

    def __init__(self, internet: Internet) -> None:
        self.world = World()
        self.internet = internet
        self.asked: list[str] = []
        self.shown: list[bytes] = []
        self.dialled: list[Endpoint] = []
        self.log: list[tuple[str, bytes]] = []
        self.store = Store(Personality(), self.world.now)
        self.store.add_account(ADDRESS, "geheimes-wort")

    def permits(self, host: str, port: int | None = None) -> bool:
        return host not in self.internet.forbidden and port in (None, 143, 443, 465, 587, 993)

    async def resolve(self, name: str, kind: type[R], deadline: Deadline) -> tuple[R, ...]:
        if any(name == domain or name.endswith(f".{domain}") for domain in self.internet.forbidden):
            raise NotPermitted(step=Step.LOOKUP)
        self.asked.append(f"{kind.__name__} {name}")
        self.shown.append(name.encode())
        await self._wait((f"{kind.__name__} {name}",), ROUND_TRIP, deadline, Step.LOOKUP)
        return self.internet.records.get((name, kind), ())

    async def fetch(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        url = request.url.partition("?")[0]
        host = url.split("/")[2]
        if not url.startswith("https://") or host in {*self.internet.inside, *self.internet.forbidden}:
            raise NotPermitted(step=Step.LOOKUP)
        pages = {known: page for known, page in self.internet.pages.items() if known.split("/")[2] == host}
        await self._wait((host, url), ROUND_TRIP, deadline, Step.LOOKUP)
        if not pages:
            raise Unreachable(step=Step.LOOKUP)
        self.asked.append(f"{request.method} {request.url}")
        body = b"" if request.body is None else request.body.reveal_bytes()
        shown = [value.reveal() if isinstance(value, Secret) else value for value in request.headers.values()]
        self.shown.append(request.url.encode() + body + "".join(shown).encode())
        await self._wait((), 4 * ROUND_TRIP, deadline, Step.CONNECT)
        page = pages.get(url, Page(status=404))
        if len(page.body) > request.limit:
            raise Dropped(step=Step.DISCOVERY)
        return HttpResponse(status=page.status, headers=page.headers, body=Secret(page.body))

    async def connect(self, endpoint: Endpoint, deadline: Deadline, done: Callable[[Step], None] = unwatched) -> Line:
        if endpoint.host in self.internet.inside:
            raise NotPermitted(step=Step.LOOKUP)
        await self._wait((endpoint.host, f"{endpoint.host}:{endpoint.port}"), 2 * ROUND_TRIP, deadline, Step.CONNECT)
        if (endpoint.host, endpoint.port) not in self.internet.mail:
            raise Unreachable(step=Step.CONNECT, endpoint=endpoint)
        self.dialled.append(endpoint)
        session = (SmtpSession if endpoint.port in (465, 587) else ImapSession)(self.store, self.store.personality)
        if endpoint.security is Security.TLS:
            await self.world.sleep(ROUND_TRIP)
            session.tls_started()
        return Line(self.world, session, Cut(), self.log, 65536)

    async def gather(self, *thunks: Callable[[], Coroutine[Any, Any, T]]) -> list[T]:
        tasks = [self.world.start(thunk()) for thunk in thunks]
        for task in tasks:
            await task.done
        return [task.result() for task in tasks]

    async def race(
        self, thunks: Sequence[Callable[[], Coroutine[Any, Any, T]]], until: Callable[[Mapping[int, T]], Deadline]
    ) -> dict[int, T]:
        return await self.world.race(thunks, until)

    async def uninterrupted(
        self, thunk: Callable[[], Coroutine[Any, Any, T]], deadline: Deadline, *, longest: float
    ) -> T:
        return await thunk()

    def slots(self, count: int) -> Slots:
        raise AssertionError("discovery has no queue")

    async def sleep(self, seconds: float) -> None:
        await self.world.sleep(seconds)

    def deadline(self, seconds: float) -> Deadline:
        return Deadline.after(seconds, self.world.now)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.world.time, UTC)

    async def _wait(self, names: tuple[str, ...], seconds: float, deadline: Deadline, step: Step) -> None:
        """Let the time pass that an answer takes; raise when the deadline comes first."""
        needed = seconds + sum(self.internet.delays.get(name, 0.0) for name in names)
        left = deadline.remaining(step)
        await self.world.sleep(min(needed, left))
        if needed > left:
            raise TimedOut(step=step)
