"""One adapter for each who can send a letter, and file its copy: ours in both colours, and the peers.

Each peer does the job as its own documentation says, with its own idea of reuse. The copy is the letter that was sent,
in Sent, marked as seen. `ADAPTERS` has them all; the first is what the others are compared with.
"""

from __future__ import annotations

from .adapter import Adapter
from .asyncio_peers import AioimaplibPeer, AiosmtplibPeer
from .blocking_peers import ImapClientPeer, ImapToolsPeer, RedmailPeer, Stdlib, YagmailPeer
from .ours import Ours, OursAio

ADAPTERS: tuple[type[Adapter], ...] = (
    Stdlib,
    Ours,
    OursAio,
    ImapClientPeer,
    AiosmtplibPeer,
    AioimaplibPeer,
    ImapToolsPeer,
    YagmailPeer,
    RedmailPeer,
)

__all__ = ["ADAPTERS", "Adapter", "Stdlib"]
