"""Asking an issuer to describe itself (RFC 8414 section 3, OpenID Connect Discovery section 4)."""

from __future__ import annotations

from collections.abc import Collection

import attrs

from .._ports import IO, HttpRequest
from ..errors import ConversationError, Dropped, InvalidSettings, Problem, ProtocolViolation
from ..host_name import read_host
from .exchange import REQUEST_SECONDS, failure
from .issuer import Issuer, scope_problems
from .metadata import issuer_from_metadata, metadata_urls


async def described(
    io: IO,
    url: str,
    *,
    scopes: tuple[str, ...],
    identity_scopes: tuple[str, ...],
    endpoint_hosts: Collection[str],
    seconds: float,
) -> Issuer:
    """See `tether_mailconf.oauth.issuer_at`."""
    problems = scope_problems(scopes, identity_scopes)
    for host in map(read_host, endpoint_hosts):
        if isinstance(host, Problem):
            problems.append(attrs.evolve(host, field="endpoint_hosts"))
    if problems:
        raise InvalidSettings(tuple(problems))
    deadline = io.deadline(seconds)
    trouble: ConversationError | None = None
    for place in metadata_urls(url):
        request = HttpRequest(method="GET", url=place, headers={"accept": "application/json"})
        try:
            response = await io.fetch(request, deadline.sooner(REQUEST_SECONDS))
        except (Dropped, ProtocolViolation) as error:
            trouble = trouble or error
            continue
        if response.status == 200:
            return issuer_from_metadata(
                response.body.reveal_bytes(),
                issuer_url=url,
                scopes=scopes,
                identity_scopes=identity_scopes,
                endpoint_hosts=endpoint_hosts,
            )
        trouble = trouble or failure(place, response)
    raise trouble or AssertionError("there is no place to ask at")
