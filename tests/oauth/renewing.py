"""An issuer that rotates strictly, accounts that have signed in there, and ways to it in both colours."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

import attrs

from tether_mailconf._drivers.blocking import BlockingIO
from tether_mailconf._drivers.guard import NetworkPolicy
from tether_mailconf._oauth import record
from tether_mailconf._oauth.client import Client
from tether_mailconf._oauth.grant import RefreshGrant
from tether_mailconf._oauth.keeping import Keeping
from tether_mailconf._oauth.record import Record
from tether_mailconf._oauth.token import OAuthToken
from tether_mailconf._ports import Deadline, HttpRequest, HttpResponse, run_sync
from tether_mailconf.credentials.token import BearerToken
from tether_mailconf.secret import Secret
from tether_mailconf.token_stores.memory import MemoryTokenStore

from .issuers import CLIENT, ISSUER

KEY = record.key(ISSUER.id, "", "ana@issuer.test")


Act = Callable[["Desk"], tuple[int, object]]


class Desk:
    """An issuer that rotates strictly: each refresh token works once, and using one again kills the family."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = 0
        self.valid = "rt-0"
        self.lifetime: object = 3600
        self.pause = 0.0
        self.act: Act | None = None

    def answer(self, request: HttpRequest) -> HttpResponse:
        assert request.body is not None
        told = parse_qs(request.body.reveal())
        time.sleep(self.pause)
        with self.lock:
            self.count += 1
            status, content = self.act(self) if self.act is not None else self.rotate(told["refresh_token"][0])
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return HttpResponse(status=status, headers={}, body=Secret(body))

    def rotate(self, used: str) -> tuple[int, object]:
        if used != self.valid:
            self.valid = ""
            return 400, {"error": "invalid_grant"}
        self.valid = f"rt-{self.count}"
        return 200, {
            "access_token": f"at-{self.count}",
            "token_type": "Bearer",
            "expires_in": self.lifetime,
            "refresh_token": self.valid,
        }


class Blocking(BlockingIO):
    def __init__(self, desk: Desk, ahead: float = 0.0) -> None:
        super().__init__(NetworkPolicy(), None)
        self._desk = desk
        self.ahead = ahead

    async def fetch(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        return self._desk.answer(request)

    def now(self) -> datetime:
        return datetime.fromtimestamp(super().now().timestamp() + self.ahead).astimezone()


def account(store: MemoryTokenStore, client: Client = CLIENT, **changed: Any) -> OAuthToken:
    """An account that has signed in, its access token at an end unless told otherwise."""
    now = time.time()
    kept = Record(
        issuer=client.issuer.id,
        client_id=client.id,
        address="ana@issuer.test",
        login="ana@issuer.test",
        owner="",
        access=Secret("at-old"),
        issued_at=now - 7200,
        expires_at=now - 3600,
        refresh=Secret("rt-0"),
        granted_at=now - 7200,
    )
    put(store, attrs.evolve(kept, **changed))
    return token_of(store, client)


def token_of(store: Any, client: Client = CLIENT) -> OAuthToken:
    return OAuthToken(
        RefreshGrant(client),
        Keeping(store),
        KEY,
        address="ana@issuer.test",
        owner="",
        account_verified=False,
        code="",
        sentence="",
    )


def put(store: MemoryTokenStore, kept: Record) -> None:
    before = store.load(KEY)
    assert store.swap(KEY, kept.sealed(), expected=None if before is None else before.version)


def kept(store: MemoryTokenStore) -> Record:
    stored = store.load(KEY)
    assert stored is not None
    return Record.opened(stored.content)


def fresh(token: OAuthToken, io: Blocking, seconds: float = 30.0) -> BearerToken:
    return run_sync(token.fresh(io, io.deadline(seconds)))
