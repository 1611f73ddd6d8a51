"""All adapters. The first is what the others are compared with."""

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
