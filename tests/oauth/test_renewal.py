"""Tokens stay fresh: one request for all who want one, nothing lost whatever goes wrong, and a clear end."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

import attrs
import pytest

from tether_mailconf._drivers.asyncio import AsyncioIO
from tether_mailconf._drivers.blocking import BlockingIO
from tether_mailconf._drivers.guard import NetworkPolicy
from tether_mailconf._oauth import record
from tether_mailconf._oauth import token as tokens
from tether_mailconf._oauth.client import Client
from tether_mailconf._oauth.errors import IssuerFailed, IssuerRefused, SignInNeeded
from tether_mailconf._oauth.grant import RefreshGrant
from tether_mailconf._oauth.keeping import Keeping
from tether_mailconf._oauth.record import Record
from tether_mailconf._oauth.service import MicrosoftGrant
from tether_mailconf._oauth.token import OAuthToken
from tether_mailconf._ports import Deadline, HttpRequest, HttpResponse, run_sync
from tether_mailconf.credentials.token import BearerToken
from tether_mailconf.credentials.token_store import Stored
from tether_mailconf.errors import StoreFailed, TimedOut, Unreachable
from tether_mailconf.secret import Secret
from tether_mailconf.token_stores.memory import MemoryTokenStore

from .issuers import CLIENT, ISSUER

KEY = record.key(ISSUER.id, "", "ana@issuer.test")
Act = Callable[["Desk"], tuple[int, object]]


class Desk:
    """An issuer that rotates strictly: each refresh token works once, and using one again kills the family."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = 0
        self.valid = "rt-0"
        self.lifetime: object = 3600
        self.pause = 0.0
        self.act: Act | None = None

    def answer(self, request: HttpRequest) -> HttpResponse:
        assert request.body is not None
        told = parse_qs(request.body.reveal())
        time.sleep(self.pause)
        with self.lock:
            self.count += 1
            status, content = self.act(self) if self.act is not None else self.rotate(told["refresh_token"][0])
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return HttpResponse(status=status, headers={}, body=Secret(body))

    def rotate(self, used: str) -> tuple[int, object]:
        if used != self.valid:
            self.valid = ""
            return 400, {"error": "invalid_grant"}
        self.valid = f"rt-{self.count}"
        return 200, {
            "access_token": f"at-{self.count}",
            "token_type": "Bearer",
            "expires_in": self.lifetime,
            "refresh_token": self.valid,
        }


