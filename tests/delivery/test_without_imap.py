"""An account without an IMAP server: mail goes out, and what would need the server says so."""

from __future__ import annotations

import attrs
import pytest

from tether_mailconf import Delivery, Filing, InvalidSettings
from tether_mailconf.sandbox.personality import PLAIN

from ..simulated import Provider
from .test_flights import message


def test_what_would_need_the_server_says_which_setting_is_missing() -> None:
    provider = Provider(PLAIN)
    dispatch = provider.dispatch(attrs.evolve(provider.settings(), imap=None, imap_user=""))
    letter = message()
    letter["Message-ID"] = "<one@sandbox.test>"
    sending = dispatch.send(letter, sender=None, recipients=None, partial=False, dsn=None, seconds=60)
    receipt = provider.world.run(sending)
    assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.OFF)

    unknown = attrs.evolve(receipt, delivery=Delivery.UNKNOWN)
    with pytest.raises(InvalidSettings) as caught:
        provider.world.run(dispatch.resolve(unknown, letter, seconds=60))
    assert [(problem.field, problem.code) for problem in caught.value.problems] == [("imap", "imap.missing")]
    assert "no IMAP server" in str(caught.value)

    pending = attrs.evolve(receipt, filing=Filing.PENDING)
    tried = provider.world.run(dispatch.file(pending, letter, seconds=60))
    assert (tried.filing, tried.filing_code) == (Filing.PENDING, "settings.invalid")
    assert "no IMAP server" in tried.filing_reason
    assert not provider.lines["imap"]
