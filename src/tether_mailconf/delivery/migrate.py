"""From the OLD way of signing in to the NEW one, without a moment in which neither works.

The new credential is proved by a sign-in to both servers before anything is replaced; only then is the old one wiped.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import attrs

from .. import presets
from .._ports import IO, Deadline
from ..credentials import Credential
from ..credentials.token import TokenSource
from ..errors import InvalidSettings, Problem
from ..settings import ConnectionSettings
from .lanes import Lane


@runtime_checkable
class Wipeable(Protocol):
    """A credential whose secret can be overwritten."""

    def wipe(self) -> None:
        """Overwrite it."""
        ...


async def migrate(
    io: IO,
    settings: ConnectionSettings,
    credential: Credential | TokenSource,
    new_credential: Credential | TokenSource,
    *,
    preset: str | None,
    seconds: float,
) -> ConnectionSettings:
    """See `tether_mailconf.migrate`."""
    after = new_settings(settings, new_credential, preset)
    deadline = io.deadline(seconds)
    await prove(io, after, new_credential, deadline)
    if isinstance(credential, Wipeable) and credential is not new_credential:
        credential.wipe()
    return after


async def prove(io: IO, settings: ConnectionSettings, credential: Credential | TokenSource, deadline: Deadline) -> None:
    """Sign in to both servers, and leave.

    Raises:
        MailconfError: one of them did not let us in. Both have been tried.
    """
    lane = Lane(io)

    async def submission() -> None:
        await lane.smtp.session(settings.smtp, settings.smtp_user, credential, deadline)

    async def mailboxes() -> None:
        if settings.imap is not None:
            await lane.imap.session(settings.imap, settings.imap_user, credential, deadline)

    try:
        await io.gather(submission, mailboxes)
    finally:
        await lane.farewell()


def new_settings(
    settings: ConnectionSettings, new_credential: Credential | TokenSource, preset: str | None
) -> ConnectionSettings:
    """Return the settings with the new way of signing in; servers and user names as the new preset has them.

    Raises:
        InvalidSettings: there is no NEW way for this account, or the credential is not for it.
        CredentialRetired: the provider does not accept it any more.
    """
    old = presets.get(settings.preset)
    target = preset or old.superseded_by
    if target is None and settings.credential not in old.works and new_credential.kind in old.works:
        # Settings from the days when the provider still took passwords: Microsoft's presets have kept their ids.
        target = old.id
    if target is None:
        text = f"{old.label} is not replaced by another way; name the preset to change to"
        raise InvalidSettings((Problem(field="preset", code="preset.not_superseded", message=text),))
    return _carried_over(settings, presets.get(target), new_credential)


def _carried_over(
    settings: ConnectionSettings, new: presets.Preset, new_credential: Credential | TokenSource
) -> ConnectionSettings:
    kind = new_credential.kind
    if not new.smtp:
        # Custom knows no servers: those of the account stay.
        return attrs.evolve(settings, preset=new.id, credential=kind)
    fresh = new.settings(
        settings.address,
        credential=kind,
        display_name=settings.display_name,
        enabled=settings.enabled,
        sent=settings.sent,
    )
    return fresh if settings.imap is not None else attrs.evolve(fresh, imap=None, imap_user="")
