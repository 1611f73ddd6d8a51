"""The blocking face of diagnosis: one line over `run_sync`."""

from __future__ import annotations

from pathlib import Path

from ._drivers.blocking import BlockingIO
from ._drivers.guard import NetworkPolicy
from ._ports import run_sync
from .credentials import Credential
from .credentials.token import TokenSource
from .diagnosis import check as _check
from .diagnosis.report import Report
from .settings import ConnectionSettings


def check(
    settings: ConnectionSettings,
    credential: Credential | TokenSource,
    *,
    network: NetworkPolicy | None = None,
    ca_file: str | Path | None = None,
    deadline: float = 30.0,
) -> Report:
    """Check an account, step by step, at both servers at once: does it work, and if not, why, and who can mend it?

    Looks names up, connects, has TLS, signs in, once at each server, and looks at what sending would need: the sender's
    address (a message to the account itself is begun and taken back), the Sent folder, its rights and its room. Nothing
    is sent, made or marked. `enabled` does not matter.

    Args:
        settings: the account.
        credential: what to sign in with.
        network: what may be dialled; the public internet on the ports of mail and https, if not given.
        ca_file: further certificate authorities to trust (PEM), beside the system's.
        deadline: seconds for all of it.

    Returns:
        Every step of both servers with its outcome, its time and, where something is wrong, its finding; what the
        servers offer; the Sent folder that would be used and why; who files copies; how full the mailbox is.

    Raises:
        InvalidSettings: the credential is not of the kind that the settings name, or `ca_file` cannot be used.
    """
    io = BlockingIO(NetworkPolicy() if network is None else network, ca_file)
    return run_sync(_check.check(io, settings, credential, io.deadline(deadline)))
