"""The act: all sources at once, under one deadline, and a short wait for the others once one has answered well."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from .. import presets
from .._ports import IO, Deadline
from ..credentials import Credential
from ..credentials.token import TokenSource
from ..errors import ConversationError, NotPermitted, Step
from .offer import Answer, Heard, Server, Source
from .query import Asking, Query, failed, read_query
from .ranking import conflicts, is_settled, ranked
from .report import Discovery, SourceReport
from .sources import autoconfig, autodiscover, catalogue, database, guess, mx, srv
from .verify import verify

GRACE = 0.15
"""Seconds that the other sources are waited for once one has told servers that can be believed."""

RECORD_GRACE = 0.5
"""The same where name servers told them: they answer sooner than any web server can."""

GUESS_GRACE = 1.0
"""The same where they were only guessed: whoever can tell is worth a longer wait."""

RACE_SECONDS = 10.0
"""Longest that the sources are waited for."""

Ask: TypeAlias = Callable[[Query, Asking], Coroutine[Any, Any, "Heard | tuple[Heard, ...]"]]


@attrs.frozen
class Entrant:
    """Somebody in the race: which source, how it is asked, and how many of the requests it may make.

    The shares add up to a little more than there are, because no domain makes use of all of them.
    """

    source: Source
    ask: Ask
    share: int


_ENTRANTS = (
    Entrant(Source.MX, mx.ask, 3),
    Entrant(Source.AUTOCONFIG, autoconfig.ask_autoconfig_host, 2),
    Entrant(Source.AUTOCONFIG, autoconfig.ask_well_known, 2),
    Entrant(Source.SRV, srv.ask, 4),
    Entrant(Source.AUTODISCOVER, autodiscover.ask, 2),
    Entrant(Source.GUESS, guess.ask, 0),
)

# How long the others are waited for, and who does not count for it.
_BY_RECORDS = frozenset({Source.MX, Source.SRV, Source.MAIL_FILTER})
_PATIENCE: tuple[tuple[float, frozenset[Source]], ...] = (
    (0.0, _BY_RECORDS | {Source.GUESS}),
    (RECORD_GRACE, frozenset({Source.GUESS})),
    (GUESS_GRACE, frozenset()),
)


async def discover(
    io: IO,
    address: str,
    *,
    credential: Credential | TokenSource | None,
    sources: Collection[Source] | None,
    database_url: str | None,
    grace: float,
    seconds: float,
) -> Discovery:
    """See `tether_mailconf.discover`."""
    query = read_query(address)
    if database_url is not None:
        database.check_base(database_url)
    whole = io.deadline(seconds)
    started = whole.clock()
    asking = Asking(io, whole.sooner(RACE_SECONDS))
    wanted = frozenset(Source) if sources is None else frozenset(sources)
    entrants = [one for one in _entrants(database_url) if one.source in wanted]
    listed = catalogue.look_up(query) if Source.CATALOGUE in wanted else _skipped(Source.CATALOGUE, "not to be asked")
    race = _Race(query, asking, grace)
    # Of some providers only the submission server is known: then the others may know more.
    if listed.outcome is Answer.FOUND and all(bool(offer.smtp) == bool(offer.imap) for offer in listed.offers):
        left_out = dict.fromkeys(one.source for one in entrants)
        heard = [listed, *(_skipped(source, "there was no need to ask") for source in left_out)]
    else:
        if entrants and not io.permits(query.domain):
            # Before anybody hears of it: the database is public, and would be told of a domain that is not.
            raise NotPermitted(step=Step.DISCOVERY)
        heard = [listed, *await race.run(entrants)]
    asking.close()
    heard = [_dialable(one, io) for one in heard if one.source in wanted or one.source is Source.CATALOGUE]
    found = Discovery(
        address=query.address,
        candidates=ranked(heard, query),
        sources=tuple(
            SourceReport(source=one.source, outcome=one.outcome, said=one.said, seconds=one.seconds) for one in heard
        ),
        conflicts=conflicts(heard),
        suggestion=_suggestion(query),
        seconds=whole.clock() - started,
        grace=race.waited,
        requests=asking.count,
    )
    if credential is None or found.suggestion:
        # Whoever owns a domain of slips gets no password before a person has looked at it.
        return found
    return await verify(io, found, credential, whole)


class _Race:
    """All sources at once.

    Attributes:
        waited: seconds that others were waited for after the first good answer.
    """

    def __init__(self, query: Query, asking: Asking, grace: float) -> None:
        self.waited = 0.0
        self._query = query
        self._asking = asking
        self._grace = grace
        self._settled: float | None = None
        self._ends: dict[float, Deadline] = {}

    async def run(self, entrants: Sequence[Entrant]) -> list[Heard]:
        """Return what each source said, in the order of the entrants."""
        clock = self._asking.deadline.clock
        started = clock()
        results = await self._asking.io.race([self._thunk(one) for one in entrants], self._until)
        ended = clock()
        heard: list[Heard] = []
        for index, entrant in enumerate(entrants):
            late = Heard(
                source=entrant.source, outcome=Answer.LATE, said="it had not answered", seconds=ended - started
            )
            heard.extend(results.get(index, (late,)))
        self.waited = 0.0 if self._settled is None else ended - self._settled
        return heard

    def _thunk(self, entrant: Entrant) -> Callable[[], Coroutine[Any, Any, tuple[Heard, ...]]]:
        asking = self._asking.share(entrant.share)

        async def run() -> tuple[Heard, ...]:
            clock = self._asking.deadline.clock
            started = clock()
            said: Heard | tuple[Heard, ...]
            try:
                said = await entrant.ask(self._query, asking)
            except ConversationError as error:
                said = failed(entrant.source, error)
            taken = clock() - started
            several = said if isinstance(said, tuple) else (said,)
            return tuple(attrs.evolve(_dialable(one, asking.io), seconds=taken) for one in several)

        return run

    def _until(self, results: Mapping[int, tuple[Heard, ...]]) -> Deadline:
        whole = self._asking.deadline
        heard = [one for several in results.values() for one in several]
        if self._settled is None and is_settled(heard, self._query):
            self._settled = whole.clock()
        for patience, untold in _PATIENCE:
            told = [one for one in heard if one.source not in untold]
            if patience not in self._ends and is_settled(told, self._query):
                self._ends[patience] = whole.sooner(max(patience, self._grace))
        return min(self._ends.values(), key=lambda one: one.at) if self._ends else whole


def _entrants(database_url: str | None) -> tuple[Entrant, ...]:
    if database_url is None:
        return _ENTRANTS

    async def in_database(query: Query, asking: Asking) -> Heard:
        return await database.ask(database_url, query, asking)

    return Entrant(Source.DATABASE, in_database, 1), *_ENTRANTS


def _dialable(heard: Heard, io: IO) -> Heard:
    """Return what was heard without the servers that the network policy would never let us dial."""

    def kept(servers: tuple[Server, ...]) -> tuple[Server, ...]:
        return tuple(one for one in servers if io.permits(one.endpoint.host, one.endpoint.port))

    offers = tuple(attrs.evolve(one, smtp=kept(one.smtp), imap=kept(one.imap)) for one in heard.offers)
    if heard.outcome is Answer.FOUND and any(one.smtp for one in heard.offers) and not any(one.smtp for one in offers):
        said = f"{heard.said}; no submission server among them may be dialled"
        return attrs.evolve(heard, outcome=Answer.NOTHING, offers=(), said=said)
    return attrs.evolve(heard, offers=offers)


def _skipped(source: Source, said: str) -> Heard:
    return Heard(source=source, outcome=Answer.SKIPPED, said=said)


def _suggestion(query: Query) -> str:
    domain = presets.suggestion(query.domain)
    return "" if domain is None else f"{query.address.rpartition('@')[0]}@{domain}"
