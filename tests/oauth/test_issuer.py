"""What is known about issuers, and what an issuer may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest

from tether_mailconf import InvalidSettings, aio, oauth, presets
from tether_mailconf._oauth import authorization, issuer
from tether_mailconf._oauth.client import Client
from tether_mailconf.secret import Secret

from .issuers import ISSUER

KNOWN = issuer.ids()
TENANT = "0f5c1c5e-9d3c-4a3e-8f57-6a1a9c1f7a10"


def codes(caught: pytest.ExceptionInfo[InvalidSettings]) -> list[tuple[str, str]]:
    return [(problem.field, problem.code) for problem in caught.value.problems]


@pytest.mark.parametrize("issuer_id", KNOWN)
def test_what_is_known_has_all_that_a_sign_in_needs(issuer_id: str) -> None:
    """The validation holds for each; besides, it says when and where it was looked up."""
    known = oauth.known_issuer(issuer_id)
    assert known.id == issuer_id
    assert known.scopes
    assert known.checked >= "2026-11"
    assert known.sources
    url = authorization.url(
        Client(issuer=known, id="the-client", secret=None, redirect_uri="https://app.example.test/back"),
        state="the-state",
        nonce=Secret("the-nonce"),
        verifier=Secret("v" * 64),
        login="ana@example.test",
    )
    asked = parse_qs(urlsplit(url).query)
    assert asked["scope"] == [" ".join(known.asked_scopes)]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["login_hint"] == ["ana@example.test"]
    assert ("nonce" in asked) == ("openid" in known.asked_scopes)


def test_every_constant_is_one_of_them() -> None:
    """In both colours, and nothing else."""
    constants = ["AOL", "COMCAST", "FASTMAIL", "GOOGLE", "MAIL_RU", "MICROSOFT", "YAHOO", "YANDEX"]
    assert sorted(getattr(oauth, name).id for name in constants) == list(KNOWN)
    assert all(getattr(aio.oauth, name) == getattr(oauth, name) for name in constants)
    with pytest.raises(AttributeError, match="GOGGLE"):
        getattr(oauth, "GOG" + "GLE")


def test_every_preset_that_names_an_issuer_finds_it() -> None:
    """Or a person would be offered a sign-in that does not exist."""
    named = [preset for preset in map(presets.get, presets.ids()) if preset.oauth_issuer]
    assert named
    for preset in named:
        assert oauth.known_issuer(preset.oauth_issuer or "").scopes == preset.oauth_scopes, preset.id


def test_google_is_asked_for_a_refresh_token_each_time() -> None:
    """A second consent brings none otherwise."""
    assert dict(oauth.GOOGLE.authorization_parameters) == {"access_type": "offline", "prompt": "consent"}
    assert oauth.GOOGLE.scopes == ("https://mail.google.com/",)
    assert oauth.GOOGLE.device_authorization_endpoint is None


def test_an_unknown_issuer_is_told_with_those_that_are_known() -> None:
    with pytest.raises(InvalidSettings, match=r"accounts\.google\.com") as caught:
        oauth.known_issuer("login.example.test")
    assert codes(caught) == [("issuer", "issuer.unknown")]


@pytest.mark.parametrize(
    ("tenant", "expected_id", "identifier"),
    [
        ("common", "login.microsoftonline.com", "https://login.microsoftonline.com/{tenantid}/v2.0"),
        (
            "organizations",
            "login.microsoftonline.com/organizations",
            "https://login.microsoftonline.com/{tenantid}/v2.0",
        ),
        (
            "consumers",
            "login.microsoftonline.com/consumers",
            "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
        ),
        (TENANT.upper(), f"login.microsoftonline.com/{TENANT}", f"https://login.microsoftonline.com/{TENANT}/v2.0"),
        (
            "Contoso.onmicrosoft.com",
            "login.microsoftonline.com/contoso.onmicrosoft.com",
            "https://login.microsoftonline.com/{tenantid}/v2.0",
        ),
    ],
)
def test_microsoft_has_one_issuer_for_each_tenant(tenant: str, expected_id: str, identifier: str) -> None:
    """One tenant's tokens are not another's."""
    found = oauth.microsoft(tenant)
    assert (found.id, found.issuer) == (expected_id, identifier)
    assert found.token_endpoint == f"https://login.microsoftonline.com/{tenant.lower()}/oauth2/v2.0/token"
    assert found.device_authorization_endpoint is not None
    assert dict(found.authorization_parameters) == {"prompt": "select_account"}
    assert "offline_access" in found.identity_scopes


@pytest.mark.parametrize(
    ("cloud", "login", "resource"),
    [
        (oauth.MicrosoftCloud.GLOBAL, "login.microsoftonline.com", "outlook.office.com"),
        (oauth.MicrosoftCloud.US_GOVERNMENT, "login.microsoftonline.us", "outlook.office365.us"),
        (oauth.MicrosoftCloud.US_DEFENSE, "login.microsoftonline.us", "outlook-dod.office365.us"),
        (oauth.MicrosoftCloud.CHINA, "login.chinacloudapi.cn", "partner.outlook.cn"),
    ],
)
def test_each_cloud_has_its_own_login_and_one_resource(cloud: oauth.MicrosoftCloud, login: str, resource: str) -> None:
    """A token of two resources is made for the first, and the other refuses it."""
    found = oauth.microsoft("organizations", cloud)
    assert urlsplit(found.authorization_endpoint).hostname == login
    assert {urlsplit(scope).hostname for scope in found.scopes} == {resource}


@pytest.mark.parametrize("tenant", ["", "contoso", "a b.example", "https://x", "../common", "common/x", "x@y.example"])
def test_what_is_no_tenant_is_told(tenant: str) -> None:
    """It would become part of a URL that gets the secret."""
    with pytest.raises(InvalidSettings) as caught:
        oauth.microsoft(tenant)
    assert codes(caught) == [("tenant", "issuer.tenant")]


def test_no_two_clouds_share_their_tokens() -> None:
    assert len({oauth.microsoft("organizations", cloud).id for cloud in oauth.MicrosoftCloud}) == 4


def test_sovereign_clouds_have_no_personal_accounts() -> None:
    with pytest.raises(InvalidSettings, match="global cloud") as caught:
        oauth.microsoft("consumers", oauth.MicrosoftCloud.CHINA)
    assert codes(caught) == [("tenant", "issuer.tenant")]


def test_all_that_is_wrong_with_an_issuer_is_told_at_once() -> None:
    """Each with its field."""
    with pytest.raises(InvalidSettings) as caught:
        oauth.Issuer(
            id="an id",
            label=" ",
            issuer="http://issuer.test",
            authorization_endpoint="https://issuer.test/authorize#here",
            token_endpoint="https://user@issuer.test/token",
            revocation_endpoint="javascript:alert(1)",
            scopes=("mail send",),
            identity_scopes=("open\nid",),
            authorization_parameters={"state": "1", "redirect_uri": "https://elsewhere.test"},
        )
    assert codes(caught) == [
        ("id", "issuer.id"),
        ("label", "issuer.label"),
        ("issuer", "issuer.url"),
        ("authorization_endpoint", "issuer.url"),
        ("token_endpoint", "issuer.url"),
        ("revocation_endpoint", "issuer.url"),
        ("scopes", "issuer.scope"),
        ("identity_scopes", "issuer.scope"),
        ("authorization_parameters", "issuer.parameters"),
    ]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "issuer.test/token",
        "http://issuer.test/token",
        "https:///token",
        "https://issuer.test:0/token",
        "https://issuer.test:99999/token",
        "https://issuer.test\\@evil.test/token",
        "https://issuer.test/to ken",
        "https://issuer.test/token\n",
        "https://issuer.test/\u202etoken",
        "https://[::1/token",
        "https://127.1/token",
        "https://issuer.test/" + "t" * 3000,
    ],
)
def test_an_endpoint_is_https_and_reads_in_one_way_only(url: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        attrs.evolve(ISSUER, token_endpoint=url)
    assert codes(caught) == [("token_endpoint", "issuer.url")]


@pytest.mark.parametrize("scopes", [(), ""])
def test_an_issuer_without_scopes_is_refused(scopes: Any) -> None:
    with pytest.raises(InvalidSettings) as caught:
        attrs.evolve(ISSUER, scopes=scopes)
    assert "scopes" in {problem.field for problem in caught.value.problems}


def test_a_lone_string_is_one_scope() -> None:
    """Not one a letter."""
    assert attrs.evolve(ISSUER, scopes="mail").scopes == ("mail",)


@pytest.mark.parametrize("make", [hash, repr, attrs.asdict])
def test_an_issuer_is_a_value(make: Callable[[oauth.Issuer], object]) -> None:
    assert make(ISSUER) == make(attrs.evolve(ISSUER))
