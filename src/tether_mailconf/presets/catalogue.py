"""The catalogue as values, and the two questions asked of it: what does this preset say, and who files here.

All knowledge is in `catalogue.toml`, which is read on first use; no provider's name occurs in this module. Who files is
never written into settings: it depends on the servers that are really used, and is asked when those are known.
"""

from __future__ import annotations

import enum
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, cast

import attrs

from ..errors import CredentialRetired, InvalidSettings, Problem, printable
from ..settings import ConnectionSettings, CredentialKind, Endpoint, Filer, Security, SentPolicy


class UserForm(enum.Enum):
    """What a provider wants as the user name."""

    ADDRESS = "address"
    """the whole address"""
    LOCAL_PART = "local_part"
    """what stands before the @"""


@attrs.frozen(kw_only=True)
class Retirement:
    """Kinds of credential that a provider does not accept any more.

    Args:
        kinds: the kinds.
        since: the day or year it ended, ISO 8601; empty if no source names it.
        instead: what works today.
        reason: a sentence for a person.
        source: where that is written.
    """

    kinds: tuple[CredentialKind, ...]
    since: str
    instead: tuple[CredentialKind, ...]
    reason: str
    source: str


@attrs.frozen(kw_only=True)
class FirstStep:
    """What a person must do at the provider before it works.

    Args:
        text: a sentence for a person.
        url: the provider's page for it.
    """

    text: str
    url: str


@attrs.frozen(kw_only=True)
class Preset:
    """What a person picks on a settings page, with what is known about it.

    Args:
        id: its stable name.
        label: its name for people.
        checked: when its facts were checked (year and month).
        domains: the domains of the provider's own addresses.
        smtp: the submission servers, best first; empty for Custom.
        imap: the IMAP servers, best first; empty for Custom.
        smtp_user: the form of the user name for SMTP.
        imap_user: the form of the user name for IMAP.
        works: the kinds of credential that work today, best first. A credential class of the host's own always may.
        retired: the kinds that worked once.
        first: what the person must do first.
        oauth_issuer: who issues tokens for it; None where there is no sign-in for applications.
        superseded_by: the id of the NEW way, if this one is the OLD; None otherwise.
        limits: the provider's limits, as sentences.
        sources: where all that is written.
    """

    id: str
    label: str
    checked: str
    domains: tuple[str, ...]
    smtp: tuple[Endpoint, ...]
    imap: tuple[Endpoint, ...]
    smtp_user: UserForm
    imap_user: UserForm
    works: tuple[CredentialKind, ...]
    retired: tuple[Retirement, ...]
    first: tuple[FirstStep, ...]
    oauth_issuer: str | None
    superseded_by: str | None
    limits: tuple[str, ...]
    sources: tuple[str, ...]

    @property
    def is_old(self) -> bool:
        """Whether another preset is the NEW way to the same provider. An OLD one is offered only to who has it."""
        return self.superseded_by is not None

    @property
    def files_sent(self) -> bool | None:
        """Whether its servers file a copy of sent mail by themselves; None if that is not known."""
        if not self.smtp or not self.imap:
            return None
        return {Filer.PROVIDER: True, Filer.CLIENT: False}.get(filer_of(self.smtp[0].host, self.imap[0].host))

    def settings(
        self,
        address: str,
        *,
        credential: CredentialKind | None = None,
        display_name: str = "",
        smtp: Endpoint | None = None,
        imap: Endpoint | None = None,
        smtp_user: str | None = None,
        imap_user: str | None = None,
        sent: SentPolicy | None = None,
        enabled: bool = True,
    ) -> ConnectionSettings:
        """Return settings for an address.

        Args:
            address: the account's address.
            credential: the kind that is signed in with; without it the best that works.
            display_name: the person's name, for From.
            smtp: another submission server than the preset's. Custom needs one.
            imap: another IMAP server than the preset's.
            smtp_user: another user name for SMTP than the form the provider wants.
            imap_user: another user name for IMAP than the form the provider wants.
            sent: what is settled about copies of sent mail.
            enabled: whether anything is sent at all.

        Raises:
            InvalidSettings: with everything that is wrong.
            CredentialRetired: the provider accepted that kind of credential once, and does not any more.
        """
        kind = self.works[0] if credential is None else credential
        problems = self._credential_problems(kind)
        smtp = next(iter(self.smtp), None) if smtp is None else smtp
        imap = next(iter(self.imap), None) if imap is None else imap
        imap_default = "" if imap is None else _STAND_IN_USER
        if smtp is None:
            text = f"{self.label} needs the name, port and security of a submission server"
            problems.append(Problem(field="smtp", code="field.missing", message=text))
        try:
            settings = ConnectionSettings(
                address=address,
                display_name=display_name,
                preset=self.id,
                smtp=_STAND_IN if smtp is None else smtp,
                imap=imap,
                smtp_user=_STAND_IN_USER if smtp_user is None else smtp_user,
                imap_user=imap_default if imap_user is None else imap_user,
                credential=kind,
                sent=SentPolicy() if sent is None else sent,
                enabled=enabled,
            )
        except InvalidSettings as error:
            raise InvalidSettings((*problems, *error.problems)) from None
        if problems:
            raise InvalidSettings(tuple(problems))
        # Made from the address as it is stored, so that the user name does not depend on how it was typed.
        if smtp_user is None:
            settings = attrs.evolve(settings, smtp_user=_user(self.smtp_user, settings.address))
        if imap_user is None and imap is not None:
            settings = attrs.evolve(settings, imap_user=_user(self.imap_user, settings.address))
        return settings

    def _credential_problems(self, kind: object) -> list[Problem]:
        if not isinstance(kind, CredentialKind):
            return []  # the settings tell a wrong type
        for retirement in self.retired:
            if kind in retirement.kinds:
                raise CredentialRetired(
                    provider=self.label,
                    kind=kind.value,
                    since=retirement.since,
                    instead=tuple(one.value for one in retirement.instead),
                    source=retirement.source,
                )
        if kind is CredentialKind.HOST or kind in self.works:
            return []
        choices = " or ".join(one.value for one in self.works)
        text = f"{self.label} is signed in with {choices}, not with {kind.value}"
        for other in _presets().values():
            if kind in other.works and (other.superseded_by == self.id or self.superseded_by == other.id):
                text += f"; for that there is the preset {other.id}"
        return [Problem(field="credential", code="credential.not_offered", message=text)]


