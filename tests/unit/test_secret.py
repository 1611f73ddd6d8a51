"""Secrets and credentials: nothing that is printed, logged, copied, stored or shown in a traceback spells them."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tether_mailconf import AppPassword, Credential, CredentialKind, Endpoint, Password, SaslStep, Secret, Security

WORD = "swordfish-7"
ENDPOINT = Endpoint(host="mail.example.com", port=465, security=Security.TLS)


@attrs.frozen(kw_only=True)
class Holder:
    """A host's own value with something secret inside."""

    inside: object


def holders() -> list[object]:
    """Everything that may hold a secret."""
    return [Secret(WORD), Secret(WORD.encode()), Password(WORD), AppPassword(WORD)]


SPELLINGS: dict[str, Callable[[Any], object]] = {
    "repr": repr,
    "str": str,
    "format": lambda held: f"{held}",
    "format with a width": lambda held: f"{held!s:>40}",
    "format with a conversion": lambda held: f"{held!r}",
    "%s": lambda held: "%s" % held,  # noqa: UP031
    "%r": lambda held: "%r" % held,  # noqa: UP031
    "conversions": lambda held: f"{held} {held!r} {held!a}",
    "in a list": lambda held: repr([held, {"key": held}]),
    "in a value": lambda held: repr(Holder(inside=held)),
    "asdict": lambda held: repr(attrs.asdict(Holder(inside=held))),
    "astuple": lambda held: repr(attrs.astuple(Holder(inside=held))),
    "evolve": lambda held: repr(attrs.evolve(Holder(inside=held))),
    "json with str": lambda held: json.dumps({"held": held}, default=str),
    "dir": dir,
    "exception": lambda held: repr(ValueError(held)) + str(ValueError(held)),
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("held", holders(), ids=lambda held: type(held).__name__)
def test_nothing_that_shows_a_value_shows_the_secret(held: object, spell: Callable[[Any], object]) -> None:
    assert WORD not in str(spell(held))


def pickled(protocol: int) -> Callable[[Any], object]:
    """A way to pickle."""
    return lambda held: pickle.dumps(held, protocol)


STORED: dict[str, Callable[[Any], object]] = {
    **{f"pickle {protocol}": pickled(protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)},
    "deepcopy": copy.deepcopy,
    "deepcopy of a value": lambda held: copy.deepcopy(Holder(inside=held)),
    "json": lambda held: json.dumps({"held": held}),
}


@pytest.mark.parametrize("store", STORED.values(), ids=STORED)
@pytest.mark.parametrize("held", holders(), ids=lambda held: type(held).__name__)
def test_a_secret_can_be_neither_pickled_nor_copied_nor_made_json(held: object, store: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError) as caught:
        store(held)
    assert WORD not in str(caught.value)


def test_a_secret_cannot_be_copied_and_a_copied_credential_still_hides_it() -> None:
    with pytest.raises(TypeError):
        copy.copy(Secret(WORD))
    assert WORD not in repr(copy.copy(Password(WORD)))


@pytest.mark.parametrize("held", holders(), ids=lambda held: type(held).__name__)
def test_a_secret_that_is_logged_stays_hidden(held: object, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("host").debug("%s %r", held, held, extra={"held": held})
    assert caplog.records
    assert WORD not in caplog.text
    assert WORD not in repr(caplog.records[0].__dict__)


def fail_with(held: object) -> None:
    """A function of the host's that has a secret in a variable when something else goes wrong."""
    assert held is None


@pytest.mark.parametrize("held", holders(), ids=lambda held: type(held).__name__)
def test_a_traceback_with_variables_shows_no_secret(held: object) -> None:
    try:
        fail_with(held)
    except AssertionError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        assert "held = " in shown
        assert WORD not in shown
    else:
        raise AssertionError("nothing was raised")


REFUSED: dict[str, Callable[[], object]] = {
    "password with a line break": lambda: Password(f"{WORD}\r\nX"),
    "password with NUL": lambda: Password(f"{WORD}\0"),
    "password with a surrogate": lambda: Password(f"{WORD}\ud800"),
    "password of bytes that are not UTF-8": lambda: Password(Secret(WORD.encode() + b"\xff")),
    "app password with a line break": lambda: AppPassword(f"a\n{WORD}"),
    "app password with a surrogate": lambda: AppPassword(f"{WORD}\ud800"),
    "secret with a surrogate": lambda: Secret(f"{WORD}\ud800"),
    "secret that is not UTF-8": lambda: Secret(WORD.encode() + b"\xff").reveal(),
}


@pytest.mark.parametrize("act", REFUSED.values(), ids=REFUSED)
def test_a_refused_secret_is_in_no_variable_text_or_cause_of_its_error(act: Callable[[], object]) -> None:
    """An error of Python's codecs would hold the whole text, and a frame of ours the argument."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is looked at below
        act()
    error = caught.value
    assert error.__context__ is None
    assert error.__cause__ is None
    assert WORD not in repr(error) + str(vars(error))
    ours = [
        frame for frame, _ in traceback.walk_tb(error.__traceback__) if "/tether_mailconf/" in frame.f_code.co_filename
    ]
    assert ours
    assert [name for frame in ours for name, value in frame.f_locals.items() if WORD in repr(value)] == []


def test_what_is_put_in_comes_out_and_nothing_else() -> None:
    assert Secret("pâß").reveal() == "pâß"
    assert Secret("pâß").reveal_bytes() == "pâß".encode()
    assert Secret(b"\xff\0").reveal_bytes() == b"\xff\0"


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.binary())
def test_any_secret_comes_out_as_it_went_in(value: str | bytes) -> None:
    raw = value.encode() if isinstance(value, str) else value
    assert Secret(value).reveal_bytes() == raw
    assert bool(Secret(value)) == bool(raw)
    if isinstance(value, str):
        assert Secret(value).reveal() == value


def test_secrets_compare_by_content_with_secrets_only() -> None:
    assert Secret("a") == Secret(b"a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"


def test_a_secret_is_no_key_of_a_dictionary() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Secret(WORD))


def test_a_secret_has_no_place_for_further_attributes() -> None:
    with pytest.raises(AttributeError):
        Secret(WORD).note = "x"  # type: ignore[attr-defined]


def test_a_wiped_secret_is_empty() -> None:
    secret, password = Secret(WORD), Password(WORD)
    secret.wipe()
    password.wipe()
    assert not secret
    assert secret.reveal() == ""
    assert password.answer(SaslStep(mechanism="PLAIN", user="ana", endpoint=ENDPOINT)) == b"\0ana\0"


# -- credentials -------------------------------------------------------------------------------------------------------


def plain(credential: Password) -> bytes:
    """The password that a credential signs in with."""
    return credential.answer(SaslStep(mechanism="PLAIN", user="", endpoint=ENDPOINT)).rpartition(b"\0")[2]


def test_an_app_password_loses_the_spaces_that_it_was_shown_with() -> None:
    assert plain(AppPassword("abcd efgh\u00a0ijkl mnop")) == b"abcdefghijklmnop"
    assert plain(AppPassword("  abcd-efgh\n")) == b"abcd-efgh"
    assert plain(AppPassword(Secret(" ab cd\u00a0"))) == b"abcd"


@pytest.mark.parametrize("text", ["ab cd", " ab", "ab\u00a0", "  ", "\tx"])
def test_a_password_is_used_exactly_as_given(text: str) -> None:
    assert plain(Password(text)) == text.encode()
    assert plain(Password(Secret(text))) == text.encode()


@pytest.mark.parametrize("wrong", ["", "a\rb", "a\nb", "a\0b", "\n"])
def test_a_password_that_cannot_be_sent_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="the password"):
        Password(wrong)
    with pytest.raises(ValueError, match="the password"):
        Password(Secret(wrong))


@pytest.mark.parametrize("wrong", ["", "  ", "\u00a0 \u00a0", "\n", "a\nb", "a\0b"])
def test_an_app_password_of_which_nothing_can_be_sent_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="the password"):
        AppPassword(wrong)


def test_passwords_answer_plain_in_one_message_and_login_in_two() -> None:
    password = Password("pâss")

    def answer(mechanism: str, *challenges: bytes) -> bytes:
        return password.answer(SaslStep(mechanism=mechanism, user="änna", endpoint=ENDPOINT, challenges=challenges))

    assert answer("PLAIN") == "\0änna\0pâss".encode()
    assert answer("LOGIN", b"Username:") == "änna".encode()
    assert answer("LOGIN", b"Username:", b"Password:") == "pâss".encode()


def test_each_credential_says_its_kind_and_never_offers_a_token_mechanism() -> None:
    for credential, kind in (
        (Password("a"), CredentialKind.PASSWORD),
        (AppPassword("a"), CredentialKind.APP_PASSWORD),
    ):
        assert isinstance(credential, Credential)
        assert credential.kind is kind
        assert credential.mechanisms == ("PLAIN", "LOGIN")
