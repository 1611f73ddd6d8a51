"""Where tokens are kept: a protocol small enough for a host to write over any database.

A store keeps opaque secrets by key, each with a version, and replaces one only if its version is still the expected one
(compare-and-swap). All that must never go wrong between threads, tasks and processes, above all the rotation of refresh
tokens, is built on that one promise.
"""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import Protocol, runtime_checkable

import attrs

from ..secret import Secret


@attrs.frozen(kw_only=True)
class Stored:
    """What a store holds for a key.

    Args:
        content: an opaque secret; whoever writes it to a disk encrypts it.
        version: names this state of the content; never used twice for one key, not even after a deletion.
    """

    content: Secret
    version: str


@runtime_checkable
class TokenStore(Protocol):
    """What the library wants of a store. One for `tether_mailconf.aio` may return awaitables.

    Its methods may be called from any thread: a renewal whose caller has to leave is brought to its end in one of ours.
    """

    def load(self, key: str) -> Stored | Awaitable[Stored | None] | None:
        """Return what is stored under `key`: what the last `swap` has left, whoever made it; None if nothing is.

        Raises:
            Unreadable: something is, but it cannot be decrypted.
        """
        ...

    def swap(
        self, key: str, content: Secret | None, *, expected: str | None, until: datetime | None = None
    ) -> bool | Awaitable[bool]:
        """Store `content` under `key` if the stored version is `expected`, in one atomic step.

        When this returns, the content is durable. It returns False, with nothing changed, if the version is another.

        Args:
            key: up to 100 letters, digits and slashes.
            content: what to store; None deletes.
            expected: the version that must be there; None: nothing may be there.
            until: the store may forget the content after this moment; None: never.
        """
        ...
