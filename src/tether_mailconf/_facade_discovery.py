"""The blocking face of discovery: one line each over `run_sync`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ._drivers.blocking import BlockingIO
from ._drivers.guard import NetworkPolicy
from ._ports import run_sync
from .credentials import Credential
from .credentials.token import TokenSource
from .discovery import discover as _discover
from .discovery import verify as _verify
from .discovery.discover import GRACE
from .discovery.offer import Source
from .discovery.report import Discovery
from .discovery.sources.database import DATABASE


def discover(
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
    """Find settings for an address: which servers, which user name, which kind of credential.

    The catalogue is looked at first; for a domain that it lists, nobody is asked. Else all other sources are asked at
    once, and none of them is shown a credential. The answer comes when the best of them has answered, plus `grace`.

    Args:
        address: the address, as a person typed it.
        verify: a credential to sign in with, candidate by candidate, at most twice at each server, until one works.
            Candidates that need a person's confirmation are left out: confirm one, then call `verify`. With a
            `suggestion`, nothing is tried.
        sources: which sources to ask; all of them if not given. `[Source.CATALOGUE]` asks nobody.
        database: the base URL of the autoconfig database; None: it is not asked.
        network: what may be dialled; the public internet on the ports of mail and https, if not given.
        ca_file: further certificate authorities to trust (PEM), beside the system's.
        grace: seconds that the other sources are waited for after the first good answer.
        deadline: seconds for all of it.

    Returns:
        What was found, which may be nothing: `best` is None then.

    Raises:
        InvalidSettings: this is not an address, or `database` is not an https URL.
        NotPermitted: its domain is not one of the public internet, and the policy does not say otherwise.
        MailconfError: `verify` could not come by a token.
    """
    io = BlockingIO(NetworkPolicy() if network is None else network, ca_file)
    return run_sync(
        _discover.discover(
            io,
            address,
            credential=verify,
            sources=sources,
            database_url=database,
            grace=grace,
            seconds=deadline,
        )
    )


def verify(
    found: Discovery,
    credential: Credential | TokenSource,
    *,
    network: NetworkPolicy | None = None,
    ca_file: str | Path | None = None,
    deadline: float = 30.0,
) -> Discovery:
    """Sign in with the candidates of a discovery, one after the other, until one works.

    IMAP is asked only once submission has let us in. No server is shown the credential more than twice in one call, and
    none that needs a person's confirmation and has not got it; a token is shown only to the servers of a provider that
    issues tokens, and to confirmed ones.

    Args:
        found: what `discover` returned, or what its `confirm` did.
        credential: what to sign in with.
        network: what may be dialled; the public internet on the ports of mail and https, if not given.
        ca_file: further certificate authorities to trust (PEM), beside the system's.
        deadline: seconds for all of it.

    Returns:
        The discovery with `verified` and `attempts`.

    Raises:
        MailconfError: there is no token to be had.
    """
    io = BlockingIO(NetworkPolicy() if network is None else network, ca_file)
    return run_sync(_verify.verify(io, found, credential, io.deadline(deadline)))
