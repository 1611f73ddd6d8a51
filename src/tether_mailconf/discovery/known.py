"""What the catalogue knows, as offers: from a preset, and from servers whose names it knows. Pure."""

from __future__ import annotations

from .. import presets
from ..presets import Preset, UserForm
from ..settings import CredentialKind, Endpoint
from .offer import Offer, Server, Trust
from .query import Query


def offer_of(preset: Preset, query: Query, origin: str, trust: Trust = Trust.CATALOGUE) -> Offer:
    """Return the servers of a preset as an offer for this account.

    Where the user name cannot be told from the address, a person must look at it first.
    """
    if UserForm.GIVEN in (preset.smtp_user, preset.imap_user):
        trust = Trust.UNPROVEN
    return Offer(
        smtp=tuple(_server(endpoint, preset, preset.smtp_user, query) for endpoint in preset.smtp),
        imap=tuple(_server(endpoint, preset, preset.imap_user, query) for endpoint in preset.imap),
        trust=trust,
        origin=origin,
        preset=preset.id,
    )


def _server(endpoint: Endpoint, preset: Preset, form: UserForm, query: Query) -> Server:
    user = {UserForm.LOCAL_PART: query.local_part, UserForm.ADDRESS: query.account}.get(form)
    return Server(endpoint=endpoint, user=user, kinds=preset.works)


def preset_for(preset: Preset, kind: CredentialKind) -> Preset | None:
    """Return the preset for a kind of credential: this one, or the OLD or NEW way; None if neither takes it."""
    way = preset.way(kind)
    return way if way.takes(kind) else None


def preset_of(smtp: Endpoint, imap: Endpoint | None) -> Preset | None:
    """Return the preset whose own servers these are, both of them."""
    preset = presets.by_server(smtp.host)
    if preset is None or smtp not in preset.smtp:
        return None
    return preset if imap is None or imap in preset.imap else None
