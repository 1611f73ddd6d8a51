"""A value that must never be read by accident.

Passwords and tokens travel through the library only inside `Secret`. It knows nothing of what they are for; it only
makes sure that printing, logging, pickling, copying into a report or showing a traceback's variables cannot spell them.
"""

from __future__ import annotations

import hmac
from typing import NoReturn, final


@final
class Secret:
    """A secret text or byte string, kept out of every representation.

    Text is stored as UTF-8; text that has none (a lone surrogate) raises `ValueError`. Two secrets compare in constant
    time. A secret can neither be hashed nor pickled, so that it ends up in no cache key and no queue.

    Args:
        value: what is to be kept.
    """

    __slots__ = ("_buffer",)

    def __init__(self, value: str | bytes) -> None:
        encoded = _encoded(value) if isinstance(value, str) else value
        del value  # an error shows no variable that holds it
        if encoded is None:
            raise ValueError("the secret cannot be encoded as UTF-8")
        self._buffer = bytearray(encoded)

    def reveal(self) -> str:
        """Return the secret as text. Keep it out of variables that outlive the expression it is needed in.

        Raises:
            ValueError: the secret was given as bytes that are not UTF-8.
        """
        text = _decoded(self._buffer)
        if text is None:
            raise ValueError("the secret is not UTF-8")
        return text

    def reveal_bytes(self) -> bytes:
        """Return the secret as bytes, under the same caution as `reveal`."""
        return bytes(self._buffer)

    def wipe(self) -> None:
        """Overwrite the secret in memory and leave it empty. Copies made by `reveal` are beyond its reach."""
        self._buffer[:] = bytes(len(self._buffer))
        self._buffer.clear()

    def __bool__(self) -> bool:
        return bool(self._buffer)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._buffer, other._buffer)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied; store it with a TokenStore or a vault of your own")


def holds(text: object) -> bool:
    """Return whether a value is a text that a `Secret` can hold."""
    return isinstance(text, str) and _encoded(text) is not None


# A Unicode error holds all that was to be converted, so none may get out, not even as a context.


def _encoded(text: str) -> bytes | None:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return None


def _decoded(raw: bytearray) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None
