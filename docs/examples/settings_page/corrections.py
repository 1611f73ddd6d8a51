"""What was probably meant: slips that a page can offer to mend with one click. Nothing is changed unasked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import attrs

from tether_mailconf import presets


@attrs.frozen(kw_only=True)
class Correction:
    """What to put into a field instead of what stands there.

    Args:
        field: the name of the field.
        value: what was probably meant.
    """

    field: str
    value: str


def corrections(typed: Mapping[str, str]) -> Iterator[Correction]:
    """Yield the corrections of what is typed."""
    local_part, at, domain = typed.get("address", "").rpartition("@")
    if at and (meant := presets.suggestion(domain)):
        yield Correction(field="address", value=f"{local_part}@{meant}")
    for field in ("smtp_host", "imap_host"):
        value = typed.get(field, "")
        if "://" in value and (host := _host(value)):
            yield Correction(field=field, value=host)


def _host(pasted: str) -> str:
    try:
        return urlsplit(pasted).hostname or ""
    except ValueError:
        return ""
