"""SASL (RFC 4422) as both protocols use it: choosing a mechanism, encoding, and hiding secrets from what is shown."""

from __future__ import annotations

import base64
import binascii
import inspect
import json
import re
from collections.abc import Collection
from typing import cast

from ..credentials import Credential, SaslStep
from ..errors import CredentialFailed, MailconfError, NotOffered, ProtocolViolation, Step, printable
from ..secret import Secret

TOKEN_MECHANISMS = ("OAUTHBEARER", "XOAUTH2")
"""Mechanisms whose only challenge is an error report (RFC 7628 section 3.2.3; Google's XOAUTH2 page)."""

_SHORTEST_MASKED = 4
_BASE64 = re.compile(r"([A-Za-z0-9+/]{8,})={0,2}")
_BASE64_FIRST = re.compile(rb"[A-Za-z0-9+/]*={0,2}")
_NO_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]")


class Mask:
    """The parts of an exchange that must not be shown, should the server repeat them.

    Built from the responses given; user names stay readable, since diagnosis needs them.
    """

    def __init__(self, user: str) -> None:
        self._user = user
        self._hidden: list[Secret] = []
        self._shortest = 1 << 30
        """Bytes of the shortest that is hidden: nothing can hold it that is shorter."""

    def add(self, response: Secret) -> None:
        """Hide `response`, its parts, and both as they look in base64 and between quotes."""
        raw = response.reveal_bytes()
        parts = {raw, *raw.replace(b"\1", b"\0").split(b"\0")}
        parts |= {part.removeprefix(b"auth=Bearer ") for part in parts}
        # The whole before its parts, so that nothing of it is left standing around a part.
        for part in sorted(parts, key=len, reverse=True):
            if len(part) >= _SHORTEST_MASKED and part != self._user.encode():
                escaped = part.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
                # Response codes and capabilities are kept in upper case.
                shown = dict.fromkeys((part, escaped, base64.b64encode(part), part.upper(), escaped.upper()))
                self._hidden += map(Secret, shown)
                self._shortest = min(self._shortest, len(part))

    def cover(self, text: str) -> str:
        """Return `text` with every hidden part replaced, and all base64 that has one inside."""
        if len(text) < self._shortest and (text.isascii() or len(text.encode(errors="replace")) < self._shortest):
            return text
        for secret in self._hidden:
            text = text.replace(secret.reveal_bytes().decode(errors="backslashreplace"), "***")
        return _BASE64.sub(self._cover_base64, text)

    def _cover_base64(self, match: re.Match[str]) -> str:
        if len(match[1]) < self._shortest:
            return match[0]
        inside = _decoded(match[1].encode())
        hidden = [secret.reveal_bytes() for secret in self._hidden]
        return "***" if any(part in one for part in hidden for one in inside) else match[0]

    def cover_edges(self, piece: bytes) -> bytes:
        """Return a piece of what the server said without the fragment of a hidden part that it may begin or end in."""
        length = max((self._fragment(piece, secret.reveal_bytes()) for secret in self._hidden), default=0)
        piece = b"***" + piece[length:] if length else piece
        length = max((self._fragment(piece[::-1], secret.reveal_bytes()[::-1]) for secret in self._hidden), default=0)
        piece = piece[:-length] + b"***" if length else piece
        first = _BASE64_FIRST.match(piece)
        if first is not None and self._is_fragment(first[0]):
            piece = b"***" + piece[first.end() :]
        last = _NO_BASE64.split(piece)[-1]
        return piece[: -len(last)] + b"***" if self._is_fragment(last) else piece

    @staticmethod
    def _fragment(piece: bytes, secret: bytes) -> int:
        """Return how many bytes of `secret`, from wherever in it, `piece` begins with; 0 if it is too few to tell."""
        length = 0
        while length < len(piece) and piece[: length + 1] in secret:
            length += 1
        return length if length >= _SHORTEST_MASKED else 0

    def _is_fragment(self, encoded: bytes) -> bool:
        """Whether a run of base64 holds some bytes of a hidden part."""
        windows = {
            inside[start : start + _SHORTEST_MASKED]
            for inside in _decoded(encoded.rstrip(b"="))
            for start in range(len(inside) - _SHORTEST_MASKED + 1)
        }
        return any(window in secret.reveal_bytes() for secret in self._hidden for window in windows)


def _decoded(encoded: bytes) -> list[bytes]:
    """Return what base64 may mean that begins in the middle of it: each of the four ways, its last bytes uncertain."""
    return [base64.b64decode(encoded[skip:] + b"A" * (-len(encoded[skip:]) % 4)) for skip in range(4)]


def choose_mechanism(credential: Credential, offered: Collection[str]) -> str:
    """Return the credential's best mechanism among those the server offers.

    A token is never tried as a password and a password never as a token: only the credential's own list counts.

    Raises:
        NotOffered: there is none.
    """
    for mechanism in credential.mechanisms:
        if mechanism in offered:
            return mechanism
    theirs = printable(", ".join(sorted(offered))) or "nothing"
    ours = ", ".join(credential.mechanisms)
    raise NotOffered(step=Step.SIGN_IN, detail=f"the server offers {theirs} for signing in; this credential can {ours}")


async def respond(credential: Credential, step: SaslStep, mask: Mask) -> Secret:
    """Ask the credential for its next response, and hide it from now on.

    Raises:
        CredentialFailed: it raised something of its own.
    """
    try:
        answer = credential.answer(step)
        response = Secret(await answer if inspect.isawaitable(answer) else answer)
    except MailconfError:
        raise
    except Exception as error:
        detail = f"the credential raised {type(error).__name__} instead of answering"
        raise CredentialFailed(step=Step.SIGN_IN, detail=detail) from error
    mask.add(response)
    return response


def encode(response: Secret) -> memoryview:
    """Return the response in base64, an empty one as nothing. A memoryview, because its repr shows no content."""
    return memoryview(base64.b64encode(response.reveal_bytes()))


def decode_challenge(text: str) -> bytes:
    """Return the bytes of a challenge.

    Raises:
        ProtocolViolation: it is not base64.
    """
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise ProtocolViolation(step=Step.SIGN_IN, detail="the server's challenge is not base64") from None


def describe_error(challenge: bytes, mask: Mask) -> str:
    """Return a token mechanism's error report in one line fit to be shown; rubbish is shown as rubbish."""
    return printable(mask.cover(_report(challenge)))


def _report(challenge: bytes) -> str:
    text = challenge.decode(errors="backslashreplace")
    try:
        report = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(report, dict):
        return text
    fields = cast("dict[str, object]", report)
    return ", ".join(f"{name}: {value}" for name, value in fields.items())


def error_acknowledgement(mechanism: str) -> bytes:
    """Return what ends a failed token exchange: nothing, but one %x01 for OAUTHBEARER (RFC 7628 section 3.2.3)."""
    return b"\1" if mechanism == "OAUTHBEARER" else b""
