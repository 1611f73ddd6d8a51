"""A mail provider in this process: SMTP submission and IMAP on loopback with TLS, for demonstrations and tests.

    from tether_mailconf.sandbox import Sandbox

    with Sandbox() as sandbox:
        sandbox.settings, sandbox.credential, sandbox.network, sandbox.ca_file

`personality` says how it behaves; `session` and its two children are the protocols without sockets, to be driven in
memory; `server` is the transport. Nothing heavy is imported before it is used, because pytest imports this package in
every project that has the library installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .imap_session import ImapSession
    from .personality import Drop, Personality
    from .sandbox import Sandbox
    from .smtp_session import SmtpSession
    from .store import Store, StoredMessage, Submission

__all__ = ["Drop", "ImapSession", "Personality", "Sandbox", "SmtpSession", "Store", "StoredMessage", "Submission"]

_HOMES = {
    "Drop": "personality",
    "ImapSession": "imap_session",
    "Personality": "personality",
    "Sandbox": "sandbox",
    "SmtpSession": "smtp_session",
    "Store": "store",
    "StoredMessage": "store",
    "Submission": "store",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
