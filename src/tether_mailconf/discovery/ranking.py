"""From what the sources said to candidates in order. Pure, and blind to who answered first."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import attrs

from .. import presets
from ..errors import InvalidSettings
from ..settings import ConnectionSettings, CredentialKind
from .known import preset_of
from .offer import Answer, Heard, Offer, Server, Source, Trust
from .query import Query
from .report import Candidate, Conflict

MOST_PAIRS = 4
"""Pairs of servers that one offer makes candidates of."""

_ORDER = list(Source)
_UNTOLD = (Source.GUESS,)


def ranked(heard: Iterable[Heard], query: Query) -> tuple[Candidate, ...]:
    """Return the candidates, best first: those that can be believed, those with both servers, then by source.

    What several sources name alike is one candidate. Other forms of the user name come after all the rest of a source.
    """
    found: dict[ConnectionSettings, Candidate] = {}
    for one in sorted(heard, key=_rank):
        for offer in one.offers:
            for settings in _settings(offer, query):
                candidate = Candidate(
                    settings=settings, source=one.source, origin=offer.origin, trust=_trust(offer, settings)
                )
                found[settings] = _merged(found.get(settings), candidate)
    return tuple(sorted(found.values(), key=lambda one: (one.needs_confirmation, one.settings.imap is None)))


def is_settled(heard: Iterable[Heard], query: Query) -> bool:
    """Return whether one of these makes a candidate that needs no confirmation."""
    candidates = ranked([one for one in heard if one.outcome is Answer.FOUND], query)
    return any(not candidate.needs_confirmation for candidate in candidates)


def conflicts(heard: Iterable[Heard]) -> tuple[Conflict, ...]:
    """Return where sources that were told name servers that no other of them names; a guess contradicts nobody."""
    told = [one for one in sorted(heard, key=_rank) if one.offers and one.source not in _UNTOLD]
    found: list[Conflict] = []
    for protocol in ("smtp", "imap"):
        lists: list[tuple[Source, Sequence[Server]]] = [
            (one.source, servers) for one in told for offer in one.offers if (servers := getattr(offer, protocol))
        ]
        hosts = [{server.endpoint.host for server in servers} for _, servers in lists]
        if any(not one & other for one, other in itertools.combinations(hosts, 2)):
            said = tuple((source, servers[0].endpoint) for source, servers in lists)
            found.append(Conflict(protocol=protocol, said=said))
    return tuple(found)


def _rank(heard: Heard) -> tuple[int, str]:
    # The origin decides between two documents of one source, so that the order of their coming does not.
    return _ORDER.index(heard.source), heard.offers[0].origin if heard.offers else ""


def _merged(before: Candidate | None, candidate: Candidate) -> Candidate:
    if before is None:
        return candidate
    trust = candidate.trust if before.needs_confirmation else before.trust
    others = (*before.agreeing, candidate.source) if candidate.source is not before.source else before.agreeing
    return attrs.evolve(before, trust=trust, agreeing=tuple(dict.fromkeys(others)))


def _trust(offer: Offer, settings: ConnectionSettings) -> Trust:
    """Return the trust, which for a large provider's own servers does not depend on who named them."""
    if offer.preset != presets.CUSTOM.id or offer.trust is not Trust.UNPROVEN:
        return offer.trust
    known = preset_of(settings.smtp, settings.imap)
    return Trust.CATALOGUE if known is not None and known in presets.offered() else offer.trust


def _settings(offer: Offer, query: Query) -> Iterator[ConnectionSettings]:
    pairs = list(_pairs(offer))
    for smtp, imap in pairs:
        yield from _built(offer, query, smtp, imap, smtp.user or query.account, _user(imap, query))
    if pairs:
        smtp, imap = pairs[0]
        for smtp_user, imap_user in itertools.product(_forms(smtp, query), _forms(imap, query)):
            yield from _built(offer, query, smtp, imap, smtp_user, imap_user)


def _pairs(offer: Offer) -> Iterator[tuple[Server, Server | None]]:
    """Yield the pairs of servers, those first in which both stand far ahead."""
    imap: Sequence[Server | None] = offer.imap or (None,)
    places = itertools.product(range(len(offer.smtp)), range(len(imap)))
    for one, other in sorted(places, key=lambda place: (sum(place), place))[:MOST_PAIRS]:
        yield offer.smtp[one], imap[other]


def _forms(server: Server | None, query: Query) -> tuple[str, ...]:
    if server is None:
        return ("",)
    return tuple(dict.fromkeys((server.user or query.account, query.account, query.local_part)))


def _user(server: Server | None, query: Query) -> str:
    return "" if server is None else server.user or query.account


def _built(
    offer: Offer, query: Query, smtp: Server, imap: Server | None, smtp_user: str, imap_user: str
) -> Iterator[ConnectionSettings]:
    """Yield the settings, or nothing if such cannot be."""
    imap_endpoint = None if imap is None else imap.endpoint
    known = None if offer.preset != presets.CUSTOM.id else preset_of(smtp.endpoint, imap_endpoint)
    kinds = known.works if known is not None else smtp.kinds
    try:
        yield ConnectionSettings(
            address=query.address,
            preset=offer.preset if known is None else known.id,
            smtp=smtp.endpoint,
            imap=imap_endpoint,
            smtp_user=smtp_user,
            imap_user=imap_user,
            credential=next(iter(kinds), CredentialKind.PASSWORD),
        )
    except InvalidSettings:
        # A document may name an SMTP port for IMAP, or a user name no server would take.
        return
