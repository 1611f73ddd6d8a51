"""Answers made comparable, and rubbish that is none: any bytes are a finding, in a time that is bounded."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tether_mailconf import Endpoint, Finding, Reply, Security, SignInRefused, Step, explain
from tether_mailconf.diagnosis.normalise import LONGEST, normalised, readings

from .conversation import Case, play

GMAIL = Endpoint(host="smtp.gmail.com", port=465, security=Security.TLS)


def _lines(raw: bytes) -> bytes:
    return raw.replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")[:3000]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["greeting", "sign-in", "sender", "recipients", "content"]))
@example(b"\xc7\xeb\xca\xb9\xd3\xc3", "sign-in")
def test_any_bytes_of_a_submission_server_are_a_finding(raw: bytes, step: str) -> None:
    for host in ("smtp.gmail.com", "smtp.qq.com", "mail.example.com"):
        answer = b"550-" + _lines(raw) + b"\r\n550 5.0.0 " + _lines(raw) + b"\r\n"
        finding = explain(play(Case(host=host, protocol="smtp", step=step, answer=answer)))
        assert finding.words.isprintable()
        assert len(finding.words) <= 500
        assert Finding.from_dict(finding.to_dict()) == finding


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["sign-in", "mailbox", "search"]))
def test_any_bytes_of_an_imap_server_are_a_finding(raw: bytes, step: str) -> None:
    answer = b"* NO " + _lines(raw).replace(b"TAG", b"") + b"\r\nTAG NO " + _lines(raw).replace(b"TAG", b"") + b"\r\n"
    finding = explain(play(Case(host="outlook.office365.com", protocol="imap", step=step, answer=answer)))
    assert finding.sentence
    assert Finding.from_dict(finding.to_dict()) == finding


@pytest.mark.parametrize(
    "text",
    [
        "[" * 60_000,
        "<" * 60_000,
        "a." * 30_000,
        "a" + "-" * 3_000 + "_",
        "?p=" * 20_000,
        "\\x8" * 15_000,
        "mon, 1 " * 9_000,
        "é" * 60_000,
        "=",
    ],
    ids=["brackets", "angles", "dots", "hyphens", "queries", "escapes", "dates", "letters", "short"],
)
def test_the_longest_reply_takes_no_longer_than_it_may(text: str) -> None:
    """A bound that only an expression that looks back could break; what is usual takes a thousandth of it."""
    begun = time.process_time()
    error = SignInRefused(step=Step.SIGN_IN, reply=Reply(code="535", text=text), endpoint=GMAIL, challenge=text)
    assert explain(error).cause == "sign_in.token_refused"
    assert time.process_time() - begun < 2
    assert all(len(reading) <= 4 * LONGEST for reading in readings(text))


@given(st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_what_is_normalised_is_words_and_single_spaces(text: str) -> None:
    once = normalised(text)
    assert once == " ".join(once.split())
    assert all(character.isalnum() or character in " #=_" for character in once)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Username and Password\n not accepted.", "username and password not accepted"),
        ("535-5.7.8 Bad  ID 4fb4d7f45d1cf-5a1b8edc2a7sm1234567a12.34 - gsmtp", "bad id"),
        ("see https://support.google.com/mail/?p=BadCredentials now", "see p=badcredentials now"),
        ("no [AM6PR01CA0054.eurprd01.prod.outlook.com 2026-11-23T08:00:00.000Z 08DE2A00]", "no"),
        ("no - [PH01] policy", "no ph01 policy"),
        ("bob@example.org at mx1.example.org (192.0.2.7) said no.Please", "at said no please"),
        ("Relaying disallowed as <ana@example.org>", "relaying disallowed as"),
        ("on Mon, 23 Nov 2026 08:00:00 +0000 no", "on no"),
        ("(#AUTH005) Too many", "#auth005 too many"),
        ("\N{FULLWIDTH LATIN CAPITAL LETTER N}o", "no"),
        ("sc=Ab12Cd34 off", "off"),
    ],
)
def test_what_differs_from_day_to_day_is_taken_out(written: str, words: str) -> None:
    assert normalised(written) == words


def test_bytes_of_another_character_set_are_read_in_it() -> None:
    raw = "请使用授权码登录".encode("gb18030")
    expected = "请使用授权码登录"
    assert expected in readings(raw.decode(errors="backslashreplace"))
    assert expected in readings(raw.decode("latin-1"))
    assert readings("Zugang für Sie gesperrt")[0] == "zugang für sie gesperrt"
    assert len(readings("no")) == 1
