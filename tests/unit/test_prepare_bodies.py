"""Bodies of prepared messages: any of them arrives, and is fit for the wire."""

from __future__ import annotations

import email.policy
from collections.abc import Callable
from email.message import Message
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tether_mailconf.delivery.prepare import Prepared

from .letters import (
    PARSERS,
    both_classes,
    filed,
    letter,
    made,
    reread,
    submitted,
)

# -- bodies ------------------------------------------------------------------------------------------------------------


def sound(prepared: Prepared) -> None:
    """Assert that a message is fit for the wire."""
    for raw in (filed(prepared), submitted(prepared)):
        assert raw.count(b"\r\n") == raw.count(b"\r") == raw.count(b"\n")
        assert raw.endswith(b"\r\n")
        assert b"\r\n\r\n" in raw
        assert b"\0" not in raw
    assert all(len(line) <= 998 for line in prepared.filed.pieces[0].split(b"\r\n"))
    assert prepared.filed.is_ascii == filed(prepared).isascii()


awkward = st.text(alphabet="\r\n. aü", max_size=40)
texts = (st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | awkward).filter(
    lambda t: "\0" not in t
)


@given(texts)
@example("\r")
@example(".")
@example("a\n.\nb\r\n..\r\n.\r")
@example("From here\n.\nno newline")
@example("x" * 2_000)
@example("ü" * 2_000)
@example("\x0b\x0c\x85\u2028")
@example("")
def test_any_text_arrives_as_it_was(text: str) -> None:
    message = letter()
    message.set_content(text)
    prepared = made(message)
    sound(prepared)
    assert reread(prepared).get_content().replace("\r\n", "\n") == message.get_content().replace("\r\n", "\n")


@given(st.binary(max_size=300), st.sampled_from([None, "base64", "quoted-printable"]))
@example(b"\r\n.\r\n\0\xff", None)
def test_any_bytes_arrive_as_they_were(content: bytes, encoding: str | None) -> None:
    message = letter()
    message.add_attachment(content, maintype="application", subtype="octet-stream", cte=encoding or "base64")
    prepared = made(message)
    sound(prepared)
    (attachment,) = reread(prepared).iter_attachments()
    assert attachment.get_content() == content


eight_bit = st.binary(max_size=80) | st.text(alphabet="\r\n.ü", max_size=30).map(str.encode)


@given(
    eight_bit.map(lambda raw: raw.replace(b"\0", b"")),
    st.sampled_from(["", "; charset=utf-8", "; charset=us-ascii", "; charset=iso-8859-1", "; charset=no-such-charset"]),
    st.sampled_from(["", "Content-Transfer-Encoding: 8bit\r\n", "Content-Transfer-Encoding: binary\r\n"]),
    st.sampled_from(sorted(PARSERS)),
)
@example(b"b\xffdy", "", "", "legacy Message")
@example(b"\r\n.\r\n", "", "", "EmailMessage")
def test_any_raw_body_arrives_with_its_line_ends_made_crlf(
    body: bytes, charset: str, encoding: str, reader: str
) -> None:
    raw = f"To: bob@example.org\r\nContent-Type: text/plain{charset}\r\n{encoding}\r\n".encode() + body
    message = PARSERS[reader](raw)
    prepared = made(message)
    sound(prepared)
    arrived = reread(prepared).get_payload(decode=True)
    assert isinstance(arrived, bytes)
    plain = b"\n".join(body.replace(b"\r\n", b"\n").split(b"\r"))
    if "iso" in charset or body.isascii() or not charset or charset.endswith(("ascii", "no-such-charset")):
        assert arrived.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip(b"\n") == plain.rstrip(b"\n")


LINES = b"hi\r\n\r\nBcc: is a field that you have not seen\r\n\r\nFrom Ana with love\r\n"
SIGNED = (
    b"Content-Type: multipart/signed; boundary=x; protocol=application/pgp-signature\r\n\r\n--x\r\n\r\n"
    + LINES
    + b"--x\r\n"
    b"Content-Type: application/pgp-signature\r\n\r\nabc\r\n--x--\r\n"
)
BODIES = {"plain": b"\r\n" + LINES, "signed": SIGNED}


@both_classes
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_lines_that_look_like_a_header_or_begin_with_from_stay_as_they_are(
    read: Callable[[bytes], Message], body: bytes
) -> None:
    """Only the header's own Bcc is taken out. The mark > belongs into mailbox files (RFC 4155)."""
    prepared = made(read(b"To: bob@example.org\r\nBcc: eva@example.org\r\n" + body))
    assert LINES in submitted(prepared)
    assert b"eva@example.org" not in submitted(prepared)
    assert b"eva@example.org" in filed(prepared)
    assert prepared.envelope.recipients == ("bob@example.org", "eva@example.org")


