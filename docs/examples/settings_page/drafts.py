"""What a person has typed and not saved yet, kept on the server between one request and the next.

A page that is drawn again must lose nothing, and may not send a typed password back to the browser. So what was typed
waits here, by the name of a session. This store is in the memory of one process, which suits an example: with several,
keep drafts wherever your sessions are, the secrets in them encrypted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import attrs

import tether_mailconf as mailconf

from .lines import Line

LIFETIME = 1800.0
"""Seconds that a draft is kept."""


@attrs.frozen(kw_only=True)
class Draft:
    """A page that is being filled in.

    Args:
        typed: what was typed or picked, by the name of the field, without secrets; None if nothing is unsaved.
        secrets: the secrets that were typed.
        problems: what is wrong with that, to be shown beside the fields.
        lines: what came of the last button.
    """

    typed: Mapping[str, str] | None = None
    secrets: Mapping[str, mailconf.Secret] = attrs.field(factory=dict[str, mailconf.Secret])
    problems: tuple[mailconf.Problem, ...] = ()
    lines: tuple[Line, ...] = ()


class Drafts:
    """The drafts of all sessions. May be used by several threads."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, Draft]] = {}
        self._lock = threading.Lock()

    def get(self, session: str) -> Draft:
        """Return a session's draft; an empty one if it has none, or has had none for long."""
        with self._lock:
            now = time.monotonic()
            self._kept = {name: kept for name, kept in self._kept.items() if kept[0] > now}
            _, draft = self._kept.get(session, (0.0, Draft()))
            return draft

    def put(self, session: str, draft: Draft) -> None:
        """Keep a draft in place of the session's last one."""
        with self._lock:
            self._kept[session] = (time.monotonic() + LIFETIME, draft)

    def drop(self, session: str) -> None:
        """Forget a session's draft."""
        with self._lock:
            self._kept.pop(session, None)
