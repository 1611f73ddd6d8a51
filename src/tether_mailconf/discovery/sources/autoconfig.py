"""The domain's own web server, in the two places of Thunderbird's autoconfiguration.

https only: what came over plain http, anybody in between could have written. https://wiki.mozilla.org/Thunderbird:Autoconfiguration
"""

from __future__ import annotations

from urllib.parse import quote

from ..domain import registrable
from ..offer import Answer, Heard, Source, Trust
from ..query import Asking, Query
from . import documents


async def ask_autoconfig_host(query: Query, asking: Asking) -> Heard:
    """Ask the host that exists for this.

    Raises:
        ConversationError: nobody answers.
    """
    if registrable(query.domain) is None:
        # Anybody may register "autoconfig" under it.
        said = "the domain is one under which others register theirs"
        return Heard(source=Source.AUTOCONFIG, outcome=Answer.SKIPPED, said=said)
    url = f"https://autoconfig.{query.domain}/mail/config-v1.1.xml?emailaddress={quote(query.account, safe='@')}"
    return await documents.ask(Source.AUTOCONFIG, url, query, asking, Trust.HTTPS)


async def ask_well_known(query: Query, asking: Asking) -> Heard:
    """Ask the domain's web server in the well-known place (RFC 8615).

    Raises:
        ConversationError: nobody answers.
    """
    url = f"https://{query.domain}/.well-known/autoconfig/mail/config-v1.1.xml"
    return await documents.ask(Source.AUTOCONFIG, url, query, asking, Trust.HTTPS)
