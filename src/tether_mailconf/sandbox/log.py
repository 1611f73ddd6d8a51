"""What happened, in order, told by threads that serve and read by a test."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Log(Generic[T]):
    """A list that many threads may write."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[T] = []

    @property
    def entries(self) -> tuple[T, ...]:
        """What was added so far, oldest first."""
        with self._lock:
            return tuple(self._entries)

    def add(self, entry: T) -> None:
        """Add an entry at the end."""
        with self._lock:
            self._entries.append(entry)

    def clear(self) -> None:
        """Forget all entries."""
        with self._lock:
            self._entries.clear()
