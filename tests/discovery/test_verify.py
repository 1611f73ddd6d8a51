"""Signing in with candidates: in order, to nobody who is not believed, and to no server more than twice."""

from __future__ import annotations

import attrs
import pytest

from tests.oauth import renewing
from tests.oauth.issuers import CLIENT, ISSUER
from tests.simulated import ADDRESS, PASSWORD
from tether_mailconf import (
    AppPassword,
    Candidate,
    ConnectionSettings,
    CredentialKind,
    Discovery,
    Endpoint,
    Password,
    Security,
    Source,
    Trust,
    oauth,
    presets,
)
from tether_mailconf.credentials import Credential
from tether_mailconf.credentials.token import TokenSource
from tether_mailconf.discovery.verify import verify
from tether_mailconf.token_stores.memory import MemoryTokenStore

from .asked import AUTOCONFIG, document, found_in
from .world import Internet, Port

USER = "ana"
MAIL = frozenset({("smtp.a.example", 465), ("imap.a.example", 993), ("smtp.b.example", 465), ("imap.b.example", 993)})


def candidate(
    name: str = "a",
    smtp_user: str = ADDRESS,
    imap_user: str = ADDRESS,
    trust: Trust = Trust.HTTPS,
    preset: str = "custom",
) -> Candidate:
    return Candidate(
        settings=ConnectionSettings(
            address=ADDRESS,
            preset=preset,
            smtp=Endpoint(host=f"smtp.{name}.example", port=465, security=Security.TLS),
            imap=Endpoint(host=f"imap.{name}.example", port=993, security=Security.TLS),
            smtp_user=smtp_user,
            imap_user=imap_user,
            credential=CredentialKind.PASSWORD,
        ),
        source=Source.AUTOCONFIG,
        origin="a test",
        trust=trust,
    )


def tried(
    *candidates: Candidate, credential: Credential | TokenSource | None = None, port: Port | None = None
) -> Discovery:
    port = port or Port(Internet(mail=set(MAIL)))
    found = Discovery(address=ADDRESS, candidates=candidates)
    return port.world.run(verify(port, found, credential or AppPassword(PASSWORD), port.deadline(30.0)))


def sign_ins(port: Port) -> int:
    return sum(b"AUTH" in data or b" LOGIN " in data for who, data in port.log if who == "C")


def test_the_first_that_lets_us_in_is_the_one() -> None:
    found = tried(candidate("dead"), candidate("b"), candidate("a"))
    assert found.best is not None
    assert found.best is found.verified
    assert found.best.settings.smtp.host == "smtp.b.example"
    assert found.best.settings.credential is CredentialKind.APP_PASSWORD
    assert [(one.endpoint.host, one.accepted) for one in found.attempts] == [
        ("smtp.dead.example", None),
        ("smtp.b.example", True),
        ("imap.b.example", True),
    ]


def test_each_form_of_the_user_name_is_tried_for_each_server() -> None:
    port = Port(Internet(mail=set(MAIL)))
    port.store = type(port.store)(port.store.personality, port.world.now)
    port.store.add_account("someone@else.example", PASSWORD, user=USER)
    port.store.add_account(ADDRESS, "another password")
    forms = [candidate(smtp_user=smtp, imap_user=imap) for smtp in (ADDRESS, USER) for imap in (ADDRESS, USER)]
    found = tried(*forms, port=port)
    assert found.verified is not None
    assert (found.verified.settings.smtp_user, found.verified.settings.imap_user) == (USER, USER)
    assert [(one.endpoint.host, one.user, one.accepted) for one in found.attempts] == [
        ("smtp.a.example", ADDRESS, False),
        ("smtp.a.example", USER, True),
        ("imap.a.example", ADDRESS, False),
        ("imap.a.example", USER, True),
    ]
    assert sign_ins(port) == 4


def test_a_wrong_password_is_shown_twice_to_a_server_at_most() -> None:
    port = Port(Internet(mail=set(MAIL)))
    forms = [
        candidate(name, smtp_user=smtp, imap_user=imap)
        for name in ("a", "b")
        for smtp in (ADDRESS, USER, "third")
        for imap in (ADDRESS, USER, "third")
    ]
    found = tried(*forms, credential=Password("wrong"), port=port)
    assert found.verified is None
    made = [(one.endpoint.host, one.user) for one in found.attempts if one.accepted is False]
    assert made == [(f"smtp.{name}.example", user) for name in "ab" for user in (ADDRESS, USER)]
    assert sign_ins(port) == len(made)
    assert "wrong" not in str(found)
    assert "wrong" not in repr(found.to_dict())


def test_a_candidate_that_nobody_confirmed_is_not_shown_the_password() -> None:
    port = Port(Internet(mail=set(MAIL)))
    unproven = candidate("a", trust=Trust.UNPROVEN)
    found = tried(unproven, port=port)
    assert (found.attempts, found.verified, port.dialled) == ((), None, [])
    confirmed = tried(*found.confirm(unproven).candidates)
    assert confirmed.verified is not None


def test_a_kind_of_credential_that_the_provider_does_not_take_is_not_shown_to_it() -> None:
    port = Port(Internet(mail=set(MAIL)))
    found = tried(candidate("a", preset="gmail"), credential=Password(PASSWORD), port=port)
    assert (found.verified, port.dialled) == (None, [])
    assert {one.accepted for one in found.attempts} == {None}
    assert "does not take" in found.attempts[0].said