# Stand in for what is missing or not known yet, so that everything else that is wrong is told in the same breath.
_STAND_IN = Endpoint(host="missing.invalid", port=465, security=Security.TLS)
_STAND_IN_USER = "user"

_ANYWHERE = ""  # in place of the IMAP server, of a submission server that files nowhere


def get(preset_id: str) -> Preset:
    """Return the preset with this id.

    Raises:
        InvalidSettings: there is none.
    """
    for preset in _presets().values():
        if preset.id == preset_id:
            return preset
    shown = printable(preset_id, 64) if isinstance(cast(object, preset_id), str) else type(preset_id).__name__
    text = f"there is no preset {shown!r}"
    raise InvalidSettings((Problem(field="preset", code="preset.unknown", message=text),))


def ids() -> tuple[str, ...]:
    """Return the ids of all presets, in the order in which they are offered."""
    return tuple(_presets())


def offered(current: str | None = None) -> tuple[Preset, ...]:
    """Return the presets that a settings page offers, in order. OLD ways are not among them.

    Args:
        current: the id of the account's preset now. If it is an OLD one, it is offered too, beside its NEW one.

    Raises:
        InvalidSettings: there is no such preset.
    """
    kept = None if current is None else get(current)
    return tuple(preset for preset in _presets().values() if not preset.is_old or preset == kept)


def filer_of(smtp_host: str, imap_host: str) -> Filer:
    """Return who files mail that is sent through one server while the Sent folder is on the other.

    Decided by the servers really used: a provider files only what its own submission server sends, and only into its
    own mailboxes; a relay files nothing, wherever the mailbox is.

    Args:
        smtp_host: the submission server, as `Endpoint` stores it.
        imap_host: the IMAP server, as `Endpoint` stores it.
    """
    filers = _filers()
    return filers.get((smtp_host, imap_host)) or filers.get((smtp_host, _ANYWHERE), Filer.UNKNOWN)


def _user(form: UserForm, address: str) -> str:
    return address.rpartition("@")[0] if form is UserForm.LOCAL_PART else address


@cache
def _catalogue() -> Mapping[str, Any]:
    folder = files(__name__.rpartition(".")[0])
    return tomllib.loads(folder.joinpath("catalogue.toml").read_text(encoding="utf-8"))


@cache
def _presets() -> Mapping[str, Preset]:
    return {entry["id"]: _preset(entry) for entry in _catalogue()["preset"]}


@cache
def _filers() -> Mapping[tuple[str, str], Filer]:
    return {
        (smtp, imap): Filer(entry["filer"])
        for entry in _catalogue()["filing"]
        for smtp in entry["smtp"]
        for imap in entry.get("imap", (_ANYWHERE,))
    }


def _preset(entry: Mapping[str, Any]) -> Preset:
    return Preset(
        id=entry["id"],
        label=entry["label"],
        checked=entry["checked"],
        domains=tuple(entry["domains"]),
        smtp=tuple(map(_endpoint, entry["smtp"])),
        imap=tuple(map(_endpoint, entry["imap"])),
        smtp_user=UserForm(entry["smtp_user"]),
        imap_user=UserForm(entry["imap_user"]),
        works=_kinds(entry["works"]),
        retired=tuple(
            Retirement(
                kinds=_kinds(one["kinds"]),
                since=one["since"],
                instead=_kinds(one["instead"]),
                reason=one["reason"],
                source=one["source"],
            )
            for one in entry.get("retired", ())
        ),
        first=tuple(FirstStep(**one) for one in entry.get("first", ())),
        oauth_issuer=entry.get("oauth_issuer"),
        superseded_by=entry.get("superseded_by"),
        limits=tuple(entry["limits"]),
        sources=tuple(entry["sources"]),
    )


def _endpoint(entry: Mapping[str, Any]) -> Endpoint:
    return Endpoint(host=entry["host"], port=entry["port"], security=Security(entry["security"]))


def _kinds(values: list[str]) -> tuple[CredentialKind, ...]:
    return tuple(map(CredentialKind, values))
