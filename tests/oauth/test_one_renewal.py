"""One request for all who want a fresh token, whoever waits, leaves, dies or comes late."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest

from tether_mailconf._drivers.asyncio import AsyncioIO
from tether_mailconf._drivers.guard import NetworkPolicy
from tether_mailconf._oauth import token as tokens
from tether_mailconf._ports import Deadline, HttpRequest, HttpResponse
from tether_mailconf.credentials.token import BearerToken
from tether_mailconf.errors import TimedOut
from tether_mailconf.secret import Secret
from tether_mailconf.token_stores.memory import MemoryTokenStore

from .renewing import Act, Blocking, Desk, account, fresh, kept, put, token_of


class Looping(AsyncioIO):
    def __init__(self, desk: Desk) -> None:
        super().__init__(NetworkPolicy(), None)
        self._desk = desk

    async def fetch(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        return await asyncio.to_thread(self._desk.answer, request)


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


def overtaken(store: MemoryTokenStore, status: int, content: object) -> Act:
    """Return an issuer's answer that comes when somebody else has renewed the token meanwhile."""

    def act(desk: Desk) -> tuple[int, object]:
        newer = attrs.evolve(
            kept(store),
            lease="",
            refresh=Secret("rt-newer"),
            access=Secret("at-newer"),
            issued_at=time.time(),
            expires_at=time.time() + 3600,
        )
        put(store, newer)
        return status, content

    return act


def test_one_who_comes_late_does_not_undo_a_newer_rotation(store: MemoryTokenStore, desk: Desk) -> None:
    token, io = account(store), Blocking(desk)
    desk.act = overtaken(store, 200, {"access_token": "at-late", "token_type": "Bearer", "refresh_token": "rt-late"})
    assert fresh(token, io).is_token(Secret("at-newer"))
    assert kept(store).refresh == Secret("rt-newer")


def test_one_who_is_refused_late_does_not_end_a_newer_sign_in(store: MemoryTokenStore, desk: Desk) -> None:
    token, io = account(store), Blocking(desk)
    desk.act = overtaken(store, 400, {"error": "invalid_grant"})
    assert fresh(token, io).is_token(Secret("at-newer"))
    assert kept(store).ended == ""
