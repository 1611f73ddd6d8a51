"""Where servers usually are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tether_mailconf import Endpoint, Security
from tether_mailconf.discovery.usual_names import Guess, usual_hosts


def shown(endpoints: tuple[Endpoint, ...]) -> list[str]:
    return [f"{endpoint.host}:{endpoint.port}:{endpoint.security.value}" for endpoint in endpoints]


def test_names_that_say_what_a_server_is_for_come_first_and_tls_before_starttls() -> None:
    guess = usual_hosts("example.com")
    assert shown(guess.imap) == [
        "imap.example.com:993:tls",
        "imap.example.com:143:starttls",
        "mail.example.com:993:tls",
        "mail.example.com:143:starttls",
        "example.com:993:tls",
        "example.com:143:starttls",
    ]
    assert shown(guess.smtp) == [
        "smtp.example.com:465:tls",
        "smtp.example.com:587:starttls",
        "mail.example.com:465:tls",
        "mail.example.com:587:starttls",
        "example.com:465:tls",
        "example.com:587:starttls",
    ]


def test_names_are_a_labels() -> None:
    assert usual_hosts("Bücher.Example.").imap[0].host == "imap.xn--bcher-kva.example"


def test_a_domain_that_is_too_long_for_a_name_in_front_is_tried_bare() -> None:
    domain = ".".join(["a" * 61] * 4) + ".org"
    assert {endpoint.host for endpoint in usual_hosts(domain).imap} == {domain}


@pytest.mark.parametrize(
    "domain", ["", "localhost", "192.0.2.1", "2001:db8::1", "a b.example", "ana@example.com", "a..b"]
)
def test_nothing_is_guessed_for_what_is_no_domain(domain: str) -> None:
    assert usual_hosts(domain) == Guess()


@settings(max_examples=60)
@given(st.one_of(st.text(max_size=40), st.from_regex(r"[a-zü0-9.-]{1,40}", fullmatch=True)))
def test_any_text_gives_at_most_six_of_each_and_all_encrypted(domain: str) -> None:
    guess = usual_hosts(domain)
    for endpoints in (guess.smtp, guess.imap):
        assert len(endpoints) <= 6
        assert len(set(endpoints)) == len(endpoints)
        assert all(endpoint.security in (Security.TLS, Security.STARTTLS) for endpoint in endpoints)
