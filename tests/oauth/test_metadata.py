"""What an issuer says about itself, and what of it is believed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tether_mailconf import InvalidSettings, oauth
from tether_mailconf._oauth.metadata import issuer_from_metadata, metadata_urls

URL = "https://login.example.test/tenant"


def document(**changed: Any) -> bytes:
    """A good description, with some of it changed; `...` takes one away."""
    good = {
        "issuer": URL,
        "authorization_endpoint": "https://login.example.test/tenant/authorize",
        "token_endpoint": "https://login.example.test/tenant/token",
        "revocation_endpoint": "https://login.example.test/tenant/revoke",
        "userinfo_endpoint": "https://login.example.test/tenant/userinfo",
        "device_authorization_endpoint": "https://login.example.test/tenant/device",
        "introspection_endpoint": "https://login.example.test/tenant/introspect",
        "response_types_supported": ["code", "id_token"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "code_challenge_methods_supported": ["plain", "S256"],
        "authorization_response_iss_parameter_supported": True,
        "scopes_supported": ["openid", "email", "offline_access", "mail"],
    }
    return json.dumps({name: value for name, value in (good | changed).items() if value is not ...}).encode()


def read(content: bytes, *hosts: str) -> oauth.Issuer:
    return issuer_from_metadata(
        content, issuer_url=URL, scopes=("mail",), identity_scopes=("openid", "email"), endpoint_hosts=hosts
    )


def problems(content: bytes, *hosts: str) -> list[tuple[str, str]]:
    with pytest.raises(InvalidSettings) as caught:
        read(content, *hosts)
    return [(problem.field, problem.code) for problem in caught.value.problems]


def test_a_good_description_makes_an_issuer() -> None:
    """All that it says is taken over, and a refresh token is asked for."""
    issuer = read(document())
    assert issuer == oauth.Issuer(
        id=URL,
        label="login.example.test",
        issuer=URL,
        authorization_endpoint=f"{URL}/authorize",
        token_endpoint=f"{URL}/token",
        revocation_endpoint=f"{URL}/revoke",
        userinfo_endpoint=f"{URL}/userinfo",
        device_authorization_endpoint=f"{URL}/device",
        introspection_endpoint=f"{URL}/introspect",
        scopes=("mail",),
        identity_scopes=("openid", "email", "offline_access"),
        authorization_parameters={"prompt": "consent"},
        client_authentication=oauth.ClientAuthentication.POST,
        checks_pkce=True,
        sends_iss=True,
    )


def test_as_little_as_a_description_can_say() -> None:
    """RFC 8414 section 2 tells what holds then."""
    issuer = read(
        json.dumps({"issuer": URL, "authorization_endpoint": f"{URL}/a", "token_endpoint": f"{URL}/t"}).encode()
    )
    assert issuer.client_authentication is oauth.ClientAuthentication.BASIC
    assert (issuer.checks_pkce, issuer.sends_iss, issuer.revocation_endpoint) == (False, False, None)
    assert issuer.identity_scopes == ("openid", "email")


def test_identity_scopes_that_are_not_supported_are_not_asked_for() -> None:
    """A server without OpenID Connect refuses a request that has "openid"."""
    assert read(document(scopes_supported=["mail"])).identity_scopes == ()


@pytest.mark.parametrize(
    ("methods", "expected"),
    [
        (["client_secret_basic", "client_secret_post"], oauth.ClientAuthentication.BASIC),
        (["client_secret_post"], oauth.ClientAuthentication.POST),
        (["none"], oauth.ClientAuthentication.POST),
        ([], oauth.ClientAuthentication.BASIC),
        ("client_secret_post", oauth.ClientAuthentication.BASIC),
    ],
)
def test_how_the_secret_is_shown(methods: object, expected: oauth.ClientAuthentication) -> None:
    assert read(document(token_endpoint_auth_methods_supported=methods)).client_authentication is expected


@pytest.mark.parametrize(
    "told", [..., None, "", "https://login.example.test", f"{URL}/", "https://evil.test", 7, [URL]]
)
def test_a_description_of_somebody_else_is_refused(told: object) -> None:
    """RFC 8414 section 3.3."""
    assert problems(document(issuer=told)) == [("issuer", "metadata.issuer")]


@pytest.mark.parametrize(
    "name", ["authorization_endpoint", "token_endpoint", "revocation_endpoint", "userinfo_endpoint"]
)
@pytest.mark.parametrize(
    "host",
    ["evil.test", "login.example.test.evil.test", "evil-login.example.test", "example.test", "xlogin.example.test"],
)
def test_an_endpoint_on_a_foreign_host_is_refused(name: str, host: str) -> None:
    """It would get the client secret, or the person's password."""
    assert problems(document(**{name: f"https://{host}/x"})) == [(name, "metadata.foreign_endpoint")]
    assert getattr(read(document(**{name: f"https://{host}/x"}), host.upper()), name) == f"https://{host}/x"


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example.test/token",
        "https://login.example.test@evil.test/token",
        "https://evil.test\\@login.example.test/token",
        "https://login.example.test/token#fragment",
        "//login.example.test/token",
    ],
)
def test_an_endpoint_that_is_no_plain_https_address_is_refused(url: str) -> None:
    assert problems(document(token_endpoint=url)) == [("token_endpoint", "metadata.endpoint")]


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert problems(
        document(
            issuer="https://evil.test",
            authorization_endpoint=...,
            token_endpoint="https://evil.test/token",
            revocation_endpoint=5,
            response_types_supported=["token"],
            token_endpoint_auth_methods_supported=["private_key_jwt"],
        )
    ) == [
        ("issuer", "metadata.issuer"),
        ("authorization_endpoint", "metadata.endpoint_missing"),
        ("token_endpoint", "metadata.foreign_endpoint"),
        ("revocation_endpoint", "metadata.endpoint_missing"),
        ("response_types_supported", "metadata.no_code"),
        ("token_endpoint_auth_methods_supported", "metadata.client_authentication"),
    ]


