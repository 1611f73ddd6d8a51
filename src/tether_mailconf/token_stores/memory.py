"""A store that lasts as long as the process: for tests, scripts, and hosts that keep tokens elsewhere."""

from __future__ import annotations

import secrets
import threading
from datetime import UTC, datetime
from typing import NoReturn

import attrs

from ..credentials.token_store import Stored
from ..secret import Secret


@attrs.frozen
class _Held:
    stored: Stored
    until: float | None

    def is_over(self, now: float) -> bool:
        return self.until is not None and self.until <= now


class MemoryTokenStore:
    """A `TokenStore` in memory. Threads and tasks may share one; processes cannot, and nothing outlives the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, _Held] = {}

    def load(self, key: str) -> Stored | None:
        """Return what is stored under `key`; None if nothing is, or no longer."""
        with self._lock:
            held = self._held.get(key)
            return None if held is None or held.is_over(_now()) else _copied(held.stored)

    def swap(self, key: str, content: Secret | None, *, expected: str | None, until: datetime | None = None) -> bool:
        """Store `content` under `key` if the stored version is `expected`, as `TokenStore.swap` says."""
        stored = None if content is None else _copied(Stored(content=content, version=secrets.token_hex(16)))
        with self._lock:
            self._sweep()
            held = self._held.get(key)
            if (None if held is None else held.stored.version) != expected:
                return False
            if stored is None:
                self._held.pop(key, None)
            else:
                self._held[key] = _Held(stored, None if until is None else until.timestamp())
            return True

    def _sweep(self) -> None:
        now = _now()
        for key in [key for key, held in self._held.items() if held.is_over(now)]:
            del self._held[key]

    def __repr__(self) -> str:
        return "MemoryTokenStore()"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a MemoryTokenStore cannot be pickled or copied: what it holds stays in this process")


def _copied(stored: Stored) -> Stored:
    # Whoever gave or gets a secret may wipe it.
    return attrs.evolve(stored, content=Secret(stored.content.reveal_bytes()))


def _now() -> float:
    return datetime.now(UTC).timestamp()
