"""What is stored for a signed-in account, as a value and as the store keeps it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import attrs

from ..errors import Damaged, UnsupportedSchema
from ..secret import Secret, holds

_SCHEMA = 2


def key(issuer: str, owner: str, address: str) -> str:
    """Return the store's key for an account: whose sign-in, and for which address. It tells neither."""
    local_part, _, domain = address.rpartition("@")
    parts = json.dumps([issuer, owner, f"{local_part.lower()}@{domain}"])
    return f"token/{hashlib.sha256(parts.encode()).hexdigest()}"


@attrs.frozen(kw_only=True)
class Record:
    """The state of one signed-in account. Times are seconds since the epoch.

    Args:
        issuer: the issuer's id.
        client_id: in whose name it was granted.
        address: the address whose mail is sent.
        login: who signed in.
        owner: who had begun the sign-in.
        access: the access token; None before the first one.
        issued_at: when the access token was issued.
        expires_at: when it ends.
        forced_at: when it was last renewed before its time, because a mail server refused it.
        refresh: the refresh token; None for a service account.
        refresh_until: when the refresh token ends; 0 if the issuer does not say.
        is_prolonged: whether a renewal has ever put that end off, so that it is no end for a token that is used.
        granted_at: when the person signed in.
        is_verified: whether it is proved that `login` signed in.
        ended: the code of the cause why there are no tokens for the mailbox any more; empty while there are.
        ended_detail: the issuer's words on that.
        lease: who is renewing it just now; empty if nobody is.
        leased_until: when that one is given up for dead.
    """

    issuer: str
    client_id: str
    address: str
    login: str
    owner: str
    access: Secret | None = None
    issued_at: float = 0.0
    expires_at: float = 0.0
    forced_at: float = 0.0
    refresh: Secret | None = None
    refresh_until: float = 0.0
    is_prolonged: bool = False
    granted_at: float = 0.0
    is_verified: bool = False
    ended: str = ""
    ended_detail: str = ""
    lease: str = ""
    leased_until: float = 0.0

    def sealed(self) -> Secret:
        """Return the record as a store keeps it."""
        return Secret(json.dumps({"schema": _SCHEMA} | {name: _plain(value) for name, value in _fields(self)}))

    @classmethod
    def opened(cls, content: Secret) -> Record:
        """Return what `sealed` wrote.

        Raises:
            UnsupportedSchema: a newer version wrote it.
            Damaged: it cannot be read.
        """
        schema, record = _opened(content)
        if schema != _SCHEMA and record is None:
            raise UnsupportedSchema(schema, _SCHEMA)
        if record is None:
            raise Damaged("token", "the store holds something else")
        return record

    def wiped(self) -> None:
        """Overwrite the tokens of this copy in memory."""
        for secret in (self.access, self.refresh):
            if secret is not None:
                secret.wipe()


_SECRETS = ("access", "refresh")
_KINDS: dict[str, type | tuple[type, ...]] = {"str": str, "float": (int, float), "bool": bool}


def _fields(record: Record) -> list[tuple[str, Any]]:
    return [(field.name, getattr(record, field.name)) for field in attrs.fields(Record)]


def _plain(value: Any) -> Any:
    return value.reveal() if isinstance(value, Secret) else value


def _opened(content: Secret) -> tuple[object, Record | None]:
    """Return the schema version and the record; None if it is none."""
    try:
        data = json.loads(content.reveal())
        schema = data["schema"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return _SCHEMA, None
    if type(schema) is not int or not 1 <= schema <= _SCHEMA:
        return schema if isinstance(schema, int) else "", None
    if schema == 1:
        data = {"refresh_until": 0.0, "is_prolonged": False} | data
        schema = _SCHEMA
    values: dict[str, Any] = {}
    for field in attrs.fields(Record):
        value = data.get(field.name)
        if field.name in _SECRETS:
            if value is not None and not holds(value):
                return schema, None
            values[field.name] = None if value is None else Secret(value)
        elif isinstance(value, _KINDS[str(field.type)]) and isinstance(value, bool) == (str(field.type) == "bool"):
            values[field.name] = value
        else:
            return schema, None
    return schema, Record(**values)