class Blocking(BlockingIO):
    def __init__(self, desk: Desk, ahead: float = 0.0) -> None:
        super().__init__(NetworkPolicy(), None)
        self._desk = desk
        self.ahead = ahead

    async def fetch(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        return self._desk.answer(request)

    def now(self) -> datetime:
        return datetime.fromtimestamp(super().now().timestamp() + self.ahead).astimezone()


class Looping(AsyncioIO):
    def __init__(self, desk: Desk) -> None:
        super().__init__(NetworkPolicy(), None)
        self._desk = desk

    async def fetch(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        return await asyncio.to_thread(self._desk.answer, request)


def account(store: MemoryTokenStore, **changed: Any) -> OAuthToken:
    """An account that has signed in, its access token at an end unless told otherwise."""
    now = time.time()
    kept = Record(
        issuer=ISSUER.id,
        client_id=CLIENT.id,
        address="ana@issuer.test",
        login="ana@issuer.test",
        owner="",
        access=Secret("at-old"),
        issued_at=now - 7200,
        expires_at=now - 3600,
        refresh=Secret("rt-0"),
        granted_at=now - 7200,
    )
    put(store, attrs.evolve(kept, **changed))
    return token_of(store)


def token_of(store: Any, client: Client = CLIENT) -> OAuthToken:
    return OAuthToken(
        RefreshGrant(client),
        Keeping(store),
        KEY,
        address="ana@issuer.test",
        owner="",
        account_verified=False,
        code="",
        sentence="",
    )


def put(store: MemoryTokenStore, kept: Record) -> None:
    before = store.load(KEY)
    assert store.swap(KEY, kept.sealed(), expected=None if before is None else before.version)


def kept(store: MemoryTokenStore) -> Record:
    stored = store.load(KEY)
    assert stored is not None
    return Record.opened(stored.content)


def fresh(token: OAuthToken, io: Blocking, seconds: float = 30.0) -> BearerToken:
    return run_sync(token.fresh(io, io.deadline(seconds)))


@pytest.fixture
def store() -> MemoryTokenStore:
    return MemoryTokenStore()


@pytest.fixture
def desk() -> Desk:
    return Desk()


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


def test_twenty_threads_make_one_request(store: MemoryTokenStore, desk: Desk) -> None:
    desk.pause = 0.3
    tokens = [account(store), *(token_of(store) for _ in range(19))]
    with ThreadPoolExecutor(20) as pool:
        got = list(pool.map(lambda token: fresh(token, Blocking(desk)), tokens))
    assert all(one.is_token(Secret("at-1")) for one in got)
    assert desk.count == 1


def test_twenty_tasks_make_one_request(store: MemoryTokenStore, desk: Desk) -> None:
    desk.pause = 0.3
    token = account(store)

    async def main() -> list[BearerToken]:
        io = Looping(desk)
        return await asyncio.gather(*(token.fresh(io, io.deadline(30)) for _ in range(20)))

    assert all(one.is_token(Secret("at-1")) for one in asyncio.run(main()))
    assert desk.count == 1


def test_threads_and_tasks_together_make_one_request(store: MemoryTokenStore, desk: Desk) -> None:
    desk.pause = 0.3
    token = account(store)

    async def main() -> list[BearerToken]:
        io = Looping(desk)
        threads = [asyncio.to_thread(fresh, token_of(store), Blocking(desk)) for _ in range(10)]
        return await asyncio.gather(*threads, *(token.fresh(io, io.deadline(30)) for _ in range(10)))

    assert all(one.is_token(Secret("at-1")) for one in asyncio.run(main()))
    assert desk.count == 1


def test_a_cancelled_task_loses_no_rotation(store: MemoryTokenStore, desk: Desk) -> None:
    desk.pause = 0.5
    token = account(store)

    async def main() -> None:
        io = Looping(desk)
        task = asyncio.create_task(token.fresh(io, io.deadline(30)))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await token.fresh(io, io.deadline(30))).is_token(Secret("at-1"))

    asyncio.run(main())
    assert desk.count == 1
    assert kept(store).refresh == Secret("rt-1")


def test_who_died_with_the_lease_holds_up_nobody_for_long(store: MemoryTokenStore, desk: Desk) -> None:
    token = account(store, lease="dead", leased_until=time.time() - 60 + 0.5)
    assert fresh(token, Blocking(desk)).is_token(Secret("at-1"))
    assert kept(store).lease == ""


def test_who_waits_goes_by_its_own_clock_in_the_end(
    store: MemoryTokenStore, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dead one's clock was far ahead, or ours was put back since."""
    monkeypatch.setattr(tokens, "_LEASE", 0.5)
    token = account(store, lease="dead", leased_until=time.time() + 9999)
    assert fresh(token, Blocking(desk)).is_token(Secret("at-1"))


@pytest.mark.parametrize("ahead", [-30.0, -0.05, 30.0])
def test_clocks_of_two_machines_may_differ(store: MemoryTokenStore, desk: Desk, ahead: float) -> None:
    """A second request with the same refresh token would end the sign-in at an issuer that rotates."""
    account(store)
    desk.pause = 0.5
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(fresh, token_of(store), Blocking(desk))
        time.sleep(0.1)
        second = pool.submit(fresh, token_of(store), Blocking(desk, ahead))
        assert first.result().is_same(second.result())
    assert desk.count == 1


@pytest.mark.parametrize("colour", ["sync", "aio"])
def test_a_caller_who_has_to_leave_loses_no_rotation(store: MemoryTokenStore, desk: Desk, colour: str) -> None:
    """The issuer answers after the caller's deadline; what it says is stored nevertheless."""
    token = account(store)
    desk.pause = 0.5

    async def leave() -> None:
        io = Looping(desk)
        with pytest.raises(TimedOut):
            await token.fresh(io, io.deadline(0.1))
        await asyncio.sleep(1.5)

    if colour == "aio":
        asyncio.run(leave())
    else:
        with pytest.raises(TimedOut):
            fresh(token, Blocking(desk), seconds=0.1)
    end = time.monotonic() + 30
    while kept(store).lease:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert (kept(store).refresh, desk.count) == (Secret("rt-1"), 1)


def test_a_service_account_is_never_ended(store: MemoryTokenStore, desk: Desk) -> None:
    """Nobody could sign in again; when the administrator has mended it, mail goes on."""
    grant = MicrosoftGrant(
        client=CLIENT, certificate=b"", private_key=None, address="ana@issuer.test", resource="https://mail/.default"
    )
    token = OAuthToken(
        grant, Keeping(store), "key", address="ana@issuer.test", owner="", account_verified=True, code="", sentence=""
    )
    for error, description in (("consent_required", ""), ("invalid_grant", "AADSTS65001: no consent")):
        desk.act = lambda _, error=error, text=description: (400, {"error": error, "error_description": text})
        with pytest.raises(IssuerRefused):
            fresh(token, Blocking(desk))
    desk.act = lambda _: (200, {"access_token": "at-x", "token_type": "Bearer", "expires_in": 3600})
    assert fresh(token, Blocking(desk)).is_token(Secret("at-x"))


def test_a_token_that_the_issuer_gives_again_is_not_tried_again(store: MemoryTokenStore, desk: Desk) -> None:
    now = time.time()
    token, io = account(store, issued_at=now, expires_at=now + 3000), Blocking(desk)
    desk.act = lambda _: (200, {"access_token": "at-old", "token_type": "Bearer", "expires_in": 3600})
    assert run_sync(token.renewed(fresh(token, io), io, io.deadline(30))) is None


def test_a_store_that_cannot_be_written_costs_no_token_that_still_lives(store: MemoryTokenStore, desk: Desk) -> None:
    now = time.time()
    account(store, issued_at=now - 3400, expires_at=now + 200)
    broken = Failing(store, 99)
    broken.swaps = 1
    assert fresh(token_of(broken), Blocking(desk)).is_token(Secret("at-old"))
    assert desk.count == 0


def test_a_useless_answer_s_rotation_outlives_a_store_that_stumbles(store: MemoryTokenStore, desk: Desk) -> None:
    account(store)
    desk.act = lambda _: (
        200,
        {"access_token": "at", "token_type": "Bearer", "refresh_token": "rt-x", "scope": "openid"},
    )
    with pytest.raises(SignInNeeded) as caught:
        fresh(token_of(Failing(store, 2)), Blocking(desk))
    assert caught.value.code == "oauth.scope_missing"
    assert kept(store).refresh == Secret("rt-x")


def test_while_somebody_renews_a_token_that_still_lives_will_do(store: MemoryTokenStore, desk: Desk) -> None:
    now = time.time()
    token = account(store, issued_at=now - 3400, expires_at=now + 200, lease="other", leased_until=now + 20)
    assert fresh(token, Blocking(desk)).is_token(Secret("at-old"))
    assert desk.count == 0


def test_the_deadline_holds_while_somebody_else_renews(store: MemoryTokenStore, desk: Desk) -> None:
    token = account(store, lease="other", leased_until=time.time() + 25)
    with pytest.raises(TimedOut):
        fresh(token, Blocking(desk), seconds=0.3)
    assert desk.count == 0


def test_one_who_comes_late_does_not_undo_a_newer_rotation(store: MemoryTokenStore, desk: Desk) -> None:
    token, io = account(store), Blocking(desk)

    def overtaken(desk: Desk) -> tuple[int, object]:
        put(
            store,
            attrs.evolve(
                kept(store),
                lease="",
                refresh=Secret("rt-newer"),
                access=Secret("at-newer"),
                issued_at=time.time(),
                expires_at=time.time() + 3600,
            ),
        )
        return 200, {"access_token": "at-late", "token_type": "Bearer", "refresh_token": "rt-late"}

    desk.act = overtaken
    assert fresh(token, io).is_token(Secret("at-newer"))
    assert kept(store).refresh == Secret("rt-newer")


def test_one_who_is_refused_late_does_not_end_a_newer_sign_in(store: MemoryTokenStore, desk: Desk) -> None:
    token, io = account(store), Blocking(desk)

    def overtaken(desk: Desk) -> tuple[int, object]:
        put(
            store,
            attrs.evolve(
                kept(store),
                lease="",
                refresh=Secret("rt-newer"),
                access=Secret("at-newer"),
                issued_at=time.time(),
                expires_at=time.time() + 3600,
            ),
        )
        return 400, {"error": "invalid_grant"}

    desk.act = overtaken
    assert fresh(token, io).is_token(Secret("at-newer"))
    assert kept(store).ended == ""


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


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (500, b"<html>"),
        (200, b"<html>"),
        (200, b""),
        (302, b""),
        (429, {"error": "invalid_grant"}),
        (503, {"error": "temporarily_unavailable"}),
        (200, {"error": "invalid_grant"}),
        (200, {"access_token": "a b", "token_type": "Bearer", "refresh_token": "rubbish"}),
        (200, {"access_token": "at", "refresh_token": "rubbish"}),
        (400, b"[]"),
    ],
    ids=repr,
)
def test_rubbish_loses_nothing(store: MemoryTokenStore, desk: Desk, status: int, content: object) -> None:
    token, io = account(store), Blocking(desk)
    before = kept(store)
    desk.act = lambda _: (status, content)
    with pytest.raises(IssuerFailed):
        fresh(token, io)
    assert kept(store) == before
    desk.act = None
    assert fresh(token, io).is_token(Secret("at-2"))


