"""Envelopes and addresses: who is told to the server, and what a sender may ask to be notified of."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tether_mailconf import Dsn, InvalidMessage, Notify, Return
from tether_mailconf.address import read_address
from tether_mailconf.delivery.envelope import Envelope, build_envelope
from tether_mailconf.errors import Problem


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("ana@example.org", "ana@example.org"),
        ("Ana.Bell+x@example.org", "Ana.Bell+x@example.org"),
        ("ana@Example.ORG", "ana@example.org"),
        ("ana@bücher.example", "ana@xn--bcher-kva.example"),
        ("jörg@bücher.example", "jörg@xn--bcher-kva.example"),
        ("ana@mail.corp.internal", "ana@mail.corp.internal"),
        ('"john doe"@example.org', '"john doe"@example.org'),
        ("a" * 64 + "@example.org", "a" * 64 + "@example.org"),
        ("!#$%&'*+-/=?^_`{|}~@example.org", "!#$%&'*+-/=?^_`{|}~@example.org"),
    ],
)
def test_an_address_is_told_with_its_domain_in_a_labels(typed: str, told: str) -> None:
    envelope = build_envelope(typed, [typed], None)
    assert envelope == Envelope(sender=told, recipients=(told,))
    assert envelope.is_ascii == told.isascii()


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "ana",
        "@example.org",
        "ana@",
        "ana@example",
        "a@b@example.org",
        "<ana@example.org>",
        "Ana <ana@example.org>",
        "ana@example.org,bob@example.org",
        "ana @example.org",
        "ana@example.org ",
        ".ana@example.org",
        "ana..b@example.org",
        "ana@[192.0.2.1]",
        "ana@192.0.2.1",
        "ana@-x.example",
        "a" * 250 + "@example.org",
        "ana@" + "a" * 64 + ".example",
        "ana@" + ".".join(["a" * 60] * 5),
        "ana@example.org> SIZE=1",
        '"ana"bob@example.org',
        "ana@💌.example",
        "\ud800@example.org",
    ],
    ids=ascii,
)
def test_what_is_no_address_is_refused_in_every_place_at_once(wrong: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        build_envelope(wrong, ["bob@example.org", wrong], None)
    assert [(problem.field, problem.code) for problem in caught.value.problems] == [
        ("sender", "message.address"),
        ("recipients.1", "message.address"),
    ]
    assert str(caught.value).isprintable()


def test_one_address_that_is_not_ascii_is_enough_to_need_smtputf8() -> None:
    """RFC 6531 section 3.4."""
    plain, other = "ana@example.org", "jörg@example.org"
    assert build_envelope(plain, [plain], None).is_ascii
    assert not build_envelope(other, [plain], None).is_ascii
    assert not build_envelope(plain, [plain, other], None).is_ascii


def test_each_recipient_is_told_once_in_the_order_given() -> None:
    envelope = build_envelope("ana@example.org", iter(["b@x.example", "a@x.example", "b@X.example"]), None)
    assert envelope.recipients == ("b@x.example", "a@x.example")


def test_somebody_must_get_it() -> None:
    with pytest.raises(InvalidMessage, match="no recipient"):
        build_envelope("ana@example.org", [], None)


@given(st.text(max_size=30) | st.text(alphabet='a.@"<> \\\r\n[]1ü', max_size=20))
def test_any_text_is_an_address_fit_for_the_wire_or_a_problem(text: str) -> None:
    for typed in (text, f"{text}@example.org", f"ana@{text}"):
        found = read_address(typed, quoted=True)
        if isinstance(found, Problem):
            assert found.message.isprintable()
            continue
        local_part, _, domain = found.rpartition("@")
        assert domain.isascii()
        assert not set(found) & {"\r", "\n", "\0"}
        assert local_part.startswith('"') or not set(local_part) & set('<>() ,;:"\\')
        assert len(found) <= 254
        assert read_address(found, quoted=True) == found


# -- notifications -----------------------------------------------------------------------------------------------------


def test_wishes_are_kept_as_a_set() -> None:
    wishes: Any = [Notify.SUCCESS, Notify.FAILURE, Notify.SUCCESS]
    dsn = Dsn(notify=wishes, ret=Return.HEADERS, envelope_id="order-17")
    assert dsn.notify == {Notify.SUCCESS, Notify.FAILURE}
    assert build_envelope("ana@example.org", ["bob@example.org"], dsn).dsn == dsn


@pytest.mark.parametrize("envelope_id", ["ä", "a\nb", "\0", "x" * 101])
def test_everything_wrong_with_the_wishes_is_told_at_once(envelope_id: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        Dsn(notify=frozenset({Notify.NEVER, Notify.DELAY}), envelope_id=envelope_id)
    assert [(problem.field, problem.code) for problem in caught.value.problems] == [
        ("dsn.notify", "dsn.never_alone"),
        ("dsn.envelope_id", "dsn.envelope_id"),
    ]
    assert "NEVER" in str(caught.value)
    assert "100 printable ASCII characters" in str(caught.value)


def test_never_may_stand_alone_and_an_id_may_have_100_characters() -> None:
    assert Dsn(notify=frozenset({Notify.NEVER}), envelope_id="x" * 100).envelope_id == "x" * 100


@pytest.mark.parametrize("local_part", ["a" * 65, "ä" * 33])
def test_a_local_part_of_more_than_64_bytes_is_refused(local_part: str) -> None:
    """RFC 5321 section 4.5.3.1.1 counts octets."""
    with pytest.raises(InvalidMessage, match="64 bytes"):
        build_envelope(f"{local_part}@example.org", ["bo@example.org"], None)
