"""What somebody has typed on a page, read as far as it can be, and advice about it. Pure, and never raises."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

from ..errors import Problem, printable
from ..host_name import MAX_HOST
from ..secret import Secret
from ..settings import CredentialKind
from .catalogue import get, ids
from .lookup import by_server
from .near_miss import suggestion
from .preset import Preset

_AROUND_ADDRESS = re.compile(
    r"[^@<>]{0,128}<\s*(?P<named>[^@\s<>]+@[^@\s<>]+)\s*>|mailto:(?P<linked>[^@\s?]+@[^@\s?]+)(?:\?.*)?",
    re.IGNORECASE,
)
_PUNCTUATION = ".,;:<>\"'"


@attrs.frozen(kw_only=True)
class Advice:
    """Something that is probably a mistake.

    Args:
        problem: what it is, with the name of the field on a page.
        proposal: what to put into which fields instead; a secret is a `Secret`. Empty if nobody can tell. Proposals of
            several pieces of advice about one field agree, so they can be applied in any order.
    """

    problem: Problem
    proposal: Mapping[str, str | int | Secret] = attrs.field(factory=dict[str, "str | int | Secret"])

    def applied(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is typed with the proposal in it. The secret, if there is one, stands in it as a text."""
        proposed = self.proposal.items()
        return {**data, **{name: one.reveal() if isinstance(one, Secret) else one for name, one in proposed}}


def advice(field: str, code: str, message: str, proposal: Mapping[str, str | int | Secret]) -> Advice:
    """Return a piece of advice about a field; the message may repeat what was typed, whatever that is."""
    return Advice(problem=Problem(field=field, code=code, message=printable(message)), proposal=dict(proposal))


class Typed:
    """What is typed, as texts, and the providers it leads to.

    Args:
        data: the data of a form.
        kind: what is signed in with, if that is settled.
    """

    def __init__(self, data: Mapping[str, Any], kind: CredentialKind | None = None) -> None:
        self._data = data
        preset_id = self.text("preset")
        self.preset = get(preset_id) if preset_id in ids() else None
        self.kind = kind
        if kind is None and self.preset is not None and self.preset.smtp:
            self.kind = next(iter(self.preset.works), None)

    def text(self, name: str) -> str:
        """Return what stands in a field; nothing, for what is no text and no number."""
        value = self._data.get(name, "")
        return "" if isinstance(value, bool) or not isinstance(value, str | int) else str(value)

    @property
    def address(self) -> str:
        """The address without what is pasted along with it: a name, brackets, "mailto:", a comma."""
        text = self.text("address").strip()
        around = _AROUND_ADDRESS.fullmatch(text)
        bare = text if around is None else around["named"] or around["linked"]
        return bare.strip(_PUNCTUATION) if "@" in bare else bare

    @property
    def meant_address(self) -> str:
        """The address with the domain that was probably meant."""
        return meant_address(self.address)

    @property
    def domain(self) -> str:
        """The domain of the address that was probably meant."""
        return self.meant_address.rpartition("@")[2].lower() if "@" in self.meant_address else ""

    def provider(self) -> Preset | None:
        """Return whose submission server it is: by its name, or else by the preset that is chosen."""
        host = host_in(self.text("smtp_host"))
        own = () if self.preset is None else [one.host for one in self.preset.smtp]
        if own and host in ("", *own):
            return self.preset
        return by_server(host) if host else None


def meant_address(address: str) -> str:
    """Return an address with the domain that was probably meant; as it is, if it may well be right."""
    local_part, at, domain = address.rpartition("@")
    meant = suggestion(domain) if at else None
    return address if meant is None else f"{local_part}@{meant}"


def host_in(text: str) -> str:
    """Return the host in what somebody has put into the field of a host: an URL, a host with its port, a host.

    Nothing is returned for what is too long to be one: nobody looks at each of its labels then.
    """
    bare = text.strip()
    try:
        parts = urlsplit(bare if "://" in bare else f"//{bare}")
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return ""
    return host if len(host) <= MAX_HOST else ""
