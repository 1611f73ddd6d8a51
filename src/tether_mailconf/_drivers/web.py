"""Where a web request goes, and how its errors are told: what both colours need before `requests` is imported."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Generator
from urllib.parse import urlsplit

from .._ports import HttpRequest
from ..errors import ConversationError, InvalidSettings, NotPermitted, Step
from ..settings import Endpoint, Security

# RFC 3986 section 2: all that an URL is made of. Two readers cannot disagree about what has none of the rest.
_URL = re.compile(r"https://[A-Za-z0-9._~:/?\[\]!$&'()*+,;=%@-]+", re.IGNORECASE)

_OWN_STEPS = (Step.LOOKUP, Step.TLS)


def web_endpoint(request: HttpRequest) -> Endpoint:
    """Return where the request goes.

    Raises:
        NotPermitted: its URL is not an https one, or has a user name, a fragment or no host. Nothing was dialled.
    """
    endpoint = _endpoint(request.url)
    if endpoint is None:
        raise NotPermitted(
            step=request.step, detail="only https is asked, with a host and without user name or fragment"
        )
    return endpoint


def _endpoint(url: str) -> Endpoint | None:
    # The errors are dropped rather than chained: they quote the URL, whose query may be nobody's business.
    if not _URL.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        if "@" in parts.netloc or not parts.hostname:
            return None
        port = 443 if parts.port is None else parts.port
        return Endpoint(host=parts.hostname, port=port, security=Security.TLS)
    except (ValueError, InvalidSettings):
        return None


@contextlib.contextmanager
def asking(endpoint: Endpoint, step: Step) -> Generator[None]:
    """Tell of every failure inside that a web server was being asked, which one, and what for."""
    try:
        yield
    except ConversationError as error:
        if error.step not in _OWN_STEPS:
            error.step = step
        error.endpoint = error.endpoint or endpoint
        raise
