"""How many round trips an operation takes, counted in a simulated world: the numbers the design promises."""

from __future__ import annotations

import contextlib
from email.message import EmailMessage

import attrs
import pytest

from tether_mailconf.credentials import SaslStep
from tether_mailconf.delivery.dispatch import Dispatch
from tether_mailconf.delivery.lanes import ANSWER_SECONDS
from tether_mailconf.delivery.receipt import Delivery, Filing
from tether_mailconf.errors import Dropped, InvalidMessage, SignInRefused, Step
from tether_mailconf.sandbox.personality import FILES_ITSELF, PLAIN, Personality
from tether_mailconf.settings import CredentialKind, Filer, Security

from ..simulated import PASSWORD, ROUND_TRIP, Line, Provider


def message(recipients: int = 1) -> EmailMessage:
    """Return a message."""
    text = EmailMessage()
    text["To"] = ", ".join(f"bo{number}@example.org" for number in range(recipients))
    text.set_content("Hello\n" * 100)
    return text


def flights(provider: Provider, dispatch: Dispatch, *, recipients: int = 1) -> float:
    """Send one message and return how many round trips it took."""
    started = provider.world.time
    sending = dispatch.send(message(recipients), sender=None, recipients=None, partial=False, dsn=None, seconds=60)
    receipt = provider.world.run(sending)
    assert receipt.filing is not Filing.PENDING, receipt.filing_reason
    return round((provider.world.time - started) / ROUND_TRIP, 2)


@pytest.mark.parametrize(
    ("filer", "security", "cold", "warm"),
    [
        (Filer.CLIENT, Security.TLS, 7, 2),
        (Filer.CLIENT, Security.STARTTLS, 9, 2),
        (Filer.NOBODY, Security.TLS, 6, 1),
        (Filer.NOBODY, Security.STARTTLS, 8, 1),
    ],
)
def test_send_and_file(filer: Filer, security: Security, cold: float, warm: float) -> None:
    """The physical limit: connections, TLS, greeting, EHLO, sign-in, everything, and the commit of the copy."""
    provider = Provider(PLAIN)
    dispatch = provider.dispatch(provider.settings(filer=filer, security=security))
    assert flights(provider, dispatch) == cold
    assert flights(provider, dispatch) == warm
    assert flights(provider, dispatch) == warm


def test_a_server_is_told_once_who_we_are() -> None:
    """RFC 2971 section 3.1 and RFC 5161 section 3.1: what a connection has heard holds until it ends."""
    provider = Provider(PLAIN)
    dispatch = provider.dispatch(provider.settings(filer=Filer.CLIENT))
    for _ in range(3):
        flights(provider, dispatch)
    said = b"".join(data for speaker, data in provider.log if speaker == "C")
    assert said.count(b' ID ("name"') == 1
    assert said.count(b" ENABLE UTF8=ACCEPT") == 1


def test_the_receipt_tells_how_long_each_part_took() -> None:
    """In seconds, from the clock of the deadlines: here a round trip is a tenth."""
    provider = Provider(PLAIN)
    dispatch = provider.dispatch(provider.settings(filer=Filer.CLIENT))
    provider.world.run(provider.world.sleep(1000))
    cold, warm = (
        provider.world.run(
            dispatch.send(message(), sender=None, recipients=None, partial=False, dsn=None, seconds=60)
        ).timings
        for _ in range(2)
    )
    assert {part: round(seconds / ROUND_TRIP, 1) for part, seconds in cold.items()} == {
        "smtp connect": 4,
        "smtp sign in": 1,
        "submit": 1,
        "imap connect": 3,
        "imap sign in": 1,
        "copy ready": 5,
        "file": 1,
        "total": 7,
    }
    assert {part: round(seconds / ROUND_TRIP, 1) for part, seconds in warm.items()} == {
        "submit": 1,
        "copy ready": 0,
        "file": 1,
        "total": 2,
    }


