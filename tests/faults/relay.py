"""A bad network: `python -m tests.faults.relay SEED` passes connections on, and strikes each of them at random.

Where and how a connection is struck is drawn when it is made: at a byte of one direction, or at a moment. It knows no
mail. Its commands are those of `Relay` that `main` lists.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import enum
import random
import socket
import struct
import sys
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import attrs

from tests.faults.servant import serve

T = TypeVar("T")

HOST = "127.0.0.1"
READ_SIZE = 65536
BYTES = {True: 80_000, False: 20_000}
"""Up to which byte of a direction (up: to the server) a connection may be struck. Early ones are more likely."""
SECONDS = 2.0
"""Up to which moment it may be."""
LATE_SECONDS = 0.3
"""For how long bytes are held back at most. The looks for a copy go on for longer, here as for users."""
UNSTRUCK = 0.3
"""The share of connections to which nothing happens."""
RESET = struct.pack("ii", 1, 0)


class Blow(enum.Enum):
    """How a connection is struck."""

    CUT = "cut"
    """both ends see it end"""
    RESET = "reset"
    """both ends see it reset"""
    STALL = "stall"
    """nothing is passed on any more, and nobody is told: a lost route"""
    LATE = "late"
    """the client sees a reset, and what it had written reaches the server a while later"""
    GARBLE = "garble"
    """one bit is another, and everything goes on"""


@attrs.frozen(kw_only=True)
class Hazard:
    """What will happen to a connection.

    Args:
        blow: how it is struck.
        is_up: in which direction, if it is at a byte.
        at: the byte; None: at a moment.
        seconds: the moment, after it was made, or for how long the bytes are held back.
    """

    blow: Blow
    is_up: bool
    at: int | None
    seconds: float


def drawn(chance: random.Random) -> Hazard | None:
    """Return what happens to the next connection; None: nothing."""
    if chance.random() < UNSTRUCK:
        return None
    blow = chance.choices(list(Blow), (3, 3, 1, 2, 1))[0]
    is_up = blow is Blow.LATE or chance.random() < 0.6
    is_at_byte = blow in (Blow.LATE, Blow.GARBLE) or chance.random() < 0.75
    at = int(BYTES[is_up] * chance.random() ** 2) if is_at_byte else None
    seconds = chance.uniform(0.0, LATE_SECONDS if blow is Blow.LATE else SECONDS)
    return Hazard(blow=blow, is_up=is_up, at=at, seconds=seconds)


class Connection:
    """One connection: what its ends are, and whether anything is still passed on."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter, hazard: Hazard | None) -> None:
        self.client = client
        self.server = server
        self.hazard = hazard
        self.is_stalled = False

    def end(self, *writers: asyncio.StreamWriter, is_reset: bool) -> None:
        """End both ends, or those given."""
        for writer in writers or (self.client, self.server):
            if is_reset and not writer.transport.is_closing():
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                writer.transport.abort()
            else:
                writer.close()


