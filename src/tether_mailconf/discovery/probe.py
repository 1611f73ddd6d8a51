"""Whether a mail server with TLS is there: greeting, STARTTLS and capabilities are heard, and nothing more is said."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from .._ports import Deadline
from .._wire.imap import open_imap
from .._wire.smtp import open_smtp
from ..errors import ConversationError
from ..settings import Endpoint, Security
from .protocol import Protocol
from .query import Asking

PROBE_SECONDS = 5.0
"""Longest that one server may take to show itself."""

PATIENCE = 0.6
"""Seconds that the others are waited for once one has answered."""

_FAREWELL_SECONDS = 1.0
_PORTS = {
    Protocol.SMTP: ((465, Security.TLS), (587, Security.STARTTLS)),
    Protocol.IMAP: ((993, Security.TLS), (143, Security.STARTTLS)),
}


async def probe_host(protocol: Protocol, host: str, asking: Asking) -> tuple[Endpoint, ...]:
    """Return where a host speaks a protocol with TLS, best first."""
    endpoints = tuple(Endpoint(host=host, port=port, security=security) for port, security in _PORTS[protocol])
    return await probe_endpoints(protocol, endpoints, asking)


async def probe_endpoints(protocol: Protocol, endpoints: Sequence[Endpoint], asking: Asking) -> tuple[Endpoint, ...]:
    """Return those that answer, in the order given. Late ones are left out if others have answered."""
    whole = asking.deadline.sooner(PROBE_SECONDS)
    first: list[Deadline] = []

    def until(answered: Mapping[int, bool]) -> Deadline:
        if not first and any(answered.values()):
            first.append(whole.sooner(PATIENCE))
        return first[0] if first else whole

    answered = await asking.io.race([_thunk(protocol, endpoint, asking) for endpoint in endpoints], until)
    return tuple(endpoint for index, endpoint in enumerate(endpoints) if answered.get(index))


def _thunk(protocol: Protocol, endpoint: Endpoint, asking: Asking) -> Callable[[], Coroutine[Any, Any, bool]]:
    async def is_there() -> bool:
        opener = open_smtp if protocol is Protocol.SMTP else open_imap
        try:
            asking.check_open()
            session = await opener(asking.io, endpoint, asking.deadline.sooner(PROBE_SECONDS))
        except ConversationError:
            return False
        await session.farewell(asking.io.deadline(_FAREWELL_SECONDS))
        return True

    return is_there
