"""One client-config document: fetched, read, and its plaintext servers looked at for TLS. For three of the sources."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import attrs

from ..._ports import HttpRequest
from ...errors import Problem, printable
from ..client_config import MOST_BYTES, ClientConfig, Hint, read_client_config
from ..offer import Answer, Heard, Offer, Server, Source, Trust
from ..probe import probe_host
from ..protocol import Protocol
from ..query import Asking, Query


async def ask(source: Source, url: str, query: Query, asking: Asking, trust: Trust) -> Heard:
    """Return what the document at an URL says.

    Args:
        source: who asks.
        url: where the document is.
        query: what is asked about.
        asking: how.
        trust: how far what is found there can be believed.

    Raises:
        ConversationError: nobody answers.
    """
    where, response = await asking.document(HttpRequest(method="GET", url=url, limit=MOST_BYTES))
    shown = printable(where.partition("?")[0], 200)
    if response.status != 200:
        return Heard(source=source, outcome=Answer.NOTHING, said=f"{shown}: HTTP status {response.status}")
    config = read_client_config(response.body.reveal_bytes(), query.account)
    if isinstance(config, Problem):
        return Heard(source=source, outcome=Answer.FAILED, said=f"{shown}: {config.message}")
    config = await _probed(config, asking)
    said = "; ".join((f"{shown} names {_count(config)}", *config.notes))
    offer = Offer(smtp=config.smtp, imap=config.imap, trust=trust, origin=shown)
    if not config.smtp:
        return Heard(source=source, outcome=Answer.NOTHING, said=f"{said}; no submission server with TLS among them")
    return Heard(source=source, outcome=Answer.FOUND, offers=(offer,), said=said)


async def _probed(config: ClientConfig, asking: Asking) -> ClientConfig:
    """Return the document's servers, with those it names without TLS if they turn out to have it."""
    smtp, imap = list(config.smtp), list(config.imap)
    # One for each: a stranger's document does not say how many hosts we dial.
    wanted = {hint.protocol: hint for hint in reversed(config.hints)}
    hints = [hint for hint in wanted.values() if not (smtp if hint.protocol is Protocol.SMTP else imap)]
    if hints:
        found = await asking.io.gather(*(_thunk(hint, asking) for hint in hints))
        for hint, servers in zip(hints, found, strict=True):
            (smtp if hint.protocol is Protocol.SMTP else imap).extend(servers)
    return attrs.evolve(config, smtp=tuple(smtp), imap=tuple(imap))


def _thunk(hint: Hint, asking: Asking) -> Callable[[], Coroutine[Any, Any, tuple[Server, ...]]]:
    async def probe() -> tuple[Server, ...]:
        endpoints = await probe_host(hint.protocol, hint.host, asking)
        return tuple(Server(endpoint=endpoint, user=hint.user) for endpoint in endpoints)

    return probe


def _count(config: ClientConfig) -> str:
    return f"{len(config.smtp)} for submission, {len(config.imap)} for IMAP"
