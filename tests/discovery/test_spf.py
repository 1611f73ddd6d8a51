"""Which domains an SPF record names."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tether_mailconf._ports import TXT
from tether_mailconf.discovery.spf import includes


def named(*texts: str) -> tuple[str, ...]:
    return includes(TXT(text=text) for text in texts)


@pytest.mark.parametrize(
    ("text", "domains"),
    [
        ("v=spf1 include:_spf.google.com ~all", ("_spf.google.com",)),
        ("v=spf1 include:spf.protection.outlook.com -all", ("spf.protection.outlook.com",)),
        ("V=SPF1 INCLUDE:_Spf.Google.COM. ?ALL", ("_spf.google.com",)),
        ("v=spf1 mx a ip4:192.0.2.0/24 include:b.example include:a.example", ("b.example", "a.example")),
        ("v=spf1  include:a.example   include:a.example", ("a.example",)),
        ("v=spf1 +include:a.example ?include:b.example ~include:c.example", ("a.example", "b.example", "c.example")),
        ("v=spf1 -include:a.example include:b.example", ("b.example",)),
        ("v=spf1 redirect=_spf.example.com", ("_spf.example.com",)),
        ("v=spf1 redirect=r.example include:a.example", ("a.example", "r.example")),
        ("v=spf1 redirect=r.example -all", ()),
        ("v=spf1 redirect=r.example redirect=s.example", ()),
        ("v=spf1 +redirect=r.example", ()),
        ("v=spf1 include=a.example redirect:r.example", ()),
        ("v=spf1 include:%{i}._spf.example.com include:a.example", ("a.example",)),
        ("v=spf1 redirect=%{d}.spf.example.com", ()),
        ("v=spf1 include: include:a include:a..b include:-.- include:a.example", ("a.example",)),
        ("v=spf1 include:bücher.example include:a/b.example include:a.example:25", ()),
        ("v=spf1 exists:a.example exp=b.example x=c.example", ()),
        ("v=spf1 include:" + "a." * 130 + "example", ()),
        ("v=spf1 include:" + "a" * 64 + ".example", ()),
        ("v=spf1", ()),
        ("v=spf1 ", ()),
        ("v=spf10 include:a.example", ()),
        ("v=spf2 include:a.example", ()),
        ("spf2.0/pra include:a.example", ()),
        (" v=spf1 include:a.example", ()),
        ("v=spf1\tinclude:a.example", ()),
        ("include:a.example", ()),
        ("", ()),
    ],
)
def test_the_domains_of_a_record_are_told(text: str, domains: tuple[str, ...]) -> None:
    assert named(text) == domains


def test_other_texts_do_not_matter() -> None:
    assert named("google-site-verification=x", "v=spf1 include:a.example", "MS=ms1") == ("a.example",)


def test_several_records_are_an_error_and_tell_nothing() -> None:
    assert named("v=spf1 include:a.example", "v=spf1 include:a.example") == ()
    assert named("v=spf1 include:a.example", "V=SPF1") == ()


def test_no_records_tell_nothing() -> None:
    assert named() == ()


def test_no_more_than_twenty_are_told() -> None:
    many = " ".join(f"include:n{number}.example" for number in range(30))
    assert named(f"v=spf1 {many}") == tuple(f"n{number}.example" for number in range(20))


TERMS = st.sampled_from(["include:", "redirect=", "a.example", "%{d}", "all", "-", "?", " ", ".", "_", "\t", "\n", "É"])


@settings(max_examples=80)
@given(st.one_of(st.text(max_size=60), st.lists(TERMS, max_size=20).map("".join)))
def test_any_text_gives_names_fit_to_be_asked_for(text: str) -> None:
    for name in named(f"v=spf1 {text}"):
        assert name.isascii()
        assert name == name.lower()
        assert not set(name) & set(" %/:\t\n\0")
        assert "." in name
        assert len(name) <= 253
