"""From a message to its bytes, the fastest right way. Pure, and deterministic: the same message gives the same bytes.

The email package decides what stands in the bytes, but for what it gets wrong: long fields (`folding`), long lines and
what is signed. What it would write unchanged is written here without it: a field that fits on its line, and a body that
needs no other encoding. It takes every line of a body in hand, and of a message with an attachment that is most of all
the work there is. Everything else goes through it.
"""

from __future__ import annotations

import binascii
import email.generator
import email.policy
import hashlib
import io
import re
from collections.abc import Callable, Mapping
from email.errors import InvalidHeaderDefect
from email.message import EmailMessage, Message
from typing import Any, TypeAlias

import attrs

from ..errors import InvalidMessage, Problem
from ..host_name import read_host
from .folding import LINE, LONGEST_LINE, UNFIT, address_field, as_it_came, text_field

ADDRESS_FIELDS = frozenset(
    {"from", "sender", "reply-to", "to", "cc", "bcc"}
    | {"resent-from", "resent-sender", "resent-to", "resent-cc", "resent-bcc"}
)
_ID_FIELDS = frozenset({"message-id", "in-reply-to", "references"})
_PARAMETER_FIELDS = frozenset({"content-type", "content-disposition"})
_STRUCTURED_FIELDS = _PARAMETER_FIELDS | frozenset({"content-transfer-encoding", "date", "mime-version", "resent-date"})
_IDENTITY = frozenset({"", "7bit", "8bit", "binary"})

_LONG_PARAMETER = 40
"""Characters of the longest name of a parameter that is left to the email package. Beside a longer one it finds no room
for the value in a line of 78, and looks for it for ever (`_fold_mime_parameters`, seen in CPython 3.11.7 to 3.13.0)."""

_LARGE = 64 * 1024
"""Bytes from which on a body is a piece of its own, instead of being copied to the others."""

_FOLDED = re.compile(rb"[^\r\n\0]*(?:\r\n[ \t][^\r\n\0]*)*\r\n")
_STRAY_BREAK = re.compile(rb"\r(?!\n)|(?<!\r)\n")

Pieces: TypeAlias = tuple[bytes, ...]


def render(draft: EmailMessage, message_id: str, *, is_utf8: bool) -> Pieces:
    """Return a message as bytes: the header with its empty line, and then the body in pieces; each line ends with CRLF.

    Args:
        draft: the message. Every multipart in it that has no boundary gets one, and every text with lines that are too
            long another encoding.
        message_id: what such a boundary is made from.
        is_utf8: whether the header may contain UTF-8 (RFC 6532).

    Raises:
        InvalidMessage: it contains NUL, or a field that cannot be written.
    """
    policy = _UTF8_POLICY if is_utf8 else _ASCII_POLICY
    _encode_long_lines(draft)
    kinds = _kinds_of_parts(draft, message_id)
    try:
        head, *body = _Writer(policy, kinds).message(draft)
    except (UnicodeError, LookupError):
        # Bytes outside ASCII of which nobody says what letters they are: they go as they stand, with 8BITMIME.
        head, *body = _with_header_apart(_flattened(draft, policy.clone(cte_type="8bit")))
    body = [piece for piece in body if piece]
    if body and not body[-1].endswith(b"\r\n"):
        body.append(b"\r\n")
    if any(b"\0" in piece for piece in (head, *body)):
        text = "the message contains a NUL character; encode the part that holds it with base64"
        raise InvalidMessage((Problem(field="message", code="message.nul", message=text),))
    return (head, *body)


def structured(name: str, value: str) -> Any:
    """Return a field as the email package reads it."""
    return email.policy.SMTP.header_factory(name, value)


# -- what is written here --------------------------------------------------------------------------------------------


