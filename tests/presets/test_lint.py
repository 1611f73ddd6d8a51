"""The mistakes that people make, each with what was meant; and what only looks like one is left alone."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

import tether_mailconf as mailconf
from tether_mailconf import ConnectionSettings, CredentialKind, Endpoint, Secret, Security, presets
from tether_mailconf.presets import Advice, lint

BASE: dict[str, Any] = {
    "preset": "custom",
    "address": "ana@acme.example",
    "smtp_host": "mail.acme.example",
    "smtp_port": "465",
    "smtp_security": "tls",
    "imap_host": "mail.acme.example",
    "imap_port": "993",
    "imap_security": "tls",
    "smtp_user": "ana@acme.example",
    "imap_user": "ana@acme.example",
    "secret": "geheim",
}


def told(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the codes with their proposals; a secret is shown here, so that it can be compared."""
    return {
        one.problem.code: {
            name: value.reveal() if isinstance(value, Secret) else value for name, value in one.proposal.items()
        }
        for one in lint(data)
    }


@pytest.mark.parametrize(
    ("typed", "code", "proposal"),
    [
        ({"address": "ana@gmial.com"}, "lint.near_miss", {"address": "ana@gmail.com"}),
        ({"smtp_host": "imap.acme.example"}, "lint.other_protocol", {"smtp_host": "smtp.acme.example"}),
        ({"imap_host": "smtp.acme.example"}, "lint.other_protocol", {"imap_host": "imap.acme.example"}),
        ({"smtp_host": "imap.gmail.com"}, "lint.other_protocol", {"smtp_host": "smtp.gmail.com"}),
        ({"imap_host": "smtp.mail.me.com"}, "lint.other_protocol", {"imap_host": "imap.mail.me.com"}),
        ({"smtp_host": "smtp.gmial.com"}, "lint.near_miss", {"smtp_host": "smtp.gmail.com"}),
        ({"smtp_host": "https://mail.acme.example/inbox"}, "lint.pasted_url", {"smtp_host": "mail.acme.example"}),
        ({"imap_host": "imaps://mail.acme.example:993"}, "lint.pasted_url", {"imap_host": "mail.acme.example"}),
        ({"imap_host": "mail.acme.example:993"}, "lint.pasted_url", {"imap_host": "mail.acme.example"}),
        ({"smtp_host": "mail.acme.example/"}, "lint.pasted_url", {"smtp_host": "mail.acme.example"}),
        ({"smtp_port": 587, "smtp_security": "tls"}, "lint.port_security", {"smtp_security": "starttls"}),
        ({"smtp_port": "465", "smtp_security": "starttls"}, "lint.port_security", {"smtp_security": "tls"}),
        ({"imap_port": "143"}, "lint.port_security", {"imap_security": "starttls"}),
        ({"smtp_port": "993"}, "lint.other_port", {"smtp_port": 465, "smtp_security": "tls"}),
        ({"imap_port": "587"}, "lint.other_port", {"imap_port": 993, "imap_security": "tls"}),
        ({"smtp_port": "25"}, "lint.other_port", {"smtp_port": 587, "smtp_security": "starttls"}),
        ({"secret": "abcd efgh ijkl mnop"}, "lint.spaces", {"secret": "abcdefghijklmnop"}),
        ({"secret": " geheim\t"}, "lint.spaces", {"secret": "geheim"}),
        ({"secret": "abcd  efgh\u00a0ijkl mnop"}, "lint.spaces", {"secret": "abcdefghijklmnop"}),
        ({"address": "Ana Ruiz <ana@acme.example>"}, "lint.pasted_address", {"address": "ana@acme.example"}),
        ({"address": "mailto:ana@gmial.com?subject=x"}, "lint.pasted_address", {"address": "ana@gmail.com"}),
        ({"address": "ana@acme.example,"}, "lint.pasted_address", {"address": "ana@acme.example"}),
        ({"smtp_user": "ana@gmial.com"}, "lint.near_miss", {"smtp_user": "ana@gmail.com"}),
        ({"smtp_host": "smpt.acme.example"}, "lint.near_miss", {"smtp_host": "smtp.acme.example"}),
        ({"imap_host": "iamp.gmail.com"}, "lint.near_miss", {"imap_host": "imap.gmail.com"}),
        ({"smtp_host": "stmp.gmial.com"}, "lint.near_miss", {"smtp_host": "smtp.gmail.com"}),
        ({"smtp_host": "smtp.offce365.com"}, "lint.near_miss", {"smtp_host": "smtp.office365.com"}),
        ({"imap_host": "outlook.office365.co"}, "lint.near_miss", {"imap_host": "outlook.office365.com"}),
        ({"smtp_host": "gmail.com"}, "lint.near_miss", {"smtp_host": "smtp.gmail.com"}),
        ({"smtp_host": "smtp,gmail.com"}, "lint.pasted_url", {"smtp_host": "smtp.gmail.com"}),
        ({"smtp_host": "smtp @ acme.example"}, "lint.pasted_url", {"smtp_host": "smtp.acme.example"}),
        ({"imap_host": "ana@gmail.com"}, "lint.pasted_url", {"imap_host": "imap.gmail.com"}),
        ({"imap_host": "pop.gmail.com"}, "lint.other_protocol", {"imap_host": "imap.gmail.com"}),
        ({"smtp_host": "pop3.acme.example"}, "lint.other_protocol", {"smtp_host": "smtp.acme.example"}),
        ({"smtp_host": "imap.gmial.com"}, "lint.other_protocol", {"smtp_host": "smtp.gmail.com"}),
        (
            {"address": "ana@gmail.com", "smtp_host": "smtp.gmail.com", "smtp_user": "ana", "preset": ""},
            "lint.user_form",
            {"smtp_user": "ana@gmail.com"},
        ),
    ],
)
def test_a_mistake_and_what_was_meant(typed: dict[str, Any], code: str, proposal: dict[str, Any]) -> None:
    found = told(BASE | typed)
    assert found[code] == proposal
    (advice,) = (one for one in lint(BASE | typed) if one.problem.code == code)
    assert code not in told(advice.applied(BASE | typed)), "what is proposed is no mistake itself"


