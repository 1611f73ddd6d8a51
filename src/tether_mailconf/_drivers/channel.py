"""A connection as the port describes it, over a stream of either colour, in the clear until `start_tls`."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from .._ports import Buffer, Deadline, TLSFacts
from ..errors import Step
from ..settings import Endpoint, Security
from .stream import Stream
from .tls import TLSLayer


class StreamChannel:
    """The port's `Channel` over one `Stream`."""

    def __init__(self, stream: Stream, context: ssl.SSLContext, host: str) -> None:
        self._stream = stream
        self._context = context
        self._host = host
        self._tls: TLSLayer | None = None

    @property
    def local_address(self) -> str:
        return self._stream.local_address

    @property
    def tls(self) -> TLSFacts | None:
        return None if self._tls is None else self._tls.facts()

    async def send(self, data: Buffer, deadline: Deadline) -> None:
        if self._tls is None:
            await self._stream.write(memoryview(data), deadline)
        else:
            await self._tls.write(data, deadline)

    async def receive(self, deadline: Deadline) -> bytes:
        return await (self._stream if self._tls is None else self._tls).read(deadline)

    async def receive_waiting(self) -> bytes | None:
        return (self._stream if self._tls is None else self._tls).read_waiting()

    async def start_tls(self, deadline: Deadline) -> None:
        layer = TLSLayer(self._stream, self._context, self._host)
        await layer.handshake(deadline)
        self._tls = layer

    async def close(self) -> None:
        self._stream.close()


async def opened(
    stream: Stream, context: ssl.SSLContext, endpoint: Endpoint, deadline: Deadline, done: Callable[[Step], None]
) -> StreamChannel:
    """Return the channel over a stream that was just connected; with TLS from the start, after the handshake."""
    channel = StreamChannel(stream, context, endpoint.host)
    if endpoint.security is Security.TLS:
        try:
            await channel.start_tls(deadline)
            done(Step.TLS)
        except BaseException:
            await channel.close()
            raise
    return channel
