"""Tokens stay fresh: in time, stored before they are used, and once more if a mail server refuses one."""

from __future__ import annotations

import time

import attrs
import pytest

from tether_mailconf._oauth.errors import SignInNeeded
from tether_mailconf._ports import run_sync
from tether_mailconf.credentials.token import BearerToken
from tether_mailconf.secret import Secret
from tether_mailconf.token_stores.memory import MemoryTokenStore

from .issuers import CLIENT
from .renewing import KEY, Blocking, Desk, account, fresh, kept, token_of


def test_a_token_with_time_left_is_used_as_it_is(store: MemoryTokenStore, desk: Desk) -> None:
    token = account(store, issued_at=time.time(), expires_at=time.time() + 3600)
    assert fresh(token, Blocking(desk)).is_token(Secret("at-old"))
    assert desk.count == 0


def test_a_token_is_renewed_before_it_ends(store: MemoryTokenStore, desk: Desk) -> None:
    token = account(store, issued_at=time.time() - 3400, expires_at=time.time() + 200)
    assert fresh(token, Blocking(desk)).is_token(Secret("at-1"))
    after = kept(store)
    assert (after.refresh, after.access, after.lease) == (Secret("rt-1"), Secret("at-1"), "")


def test_short_lives_have_short_margins(store: MemoryTokenStore, desk: Desk) -> None:
    desk.lifetime = 60
    token, io = account(store), Blocking(desk)
    fresh(token, io)
    io.ahead = 40
    fresh(token, io)
    assert desk.count == 1
    io.ahead = 50
    fresh(token, io)
    assert desk.count == 2


def test_the_new_refresh_token_is_stored_before_the_token_is_used(store: MemoryTokenStore, desk: Desk) -> None:
    token, io = account(store), Blocking(desk)
    for n in range(1, 6):
        io.ahead = n * 4000.0
        assert fresh(token, io).is_token(Secret(f"at-{n}"))
        assert kept(store).refresh == Secret(f"rt-{n}") == Secret(desk.valid)


def test_a_token_that_the_issuer_gives_again_is_not_tried_again(store: MemoryTokenStore, desk: Desk) -> None:
    now = time.time()
    token, io = account(store, issued_at=now, expires_at=now + 3000), Blocking(desk)
    desk.act = lambda _: (200, {"access_token": "at-old", "token_type": "Bearer", "expires_in": 3600})
    assert run_sync(token.renewed(fresh(token, io), io, io.deadline(30))) is None


def test_an_account_disconnected_meanwhile_stays_so(store: MemoryTokenStore, desk: Desk) -> None:
    token, io = account(store), Blocking(desk)

    def gone(desk: Desk) -> tuple[int, object]:
        stored = store.load(KEY)
        assert stored is not None
        assert store.swap(KEY, None, expected=stored.version)
        return 200, {"access_token": "at", "token_type": "Bearer"}

    desk.act = gone
    with pytest.raises(SignInNeeded):
        fresh(token, io)
    assert store.load(KEY) is None


@pytest.mark.parametrize("refresh", [None, "", ...], ids=repr)
def test_an_absent_or_empty_refresh_token_overwrites_nothing(
    store: MemoryTokenStore, desk: Desk, refresh: object
) -> None:
    token, io = account(store), Blocking(desk)
    content = {"access_token": "at", "token_type": "Bearer", "refresh_token": refresh}
    desk.act = lambda _: (200, {name: value for name, value in content.items() if value is not ...})
    assert fresh(token, io).is_token(Secret("at"))
    assert kept(store).refresh == Secret("rt-0")


def test_an_end_that_the_issuer_puts_off_is_none(store: MemoryTokenStore, desk: Desk) -> None:
    """Keycloak's sessions last a little from each use; Google's access for a time has one end."""
    now = time.time()
    for told, prolonged in ((1200, False), (1200 + 600, True)):
        token = account(store, refresh_until=now + 1200)
        desk.act = lambda _, told=told: (
            200,
            {"access_token": "at", "token_type": "Bearer", "expires_in": 3600, "refresh_token_expires_in": told},
        )
        fresh(token, Blocking(desk))
        assert kept(store).is_prolonged is prolonged
        assert abs(kept(store).refresh_until - now - told) < 60


def test_a_new_refresh_token_has_an_end_of_its_own(store: MemoryTokenStore, desk: Desk) -> None:
    until = time.time() + 1200
    answers: tuple[dict[str, str], ...] = ({"refresh_token": "rt-0"}, {})
    for answer, expected in zip(answers, (0.0, until), strict=True):
        token = account(store, refresh_until=until)
        good = {"access_token": "at", "token_type": "Bearer", "expires_in": 3600} | answer
        desk.act = lambda _, good=good: (200, good)
        fresh(token, Blocking(desk))
        assert kept(store).refresh_until == expected


@pytest.mark.parametrize("age", [0.0, 600.0])
def test_a_refused_token_is_renewed_once(store: MemoryTokenStore, desk: Desk, age: float) -> None:
    now = time.time()
    token, io = account(store, issued_at=now - age, expires_at=now + 3000), Blocking(desk)
    refused = fresh(token, io)
    other = run_sync(token.renewed(refused, io, io.deadline(30)))
    assert other is not None
    assert other.is_token(Secret("at-1"))
    again = run_sync(token.renewed(refused, io, io.deadline(30)))
    assert again is not None
    assert again.is_token(Secret("at-1")), "the other connection's refusal needs no further request"
    assert run_sync(token.renewed(again, io, io.deadline(30))) is None, "a third would be no better"
    assert desk.count == 1
    io.ahead = 61.0
    later = run_sync(token.renewed(again, io, io.deadline(30)))
    assert later is not None
    assert later.is_token(Secret("at-2")), "by now it may be for another reason"


def test_another_client_id_needs_another_sign_in(store: MemoryTokenStore, desk: Desk) -> None:
    account(store)
    with pytest.raises(SignInNeeded) as caught:
        fresh(token_of(store, attrs.evolve(CLIENT, id="new-client")), Blocking(desk))
    assert caught.value.code == "oauth.client_changed"


def test_who_never_signed_in_is_told_so(store: MemoryTokenStore, desk: Desk) -> None:
    with pytest.raises(SignInNeeded) as caught:
        fresh(token_of(store), Blocking(desk))
    assert caught.value.code == "oauth.never_signed_in"


def test_the_first_mail_sign_in_settles_whose_account_it_is(store: MemoryTokenStore, desk: Desk) -> None:
    token, io = account(store), Blocking(desk)
    at_hand = BearerToken(Secret("at-old"))
    run_sync(token.accepted(at_hand, "bo@issuer.test", io, io.deadline(5)))
    run_sync(token.accepted(BearerToken(Secret("at-of-another")), "ana@issuer.test", io, io.deadline(5)))
    seen = [token.account_verified]
    run_sync(token.accepted(at_hand, "Ana@issuer.test", io, io.deadline(5)))
    assert [*seen, token.account_verified] == [False, True]
    assert kept(store).is_verified
    fresh(token, io)
    assert kept(store).is_verified, "renewing forgets nothing"
