"""The face of diagnosis for asyncio."""

from __future__ import annotations

from pathlib import Path

from ._drivers.asyncio import AsyncioIO
from ._drivers.guard import NetworkPolicy
from .credentials import Credential
from .credentials.token import TokenSource
from .diagnosis import check as _check
from .diagnosis.report import Report
from .settings import ConnectionSettings


async def check(
    settings: ConnectionSettings,
    credential: Credential | TokenSource,
    *,
    network: NetworkPolicy | None = None,
    ca_file: str | Path | None = None,
    deadline: float = 30.0,
) -> Report:
    """Check an account, step by step: as `tether_mailconf.check`, awaited."""
    io = AsyncioIO(NetworkPolicy() if network is None else network, ca_file)
    return await _check.check(io, settings, credential, io.deadline(deadline))