@pytest.mark.parametrize(
    "typed",
    [
        {},
        {"address": "ana@acme.example "},
        {"smtp_host": "MAIL.acme.example."},
        {"smtp_host": "smtp.acme.example", "imap_host": "imap.acme.example"},
        {"smtp_host": "imap-and-smtp.acme.example"},
        {"smtp_host": "imap"},
        {"smtp_host": "smpt"},
        {"smtp_host": "smtps.acme.example"},
        {"smtp_host": "smtp.googlemail.com"},
        {"smtp_host": "smtp.office.example"},
        {"smtp_host": "ana@acme.example"},
        {"smtp_host": "smtp"},
        {"smtp_host": "mail.gmx-freunde.example"},
        {"address": "ana@email.example"},
        {"smtp_port": "587", "smtp_security": "starttls"},
        {"smtp_port": "2465", "smtp_security": "starttls"},
        {"secret": "two words"},
        {"secret": "one two three four"},
        {"smtp_user": "ana"},
        {"address": ""},
        {"address": "not an address"},
        {"smtp_host": "http://["},
        {"smtp_port": "", "smtp_security": ""},
    ],
)
def test_what_only_looks_like_a_mistake(typed: dict[str, Any]) -> None:
    assert told(BASE | typed) == {}


def test_rubbish_is_no_error() -> None:
    all_rubbish: list[object] = [None, 7, [], {}, b"x", True, "\0", "::::", "x" * 9999, " \ud800", " \ud800@\ud800.com"]
    for rubbish in all_rubbish:
        lint(dict.fromkeys(BASE, rubbish))
    assert lint({}) == ()


