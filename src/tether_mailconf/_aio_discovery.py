"""The face of discovery for asyncio."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ._drivers.asyncio import AsyncioIO
from ._drivers.guard import NetworkPolicy
from .credentials import Credential
from .credentials.token import TokenSource
from .discovery import discover as _discover
from .discovery import verify as _verify
from .discovery.discover import GRACE
from .discovery.offer import Source
from .discovery.report import Discovery
from .discovery.sources.database import DATABASE


async def discover(
    address: str,
    *,
    verify: Credential | TokenSource | None = None,
    sources: Collection[Source] | None = None,
    database: str | None = DATABASE,
    network: NetworkPolicy | None = None,
    ca_file: str | Path | None = None,
    grace: float = GRACE,
    deadline: float = 30.0,
) -> Discovery:
    """Find settings for an address: as `tether_mailconf.discover`, awaited."""
    io = AsyncioIO(NetworkPolicy() if network is None else network, ca_file)
    return await _discover.discover(
        io,
        address,
        credential=verify,
        sources=sources,
        database_url=database,
        grace=grace,
        seconds=deadline,
    )


async def verify(
    found: Discovery,
    credential: Credential | TokenSource,
    *,
    network: NetworkPolicy | None = None,
    ca_file: str | Path | None = None,
    deadline: float = 30.0,
) -> Discovery:
    """Sign in with the candidates of a discovery: as `tether_mailconf.verify`, awaited."""
    io = AsyncioIO(NetworkPolicy() if network is None else network, ca_file)
    return await _verify.verify(io, found, credential, io.deadline(deadline))
