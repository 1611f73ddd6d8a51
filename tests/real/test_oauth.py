"""Signing in at an issuer that others wrote, and sending through servers that ask it about every token."""

from __future__ import annotations

import time

import pytest

from tests.oauth_host import OWNER, Host
from tests.servers.account import Account, account_on
from tests.servers.dovecot import Dovecot
from tests.servers.oauth_server import EVA, IDENTITY_SCOPES, MAIL_SCOPE, OAuthServer
from tether_mailconf import Delivery, Filing, Receipt, Security, oauth

from .oauth_host import host_at
from .post import BEN, CLARA, MESSAGE_ID, Colour, copies_everywhere, letter, parsed

TWO = "<two@example.test>"

pytestmark = pytest.mark.parametrize("colour", Colour, ids=lambda colour: colour.value)


@pytest.fixture(params=Security, ids=lambda security: security.value)
def account(request: pytest.FixtureRequest, dovecot_oauth: Dovecot) -> Account:
    """An account whose submission and mailboxes take tokens."""
    return account_on(dovecot_oauth, dovecot_oauth, request.param)


@pytest.fixture
def tls_account(dovecot_oauth: Dovecot) -> Account:
    """The same, over TLS only, for tests that are about the issuer."""
    return account_on(dovecot_oauth, dovecot_oauth, Security.TLS)


@pytest.fixture(autouse=True)
def nothing_granted(oauth_server: OAuthServer) -> None:
    """A test starts without what others have agreed to at the issuer: they share it, in any order."""
    oauth_server.revoke()


def known_beforehand(server: OAuthServer) -> oauth.Issuer:
    """Return the issuer by the host's own values."""
    return oauth.Issuer(
        id="issuer.example.test",
        label="The issuer",
        issuer=server.issuer,
        authorization_endpoint=f"{server.issuer}/authorize/",
        token_endpoint=f"{server.issuer}/token/",
        revocation_endpoint=f"{server.issuer}/revoke_token/",
        userinfo_endpoint=f"{server.issuer}/userinfo/",
        scopes=(MAIL_SCOPE,),
        identity_scopes=IDENTITY_SCOPES,
    )


def signed_in(host: Host, server: OAuthServer) -> oauth.OAuthToken:
    """Sign the person of the issuer in, who agrees."""
    pending = host.begin()
    return host.complete(pending, server.consent(pending.url))


def refreshes(server: OAuthServer) -> list[int]:
    """Return the statuses that the issuer has answered refreshes with so far."""
    return [asked.status for asked in server.asked(grant_type="refresh_token")]


def check_sent(account: Account, receipt: Receipt, *, count: int = 1, message_id: str = MESSAGE_ID) -> None:
    """Hold that a message left as the last of so many, and that one copy of it is in Sent and nowhere else."""
    assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.APPENDED)
    gone = account.received(count)
    assert len(gone) == count
    assert parsed(gone[-1].content)["Message-ID"] == message_id
    assert set(gone[-1].recipients) == {BEN, CLARA}
    assert copies_everywhere(account, message_id) == ["Sent"]


@pytest.mark.parametrize("is_described", [True, False], ids=["describes itself", "known beforehand"])
def test_a_person_signs_in_and_mail_goes_out(
    oauth_server: OAuthServer, account: Account, colour: Colour, is_described: bool
) -> None:
    """Begin, consent, complete, send: one message leaves, one copy stays, and the token needs no refresh."""
    before = len(refreshes(oauth_server))
    issuer = None if is_described else known_beforehand(oauth_server)
    with host_at(colour, oauth_server, account, oauth_server.client, issuer) as host:
        token = signed_in(host, oauth_server)
        assert token.account_verified
        assert host.status().state is oauth.TokenState.READY
        receipt, second = host.send(token, letter(), letter(message_id=TWO))
        later = host.send(host.token(), letter(message_id="<three@example.test>"))
    check_sent(account, later[0], count=3, message_id="<three@example.test>")
    assert {receipt.filing, second.filing} == {Filing.APPENDED}
    assert copies_everywhere(account) == copies_everywhere(account, TWO) == ["Sent"]
    assert len(refreshes(oauth_server)) == before


