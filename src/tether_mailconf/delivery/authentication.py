"""The Authentication-Results field (RFC 8601): what a receiving server found out about SPF, DKIM and DMARC. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import attrs

from ..errors import printable

_LONGEST = 4_000
_MOST_RESULTS = 20
_COMMENT = re.compile(r"\([^()]*\)")
_RESULT = re.compile(r"\s*(?P<method>[A-Za-z0-9-]{1,30})(?:\s*/\s*[0-9]+)?\s*=\s*(?P<result>[A-Za-z0-9-]{1,30})\b")
_DEEPEST = 8


@attrs.frozen(kw_only=True)
class AuthenticationResults:
    """What the receiving server says it found out about a message.

    Args:
        server: the name it gives itself (authserv-id). Whoever sends a message can write such a field, too: it counts
            only if this is the name of the account's own provider.
        results: each method with its result, in order: ("spf", "pass"), ("dkim", "fail").
    """

    server: str = attrs.field(converter=printable)
    results: tuple[tuple[str, str], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return them as plain data."""
        return {"server": self.server, "results": [list(one) for one in self.results]}


def read(fields: Sequence[object]) -> AuthenticationResults | None:
    """Return what the topmost field says; None if there is none, or if it is none.

    A receiving server puts its own above all others (RFC 8601 section 4.1).
    """
    if not fields:
        return None
    text = str(fields[0])[:_LONGEST]
    for _ in range(_DEEPEST):
        text, count = _COMMENT.subn(" ", text)
        if not count:
            break
    server, *said = text.split(";")
    name = server.split()
    if not name:
        return None
    found = [match for one in said if (match := _RESULT.match(one)) is not None][:_MOST_RESULTS]
    results = tuple((match["method"].lower(), match["result"].lower()) for match in found)
    return AuthenticationResults(server=name[0], results=results)
