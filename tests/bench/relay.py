"""A long line to the null server: what goes in at one end comes out at the other half a round trip later.

`python -m tests.bench.relay MILLISECONDS PORT...` listens at a port of its own for each port, and tells them as a line
of JSON. A connection over loopback costs no time, so the round trip of TCP's own handshake is made up for: nothing of
what the client says arrives before that would be over.
"""

from __future__ import annotations

import asyncio
import json
import selectors
import sys
from collections.abc import Callable

from tests.servers.process import LOOPBACK

Later = Callable[..., None]


class End(asyncio.Protocol):
    """One end of a line. What arrives here leaves at the other end, later.

    Args:
        one_way: seconds that everything is under way.
        not_before: when the line is there at all, by the loop's clock.
    """

    def __init__(self, one_way: float, not_before: float) -> None:
        self.other: End | None = None
        self._one_way = one_way
        self._due = not_before
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.writelines(self._waiting)

    def data_received(self, data: bytes) -> None:
        assert self.other is not None
        self._later(self.other.put, data)

    def connection_lost(self, exc: Exception | None) -> None:
        assert self.other is not None
        self._later(self.other.close)

    def put(self, data: bytes) -> None:
        """Let it out here."""
        if self._transport is None:
            self._waiting.append(data)
        elif not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """End it here, as it has ended there."""
        if self._transport is not None:
            self._transport.close()

    def _later(self, what: Later, *given: bytes) -> None:
        # Never two at the same time, whose order the loop would not keep.
        loop = asyncio.get_running_loop()
        self._due = max(loop.time(), self._due + 1e-6)
        loop.call_at(self._due + self._one_way, what, *given)


class Listening:
    """Makes a line for each client.

    Args:
        port: where they lead.
        round_trip: seconds.
    """

    def __init__(self, port: int, round_trip: float) -> None:
        self._port = port
        self._round_trip = round_trip
        self._dialling: set[asyncio.Task[object]] = set()

    def __call__(self) -> End:
        loop = asyncio.get_running_loop()
        established = loop.time() + self._round_trip
        near, far = (End(self._round_trip / 2, established) for _ in range(2))
        near.other, far.other = far, near
        loop.call_at(established + self._round_trip / 2, self._dial, far)
        return near

    def _dial(self, far: End) -> None:
        dialling = asyncio.get_running_loop().create_connection(lambda: far, LOOPBACK, self._port)
        task: asyncio.Task[object] = asyncio.ensure_future(dialling)
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)


async def serve(round_trip: float, ports: list[int]) -> None:
    """Listen until the standard input ends."""
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(Listening(port, round_trip), LOOPBACK, 0) for port in ports]
    print(json.dumps({"ports": [server.sockets[0].getsockname()[1] for server in servers]}), flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin, ended.set)
    await ended.wait()


def main() -> None:
    """Serve with a selector that waits for microseconds: epoll's whole milliseconds would add up over a line."""
    milliseconds, *ports = map(int, sys.argv[1:])
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(serve(milliseconds / 1000, ports))


if __name__ == "__main__":
    main()
