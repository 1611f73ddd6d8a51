"""Checking an account: every step, both servers at once, one sign-in at each, nothing sent and nothing made."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

import tests.simulated
from tests.simulated import PASSWORD, ROUND_TRIP, Cut, Provider
from tether_mailconf import (
    AppPassword,
    ConnectionSettings,
    Damaged,
    Filer,
    InvalidSettings,
    Outcome,
    Password,
    Report,
    Security,
    SentPolicy,
    Step,
    UnsupportedSchema,
    aio,
    check,
)
from tether_mailconf._ports import TLSFacts
from tether_mailconf.delivery.account import FilerSource
from tether_mailconf.delivery.sent_folder import SentReason
from tether_mailconf.diagnosis.check import check as conversation
from tether_mailconf.diagnosis.report import Quota
from tether_mailconf.sandbox import Sandbox
from tether_mailconf.sandbox.personality import (
    BARE,
    COURIER_LIKE,
    FULL,
    GERMAN,
    IMAP_EXTENSIONS,
    NO_SPECIAL_USE,
    Drop,
    Personality,
)

WORKS, FAILS, UNSURE = Outcome.WORKS, Outcome.DOES_NOT_WORK, Outcome.COULD_NOT_TELL


def checked(
    provider: Provider, settings: ConnectionSettings | None = None, *, password: str = PASSWORD, seconds: float = 60
) -> Report:
    """Check the provider's account."""
    found = settings or provider.settings()
    return provider.world.run(conversation(provider, found, AppPassword(password), provider.deadline(seconds)))


def outcomes(report: Report) -> dict[str, dict[str, Outcome]]:
    """Return how each step went, by protocol."""
    servers = [report.smtp, *(() if report.imap is None else (report.imap,))]
    return {server.protocol: {one.step.value: one.outcome for one in server.steps} for server in servers}


def causes(report: Report) -> list[str]:
    """Return the causes of all findings, in order."""
    return [finding.cause for finding in report.findings]


def said(provider: Provider, who: str = "C") -> str:
    """Return all that one side has said."""
    return b"".join(text for speaker, text in provider.log if speaker == who).decode(errors="replace")


@pytest.mark.parametrize("security", Security, ids=lambda security: security.value)
def test_an_account_that_works(security: Security) -> None:
    provider = Provider(GERMAN)
    report = checked(provider, provider.settings(security=security))
    assert (report.outcome, report.findings) == (WORKS, ())
    opening = ["look-up", "connect"]
    opening += ["tls", "greeting"] if security is Security.TLS else ["greeting"]
    steps = {protocol: list(went) for protocol, went in outcomes(report).items()}
    if security is Security.TLS:
        assert steps["smtp"] == [*opening, "capabilities", "sign-in", "sender", "recipients"]
        assert steps["imap"] == [*opening, "sign-in", "mailbox", "append"]
    else:
        assert steps["smtp"] == [*opening, "capabilities", "starttls", "tls", "sign-in", "sender", "recipients"]
        assert set(steps["imap"]) == {*opening, "starttls", "tls", "capabilities", "sign-in", "mailbox", "append"}
    assert report.imap is not None
    assert (report.smtp.tls_version, report.smtp.tls_cipher) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    assert report.imap.certificate_expires_at == datetime(2027, 3, 1, tzinfo=UTC)
    assert {"PLAIN", "XOAUTH2"} <= set(report.smtp.mechanisms) & set(report.imap.mechanisms)
    assert "SIZE 35000000" in report.smtp.capabilities
    assert "UIDPLUS" in report.imap.capabilities
    assert report.size_limit == 35_000_000
    assert report.sent is not None
    assert (report.sent.mailbox, report.sent.reason) == ("Gesendete Objekte", SentReason.SPECIAL_USE)
    assert (report.filer, report.filer_source) == (Filer.CLIENT, FilerSource.SETTINGS)


def test_nothing_is_sent_made_or_left_and_each_server_is_asked_to_let_us_in_once() -> None:
    provider = Provider(Personality(sent_name=None))
    checked(provider)
    assert provider.store.submissions == []
    assert provider.sent_folder() == ()
    heard = said(provider)
    assert (heard.count("AUTH PLAIN"), heard.count("AUTHENTICATE PLAIN")) == (1, 1)
    assert (heard.count("MAIL FROM"), heard.count("RSET"), heard.count("DATA"), heard.count("BDAT")) == (1, 1, 0, 0)
    assert "CREATE" not in heard
    assert "STORE" not in heard
    assert (heard.count("QUIT"), heard.count("LOGOUT")) == (1, 1)


