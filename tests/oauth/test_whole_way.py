"""From the first click to the last: a person signs in, mail goes out, tokens end and are renewed, access is given back.

Everything is real but the provider: the browser's requests, the issuer, both mail servers, TLS."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest

from tests.oauth_host import Host
from tether_mailconf import Delivery, Filer, Filing, SignInRefused, aio, oauth
from tether_mailconf.sandbox import Sandbox

from .acts import letter, refreshes, signed_in
from .conftest import host_of


def test_sign_in_send_renew_and_give_back(host: Host, sandbox: Sandbox) -> None:
    """The demo's fourth act, in both colours, with every promise looked at."""
    assert host.status().state is oauth.TokenState.ABSENT
    token = signed_in(host, sandbox)
    assert (token.code, token.account_verified) == ("oauth.token_generated", True)
    assert token.sentence == f"Success: the {host.issuer.label} token for {host.settings.address} was generated."
    status = host.status()
    assert (status.state, status.account_verified) == (oauth.TokenState.READY, True)

    (receipt,) = host.send(token, letter(host))
    assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.APPENDED)
    assert refreshes(sandbox) == []

    sandbox.oauth.expire_tokens()
    (second, third) = host.send(host.token(), letter(host, "<two@sandbox.test>"), letter(host, "<three@sandbox.test>"))
    assert {second.filing, third.filing} == {Filing.APPENDED}
    assert refreshes(sandbox) == [200], "one refresh for both servers and both messages"
    assert len(sandbox.submissions) == len(sandbox.sent()) == 3

    gone = host.disconnect()
    assert (gone.revoked, gone.code) == (True, "oauth.disconnected")
    assert host.status().state is oauth.TokenState.ABSENT
    assert (host.disconnect().revoked, host.disconnect().code) == (False, "oauth.nothing_stored")
    with pytest.raises(oauth.SignInNeeded) as caught:
        host.send(token, letter(host, "<four@sandbox.test>"))
    assert caught.value.code == "oauth.never_signed_in"
    assert len(sandbox.submissions) == 3


def test_what_a_person_takes_back_needs_a_new_sign_in(host: Host, sandbox: Sandbox) -> None:
    """One refused token, one forced refresh, a clear end, and a new beginning that works."""
    token = signed_in(host, sandbox)
    sandbox.oauth.revoke_grants()
    with pytest.raises(oauth.SignInNeeded) as caught:
        host.send(token, letter(host))
    assert caught.value.code == "oauth.revoked"
    assert refreshes(sandbox) == [400]
    assert host.status().state is oauth.TokenState.NEEDS_SIGN_IN
    with pytest.raises(oauth.SignInNeeded):
        host.send(token, letter(host))
    assert refreshes(sandbox) == [400], "it is not asked for again and again"

    assert (caught.value.address, caught.value.owner) == (host.settings.address, host.owner)
    (receipt,) = host.send(signed_in(host, sandbox), letter(host))
    assert receipt.delivery is Delivery.SENT
    (again,) = host.send(token, letter(host, "<two@sandbox.test>"))
    assert again.delivery is Delivery.SENT, "the old object looks into the same store"


def test_a_sign_in_for_a_time_says_when_it_ends(host: Host, sandbox: Sandbox) -> None:
    """What Google gives who picked access for a time: its end is known from the first day."""
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, rotates=False, sign_in_seconds=7 * 86_400)
    token = signed_in(host, sandbox)
    status = host.status()
    assert status.signed_in_at is not None
    assert status.sign_in_ends_at is not None
    assert abs(status.sign_in_ends_at - status.signed_in_at - timedelta(days=7)) < timedelta(seconds=30)
    sandbox.oauth.expire_tokens()
    host.send(token, letter(host))
    assert refreshes(sandbox) == [200]
    after = host.status().sign_in_ends_at
    assert after is not None, "a renewal does not put it off"
    assert abs(after - status.sign_in_ends_at) < timedelta(seconds=30)


