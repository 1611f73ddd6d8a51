"""SMTP replies from bytes: the same however they are cut, within limits, and never anything but a reply or an error."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tether_mailconf._wire.smtp_reply import ReplyLimits, ReplyParser
from tether_mailconf.errors import ProtocolViolation, Reply

LIMITS = ReplyLimits()
SMALL = ReplyLimits(line=32, size=96, lines=4)


def parsed(chunks: Iterable[bytes], limits: ReplyLimits = LIMITS) -> tuple[list[Reply], str, bool]:
    """The replies in some bytes, what was wrong after them, and whether nothing is left over.

    Parsing goes on after each chunk, as in a conversation, so the buffer must never hold more than a line and a chunk.
    """
    parser, replies = ReplyParser(limits), []
    try:
        for chunk in chunks:
            parser.feed(chunk)
            assert len(parser._buffer) <= limits.line + len(chunk)
            while (reply := parser.next_reply()) is not None:
                replies.append(reply)
            assert len(parser._buffer) < limits.line
            assert sum(map(len, parser._lines)) <= limits.size
    except ProtocolViolation as error:
        return replies, error.detail, False
    return replies, "", parser.is_empty


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """The same bytes in pieces."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


# -- what a reply is ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "reply"),
    [
        (b"250 ok\r\n", Reply(code="250", text="ok")),
        (b"250\r\n", Reply(code="250")),
        (b"250 \r\n", Reply(code="250")),
        (b"250-a\r\n250-b\r\n250 c\r\n", Reply(code="250", text="a\nb\nc")),
        (b"250-\r\n250\r\n", Reply(code="250", text="\n")),
        (b"250 2.0.0 Ok: queued as ABC\r\n", Reply(code="250", enhanced="2.0.0", text="Ok: queued as ABC")),
        (b"550-5.1.1 no\r\n550 5.1.1 body\r\n", Reply(code="550", enhanced="5.1.1", text="no\nbody")),
        (b"550-5.1.1 no\r\n550 body\r\n", Reply(code="550", enhanced="5.1.1", text="no\nbody")),
        (b"550-5.1.1 no\r\n550 5.7.1 body\r\n", Reply(code="550", enhanced="5.1.1", text="no\n5.7.1 body")),
        (b"550 5.1.1\r\n", Reply(code="550", enhanced="5.1.1")),
        (
            b"250 5.1.1 a class that is not the reply's\r\n",
            Reply(code="250", text="5.1.1 a class that is not the reply's"),
        ),
        (b"220 1.2.3.4 ESMTP\r\n", Reply(code="220", text="1.2.3.4 ESMTP")),
        (b"550 5.1.1234 x\r\n", Reply(code="550", text="5.1.1234 x")),
        ("250 grüezi\r\n".encode(), Reply(code="250", text="grüezi")),
        (b"250 \xff\xfe\r\n", Reply(code="250", text="\\xff\\xfe")),
        (b"250 a\tb\x1b\r\n", Reply(code="250", text="a\tb\x1b")),
        (b"354 go\r\n", Reply(code="354", text="go")),
        (b"354 3.0.0 go\r\n", Reply(code="354", text="3.0.0 go")),  # RFC 3463 section 2: no such class
    ],
)
def test_a_reply_is_read_with_its_code_enhanced_code_and_text(data: bytes, reply: Reply) -> None:
    assert parsed([data]) == ([reply], "", True)


@pytest.mark.parametrize(
    "data",
    [
        b"000 x\r\n",
        b"099 x\r\n",
        b"199 x\r\n",
        b"600 x\r\n",
        b"999 x\r\n",
        b"2500 x\r\n",
        b"25 x\r\n",
        b"250x\r\n",
        b"250\tx\r\n",
        b"2\xb250 x\r\n",
        b" 250 x\r\n",
        b"\r\n",
        b"hello\r\n",
        b"+250 x\r\n",
        "\uff12\uff15\uff10 x\r\n".encode(),
        b"250-a\r\n251 b\r\n",
        b"250-a\r\n550 b\r\n",
        b"250-a\r\n\r\n",
        b"250-a\r\nb\r\n",
        b"* OK IMAP here\r\n",
        b"HTTP/1.1 200 OK\r\n",
    ],
)
def test_what_is_no_reply_is_a_violation(data: bytes) -> None:
    replies, wrong, _ = parsed([data])
    assert replies == []
    assert wrong == "what the server sent is not an SMTP reply"


@pytest.mark.parametrize(
    "data", [b"250 ok\n", b"250 o\rk\r\n", b"250 o\0k\r\n", b"250 ok\r\r\n", b"\n", b"250 ok\n\r\n"]
)
def test_a_line_with_a_bare_cr_or_lf_or_nul_is_a_violation(data: bytes) -> None:
    replies, wrong, _ = parsed([data])
    assert replies == []
    assert "CRLF" in wrong


