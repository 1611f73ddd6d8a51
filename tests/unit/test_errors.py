"""Errors: one family, each with a stable code and a text, each able to cross a process boundary."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tether_mailconf
from tether_mailconf import Delivery, Endpoint, MailconfError, Problem, Receipt, Reply, Security, Step, errors
from tether_mailconf._oauth import causes
from tether_mailconf._oauth.errors import IssuerFailed, OAuthError, SignInNeeded
from tether_mailconf.accounts.keeping import NoAccount
from tether_mailconf.errors import printable
from tether_mailconf.presets import CUSTOM, InvalidForm

SERVER = Endpoint(host="mail.example.com", port=465, security=Security.TLS)
REPLY = Reply(code="550", enhanced="5.1.1", text="no such user\nhere")
PROBLEMS = (
    Problem(field="smtp.port", code="port.range", message="a port is a number"),
    Problem(field="", code="x", message="the whole is wrong"),
)
RECEIPT = Receipt(delivery=Delivery.NOT_SENT, message_id="<a@b>", date="d", digest="sha256:0", sender="ana@example.com")


def family(root: type[MailconfError]) -> Iterator[type[MailconfError]]:
    """Every class of the family that has a public name."""
    for kind in root.__subclasses__():
        if not kind.__name__.startswith("_"):
            yield kind
        yield from family(kind)


FAMILY: list[type[MailconfError]] = [MailconfError, *family(MailconfError)]
CODES = [kind.code for kind in FAMILY]
NAMES = [kind.__name__ for kind in FAMILY]


SPECIAL: dict[type[MailconfError], MailconfError] = {
    InvalidForm: InvalidForm(PROBLEMS, CUSTOM.form()),
    NoAccount: NoAccount("user-7"),
    errors.Dropped: errors.Dropped(step=Step.APPEND, endpoint=SERVER, reply=Reply(code="BYE", text="shutting down")),
    errors.UnsupportedSchema: errors.UnsupportedSchema(7, 1),
}


def example(kind: type[MailconfError]) -> MailconfError:
    """An error of that class with everything set that it can hold."""
    if kind in SPECIAL:
        return SPECIAL[kind]
    if issubclass(kind, errors.InvalidSettings | errors.InvalidMessage):
        return kind(PROBLEMS)
    if issubclass(kind, errors.Damaged):
        return kind("receipt", "it is not a mapping")
    if issubclass(kind, errors.CredentialRetired):
        return kind(provider="P", kind="password", since="2024-09-16", instead=("oauth_token",), source="a page")
    if issubclass(kind, errors.RecipientsRefused):
        return kind(step=Step.RECIPIENTS, refused={"bob@example.org": REPLY, "eve@example.org": REPLY}, endpoint=SERVER)
    if issubclass(kind, errors.SignInRefused):
        return kind(step=Step.SIGN_IN, reply=REPLY, detail="said no", endpoint=SERVER, challenge="status: 400")
    if issubclass(kind, errors.Refused):
        return kind(step=Step.SENDER, reply=REPLY, endpoint=SERVER)
    if issubclass(kind, SignInNeeded):
        return kind(causes.known("oauth.revoked"), "gone", address="ana@example.com", owner="tenant/user")
    if issubclass(kind, OAuthError):
        return kind(causes.known("oauth.denied"), "access_denied")
    if issubclass(kind, IssuerFailed):
        return kind(detail="it answered 503", endpoint=SERVER, status=503, retry_after=7.0)
    if issubclass(kind, errors.ConversationError):
        error = kind(step=Step.TLS, detail="self-signed certificate", endpoint=SERVER)
        error.transcript = ("S: 220 hello", "C: EHLO x")
        return error
    return kind()


def alike(one: MailconfError, other: MailconfError) -> None:
    """Assert that two errors say the same."""
    assert type(one) is type(other)
    assert (str(one), one.args, vars(one), one.code) == (str(other), other.args, vars(other), other.code)


@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_error_crosses_a_process_boundary_unchanged(kind: type[MailconfError], protocol: int) -> None:
    error = example(kind)
    error.receipt = RECEIPT
    error.add_note("while testing")
    alike(pickle.loads(pickle.dumps(error, protocol)), error)


@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.__name__)
def test_every_error_can_be_copied(kind: type[MailconfError]) -> None:
    error = example(kind)
    alike(copy.copy(error), error)
    alike(copy.deepcopy(error), error)


@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.__name__)
def test_every_error_is_public_and_has_a_text_a_docstring_and_a_code_of_its_own(kind: type[MailconfError]) -> None:
    assert kind.__name__ in tether_mailconf.__all__
    assert getattr(tether_mailconf, kind.__name__) is kind
    assert kind.__doc__
    assert kind is MailconfError or str(example(kind))
    assert CODES.count(kind.code) == 1


def test_every_error_stands_in_the_family_tree_of_the_module() -> None:
    assert errors.__doc__
    assert [name for name in NAMES if f" {name} " not in " ".join(errors.__doc__.split())] == []


def test_an_error_with_problems_spells_all_of_them() -> None:
    assert str(errors.InvalidSettings(PROBLEMS)) == "smtp.port: a port is a number; the whole is wrong"


def test_an_error_of_a_conversation_says_step_server_and_reason() -> None:
    assert str(errors.Dropped(step=Step.BODY, endpoint=SERVER)) == (
        "body (mail.example.com:465): the server closed the connection"
    )
    dropped = errors.Dropped(step=Step.APPEND, reply=Reply(code="BYE", text="shutting down"))
    assert str(dropped) == "append: the server said goodbye: BYE shutting down"
    refused = errors.Refused(step=Step.SENDER, reply=REPLY)
    assert str(refused) == "sender: the server refused: 550 5.1.1 no such user here"
    assert str(errors.TimedOut(step=Step.QUEUE)) == "queue: the deadline passed"


@pytest.mark.parametrize(("code", "is_temporary"), [("450", True), ("550", False), ("NO", False), ("250", False)])
def test_only_a_4yz_reply_is_temporary(code: str, is_temporary: bool) -> None:
    reply = Reply(code=code)
    assert reply.is_temporary is is_temporary
    assert errors.Refused(step=Step.SENDER, reply=reply).is_temporary is is_temporary


def test_a_reply_survives_being_stored() -> None:
    reply = Reply(code="NO", enhanced="OVERQUOTA", text="the mailbox\nis full")
    assert Reply.from_dict(reply.to_dict()) == reply


@pytest.mark.parametrize(
    "data",
    [None, [], "550", {}, {"code": "550", "enhanced": ""}, {"code": 550, "enhanced": "", "text": ""}],
)
def test_what_is_no_stored_reply_is_told_as_that(data: object) -> None:
    with pytest.raises(errors.Damaged, match="the stored reply cannot be read: a part of it is missing"):
        Reply.from_dict(data)


def test_a_long_or_odd_reply_is_shown_cut_and_escaped_but_kept_whole() -> None:
    reply = Reply(code="550", text="\x1b[31m" + "x" * 10_000)
    assert reply.text == "\x1b[31m" + "x" * 10_000
    assert len(reply.shown) == errors.MAX_SERVER_TEXT
    assert reply.shown.startswith("550 \\x1b[31mxxx")
    assert reply.shown.endswith("…")


def test_a_retired_credential_without_a_date_or_an_alternative_still_makes_a_sentence() -> None:
    error = errors.CredentialRetired(provider="P", kind="password", since="", instead=(), source="s")
    assert str(error) == "P does not accept password; use another provider"


def test_a_newer_schema_says_what_to_do_and_a_monstrous_one_is_cut() -> None:
    assert "upgrade" in str(errors.UnsupportedSchema(2, 1))
    assert len(str(errors.UnsupportedSchema("x" * 10_000, 1))) < 250


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü", "plain ü"),
        ("", ""),
        ("a\r\nb", "a\\r\\nb"),
        ("\0\x1b\x7f\x85", "\\x00\\x1b\\x7f\\x85"),
        ("\u2028\u202e\ufeff", "\\u2028\\u202e\\ufeff"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_cannot_be_printed_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters()), st.integers(2, 50))
def test_anything_shown_is_printable_and_within_its_limit(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit
    assert shown == text or not text.isprintable() or (shown.endswith("…") and len(text) > limit)
