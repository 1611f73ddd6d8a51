"""A mail provider in this process: SMTP, IMAP and an OAuth issuer on loopback with TLS, for demonstrations and tests.

    from tether_mailconf.sandbox import Sandbox

    with Sandbox() as sandbox:
        sandbox.settings, sandbox.credential, sandbox.network, sandbox.ca_file

`personality` says how it behaves; `session` and its children are the protocols without sockets, to be driven in memory;
`server` is the transport, `issuer` where people sign in, `internet` the names and web pages around them. Nothing heavy
is imported before it is used, because pytest imports this package in every project that has the library installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .http_session import WebAnswer, WebRequest
    from .imap_session import ImapSession
    from .internet import Internet, Question
    from .issuer.clients import Application
    from .issuer.endpoints import OAuthRequest
    from .issuer.oauth import SandboxOAuth
    from .issuer_personality import Denial, OAuthPersonality, RefreshTokens, TokenAnswer
    from .personality import Drop, Personality
    from .sandbox import Sandbox, There
    from .smtp_session import SmtpSession
    from .store import Store, StoredMessage, Submission

__all__ = [
    "Application",
    "Denial",
    "Drop",
    "ImapSession",
    "Internet",
    "OAuthPersonality",
    "OAuthRequest",
    "Personality",
    "Question",
    "RefreshTokens",
    "Sandbox",
    "SandboxOAuth",
    "SmtpSession",
    "Store",
    "StoredMessage",
    "Submission",
    "There",
    "TokenAnswer",
    "WebAnswer",
    "WebRequest",
]

_HOMES = {
    "Application": "issuer.clients",
    "Denial": "issuer_personality",
    "Drop": "personality",
    "ImapSession": "imap_session",
    "Internet": "internet",
    "OAuthPersonality": "issuer_personality",
    "OAuthRequest": "issuer.endpoints",
    "Personality": "personality",
    "Question": "internet",
    "RefreshTokens": "issuer_personality",
    "Sandbox": "sandbox",
    "SandboxOAuth": "issuer.oauth",
    "SmtpSession": "smtp_session",
    "Store": "store",
    "StoredMessage": "store",
    "Submission": "store",
    "There": "sandbox",
    "TokenAnswer": "issuer_personality",
    "WebAnswer": "http_session",
    "WebRequest": "http_session",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
