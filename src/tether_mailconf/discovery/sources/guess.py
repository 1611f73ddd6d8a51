"""Hosts with the usual names, of which those count that answer as mail servers with a certificate for that name."""

from __future__ import annotations

from ..domain import registrable
from ..offer import Answer, Heard, Offer, Server, Source, Trust
from ..probe import probe_endpoints
from ..protocol import Protocol
from ..query import Asking, Query
from ..usual_names import usual_hosts


async def ask(query: Query, asking: Asking) -> Heard:
    """Try the usual names of the domain."""
    if registrable(query.domain) is None:
        said = "the domain is one under which others register theirs"
        return Heard(source=Source.GUESS, outcome=Answer.SKIPPED, said=said)
    guess = usual_hosts(query.domain)

    async def smtp() -> tuple[Server, ...]:
        return tuple(Server(endpoint=one) for one in await probe_endpoints(Protocol.SMTP, guess.smtp, asking))

    async def imap() -> tuple[Server, ...]:
        return tuple(Server(endpoint=one) for one in await probe_endpoints(Protocol.IMAP, guess.imap, asking))

    submission, mailboxes = await asking.io.gather(smtp, imap)
    if not submission:
        said = "no submission server answers under a usual name"
        return Heard(source=Source.GUESS, outcome=Answer.NOTHING, said=said)
    offer = Offer(smtp=submission, imap=mailboxes, trust=Trust.SAME_DOMAIN, origin="answers under a usual name")
    said = f"{', '.join(server.endpoint.host for server in (*submission, *mailboxes))} answered"
    return Heard(source=Source.GUESS, outcome=Answer.FOUND, offers=(offer,), said=said)
