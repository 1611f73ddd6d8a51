"""An account moves from its password to the sign-in, or stays as it is."""

from __future__ import annotations

import attrs
import pytest

from tests.oauth_host import Host
from tether_mailconf import Delivery, SignInRefused, oauth, presets
from tether_mailconf.sandbox import Sandbox

from .acts import letter, signed_in


def test_an_account_moves_from_its_password_to_the_sign_in(host: Host, sandbox: Sandbox) -> None:
    """The new way is proved at both servers, then the old secret is wiped."""
    token = signed_in(host, sandbox)
    old = sandbox.credential
    host.settings = attrs.evolve(sandbox.settings, sent=host.settings.sent, display_name="Ana")
    after = host.migrate(old, token, preset="custom")
    assert (after.credential, after.address) == (oauth.OAuthToken.kind, host.settings.address)
    assert (after.display_name, after.smtp, after.imap) == ("Ana", host.settings.smtp, host.settings.imap)
    with pytest.raises(SignInRefused):
        host.send(old, letter(host))
    host.settings = after
    (receipt,) = host.send(token, letter(host))
    assert receipt.delivery is Delivery.SENT


def test_a_new_way_that_does_not_work_leaves_the_old_one(host: Host, sandbox: Sandbox) -> None:
    token = signed_in(host, sandbox)
    sandbox.oauth.revoke_grants()
    old = sandbox.credential
    before = host.settings = attrs.evolve(sandbox.settings, sent=host.settings.sent)
    with pytest.raises(oauth.SignInNeeded):
        host.migrate(old, token, preset="custom")
    assert host.settings == before
    (receipt,) = host.send(old, letter(host))
    assert receipt.delivery is Delivery.SENT


def test_only_an_account_that_has_the_old_way_is_shown_both() -> None:
    """OLD and NEW are data of the presets."""
    gmail, old = presets.GMAIL, presets.GMAIL_APP_PASSWORD
    assert (gmail.is_old, old.is_old, old.superseded_by) == (False, True, gmail.id)
    assert old not in presets.offered(None)
    assert gmail in presets.offered(None)
    assert {old, gmail} <= set(presets.offered(old.id))