def test_discovery_and_sign_in_in_one_go() -> None:
    page = document("smtp.a.example", "imap.a.example")
    domain = ADDRESS.partition("@")[2]
    page = attrs.evolve(page, body=page.body.replace(b"acme.example", domain.encode()))
    internet = Internet(pages={AUTOCONFIG.replace("acme.example", domain): page}, mail=set(MAIL))
    found, port = found_in(internet, ADDRESS, credential=AppPassword(PASSWORD))
    assert found.verified is not None
    assert found.verified.settings.imap is not None
    assert all(PASSWORD.encode() not in shown for shown in port.shown)


@pytest.mark.parametrize("dead", ["smtp.a.example", "imap.a.example"])
def test_one_server_of_two_is_not_enough(dead: str) -> None:
    port = Port(Internet(mail={(host, number) for host, number in MAIL if host != dead}))
    found = tried(candidate("a"), candidate("a", smtp_user=USER, imap_user=USER), port=port)
    assert found.verified is None
    assert {one.endpoint.host: one.accepted for one in found.attempts if one.user == ADDRESS}[dead] is None


def test_the_hosts_of_one_domain_count_their_refusals_together() -> None:
    """smtp. and mail. are often one machine, which locks the account."""
    hosts = ("smtp.acme.example", "mail.acme.example", "acme.example")
    port = Port(Internet(mail={(host, 465) for host in hosts}))
    several = [
        attrs.evolve(
            candidate(),
            settings=attrs.evolve(
                candidate().settings,
                smtp=Endpoint(host=host, port=465, security=Security.TLS),
                imap=None,
                imap_user="",
                smtp_user=user,
            ),
        )
        for host in hosts
        for user in (ADDRESS, USER)
    ]
    found = tried(*several, credential=Password("wrong"), port=port)
    assert sign_ins(port) == 2
    assert [one.accepted for one in found.attempts].count(False) == 2


def test_a_token_is_shown_to_its_providers_servers_or_to_confirmed_ones_only() -> None:
    """Whoever gets it opens the whole mailbox with it."""
    port = Port(Internet(mail=set(MAIL)))
    token = oauth.BearerToken("the-token")
    found = tried(candidate("a"), credential=token, port=port)
    assert (found.verified, port.dialled) == (None, [])
    assert "confirm" in found.attempts[0].said
    tried(candidate("a", trust=Trust.CONFIRMED), credential=token, port=port)
    assert port.dialled


@pytest.mark.parametrize(
    ("issuer", "preset", "is_shown"),
    [
        ("accounts.google.com", "gmail", True),
        ("accounts.google.com/service-account", "google_workspace", True),
        ("login.microsoftonline.com/acme.example", "microsoft_365", True),
        ("login.microsoftonline.com", "gmail", False),
        ("accounts.google.com", "microsoft_365", False),
        ("accounts.google.com.acme.example", "gmail", False),
        ("https://issuer.acme.example", "gmail", False),
    ],
)
def test_a_token_is_shown_to_no_provider_that_takes_another_issuers(issuer: str, preset: str, is_shown: bool) -> None:
    port = Port(Internet(mail=set(MAIL)))
    token = signed_in_at(issuer, port)
    found = tried(candidate("a", preset=preset), credential=token, port=port)
    assert bool(port.dialled) is is_shown
    assert ("the token is not one of" in found.attempts[0].said) is not is_shown


def signed_in_at(issuer: str, port: Port) -> oauth.OAuthToken:
    """Return the token of an account that has signed in at this issuer, good for an hour."""
    client = attrs.evolve(CLIENT, issuer=attrs.evolve(ISSUER, id=issuer))
    now = port.now().timestamp()
    return renewing.account(MemoryTokenStore(), client, issued_at=now, expires_at=now + 3600)


def test_an_app_password_finds_the_old_way() -> None:
    """gmail.com is offered with a sign-in; who has an app password gets the preset for it."""
    port = Port(Internet(mail={("smtp.gmail.com", 465), ("imap.gmail.com", 993)}))
    gmail = presets.GMAIL.settings(ADDRESS)
    found = tried(attrs.evolve(candidate(), settings=gmail, trust=Trust.CATALOGUE), port=port)
    assert found.verified is not None
    assert found.verified in found.candidates
    assert found.verified.settings.preset == "gmail_app_password"
    assert found.verified.settings.credential is CredentialKind.APP_PASSWORD


def test_a_person_confirms_servers_whatever_the_user_name() -> None:
    forms = [candidate("a", smtp_user=user, trust=Trust.UNPROVEN) for user in ("wrong-form", ADDRESS)]
    found = Discovery(address=ADDRESS, candidates=tuple(forms)).confirm(forms[1])
    assert [one.settings.smtp_user for one in found.candidates] == [ADDRESS, "wrong-form"]
    assert {one.trust for one in found.candidates} == {Trust.CONFIRMED}


def test_a_slip_gets_no_password() -> None:
    found, port = found_in(
        Internet(
            pages={"https://autoconfig.gmial.com/mail/config-v1.1.xml": document("smtp.a.example", "imap.a.example")}
        ),
        "ana@gmial.com",
        credential=AppPassword(PASSWORD),
    )
    assert found.best is not None
    assert (found.attempts, port.log) == ((), [])
