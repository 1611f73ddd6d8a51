"""Bodies of prepared messages: any of them arrives, and is fit for the wire."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from tether_mailconf.delivery.prepare import Prepared

from .letters import (
    PARSERS,
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