def test_both_servers_are_asked_at_once() -> None:
    """The whole takes as long as the slower of them, and the steps of each add up to its time."""
    provider = Provider()
    report = checked(provider)
    assert report.imap is not None
    times = [sum(one.seconds or 0.0 for one in server.steps) for server in (report.smtp, report.imap)]
    assert report.seconds == pytest.approx(max(times))
    assert all(one.seconds is not None and one.seconds >= 0 for one in report.steps)
    by_step = {one.step: one.seconds for one in report.smtp.steps}
    assert by_step[Step.TLS] == pytest.approx(ROUND_TRIP)
    assert by_step[Step.SIGN_IN] == pytest.approx(ROUND_TRIP)


def test_a_wrong_password_is_tried_once_at_each_server_and_is_the_first_finding() -> None:
    provider = Provider()
    report = checked(provider, password="falsch")
    assert report.outcome is FAILS
    assert causes(report) == ["sign_in.password_refused"] * 2
    assert [finding.step for finding in report.findings] == [Step.SIGN_IN] * 2
    assert outcomes(report)["smtp"]["sender"] is UNSURE
    assert outcomes(report)["imap"]["mailbox"] is UNSURE
    assert (said(provider).count("AUTH PLAIN"), said(provider).count("AUTHENTICATE PLAIN")) == (1, 1)
    assert report.sent is None
    assert "UIDPLUS" not in report.smtp.capabilities
    assert "falsch" not in json.dumps(report.to_dict()) + str(report) + repr(report)


@pytest.mark.parametrize(
    ("dead", "outcome"), [("smtp", {"smtp": FAILS, "imap": WORKS}), ("imap", {"smtp": WORKS, "imap": FAILS})]
)
def test_one_server_that_is_down_does_not_hide_the_other(dead: str, outcome: dict[str, Outcome]) -> None:
    provider = Provider()
    provider.dead.add(dead)
    report = checked(provider)
    assert report.imap is not None
    assert {"smtp": report.smtp.outcome, "imap": report.imap.outcome} == outcome
    (first,) = report.findings
    assert (first.step, first.endpoint and first.endpoint.host) == (Step.CONNECT, f"{dead}.sandbox.test")


def test_a_sender_that_is_not_taken_is_found_without_sending() -> None:
    provider = Provider(Personality(refused_senders=frozenset({tests.simulated.ADDRESS})))
    report = checked(provider)
    assert report.outcome is FAILS
    assert outcomes(report)["smtp"]["sender"] is FAILS
    assert report.findings[0].step is Step.SENDER


def test_an_account_that_may_not_write_to_itself_may_still_write_to_others() -> None:
    provider = Provider(Personality(refused_recipients=frozenset({tests.simulated.ADDRESS})))
    report = checked(provider)
    assert outcomes(report)["smtp"]["recipients"] is UNSURE
    assert (report.outcome, report.findings[0].step) == (UNSURE, Step.RECIPIENTS)
    assert said(provider).count("RSET") == 1


@pytest.mark.parametrize(
    ("personality", "mailbox", "reason"),
    [
        (GERMAN, "Gesendete Objekte", SentReason.SPECIAL_USE),
        (NO_SPECIAL_USE, "Sent Items", SentReason.KNOWN_NAME),
        (COURIER_LIKE, "INBOX.Sent", SentReason.KNOWN_NAME),
        (BARE, "Sent", SentReason.KNOWN_NAME),
    ],
)
def test_the_sent_folder_and_why_it_is_that_one(personality: Personality, mailbox: str, reason: SentReason) -> None:
    report = checked(Provider(personality))
    assert report.sent is not None
    assert (report.sent.mailbox, report.sent.reason) == (mailbox, reason)
    assert report.outcome is WORKS


def test_a_sent_folder_that_is_not_there_is_told_and_not_made() -> None:
    provider = Provider(Personality(sent_name=None))
    report = checked(provider)
    assert report.sent is not None
    assert (report.sent.mailbox, report.sent.exists) == ("Sent", False)
    assert outcomes(report)["imap"]["append"] is UNSURE
    assert (report.outcome, causes(report)) == (UNSURE, ["mailbox.would_be_made"])
    account = provider.store.account(tests.simulated.ADDRESS)
    assert account is not None
    assert provider.store.sent(account) is None


