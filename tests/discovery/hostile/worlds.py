"""What the tests of hostile strangers share: the documents they show, and waiting for an end."""

from __future__ import annotations

import time
from collections.abc import Callable

from tether_mailconf import Source

from ..strangers import FAR_TOO_LONG

TOLD = (Source.DATABASE, Source.MX, Source.AUTOCONFIG, Source.SRV, Source.AUTODISCOVER, Source.MX_AUTOCONFIG)
"""All but guessing, which would find the mail servers of the sandbox."""


SECRET = "geheimes-wort-51c0"


def has_ended(is_over: Callable[[], bool]) -> bool:
    """Wait until something is over, which it is soon."""
    end = time.monotonic() + FAR_TOO_LONG
    while not is_over():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
