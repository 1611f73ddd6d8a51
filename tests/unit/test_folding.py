"""Fields on lines: a mail program reads what was written, and no line is longer than it may be."""

from __future__ import annotations

import re
from email.headerregistry import Address, Group

import pytest

from tether_mailconf.delivery.folding import address_field, as_it_came, text_field
from tether_mailconf.delivery.rendering import structured

LONG_IDEOGRAPHS = "\u6f22\u5b57" * 14


def written(field: bytes | None) -> bytes:
    """A field that can be written, on lines that are no longer than they may be."""
    assert field is not None
    assert field.endswith(b"\r\n")
    assert all(len(line) <= 998 for line in field.split(b"\r\n"))
    return field


def read(field: bytes | None) -> str:
    """The text that a mail program shows: encoded words are such behind a space only (RFC 2047 section 5 (1))."""
    name, value = written(field).decode().split(":", 1)
    assert not re.search(r"\S=\?utf-8\?[qb]\?", value)
    return str(structured(name, value.strip(" \r\n").replace("\r\n", "")))


def words(field: bytes | None) -> list[bytes]:
    """The encoded words of a field."""
    return re.findall(rb"=\?\S+\?=", written(field))


# -- lines -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_utf8", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        "X",
        "Xü",
        "ü X",
        "\u00a0",
        "\u00a0ü",
        "=?utf-8?q?a?=",
        "the word =?utf-8?q?a?= stands here",
        "=?utf-8?b?" + "a" * 900 + "?=",
        "two  spaces  ü  ü  two",
        LONG_IDEOGRAPHS,
        "a" * 988,
        "a" * 989,
        "a" * 990,
        "a" * 2_000,
        "ü" * 1_000,
        "üeee" * 20,
    ],
)
def test_a_text_is_read_as_it_was_written(text: str, is_utf8: bool) -> None:
    assert read(text_field("Subject", text, is_utf8=is_utf8)) == text


def test_a_word_that_just_fits_on_the_longest_line_stands_as_it_is_and_one_longer_is_encoded() -> None:
    """RFC 5322 section 2.1.1."""
    assert text_field("Subject", "a" * 989, is_utf8=False) == b"Subject: " + b"a" * 989 + b"\r\n"
    encoded = written(text_field("Subject", "a" * 990, is_utf8=False))
    assert max(map(len, encoded.split(b"\r\n"))) <= 78


def test_a_word_begins_a_line_of_its_own_only_where_it_fits_on_it() -> None:
    """Some programs take a first line without a word for the end of the header."""
    assert as_it_came("X-Any", "a" * 77) == b"X-Any:\r\n " + b"a" * 77 + b"\r\n"
    assert as_it_came("X-Any", "a" * 78) == b"X-Any: " + b"a" * 78 + b"\r\n"


def test_words_fill_a_line_of_78_and_no_more() -> None:
    assert as_it_came("X-Any", "a" * 69 + " b") == b"X-Any: " + b"a" * 69 + b" b\r\n"
    assert as_it_came("X-Any", "a" * 70 + " b") == b"X-Any: " + b"a" * 70 + b"\r\n b\r\n"
    assert as_it_came("X-Any", "a" * 70 + "\tb \t") == b"X-Any: " + b"a" * 70 + b"\r\n\tb \t\r\n"


@pytest.mark.parametrize("value", ["a" * 992, "a " + "b" * 998, "a\0b", "a\rb", "", " \t "])
def test_what_cannot_stand_in_a_field_as_it_came_is_not_written(value: str) -> None:
    assert as_it_came("X-Any", value) is None


def test_a_line_as_long_as_may_be_is_written_as_it_came() -> None:
    assert as_it_came("X-Any", "a" * 991) == b"X-Any: " + b"a" * 991 + b"\r\n"


def test_a_text_with_a_line_end_in_it_is_not_written() -> None:
    assert text_field("Subject", "a\rb", is_utf8=True) is None