def test_a_folder_that_the_settings_name_is_the_one_and_if_it_is_gone_the_one_that_is_found() -> None:
    provider = Provider(GERMAN)
    report = checked(provider, provider.settings(mailbox="INBOX"))
    assert report.sent is not None
    assert (report.sent.mailbox, report.sent.reason) == ("INBOX", SentReason.SETTINGS)
    report = checked(provider, provider.settings(mailbox="Kartei"))
    assert report.sent is not None
    assert (report.sent.mailbox, report.sent.reason) == ("Gesendete Objekte", SentReason.SPECIAL_USE)
    assert report.outcome is WORKS


def test_where_the_provider_files_nobody_asks_whether_a_copy_goes_in() -> None:
    provider = Provider()
    report = checked(provider, provider.settings(filer=Filer.PROVIDER))
    assert "append" not in outcomes(report)["imap"]
    assert (report.filer, report.outcome) == (Filer.PROVIDER, WORKS)


def test_what_was_learned_is_told_as_learned_and_elsewhere_as_not_known() -> None:
    provider = Provider()
    settings = provider.settings()
    here = SentPolicy(filer=Filer.CLIENT, learned_at="smtp.sandbox.test imap.sandbox.test")
    report = checked(provider, attrs.evolve(settings, sent=here))
    assert (report.filer, report.filer_source) == (Filer.CLIENT, FilerSource.LEARNED)
    elsewhere = attrs.evolve(here, learned_at="smtp.other.test imap.other.test")
    report = checked(provider, attrs.evolve(settings, sent=elsewhere))
    assert (report.filer, report.filer_source) == (Filer.UNKNOWN, FilerSource.NOBODY_KNOWS)


def test_without_imap_there_is_one_server_and_nobody_files() -> None:
    provider = Provider()
    report = checked(provider, attrs.evolve(provider.settings(), imap=None, imap_user=""))
    assert (report.imap, report.sent, report.quota) == (None, None, None)
    assert (report.filer, report.filer_source, report.outcome) == (Filer.NOBODY, FilerSource.NO_IMAP, WORKS)


def test_a_certificate_that_ends_soon_is_a_finding_beside_what_works(monkeypatch: pytest.MonkeyPatch) -> None:
    soon = TLSFacts(version="TLSv1.2", cipher="x", expires_at=datetime(2027, 1, 28, tzinfo=UTC))
    monkeypatch.setattr(tests.simulated, "TLS", soon)
    report = checked(Provider())
    assert report.outcome is WORKS
    assert causes(report) == ["tls.expires_soon"] * 2
    assert "2027-01-28" in report.findings[0].detail
    monkeypatch.setattr(tests.simulated, "TLS", attrs.evolve(soon, expires_at=datetime(2027, 1, 30, tzinfo=UTC)))
    assert checked(Provider()).findings == ()


@pytest.mark.parametrize("drop", [Drop.GREETING, Drop.EHLO, Drop.AUTH, Drop.MAIL, Drop.RCPT])
def test_wherever_submission_breaks_that_step_is_the_finding(drop: Drop) -> None:
    step = {"greeting": "greeting", "ehlo": "capabilities", "auth": "sign-in", "mail": "sender", "rcpt": "recipients"}
    report = checked(Provider(Personality(drop_at=drop)))
    assert report.findings[0].step.value == step[drop.value]
    went = list(outcomes(report)["smtp"].items())
    place = [name for name, _ in went].index(step[drop.value])
    assert {outcome for _, outcome in went[:place]} <= {WORKS}
    assert went[place][1] is FAILS
    assert {outcome for _, outcome in went[place + 1 :]} <= {UNSURE}
    assert report.imap is not None
    assert report.imap.outcome is WORKS


@pytest.mark.parametrize("drop", [Drop.IMAP_GREETING, Drop.IMAP_AUTH, Drop.LIST])
def test_wherever_imap_breaks_that_step_is_the_finding(drop: Drop) -> None:
    step = {Drop.IMAP_GREETING: Step.GREETING, Drop.IMAP_AUTH: Step.SIGN_IN, Drop.LIST: Step.MAILBOX}[drop]
    report = checked(Provider(Personality(drop_at=drop)))
    assert [finding.step for finding in report.findings] == [step]
    assert report.smtp.outcome is WORKS


@pytest.mark.parametrize("protocol", ["smtp", "imap"])
def test_a_connection_lost_at_any_byte_is_a_report_and_never_an_error(protocol: str) -> None:
    whole = Provider()
    checked(whole)
    farewell = 60  # bytes at the end that answer QUIT or LOGOUT, which nobody waits for
    for count in range(0, whole.bytes_on(protocol)[1] - farewell, 7):
        provider = Provider()
        provider.cuts[protocol].append(Cut(after_received=count))
        report = checked(provider)
        assert report.findings, count
        assert report.outcome in (FAILS, UNSURE), count
        assert provider.store.submissions == []