@pytest.mark.parametrize("part", ["a.", "a@", "xn--a.", "smtp ", "<", "."])
def test_what_is_endless_is_no_name_of_a_server(part: str) -> None:
    """Each label of it was once compared with all domains, which took minutes: the run's own limit would end that."""
    endless = part * 50_000
    for name in BASE:
        said = lint(BASE | {name: endless})
        assert [one for one in said if one.problem.field == name and name.endswith("_host")] == []
        lint(BASE | {name: f"ana@{endless}", "preset": "gmail"})


def test_all_mistakes_at_once() -> None:
    wrong = BASE | {"address": "ana@gmial.com", "smtp_host": "https://imap.acme.example", "smtp_port": "143"}
    assert set(told(wrong)) == {"lint.near_miss", "lint.pasted_url", "lint.other_protocol", "lint.other_port"}


def test_what_is_said_about_one_name_leads_to_one_name_in_any_order() -> None:
    typed = BASE | {"smtp_host": "https://imap.gmial.com/inbox"}
    said = lint(typed)
    assert [one.problem.code for one in said] == ["lint.pasted_url", "lint.other_protocol", "lint.near_miss"]
    for order in (said, said[::-1]):
        put_in = dict(typed)
        for one in order:
            put_in = one.applied(put_in)
        assert put_in == BASE | {"smtp_host": "smtp.gmail.com"}


def test_every_kind_of_mistake_in_one_page() -> None:
    wrong = BASE | {
        "address": "Ana <ana@outlok.com>",
        "smtp_host": "https://outlook.office365.com",
        "smtp_port": "993",
        "imap_host": "outlook.office365.com",
        "imap_port": "143",
        "smtp_user": "ana",
        "imap_user": "ana@outlok.com",
        "secret": "abcd efgh ijkl mnop",
    }
    said = lint(wrong)
    assert {one.problem.code for one in said} == {
        "lint.near_miss",
        "lint.other_port",
        "lint.other_protocol",
        "lint.pasted_address",
        "lint.pasted_url",
        "lint.port_security",
        "lint.retired",
        "lint.spaces",
        "lint.user_form",
    }
    for one in said:
        wrong = one.applied(wrong)
    assert lint(wrong | {"secret": ""}) == ()
    assert (wrong["address"], wrong["preset"], wrong["smtp_host"]) == (
        "ana@outlook.com",
        "outlook",
        "smtp-mail.outlook.com",
    )


def endpoint(host: str, port: int, security: Security) -> Endpoint:
    """Return a server."""
    return Endpoint(host=host, port=port, security=security)


def test_a_consumer_s_server_for_a_domain_of_one_s_own() -> None:
    settings = ConnectionSettings(
        address="ana@acme.example",
        smtp=endpoint("smtp-mail.outlook.com", 587, Security.STARTTLS),
        imap=endpoint("outlook.office365.com", 993, Security.TLS),
        smtp_user="ana@acme.example",
        imap_user="ana@acme.example",
        credential=CredentialKind.OAUTH_TOKEN,
    )
    (advice,) = lint(settings)
    assert (advice.problem.code, advice.problem.field) == ("lint.other_preset", "preset")
    assert advice.proposal["preset"] == "microsoft_365"
    assert advice.proposal["smtp_host"] == "smtp.office365.com"
    assert lint(attrs.evolve(settings, address="ana@outlook.com", smtp_user="ana@outlook.com")) == ()


@pytest.mark.parametrize(
    ("preset", "address", "meant"),
    [
        ("gmail", "ana@acme.example", "google_workspace"),
        ("gmail_app_password", "ana@acme.example", "google_workspace"),
        ("google_workspace", "ana@gmail.com", "gmail"),
        ("gmail", "ana@outlook.com", "outlook"),
        ("icloud", "ana@gmx.de", "gmx_net"),
    ],
)
def test_an_address_that_is_not_of_the_provider_that_is_picked(preset: str, address: str, meant: str) -> None:
    (advice,) = lint({"preset": preset, "address": address})
    assert (advice.problem.code, advice.proposal["preset"]) == ("lint.other_preset", meant)


