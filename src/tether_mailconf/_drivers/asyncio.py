"""The port for asyncio: plain non-blocking sockets on the running loop, with our own TLS above them.

asyncio's streams and transports are not used: they keep ten times the memory for an idle TLS connection, and they
cannot say whether the last byte of a message was handed over before a failure.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import selectors
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from .._ports import Deadline, HttpRequest, HttpResponse, R, unwatched
from ..errors import ConversationError, Dropped, Step, TimedOut
from ..settings import Endpoint
from .blocking import BlockingStream
from .channel import StreamChannel, opened
from .dialling import Answer, dial, in_a_thread
from .guard import NetworkPolicy
from .stream import READ_SIZE, Origin
from .tls import trust
from .web import asking, web_endpoint

T = TypeVar("T")

_GOING_ON: set[asyncio.Task[Any]] = set()
"""Tasks that go on although nobody may be waiting for them. The loop itself would let them be collected."""


class AsyncioStream:
    """A connected socket whose waits suspend the calling task."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._had_more = False
        self._origin = Origin()
        self.local_address = str(sock.getsockname()[0])

    async def write(self, data: memoryview, deadline: Deadline) -> None:
        if not self._origin.is_here:
            raise Dropped(step=Step.CONNECT)
        while data:
            try:
                data = data[self._socket.send(data) :]
            except BlockingIOError:
                await _ready(self._socket, selectors.EVENT_WRITE, deadline)
            except OSError as error:
                raise Dropped(step=Step.CONNECT) from error

    async def read(self, deadline: Deadline) -> bytes:
        # A server that always has more to say keeps neither us beyond the deadline nor the loop from everybody else.
        deadline.remaining(Step.CONNECT)
        if self._had_more:
            await asyncio.sleep(0)
        data = self.read_waiting()
        self._had_more = data is not None
        while data is None:
            await _ready(self._socket, selectors.EVENT_READ, deadline)
            data = self.read_waiting()
        return data

    def read_waiting(self) -> bytes | None:
        if not self._origin.is_here:
            return b""
        try:
            return self._socket.recv(READ_SIZE)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def close(self) -> None:
        self._socket.close()


async def _ready(sock: socket.socket, event: int, deadline: Deadline) -> None:
    """Wait until `sock` can be read or written.

    Raises:
        TimedOut: the deadline came first.
    """
    loop = asyncio.get_running_loop()
    seconds = deadline.remaining(Step.CONNECT)
    reading, number = event == selectors.EVENT_READ, sock.fileno()
    woken: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not woken.done():
            woken.set_result(None)

    def expire() -> None:
        if not woken.done():
            woken.set_exception(TimedOut(step=Step.CONNECT))

    try:
        # By its number: of a socket that it does not know yet, the selector would make a text first.
        (loop.add_reader if reading else loop.add_writer)(number, wake)
    except NotImplementedError:
        # Windows' proactor loop watches no sockets; a thread does it there, in slices that a cancelled task outlives.
        await loop.run_in_executor(None, _select, sock, event, min(seconds, 1.0))
        return
    timer = loop.call_later(seconds, expire)
    try:
        await woken
    finally:
        timer.cancel()
        (loop.remove_reader if reading else loop.remove_writer)(number)


def _select(sock: socket.socket, event: int, seconds: float) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(sock, event)
        selector.select(seconds)


class AsyncioSlots:
    """A counted permission among tasks."""

    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)

    async def acquire(self, deadline: Deadline) -> None:
        seconds = deadline.remaining(Step.QUEUE)
        if not self._free.locked():
            # It does not wait.
            await self._free.acquire()
            return
        try:
            async with asyncio.timeout(seconds):
                await self._free.acquire()
        except TimeoutError:
            raise TimedOut(step=Step.QUEUE) from None

    def release(self) -> None:
        self._free.release()