@both_classes
def test_a_bcc_at_the_end_of_the_header_is_taken_out_of_a_signed_message(read: Callable[[bytes], Message]) -> None:
    ids = b"Message-ID: <a@example.org>\r\nDate: Mon, 02 Nov 2026 03:04:05 +0000\r\nFrom: ana@example.org\r\n"
    kind, body = SIGNED.split(b"\r\n\r\n", 1)
    raw = ids + b"To: bob@example.org\r\n" + kind + b"\r\nMIME-Version: 1.0\r\nBcc: eva@example.org\r\n\r\n" + body
    prepared = made(read(raw))
    assert submitted(prepared) == raw.replace(b"Bcc: eva@example.org\r\n", b"")
    assert filed(prepared) == raw


@both_classes
@pytest.mark.parametrize("word", ["hi", "Grüße"])
def test_each_kind_of_line_end_becomes_crlf_and_nothing_more(read: Callable[[bytes], Message], word: str) -> None:
    raw = b"To: bob@example.org\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + f"{word}\ra\nb\r\nc\n\rd".encode()
    assert submitted(made(read(raw))).endswith(f"\r\n{word}\r\na\r\nb\r\nc\r\n\r\nd\r\n".encode())


# -- long lines --------------------------------------------------------------------------------------------------------


def longest_line(prepared: Prepared) -> int:
    """Characters of the longest line that is submitted."""
    return max(map(len, submitted(prepared).split(b"\r\n")))


@pytest.mark.parametrize("text", ["a" * 999, "<p>" + "word " * 400 + "</p>\nnext = \n.\n", "ü" * 999, "\xff" * 999])
@pytest.mark.parametrize(
    "fields", ["", "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\nMIME-Version: 1.0\n"]
)
@both_classes
def test_a_line_that_is_too_long_arrives_whole(read: Callable[[bytes], Message], fields: str, text: str) -> None:
    """RFC 5321 section 4.5.3.1.6: some servers would break it anywhere, others refuse it."""
    body = text.encode("latin-1" if "\xff" in text else "utf-8")
    prepared = made(read(f"To: bob@example.org\n{fields}\n".encode() + body))
    arrived = reread(prepared)
    assert longest_line(prepared) <= 78
    assert arrived["Content-Transfer-Encoding"] == "quoted-printable"
    assert arrived.get_all("MIME-Version") == ["1.0"]
    payload = arrived.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert payload.rstrip(b"\r\n") == body.replace(b"\n", b"\r\n").rstrip(b"\r\n")
    assert prepared.filed.is_ascii


def test_a_line_that_is_as_long_as_may_be_stays_as_it_is() -> None:
    prepared = made(PARSERS["EmailMessage"](b"To: bob@example.org\r\n\r\n" + b"a" * 998 + b"\r\nb\r\n"))
    assert submitted(prepared).endswith(b"\r\n\r\n" + b"a" * 998 + b"\r\nb\r\n")
    assert "Content-Transfer-Encoding" not in reread(prepared)


SHORT = {
    "LF at the beginning": b"\n" + b"a" * 998 + b"\nb",
    "CR at the beginning": b"\r" + b"a" * 998 + b"\rb",
    "CRLF at the beginning": b"\r\n" + b"a" * 998 + b"\r\nb",
    "no line end at the end": b"b\n" + b"a" * 998,
    "many LF": b"a" * 20 + b"\n" + b"a line\n" * 400,
    "many CR": b"a" * 20 + b"\r" + b"a line\r" * 400,
    "many CRLF": b"a" * 20 + b"\r\n" + b"a line\r\n" * 400,
    "full lines": (b"a" * 998 + b"\r\n" + b"b" * 998 + b"\n" + b"c" * 998 + b"\r") * 2,
    "only line ends": b"\n" * 3_000,
}


@both_classes
@pytest.mark.parametrize("body", SHORT.values(), ids=SHORT)
def test_a_body_without_a_line_that_is_too_long_stays_as_it_is(read: Callable[[bytes], Message], body: bytes) -> None:
    prepared = made(read(b"To: bob@example.org\r\n\r\n" + body))
    lines = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    assert submitted(prepared).partition(b"\r\n\r\n")[2].rstrip(b"\r\n") == b"\r\n".join(lines).rstrip(b"\r\n")
    assert "Content-Transfer-Encoding" not in reread(prepared)


LONG = {
    "CR and LF of which nobody knows": b"b\r\r\n" + b"a" * 999 + b"\r\n\r\nb",
    "CRLF": b"b \r\n" + b"a" * 999 + b"\r\n.\r\nb\r\n",
    "LF": b"b \n" + b"a" * 999 + b"\n.\nb\n",
    "CR": b"b \r" + b"a" * 999 + b"\r.\rb\r",
    "CR much later": b"a" * 2_500 + b"\rb",
    "LF much later": b"a" * 2_500 + b"\nb",
    "behind short ones": b"a line\n" * 400 + b"a" * 999 + b"\n" + b"a line\n" * 400,
    "behind one line end": b"\n" + b"a" * 999 + b"\nb",
    "of all kinds": b"a\rb\nc\r\nd" * 100 + b"a" * 999 + b"\rb\nc\r\nd",
}


