"""What a person signs in with: strategies that can answer a SASL exchange.

A credential is told the mechanism, the user name, the server and the challenges so far, and says what to answer. It
knows nothing of connections and does no encoding: base64 and masking are the conversation's. A host application brings
its own by writing a class with the three members of `Credential`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable
from typing import Protocol, runtime_checkable

import attrs

from ..secret import Secret
from ..settings import CredentialKind, Endpoint

__all__ = ["AppPassword", "Credential", "Password", "SaslStep"]


@attrs.frozen(kw_only=True)
class SaslStep:
    """Where a SASL exchange (RFC 4422) stands.

    Args:
        mechanism: the mechanism agreed on ("PLAIN").
        user: the user name for this protocol.
        endpoint: the server that is signed in to.
        challenges: the server's challenges so far, decoded. None yet: the initial response is asked for.
    """

    mechanism: str
    user: str
    endpoint: Endpoint
    challenges: tuple[bytes, ...] = ()


@runtime_checkable
class Credential(Protocol):
    """What the library wants of a credential."""

    @property
    def kind(self) -> CredentialKind:
        """Which kind of credential this is; it must be the one the settings name."""
        ...

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The SASL mechanisms it can answer, best first, in upper case. Nothing else is ever tried with it."""
        ...

    def answer(self, step: SaslStep) -> bytes | Awaitable[bytes]:
        """Return the response to the last challenge, not encoded; for no challenge yet, the initial response.

        A credential for `tether_mailconf.aio` may return an awaitable.
        """
        ...


# RFC 4616 section 2 forbids NUL; a line break could only end up as a second command.
_FORBIDDEN = re.compile(r"[\0\r\n]")


class Password:
    """The mailbox's own password, used exactly as given, by PLAIN (RFC 4616) or LOGIN.

    Args:
        secret: the password. Raises `ValueError` if it is empty, contains a line break or NUL, or is not UTF-8.
    """

    __slots__ = ("_secret",)
    kind = CredentialKind.PASSWORD
    mechanisms = ("PLAIN", "LOGIN")

    def __init__(self, secret: str | Secret) -> None:
        try:
            self._secret = Secret(secret.reveal_bytes() if isinstance(secret, Secret) else secret)
        finally:
            del secret  # an error shows no variable that holds it
        if not self._secret:
            raise ValueError("the password is empty")
        if _FORBIDDEN.search(self._secret.reveal()):
            raise ValueError("the password contains a line break or a NUL character")

    def answer(self, step: SaslStep) -> bytes:
        """Answer PLAIN with one message, LOGIN with the user name and then the password."""
        if step.mechanism == "PLAIN":
            return b"\0" + step.user.encode() + b"\0" + self._secret.reveal_bytes()
        return step.user.encode() if len(step.challenges) <= 1 else self._secret.reveal_bytes()

    def kept(self) -> Secret:
        """Return a copy of the password, for a store that encrypts what it keeps."""
        return Secret(self._secret.reveal_bytes())

    def wipe(self) -> None:
        """Overwrite the password in memory. The credential is of no use afterwards."""
        self._secret.wipe()

    def __repr__(self) -> str:
        return f"{type(self).__name__}('***')"


class AppPassword(Password):
    """A password that the provider made for one application.

    Providers show it in groups ("abcd efgh ijkl mnop"); spaces and no-break spaces (U+00A0) that come along when it is
    pasted are taken out.

    Args:
        secret: the app password. Raises `ValueError` if nothing is left of it, or for a line break or NUL inside.
    """

    __slots__ = ()
    kind = CredentialKind.APP_PASSWORD

    def __init__(self, secret: str | Secret) -> None:
        try:
            typed = secret if isinstance(secret, Secret) else Secret(secret)
        finally:
            del secret  # an error shows no variable that holds it
        super().__init__(Secret(typed.reveal().strip().replace(" ", "").replace("\u00a0", "")))
