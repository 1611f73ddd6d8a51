"""What is wrong with an account, or soon will be: findings, each with what to do about it, ready to be done.

Pure but for one question to the name servers, who takes the domain's mail.
"""

from __future__ import annotations

import enum
from datetime import date, datetime, timedelta
from typing import Any

import attrs

from .. import presets
from .._oauth.causes import Mender
from .._oauth.enrolment import TokenState, TokenStatus
from .._ports import IO, MX, Deadline
from ..diagnosis.explain import found
from ..diagnosis.finding import Finding, Retry
from ..discovery.domain import registrable
from ..errors import CredentialRetired, InvalidSettings, MailconfError, Step
from ..presets import Preset
from ..settings import ConnectionSettings, CredentialKind
from .stored import StoredAccount

_NOTICE = timedelta(days=3)
"""How long before its end a person is asked to sign in anew, or half of the sign-in's whole life if that is less."""

_OF_THE_MESSAGE = ("recipient.", "recipients.", "message.")
"""How causes begin that are not the account's."""


class Act(enum.StrEnum):
    """What is proposed."""

    SIGN_IN = "sign_in"
    """have the person sign in, then `Accounts.migrate` if the settings proposed are others, else nothing more"""
    NEW_SECRET = "new_secret"  # noqa: S105 - the name of an act
    """ask the person for the password again, then `Accounts.change_credential`"""
    CHANGE_SETTINGS = "change_settings"
    """show the person the settings proposed, or the page, then `Accounts.save`"""
    CHANGE_MESSAGE = "change_message"
    """show the person the finding: the message or its recipients must change, the account is as it should be"""
    ASK_ADMINISTRATOR = "ask_administrator"
    """show the finding, which the person takes to their administrator"""
    WAIT = "wait"
    """it passes by itself"""
    MEND_APPLICATION = "mend_application"
    """nobody but whoever runs this application can do anything"""


