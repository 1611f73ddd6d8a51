"""Who files a copy of sent mail. It depends on the servers that are really used, never on which preset was picked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache

from ..settings import Filer
from .tables import content

_ANYWHERE = ""  # in place of the IMAP server, of a submission server that files nowhere


def filer_of(smtp_host: str, imap_host: str) -> Filer:
    """Return who files mail that is sent through one server while the Sent folder is on the other.

    Decided by the servers really used: a provider files only what its own submission server sends, and only into its
    own mailboxes; a relay files nothing, wherever the mailbox is.

    Args:
        smtp_host: the submission server, as `Endpoint` stores it.
        imap_host: the IMAP server, as `Endpoint` stores it.
    """
    filers = _filers()
    return filers.get((smtp_host, imap_host)) or filers.get((smtp_host, _ANYWHERE), Filer.UNKNOWN)


def files_sent(smtp_host: str, imap_host: str) -> bool | None:
    """Return whether the provider files it; None if that is not known."""
    return {Filer.PROVIDER: True, Filer.CLIENT: False}.get(filer_of(smtp_host, imap_host))


@cache
def _filers() -> Mapping[tuple[str, str], Filer]:
    return {
        (smtp, imap): Filer(entry["filer"])
        for entry in tomllib.loads(content("filing.toml").decode())["filing"]
        for smtp in entry["smtp"]
        for imap in entry.get("imap", (_ANYWHERE,))
    }
