"""Who is behind a mail filter: where Outlook looks for its settings, and who may send for the domain, tell."""

from __future__ import annotations

from collections.abc import Iterable

from ... import presets
from ..._ports import CNAME, TXT
from ...presets import Preset
from ..known import offer_of
from ..offer import Answer, Heard, Source, Trust
from ..query import Asking, Query
from ..spf import includes


async def ask(query: Query, asking: Asking) -> Heard:
    """Look at the records that a filter leaves as they are.

    Raises:
        ConversationError: no name server answers.
    """

    async def alias() -> tuple[Preset, ...]:
        records = await asking.records(f"autodiscover.{query.domain}", CNAME)
        return _known(presets.by_autodiscover(record.host) for record in records)

    async def senders() -> tuple[Preset, ...]:
        return _known(map(presets.by_spf_include, includes(await asking.records(query.domain, TXT))))

    looked_for, named = await asking.io.gather(alias, senders)
    if looked_for:
        said = f"autodiscover.{query.domain} is an alias of {looked_for[0].label}'s"
        return _found(looked_for[0], query, said, Trust.CATALOGUE)
    if len(named) == 1:
        # Who may send for a domain need not hold its mailboxes.
        return _found(named[0], query, f"its SPF record names {named[0].label}", Trust.UNPROVEN)
    labels = " and ".join(preset.label for preset in named)
    said = f"its SPF record names {labels}: which holds the mailboxes is open" if named else "no record tells more"
    return Heard(source=Source.MAIL_FILTER, outcome=Answer.NOTHING, said=said)


def _known(found: Iterable[Preset | None]) -> tuple[Preset, ...]:
    """Return each preset once."""
    return tuple({preset.id: preset for preset in found if preset is not None}.values())


def _found(preset: Preset, query: Query, said: str, trust: Trust) -> Heard:
    offer = offer_of(preset, query, said, trust)
    return Heard(source=Source.MAIL_FILTER, outcome=Answer.FOUND, offers=(offer,), said=said)
