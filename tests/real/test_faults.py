"""`check` and `send_test` against real servers with one fault at a time: the first finding names the fault."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

from tests.servers.authority import Authority
from tests.servers.layout import SentLayout
from tests.servers.oauth_server import OAuthServer
from tests.servers.server import ADDRESS, ImapServer
from tether_mailconf import Finding, Mailer, Outcome, Report, Step, Trial, aio, check

from .faults import BEN, FAULTS, Fault, House, Situation

Act = Callable[[Situation], Any]


@pytest.fixture(scope="module")
def house(authority: Authority, oauth_server: OAuthServer) -> Iterator[House]:
    """The servers, started once."""
    with contextlib.ExitStack() as held:
        yield House(authority, oauth_server, held)


def checked(situation: Situation) -> Report:
    """Check, in threads."""
    return check(
        situation.settings,
        situation.credential,
        network=situation.network,
        ca_file=situation.ca_file,
        deadline=situation.seconds,
    )


def checked_by_tasks(situation: Situation) -> Report:
    """Check, in tasks."""
    return asyncio.run(
        aio.check(
            situation.settings,
            situation.credential,
            network=situation.network,
            ca_file=situation.ca_file,
            deadline=situation.seconds,
        )
    )


def sent(situation: Situation) -> Trial:
    """Make a test send, in threads."""
    options: dict[str, Any] = {"network": situation.network, "ca_file": situation.ca_file}
    with Mailer(situation.settings, situation.credential, **options) as mailer:
        return mailer.send_test(situation.to, deadline=situation.seconds)


def sent_by_tasks(situation: Situation) -> Trial:
    """Make a test send, in tasks."""

    async def main() -> Trial:
        options: dict[str, Any] = {"network": situation.network, "ca_file": situation.ca_file}
        async with aio.Mailer(situation.settings, situation.credential, **options) as mailer:
            return await mailer.send_test(situation.to, deadline=situation.seconds)

    return asyncio.run(main())


def named(finding: Finding) -> tuple[str, str]:
    """Return the step and the cause; of those that mean that time was over, only that."""
    cause = "deadline" if finding.cause.startswith("deadline.") else finding.cause
    return finding.step.value, cause


@pytest.mark.parametrize("act", [checked, checked_by_tasks], ids=["sync", "aio"])
def test_a_check_of_what_works(house: House, act: Act) -> None:
    sound = house.sound()
    report: Report = act(sound)
    causes = {finding.cause for finding in report.findings}
    assert (report.outcome, causes) == (Outcome.WORKS, {"tls.expires_soon"}), "the test run's certificate ends today"
    assert report.sent is not None
    assert report.sent.mailbox == "Sent"
    assert report.quota is not None
    assert report.smtp.tls_version == "TLSv1.3"
    assert report.size_limit == 10_240_000


@pytest.mark.parametrize("act", [sent, sent_by_tasks], ids=["sync", "aio"])
def test_a_test_send_where_all_works(house: House, act: Act) -> None:
    trial: Trial = act(house.sound())
    house.accepted += trial.was_accepted
    assert (trial.outcome, trial.findings) == (Outcome.WORKS, ())
    assert trial.arrival is not None
    assert (trial.arrival.mailbox, trial.arrival.sender, trial.copies) == ("INBOX", ADDRESS, 1)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_first_finding_names_the_fault(house: House, fault: Fault) -> None:
    situation = fault.make(house)
    report = checked(situation)
    assert house.relayed() == house.accepted, "a check sends nothing"
    if fault.check is None:
        assert report.outcome is Outcome.WORKS
    else:
        assert named(report.findings[0]) == fault.check
        assert report.outcome is not Outcome.WORKS
    trial = sent(situation)
    house.accepted += trial.was_accepted
    assert named(trial.findings[0]) == fault.trial
    assert trial.outcome is not Outcome.WORKS
    assert trial.was_accepted is (fault.trial[0] in ("append", "mailbox") or fault.name == "IMAP down")


NO_SENT = SentLayout(name=None)
BELOW_INBOX = SentLayout(name=None, prefix="INBOX.", separator=".")


@pytest.mark.parametrize(
    ("layout", "rights", "outcome", "cause"),
    [
        (NO_SENT, ["* owner lrwstik"], Outcome.WORKS, "mailbox.would_be_made"),
        (BELOW_INBOX, ["INBOX owner lrwstik"], Outcome.WORKS, "mailbox.would_be_made"),
        (BELOW_INBOX, ["INBOX owner lrwsti"], Outcome.DOES_NOT_WORK, "mailbox.may_not_be_made"),
        (NO_SENT, [], Outcome.COULD_NOT_TELL, "mailbox.would_be_made"),
    ],
    ids=["may be made", "below the inbox", "may not be made there", "rights are not told"],
)
def test_whether_a_sent_folder_may_be_made(
    house: House, layout: SentLayout, rights: list[str], outcome: Outcome, cause: str
) -> None:
    """What the check tells by the rights is what comes of the first copy."""
    tells_what_comes(house, house.servers.dovecot(layout, rights=rights), outcome, cause)


@pytest.mark.parametrize(
    ("rights", "outcome", "cause"),
    [
        ("acdilrsw", Outcome.WORKS, "mailbox.would_be_made"),
        ("ailrsw", Outcome.DOES_NOT_WORK, "mailbox.may_not_be_made"),
    ],
    ids=["may be made", "may not be made"],
)
def test_whether_a_sent_folder_may_be_made_at_a_server_of_the_old_rights(
    house: House, rights: str, outcome: Outcome, cause: str
) -> None:
    """Courier tells those of RFC 2086, where one right, "c", stands for making a mailbox."""
    courier = house.servers.courier()
    courier.mailboxes.permit("INBOX", rights)
    tells_what_comes(house, courier, outcome, cause)


def tells_what_comes(house: House, imap: ImapServer, outcome: Outcome, cause: str) -> None:
    """Assert what the check tells of the first copy, and that it comes to be, or does not."""
    situation = house.on(house.postfix, imap)
    report = checked(situation)
    (append,) = (one for one in report.steps if one.step is Step.APPEND)
    assert append.finding is not None
    assert (append.outcome, append.finding.cause) == (outcome, cause)
    trial = sent(attrs.evolve(situation, to=BEN))
    house.accepted += trial.was_accepted
    assert trial.was_accepted
    is_filed = trial.copies == 1
    assert is_filed is (outcome is not Outcome.DOES_NOT_WORK)


@pytest.mark.parametrize("name", ["wrong password", "read-only Sent", "sender not owned"])
def test_in_asyncio_it_is_the_same(house: House, name: str) -> None:
    (fault,) = (one for one in FAULTS if one.name == name)
    situation = fault.make(house)
    report = checked_by_tasks(situation)
    assert named(report.findings[0]) == fault.check
    assert attrs.asdict(checked(situation), filter=lambda field, _: field.name == "sent") == attrs.asdict(
        report, filter=lambda field, _: field.name == "sent"
    )
    trial = sent_by_tasks(situation)
    house.accepted += trial.was_accepted
    assert named(trial.findings[0]) == fault.trial
