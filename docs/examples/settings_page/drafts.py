"""What a person has typed and not saved yet, kept on the server between one request and the next.

A page that is drawn again must lose nothing, and may not send a typed password back to the browser. So what was typed
waits here, under a random name that only the person's session knows. This one is in memory: with several processes,
keep it wherever your sessions are, and encrypt it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

import attrs

LIFETIME = 1800.0
"""Seconds that a draft is kept."""


@attrs.frozen(kw_only=True)
class Draft:
    """A page that is being filled in.

    Args:
        preset: the id of what was picked.
        typed: what was typed, by field. A secret is in here too, which is why a draft has no repr.
    """