def test_an_expired_token_is_refreshed_once(oauth_server: OAuthServer, account: Account, colour: Colour) -> None:
    """Both servers, both messages and the next Mailer live on one refresh."""
    before = refreshes(oauth_server)
    client = oauth_server.brief_client
    with host_at(colour, oauth_server, account, client) as host:
        token = signed_in(host, oauth_server)
        time.sleep(client.token_seconds + 0.1)
        (receipt,) = host.send(token, letter())
        check_sent(account, receipt)
        assert refreshes(oauth_server) == [*before, 200]
        (second,) = host.send(host.token(), letter(message_id=TWO))
    check_sent(account, second, count=2, message_id=TWO)
    assert refreshes(oauth_server) == [*before, 200]


def test_a_revoked_sign_in_sends_nothing_and_needs_a_new_one(
    oauth_server: OAuthServer, tls_account: Account, colour: Colour
) -> None:
    """The person takes it back at the issuer while the token still looks fresh; signing in again mends it."""
    with host_at(colour, oauth_server, tls_account, oauth_server.client) as host:
        token = signed_in(host, oauth_server)
        (receipt,) = host.send(token, letter())
        check_sent(tls_account, receipt)

        oauth_server.revoke()
        before = refreshes(oauth_server)
        with pytest.raises(oauth.SignInNeeded) as caught:
            host.send(token, letter(message_id=TWO))
        assert caught.value.receipt is not None
        assert caught.value.receipt.delivery is Delivery.NOT_SENT
        assert (caught.value.address, caught.value.owner) == (tls_account.user, OWNER)
        assert caught.value.code == "oauth.revoked"
        assert refreshes(oauth_server) == [*before, 400]
        assert host.status().state is oauth.TokenState.NEEDS_SIGN_IN
        assert len(tls_account.received(1)) == 1
        assert copies_everywhere(tls_account, TWO) == []

        (again,) = host.send(signed_in(host, oauth_server), letter(message_id=TWO))
    check_sent(tls_account, again, count=2, message_id=TWO)


def test_disconnecting_revokes_at_the_issuer(oauth_server: OAuthServer, tls_account: Account, colour: Colour) -> None:
    """Nothing is left of it there or here."""
    assert oauth_server.grants() == 0
    with host_at(colour, oauth_server, tls_account, oauth_server.client) as host:
        token = signed_in(host, oauth_server)
        assert oauth_server.grants() == 1
        gone = host.disconnect()
        assert (gone.revoked, gone.code) == (True, "oauth.disconnected")
        assert oauth_server.grants() == 0
        assert host.status().state is oauth.TokenState.ABSENT
        with pytest.raises(oauth.SignInNeeded):
            host.token()
        with pytest.raises(oauth.SignInNeeded) as caught:
            host.send(token, letter())
    assert caught.value.receipt is not None
    assert caught.value.receipt.delivery is Delivery.NOT_SENT
    assert tls_account.received() == []


def test_a_sign_in_that_goes_wrong_stores_nothing(
    oauth_server: OAuthServer, tls_account: Account, colour: Colour
) -> None:
    """Somebody else signs in; the person cancels; a callback comes twice."""
    with host_at(colour, oauth_server, tls_account, oauth_server.client, known_beforehand(oauth_server)) as host:
        pending = host.begin()
        with pytest.raises(oauth.SignInFailed) as caught:
            host.complete(pending, oauth_server.consent(pending.url, EVA))
        assert caught.value.code == "oauth.wrong_account"
        oauth_server.revoke(EVA)

        pending = host.begin()
        with pytest.raises(oauth.SignInFailed) as caught:
            host.complete(pending, oauth_server.deny(pending.url))
        assert caught.value.code == "oauth.denied"
        assert host.status().state is oauth.TokenState.ABSENT

        pending = host.begin()
        callback_url = oauth_server.consent(pending.url)
        host.complete(pending, callback_url)
        with pytest.raises(oauth.SignInFailed) as caught:
            host.complete(pending, callback_url)
        assert caught.value.code == "oauth.used"
        assert host.status().state is oauth.TokenState.READY
