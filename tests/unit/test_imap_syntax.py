"""IMAP's small languages: mailbox names, strings, tokens."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tether_mailconf._wire import imap_syntax
from tether_mailconf._wire.imap_syntax import MAX_DEPTH, Allowance, Token, decode_mailbox, encode_mailbox, quoted
from tether_mailconf.errors import ProtocolViolation

texts = st.text(st.characters(exclude_categories=["Cs"]))


def tokenize(segments: list[bytes]) -> list[Token]:
    """Read tokens, as many as there are."""
    return imap_syntax.tokenize(segments, Allowance(100_000))


@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        ("Sent", "Sent"),
        ("", ""),
        ("R&D", "R&-D"),
        ("&", "&-"),
        ("&-", "&--"),
        ("Entwürfe", "Entw&APw-rfe"),
        ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # RFC 3501 section 5.1.3
        ("Отправленные", "&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-"),
        ("已发送", "&XfJT0ZAB-"),
        ("💌", "&2D3cjA-"),
        ("ėėė", "&ARcBFwEX-"),
        ("a\tb", "a&AAk-b"),
        ('"\\', '"\\'),
        ("ü&ö", "&APw-&-&APY-"),
    ],
)
def test_names_are_written_in_modified_utf_7_and_read_back(name: str, encoded: str) -> None:
    assert encode_mailbox(name) == encoded
    assert decode_mailbox(encoded) == name


@pytest.mark.parametrize("text", ["&", "a&b", "&!!-", "&AA-", "&A-", "&2D0-", "&ü-", "&AAA=-", "Ü"])
def test_a_run_that_is_none_stays_as_it_is(text: str) -> None:
    assert decode_mailbox(text) == text


@given(texts)
@example("&-&-")
@example("\U0010ffff\x00\x7f")
def test_any_name_survives_modified_utf_7(name: str) -> None:
    encoded = encode_mailbox(name)
    assert encoded.isascii()
    assert encoded.isprintable()
    assert decode_mailbox(encoded) == name


@given(st.text(alphabet="&-,AQw+/=aü\r\n\x00", max_size=30) | st.text())
def test_any_text_can_be_read_as_a_name(text: str) -> None:
    assert isinstance(decode_mailbox(text), str)


@given(texts.filter(lambda text: not set(text) & {"\r", "\n", "\0"}))
@example('\\"')
@example("a{5}")
def test_a_quoted_string_is_read_back_as_one_token(text: str) -> None:
    assert tokenize([quoted(text)]) == [text.encode()]


@pytest.mark.parametrize("text", ["a\rb", "a\nb", "\0", "\r\nA1 LOGOUT"])
def test_what_no_quoted_string_can_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="line break or NUL"):
        quoted(text)


@pytest.mark.parametrize(
    ("segments", "tokens"),
    [
        ([b""], []),
        ([b"   "], []),
        ([b"a b"], [b"a", b"b"]),
        ([b"NIL nil Nil"], [None, None, None]),
        ([b'"NIL"'], [b"NIL"]),
        ([b'""'], [b""]),
        ([b'"a \\"b\\" \\\\c"'], [b'a "b" \\c']),
        ([b"(a (b) ()) c"], [[b"a", [b"b"], []], b"c"]),
        ([b'(\\HasNoChildren \\Sent) "/" "Sent Items"'], [[b"\\HasNoChildren", b"\\Sent"], b"/", b"Sent Items"]),
        ([b"BODY[HEADER.FIELDS (MESSAGE-ID)] x"], [b"BODY[HEADER.FIELDS (MESSAGE-ID)]", b"x"]),
        ([b"(BODY[] {5}", b'a)"\r\n', b" UID 7)"], [[b"BODY[]", b'a)"\r\n', b"UID", b"7"]]),
        ([b"{3+}", b"abc", b""], [b"abc"]),
        ([b"~{3}", b"\0\0\0", b""], [b"\0\0\0"]),
        ([b"{0}", b"", b""], [b""]),
        ([b'"\xff\xc3"'], [b"\xff\xc3"]),
    ],
)
def test_a_response_is_read_into_tokens(segments: list[bytes], tokens: list[Token]) -> None:
    assert tokenize(segments) == tokens


@pytest.mark.parametrize("line", [b"(", b"(()", b")", b"a)", b'"a', b'"', b'"a\\"', b"BODY[", b"{x}", b"{", b"a{"])
def test_what_does_not_match_up_is_a_violation(line: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        tokenize([line])


def test_parentheses_may_be_nested_16_deep_and_no_deeper() -> None:
    assert MAX_DEPTH == 16
    tokens = tokenize([b"(" * MAX_DEPTH + b")" * MAX_DEPTH])
    for _ in range(MAX_DEPTH):
        assert len(tokens) == 1
        assert isinstance(tokens[0], list)
        tokens = tokens[0]
    assert tokens == []
    with pytest.raises(ProtocolViolation, match="too deep"):
        tokenize([b"(" * (MAX_DEPTH + 1) + b")" * (MAX_DEPTH + 1)])


def test_ten_thousand_parentheses_are_a_violation_and_no_recursion() -> None:
    for line in (b"(" * 10_000 + b")" * 10_000, b"(" * 10_000, b")" * 10_000):
        with pytest.raises(ProtocolViolation):
            tokenize([line])


def test_no_more_tokens_are_taken_than_allowed() -> None:
    for segments in ([b"a (b c) d"], [b"a {1}", b"b", b" c d {1}", b"e", b""], [b"()()()()()"], [b'"" "" "" NIL x']):
        allowance = Allowance(5)
        assert imap_syntax.tokenize(segments, allowance)
        assert allowance.left == 0
        with pytest.raises(ProtocolViolation, match="too many parts"):
            imap_syntax.tokenize(segments, Allowance(4))


def nested(tokens: list[Token]) -> int:
    """How deep lists stand in one another."""
    return 1 + max((nested(token) for token in tokens if isinstance(token, list)), default=0)


@given(
    st.lists(st.binary(max_size=30) | st.text(alphabet='()"\\{}[]5+~ aNIL', max_size=30).map(str.encode), max_size=5)
)
def test_any_segments_give_tokens_or_a_violation(segments: list[bytes]) -> None:
    try:
        tokens = tokenize(segments)
    except ProtocolViolation:
        return
    assert nested(tokens) <= MAX_DEPTH + 1