@pytest.mark.parametrize(
    "content", [b"", b"null", b"[]", b'"text"', b"<html>", b"\xff", b"[" * 100_000, b'{"issuer": ' * 50_000]
)
def test_what_is_no_description_is_told(content: bytes) -> None:
    assert problems(content) == [("url", "metadata.unreadable")]


@given(
    st.dictionaries(
        st.sampled_from([*json.loads(document())]),
        st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.lists(st.integers() | st.just("S256")),
    )
)
def test_whatever_is_in_it_makes_an_issuer_or_a_typed_error(changed: dict[str, Any]) -> None:
    """Endpoints never lie elsewhere."""
    try:
        issuer = read(document(**changed))
    except InvalidSettings as error:
        assert error.problems  # noqa: PT017 - both ways are right
    else:
        assert issuer.token_endpoint.startswith("https://login.example.test")


@pytest.mark.parametrize(
    ("url", "places"),
    [
        (
            "https://issuer.test",
            [
                "https://issuer.test/.well-known/oauth-authorization-server",
                "https://issuer.test/.well-known/openid-configuration",
            ],
        ),
        (
            "https://issuer.test:8443/a/b/",
            [
                "https://issuer.test:8443/.well-known/oauth-authorization-server/a/b",
                "https://issuer.test:8443/a/b/.well-known/openid-configuration",
                "https://issuer.test:8443/.well-known/openid-configuration/a/b",
            ],
        ),
    ],
)
def test_where_it_is_looked_for(url: str, places: list[str]) -> None:
    assert list(metadata_urls(url)) == places


@pytest.mark.parametrize(
    "url", ["", "http://issuer.test", "https://issuer.test?x=1", "https://issuer.test#x", "issuer"]
)
def test_what_is_no_identifier_is_told(url: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        metadata_urls(url)
    assert [(problem.field, problem.code) for problem in caught.value.problems] == [("url", "issuer.url")]
