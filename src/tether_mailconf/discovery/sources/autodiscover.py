"""The domain's Exchange server, asked by a POST for plain XML ([MS-OXDSCLI]).

Two names are asked and no third: clients that climbed from `autodiscover.acme.co.uk` to `autodiscover.co.uk` gave
372,072 credentials to whoever had registered such names (Guardicore, 2021-09). None is given here to anybody: a server
that asks for a sign-in is left alone.
"""

from __future__ import annotations

from ..._ports import HttpRequest, HttpResponse
from ...errors import NotPermitted, Problem, TLSFailed, Unreachable, printable
from ...secret import Secret
from ..autodiscover_xml import MOST_BYTES, read_autodiscover, request_body
from ..domain import registrable
from ..offer import Answer, Heard, Offer, Source, Trust
from ..query import MOST_REDIRECTS, Asking, Query

_FIELDS = {"Content-Type": "text/xml; charset=utf-8"}


async def ask(query: Query, asking: Asking) -> Heard:
    """Ask the host that exists for this and, if there is none, the domain's own.

    Raises:
        ConversationError: nobody answers.
    """
    if registrable(query.domain) is None:
        said = "the domain is one under which others register theirs"
        return Heard(source=Source.AUTODISCOVER, outcome=Answer.SKIPPED, said=said)
    try:
        return await _ask(f"https://autodiscover.{query.domain}/autodiscover/autodiscover.xml", query, asking)
    except (Unreachable, TLSFailed, NotPermitted):
        return await _ask(f"https://{query.domain}/autodiscover/autodiscover.xml", query, asking)


async def _ask(url: str, query: Query, asking: Asking) -> Heard:
    shown = ""
    for _ in range(MOST_REDIRECTS):
        where, response = await asking.document(_request(url, query))
        shown = printable(where.partition("?")[0], 200)
        if response.status != 200:
            return _nothing(shown, response)
        answer = read_autodiscover(response.body.reveal_bytes(), query.account)
        if isinstance(answer, Problem):
            return Heard(source=Source.AUTODISCOVER, outcome=Answer.FAILED, said=f"{shown}: {answer.message}")
        if not answer.redirect_url:
            break
        url = answer.redirect_url
    else:
        return Heard(source=Source.AUTODISCOVER, outcome=Answer.FAILED, said=f"{shown}: sent from place to place")
    if answer.redirect_address:
        said = f"{shown}: the mailbox is another one, {printable(answer.redirect_address, 100)}"
        return Heard(source=Source.AUTODISCOVER, outcome=Answer.NOTHING, said=said)
    notes = "; ".join(answer.notes) or "no submission server"
    if not answer.smtp:
        return Heard(source=Source.AUTODISCOVER, outcome=Answer.NOTHING, said=f"{shown}: {notes}")
    offer = Offer(smtp=answer.smtp, imap=answer.imap, trust=Trust.HTTPS, origin=shown)
    said = f"{shown} names {', '.join(server.endpoint.host for server in (*answer.smtp, *answer.imap))}"
    return Heard(source=Source.AUTODISCOVER, outcome=Answer.FOUND, offers=(offer,), said=said)


def _request(url: str, query: Query) -> HttpRequest:
    body = Secret(request_body(query.account))
    return HttpRequest(method="POST", url=url, headers=_FIELDS, body=body, limit=MOST_BYTES)


def _nothing(shown: str, response: HttpResponse) -> Heard:
    why = "wants a sign-in first" if response.status == 401 else f"HTTP status {response.status}"
    return Heard(source=Source.AUTODISCOVER, outcome=Answer.NOTHING, said=f"{shown}: {why}")
