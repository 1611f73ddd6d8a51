"""Bodies of prepared messages: any of them arrives, and is fit for the wire."""

from __future__ import annotations

from collections.abc import Callable
from email.message import Message

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
