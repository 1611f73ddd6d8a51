"""What a sign-in says and asks, and what must not be shown of it, however the server repeats it."""

from __future__ import annotations

import base64
from typing import Any

import attrs
import pytest

from tether_mailconf import (
    AppPassword,
    CredentialFailed,
    CredentialKind,
    Endpoint,
    NotOffered,
    ProtocolViolation,
    SaslStep,
    Secret,
    Security,
    Step,
)
from tether_mailconf._ports import run_sync
from tether_mailconf._wire.sasl import Mask, choose_mechanism, decode_challenge, describe_error, respond

USER = "ana@example.org"
WORD = 'sword\\fish "7"'


def mask(*responses: str | bytes) -> Mask:
    """A mask that hides some responses."""
    made = Mask(USER)
    for response in responses:
        made.add(Secret(response))
    return made


def encoded(text: str) -> str:
    """Text in base64."""
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"535 {WORD} is wrong", "535 *** is wrong"),
        (r'A1 BAD LOGIN "ana@example.org" "sword\\fish \"7\""', 'A1 BAD LOGIN "ana@example.org" "***"'),
        (f"535 {encoded(WORD)}", "535 ***"),
        (f"m3 NO [{WORD.upper()}] no", "m3 NO [***] no"),
        (r"m3 NO [SWORD\\FISH \"7\"] no", "m3 NO [***] no"),
        (f"535 {encoded(f'{chr(0)}{USER}{chr(0)}{WORD}')}", "535 ***"),
        (f"535 no such user {USER}", f"535 no such user {USER}"),
    ],
)
def test_a_password_that_the_server_repeats_is_hidden_and_the_user_is_not(said: str, shown: str) -> None:
    assert mask(f"\0{USER}\0{WORD}").cover(said) == shown


@pytest.mark.parametrize("before", ["", "a", "ab", "user=ana pass="])
@pytest.mark.parametrize("after", ["", "a", "ab", " was refused"])
@pytest.mark.parametrize("padding", ["=", ""])
def test_base64_with_a_password_anywhere_inside_is_hidden(before: str, after: str, padding: str) -> None:
    inside = encoded(before + WORD + after)
    inside = inside if padding else inside.rstrip("=")
    assert mask(WORD).cover(f"334 {inside} {encoded('Username:')}") == f"334 *** {encoded('Username:')}"


def test_what_is_the_secret_and_nothing_else_is_hidden_too() -> None:
    for text in (WORD, "wolf", "wölf", encoded(WORD), encoded("awolfb")):
        assert mask(WORD, "wolf", "wölf").cover(text) == "***"


@pytest.mark.parametrize("text", ["Username:a", "an ordinary, rather long challenge"])
def test_base64_without_a_secret_inside_stays_as_it_is(text: str) -> None:
    """The padding with it: people decode what they are shown."""
    assert mask(WORD).cover(f"334 {encoded(text)}") == f"334 {encoded(text)}"


def test_a_token_is_hidden_with_and_without_what_surrounds_it() -> None:
    hidden = mask(f"user={USER}\1auth=Bearer ya29.a0\1\1")
    assert hidden.cover("the token ya29.a0 has ended") == "the token *** has ended"
    assert "ya29" not in hidden.cover(f"user={USER} auth=Bearer ya29.a0 has ended")
    assert hidden.cover(encoded(f"user={USER}\1auth=Bearer ya29.a0\1\1")) == "***"


def test_a_response_that_is_no_text_is_hidden_as_it_would_be_shown() -> None:
    raw = b"\xff\xfe\x80key"
    assert mask(raw).cover(f"535 {raw.decode(errors='backslashreplace')}?") == "535 ***?"


def test_four_letters_are_a_secret_and_three_would_hide_words_that_diagnosis_needs() -> None:
    assert mask("wolf").cover("535 wolf is no wolfhound") == "535 *** is no ***hound"
    assert mask("the").cover("535 the other") == "535 the other"


