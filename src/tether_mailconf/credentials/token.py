"""Signing in with a token: the token itself, and where fresh ones come from."""

from __future__ import annotations

import re
from typing import Protocol, runtime_checkable

from .._ports import IO, Deadline
from ..secret import Secret
from ..settings import CredentialKind
from . import SaslStep

# RFC 6750 section 2.1: the characters of a bearer token.
_B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*\Z")


class BearerToken:
    """An access token (RFC 6750), by OAUTHBEARER (RFC 7628) or XOAUTH2, and never by anything else.

    It ends within the hour and nobody renews it; `oauth.OAuthToken` is the credential that stays fresh. This one is for
    a host that does its own OAuth.

    Args:
        secret: the access token. Raises `ValueError` if it has a character that no bearer token has.
    """

    __slots__ = ("_secret",)
    kind = CredentialKind.OAUTH_TOKEN
    mechanisms = ("OAUTHBEARER", "XOAUTH2")

    def __init__(self, secret: str | Secret) -> None:
        try:
            self._secret = Secret(secret.reveal_bytes() if isinstance(secret, Secret) else secret)
        finally:
            del secret  # an error shows no variable that holds it
        if not _B64TOKEN.match(self._secret.reveal()):
            raise ValueError("the text is not a bearer token (RFC 6750)")

    def answer(self, step: SaslStep) -> bytes:
        """Answer with the user name and the token (RFC 7628 section 3.1, or Google's and Microsoft's XOAUTH2)."""
        token = self._secret.reveal_bytes()
        user = step.user.encode()
        if step.mechanism == "XOAUTH2":
            return b"user=" + user + b"\1auth=Bearer " + token + b"\1\1"
        # RFC 5801 section 4: "=" and "," in the name are escaped.
        name = user.replace(b"=", b"=3D").replace(b",", b"=2C")
        where = f"host={step.endpoint.host}\1port={step.endpoint.port}\1".encode()
        return b"n,a=" + name + b",\1" + where + b"auth=Bearer " + token + b"\1\1"

    def is_token(self, secret: Secret) -> bool:
        """Return whether this is the access token `secret`."""
        return self._secret == secret

    def is_same(self, other: BearerToken) -> bool:
        """Return whether `other` holds the same access token."""
        return self._secret == other._secret

    def wipe(self) -> None:
        """Overwrite the token in memory. The credential is of no use afterwards."""
        self._secret.wipe()

    def __repr__(self) -> str:
        return "BearerToken('***')"


@runtime_checkable
class TokenSource(Protocol):
    """A sign-in whose tokens stay fresh. A `Mailer` and its like take one wherever they take a credential.

    `oauth.OAuthToken` is the one there is. A host names this type and writes no class of it: what
    the library asks of one is between the two, and may change. A host that renews tokens by itself hands over the one
    of the moment, as an `oauth.BearerToken`.
    """

    @property
    def kind(self) -> CredentialKind:
        """`CredentialKind.OAUTH_TOKEN`."""
        ...

    @property
    def issuer(self) -> str:
        """Whose tokens they are: the id of the issuer, up to a slash, as a preset names it in `oauth_issuer`."""
        ...

    async def fresh(self, io: IO, deadline: Deadline) -> BearerToken:
        """Return a token to sign in with now, renewed if it is about to end.

        Args:
            io: the outside world, by which the issuer is asked.
            deadline: until when.

        Raises:
            MailconfError: there is none to be had.
        """
        ...

    async def renewed(self, refused: BearerToken, io: IO, deadline: Deadline) -> BearerToken | None:
        """Return another token than `refused`, which a mail server did not accept; None if another would not do either.

        Args:
            refused: what `fresh` or `renewed` returned.
            io: the outside world, by which the issuer is asked.
            deadline: until when.

        Raises:
            MailconfError: there is none to be had.
        """
        ...

    async def accepted(self, token: BearerToken, user: str, io: IO, deadline: Deadline) -> None:
        """Take note that a mail server accepted a token. Never raises for what becomes of the note.

        Args:
            token: what `fresh` or `renewed` returned.
            user: the user name that it was accepted for.
            io: the outside world.
            deadline: until when.
        """
        ...
