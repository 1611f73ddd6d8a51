"""What a client configuration says of one server: its name, the user name, and the ways to sign in."""

from __future__ import annotations

import pytest

from tether_mailconf import CredentialKind

from .client_configs import ADDRESS, PASSWORD, TOKEN, config_of, read, server, smtp

# -- names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "user"),
    [
        ("%EMAILADDRESS%", ADDRESS),
        ("%EMAILLOCALPART%", "ana.bell"),
        ("%EMAILDOMAIN%", "example.com"),
        ("%EMAILLOCALPART%@%EMAILDOMAIN%", ADDRESS),
        ("%EMAILLOCALPART%@other.example", "ana.bell@other.example"),
        ("%EMAILLOCALPART%%EMAILDOMAIN%", "ana.bellexample.com"),
        ("%EMAILLOCALPART%.%EMAILDOMAIN%", "ana.bell.example.com"),
        ("WORKGROUP\\%EMAILLOCALPART%", "WORKGROUP\\ana.bell"),
        ("%emailaddress%", ADDRESS),
        ("%EmailLocalPart%", "ana.bell"),
        ("%EMAILADDRESS", ADDRESS),
        ("EMAILADDRESS%", ADDRESS),
        ("%EMAILLOCALPART@other.example", "ana.bell@other.example"),
        ("%%EMAILADDRESS%%", ADDRESS),
        ("%EMAIL%", ADDRESS),
        ("%LOCALPART%", "ana.bell"),
        ("%DOMAIN%", "example.com"),
        ("ana", "ana"),
        ("Ana Bell", "Ana Bell"),
        ("EMAILADDRESS", "EMAILADDRESS"),
        ("ana@example.com", "ana@example.com"),
        ("&lt;ana&gt;", "<ana>"),
        ("grüezi", "grüezi"),
    ],
)
def test_user_names_are_filled_in(template: str, user: str) -> None:
    config = read(config_of(server(user=template)))
    assert (config.imap[0].user, config.notes) == (user, ())


@pytest.mark.parametrize(
    "template",
    [
        "%USERNAME%",
        "%EMAILADRESS%",
        "%EMAILADDRESSES%",
        "%EMAILLOCALPART%%%EMAILDOMAIN%",
        "%EMAILLOCALPART%%",
        "100%",
        "%",
        "%%",
        "a&#10;b",
        "a&#9;b",
        "a&#x85;b",
        "a&#x2028;b",
        "a" * 257,
        "%EMAILADDRESS%" * 20,
    ],
    ids=lambda template: template[:30],
)
def test_a_user_name_that_is_not_understood_is_not_said(template: str) -> None:
    config = read(config_of(server(user=template)))
    assert config.imap[0].user is None
    assert len(config.notes) == 1
    assert config.notes[0].isprintable()


def test_no_user_name_is_not_said_without_a_note() -> None:
    config = read(config_of(server(user="")))
    assert (config.imap[0].user, config.notes) == (None, ())


@pytest.mark.parametrize(
    "local_part",
    ["a<b>", "a&amp;b", "%EMAILDOMAIN%", "a%b", "</username>", "a'b\"", "../..?x=y#z", "EMAILDOMAIN", "\\1", "{0}"],
)
def test_nothing_in_an_address_is_read_as_anything_else(local_part: str) -> None:
    config = read(config_of(server(user="%EMAILLOCALPART%")), f"{local_part}@example.com")
    assert (config.imap[0].user, config.notes) == (local_part, ())


@pytest.mark.parametrize(
    ("host", "address", "name"),
    [
        ("%EMAILDOMAIN%", ADDRESS, "example.com"),
        ("mail.%EMAILDOMAIN%", ADDRESS, "mail.example.com"),
        ("mail.%emaildomain", ADDRESS, "mail.example.com"),
        ("%EMAILLOCALPART%.mail.example", ADDRESS, "ana.bell.mail.example"),
        ("mail.%EMAILDOMAIN%", "ana@bücher.example", "mail.xn--bcher-kva.example"),
        ("bücher.example", ADDRESS, "xn--bcher-kva.example"),
        ("192.0.2.1", ADDRESS, "192.0.2.1"),
        ("2001:DB8::1", ADDRESS, "2001:db8::1"),
    ],
)
def test_host_names_are_filled_in_and_normalised(host: str, address: str, name: str) -> None:
    assert read(config_of(server(host=host)), address).imap[0].endpoint.host == name


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("", ADDRESS),
        ("%HOST%.example.com", ADDRESS),
        ("%USERNAME%.example.com", ADDRESS),
        ("%EMAILADDRESS%", ADDRESS),
        ("mail.example.com:993", ADDRESS),
        ("https://mail.example.com/", ADDRESS),
        ("mail example com", ADDRESS),
        ("mail.example.com&#10;evil.example", ADDRESS),
        ("-mail.example.com", ADDRESS),
        ("a" * 300, ADDRESS),
        ("127.1", ADDRESS),
        ("%EMAILLOCALPART%.example.com", "evil.example/@example.com"),
    ],
    ids=lambda text: text[:30],
)
def test_a_server_whose_name_is_none_is_left_out_with_a_note(host: str, address: str) -> None:
    config = read(config_of(server(host=host), server(host="good.example"), server(host=host, socket="plain")), address)
    assert [each.endpoint.host for each in config.imap] == ["good.example"]
    assert config.hints == ()
    assert len(config.notes) == 1
    assert config.notes[0].isprintable()


# -- ways to sign in ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ways", "kinds", "notes"),
    [
        (("password-cleartext",), (PASSWORD,), 0),
        (("plain",), (PASSWORD,), 0),
        (("OAuth2",), (TOKEN,), 0),
        (("password-cleartext", "OAuth2"), (TOKEN, PASSWORD), 0),
        (("password-encrypted", "password-cleartext"), (PASSWORD,), 0),
        (("password-encrypted",), (), 1),
        (("secure",), (), 1),
        (("NTLM", "password-cleartext"), (PASSWORD,), 0),
        (("none", "OAuth2"), (TOKEN,), 0),
        (("something-new",), (), 0),
        (("something-new", "none"), (), 0),
        (("",), (), 0),
        ((), (), 0),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) and all(isinstance(w, str) for w in value) else None,
)
def test_ways_to_sign_in_are_told_as_kinds_of_credentials(
    ways: tuple[str, ...], kinds: tuple[CredentialKind, ...], notes: int
) -> None:
    config = read(config_of(server(ways=ways), smtp(ways=ways)))
    assert (config.imap[0].kinds, config.smtp[0].kinds) == (kinds, kinds)
    assert len(config.notes) == 2 * notes


@pytest.mark.parametrize(
    "ways",
    [("GSSAPI",), ("NTLM",), ("client-IP-address",), ("none",), ("NTLM", "GSSAPI", "none"), ("TLS-client-cert",)],
    ids=lambda ways: "+".join(ways),
)
def test_a_server_that_takes_neither_a_password_nor_a_token_is_left_out_with_a_note(ways: tuple[str, ...]) -> None:
    config = read(config_of(server(ways=ways, host="bad.example"), server(ways=ways, socket="plain"), smtp()))
    assert (config.imap, config.hints) == ((), ())
    assert len(config.notes) == 2
    assert ways[0].lower() in config.notes[0]