def test_a_server_that_is_late_has_not_shown_that_it_does_not_work() -> None:
    report = checked(Provider(Personality(slow=9.0)), seconds=20)
    assert report.outcome is UNSURE
    assert {cause.partition(".")[0] for cause in causes(report)} == {"deadline"}
    assert report.seconds == pytest.approx(20, abs=ROUND_TRIP)


def test_a_credential_of_another_kind_is_refused_before_anybody_is_asked() -> None:
    provider = Provider()
    with pytest.raises(InvalidSettings) as caught:
        provider.world.run(
            conversation(provider, provider.settings(), Password("x"), provider.deadline(5)),
        )
    assert [problem.code for problem in caught.value.problems] == ["credential.kind"]
    assert provider.log == []


def test_the_quota_is_read_and_a_full_mailbox_takes_no_copy() -> None:
    assert not Quota(used=1, limit=2).is_full
    report = checked(Provider(attrs.evolve(FULL, imap_extensions=IMAP_EXTENSIONS | {"QUOTA"})))
    assert report.quota == Quota(used=0, limit=0)
    assert (outcomes(report)["imap"]["append"], causes(report)) == (FAILS, ["mailbox.full"])
    roomy = Personality(quota=100 * 1024, imap_extensions=IMAP_EXTENSIONS | {"QUOTA"})
    report = checked(Provider(roomy))
    assert (report.quota, report.outcome, report.findings) == (Quota(used=0, limit=102_400), WORKS, ())


@pytest.mark.parametrize("colour", ["sync", "aio"])
@pytest.mark.parametrize(
    ("wrong", "field"), [({"ca_file": "/no/such/file"}, "ca_file"), ({"deadline": float("nan")}, "deadline")]
)
def test_an_argument_that_cannot_be_used_is_an_error_and_no_finding(
    start: Callable[..., Sandbox], colour: str, wrong: dict[str, Any], field: str
) -> None:
    sandbox = start()
    given: dict[str, Any] = {"network": sandbox.network, "ca_file": sandbox.ca_file} | wrong

    def run() -> Report:
        if colour == "sync":
            return check(sandbox.settings, sandbox.credential, **given)
        return asyncio.run(aio.check(sandbox.settings, sandbox.credential, **given))

    with pytest.raises(InvalidSettings) as caught:
        run()
    assert [problem.field for problem in caught.value.problems] == [field]


@pytest.mark.parametrize("colour", ["sync", "aio"])
def test_both_colours_over_real_sockets(start: Callable[..., Sandbox], colour: str) -> None:
    sandbox = start(GERMAN)

    def run(settings: ConnectionSettings, credential: Any) -> Report:
        options: dict[str, Any] = {"network": sandbox.network, "ca_file": sandbox.ca_file, "deadline": 10.0}
        if colour == "sync":
            return check(settings, credential, **options)
        return asyncio.run(aio.check(settings, credential, **options))

    report = run(attrs.evolve(sandbox.settings, enabled=False), sandbox.credential)
    assert report.outcome is WORKS
    for settings in (sandbox.settings_starttls, sandbox.settings):
        report = run(settings, sandbox.credential)
        assert (report.outcome, report.findings) == (WORKS, ())
        assert report.smtp.tls_version == "TLSv1.3"
        assert report.smtp.certificate_expires_at is not None
        assert Report.from_dict(json.loads(json.dumps(report.to_dict()))) == report
    assert sandbox.submissions == ()
    text = str(report)
    for shown in ("works", "look-up", "Gesendete Objekte (the server marks it)", "TLSv1.3", "largest message"):
        assert shown in text
    report = run(sandbox.settings, AppPassword("falsch"))
    assert report.outcome is FAILS
    assert "DOES NOT WORK" in str(report)
    assert Report.from_dict(report.to_dict()) == report


def test_a_stored_report_that_is_newer_or_damaged_is_said_to_be() -> None:
    stored = checked(Provider()).to_dict()
    with pytest.raises(UnsupportedSchema):
        Report.from_dict({**stored, "schema": 2})
    damaged: list[object] = [None, [], {}, {**stored, "schema": "1"}, {**stored, "schema": True}]
    for rubbish in damaged:
        with pytest.raises(Damaged):
            Report.from_dict(rubbish)
    for name in stored.keys() - {"schema", "outcome"}:
        with pytest.raises(Damaged):
            Report.from_dict({key: value for key, value in stored.items() if key != name})
        with pytest.raises(Damaged):
            Report.from_dict({**stored, name: object()})
