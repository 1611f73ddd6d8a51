"""From an address alone to servers that work: what many sources say, ranked by how far each can be believed.

The act is `discover.discover`; `report.Discovery` is its result. Each source is a module of `sources/`, which says what
it found as an `offer.Heard`; of one that could not be asked, the act makes one too. What a stranger's server, name
server or document says is read here, and dialled only through the port, whose driver checks every address. No
credential is known to anything here but `verify`.
"""

from __future__ import annotations

from .offer import Answer, Source, Trust
from .report import Attempt, Candidate, Conflict, Discovery, SourceReport

__all__ = ["Answer", "Attempt", "Candidate", "Conflict", "Discovery", "Source", "SourceReport", "Trust"]