@pytest.mark.parametrize(
    ("piece", "shown"),
    [
        ("fish-7 was refused", "*** was refused"),
        ("no such word: swordf", "no such word: ***"),
        ("rdfi", "***"),
        ("swo", "swo"),
        (f"{encoded('a swordfish')[5:]} no", "*** no"),
        (f"no {encoded('a swordfish')[:9]}", "no ***"),
        (f"no {encoded('as swordfish, it seems')}", "no ***"),
        (f"no {encoded('I swore')[:8]}", "no ***"),
        (f"no {encoded('acrord')}", f"no {encoded('acrord')}"),
    ],
)
def test_of_a_piece_its_edges_are_hidden_if_four_letters_of_a_secret_stand_there(piece: str, shown: str) -> None:
    assert mask("swordfish-7").cover_edges(piece.encode()).decode() == shown


def test_base64_that_is_cut_behind_an_x_is_base64_still() -> None:
    cut = encoded("::snoW-white")[:8]
    assert cut.endswith("X")
    assert mask("snoW-white").cover_edges(f"no {cut}".encode()) == b"no ***"


def test_a_mask_that_hides_nothing_yet_leaves_the_edges_of_a_piece() -> None:
    assert mask().cover_edges(b"250 ok") == b"250 ok"


# -- the exchange ------------------------------------------------------------------------------------------------------

STEP = SaslStep(
    mechanism="PLAIN", user=USER, endpoint=Endpoint(host="mail.example.com", port=465, security=Security.TLS)
)


@attrs.frozen
class Own:
    """A host's own credential."""

    says: Any
    kind = CredentialKind.HOST
    mechanisms = ("XOAUTH2", "PLAIN")

    def answer(self, step: SaslStep) -> Any:
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


async def later(answer: bytes) -> bytes:
    """An answer that must be awaited."""
    return answer


@pytest.mark.parametrize("way", [lambda answer: answer, later], ids=["given", "awaited"])
def test_an_answer_may_be_awaited_and_is_hidden_from_then_on(way: Any) -> None:
    hidden = mask()
    assert run_sync(respond(Own(way(b"swordfish-7")), STEP, hidden)).reveal() == "swordfish-7"
    assert hidden.cover("535 swordfish-7") == "535 ***"


def test_what_a_credential_raises_is_told_by_its_kind_and_not_by_its_words() -> None:
    with pytest.raises(CredentialFailed) as caught:
        run_sync(respond(Own(KeyError("swordfish-7")), STEP, mask()))
    assert caught.value.step is Step.SIGN_IN
    assert caught.value.detail == "the credential raised KeyError instead of answering"
    assert "swordfish-7" not in str(caught.value)


def test_the_credential_s_own_order_decides_and_both_lists_are_told_where_nothing_fits() -> None:
    assert choose_mechanism(Own(b""), ["CRAM-MD5", "PLAIN", "XOAUTH2"]) == "XOAUTH2"
    with pytest.raises(NotOffered) as caught:
        choose_mechanism(AppPassword("swordfish-7"), ["XOAUTH2", "CRAM-MD5"])
    assert caught.value.step is Step.SIGN_IN
    assert "CRAM-MD5, XOAUTH2" in str(caught.value)
    assert "PLAIN, LOGIN" in str(caught.value)
    with pytest.raises(NotOffered, match="offers nothing"):
        choose_mechanism(AppPassword("swordfish-7"), [])


@pytest.mark.parametrize("text", ["*", "not base64", "YQ", "YQ=", "ü", "YQ== YQ=="])
def test_a_challenge_that_is_not_base64_is_a_violation(text: str) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        decode_challenge(text)
    assert caught.value.step is Step.SIGN_IN


@pytest.mark.parametrize(("text", "challenge"), [("", b""), (" YQ== ", b"a"), ("/+8=", b"\xff\xef")])
def test_a_challenge_is_decoded(text: str, challenge: bytes) -> None:
    assert decode_challenge(text) == challenge


@pytest.mark.parametrize(
    ("challenge", "told"),
    [
        (b'{"status": "401", "scope": "https://mail.google.com/"}', "status: 401, scope: https://mail.google.com/"),
        (b'"invalid_token"', '"invalid_token"'),
        (b"\xffrubbish", "\\xffrubbish"),
        (b"", ""),
        (b"[" * 100_000, "[" * 499 + "…"),
    ],
)
def test_an_error_report_is_told_in_one_line_and_rubbish_as_rubbish(challenge: bytes, told: str) -> None:
    assert describe_error(challenge, mask()) == told
