"""Who takes the domain's mail. Known providers are known by their hosts; behind a mail filter, `mail_filter` looks on.

An MX record is plain DNS. That is enough where it leads to a known provider's own servers, whose certificates nobody
else has; whatever else it leads to needs a person's confirmation.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any
from urllib.parse import quote

from ... import presets
from ..._ports import MX
from ...errors import ConversationError
from ..domain import is_within, registrable
from ..known import offer_of
from ..offer import Answer, Heard, Source, Trust
from ..query import Asking, Query, failed
from . import documents, mail_filter


async def ask(query: Query, asking: Asking) -> tuple[Heard, ...]:
    """Ask who takes the mail, and then, where the answer is not a provider's, who is behind.

    Raises:
        ConversationError: no name server answers.
    """
    records = sorted(await asking.records(query.domain, MX), key=lambda one: (one.preference, one.host))
    hosts = [record.host for record in records if record.host]
    if not hosts:
        said = "the domain takes no mail (RFC 7505)" if records else "the domain has no MX record"
        return (Heard(source=Source.MX, outcome=Answer.NOTHING, said=said),)
    # The first to be asked counts: one further down the list only stands in for it, and may be anybody's.
    first = [record.host for record in records if record.host and record.preference == records[0].preference]
    for host in first:
        if (preset := presets.by_mx(host)) is not None:
            said = f"its mail goes to {host}, which is {preset.label}"
            offer = offer_of(preset, query, f"MX record of {query.domain}: {host}")
            return (Heard(source=Source.MX, outcome=Answer.FOUND, offers=(offer,), said=said),)
    for host in first:
        if (name := presets.mail_filter(host)) is not None:
            said = f"its mail goes to {host}, which is a filter ({name})"
            heard = Heard(source=Source.MX, outcome=Answer.NOTHING, said=said)
            return heard, await _or_why_not(Source.MAIL_FILTER, mail_filter.ask(query, asking))
    heard = Heard(source=Source.MX, outcome=Answer.NOTHING, said=f"its mail goes to {hosts[0]}, which is not known")
    return heard, await _or_why_not(Source.MX_AUTOCONFIG, _autoconfig(hosts[0], query, asking))


async def _or_why_not(source: Source, asked: Coroutine[Any, Any, Heard]) -> Heard:
    """Return what was heard, or why nothing was: who takes the mail is known all the same."""
    try:
        return await asked
    except ConversationError as error:
        return failed(source, error)


async def _autoconfig(host: str, query: Query, asking: Asking) -> Heard:
    """Ask the web server of whoever takes the mail."""
    domain = registrable(host)
    if domain is None or is_within(host, query.domain):
        said = "the domain takes its mail itself"
        return Heard(source=Source.MX_AUTOCONFIG, outcome=Answer.SKIPPED, said=said)
    url = f"https://autoconfig.{domain}/mail/config-v1.1.xml?emailaddress={quote(query.account, safe='@')}"
    return await documents.ask(Source.MX_AUTOCONFIG, url, query, asking, Trust.UNPROVEN)
