"""How new access tokens are asked for, and what it means that none are given.

A token renews itself by a grant without knowing which: the refresh token of a person's sign-in, here, or what stands
for nobody's sign-in, in `service`. A grant keeps nothing and asks nobody: it makes the request, and reads the refusal.
"""

from __future__ import annotations

from typing import Protocol

import attrs

from .._ports import HttpRequest
from . import causes
from .client import Client
from .exchange import Denied
from .record import Record


class Grant(Protocol):
    """How new access tokens are asked for."""

    @property
    def client_id(self) -> str:
        """In whose name."""
        ...

    @property
    def issuer_id(self) -> str:
        """Of whom."""
        ...

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes without which a token is of no use."""
        ...

    def request(self, record: Record, now: float) -> HttpRequest | None:
        """Return the request for a new token; None if the record has nothing to ask with."""
        ...

    def cause(self, denied: Denied, record: Record, now: float) -> causes.Cause:
        """Return why it was denied."""
        ...

    def blank(self) -> Record | None:
        """Return what to begin with where nothing is stored; None if only a person can begin."""
        ...


@attrs.frozen
class RefreshGrant:
    """By the refresh token that a person's sign-in gave (RFC 6749 section 6).

    Args:
        client: in whose name.
    """

    client: Client

    @property
    def client_id(self) -> str:
        """The host's client id."""
        return self.client.id

    @property
    def issuer_id(self) -> str:
        """The issuer's id."""
        return self.client.issuer.id

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes that mail needs."""
        return self.client.issuer.scopes

    def request(self, record: Record, now: float) -> HttpRequest | None:
        """Return the refresh request. Without scopes it asks for those that were granted."""
        if record.refresh is None:
            return None
        issuer = self.client.issuer
        return self.client.post(
            issuer.token_endpoint, {"grant_type": "refresh_token"}, {"refresh_token": record.refresh}
        )

    def cause(self, denied: Denied, record: Record, now: float) -> causes.Cause:
        """Return why it was denied."""
        cause = causes.of_answer(denied.error, denied.description, invalid_grant="oauth.revoked")
        if cause.code == "oauth.revoked" and _died_of_testing(self.client.issuer.id, now - record.granted_at):
            return causes.known("oauth.testing_mode")
        return cause

    def blank(self) -> Record | None:
        """Return None: only a person can begin."""
        return None


def _died_of_testing(issuer_id: str, age: float) -> bool:
    # Seven days: https://developers.google.com/identity/protocols/oauth2#expiration. Noticed at the next renewal.
    return issuer_id == "accounts.google.com" and 6.9 * 86_400 < age < 8 * 86_400