@attrs.frozen(kw_only=True)
class Concern:
    """Something that is wrong with an account, or soon will be.

    Args:
        finding: what it is.
        act: what is proposed.
        settings: the settings that are proposed; None if they stay.
    """

    finding: Finding
    act: Act
    settings: ConnectionSettings | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the concern as plain data."""
        settings = None if self.settings is None else self.settings.to_dict()
        return {"finding": self.finding.to_dict(), "act": self.act.value, "settings": settings}


async def health(io: IO, account: StoredAccount, status: TokenStatus | None, deadline: Deadline) -> tuple[Concern, ...]:
    """See `tether_mailconf.health`."""
    settings = account.settings
    now = io.now()
    concerns = [*_credential(settings, now), *_token(settings, status, now), *_sends(account)]
    moved = await _moved(io, settings, deadline)
    return (*concerns, *(() if moved is None else (moved,)))


# -- the way of signing in --------------------------------------------------------------------------------------------


def _credential(settings: ConnectionSettings, now: datetime) -> list[Concern]:
    """Return whether the provider has ended this kind of credential, will end it, or has a better way."""
    preset = presets.by_server(settings.smtp.host)
    if preset is None:
        return []
    ways = (preset, *presets.related(preset))
    kind = settings.credential
    own = next((way for way in ways if way.id == settings.preset), preset)
    if all(kind not in way.works for way in ways):
        for retirement in own.retired:
            if kind in retirement.kinds:
                cause = "credential.retires" if _is_ahead(retirement.since, now) else "credential.retired"
                detail = " ".join(filter(None, (retirement.reason, retirement.since)))
                return [_instead(cause, settings, own, retirement.instead, detail)]
        return []
    newer = next((way for way in ways if own.superseded_by == way.id and kind in own.works), None)
    if newer is None or kind in newer.works:
        return []
    return [_instead("credential.old_way", settings, own, newer.works, f"the new one is {newer.label}")]


def _instead(
    cause: str, settings: ConnectionSettings, preset: Preset, kinds: tuple[CredentialKind, ...], detail: str
) -> Concern:
    """Return the concern about a kind of credential, with the settings for the best one that works."""
    finding = found(cause, Step.SIGN_IN, endpoint=settings.smtp, detail=detail)
    for kind in kinds:
        try:
            proposed = presets.with_credential(attrs.evolve(settings, preset=preset.id), kind)
        except (CredentialRetired, InvalidSettings):
            continue
        act = Act.SIGN_IN if kind is CredentialKind.OAUTH_TOKEN else Act.NEW_SECRET
        return Concern(finding=finding, act=act, settings=proposed)
    return Concern(finding=finding, act=Act.CHANGE_SETTINGS)


def _is_ahead(since: str, now: datetime) -> bool:
    """Whether a day, or a year, has not come yet."""
    try:
        return date.fromisoformat(since if len(since) == 10 else f"{since[:4]}-01-01") > now.date()
    except ValueError:
        return False


def _token(settings: ConnectionSettings, status: TokenStatus | None, now: datetime) -> list[Concern]:
    """Return whether the sign-in is over, or will be soon, however often it is used."""
    if status is None or settings.credential is not CredentialKind.OAUTH_TOKEN:
        return []
    if status.state is not TokenState.READY or (status.sign_in_ends_at is not None and status.sign_in_ends_at <= now):
        finding = found("oauth.sign_in_over", Step.TOKEN, detail=status.sentence)
        return [Concern(finding=finding, act=Act.SIGN_IN)]
    if status.sign_in_ends_at is None or status.signed_in_at is None:
        return []
    notice = min(_NOTICE, (status.sign_in_ends_at - status.signed_in_at) / 2)
    if now < status.sign_in_ends_at - notice:
        return []
    day = f"{status.sign_in_ends_at:%Y-%m-%d %H:%M} UTC"
    return [Concern(finding=found("oauth.sign_in_ends", Step.TOKEN, detail=f"it ends at {day}"), act=Act.SIGN_IN)]


# -- the last messages ------------------------------------------------------------------------------------------------


def _sends(account: StoredAccount) -> list[Concern]:
    """Return what has been wrong since the last message that went well: each cause once, the newest first."""
    found: dict[str, Finding] = {}
    for send in reversed(account.sends):
        if send.finding is None:
            break
        found.setdefault(send.finding.cause, send.finding)
    return [Concern(finding=finding, act=_act(finding, account.settings)) for finding in found.values()]


def _act(finding: Finding, settings: ConnectionSettings) -> Act:
    if finding.mender is Mender.ADMINISTRATOR:
        return Act.ASK_ADMINISTRATOR
    if finding.mender in (Mender.HOST, Mender.PROVIDER):
        return Act.WAIT if finding.retry is Retry.LATER else Act.MEND_APPLICATION
    if finding.mender is Mender.NOBODY or finding.retry is Retry.LATER:
        return Act.WAIT
    if finding.cause.startswith(_OF_THE_MESSAGE):
        return Act.CHANGE_MESSAGE
    if finding.step in (Step.SIGN_IN, Step.TOKEN):
        return Act.SIGN_IN if settings.credential is CredentialKind.OAUTH_TOKEN else Act.NEW_SECRET
    return Act.CHANGE_SETTINGS


# -- the domain -------------------------------------------------------------------------------------------------------


async def _moved(io: IO, settings: ConnectionSettings, deadline: Deadline) -> Concern | None:
    """Return the concern about a domain whose mail goes to another provider now. Who cannot tell says nothing."""
    domain = settings.address.rpartition("@")[2]
    ours = presets.by_server(settings.smtp.host)
    if ours is None or presets.by_domain(domain) is not None:
        return None
    try:
        records = await io.resolve(domain, MX, deadline)
    except MailconfError:
        return None
    hosts = [one.host for one in sorted(records, key=lambda one: one.preference) if one.host]
    if not hosts or any(presets.mail_filter(host) is not None for host in hosts):
        return None
    theirs = presets.by_mx(hosts[0])
    if theirs is None or _provider(theirs) == _provider(ours) or any(_is_of(ours, host) for host in hosts):
        return None
    detail = f"the mail of {domain} goes to {hosts[0]} now"
    finding = found("account.moved", Step.LOOKUP, endpoint=settings.smtp, detail=detail)
    try:
        proposed = theirs.settings(settings.address, display_name=settings.display_name, enabled=settings.enabled)
    except MailconfError:
        proposed = None
    return Concern(finding=finding, act=Act.CHANGE_SETTINGS, settings=proposed)


def _is_of(preset: Preset, host: str) -> bool:
    found = presets.by_mx(host)
    return found is not None and _provider(found) == _provider(preset)


def _provider(preset: Preset) -> frozenset[str]:
    """Return what tells a provider from others, whichever of its presets this is: the domains of its servers."""
    return frozenset(registrable(end.host) or end.host for end in (*preset.smtp, *preset.imap))
