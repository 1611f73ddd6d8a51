"""IMAP responses from bytes: the same however they are cut, within limits, always a value or a typed error."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tether_mailconf._wire.imap_response import (
    Continuation,
    Data,
    Response,
    ResponseLimits,
    ResponseParser,
    Status,
)
from tether_mailconf.errors import ProtocolViolation

LIMITS = ResponseLimits()
SMALL = ResponseLimits(line=40, literal=60, command=10_000)
TOO_LONG_LITERAL = "the server announces a literal that is too long"


def parsed(chunks: Iterable[bytes], limits: ResponseLimits = LIMITS) -> tuple[list[Response], str, bool]:
    """The responses in some bytes, what was wrong after them, and whether nothing is left over.

    Parsing goes on after each chunk, as in a conversation, so the buffer must never hold more than a limit and a chunk.
    """
    parser, responses = ResponseParser(limits), []
    try:
        for chunk in chunks:
            parser.feed(chunk)
            assert len(parser._buffer) <= max(limits.line, limits.literal) + len(chunk)
            while (response := parser.next_response()) is not None:
                responses.append(response)
            assert len(parser._buffer) < max(limits.line, limits.literal)
    except ProtocolViolation as error:
        return responses, error.detail, False
    return responses, "", parser.is_empty


def one(data: bytes) -> Response:
    """The only response in some bytes."""
    responses, wrong, is_empty = parsed([data])
    assert (len(responses), wrong, is_empty) == (1, "", True)
    return responses[0]


def status(tag: str, word: str, *, code: str = "", arguments: str = "", text: str = "") -> Status:
    """A status response."""
    return Status(tag=tag, status=word, code=code, arguments=arguments, text=text)


# -- what a response is ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "response"),
    [
        (b"+ go on\r\n", Continuation(text="go on")),
        (b"+ \r\n", Continuation(text="")),
        (b"+\r\n", Continuation(text="")),
        (b"+ {5}\r\n", Continuation(text="{5}")),
        (b"+eyJ9\r\n", Continuation(text="eyJ9")),  # without the space that ought to be there, nothing is lost
        (b"* OK hello\r\n", status("*", "OK", text="hello")),
        (b"* ok hello\r\n", status("*", "OK", text="hello")),
        (b"a1 OK\r\n", status("a1", "OK")),
        (b"a1 NO [OVERQUOTA] full\r\n", status("a1", "NO", code="OVERQUOTA", text="full")),
        (
            b"A1 OK [APPENDUID 38505 3955] done\r\n",
            status("A1", "OK", code="APPENDUID", arguments="38505 3955", text="done"),
        ),
        (b"A1 BAD [] x\r\n", status("A1", "BAD", text="[] x")),
        (b"A1 BAD [open x\r\n", status("A1", "BAD", text="[open x")),
        (b"* BYE see you\r\n", status("*", "BYE", text="see you")),
        (b"* PREAUTH hi\r\n", status("*", "PREAUTH", text="hi")),
        (b"A1 OK see {5}\r\n", status("A1", "OK", text="see {5}")),
        (b"* OK see {5}\r\n", status("*", "OK", text="see {5}")),
        (b"* NO [ALERT] see {99999999999}\r\n", status("*", "NO", code="ALERT", text="see {99999999999}")),
        ("* OK grüezi\r\n".encode(), status("*", "OK", text="grüezi")),
        (b"* OK \xff\r\n", status("*", "OK", text="\\xff")),
        (b"* 3 EXISTS\r\n", Data(name="EXISTS", number=3, tokens=())),
        (b"* SEARCH\r\n", Data(name="SEARCH", number=None, tokens=())),
        (b"* search 1 2\r\n", Data(name="SEARCH", number=None, tokens=(b"1", b"2"))),
        (
            b'* LIST (\\Sent) "/" Sent\r\n',
            Data(name="LIST", number=None, tokens=([b"\\Sent"], b"/", b"Sent")),
        ),
        (b'* LIST () "/" "a{5}"\r\n', Data(name="LIST", number=None, tokens=([], b"/", b"a{5}"))),
        (b'* LIST () NIL {4}\r\na"\r\n\r\n', Data(name="LIST", number=None, tokens=([], None, b'a"\r\n'))),
        (
            b"* 7 FETCH (UID 9 BODY[] {3}\r\na\0b FLAGS ())\r\n",
            Data(name="FETCH", number=7, tokens=([b"UID", b"9", b"BODY[]", b"a\0b", b"FLAGS", []],)),
        ),
        (b"* 7 FETCH (BODY[] {0}\r\n)\r\n", Data(name="FETCH", number=7, tokens=([b"BODY[]", b""],))),
        (b"* STATUS x {3}\r\n\r\n\r\r\n", Data(name="STATUS", number=None, tokens=())),
        (b"* X-UNHEARD-OF (((\r\n", Data(name="X-UNHEARD-OF", number=None, tokens=())),
        (b"* FLAGS (\\Seen\r\n", Data(name="FLAGS", number=None, tokens=())),
    ],
)
def test_a_response_is_read_into_its_parts(data: bytes, response: Response) -> None:
    assert one(data) == response


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n",
        b"hello\r\n",
        b"*\r\n",
        b"* \r\n",
        b"*OK x\r\n",
        b"* 5\r\n",
        b"* 12345678901 EXISTS\r\n",
        b"a1\r\n",
        b"a1 MAYBE\r\n",
        b"a1 OKAY\r\n",
        b"220 smtp.example.com ESMTP\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\x16\x03\x01\r\n",
        b'* LIST (\\Sent "/" x\r\n',
        b"* SEARCH )\r\n",
        b'* LIST () "/\r\n',
        b"* OK no end\n",
        b"* OK a\rb\r\n",
        b"* OK a\r\r\n",
        b"* OK a\0b\r\n",
        b"* 1 FETCH (BODY[] {1}\r\nx\n)\r\n",
    ],
)
def test_what_is_no_response_is_a_violation(data: bytes) -> None:
    responses, wrong, _ = parsed([data])
    assert responses == []
    assert wrong


@pytest.mark.parametrize(
    "data", [b"*", b"* OK", b"* OK x\r", b"* LIST () {3}\r\nab", b"* LIST () {3}\r\nabc", b"* {5}\r\n"]
)
def test_half_a_response_waits_for_the_rest(data: bytes) -> None:
    assert parsed([data]) == ([], "", False)


def test_parentheses_nested_ten_thousand_deep_are_a_violation_and_no_recursion() -> None:
    data = b"* LIST " + b"(" * 10_000 + b")" * 10_000 + b"\r\n"
    assert parsed([data]) == ([], "a response is nested too deep", False)


@pytest.mark.parametrize("digits", [b"9" * 5_000, b"0" * 5_000, b"262145", b"9999999999", b"99999999999"])
@pytest.mark.parametrize("form", [b"{%b}", b"{%b+}", b"~{%b}"])
def test_a_literal_that_is_too_long_is_refused_when_it_is_announced(digits: bytes, form: bytes) -> None:
    assert parsed([b"* LIST () NIL " + form % digits + b"\r\n"]) == ([], TOO_LONG_LITERAL, False)


# -- limits ------------------------------------------------------------------------------------------------------------


def test_the_limits_are_the_documented_ones() -> None:
    assert ResponseLimits() == ResponseLimits(
        line=64 * 1024, literal=256 * 1024, command=1024 * 1024, literals=500, tokens=150_000
    )


def test_a_response_of_500_literals_passes_and_one_more_does_not() -> None:
    for count, error in ((500, ""), (501, "a response of the server has too many literals")):
        responses, found, _ = parsed([b"* LIST" + b" {1}\r\nx" * count + b"\r\n"])
        assert (len(responses), found) == (0 if error else 1, error)


def test_the_tokens_of_one_answer_are_counted_together_and_anew_for_each_command() -> None:
    parser = ResponseParser(ResponseLimits(tokens=10))
    for _ in range(2):
        parser.begin_command()
        for _ in range(3):
            parser.feed(b"* LIST () NIL a\r\n")
            assert isinstance(parser.next_response(), Data)
        parser.feed(b"* LIST () NIL a\r\n")
        with pytest.raises(ProtocolViolation, match="too many parts"):
            parser.next_response()


def test_a_line_of_64_kib_passes_and_one_byte_more_does_not() -> None:
    fits = b"* OK " + b"x" * (65536 - 7) + b"\r\n"
    assert one(fits) == status("*", "OK", text="x" * 65529)
    assert parsed([b"* OK x" + fits[5:]]) == ([], "a line of the server's response is too long", False)


def test_a_line_without_an_end_is_given_up_at_64_kib() -> None:
    parser = ResponseParser(LIMITS)
    parser.feed(b"x" * 65535)
    assert parser.next_response() is None
    parser.feed(b"x")
    with pytest.raises(ProtocolViolation, match="too long"):
        parser.next_response()


def test_a_literal_of_256_kib_passes() -> None:
    size = 256 * 1024
    response = one(b"* 1 FETCH (BODY[] {%d}\r\n" % size + b"x" * size + b")\r\n")
    assert isinstance(response, Data)
    assert response.tokens == ([b"BODY[]", b"x" * size],)


def test_one_command_is_answered_with_1_mib_at_most() -> None:
    parser = ResponseParser(LIMITS)
    for _ in range(16):
        parser.feed(b"* OK " + b"x" * (65536 - 7) + b"\r\n")
        assert parser.next_response() is not None
    with pytest.raises(ProtocolViolation, match="one command"):
        parser.feed(b"*")
    assert parser.is_empty
    parser.begin_command()
    parser.feed(b"* OK again\r\n")
    assert parser.next_response() == status("*", "OK", text="again")


def test_many_literals_in_one_response_cannot_pass_the_limit_of_the_command() -> None:
    parser = ResponseParser(LIMITS)
    piece = b" {262144}\r\n" + b"x" * 262144

    def drip() -> None:
        parser.feed(b"* LIST ()")
        for _ in range(5):
            parser.feed(piece)
            assert parser.next_response() is None

    with pytest.raises(ProtocolViolation, match="one command"):
        drip()
    assert len(parser._buffer) + sum(map(len, parser._segments)) <= LIMITS.command


# -- properties --------------------------------------------------------------------------------------------------------

atoms = st.sampled_from(
    [b"a", b"NIL", b"\\Sent", b"()", b"(", b")", b'"q\\" {2}"', b"BODY[]", b"{3}\r\nabc", b"{0}\r\n", b"7"]
)
lines = st.builds(
    lambda start, parts: start + b" " + b" ".join(parts) + b"\r\n",
    st.sampled_from([b"* LIST", b"* 1 FETCH", b"* OK", b"a1 NO [X y]", b"+", b"* SEARCH", b"* STATUS", b"* 4"]),
    st.lists(atoms, max_size=6),
)
streams = st.lists(lines | st.binary(max_size=30) | st.sampled_from([b"\n", b"* OK x\n", b"{9}\r\n"]), max_size=5).map(
    b"".join
)


@given(streams, st.lists(st.integers(0, 10_000)))
@example(b"* 1 FETCH (BODY[] {3}\r\n\r\n) FLAGS ())\r\na1 OK {3}\r\n", [24, 25, 26])
def test_any_cutting_of_the_bytes_gives_the_same_responses_and_the_same_violation(
    data: bytes, places: list[int]
) -> None:
    whole = parsed([data])
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    assert parsed(data[start:end] for start, end in itertools.pairwise(edges)) == whole
    assert parsed(data[index : index + 1] for index in range(len(data))) == whole


@given(streams | st.binary(max_size=400), st.integers(1, 64))
def test_any_bytes_give_responses_or_a_violation_within_the_limits(data: bytes, size: int) -> None:
    """`parsed` lets nothing else through, and looks at the buffer after each chunk."""
    responses, _, _ = parsed((data[start : start + size] for start in range(0, len(data), size)), SMALL)
    for response in responses:
        if isinstance(response, Status):
            assert response.reply().shown.isprintable()
