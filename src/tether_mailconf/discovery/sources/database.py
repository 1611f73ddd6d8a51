"""The public autoconfig database that Thunderbird uses. It learns the domain, not the address."""

from __future__ import annotations

from urllib.parse import urlsplit

from ...errors import InvalidSettings, Problem
from ..offer import Heard, Source, Trust
from ..query import Asking, Query
from . import documents

DATABASE = "https://autoconfig.thunderbird.net/v1.1/"
"""Where the database is. https://github.com/thunderbird/autoconfig, 2026-11"""


async def ask(base: str, query: Query, asking: Asking) -> Heard:
    """Ask the database at this base URL.

    Raises:
        ConversationError: nobody answers.
    """
    return await documents.ask(Source.DATABASE, f"{base.rstrip('/')}/{query.domain}", query, asking, Trust.HTTPS)


def check_base(base: object) -> None:
    """Check the base URL of a database.

    Raises:
        InvalidSettings: it is no https URL.
    """
    # `urlsplit` leaves out line breaks and tabs; what it would be asked with them is not what was checked.
    is_plain = isinstance(base, str) and base.isascii() and base.isprintable() and " " not in base
    parts = urlsplit(base) if isinstance(base, str) and is_plain else None
    if parts is None or parts.scheme != "https" or not parts.hostname or "@" in parts.netloc or parts.query:
        text = "the database is given by an https URL, such as https://autoconfig.thunderbird.net/v1.1/"
        raise InvalidSettings((Problem(field="database", code="database.url", message=text),))