class _Writer:
    """Writes one message, part by part, in the order of the bytes."""

    def __init__(self, policy: _Policy, kinds: Mapping[int, _Kind]) -> None:
        self._policy = policy
        self._kinds = kinds
        self._small: list[bytes] = []
        self._pieces: list[bytes] = []

    def message(self, draft: EmailMessage) -> list[bytes]:
        """Return the header, and the pieces of the body."""
        payload: Any = draft.get_payload()
        if not self._is_plain(draft, payload):
            return _with_header_apart(_flattened(draft, self._policy))
        self._header(draft)
        self._end_piece()
        self._body(draft, payload)
        self._end_piece()
        return self._pieces

    def _is_plain(self, part: EmailMessage, payload: Any) -> bool:
        """Whether nothing of a part needs the email package but its long fields, and perhaps the parts inside."""
        kind = self._kinds[id(part)]
        if isinstance(payload, str):
            return payload.isascii() and not kind.content_type.startswith(("message/", "multipart/"))
        # The fields of a signed part may not be folded again (RFC 1847 section 2.1), which the email package knows.
        is_multipart = isinstance(payload, list) and bool(kind.boundary) and kind.content_type != "multipart/signed"
        return is_multipart and (part.preamble or "").isascii() and (part.epilogue or "").isascii()

    def _header(self, part: EmailMessage) -> None:
        for name, value in part.raw_items():
            self._small.append(_line(name, value) or self._policy.fold_binary(name, value))
        self._small.append(b"\r\n")

    def _body(self, part: EmailMessage, payload: Any) -> None:
        if isinstance(payload, str):
            self._write(_crlf(payload))
            return
        # RFC 2046 section 5.1.1.
        delimiter = f"--{self._kinds[id(part)].boundary}".encode("ascii")
        if part.preamble is not None:
            self._small += (_crlf(part.preamble), b"\r\n")
        self._small += (delimiter, b"\r\n")
        for index, inner in enumerate(payload):
            if index:
                self._small += (b"\r\n", delimiter, b"\r\n")
            self._part(inner)
        self._small += (b"\r\n", delimiter, b"--\r\n")
        if part.epilogue is not None:
            self._small.append(_crlf(part.epilogue))

    def _part(self, part: EmailMessage) -> None:
        payload: Any = part.get_payload()
        if self._is_plain(part, payload):
            self._header(part)
            self._body(part, payload)
        else:
            self._write(_flattened(part, self._policy))

    def _write(self, data: bytes) -> None:
        if len(data) < _LARGE:
            self._small.append(data)
        else:
            self._end_piece()
            self._pieces.append(data)

    def _end_piece(self) -> None:
        if self._small:
            self._pieces.append(b"".join(self._small))
            self._small = []


def _crlf(text: str) -> bytes:
    """Return text in ASCII with every end of a line made CRLF."""
    data = text.encode("ascii")
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data.replace(b"\n", b"\r\n")


def _line(name: str, value: Any) -> bytes | None:
    """Return a field on one line as the email package would write it, or None if that needs a closer look."""
    lowered = name.lower()
    if lowered in _ID_FIELDS or not value or not value.isascii():
        return None
    if lowered in ADDRESS_FIELDS and hasattr(value, "fold"):
        # The value itself leaves out comments and puts the rest more neatly; what was read is what is written.
        value = str(getattr(value, "_parse_tree", "\n"))
    line = f"{name}: {value}"
    fits = len(line) <= LINE and line.isascii() and line.isprintable() and "=?" not in line
    return f"{line}\r\n".encode("ascii") if fits else None


# -- what the parts are ----------------------------------------------------------------------------------------------


@attrs.frozen
class _Kind:
    """What a part says it is; the boundary only of a multipart."""

    content_type: str
    boundary: str | None


def _kinds_of_parts(draft: EmailMessage, message_id: str) -> dict[int, _Kind]:
    """Return what each part is, by its identity, once each multipart without a boundary was given one.

    The email package would choose at random, and a second rendering would not be the same message.
    """
    kinds: dict[int, _Kind] = {}
    for index, part in enumerate(draft.walk()):
        kind = _kind(part)
        if kind.content_type.startswith("multipart/") and not kind.boundary:
            boundary = _new_boundary(draft, f"{index} {message_id}")
            _set_boundary(part, boundary)
            kind = _Kind(kind.content_type, boundary)
        kinds[id(part)] = kind
    return kinds


