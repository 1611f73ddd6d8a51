"""A sign-in that has begun: what the host keeps between two web requests, and what the store keeps for it.

The host's half holds no secret, so it may lie in a web session, a cookie or a database. The other half, the PKCE
verifier and the nonce, lies in the store under a key made from the state, and is taken out once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import attrs

from ..address import read_address
from ..errors import Damaged, InvalidSettings, Problem
from ..secret import Secret, holds
from ..stored import exactly, moment, reading, record, seconds

T = TypeVar("T", bound=attrs.AttrsInstance)

LIFETIME = timedelta(minutes=10)
"""How long a person may take to sign in."""

_SCHEMA = 1
_LONGEST_OWNER = 200


@attrs.frozen(kw_only=True)
class PendingSignIn:
    """A sign-in on its way through the browser. It holds no secret, and may be stored wherever a web session is.

    Args:
        url: where to send the browser.
        state: what the issuer sends back with the browser; shows that both belong together (RFC 6749 section 10.12).
        issuer: the id of the issuer.
        redirect_uri: where the browser comes back to.
        address: the address whose mail is to be sent.
        login: who signs in; the same as `address` unless the host said otherwise.
        owner: who began it, as given to `begin`.
        expires_at: when it can no longer be completed.
    """

    url: str = attrs.field(repr=False)
    state: str = attrs.field(repr=False)
    issuer: str
    redirect_uri: str
    address: str
    login: str
    owner: str
    expires_at: datetime

    def to_dict(self) -> dict[str, Any]:
        """Return the sign-in as plain data for JSON."""
        data: dict[str, Any] = attrs.asdict(self)
        return data | {"schema": _SCHEMA, "expires_at": self.expires_at.isoformat()}

    @classmethod
    def from_dict(cls, data: object) -> PendingSignIn:
        """Return the sign-in that `to_dict` described.

        Raises:
            UnsupportedSchema: a newer version wrote it.
            Damaged: it cannot be read.
        """
        return _read(cls, data, "sign-in")


@attrs.frozen(kw_only=True)
class PendingDevice:
    """A sign-in that waits for a code to be entered on another device (RFC 8628). It holds no secret.

    Args:
        user_code: what the person enters.
        verification_uri: the page where it is entered.
        verification_uri_complete: the same page with the code in it already; empty if the issuer has none.
        interval: seconds between two questions to the issuer.
        state: names this sign-in in the store.
        issuer: the id of the issuer.
        address: the address whose mail is to be sent.
        login: who signs in; the same as `address` unless the host said otherwise.
        owner: who began it.
        expires_at: when the code can no longer be entered.
    """

    user_code: str = attrs.field(repr=False)
    verification_uri: str
    verification_uri_complete: str = attrs.field(repr=False)
    interval: float
    state: str = attrs.field(repr=False)
    issuer: str
    address: str
    login: str
    owner: str
    expires_at: datetime

    def to_dict(self) -> dict[str, Any]:
        """Return the sign-in as plain data for JSON."""
        data: dict[str, Any] = attrs.asdict(self)
        return data | {"schema": _SCHEMA, "expires_at": self.expires_at.isoformat()}

    @classmethod
    def from_dict(cls, data: object) -> PendingDevice:
        """Return the sign-in that `to_dict` described.

        Raises:
            UnsupportedSchema: a newer version wrote it.
            Damaged: it cannot be read.
        """
        return _read(cls, data, "device sign-in")


def _read(kind: type[T], data: object, what: str) -> T:
    stored = record(what, data, _SCHEMA)
    readers: Mapping[str, Callable[[object], object]] = {"interval": seconds, "expires_at": _in_utc}
    with reading(what):
        return kind(**{name: readers.get(name, _text)(stored[name]) for name in attrs.fields_dict(kind)})


def _text(value: object) -> str:
    return exactly(str, value)


def _in_utc(value: object) -> datetime:
    return moment(value).astimezone(UTC)


@attrs.frozen(kw_only=True)
class Kept:
    """The store's half of a sign-in.

    Args:
        secret: the PKCE verifier (RFC 7636), or the device code (RFC 8628 section 3.2).
        nonce: what the id token must repeat (OpenID Connect Core section 3.1.2.1); empty if there is none.
        bound: what the sign-in was begun for; the host's half must say the same.
    """

    secret: Secret
    nonce: Secret
    bound: Mapping[str, str]

    def sealed(self) -> Secret:
        """Return it as a store keeps it."""
        return Secret(json.dumps({"secret": self.secret.reveal(), "nonce": self.nonce.reveal(), "bound": self.bound}))

    @classmethod
    def opened(cls, content: Secret) -> Kept:
        """Return what `sealed` wrote.

        Raises:
            Damaged: it cannot be read.
        """
        kept = _kept(content)
        if kept is None:
            raise Damaged("sign-in", "the store holds something else")
        return kept


def _kept(content: Secret) -> Kept | None:
    try:
        data = json.loads(content.reveal())
        secret, nonce, bound = data["secret"], data["nonce"], dict(data["bound"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not (holds(secret) and holds(nonce)):
        return None
    return Kept(secret=Secret(secret), nonce=Secret(nonce), bound=bound)


def bound(pending: PendingSignIn | PendingDevice, client_id: str) -> dict[str, str]:
    """Return all that a sign-in is tied to."""
    names = ("issuer", "redirect_uri", "address", "login", "owner")
    return {name: str(getattr(pending, name, "")) for name in names} | {
        "client_id": client_id,
        "expires_at": pending.expires_at.isoformat(),
    }


def key(state: str) -> str:
    """Return the store's key for a sign-in. The state itself stays out of it."""
    return "sign-in/" + hashlib.sha256(state.encode(errors="surrogatepass")).hexdigest()


def read_who(address: str, login: str | None, owner: str) -> tuple[str, str]:
    """Return the address whose mail is sent and the one that signs in.

    Raises:
        InvalidSettings: one of them cannot be right.
    """
    problems: list[Problem] = []
    found: list[str] = []
    for name, text in (("address", address), ("login", address if login is None else login)):
        result = read_address(text)
        if isinstance(result, Problem):
            problems.append(attrs.evolve(result, field=name))
        else:
            found.append(result)
    if len(owner) > _LONGEST_OWNER or not (owner.isprintable() and owner.isascii()):
        text = f"an owner is up to {_LONGEST_OWNER} printable ASCII characters"
        problems.append(Problem(field="owner", code="owner.invalid", message=text))
    if login is None:
        problems = [problem for problem in problems if problem.field != "login"]
    if problems:
        raise InvalidSettings(tuple(problems))
    return found[0], found[-1]