def test_no_octet_outside_ascii_goes_where_nobody_asked_for_utf_8() -> None:
    """RFC 6532 section 3: only where the server offers SMTPUTF8."""
    jorg = [Group(None, (Address("", "jörg", "example.org"),))]
    assert address_field("To", jorg, is_utf8=True) == "To: jörg@example.org\r\n".encode()
    with pytest.raises(UnicodeError):
        address_field("To", jorg, is_utf8=False)
    with pytest.raises(UnicodeError):
        as_it_came("X-Any", "ü")


# -- encoded words -----------------------------------------------------------------------------------------------------


def test_an_encoded_word_is_as_long_as_it_may_be_and_no_longer() -> None:
    """RFC 2047 section 2: 75 characters, and the line with it 76; ours may have 78, and holds the name as well."""
    one = written(text_field("Subject", "\u6f22" * 14, is_utf8=False))
    assert len(words(one)) == one.count(b"\r\n") == 1
    two = written(text_field("Subject", "\u6f22" * 28, is_utf8=False))
    assert len(words(two)) == two.count(b"\r\n") == 2
    full = text_field("X", "é" + "e" * 300, is_utf8=False)
    assert max(map(len, words(full))) == 75


@pytest.mark.parametrize(("text", "way"), [("Grüße", "q"), ("üeee" * 5, "b"), ("\u6f22\u5b57", "b"), ("ü" * 40, "b")])
def test_a_text_is_encoded_in_the_way_that_is_short(text: str, way: str) -> None:
    """RFC 2047 section 4: what is mostly ASCII stays readable, the rest is base64."""
    (first, *_) = words(text_field("X", text, is_utf8=False))
    assert first.startswith(f"=?utf-8?{way}?".encode())


def test_a_space_inside_an_encoded_word_is_seen_as_one_where_nothing_decodes_it() -> None:
    """RFC 2047 section 4.2 (2)."""
    names = Address("José Maria de la Cruz", "jose", "example.org")
    field = address_field("To", [Group(None, (names,))], is_utf8=False)
    assert field == b"To: =?utf-8?q?Jos=C3=A9_Maria_de_la_Cruz?= <jose@example.org>\r\n"


# -- addresses ---------------------------------------------------------------------------------------------------------


def people(*names: str) -> list[Address]:
    """People at one place, by what they are called."""
    return [Address(name, f"p{index}", "example.org") for index, name in enumerate(names)]


@pytest.mark.parametrize("is_utf8", [False, True])
@pytest.mark.parametrize(
    "name",
    [
        "Ana Lima",
        "Ana  Lima",
        " Ana",
        "Ana B. Lima",
        'Ana "the one" Lima',
        "Ana\\Lima",
        "Lima, Ana",
        "Jörg",
        "Jörg B. Müller",
        "Jörg, \u6f22\u5b57",
        "a =?utf-8?q?b?= c",
        "Ana " * 40 + "Lima",
    ],
)
def test_a_name_is_read_as_it_was_written(name: str, is_utf8: bool) -> None:
    field = written(address_field("To", [Group(None, tuple(people(name)))], is_utf8=is_utf8))
    header = structured("To", field.decode().split(":", 1)[1].replace("\r\n", ""))
    (address,) = header.addresses
    assert (address.display_name, address.addr_spec) == (name, "p0@example.org")


def test_a_name_of_atoms_needs_no_quotes_and_is_folded_between_its_words() -> None:
    """RFC 5322 section 3.2.5."""
    short = address_field("To", [Group(None, tuple(people("Ana Lima")))], is_utf8=False)
    assert short == b"To: Ana Lima <p0@example.org>\r\n"
    long = written(address_field("To", [Group(None, tuple(people("Ana " * 40 + "Lima")))], is_utf8=False))
    assert b'"' not in long
    assert max(map(len, long.split(b"\r\n"))) <= 78


def test_each_of_a_group_is_behind_a_comma_of_its_own() -> None:
    friends = Group("My friends", tuple(people("", "Ana Lima", "", "Jörg", "")))
    others = [Group(None, (one,)) for one in people("", "Eva")]
    field = written(address_field("To", [friends, *others, Group("none", ())], is_utf8=False))
    header = structured("To", field.decode().split(":", 1)[1].replace("\r\n", ""))
    assert not header.defects
    assert header.groups == (friends, *others, Group("none", ()))
