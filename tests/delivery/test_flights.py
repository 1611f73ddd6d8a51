"""How many round trips an operation takes, counted in a simulated world: the numbers the design promises."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from tether_mailconf.delivery.dispatch import Dispatch
from tether_mailconf.delivery.receipt import Filing
from tether_mailconf.sandbox.personality import FILES_ITSELF, PLAIN, Personality
from tether_mailconf.settings import Filer, Security

from ..simulated import ROUND_TRIP, Provider


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
