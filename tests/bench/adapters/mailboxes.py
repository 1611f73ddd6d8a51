"""IMAPClient, which two of the peers file with."""

from __future__ import annotations

from typing import Any

import imapclient

from ..job import Target, Wire
from .adapter import SECONDS


def signed_in(target: Target) -> Any:
    """Return an IMAPClient that is signed in."""
    is_tls = target.wire is Wire.TLS
    imap = imapclient.IMAPClient(
        target.host, target.imap, ssl=is_tls, ssl_context=target.context if is_tls else None, timeout=SECONDS
    )
    if target.wire is Wire.STARTTLS:
        imap.starttls(target.context)
    imap.login(target.user, target.password)
    return imap
