"""Whose a host is, by the public suffix list."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tether_mailconf.discovery.domain import is_within, registrable


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("example.com", "example.com"),
        ("mail.example.com", "example.com"),
        ("a.b.c.example.com", "example.com"),
        ("mail.example.co.uk", "example.co.uk"),
        ("MAIL.Example.COM.", "example.com"),
        ("mail.bücher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("mail.食狮.公司.cn", "xn--85x722f.xn--55qx5d.cn"),
        ("a.b.github.io", "b.github.io"),
        ("a.b.unheard-of", "b.unheard-of"),
        ("www.ck", "www.ck"),
        ("mail.city.kawasaki.jp", "city.kawasaki.jp"),
        ("a.b.c.kawasaki.jp", "b.c.kawasaki.jp"),
    ],
)
def test_a_host_belongs_to_what_was_registered(host: str, domain: str) -> None:
    assert registrable(host) == domain


@pytest.mark.parametrize(
    "host",
    [
        "com",
        "co.uk",
        "github.io",
        "c.kawasaki.jp",
        "localhost",
        "unheard-of",
        "192.0.2.1",
        "2001:db8::1",
        "[192.0.2.1]",
        "",
        ".",
        "a..b",
        ".example.com",
        "exa mple.com",
        "ana@example.com",
        "https://example.com/",
        "a" * 64 + ".com",
        "a." * 200 + "com",
        "127.1",
    ],
)
def test_what_nobody_can_have_registered_has_no_owner(host: str) -> None:
    assert registrable(host) is None
    assert not is_within(host, host)
    assert not is_within(host, "example.com")
    assert not is_within("example.com", host)


@pytest.mark.parametrize(
    ("host", "domain", "within"),
    [
        ("mail.example.com", "example.com", True),
        ("example.com", "mail.example.com", True),
        ("mail.example.com", "lists.example.com", True),
        ("IMAP.EXAMPLE.COM", "example.com.", True),
        ("mail.xn--bcher-kva.example", "bücher.example", True),
        ("notexample.com", "example.com", False),
        ("example.com.evil.example", "example.com", False),
        ("other.co.uk", "example.co.uk", False),
        ("evil.github.io", "ana.github.io", False),
        ("example.org", "example.com", False),
    ],
)
def test_a_host_is_within_a_domain_of_the_same_owner(host: str, domain: str, within: bool) -> None:
    assert is_within(host, domain) is within


@settings(max_examples=60)
@given(st.one_of(st.text(max_size=40), st.from_regex(r"[a-zü0-9.-]{1,40}", fullmatch=True)))
def test_any_text_has_an_owner_or_none_and_is_within_it(host: str) -> None:
    owner = registrable(host)
    if owner is not None:
        assert registrable(owner) == owner
        assert is_within(host, owner)
        assert is_within(f"mail.{owner}", host)