def test_a_sign_in_for_a_time_is_over_at_its_end(host: Host, sandbox: Sandbox) -> None:
    token = signed_in(host, sandbox)
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, sign_in_seconds=0)
    sandbox.oauth.expire_tokens()
    with pytest.raises(oauth.SignInNeeded):
        host.send(token, letter(host))


def test_a_sign_in_without_an_end_says_none(host: Host, sandbox: Sandbox) -> None:
    signed_in(host, sandbox)
    assert host.status().sign_in_ends_at is None


def test_a_token_that_servers_refuse_is_renewed_once(host: Host, sandbox: Sandbox) -> None:
    """XOAUTH2's refusal leads to one refresh and one more try, for both servers together."""
    token = signed_in(host, sandbox)
    sandbox.oauth.expire_tokens()
    (receipt,) = host.send(token, letter(host))
    assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.APPENDED)
    assert refreshes(sandbox) == [200]


def test_a_token_that_is_refused_whatever_is_done(host: Host, sandbox: Sandbox) -> None:
    """As where the tenant has switched SMTP AUTH off: no storm of refreshes at the issuer."""
    token = signed_in(host, sandbox)
    host.settings = attrs.evolve(host.settings, smtp_user="nobody@sandbox.test", imap_user="nobody@sandbox.test")
    for _ in range(3):
        with pytest.raises(SignInRefused):
            host.send(token, letter(host))
    assert refreshes(sandbox) == [200]
    assert host.status().state is oauth.TokenState.READY


def test_two_owners_of_one_address_are_kept_apart(host: Host, sandbox: Sandbox) -> None:
    """A tenant's tokens are nobody else's."""
    signed_in(host, sandbox)
    host.owner = "tenant8/user1"
    assert host.status().state is oauth.TokenState.ABSENT
    with pytest.raises(oauth.SignInNeeded):
        host.token()


def test_the_url_asks_for_all_that_it_must(host: Host, sandbox: Sandbox) -> None:
    """PKCE with S256, a state of 256 bits, the address, the scopes."""
    pending = host.begin()
    asked = {name: values[0] for name, values in parse_qs(urlsplit(pending.url).query).items()}
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert len(asked["state"]) >= 43
    assert asked["login_hint"] == host.settings.address
    assert asked["redirect_uri"] == sandbox.oauth.redirect_uri
    assert asked["scope"].split() == list(host.issuer.asked_scopes)
    assert host.begin().state != pending.state


# -- the callback ------------------------------------------------------------------------------------------------------


def test_a_callback_completes_once(host: Host, sandbox: Sandbox) -> None:
    """Replayed, it changes nothing."""
    pending = host.begin()
    callback_url = sandbox.oauth.consent(pending.url)
    host.complete(pending, callback_url)
    with pytest.raises(oauth.SignInFailed) as caught:
        host.complete(pending, callback_url)
    assert caught.value.code == "oauth.used"
    assert host.status().state is oauth.TokenState.READY


def test_a_callback_belongs_to_who_began_it(host: Host, sandbox: Sandbox) -> None:
    """Another sign-in's state, another owner, another address: none gets a token, and the right one still can."""
    pending, other = host.begin(), host.begin()
    callback_url = sandbox.oauth.consent(pending.url)
    with pytest.raises(oauth.SignInFailed) as caught:
        host.complete(other, callback_url)
    assert caught.value.code == "oauth.state_mismatch"
    with pytest.raises(oauth.SignInFailed) as caught:
        host.complete(pending, callback_url, owner="tenant8/user1")
    assert caught.value.code == "oauth.pending_mismatch"
    tampered = attrs.evolve(pending, address="eva@sandbox.test", login="eva@sandbox.test")
    with pytest.raises(oauth.SignInFailed) as caught:
        host.complete(tampered, callback_url)
    assert caught.value.code == "oauth.pending_mismatch"
    assert host.complete(pending, callback_url).account_verified


def test_a_person_who_says_no(host: Host, sandbox: Sandbox) -> None:
    pending = host.begin()
    with pytest.raises(oauth.SignInFailed) as caught:
        host.complete(pending, sandbox.oauth.deny(pending.url))
    assert (caught.value.code, caught.value.mender) == ("oauth.denied", oauth.Mender.PERSON)
    assert host.status().state is oauth.TokenState.ABSENT


