"""What is known of one provider, as a value, and the settings that it makes. No provider's name occurs here."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from ..errors import CredentialRetired, InvalidSettings, Problem
from ..settings import ConnectionSettings, CredentialKind, Endpoint, Security, SentPolicy

if TYPE_CHECKING:
    from .form import Form


class UserForm(enum.Enum):
    """What a provider wants as the user name."""

    ADDRESS = "address"
    """the whole address"""
    LOCAL_PART = "local_part"
    """what stands before the @"""
    GIVEN = "given"
    """a name that the provider gave, which cannot be told from the address"""


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
        url: the provider's page for it; empty if none is known.
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
        smtp: the submission servers, best first; empty for Custom, and where there are none.
        imap: the IMAP servers, best first; empty for Custom, for relays, and where none are known.
        smtp_user: the form of the user name for SMTP.
        imap_user: the form of the user name for IMAP.
        works: the kinds of credential that work today, best first; empty if no source says. A credential class of the
            host's own always may.
        sources: where all that is written.
        limits: the provider's limits, as sentences.
        retired: the kinds that worked once.
        first: what the person must do first.
        oauth_issuer: who issues tokens for it; None where there is no sign-in for applications.
        oauth_scopes: the scopes that mail needs there.
        superseded_by: the id of the NEW way, if this one is the OLD; None otherwise.
        unavailable: why no application can send from such a mailbox, as a sentence; empty if one can.
        note: what else a host's developers should know; sources that contradict each other, for instance.
    """

    id: str
    label: str
    checked: str
    smtp: tuple[Endpoint, ...]
    imap: tuple[Endpoint, ...]
    smtp_user: UserForm
    imap_user: UserForm
    works: tuple[CredentialKind, ...]
    sources: tuple[str, ...]
    limits: tuple[str, ...] = ()
    retired: tuple[Retirement, ...] = ()
    first: tuple[FirstStep, ...] = ()
    oauth_issuer: str | None = None
    oauth_scopes: tuple[str, ...] = ()
    superseded_by: str | None = None
    unavailable: str = ""
    note: str = ""

    @property
    def is_old(self) -> bool:
        """Whether another preset is the NEW way to the same provider. An OLD one is offered only to who has it."""
        return self.superseded_by is not None

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains of the provider's own addresses."""
        from .lookup import domains_of

        return domains_of(self.superseded_by or self.id)

    @property
    def files_sent(self) -> bool | None:
        """Whether its servers file a copy of sent mail by themselves; None if that is not known."""
        from .filing import files_sent

        return files_sent(self.smtp[0].host, self.imap[0].host) if self.smtp and self.imap else None

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
            credential: the kind that is signed in with; without it the best that works, or else a password.
            display_name: the person's name, for From.
            smtp: another submission server than the preset's. Custom needs one.
            imap: another IMAP server than the preset's.
            smtp_user: another user name for SMTP than the form the provider wants. Needed where that form is `GIVEN`.
            imap_user: another user name for IMAP than the form the provider wants.
            sent: what is settled about copies of sent mail.
            enabled: whether anything is sent at all.

        Raises:
            InvalidSettings: with everything that is wrong.
            CredentialRetired: the provider accepted that kind of credential once, and does not any more.
        """
        kind = next(iter(self.works), CredentialKind.PASSWORD) if credential is None else credential
        smtp = next(iter(self.smtp), None) if smtp is None else smtp
        imap = next(iter(self.imap), None) if imap is None else imap
        imap_default = "" if imap is None else _STAND_IN_USER
        problems = [*self._credential_problems(kind), *self._missing(smtp, imap, smtp_user, imap_user)]
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
        return self._with_users(settings, smtp_user, imap_user)

    def _with_users(
        self, settings: ConnectionSettings, smtp_user: str | None, imap_user: str | None
    ) -> ConnectionSettings:
        """Return settings with the user names that were not given.

        Made from the address as it is stored, so that a name does not depend on how the address was typed.
        """
        if smtp_user is None:
            settings = attrs.evolve(settings, smtp_user=_user(self.smtp_user, settings.address))
        if imap_user is None and settings.imap is not None:
            settings = attrs.evolve(settings, imap_user=_user(self.imap_user, settings.address))
        return settings

    def _missing(
        self, smtp: Endpoint | None, imap: Endpoint | None, smtp_user: str | None, imap_user: str | None
    ) -> Iterator[Problem]:
        """Yield a problem for each thing that only the person knows and did not say."""
        if smtp is None:
            text = self.unavailable or f"{self.label} needs the name, port and security of a submission server"
            code = "preset.unavailable" if self.unavailable else "field.missing"
            yield Problem(field="smtp", code=code, message=text)
        given = (("smtp_user", smtp_user, self.smtp_user), ("imap_user", imap_user, imap and self.imap_user))
        for field, typed, form in given:
            if typed is None and form is UserForm.GIVEN:
                text = f"{self.label} signs people in by a user name that cannot be told from the address"
                yield Problem(field=field, code="field.missing", message=text)

    def form(self, settings: ConnectionSettings | None = None, *, credential: CredentialKind | None = None) -> Form:
        """Return the description of a settings page for this preset: fields, buttons, what to do first.

        Args:
            settings: the settings that are stored, to be shown; without them the page is empty and switched off. Their
                secret is never in it.
            credential: how one signs in; without it as the account does, or else by the best kind that works. A host
                that is not registered at the issuer names another one that works.
        """
        from .form import describe

        return describe(self, settings, credential)

    def way(self, kind: CredentialKind) -> Preset:
        """Return the preset for a kind of credential: this one, or the OLD or NEW way that takes it."""
        return self if self.takes(kind) else self._other_way(kind) or self

    def takes(self, kind: CredentialKind) -> bool:
        """Return whether it may be signed in to with this kind of credential, as far as any source says."""
        return not self.works or kind is CredentialKind.HOST or kind in self.works

    def check_credential(self, kind: CredentialKind) -> None:
        """Refuse a kind of credential that this preset does not take.

        Raises:
            CredentialRetired: it did once.
            InvalidSettings: it never did.
        """
        if problems := self._credential_problems(kind):
            raise InvalidSettings(tuple(problems))

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
        if self.takes(kind):
            return []
        choices = " or ".join(one.value for one in self.works)
        text = f"{self.label} is signed in with {choices}, not with {kind.value}"
        if (other := self._other_way(kind)) is not None:
            text += f"; for that there is the preset {other.id}"
        return [Problem(field="credential", code="credential.not_offered", message=text)]

    def _other_way(self, kind: CredentialKind) -> Preset | None:
        """Return the OLD or the NEW way to the same provider, if it takes this kind."""
        from .catalogue import related

        return next((other for other in related(self) if kind in other.works), None)


# Stand in for what is missing or not known yet, so that everything else that is wrong is told in the same breath.
_STAND_IN = Endpoint(host="missing.invalid", port=465, security=Security.TLS)
_STAND_IN_USER = "user"


def _user(form: UserForm, address: str) -> str:
    return address.rpartition("@")[0] if form is UserForm.LOCAL_PART else address


def read_preset(entry: Mapping[str, Any]) -> Preset:
    """Return the preset that a file of the catalogue describes.

    Raises:
        KeyError: a field is missing.
        TypeError: there is a field that no preset has.
        ValueError: a value is none that the field can have.
        InvalidSettings: a server is none.
    """
    read = dict(entry)
    for name, reader in _READERS.items():
        if name in read:
            read[name] = reader(read[name])
    return Preset(**read)


def _endpoints(entries: list[Mapping[str, Any]]) -> tuple[Endpoint, ...]:
    return tuple(
        Endpoint(host=entry["host"], port=entry["port"], security=Security(entry["security"])) for entry in entries
    )


def _kinds(values: list[str]) -> tuple[CredentialKind, ...]:
    return tuple(map(CredentialKind, values))


def _retired(entries: list[Mapping[str, Any]]) -> tuple[Retirement, ...]:
    return tuple(
        Retirement(
            kinds=_kinds(one["kinds"]),
            since=one["since"],
            instead=_kinds(one["instead"]),
            reason=one["reason"],
            source=one["source"],
        )
        for one in entries
    )


def _first(entries: list[Mapping[str, str]]) -> tuple[FirstStep, ...]:
    return tuple(FirstStep(**one) for one in entries)


_READERS: Mapping[str, Any] = {
    "smtp": _endpoints,
    "imap": _endpoints,
    "smtp_user": UserForm,
    "imap_user": UserForm,
    "works": _kinds,
    "retired": _retired,
    "first": _first,
    "limits": tuple,
    "oauth_scopes": tuple,
    "sources": tuple,
}
