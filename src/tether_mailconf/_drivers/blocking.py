"""The port for ordinary threads: its `async def` methods block and never suspend, so `run_sync` can drive them."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from .._ports import Deadline, HttpRequest, HttpResponse, R, run_sync, unwatched
from ..errors import ConversationError, Dropped, Step, TimedOut
from ..settings import Endpoint
from .channel import StreamChannel, opened
from .dialling import Answer, dial, in_a_thread
from .guard import NetworkPolicy
from .stream import READ_SIZE, Origin
from .tls import trust
from .web import asking, web_endpoint

T = TypeVar("T")


class BlockingStream:
    """A connected socket whose waits block the calling thread."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._origin = Origin()
        self.local_address = str(sock.getsockname()[0])

    async def write(self, data: memoryview, deadline: Deadline) -> None:
        if not self._origin.is_here:
            raise Dropped(step=Step.CONNECT)
        while data:
            self._socket.settimeout(deadline.remaining(Step.CONNECT))
            try:
                data = data[self._socket.send(data) :]
            except TimeoutError:
                continue
            except OSError as error:
                raise Dropped(step=Step.CONNECT) from error

    async def read(self, deadline: Deadline) -> bytes:
        while self._origin.is_here:
            self._socket.settimeout(deadline.remaining(Step.CONNECT))
            try:
                return self._socket.recv(READ_SIZE)
            except TimeoutError:
                continue
            except OSError:
                break
        return b""

    def read_waiting(self) -> bytes | None:
        if not self._origin.is_here:
            return b""
        try:
            self._socket.settimeout(0)
            return self._socket.recv(READ_SIZE)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def close(self) -> None:
        if self._origin.is_here:
            # Else a thread that is waiting for it would keep it open until its deadline.
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class BlockingSlots:
    """A counted permission among threads. A forked child, which has none of its parent's threads, has all of it."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._free: dict[int, threading.Semaphore] = {}

    async def acquire(self, deadline: Deadline) -> None:
        if not self._here().acquire(timeout=deadline.remaining(Step.QUEUE)):
            raise TimedOut(step=Step.QUEUE)

    def release(self) -> None:
        self._here().release()

    def _here(self) -> threading.Semaphore:
        """Return what counts in this process: the parent's may be locked by a thread that is not here."""
        process = os.getpid()
        return self._free.get(process) or self._free.setdefault(process, threading.Semaphore(self._count))