class Relay:
    """Passes on what comes to its ports.

    Args:
        seed: of what is random.
    """

    def __init__(self, seed: str) -> None:
        self._chance = random.Random(seed)
        self._targets: list[tuple[str, int]] = []
        self._live: set[asyncio.Task[None]] = set()
        self._connections: set[Connection] = set()
        self._is_bad = False
        self._is_down = False
        self._weather: asyncio.Task[None] | None = None
        self._counts: collections.Counter[str] = collections.Counter()

    async def listen(self, targets: list[tuple[str, int]]) -> list[int]:
        """Listen at a port for each target."""
        self._targets = targets
        ports: list[int] = []
        for index in range(len(targets)):

            async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, index: int = index) -> None:
                await self._accept(index, reader, writer)

            server = await asyncio.start_server(accept, HOST, 0, backlog=512)
            ports.append(server.sockets[0].getsockname()[1])
        return ports

    async def retarget(self, targets: list[tuple[str, int]]) -> None:
        """Pass new connections on to elsewhere."""
        self._targets = targets

    async def worsen(self) -> None:
        """Strike from now on, and let the whole network fail now and then."""
        self._is_bad = True
        self._weather = asyncio.create_task(self._outages())

    async def heal(self) -> None:
        """Strike no more. Connections that are stalled end."""
        self._is_bad = False
        if self._weather is not None:
            self._weather.cancel()
        self._is_down = False
        for connection in list(self._connections):
            connection.hazard = None
            if connection.is_stalled:
                connection.end(is_reset=True)

    async def wait_until_idle(self) -> None:
        """Return once every connection has ended, and all that was held back has been delivered."""
        while self._live:
            await asyncio.wait(list(self._live))

    async def counts(self) -> dict[str, int]:
        """Return how many connections there were, and how many were struck, in all and in which way."""
        return {**self._counts, "struck": sum(self._counts[blow.value] for blow in Blow)}

    async def _outages(self) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(0.5, 5.0))
            self._counts["outages"] += 1
            self._is_down = True
            share = self._chance.random()
            for connection in list(self._connections):
                if self._chance.random() < share:
                    connection.end(is_reset=self._chance.random() < 0.5)
            await asyncio.sleep(self._chance.uniform(0.02, 0.2))
            self._is_down = False

    async def _accept(self, index: int, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._live.add(task)
        self._counts["connections"] += 1
        hazard = drawn(self._chance) if self._is_bad else None
        try:
            if self._is_down:
                raise ConnectionRefusedError
            from_server, server = await asyncio.open_connection(*self._targets[index])
        except OSError:
            client.transport.abort()
            self._live.discard(task)
            return
        connection = Connection(client, server, hazard)
        self._connections.add(connection)
        try:
            await self._pass_both_ways(connection, reader, from_server)
        finally:
            self._connections.discard(connection)
            for writer in (client, server):
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
            self._live.discard(task)

    async def _pass_both_ways(
        self, connection: Connection, from_client: asyncio.StreamReader, from_server: asyncio.StreamReader
    ) -> None:
        up = asyncio.create_task(self._pass(connection, from_client, connection.server, is_up=True))
        down = asyncio.create_task(self._pass(connection, from_server, connection.client, is_up=False))
        hazard, timer = connection.hazard, None
        if hazard is not None and hazard.at is None:
            timer = asyncio.get_running_loop().call_later(hazard.seconds, self._strike, connection)
        await asyncio.wait([up])
        # What the server still says reaches nobody once the client has gone.
        connection.client.close()
        connection.server.close()
        await asyncio.wait([down])
        if timer is not None:
            timer.cancel()

    async def _pass(
        self, connection: Connection, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, is_up: bool
    ) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := await source.read(READ_SIZE):
                hazard = connection.hazard
                if hazard is not None and hazard.is_up is is_up and hazard.at is not None:
                    before, data = data[: max(0, hazard.at - passed)], data[max(0, hazard.at - passed) :]
                    passed += len(before)
                    await self._write(connection, target, before)
                    if data:
                        data = await self._struck(connection, hazard, data)
                await self._write(connection, target, data)
                passed += len(data)
        connection.end(target, is_reset=False)

    async def _write(self, connection: Connection, target: asyncio.StreamWriter, data: bytes) -> None:
        if data and not connection.is_stalled:
            target.write(data)
            await target.drain()

    async def _struck(self, connection: Connection, hazard: Hazard, rest: bytes) -> bytes:
        """Strike at a byte; return what is still passed on of what has come."""
        if hazard.blow is Blow.GARBLE:
            connection.hazard = None
            self._counts[hazard.blow.value] += 1
            return bytes([rest[0] ^ 1 << len(rest) % 8]) + rest[1:]
        if hazard.blow is Blow.LATE:
            connection.hazard = None
            self._counts[hazard.blow.value] += 1
            connection.end(connection.client, is_reset=True)
            await asyncio.sleep(hazard.seconds)
            return rest
        self._strike(connection)
        return b""

    def _strike(self, connection: Connection) -> None:
        hazard, connection.hazard = connection.hazard, None
        if hazard is None:
            return
        self._counts[hazard.blow.value] += 1
        if hazard.blow is Blow.STALL:
            connection.is_stalled = True
        else:
            connection.end(is_reset=hazard.blow is Blow.RESET)


def main() -> None:
    """Relay in a thread, and do what is asked."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="relay", daemon=True).start()
    relay = Relay(sys.argv[1])

    def on_loop(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    serve(
        {
            "listen": lambda targets: on_loop(relay.listen([(host, port) for host, port in targets])),
            "retarget": lambda targets: on_loop(relay.retarget([(host, port) for host, port in targets])),
            "worsen": lambda: on_loop(relay.worsen()),
            "heal": lambda: on_loop(relay.heal()),
            "wait_until_idle": lambda: on_loop(relay.wait_until_idle()),
            "counts": lambda: on_loop(relay.counts()),
        }
    )


if __name__ == "__main__":
    main()
