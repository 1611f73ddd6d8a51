"""Giving a sign-in back: the issuer is asked to forget it, and the local copy is wiped whatever the issuer says."""

from __future__ import annotations

import attrs

from .._ports import IO, Deadline
from ..errors import MailconfError
from ..secret import Secret
from .client import Client
from .exchange import REQUEST_SECONDS, where
from .keeping import Keeping
from .record import Record


@attrs.frozen(kw_only=True)
class Disconnected:
    """What became of a sign-in that was given back. Nothing is stored for the account any more.

    Args:
        revoked: whether the issuer confirmed that it has forgotten it.
        code: a stable name ("oauth.disconnected", "oauth.disconnected_locally", "oauth.nothing_stored").
        sentence: the same for a person.
    """

    revoked: bool
    code: str
    sentence: str


async def disconnect(io: IO, client: Client, keeping: Keeping, key: str, deadline: Deadline) -> Disconnected:
    """Delete what is stored under `key`, and ask the issuer to revoke it (RFC 7009).

    Raises:
        StoreFailed: the store could not be written, so the tokens are still in it.
    """
    record = await _taken_out(keeping, key)
    if record is None:
        return Disconnected(revoked=False, code="oauth.nothing_stored", sentence="Nobody was signed in.")
    token = record.refresh or record.access
    try:
        trouble = await _revoke(io, client, token, deadline)
    finally:
        record.wiped()
    if not trouble:
        sentence = f"The access to {record.address} was given back."
        return Disconnected(revoked=True, code="oauth.disconnected", sentence=sentence)
    sentence = (
        f"The access to {record.address} was deleted here, but {client.issuer.label} did not confirm it: {trouble}. "
        "The person can take it away on the issuer's account page."
    )
    return Disconnected(revoked=False, code="oauth.disconnected_locally", sentence=sentence)


async def _taken_out(keeping: Keeping, key: str) -> Record | None:
    while True:
        stored = await keeping.load_or_ruin(key)
        if stored is None:
            return None
        if await keeping.swap(key, None, expected=stored.version):
            try:
                return Record.opened(stored.content)
            except MailconfError:
                return None


async def _revoke(io: IO, client: Client, token: Secret | None, deadline: Deadline) -> str:
    """Return why the issuer did not revoke the token; empty if it did."""
    endpoint = client.issuer.revocation_endpoint
    if token is None:
        return "there was no token"
    if endpoint is None:
        return "it offers no way to do so"
    request = client.post(endpoint, {"token_type_hint": "refresh_token"}, {"token": token})
    try:
        response = await io.fetch(request, deadline.sooner(REQUEST_SECONDS))
    except MailconfError as trouble:
        return str(trouble)
    host = where(endpoint)
    # RFC 7009 section 2.2: 200 for a token that is not known as well.
    return "" if response.status == 200 else f"{host.host if host else 'it'} answered {response.status}"