def test_a_network_fault_loses_nothing(store: MemoryTokenStore, desk: Desk) -> None:
    from tether_mailconf.errors import Step

    token, io = account(store), Blocking(desk)
    before = kept(store)

    def fault(desk: Desk) -> tuple[int, object]:
        raise Unreachable(step=Step.CONNECT)

    desk.act = fault
    with pytest.raises(Unreachable):
        fresh(token, io)
    assert kept(store) == before


def test_a_token_with_some_life_left_bridges_a_fault(store: MemoryTokenStore, desk: Desk) -> None:
    token = account(store, issued_at=time.time() - 3400, expires_at=time.time() + 200)
    desk.act = lambda _: (500, b"")
    assert fresh(token, Blocking(desk)).is_token(Secret("at-old"))
    assert desk.count == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"token_type": "mac"}, "oauth.token_type"),
        ({"scope": "openid"}, "oauth.scope_missing"),
    ],
)
def test_a_token_for_something_else_is_an_error_and_loses_nothing(
    store: MemoryTokenStore, desk: Desk, content: dict[str, str], code: str
) -> None:
    """Not even the rotation: RFC 6749 section 6 has the client take the new refresh token, the old one may be spent."""
    token, io = account(store), Blocking(desk)
    before = kept(store)
    given: dict[str, str] = {"access_token": "at", "token_type": "Bearer", "refresh_token": "rt-x"}
    for answer, refresh in ((given, "rt-x"), (given | {"refresh_token": ""}, "rt-x")):
        desk.act = lambda _, answer=answer: (200, answer | content)
        with pytest.raises((IssuerRefused, SignInNeeded)) as caught:
            fresh(token, io)
        assert getattr(caught.value, "code", "") == code
        assert kept(store) == attrs.evolve(before, refresh=Secret(refresh))