def _kind(part: EmailMessage) -> _Kind:
    header = part.get("content-type")
    if header is not None and not header.defects:
        content_type, boundary = header.content_type, header.params.get("boundary")
    else:
        content_type, boundary = part.get_content_type(), part.get_boundary()
    return _Kind(content_type, boundary if content_type.startswith("multipart/") else None)


def _set_boundary(part: EmailMessage, boundary: str) -> None:
    """Do what `part.set_boundary` does, which takes longer than all the rest if the field has no other parameter."""
    header = part.get("content-type")
    if header is None or header.defects or ";" in header or not header.isprintable():
        part.set_boundary(boundary)
        return
    field = f'{header.strip()}; boundary="{boundary}"'
    part._headers = [  # type: ignore[attr-defined]
        (name, field if name.lower() == "content-type" else value) for name, value in part.raw_items()
    ]


def _new_boundary(draft: EmailMessage, seed: str) -> str:
    """Return a boundary that occurs nowhere in the message."""
    texts = [text for part in draft.walk() for text in (part.get_payload(), part.preamble, part.epilogue)]
    while True:
        seed = hashlib.sha256(seed.encode()).hexdigest()
        boundary = f"=_{seed[:24]}"
        if not any(isinstance(text, str) and boundary in text for text in texts):
            return boundary


# -- lines that no server need take ------------------------------------------------------------------------------------


def _encode_long_lines(part: EmailMessage) -> None:
    """Make quoted-printable of each body with a line beyond the limit: servers break such lines, or refuse them.

    What is signed stays as it is: its signature would not hold.
    """
    if part.is_multipart():
        inner: list[EmailMessage] = part.get_payload()  # type: ignore[assignment]
        if part.get_content_type() != "multipart/signed":
            for one in inner:
                _encode_long_lines(one)
        return
    # As it is kept: `get_payload` puts question marks in the place of letters that it does not know.
    payload: str = vars(part)["_payload"] or ""
    if len(payload) > LONGEST_LINE and _is_unencoded(part) and _has_long_line(payload):
        text = _STRAY_BREAK.sub(b"\r\n", payload.encode("ascii", "surrogateescape"))
        part.set_payload(binascii.b2a_qp(text).decode("ascii"))
        _set_field(part, "Content-Transfer-Encoding", "quoted-printable")
        _set_field(part, "MIME-Version", "1.0")


def _has_long_line(text: str) -> bool:
    """Whether a line is beyond the limit. It looks once for many short lines, not at each of them."""
    start = 0
    while len(text) - start > LONGEST_LINE:
        window = start, start + LONGEST_LINE + 1
        end = text.rfind("\n", *window)
        if end < 0:
            end = text.rfind("\r", *window)
        if end < 0:
            return True
        start = end + 1
    return False


def _is_unencoded(part: EmailMessage) -> bool:
    """Whether a body is written as it is, and may be encoded (RFC 2045 section 6.4)."""
    encoding = str(part.get("content-transfer-encoding", "")).strip().lower()
    return encoding in _IDENTITY and part.get_content_maintype() not in ("message", "multipart")


def _set_field(part: EmailMessage, name: str, value: str) -> None:
    kept = [(known, text) for known, text in part.raw_items() if known.lower() != name.lower()]
    part._headers = [*kept, (name, value)]  # type: ignore[attr-defined]


# -- what the email package writes -----------------------------------------------------------------------------------


def _flattened(part: EmailMessage, policy: _Policy) -> bytes:
    target = io.BytesIO()
    _Generator(target, mangle_from_=False, policy=policy).flatten(part)
    rendered = target.getvalue()
    if rendered.count(b"\r\n") == rendered.count(b"\n") == rendered.count(b"\r"):
        return rendered
    return _STRAY_BREAK.sub(b"\r\n", rendered)


def _with_header_apart(rendered: bytes) -> list[bytes]:
    end = rendered.index(b"\r\n\r\n") + 4
    return [rendered[:end], rendered[end:]]


