"""What is wrong with an account or soon will be, each with a proposal that can be carried out as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from tests.accounts.samples import SETTINGS, error
from tether_mailconf import (
    Act,
    Concern,
    CredentialKind,
    Delivery,
    Dropped,
    NetworkPolicy,
    Receipt,
    RecipientsRefused,
    Refused,
    Reply,
    Secret,
    Step,
    StoredAccount,
    TimedOut,
    aio,
    health,
    oauth,
    presets,
)
from tether_mailconf.accounts import health as rules
from tether_mailconf.sandbox import Internet, Sandbox

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SENT = Receipt(delivery=Delivery.SENT, message_id="<a@b.example>", date="d", digest="sha256:0", sender="ana@gmail.com")
ZONES = {
    "moved.test": "@ MX 10 aspmx.l.google.com.",
    "moved-in-britain.test": "@ MX 10 mx00.ionos.co.uk.",
    "stayed.test": "@ MX 10 moved-test.mail.protection.outlook.com.",
    "filtered.test": "@ MX 10 mx1.filtered-test.iphmx.com.",
    "silent.test": "@ A 127.0.0.1",
}


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    """Name servers to ask."""
    with Sandbox(internet=Internet(zones=ZONES)) as sandbox:
        yield sandbox


@pytest.fixture(params=["sync", "aio"])
def look(request: pytest.FixtureRequest, world: Sandbox) -> Any:
    """Looks at an account, in a colour."""

    def run(account: StoredAccount, **options: Any) -> tuple[Concern, ...]:
        options = {"network": world.network, **options}
        if request.param == "sync":
            return health(account, **options)
        return asyncio.run(aio.health(account, **options))

    return run


def account(preset: presets.Preset, address: str, **changes: Any) -> StoredAccount:
    """Return an account of a provider."""
    return StoredAccount(settings=attrs.evolve(preset.settings(address), **changes), secret=Secret("x"))


def told(concerns: tuple[Concern, ...]) -> list[tuple[str, Act, str]]:
    """Return cause, act, and the preset that is proposed."""
    return [(one.finding.cause, one.act, "" if one.settings is None else one.settings.preset) for one in concerns]


def test_a_healthy_account_is_no_concern(look: Any) -> None:
    assert look(account(presets.GMAIL, "ana@gmail.com")) == ()
    assert look(account(presets.MICROSOFT_365, "ana@stayed.test")) == ()
    assert look(account(presets.ICLOUD, "ana@icloud.com")) == ()


def test_the_old_way_proposes_the_new_one(look: Any) -> None:
    (concern,) = look(account(presets.GMAIL_APP_PASSWORD, "ana@gmail.com"))
    assert told((concern,)) == [("credential.old_way", Act.SIGN_IN, "gmail")]
    assert concern.settings is not None
    assert concern.settings.credential is CredentialKind.OAUTH_TOKEN
    assert concern.to_dict()["act"] == "sign_in"


def test_a_way_that_the_provider_has_ended_proposes_what_works(look: Any) -> None:
    dead = account(presets.OUTLOOK, "ana@outlook.com", credential=CredentialKind.PASSWORD)
    (concern,) = look(dead)
    assert told((concern,)) == [("credential.retired", Act.SIGN_IN, "outlook")]
    assert "2024-09-16" in concern.finding.detail
    assert concern.settings is not None
    assert concern.settings.credential is CredentialKind.OAUTH_TOKEN


def test_a_way_that_the_provider_will_end_is_told_before() -> None:
    (soon,) = rules._credential(
        attrs.evolve(presets.OUTLOOK.settings("ana@outlook.com"), credential=CredentialKind.PASSWORD),
        datetime(2024, 9, 1, tzinfo=UTC),
    )
    assert soon.finding.cause == "credential.retires"


def test_a_domain_whose_mail_goes_elsewhere_now(look: Any) -> None:
    (concern,) = look(account(presets.MICROSOFT_365, "ana@moved.test"))
    cause, act, preset = told((concern,))[0]
    assert (cause, act) == ("account.moved", Act.CHANGE_SETTINGS)
    assert "google" in preset or preset == "gmail"
    assert concern.settings is not None
    assert concern.settings.smtp.host == "smtp.gmail.com"
    assert "aspmx.l.google.com" in concern.finding.detail


def test_two_providers_under_one_public_suffix_are_two(look: Any) -> None:
    (concern,) = look(account(presets.get("123_reg"), "ana@moved-in-britain.test"))
    assert told((concern,)) == [("account.moved", Act.CHANGE_SETTINGS, "ionos_co_uk")]


@pytest.mark.parametrize("domain", ["filtered.test", "silent.test", "nowhere.test"])
def test_what_nobody_can_tell_is_no_concern(look: Any, domain: str) -> None:
    assert look(account(presets.MICROSOFT_365, f"ana@{domain}")) == ()


def test_a_name_server_that_is_not_there_is_no_concern(look: Any) -> None:
    nobody = NetworkPolicy(networks=("127.0.0.0/8",), name_servers=[("127.0.0.9", 9)])
    assert look(account(presets.MICROSOFT_365, "ana@moved.test"), network=nobody, deadline=0.5) == ()


def test_a_sign_in_that_is_over(look: Any) -> None:
    over = oauth.TokenStatus(state=oauth.TokenState.NEEDS_SIGN_IN, code="oauth.revoked", sentence="It was revoked.")
    ready = oauth.TokenStatus(state=oauth.TokenState.READY)
    gmail = account(presets.GMAIL, "ana@gmail.com")
    assert told(look(gmail, status=over)) == [("oauth.sign_in_over", Act.SIGN_IN, "")]
    assert look(gmail, status=ready) == ()


@pytest.mark.parametrize(
    ("lasts", "age", "cause"),
    [
        (timedelta(days=7), timedelta(days=3, hours=23), None),
        (timedelta(days=7), timedelta(days=4, hours=1), "oauth.sign_in_ends"),
        (timedelta(days=7), timedelta(days=7, seconds=1), "oauth.sign_in_over"),
        (timedelta(days=180), timedelta(days=170), None),
        (timedelta(minutes=30), timedelta(minutes=5), None),
        (timedelta(minutes=30), timedelta(minutes=20), "oauth.sign_in_ends"),
    ],
    ids=str,
)
def test_a_sign_in_that_ends_soon_is_told_before(
    look: Any, lasts: timedelta, age: timedelta, cause: str | None
) -> None:
    began = datetime.now(UTC) - age
    status = oauth.TokenStatus(state=oauth.TokenState.READY, signed_in_at=began, sign_in_ends_at=began + lasts)
    concerns = look(account(presets.GMAIL, "ana@gmail.com"), status=status)
    assert told(concerns) == ([] if cause is None else [(cause, Act.SIGN_IN, "")])


@pytest.mark.parametrize(
    ("outcome", "credential", "act"),
    [
        (error(), CredentialKind.APP_PASSWORD, Act.NEW_SECRET),
        (TimedOut(step=Step.GREETING), CredentialKind.APP_PASSWORD, Act.WAIT),
        (Dropped(step=Step.BODY), CredentialKind.APP_PASSWORD, Act.WAIT),
        (
            RecipientsRefused(step=Step.RECIPIENTS, refused={"a@b.example": Reply(code="550", enhanced="5.1.1")}),
            CredentialKind.APP_PASSWORD,
            Act.CHANGE_MESSAGE,
        ),
        (
            Refused(step=Step.SENDER, reply=Reply(code="553", enhanced="5.7.1", text="Sender address rejected")),
            CredentialKind.APP_PASSWORD,
            Act.CHANGE_SETTINGS,
        ),
    ],
)
def test_the_last_message_that_failed(outcome: Any, credential: CredentialKind, act: Act) -> None:
    failed = StoredAccount(settings=attrs.evolve(SETTINGS, credential=credential)).noted(outcome, NOW)
    (concern,) = (one for one in health(failed) if one.finding.cause != "credential.old_way")
    assert concern.act is act, concern.finding.cause
    assert concern.finding == failed.sends[-1].finding


def test_what_has_failed_since_the_last_message_that_went_well_is_told_once_each_the_newest_first() -> None:
    late = TimedOut(step=Step.GREETING)
    account = StoredAccount(settings=SETTINGS)
    for outcome in (Dropped(step=Step.BODY), SENT, error(), late, error()):
        account = account.noted(outcome, NOW)
    found = [one.finding.cause for one in health(account) if one.finding.cause != "credential.old_way"]
    assert found == ["google.credentials_refused", "deadline.greeting"]
    account = account.noted(SENT, NOW)
    assert [one.finding.cause for one in health(account)] == ["credential.old_way"]
