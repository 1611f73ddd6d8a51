"""Who answers when: what is waited for, for how long, and that the order of the answers changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tether_mailconf import Discovery, Source
from tether_mailconf._ports import MX, SRV
from tether_mailconf.discovery import Answer
from tether_mailconf.discovery.discover import GRACE, GUESS_GRACE, RECORD_GRACE
from tether_mailconf.discovery.probe import PATIENCE

from .asked import (
    ALONE,
    AUTOCONFIG,
    AUTODISCOVER,
    BLACK_HOLES,
    DOMAIN,
    LISTED,
    WELL_KNOWN,
    document,
    found_in,
    outcomes,
    services,
)
from .world import NEVER, ROUND_TRIP, Internet, Page

EVERYTHING = Internet(
    records={
        **services(),
        (DOMAIN, MX): (MX(preference=10, host=f"mx.{DOMAIN}"),),
    },
    pages={
        AUTOCONFIG: document(smtp=f"mail.{DOMAIN}"),
        WELL_KNOWN: document(imap=f"mail.{DOMAIN}"),
        LISTED: document(smtp="smtp.hoster.example", imap="imap.hoster.example"),
        AUTODISCOVER: Page(status=401),
    },
    mail={(f"smtp.{DOMAIN}", 465), (f"imap.{DOMAIN}", 993), (f"mail.{DOMAIN}", 587)},
)

TELLING = [
    f"MX {DOMAIN}",
    f"SRV _submissions._tcp.{DOMAIN}",
    f"SRV _imaps._tcp.{DOMAIN}",
    AUTOCONFIG,
    WELL_KNOWN,
    LISTED,
    AUTODISCOVER,
]
GUESSABLE = [f"smtp.{DOMAIN}:465", f"mail.{DOMAIN}:587", f"imap.{DOMAIN}:993"]


def delays(names: list[str], most: float) -> st.SearchStrategy[dict[str, float]]:
    return st.fixed_dictionaries({name: st.floats(0, most) for name in names})


def told(found: Discovery) -> Discovery:
    """The discovery without what time leaves on it."""
    sources = tuple(attrs.evolve(one, seconds=0.0) for one in found.sources)
    return attrs.evolve(found, sources=sources, seconds=0.0, grace=0.0)


@given(late=delays(TELLING, 0.9), guessed=delays(GUESSABLE, PATIENCE / 3))
@settings(max_examples=60, deadline=None)
def test_the_order_in_which_sources_answer_changes_nothing(late: dict[str, float], guessed: dict[str, float]) -> None:
    """All answer before the grace is over, in any order."""
    expected, _ = found_in(EVERYTHING, grace=20.0)
    found, _ = found_in(attrs.evolve(EVERYTHING, delays=late | guessed), grace=20.0)
    assert told(found) == told(expected)
    assert outcomes(expected)[Source.DATABASE] is Answer.FOUND
    assert found.best is not None
    assert found.best.source is Source.DATABASE


@given(late=delays(TELLING, GRACE / 4), guessed=delays(GUESSABLE, 2.0))
@settings(max_examples=60, deadline=None)
def test_with_the_usual_grace_the_best_is_the_best_in_any_order(
    late: dict[str, float], guessed: dict[str, float]
) -> None:
    without_services = {key: value for key, value in EVERYTHING.records.items() if key[1] is MX}
    found, _ = found_in(attrs.evolve(EVERYTHING, records=without_services, delays=late | guessed))
    assert found.best is not None
    assert found.best.source is Source.DATABASE


@pytest.mark.parametrize("name", ALONE)
def test_dead_hosts_cost_no_more_than_the_grace(name: str) -> None:
    """A source takes its own round trips; where everybody else is a black hole, the grace besides."""
    internet, alive, source, round_trips = ALONE[name]
    holes = {hole: seconds for hole, seconds in BLACK_HOLES.items() if hole not in alive}
    found, _ = found_in(attrs.evolve(internet, delays=holes))
    assert found.best is not None
    assert found.best.source is source
    grace = RECORD_GRACE if source in (Source.MX, Source.SRV, Source.MAIL_FILTER) else GRACE
    assert found.seconds == pytest.approx(round_trips * ROUND_TRIP + grace)
    assert found.grace == pytest.approx(grace)
    assert Answer.LATE in outcomes(found).values()


def test_a_guess_is_waited_with_longer() -> None:
    """Somebody may still tell; but in the end a guess will do."""
    mail = {(f"imap.{DOMAIN}", 993), (f"smtp.{DOMAIN}", 465)}
    holes = {name: NEVER for name in BLACK_HOLES if not name.startswith(("imap.", "smtp."))}
    found, _ = found_in(Internet(mail=mail, delays=holes))
    assert found.best is not None
    assert found.best.source is Source.GUESS
    assert found.grace == pytest.approx(GUESS_GRACE)
    told_late = {AUTOCONFIG: document()}
    holes = {name: seconds for name, seconds in holes.items() if name != f"autoconfig.{DOMAIN}"}
    found, _ = found_in(Internet(mail=mail, pages=told_late, delays={**holes, AUTOCONFIG: 0.8}))
    assert found.best is not None
    assert found.best.source is Source.AUTOCONFIG


def test_without_black_holes_nobody_is_waited_for_in_vain() -> None:
    found, _ = found_in(Internet(pages={AUTOCONFIG: document()}))
    assert found.seconds < 5 * ROUND_TRIP + GRACE + 0.001


def test_nothing_anywhere_is_an_answer_too() -> None:
    found, port = found_in(Internet())
    assert found.best is None
    assert found.candidates == ()
    assert set(outcomes(found).values()) <= {Answer.NOTHING, Answer.FAILED}
    assert not port.dialled
    found, _ = found_in(Internet(delays=dict(BLACK_HOLES)))
    assert found.best is None
    assert found.seconds <= 10.0 + 0.001


@pytest.mark.parametrize(
    "change",
    [
        lambda internet: internet,
        lambda internet: attrs.evolve(internet, pages={url: _moved(url) for url in internet.pages}),
    ],
    ids=["answers", "redirects without end"],
)
def test_no_discovery_makes_more_than_twelve_requests(change: Callable[[Internet], Internet]) -> None:
    busy = attrs.evolve(
        EVERYTHING,
        records={
            (DOMAIN, MX): (MX(preference=10, host="mx1.acme.pphosted.com"),),
            (f"_submission._tcp.{DOMAIN}", SRV): (SRV(priority=0, weight=0, port=587, host="smtp.other.example"),),
        },
        mail=set(),
    )
    found, port = found_in(change(busy), grace=20.0)
    assert len(port.asked) == found.requests <= 12


def _moved(url: str) -> Page:
    return Page(status=302, headers={"location": url + "/"})