@pytest.mark.parametrize(
    ("error", "description", "code"),
    [
        ("invalid_grant", "Token has been expired or revoked.", "oauth.revoked"),
        ("invalid_grant", "AADSTS700082: The refresh token has expired due to inactivity", "oauth.inactive"),
        ("invalid_grant", "AADSTS50173: The provided grant has expired", "oauth.password_changed"),
        ("invalid_grant", "AADSTS65001: consent", "oauth.consent_required"),
        ("interaction_required", "AADSTS50076: due to a configuration change", "oauth.interaction_required"),
        ("invalid_grant", "reauth related error (invalid_rapt)", "oauth.interaction_required"),
    ],
)
def test_only_a_clear_word_ends_a_sign_in(
    store: MemoryTokenStore, desk: Desk, error: str, description: str, code: str
) -> None:
    token, io = account(store), Blocking(desk)
    desk.act = lambda _: (400, {"error": error, "error_description": description})
    for _ in range(3):
        with pytest.raises(SignInNeeded) as caught:
            fresh(token, io)
        assert (caught.value.code, caught.value.address) == (code, "ana@issuer.test")
        assert caught.value.remedy
    assert desk.count == 1, "the issuer is not asked again"
    assert kept(store).refresh == Secret("rt-0")


def test_seven_days_at_google_look_like_testing_mode(store: MemoryTokenStore, desk: Desk) -> None:
    google = attrs.evolve(CLIENT, issuer=attrs.evolve(ISSUER, id="accounts.google.com"))
    for days, code in ((7.2, "oauth.testing_mode"), (3.0, "oauth.revoked"), (40.0, "oauth.revoked")):
        account(store, granted_at=time.time() - days * 86_400)
        desk.act = lambda _: (400, {"error": "invalid_grant", "error_description": "Token has been expired"})
        with pytest.raises(SignInNeeded) as caught:
            fresh(token_of(store, google), Blocking(desk))
        assert caught.value.code == code


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


