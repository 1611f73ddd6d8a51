"""What becomes of work when whoever waits for it is cancelled."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tether_mailconf import NetworkPolicy
from tether_mailconf._drivers.asyncio import AsyncioIO
from tether_mailconf.errors import TimedOut

from ..mailer.raw_server import Peer
from .asking import Colour, answering, hear_request, page
from .conftest import Serve

PATIENCE = 60.0


def fetching() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "mailconf-fetch"]


def wait_until_no_thread_fetches() -> None:
    end = time.monotonic() + PATIENCE
    while fetching():
        assert time.monotonic() < end
        time.sleep(0.01)


async def until_a_thread_fetches() -> None:
    """The server may have heard of the connection before the thread for it has begun."""
    end = time.monotonic() + PATIENCE
    while len(fetching()) != 1:
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("stage", ["handshake", "answer", "body"])
def test_a_cancelled_request_leaves_no_thread_and_no_connection(serve: Serve, stage: str) -> None:
    reached, gone = threading.Event(), threading.Event()

    def behave(peer: Peer) -> None:
        hear_request(peer)
        if stage == "body":
            peer.say_bytes(page(b"x" * 100)[:-50])
        reached.set()
        try:
            peer.hear_all()
        finally:
            gone.set()

    web = serve(behave)
    if stage == "handshake":
        web.server._context = None

        def mute(peer: Peer) -> None:
            reached.set()
            try:
                peer.hear_all()
            finally:
                gone.set()

        web.server._behave = mute

    async def cancel() -> None:
        io = AsyncioIO(web.network, web.ca_file)
        task = asyncio.create_task(io.fetch(web.secretive(), io.deadline(PATIENCE * 10)))
        assert await asyncio.to_thread(reached.wait, PATIENCE)
        await until_a_thread_fetches()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(gone.wait, PATIENCE)

    asyncio.run(cancel())
    wait_until_no_thread_fetches()
    gc.collect()


def test_a_request_ends_although_its_loop_has_gone(serve: Serve) -> None:
    reached = threading.Event()

    def behave(peer: Peer) -> None:
        hear_request(peer)
        reached.set()
        peer.hear_all()

    web = serve(behave)

    async def abandon() -> None:
        io = AsyncioIO(web.network, web.ca_file)
        asyncio.create_task(io.fetch(web.secretive(), io.deadline(PATIENCE * 10)))  # noqa: RUF006
        assert await asyncio.to_thread(reached.wait, PATIENCE)

    asyncio.run(abandon())
    wait_until_no_thread_fetches()


def test_a_request_does_not_wait_for_the_loops_own_threads(serve: Serve) -> None:
    web = serve(answering(page(b"ok")))
    free = threading.Event()

    async def ask() -> int:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        busy = loop.run_in_executor(None, free.wait, PATIENCE)
        io = AsyncioIO(web.network, web.ca_file)
        try:
            return (await io.fetch(web.secretive(), io.deadline(PATIENCE))).status
        finally:
            free.set()
            await busy

    assert asyncio.run(ask()) == 200


def test_many_requests_at_the_same_time(serve: Serve) -> None:
    web = serve(answering(page(b"ok")))

    async def ask() -> list[int]:
        io = AsyncioIO(web.network, web.ca_file)
        answers = await asyncio.gather(*(io.fetch(web.secretive(), io.deadline(PATIENCE)) for _ in range(20)))
        return [answer.status for answer in answers]

    assert asyncio.run(ask()) == [200] * 20
    wait_until_no_thread_fetches()


# -- uninterrupted ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("longest", [0.0, PATIENCE * 2], ids=["time enough", "too short for certain"])
def test_its_result_and_its_error_reach_the_caller(colour: Colour, longest: float) -> None:
    io = colour.io(NetworkPolicy(), None)

    async def answer() -> int:
        return 42

    async def fail() -> int:
        raise KeyError("x")

    assert colour.run(io.uninterrupted(answer, io.deadline(PATIENCE), longest=longest)) == 42
    with pytest.raises(KeyError):
        colour.run(io.uninterrupted(fail, io.deadline(PATIENCE), longest=longest))


async def uninterrupted(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    io = AsyncioIO(NetworkPolicy(), None)
    await io.uninterrupted(work, io.deadline(PATIENCE), longest=1.0)


def test_it_goes_on_when_the_deadline_comes_first(colour: Colour) -> None:
    """Blocking or not: the caller leaves in time, and the work comes to its end."""
    io = colour.io(NetworkPolicy(), None)
    done = threading.Event()

    async def work() -> None:
        await io.sleep(0.5)
        done.set()

    async def leave() -> bool:
        with pytest.raises(TimedOut):
            await io.uninterrupted(work, io.deadline(0.05), longest=10.0)
        was_done = done.is_set()
        end = time.monotonic() + PATIENCE
        while not done.is_set():
            assert time.monotonic() < end
            await io.sleep(0.02)
        return was_done

    assert not colour.run(leave())


@pytest.mark.parametrize("ending", ["result", "error"])
def test_it_goes_on_when_the_caller_is_cancelled(ending: str) -> None:
    steps: list[str] = []
    complaints: list[dict[str, Any]] = []

    async def cancel() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        begun, may_end = asyncio.Event(), asyncio.Event()

        async def work() -> None:
            begun.set()
            await may_end.wait()
            steps.append("done")
            if ending == "error":
                raise KeyError("x")

        caller = asyncio.create_task(uninterrupted(work))
        await begun.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert steps == []
        del caller
        gc.collect()
        may_end.set()
        while not steps:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        gc.collect()

    asyncio.run(cancel())
    gc.collect()
    assert steps == ["done"]
    assert complaints == []


def test_it_is_not_collected_while_it_waits() -> None:
    """Nothing but the library holds it: neither the caller, who was cancelled, nor the loop."""

    async def cancel() -> list[str]:
        steps: list[str] = []
        begun = asyncio.Event()

        async def work() -> None:
            try:
                begun.set()
                await asyncio.get_running_loop().create_future()
            finally:
                steps.append("ended")

        caller = asyncio.create_task(uninterrupted(work))
        await begun.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        del caller
        for _ in range(3):
            gc.collect()
            await asyncio.sleep(0)
        return steps.copy()

    assert asyncio.run(cancel()) == []
