"""The keys of an encrypted store, and what is done with them.

A key travels as one text, such as `1f0c9d3e.` and 43 more characters: its id, a dot, and 256 random bits as base64url
(RFC 4648 section 5) without padding. The id is made from the bits, so it tells a mistyped or cut key from a wrong one.
It stands in the file beside everything the key has sealed, and gives nothing of the key away.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import struct
from collections.abc import Sequence
from typing import cast

import attrs

from ..errors import Problem
from ..secret import Secret

_KEY = re.compile(r"([0-9a-f]{8})\.([A-Za-z0-9_-]{43})", re.ASCII)
_KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16


@attrs.frozen(kw_only=True)
class StoreKey:
    """A key that seals and opens, by AES-256-GCM.

    Each sealing has a random nonce of 96 bits, which is sound for 2^32 of them under one key (NIST SP 800-38D section
    8.3): a hundred a second for a year.

    Args:
        id: names the key in the file.
        secret: its 32 bytes.
    """

    id: str
    secret: Secret

    def sealed(self, content: Secret, about: bytes) -> bytes:
        """Return `content` encrypted and tied to `about`."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self.secret.reveal_bytes()).encrypt(nonce, content.reveal_bytes(), about)

    def opened(self, sealed: bytes, about: bytes) -> Secret | None:
        """Return what was sealed; None if it is not as it was sealed, or was sealed about something else."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
            return None
        cipher = AESGCM(self.secret.reveal_bytes())
        try:
            return Secret(cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about))
        except InvalidTag:
            return None


def new_key() -> str:
    """Return a new key as text."""
    return _spelt(secrets.token_bytes(_KEY_BYTES))


def new_naming_key() -> Secret:
    """Return a new key for `row_name`."""
    return Secret(secrets.token_bytes(_KEY_BYTES))


def row_name(naming: Secret, key: str) -> bytes:
    """Return the name under which a file keeps `key`: always the same, and telling nobody the key."""
    return hmac.digest(naming.reveal_bytes(), key.encode(errors="surrogatepass"), "sha256")


def joined(*parts: bytes) -> bytes:
    """Return the parts as one, so that no other parts give the same."""
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def as_secrets(key: str | Secret | Sequence[str | Secret]) -> list[Secret | None]:
    """Return keys as a host gives them, hidden; None for what is no text at all, such as a variable that is not set."""
    is_list = isinstance(key, list | tuple)
    return [_hidden(one) for one in cast(Sequence[object], key)] if is_list else [_hidden(key)]


def _hidden(key: object) -> Secret | None:
    if isinstance(key, Secret):
        return key
    if not isinstance(key, str):
        return None
    try:
        return Secret(key)
    except ValueError:
        return None


def read_keys(given: Sequence[Secret | None], problems: list[Problem]) -> tuple[StoreKey, ...]:
    """Return the keys that were given as text; all that is wrong with them is added to `problems`."""
    if not given:
        problems.append(Problem(field="key", code="key.missing", message="a key is needed; new_key() makes one"))
    keys: list[StoreKey] = []
    for index, secret in enumerate(given):
        field = "key" if len(given) == 1 else f"key.{index}"
        key = _read(secret)
        if isinstance(key, str):
            problems.append(Problem(field=field, code="key.invalid", message=key))
        elif any(key.id == other.id for other in keys):
            problems.append(Problem(field=field, code="key.repeated", message="this key was given twice"))
        else:
            keys.append(key)
    return tuple(keys)


def _read(given: Secret | None) -> StoreKey | str:
    """Return the key, or what is wrong with it."""
    try:
        match = None if given is None else _KEY.fullmatch(given.reveal().strip())
    except ValueError:
        match = None
    if match is None:
        return "a key is what new_key() returns: 8 hexadecimal digits, a dot and 43 letters, digits, '-' or '_'"
    try:
        secret = Secret(base64.urlsafe_b64decode(match[2] + "="))
    except binascii.Error:  # pragma: no cover - 43 letters of the alphabet always are 32 bytes
        return "the key is no base64url"
    if _id(secret.reveal_bytes()) != match[1]:
        return "the key is mistyped: its two parts do not belong together"
    return StoreKey(id=match[1], secret=secret)


def _spelt(raw: bytes) -> str:
    return f"{_id(raw)}.{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"


def _id(raw: bytes) -> str:
    return hashlib.sha256(b"tether_mailconf store key\0" + raw).hexdigest()[:8]
