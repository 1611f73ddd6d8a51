"""All parsers that are fuzzed."""

from __future__ import annotations

from . import documents, forms, letters, sign_in, wire
from .target import Target

ALL: dict[str, Target] = {
    target.name: target for room in (wire, documents, forms, sign_in, letters) for target in room.TARGETS
}
