"""The catalogue, asked for the domain: no request is made, and nobody learns that it was asked."""

from __future__ import annotations

from ... import presets
from ..known import offer_of
from ..offer import Answer, Heard, Source
from ..query import Query


def look_up(query: Query) -> Heard:
    """Return what the catalogue knows of the domain."""
    preset = presets.by_domain(query.domain)
    if preset is None:
        return Heard(source=Source.CATALOGUE, outcome=Answer.NOTHING, said="the catalogue does not list the domain")
    said = preset.unavailable or f"the domain belongs to {preset.label}"
    offer = offer_of(preset, query, f"catalogue, {preset.id}, checked {preset.checked}")
    return Heard(source=Source.CATALOGUE, outcome=Answer.FOUND, offers=(offer,), said=said)