@pytest.mark.parametrize(
    ("preset", "address"),
    [
        ("gmail", "ana@gmial.com"),
        ("gmail", "ana@googlemail.com"),
        ("gmail_app_password", "ana@gmail.com"),
        ("icloud", "ana@acme.example"),
        ("custom", "ana@gmail.com"),
    ],
)
def test_an_address_that_may_well_be_of_the_provider_that_is_picked(preset: str, address: str) -> None:
    assert "lint.other_preset" not in told({"preset": preset, "address": address})


def test_with_the_credential_at_hand() -> None:
    settings = presets.ICLOUD.settings("ana@icloud.com")
    pasted = mailconf.Password("abcd-efgh ijkl-mnop")
    spaces, retired, other = lint(settings, pasted)
    assert (spaces.problem.code, retired.problem.code) == ("lint.spaces", "lint.retired")
    assert (other.problem.code, other.proposal) == ("lint.other_credential", {})
    assert spaces.applied({})["secret"] == "abcd-efghijkl-mnop"
    assert "abcd" not in repr(spaces) + repr(other)
    assert lint(settings, mailconf.AppPassword("abcd efgh ijkl mnop")) == ()
    assert lint(BASE | {"secret": ""}, pasted)[0].problem.code == "lint.spaces"


def test_a_credential_of_a_kind_that_is_dead_at_the_provider() -> None:
    settings = presets.OUTLOOK.settings("ana@outlook.com")
    retired, other = lint(settings, mailconf.Password("geheim"))
    assert (retired.problem.code, retired.proposal) == ("lint.retired", {"preset": "outlook"})
    assert other.problem.code == "lint.other_credential"
    settings = presets.GMAIL.settings("ana@gmail.com")
    (other,) = lint(settings, mailconf.AppPassword("abcd efgh ijkl mnop"))
    assert (other.problem.code, other.proposal) == ("lint.other_credential", {"preset": "gmail_app_password"})


def test_a_credential_that_the_provider_does_not_take_any_more() -> None:
    settings = presets.OUTLOOK.settings("ana@outlook.com")
    dead = attrs.evolve(settings, credential=CredentialKind.PASSWORD)
    (advice,) = lint(dead)
    assert (advice.problem.code, advice.proposal) == ("lint.retired", {"preset": "outlook"})
    typed = presets.form_data(dead) | {"preset": "custom", "secret": "geheim"}
    assert [one.problem.code for one in lint(typed)] == ["lint.retired"]
    google = presets.form_data(presets.GMAIL.settings("ana@gmail.com")) | {"preset": "custom", "secret": "geheim"}
    assert "lint.retired" not in [one.problem.code for one in lint(google)], "it may be an app password"


def test_no_advice_shows_a_secret() -> None:
    (advice,) = lint(BASE | {"secret": " hush-hush "})
    assert isinstance(advice, Advice)
    assert "hush" not in repr(advice) + str(advice.problem)
    assert advice.applied(BASE)["secret"] == "hush-hush"


@pytest.mark.parametrize("preset", ["gmail_app_password", "outlook"])
@pytest.mark.parametrize(
    "typed", ["ana@acme\udcdd.example", "ana@a\x1b[1m.example", "ana\0@gmial.com", "x@" + "y." * 300]
)
def test_what_is_said_can_be_shown_whatever_was_typed(preset: str, typed: str) -> None:
    page = {"preset": preset, "address": typed, "smtp_user": typed, "imap_user": typed}
    said = [one.problem.message for one in lint(page)]
    assert said
    assert all(message.isprintable() and len(message) <= 500 for message in said)