class _Generator(email.generator.BytesGenerator):
    """Writes what is signed as it came, its bytes outside ASCII too: any other encoding would break the signature."""

    policy: Any
    _handle_multipart: Callable[[Message], None]

    def _handle_multipart_signed(self, msg: Message) -> None:
        policy = self.policy
        self.policy = policy.clone(max_line_length=0, cte_type="8bit")
        try:
            self._handle_multipart(msg)
        finally:
            self.policy = policy


class _Policy(email.policy.EmailPolicy):
    """Folds what `email.policy.SMTP` folds wrongly: text, addresses, and identifiers."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        lowered = name.lower()
        if not self.max_line_length and not hasattr(value, "fold"):
            # Of a part that is signed.
            folded = super().fold_binary(name, value)
        elif lowered in _ID_FIELDS or _has_long_parameter(name, value):
            # Long identifiers would be made encoded words, which no program matches (RFC 2047 section 5, rule 3).
            lines = f"{self.linesep} ".join(str(value).split())
            folded = f"{name}: {lines}{self.linesep}".encode("utf-8" if self.utf8 else "ascii", "replace")
        else:
            if lowered in ADDRESS_FIELDS and not str(value).isascii():
                value = _with_a_labels(name, "".join(str(value).splitlines()))
            folded = _folded(name, value, is_utf8=self.utf8) or super().fold_binary(name, value)
        if not _FOLDED.fullmatch(folded):
            # An encoded word may hold a line break, which the email package decodes and does not encode again.
            raise InvalidMessage((injection(name),))
        return folded


def _folded(name: str, value: Any, *, is_utf8: bool) -> bytes | None:
    """Return a field in lines, or None if the email package folds it well enough, or alone knows how."""
    lowered = name.lower()
    if lowered in _STRUCTURED_FIELDS:
        return None
    if not hasattr(value, "fold"):
        lines = f"{name}: {value}".splitlines()
        is_kept = not value.isascii() or max(map(len, lines)) <= LINE
        return None if is_kept else as_it_came(name, "".join(value.splitlines()))
    if UNFIT.search(str(value._parse_tree)):
        return None
    if lowered not in ADDRESS_FIELDS:
        return text_field(name, str(value), is_utf8=is_utf8)
    is_understood = all(address.username for address in value.addresses)
    is_sound = not any(isinstance(defect, InvalidHeaderDefect) for defect in value.defects)
    if not is_understood or not is_sound or value._parse_tree.comments:
        return None
    return address_field(name, value.groups, is_utf8=is_utf8)


def _has_long_parameter(name: str, value: Any) -> bool:
    """Whether a field has a parameter (RFC 2045 section 5.1) with a name that no program uses."""
    if len(value) <= _LONG_PARAMETER or name.lower() not in _PARAMETER_FIELDS:
        return False
    field = value if hasattr(value, "params") else structured(name, "".join(value.splitlines()))
    return any(len(parameter) > _LONG_PARAMETER for parameter in field.params)


def injection(name: str) -> Problem:
    """Return what is wrong with a field that would be two."""
    text = "the value contains a line break or NUL"
    return Problem(field=name, code="message.header_injection", message=text)


def _with_a_labels(name: str, value: str) -> Any:
    """Return an address header whose domains are A-labels (RFC 5890): an encoded word cannot stand in an address."""
    header = structured(name, value)
    for address in getattr(header, "addresses", ()):
        if not address.domain.isascii():
            ascii_domain = read_host(address.domain)
            if isinstance(ascii_domain, Problem):
                raise InvalidMessage((attrs.evolve(ascii_domain, field=name, code="message.address"),))
            value = re.sub(rf"@{re.escape(address.domain)}(?![\w-])", f"@{ascii_domain}", value)
    return structured(name, value)


_ASCII_POLICY = _Policy(linesep="\r\n", cte_type="7bit", max_line_length=LINE)
_UTF8_POLICY = _ASCII_POLICY.clone(utf8=True)
