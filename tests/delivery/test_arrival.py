"""Looking for a test message: soon and gently, in time, wherever it may lie, and with the trouble told."""

from __future__ import annotations

import pytest

from tether_mailconf._wire.imap_response import Completed, Data, Status
from tether_mailconf._wire.imap_syntax import Token
from tether_mailconf.delivery import trial
from tether_mailconf.delivery.trial import MARK, Arrival, Tried, marked_message
from tether_mailconf.errors import InvalidMessage, Step, Unreachable
from tether_mailconf.sandbox.personality import FILES_ITSELF, PLAIN, Personality
from tether_mailconf.settings import ConnectionSettings, CredentialKind, Endpoint, Filer, Security

from ..simulated import Provider

ANA = ConnectionSettings(
    address="ana@example.test",
    display_name="Bell, Ana",
    smtp=Endpoint(host="smtp.example.test", port=465, security=Security.TLS),
    smtp_user="ana",
    credential=CredentialKind.PASSWORD,
)


def looked(
    personality: Personality = PLAIN, *, filer: Filer = Filer.UNKNOWN, seconds: float = 60, dead: str = ""
) -> tuple[Provider, Tried]:
    """Make a test send; return the provider, too."""
    provider = Provider(personality)
    provider.dead |= {dead}
    sending = provider.dispatch(provider.settings(filer=filer)).test(None, seconds=seconds, clean_up=False)
    return provider, provider.world.run(sending)


def arrival_of(tried: Tried) -> Arrival:
    """Where it arrived."""
    assert tried.arrival is not None
    return tried.arrival


# -- the message -------------------------------------------------------------------------------------------------------


def test_a_test_message_says_what_it_is_to_people_and_to_programs() -> None:
    message = marked_message(ANA, "ben@example.org")
    fields = dict(message.items())
    assert len(fields.pop(MARK)) >= 32, "nobody can guess it"
    assert fields == {
        "From": '"Bell, Ana" <ana@example.test>',
        "To": "ben@example.org",
        "Subject": "Test message: sending works",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "7bit",
        "MIME-Version": "1.0",
    }
    assert "whether mail can be sent from ana@example.test." in message.get_content()


@pytest.mark.parametrize("to", ["ben@example.org\r\nBcc: eva@example.org", "ben@example.org\neva@example.org"])
def test_an_address_with_a_line_break_is_refused_by_the_name_of_its_argument(to: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        marked_message(ANA, to)
    assert [(problem.field, problem.code) for problem in caught.value.problems] == [("to", "message.address")]


@pytest.mark.parametrize("to", ["", "nobody:;"])
def test_a_test_message_to_nobody_is_refused(to: str) -> None:
    with pytest.raises(InvalidMessage, match="it is empty"):
        marked_message(ANA, to)


def test_a_test_message_may_go_to_an_address_with_quotation_marks() -> None:
    assert marked_message(ANA, '"ben at home"@example.org')["To"] == '"ben at home"@example.org'


# -- when it is looked for ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("filer", [Filer.PROVIDER, Filer.CLIENT, Filer.UNKNOWN])
def test_what_is_there_already_is_found_without_a_pause(filer: Filer) -> None:
    _, tried = looked(FILES_ITSELF if filer is Filer.PROVIDER else PLAIN, filer=filer)
    assert tried.receipt is not None
    filing = tried.receipt.timings.get("file", 0.0)
    after = tried.seconds - (tried.receipt.timings["total"] - filing)
    assert filing < arrival_of(tried).seconds < min(filing + 1, after), "from the moment at which it was accepted"


def test_a_message_that_is_slow_is_asked_for_seldom() -> None:
    provider, tried = looked(Personality(arrival_delay=1000.0), seconds=60)
    looks = sum(speaker == "C" and b'EXAMINE "INBOX"' in data for speaker, data in provider.log)
    assert tried.was_looked_for
    assert 15 < looks <= 23, "after six looks one every three seconds"


@pytest.mark.parametrize("quarters", range(14))
def test_what_arrives_in_the_last_moment_is_found_and_time_is_left_for_the_rest(quarters: int) -> None:
    seconds = 12 + quarters / 4
    _, tried = looked(Personality(arrival_delay=seconds - 4), seconds=seconds)
    assert arrival_of(tried).mailbox == "INBOX"
    _, tried = looked(Personality(arrival_delay=1000.0), seconds=seconds)
    assert tried.arrival is None
    assert tried.copies == 1
    assert tried.seconds < seconds - 2, "three seconds are kept for counting the copies"


# -- where it lies -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Spam", "junk e-mail", "Unerwünscht"])
def test_junk_without_a_mark_is_known_by_its_name_below_the_inbox_as_well(name: str) -> None:
    _, tried = looked(Personality(prefix="INBOX.", separator=".", special_use=False, junk_name=name))
    assert (arrival_of(tried).mailbox, arrival_of(tried).is_junk) == (f"INBOX.{name}", True)


def test_a_mailbox_that_is_not_for_junk_is_not_looked_into() -> None:
    provider, tried = looked(Personality(arrival_delay=1000.0), seconds=20)
    assert tried.was_looked_for
    assert not any(speaker == "C" and b'EXAMINE "Trash"' in data for speaker, data in provider.log)


def test_items_of_an_answer_that_nobody_asked_for_hide_none_that_was() -> None:
    header = b"From: ana@example.test\r\n\r\n"
    items: list[Token] = [
        b"\xff\xfe",
        b"1",
        [b"UID"],
        None,
        b"uid",
        b"7",
        b"BODY[HEADER.FIELDS (FROM)]",
        header,
        b"FLAGS",
    ]
    done = Status(tag="m1", status="OK", code="", arguments="", text="done")
    answer = Completed(status=done, data=(Data(name="FETCH", number=3, tokens=(items,)),), codes={})
    ((uid, fields),) = trial._headers(answer)
    assert (uid, fields["From"]) == (7, "ana@example.test")


# -- what went wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("filer", [Filer.PROVIDER, Filer.NOBODY, Filer.CLIENT])
def test_what_keeps_us_from_looking_is_told(filer: Filer) -> None:
    _, tried = looked(FILES_ITSELF if filer is Filer.PROVIDER else PLAIN, filer=filer, dead="imap")
    assert tried.receipt is not None
    assert isinstance(tried.trouble, Unreachable)
    assert tried.trouble.step is Step.CONNECT
    assert (tried.arrival, tried.was_looked_for, tried.copies) == (None, False, None)
