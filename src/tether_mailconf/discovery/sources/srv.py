"""The domain's own service records: RFC 6186 for submission and IMAP, RFC 8314 section 5.1 for submission over TLS.

Records prove nothing (DNSSEC is unknown): RFC 6186 section 6 has a person confirm servers under another domain.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from ..._ports import SRV
from ...errors import ConversationError, InvalidSettings
from ...settings import Endpoint, Security
from ..domain import is_within
from ..offer import Answer, Heard, Offer, Server, Source, Trust
from ..query import Asking, Query


async def ask(query: Query, asking: Asking) -> Heard:
    """Ask for the services; for IMAP without TLS only if there is no other.

    Raises:
        ConversationError: no name server answers any of the questions.
    """

    def records(service: str) -> Callable[[], Coroutine[Any, Any, tuple[SRV, ...] | ConversationError]]:
        async def ask_one() -> tuple[SRV, ...] | ConversationError:
            try:
                return await asking.records(f"_{service}._tcp.{query.domain}", SRV)
            except ConversationError as error:
                return error

        return ask_one

    found = await asking.io.gather(*map(records, ("submissions", "submission", "imaps")))
    answers = [() if isinstance(one, ConversationError) else one for one in found]
    if all(isinstance(one, ConversationError) for one in found) and isinstance(found[0], ConversationError):
        raise found[0]
    smtp = (*_servers(answers[0], Security.TLS), *_servers(answers[1], Security.STARTTLS))
    imap = _servers(answers[2], Security.TLS)
    if smtp and not imap:
        last = await records("imap")()
        imap = () if isinstance(last, ConversationError) else _servers(last, Security.STARTTLS)
    if not smtp:
        said = "the domain names an IMAP server, but no submission server" if imap else "the domain has no such records"
        return Heard(source=Source.SRV, outcome=Answer.NOTHING, said=said)
    hosts = {server.endpoint.host for server in (*smtp, *imap)}
    trust = Trust.SAME_DOMAIN if all(is_within(host, query.domain) for host in hosts) else Trust.UNPROVEN
    offer = Offer(smtp=smtp, imap=imap, trust=trust, origin=f"SRV records of {query.domain}")
    said = f"the domain's records name {', '.join(sorted(hosts))}"
    return Heard(source=Source.SRV, outcome=Answer.FOUND, offers=(offer,), said=said)


def _servers(records: Iterable[SRV], security: Security) -> tuple[Server, ...]:
    """Return the servers, best first. The target "." says that the service is not offered (RFC 2782)."""
    ordered = sorted(records, key=lambda one: (one.priority, -one.weight, one.host, one.port))
    endpoints = (_endpoint(record, security) for record in ordered if record.host)
    return tuple(Server(endpoint=endpoint) for endpoint in dict.fromkeys(endpoints) if endpoint is not None)


def _endpoint(record: SRV, security: Security) -> Endpoint | None:
    try:
        return Endpoint(host=record.host, port=record.port, security=security)
    except InvalidSettings:
        return None