@both_classes
@pytest.mark.parametrize("body", LONG.values(), ids=LONG)
def test_the_lines_of_a_body_with_one_that_is_too_long_arrive_as_they_were(
    read: Callable[[bytes], Message], body: bytes
) -> None:
    prepared = made(read(b"To: bob@example.org\r\n\r\n" + body))
    assert longest_line(prepared) <= 76
    arrived = reread(prepared).get_payload(decode=True)
    assert isinstance(arrived, bytes)
    lines = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip(b"\n").split(b"\n")
    assert arrived.rstrip(b"\r\n").split(b"\r\n") == lines


NOT_ENCODED = {
    "base64": (b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: Base64\r\n", b"YWJj" * 300),
    "a multipart without parts": (b"Content-Type: multipart/mixed; boundary=x\r\n", b"a" * 1_200),
}


@both_classes
@pytest.mark.parametrize(("fields", "body"), NOT_ENCODED.values(), ids=NOT_ENCODED)
def test_what_is_encoded_already_or_may_not_be_stays_as_it_is(
    read: Callable[[bytes], Message], fields: bytes, body: bytes
) -> None:
    """RFC 2045 section 6.4: no other encoding for a multipart, or for one that has one."""
    prepared = made(read(b"To: bob@example.org\r\n" + fields + b"\r\n" + body + b"\r\n"))
    assert body in submitted(prepared)
    assert b"quoted-printable" not in submitted(prepared)


def test_a_piece_of_a_message_stays_as_it_is() -> None:
    """RFC 2046 section 5.2.2: message/partial is not encoded."""
    message = letter()
    message.replace_header("Content-Type", 'message/partial; number=1; total=2; id="a@example.org"')
    message.set_payload("a" * 1_200)
    prepared = made(message)
    assert b"a" * 1_200 in submitted(prepared)
    assert b"quoted-printable" not in submitted(prepared)


def test_a_long_line_in_a_part_or_in_a_message_inside_is_encoded_there() -> None:
    html = "<p>" + "word " * 400 + "</p>"
    inside = MIMEText(html, "html")
    message = MIMEMultipart(_subparts=[MIMEText("hi"), inside, MIMEMessage(MIMEText(html, "html"))])
    message["To"] = "bob@example.org"
    prepared = made(message)
    assert longest_line(prepared) <= 78
    assert inside["Content-Transfer-Encoding"] == "7bit", "the host's message is not changed"
    parts = [part.get_content() for part in reread(prepared).walk() if part.get_content_type() == "text/html"]
    assert [part.rstrip("\r\n") for part in parts] == [html, html]


# -- signed parts ------------------------------------------------------------------------------------------------------

SIGNED_PARTS = {
    "8 bit": b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    b"Gr\xc3\xbc\xc3\x9fe \r\n",
    "a long line": b"Content-Type: text/plain\r\n\r\n" + b"a " * 600 + b"\r\n",
    "a message": b"Content-Type: message/rfc822\r\n\r\nReferences: <a@b> <c@d>\r\n\t<e@f>\r\nX-Any: " + b"a" * 90
    + b"\r\n\r\nhi\r\n",
    "parts": b'Content-Type: multipart/mixed;\r\n boundary="in"\r\n\r\nbefore  \r\n--in\r\nContent-Type: text/plain;'
    b"\r\n\tcharset=iso-8859-1\r\nContent-ID: <" + b"a" * 90 + b">\r\n\r\n\xfc\r\n\r\n--in--\r\nafter\r\n",
}  # fmt: skip


@both_classes
@pytest.mark.parametrize("part", SIGNED_PARTS.values(), ids=SIGNED_PARTS)
def test_what_is_signed_arrives_byte_for_byte(read: Callable[[bytes], Message], part: bytes) -> None:
    """RFC 1847 section 2.1: any other encoding of it would break the signature."""
    body = b"--x\r\n" + part + b"\r\n--x\r\nContent-Type: application/pgp-signature\r\n\r\nabc\r\n--x--\r\n"
    kind = b'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=x\r\n'
    alone = made(read(b"To: J\xc3\xb6rg <bob@example.org>\r\n" + kind + b"\r\n" + body))
    mixed = b"To: bob@example.org\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n"
    inside = made(read(mixed + kind + b"\r\n" + body + b"\r\n--y--\r\n"))
    for prepared in (alone, inside):
        assert body in submitted(prepared)
        assert body in filed(prepared)
        assert prepared.submitted.is_ascii == part.isascii()
        assert filed(prepared).partition(b"\r\n\r\n")[0].isascii()


def test_fields_that_a_signed_part_was_given_are_on_lines_that_may_be() -> None:
    """Not read but made: nothing says how they were folded when it was signed, and 78 is what other programs do."""
    part = MIMEText("hi", policy=email.policy.SMTP)
    part["Content-Description"] = "words " * 30
    signed = MIMEMultipart("signed", _subparts=[part, MIMEText("abc")])
    signed["To"] = "bob@example.org"
    prepared = made(signed)
    assert longest_line(prepared) <= 78