def test_a_person_who_unticks_mail(host: Host, sandbox: Sandbox) -> None:
    """Google lets them; the token would be of no use."""
    pending = host.begin()
    with pytest.raises(oauth.SignInFailed) as caught:
        host.complete(pending, sandbox.oauth.consent(pending.url, unticked=("mail",)))
    assert caught.value.code == "oauth.scope_missing"
    assert host.status().state is oauth.TokenState.ABSENT


def test_somebody_else_signs_in(host: Host, sandbox: Sandbox) -> None:
    """The browser was signed in to another account; mail would go out from the wrong one."""
    sandbox.add_account("eva@sandbox.test", "secret")
    signed_in(host, sandbox)
    pending = host.begin()
    with pytest.raises(oauth.SignInFailed) as caught:
        host.complete(pending, sandbox.oauth.consent(pending.url, "eva@sandbox.test"))
    assert caught.value.code == "oauth.wrong_account"
    assert "eva@sandbox.test" in caught.value.detail
    (receipt,) = host.send(host.token(), letter(host))
    assert receipt.delivery is Delivery.SENT, "what was stored before is as it was"


def test_a_delegate_signs_in_for_a_shared_mailbox(host: Host, sandbox: Sandbox) -> None:
    """The login is not the address; the issuer confirms the login."""
    sandbox.add_account("eva@sandbox.test", "secret")
    pending = host.begin(login="eva@sandbox.test")
    token = host.complete(pending, sandbox.oauth.consent(pending.url, "eva@sandbox.test"))
    assert (token.address, token.account_verified) == (host.settings.address, True)


# -- the issuer describes itself ---------------------------------------------------------------------------------------


def test_an_issuer_that_describes_itself(host: Host, sandbox: Sandbox) -> None:
    """No endpoint was typed in, and the whole way works."""
    learnt = host.learn(sandbox.oauth.issuer.issuer, scopes=("mail",))
    assert learnt.token_endpoint == sandbox.oauth.issuer.token_endpoint
    assert (learnt.sends_iss, learnt.checks_pkce) == (True, True)
    (receipt,) = host.send(signed_in(host, sandbox), letter(host))
    assert receipt.delivery is Delivery.SENT


# -- a store that has lost something -----------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["sign in", "disconnect"])
def test_what_cannot_be_read_any_more_can_be_replaced(sandbox: Sandbox, tmp_path: Path, ending: str) -> None:
    """The key was changed, and the old one is not given: it is told, and neither way out is barred."""
    path, old, new = tmp_path / "tokens", oauth.SqliteTokenStore.new_key(), oauth.SqliteTokenStore.new_key()
    with host_of(sandbox, is_async=False, store=oauth.SqliteTokenStore(path, key=old)) as host:
        signed_in(host, sandbox)
        oauth.SqliteTokenStore(path, key=[new, old])
        host.store = oauth.SqliteTokenStore(path, key=new)
        for look in (host.token, host.status):
            with pytest.raises(oauth.Unreadable, match="a key that was not given"):
                look()
        if ending == "disconnect":
            assert not host.disconnect().revoked
            assert host.status().state is oauth.TokenState.ABSENT
        else:
            (receipt,) = host.send(signed_in(host, sandbox), letter(host))
            assert receipt.delivery is Delivery.SENT


# -- one store for all -------------------------------------------------------------------------------------------------


def test_pending_and_status_are_plain_data(host: Host, sandbox: Sandbox) -> None:
    """They go through a web session as JSON."""
    pending = host.begin()
    kept = json.loads(json.dumps(pending.to_dict()))
    assert oauth.PendingSignIn.from_dict(kept) == pending
    assert aio.oauth.PendingSignIn is oauth.PendingSignIn
    assert Filer.CLIENT is host.settings.sent.filer
    assert host.complete(pending, sandbox.oauth.consent(pending.url)).account_verified
