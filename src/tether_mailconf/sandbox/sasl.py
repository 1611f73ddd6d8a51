"""The server's side of SASL (RFC 4422): PLAIN, LOGIN, XOAUTH2 and OAUTHBEARER, the same for both protocols.

Encoding, reply texts and what a cancelled exchange means belong to the sessions.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Generator

import attrs

from ..secret import Secret
from .store import Account, Store

_ERROR = json.dumps({"status": "401", "schemes": "bearer", "scope": "mail"}).encode()
"""What a refused token is answered with (RFC 7628 section 3.2.2)."""

Steps = Generator[bytes, bytes, Account | None]
"""Yields challenges, is sent responses, and returns who has signed in."""


@attrs.frozen(kw_only=True)
class Outcome:
    """How an exchange ended.

    Args:
        account: who has signed in; None if nobody.
    """

    account: Account | None


class Exchange:
    """One run of a mechanism. Feed it responses until the answer is an `Outcome` instead of a challenge."""

    def __init__(self, mechanism: str, store: Store) -> None:
        self._steps = _MECHANISMS[mechanism](store)
        self._first: bytes | Outcome = self._next(None)

    def begin(self, initial: bytes | None) -> bytes | Outcome:
        """Return the first challenge, or what follows the initial response (RFC 4422 section 3.3) if one was sent."""
        return self._first if initial is None else self.respond(initial)

    def respond(self, response: bytes) -> bytes | Outcome:
        """Return the next challenge, or how it ended."""
        return self._next(response)

    def _next(self, response: bytes | None) -> bytes | Outcome:
        try:
            return next(self._steps) if response is None else self._steps.send(response)
        except StopIteration as stop:
            account: Account | None = stop.value
            return Outcome(account=account)


def decode(text: bytes) -> bytes | None:
    """Return what a base64 response stands for; None if it is not base64."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None


def decode_initial(text: bytes) -> bytes | None:
    """Return what an initial response stands for: "=" is the empty one (RFC 4954 section 4, RFC 4959 section 3)."""
    return b"" if text == b"=" else decode(text)


def check_password(store: Store, user: bytes, password: bytes) -> Account | None:
    """Return the account if user name and password belong together."""
    account = store.account(user.decode(errors="replace"))
    if account is None or not password or account.password != Secret(password):
        return None
    return account


def _plain(store: Store) -> Steps:
    # RFC 4616 section 2: authorization identity, authentication identity, password.
    parts = (yield b"").split(b"\0")
    if len(parts) != 3 or parts[0] not in (b"", parts[1]):
        return None
    return check_password(store, parts[1], parts[2])


def _login(store: Store) -> Steps:
    user = yield b"Username:"
    password = yield b"Password:"
    return check_password(store, user, password)


def _xoauth2(store: Store) -> Steps:
    # https://developers.google.com/gmail/imap/xoauth2-protocol
    fields = _fields((yield b"").split(b"\x01"))
    if (account := _bearer(store, fields.get(b"user", b""), fields)) is None:
        yield _ERROR
    return account


def _oauthbearer(store: Store) -> Steps:
    header, *rest = (yield b"").split(b"\x01")
    # RFC 7628 section 3.1: the GS2 header is "n,a=user,".
    gs2 = header.split(b",")
    user = gs2[1].removeprefix(b"a=") if len(gs2) == 3 and gs2[0] == b"n" else b""
    user = user.replace(b"=2C", b",").replace(b"=3D", b"=")
    if (account := _bearer(store, user, _fields(rest))) is None:
        yield _ERROR
    return account


def _fields(parts: list[bytes]) -> dict[bytes, bytes]:
    return {name: value for name, mark, value in (part.partition(b"=") for part in parts) if mark}


def _bearer(store: Store, user: bytes, fields: dict[bytes, bytes]) -> Account | None:
    scheme, _, token = fields.get(b"auth", b"").partition(b" ")
    account = store.account(user.decode(errors="replace"))
    if account is None or scheme.lower() != b"bearer" or not token:
        return None
    is_good = account.token == Secret(token) or store.opens_mail(account.address, token.decode(errors="replace"))
    return account if is_good else None


_MECHANISMS: dict[str, Callable[[Store], Steps]] = {
    "PLAIN": _plain,
    "LOGIN": _login,
    "XOAUTH2": _xoauth2,
    "OAUTHBEARER": _oauthbearer,
}
