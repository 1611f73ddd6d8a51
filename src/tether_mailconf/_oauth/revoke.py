"""Giving a sign-in back: the issuer is asked to forget it, and the local copy is wiped whatever the issuer says."""

from __future__ import annotations

import attrs

from .._ports import IO, Deadline
from ..credentials.token_store import Stored
from ..errors import MailconfError
from ..secret import Secret
from .client import Client
from .exchange import REQUEST_SECONDS, where
from .keeping import PAUSE, TRIES, Keeping, never_swapped
from .record import Record

_BY_THE_PERSON = "The person can take it away on the issuer's account page."


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
    stored = await _taken_out(io, keeping, key)
    if stored is None:
        return Disconnected(revoked=False, code="oauth.nothing_stored", sentence="Nobody was signed in.")
    try:
        record = Record.opened(stored.content)
    except MailconfError:
        sentence = (
            "What was stored was deleted here. It could not be read any more, so nobody could ask "
            f"{client.issuer.label} to take the access back. {_BY_THE_PERSON}"
        )
        return Disconnected(revoked=False, code="oauth.disconnected_locally", sentence=sentence)
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
        f"{_BY_THE_PERSON}"
    )
    return Disconnected(revoked=False, code="oauth.disconnected_locally", sentence=sentence)


async def _taken_out(io: IO, keeping: Keeping, key: str) -> Stored | None:
    for _ in range(TRIES):
        stored = await keeping.load_or_ruin(key)
        if stored is None or await keeping.swap(key, None, expected=stored.version):
            return stored
        await io.sleep(PAUSE)
    raise never_swapped()


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