class AsyncioIO:
    """The outside world for tasks.

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
        connect = functools.partial(_connect, AsyncioStream)
        stream = await dial(endpoint, self._network, deadline, found=_found, connect=connect, done=done)
        return await opened(stream, context, endpoint, deadline, done)

    async def fetch(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        endpoint = web_endpoint(request)
        with asking(endpoint, request.step):
            context = trust(self._ca_file)
            connect = functools.partial(_connect, _LentStream)
            stream = await dial(endpoint, self._network, deadline, found=_found, connect=connect)
            outcome = await _exchange(stream, context, endpoint, request, deadline)
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

    async def resolve(self, name: str, kind: type[R], deadline: Deadline) -> tuple[R, ...]:
        self._network.check_domain(name)

        def work() -> Answer[tuple[R, ...]]:
            from .names import resolve

            return resolve(name, kind, self._network.name_servers, deadline)

        return await _found(functools.partial(in_a_thread, work), deadline)

    async def race(
        self,
        thunks: Sequence[Callable[[], Coroutine[Any, Any, T]]],
        until: Callable[[Mapping[int, T]], Deadline],
    ) -> dict[int, T]:
        tasks = {asyncio.create_task(thunk()): index for index, thunk in enumerate(thunks)}
        results: dict[int, T] = {}
        try:
            while waiting := [task for task, index in tasks.items() if index not in results]:
                try:
                    seconds = until(results).remaining(Step.DISCOVERY)
                except TimedOut:
                    break
                done, _ = await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    break
                results |= {tasks[task]: task.result() for task in done}
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return results

    async def uninterrupted(
        self, thunk: Callable[[], Coroutine[Any, Any, T]], deadline: Deadline, *, longest: float
    ) -> T:
        task = asyncio.create_task(thunk())
        _GOING_ON.add(task)
        task.add_done_callback(_settled)
        # Not `asyncio.shield`, which in some versions reports an error that comes after the caller has gone.
        await asyncio.wait([task], timeout=deadline.remaining(Step.TOKEN))
        if not task.done():
            raise TimedOut(step=Step.TOKEN)
        return task.result()

    async def gather(self, *thunks: Callable[[], Coroutine[Any, Any, T]]) -> list[T]:
        outcomes = await asyncio.gather(*(thunk() for thunk in thunks), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return outcomes  # type: ignore[return-value]  # no exception is left among them

    def slots(self, count: int) -> AsyncioSlots:
        return AsyncioSlots(count)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def deadline(self, seconds: float) -> Deadline:
        return Deadline.after(seconds)

    def now(self) -> datetime:
        return datetime.now().astimezone()


def _settled(task: asyncio.Task[Any]) -> None:
    _GOING_ON.discard(task)
    if not task.cancelled():
        # It counts as seen now. Who waits for it sees it as well.
        task.exception()


class _LentStream(BlockingStream):
    """A connected socket that a thread works with, and that the loop can break under it."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self._lock = threading.Lock()

    def interrupt(self) -> None:
        """End every wait at once."""
        with self._lock, contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        # Not while the descriptor is being shut down: its number could be another connection's by then.
        with self._lock:
            super().close()


async def _exchange(
    stream: _LentStream, context: ssl.SSLContext, endpoint: Endpoint, request: HttpRequest, deadline: Deadline
) -> HttpResponse | BaseException:
    """Make the request in a thread of its own; the loop's threads may all be taken, and cannot be left behind."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[HttpResponse | BaseException] = loop.create_future()

    def settle(outcome: HttpResponse | BaseException) -> None:
        if not answer.done():
            answer.set_result(outcome)

    def work() -> None:
        outcome: HttpResponse | BaseException
        try:
            from .http import exchange

            outcome = exchange(stream, context, endpoint, request, deadline)
        except BaseException as error:  # noqa: BLE001 - carried to the task and raised there
            outcome = error
        finally:
            stream.close()
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, outcome)

    try:
        threading.Thread(target=work, name="mailconf-fetch", daemon=True).start()
    except BaseException:
        stream.close()
        raise
    try:
        return await answer
    finally:
        stream.interrupt()


async def _found(ask: Callable[[Callable[[Answer[T]], None]], None], deadline: Deadline) -> T:
    """Wait for what a thread hands over."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Answer[T]] = loop.create_future()

    def settle(found: Answer[T]) -> None:
        if not answer.done():
            answer.set_result(found)

    def done(found: Answer[T]) -> None:
        # The loop may have been closed meanwhile: then nobody waits for the answer any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, found)

    ask(done)
    try:
        async with asyncio.timeout(deadline.remaining(Step.LOOKUP)):
            found = await answer
    except TimeoutError:
        raise TimedOut(step=Step.LOOKUP) from None
    if isinstance(found, ConversationError):
        raise found
    return found


async def _connect(
    stream: Callable[[socket.socket], T], sock: socket.socket, where: tuple[str, int], deadline: Deadline
) -> T:
    sock.setblocking(False)
    async with asyncio.timeout(deadline.remaining(Step.CONNECT)):
        await asyncio.get_running_loop().sock_connect(sock, where)
    return stream(sock)