def test_a_connection_idle_for_long_is_asked_whether_it_stands() -> None:
    provider = Provider(PLAIN)
    dispatch = provider.dispatch(provider.settings(filer=Filer.CLIENT))
    flights(provider, dispatch)
    for idle, asked in ((5.0, 0), (11.0, 2), (5.0, 2)):
        provider.world.run(provider.world.sleep(idle))
        flights(provider, dispatch)
        said = b"".join(data for speaker, data in provider.log if speaker == "C")
        assert said.count(b"NOOP\r\n") == asked
    assert [len(provider.lines[protocol]) for protocol in ("smtp", "imap")] == [1, 1]


@pytest.mark.parametrize("idle", [1.0, 11.0])
def test_a_connection_that_the_server_has_closed_meanwhile_is_replaced(idle: float) -> None:
    provider = Provider(PLAIN)
    dispatch = provider.dispatch(provider.settings(filer=Filer.CLIENT))
    flights(provider, dispatch)
    for protocol in ("smtp", "imap"):
        provider.lines[protocol][-1].hang_up()
    provider.world.run(provider.world.sleep(idle))
    assert flights(provider, dispatch) == 7
    assert len(provider.store.submissions) == 2
    assert len(provider.sent_folder()) == 2


@pytest.mark.parametrize(
    ("address", "literal"),
    [("192.0.2.7", "[192.0.2.7]"), ("2001:db8::7", "[IPv6:2001:db8::7]"), ("fe80::1%eth0", "[IPv6:fe80::1]")],
)
def test_a_server_is_greeted_with_an_address_literal(
    address: str, literal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 5321 section 4.1.3. A zone means something on this machine only (RFC 4007 section 11.2)."""
    monkeypatch.setattr(Line, "local_address", address)
    provider = Provider(PLAIN)
    flights(provider, provider.dispatch())
    assert ("C", f"EHLO {literal}\r\n".encode()) in provider.log


def test_bounces_go_to_the_envelope_sender_that_the_host_names() -> None:
    provider = Provider(PLAIN)
    sending = provider.dispatch().send(
        message(), sender="bounces@sandbox.test", recipients=None, partial=False, dsn=None, seconds=60
    )
    assert provider.world.run(sending).sender == "bounces@sandbox.test"
    said = b"".join(data for speaker, data in provider.log if speaker == "C")
    assert b"MAIL FROM:<bounces@sandbox.test>" in said


def test_what_was_not_sent_has_no_copy_to_file() -> None:
    provider = Provider(PLAIN)
    dispatch = provider.dispatch()
    sending = dispatch.send(message(), sender=None, recipients=None, partial=False, dsn=None, seconds=60)
    receipt = attrs.evolve(provider.world.run(sending), delivery=Delivery.UNKNOWN)
    with pytest.raises(InvalidMessage) as caught:
        provider.world.run(dispatch.file(receipt, message(), seconds=60))
    assert [(problem.field, problem.code) for problem in caught.value.problems] == [("receipt", "receipt.not_sent")]


def test_a_trial_tells_how_long_it_took() -> None:
    for is_dead in (False, True):
        provider = Provider(PLAIN)
        provider.dead |= {"smtp"} if is_dead else set()
        provider.world.run(provider.world.sleep(5.0))
        began = provider.world.time
        tried = provider.world.run(provider.dispatch().test(None, seconds=60, clean_up=False))
        assert (tried.failure is not None) == is_dead
        assert tried.seconds == pytest.approx(provider.world.time - began)


def test_a_connection_that_died_silently_costs_no_more_than_the_time_to_answer() -> None:
    """A router forgets idle connections; nobody is told."""
    provider = Provider(PLAIN)
    dispatch = provider.dispatch(provider.settings(filer=Filer.CLIENT))
    flights(provider, dispatch)
    for protocol in ("smtp", "imap"):
        provider.lines[protocol][-1].fall_silent()
    provider.world.run(provider.world.sleep(11.0))
    assert flights(provider, dispatch) * ROUND_TRIP < ANSWER_SECONDS + 1.0 == 6.0
    assert len(provider.store.submissions) == 2
    assert len(provider.sent_folder()) == 2


def test_an_imap_server_that_says_nothing_does_not_hold_up_what_smtp_has_answered() -> None:
    provider = Provider(PLAIN)
    provider.silent.add("imap")
    dispatch = provider.dispatch(provider.settings(filer=Filer.CLIENT))
    began = provider.world.time
    sending = dispatch.send(message(), sender=None, recipients=None, partial=False, dsn=None, seconds=60)
    receipt = provider.world.run(sending)
    assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.PENDING)
    assert provider.world.time - began < 20.0


class Hesitant:
    """A credential that first answers nothing."""

    kind = CredentialKind.APP_PASSWORD
    mechanisms = ("PLAIN",)

    def answer(self, step: SaslStep) -> bytes:
        return f"\0{step.user}\0{PASSWORD}".encode() if step.challenges else b""


def test_an_empty_first_answer_is_written_as_an_equals_sign() -> None:
    """RFC 4954 section 4, RFC 4959 section 3: without it the server could not tell it from none."""
    provider = Provider(PLAIN)
    dispatch = Dispatch(provider, provider.settings(filer=Filer.CLIENT), Hesitant(), None, 1)
    with contextlib.suppress(SignInRefused):
        flights(provider, dispatch)
    said = b"".join(data for speaker, data in provider.log if speaker == "C")
    assert b"AUTH PLAIN =\r\n" in said
    assert b"AUTHENTICATE PLAIN =\r\n" in said


def test_a_provider_that_files_costs_no_imap() -> None:
    """Where the provider is known to file, no IMAP connection is made."""
    provider = Provider(FILES_ITSELF)
    dispatch = provider.dispatch(provider.settings(filer=Filer.PROVIDER))
    assert flights(provider, dispatch) == 6
    assert flights(provider, dispatch) == 1
    assert not provider.lines["imap"]


def test_several_recipients_cost_one_flight_more() -> None:
    """The answers of several recipients are read before the body is sent."""
    provider = Provider(PLAIN)
    dispatch = provider.dispatch(provider.settings(filer=Filer.NOBODY))
    assert flights(provider, dispatch, recipients=3) == 7
    assert flights(provider, dispatch, recipients=3) == 2


def test_a_server_that_offers_little_still_works() -> None:
    """Without PIPELINING, CHUNKING, LITERAL+ and SASL-IR each answer is waited for."""
    bare = Personality(smtp_extensions=frozenset(), imap_extensions=frozenset(), greeting_capabilities=False)
    provider = Provider(bare)
    dispatch = provider.dispatch(provider.settings(filer=Filer.CLIENT))
    assert flights(provider, dispatch) > 7
    assert len(provider.sent_folder()) == 1


@pytest.mark.parametrize("protocol", ["smtp", "imap"])
def test_a_connection_that_was_reset_while_it_rested_is_replaced(
    protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking such a socket what has come in is an error, not an end."""
    provider = Provider(PLAIN)
    dispatch = provider.dispatch()
    flights(provider, dispatch)
    (line,) = provider.lines[protocol]

    async def reset() -> bytes | None:
        raise Dropped(step=Step.CONNECT)

    monkeypatch.setattr(line, "receive_waiting", reset)
    line.hang_up()
    sending = dispatch.send(message(), sender=None, recipients=None, partial=False, dsn=None, seconds=60)
    receipt = provider.world.run(sending)
    assert (receipt.delivery, receipt.filing, receipt.filing_code) == (Delivery.SENT, Filing.APPENDED, "")
    assert len(provider.lines[protocol]) == 2
    assert len(provider.sent_folder()) == 2
