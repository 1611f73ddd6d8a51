"""How a sandbox's issuer behaves: the habits of real issuers, their mishaps, and what an attacker would do, as data.

It is a part of a sandbox's `Personality`, and may be exchanged while the sandbox runs, so that a sign-in can go well
and a later renewal not.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

import attrs


class RefreshTokens(enum.Enum):
    """What an answer has for a refresh token."""

    GIVEN = "given"
    ABSENT = "absent"
    NULL = "null"
    EMPTY = "empty"


class TokenAnswer(enum.Enum):
    """How the token endpoint answers, whatever it was asked."""

    RIGHT = "right"
    HTML = "html"
    """a web page, with status 200"""
    HTML_ERROR = "html error"
    """a web page, with status 500"""
    ERROR_WITH_200 = "error with 200"
    """an error of OAuth, with status 200"""
    REDIRECT = "redirect"
    """to another https address"""
    REDIRECT_TO_HTTP = "redirect to http"
    HUGE = "huge"
    """a body of 100 MB"""
    DRIBBLED = "dribbled"
    """the right answer, byte by byte; `OAuthPersonality.dribble` says how slowly"""
    DROPPED_BEFORE = "dropped before"
    """the connection ends before anything was done"""
    DROPPED_AFTER = "dropped after"
    """everything was done, refresh token rotated, and the connection ends before the answer"""
    THROTTLED = "throttled"
    """429, try again in seven seconds"""
    UNAVAILABLE = "unavailable"
    """503"""
    REPEATED = "repeated"
    """the right answer, with every member of its JSON twice, a wrong value first"""
    NOT_JSON = "not JSON"
    LIST = "list"
    """JSON, but no object"""


@attrs.frozen(kw_only=True)
class Denial:
    """An error that the token endpoint answers (RFC 6749 section 5.2).

    Args:
        error: its code.
        description: its text.
        status: the HTTP status.
    """

    error: str
    description: str = ""
    status: int = 400


@attrs.frozen(kw_only=True)
class OAuthPersonality:
    """How an issuer behaves.

    Args:
        rotates: whether a refresh token is good for one use, and its second use ends the whole sign-in (RFC 9700
            section 4.14.2). If not, answers to refreshes have none, as Google's.
        expires_in: what an answer says of the access token's life; None says nothing. It lives as many seconds, an hour
            if this is no number.
        refresh_tokens: what an answer has for a refresh token.
        token_type: what an answer says the token is.
        sign_in_seconds: how long a sign-in lasts, however often it is used, which answers then tell as
            `refresh_token_expires_in`, as Google's; None: for ever, and they do not tell.
        tells_scope: whether an answer says what was granted.
        withheld: scopes that are not granted, whatever the person ticked.
        gives_id_token: whether an answer has an id token.
        has_userinfo: whether there is a userinfo endpoint.
        claims: what id token and userinfo say instead; None leaves a claim out.
        callback: parameters that the browser comes back with instead; None leaves one out.
        repeated: parameters that it comes back with twice.
        answer: how the token endpoint answers.
        denial: the error that the token endpoint answers; None: as it should.
        dribble: seconds between two bytes of an answer that is `DRIBBLED`.
        times: how many requests `answer` and `denial` are for; later ones are answered rightly.
        metadata: what the description of the issuer says instead; None leaves a member out.
        revokes: whether the revocation endpoint works; if not, it answers 503.
        interval: seconds that a device must leave between two questions.
    """

    rotates: bool = True
    expires_in: int | str | None = 3600
    refresh_tokens: RefreshTokens = RefreshTokens.GIVEN
    token_type: str = "Bearer"  # noqa: S105 - the name of a kind
    sign_in_seconds: int | None = None
    tells_scope: bool = True
    withheld: frozenset[str] = frozenset()
    gives_id_token: bool = True
    has_userinfo: bool = True
    claims: Mapping[str, object] = attrs.field(factory=dict[str, object])
    callback: Mapping[str, str | None] = attrs.field(factory=dict[str, "str | None"])
    repeated: tuple[str, ...] = ()
    answer: TokenAnswer = TokenAnswer.RIGHT
    denial: Denial | None = None
    dribble: float = 0.1
    times: int = 1_000_000
    metadata: Mapping[str, object] = attrs.field(factory=dict[str, object])
    revokes: bool = True
    interval: int = 1


__all__ = ["Denial", "OAuthPersonality", "RefreshTokens", "TokenAnswer"]
