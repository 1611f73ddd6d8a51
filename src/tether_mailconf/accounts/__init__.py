"""Accounts that live: kept in a store, switched on and off, changed, moved, cleared, and looked after.

`stored` is what is kept of one, `keeping` how it is kept, `health` what is wrong with it or soon will be. The store is
any `TokenStore`: what it promises, compare-and-swap, is all that is needed for several processes and for crashes.
"""

from __future__ import annotations

from .health import Act, Concern
from .keeping import Changed, Cleared, NoAccount
from .stored import SendRecord, StoredAccount

__all__ = ["Act", "Changed", "Cleared", "Concern", "NoAccount", "SendRecord", "StoredAccount"]