class BlockingIO:
    """The outside world for threads.

    Args:
        network: what may be dialled.
        ca_file: further certificate authorities to trust (PEM).
    """

    def __init__(self, network: NetworkPolicy, ca_file: str | Path | None) -> None:
        self._network = network
        self._ca_file = ca_file

    def permits(self, host: str, port: int | None = None) -> bool:
        return self._network.permits(host, port)

    async def connect(
        self, endpoint: Endpoint, deadline: Deadline, done: Callable[[Step], None] = unwatched
    ) -> StreamChannel:
        context = trust(self._ca_file)
        stream = await dial(endpoint, self._network, deadline, found=_found, connect=_connect, done=done)
        return await opened(stream, context, endpoint, deadline, done)

    async def fetch(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        endpoint = web_endpoint(request)
        with asking(endpoint, request.step):
            context = trust(self._ca_file)
            from .http import exchange

            stream = await dial(endpoint, self._network, deadline, found=_found, connect=_connect)
            outcome = exchange(stream, context, endpoint, request, deadline)
            if isinstance(outcome, ConversationError):
                raise outcome
            return outcome

    async def resolve(self, name: str, kind: type[R], deadline: Deadline) -> tuple[R, ...]:
        self._network.check_domain(name)

        def work() -> Answer[tuple[R, ...]]:
            from .names import resolve

            return resolve(name, kind, self._network.name_servers, deadline)

        # In a thread that can be left behind: between two questions dnspython sleeps without a look at the time left.
        return await _found(functools.partial(in_a_thread, work), deadline)

    async def race(
        self,
        thunks: Sequence[Callable[[], Coroutine[Any, Any, T]]],
        until: Callable[[Mapping[int, T]], Deadline],
    ) -> dict[int, T]:
        outcomes: queue.SimpleQueue[tuple[int, Callable[[], T]]] = queue.SimpleQueue()

        def run(index: int) -> None:
            _work(thunks[index], lambda outcome: outcomes.put((index, outcome)))

        started = 0
        # Where the machine has no thread left, who could not start is late.
        with contextlib.suppress(RuntimeError):
            for index in range(len(thunks)):
                work = functools.partial(contextvars.copy_context().run, run, index)
                threading.Thread(target=work, name="mailconf-race", daemon=True).start()
                started += 1
        results: dict[int, T] = {}
        while len(results) < started:
            latest = until(results)
            try:
                index, outcome = outcomes.get(timeout=latest.remaining(Step.DISCOVERY))
            except (queue.Empty, TimedOut):
                break
            results[index] = outcome()
        return results

    async def uninterrupted(
        self, thunk: Callable[[], Coroutine[Any, Any, T]], deadline: Deadline, *, longest: float
    ) -> T:
        seconds = deadline.remaining(Step.TOKEN)
        if seconds >= longest:
            return await thunk()
        outcomes: queue.SimpleQueue[Callable[[], T]] = queue.SimpleQueue()
        # No daemon: a program that ends waits for it.
        threading.Thread(target=_work, args=(thunk, outcomes.put), name="tether_mailconf renewal").start()
        try:
            outcome = outcomes.get(timeout=seconds)
        except queue.Empty:
            raise TimedOut(step=Step.TOKEN) from None
        return outcome()

    async def gather(self, *thunks: Callable[[], Coroutine[Any, Any, T]]) -> list[T]:
        outcomes: list[tuple[T | None, BaseException | None]] = [(None, None)] * len(thunks)

        def run(index: int) -> None:
            try:
                outcomes[index] = run_sync(thunks[index]()), None
            except BaseException as error:  # noqa: BLE001 - carried to the caller's thread and raised there
                outcomes[index] = None, error

        others = [
            threading.Thread(target=contextvars.copy_context().run, args=(run, index), name="mailconf", daemon=True)
            for index in range(1, len(thunks))
        ]
        started = 0
        # Where the machine has no thread left, the others come after the first, in this one.
        with contextlib.suppress(RuntimeError):
            for thread in others:
                thread.start()
                started += 1
        run(0)
        if isinstance(outcomes[0][1], Exception | None):
            for index in range(1 + started, len(thunks)):
                run(index)
            for thread in others[:started]:
                thread.join()
        for _, error in outcomes:
            if error is not None:
                raise error
        return [result for result, _ in outcomes]  # type: ignore[misc]  # every one ended without an error

    def slots(self, count: int) -> BlockingSlots:
        return BlockingSlots(count)

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def deadline(self, seconds: float) -> Deadline:
        return Deadline.after(seconds)

    def now(self) -> datetime:
        return datetime.now().astimezone()


def _work(thunk: Callable[[], Coroutine[Any, Any, T]], done: Callable[[Callable[[], T]], None]) -> None:
    try:
        result = run_sync(thunk())
    except BaseException as error:  # noqa: BLE001 - carried to the caller's thread and raised there
        done(functools.partial(_raise, error))
    else:
        done(lambda: result)


def _raise(error: BaseException) -> NoReturn:
    raise error


async def _found(ask: Callable[[Callable[[Answer[T]], None]], None], deadline: Deadline) -> T:
    """Wait for what a thread hands over."""
    answer: queue.SimpleQueue[Answer[T]] = queue.SimpleQueue()
    ask(answer.put)
    try:
        found = answer.get(timeout=deadline.remaining(Step.LOOKUP))
    except queue.Empty:
        raise TimedOut(step=Step.LOOKUP) from None
    if isinstance(found, ConversationError):
        raise found
    return found


async def _connect(sock: socket.socket, where: tuple[str, int], deadline: Deadline) -> BlockingStream:
    sock.settimeout(deadline.remaining(Step.CONNECT))
    sock.connect(where)
    return BlockingStream(sock)