@pytest.mark.parametrize("data", [b"", b"2", b"250", b"250 ok", b"250 ok\r", b"250-ok\r\n", b"250-ok\r\n250 x\r"])
def test_half_a_reply_waits_for_the_rest(data: bytes) -> None:
    assert parsed([data]) == ([], "", data == b"")


def test_what_comes_after_a_reply_is_kept_for_the_next() -> None:
    parser = ReplyParser(LIMITS)
    parser.feed(b"250 a\r\n550 b\r\n22")
    assert parser.next_reply() == Reply(code="250", text="a")
    assert not parser.is_empty
    assert parser.next_reply() == Reply(code="550", text="b")
    assert parser.next_reply() is None
    assert not parser.is_empty


# -- limits ------------------------------------------------------------------------------------------------------------


def test_the_limits_are_the_documented_ones() -> None:
    assert ReplyLimits() == ReplyLimits(line=4096, size=65536, lines=200)


def test_a_line_of_4_kib_passes_and_one_byte_more_does_not() -> None:
    fits = b"250 " + b"x" * (4096 - 6) + b"\r\n"
    assert parsed([fits])[0] == [Reply(code="250", text="x" * 4090)]
    assert parsed([b"250 x" + fits[4:]]) == ([], "a line of the server's reply is too long", False)


def test_a_line_without_an_end_is_given_up_at_4_kib_and_no_more_is_kept() -> None:
    parser = ReplyParser(LIMITS)
    parser.feed(b"250 " + b"x" * 4091)
    assert parser.next_reply() is None
    parser.feed(b"x")
    with pytest.raises(ProtocolViolation, match="too long"):
        parser.next_reply()


def test_200_lines_pass_and_201_do_not() -> None:
    assert parsed([b"250-x\r\n" * 199 + b"250 x\r\n"])[0] == [Reply(code="250", text="\n".join("x" * 200))]
    assert parsed([b"250-x\r\n" * 200 + b"250 x\r\n"]) == ([], "the server's reply has too many lines", False)
    assert parsed([b"250-x\r\n" * 200])[1] == "the server's reply has too many lines"


def test_64_kib_pass_and_one_byte_more_does_not() -> None:
    line = b"250-" + b"x" * 4090 + b"\r\n"
    assert len(parsed([line * 15 + b"250 " + line[4:]])[0]) == 1
    assert parsed([line * 16 + b"250 \r\n"]) == ([], "the server's reply is too long", False)


def test_the_limits_are_for_each_reply_and_not_for_the_connection() -> None:
    replies, wrong, is_empty = parsed([b"250-x\r\n" * 150 + b"250 x\r\n"] * 100)
    assert (len(replies), wrong, is_empty) == (100, "", True)


def test_a_reply_after_another_may_be_64_kib_as_well() -> None:
    whole = (b"250-" + b"x" * 4090 + b"\r\n") * 15 + b"250 " + b"x" * 4090 + b"\r\n"
    replies, wrong, is_empty = parsed([whole] * 3)
    assert (len(replies), wrong, is_empty) == (3, "", True)


# -- properties --------------------------------------------------------------------------------------------------------

line_texts = st.binary(max_size=20).map(lambda raw: raw.translate(None, b"\r\n\0"))
replies_on_the_wire = st.builds(
    lambda code, texts: b"".join(
        b"%d%b%b\r\n" % (code, b" " if index == len(texts) - 1 else b"-", text) for index, text in enumerate(texts)
    ),
    st.integers(200, 599),
    st.lists(line_texts, min_size=1, max_size=4),
)
streams = st.lists(replies_on_the_wire | st.binary(max_size=40) | st.just(b"250 ok\n"), max_size=4).map(b"".join)


@given(streams, st.lists(st.integers(0, 10_000)))
@example(b"250-a\r\n250 b\r\n250 c\r\n", list(range(30)))
def test_any_cutting_of_the_bytes_gives_the_same_replies_and_the_same_violation(data: bytes, places: list[int]) -> None:
    whole = parsed([data])
    assert parsed(cut(data, places)) == whole
    assert parsed(data[index : index + 1] for index in range(len(data))) == whole


@given(st.binary(max_size=400), st.integers(1, 64))
def test_any_bytes_give_replies_or_a_violation_within_the_limits(data: bytes, size: int) -> None:
    """`parsed` lets nothing else through, and looks at the buffer after each chunk."""
    replies, _, _ = parsed((data[start : start + size] for start in range(0, len(data), size)), SMALL)
    for reply in replies:
        assert len(reply.code) == 3
        assert reply.shown.isprintable()


@given(replies_on_the_wire)
def test_a_well_formed_reply_is_one_reply(data: bytes) -> None:
    replies, wrong, is_empty = parsed([data])
    assert (len(replies), wrong, is_empty) == (1, "", True)
    assert replies[0].code == data[:3].decode()
    assert replies[0].text.count("\n") == data.count(b"\n") - 1