@pytest.mark.parametrize(
    ("error", "description", "code"),
    [
        ("invalid_client", "", "oauth.client_invalid"),
        ("invalid_client", "AADSTS7000222: The provided client secret keys are expired", "oauth.client_secret_expired"),
        ("invalid_request", "AADSTS28000: more than one resource", "oauth.scope_invalid"),
        ("unheard_of", "", "oauth.refused"),
    ],
)
def test_a_fault_of_the_application_ends_no_sign_in(
    store: MemoryTokenStore, desk: Desk, error: str, description: str, code: str
) -> None:
    token, io = account(store), Blocking(desk)
    before = kept(store)
    desk.act = lambda _: (401, {"error": error, "error_description": description})
    with pytest.raises(IssuerRefused) as caught:
        fresh(token, io)
    assert caught.value.code == code
    assert kept(store) == before


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


class Failing:
    """A store that fails its first writes after the lease was taken."""

    def __init__(self, inner: MemoryTokenStore, failures: int) -> None:
        self.inner = inner
        self.failures = failures
        self.swaps = 0

    def load(self, key: str) -> Stored | None:
        return self.inner.load(key)

    def swap(self, key: str, content: Secret | None, *, expected: str | None, until: datetime | None = None) -> bool:
        self.swaps += 1
        if self.swaps > 1 and self.failures > 0:
            self.failures -= 1
            raise OSError("the disk is full")
        return self.inner.swap(key, content, expected=expected, until=until)


def test_a_store_that_stumbles_loses_no_rotation(store: MemoryTokenStore, desk: Desk) -> None:
    account(store)
    assert fresh(token_of(Failing(store, 2)), Blocking(desk)).is_token(Secret("at-1"))
    assert kept(store).refresh == Secret("rt-1")


def test_a_store_that_is_broken_is_an_error(store: MemoryTokenStore, desk: Desk) -> None:
    account(store)
    with pytest.raises(StoreFailed) as caught:
        fresh(token_of(Failing(store, 99)), Blocking(desk))
    assert isinstance(caught.value.__cause__, OSError)


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
