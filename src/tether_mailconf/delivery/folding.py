"""Header fields on lines of 78 characters (RFC 5322 section 2.2.3), and what is not ASCII in encoded words (RFC 2047).

The email package does this as well, and wrongly where a field needs several lines: it loses the space between two words
that are encoded, encodes the comma between two addresses, takes a long name out of its quotes, and encodes long words
of fields that programs read (seen in CPython 3.11.7 to 3.13.0).
"""

from __future__ import annotations

import base64
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from email.headerregistry import Address, Group

LINE = 78
"""Characters of the longest line that is not folded (RFC 5322 section 2.1.1)."""

LONGEST_LINE = 998
"""Characters of the longest line that there may be (RFC 5322 section 2.1.1)."""

_WORD = re.compile(r"[^ \t]+")
UNFIT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
"""What is no text: it is left to the email package, which refuses it or knows where it came from."""

_ENCODED_WORD = re.compile(r"=\?[^?]+\?[^?]\?[^?]*\?=")
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+")  # RFC 5322 section 3.2.3, RFC 6532 section 3.2
# RFC 2047 section 5 (3): these may stand in a name, too.
_Q_LITERAL = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")

_FRAME = len("=?utf-8?q??=")
_LONGEST_ENCODED_WORD = 75
"""RFC 2047 section 2."""


def as_it_came(name: str, value: str) -> bytes | None:
    """Return a field in ASCII with its lines broken anew and nothing else changed; None if it cannot be written so."""
    return _folded(name, _words(value), is_utf8=False)


def text_field(name: str, value: str, *, is_utf8: bool) -> bytes | None:
    """Return a field of free text, or of a kind that nobody here knows; None if it cannot be written so.

    Args:
        name: the name of the field.
        value: its text, decoded.
        is_utf8: whether UTF-8 may stand in it as it is (RFC 6532).
    """
    words: list[str] = []
    room = LONGEST_LINE - len(name) - len(": ")
    kinds = itertools.groupby(_words(value), lambda word: _is_encoded(word, room, is_utf8=is_utf8))
    for is_encoded, run in kinds:
        if is_encoded:
            text = "".join(run)
            bare = text.lstrip(" \t")
            first, *more = _encoded(bare, name)
            words += (text[: len(text) - len(bare)] + first, *(f" {word}" for word in more))
        else:
            words += run
    return _folded(name, words, is_utf8=is_utf8)


def address_field(name: str, groups: Sequence[Group], *, is_utf8: bool) -> bytes | None:
    """Return a field of addresses; None if it cannot be written so.

    Args:
        name: the name of the field.
        groups: the addresses; those of no group are groups without a name (`AddressHeader.groups`).
        is_utf8: whether UTF-8 may stand in it as it is.
    """
    words: list[str] = []
    for group in groups:
        if words:
            words[-1] += ","
        if group.display_name is None:
            words += _mailboxes(name, group.addresses, is_utf8=is_utf8)
        else:
            words += _phrase(name, group.display_name, is_utf8=is_utf8)
            words[-1] += ":"
            words += _mailboxes(name, group.addresses, is_utf8=is_utf8)
            words[-1] += ";"
    return _folded(name, [word if index == 0 else f" {word}" for index, word in enumerate(words)], is_utf8=is_utf8)


# -- words -----------------------------------------------------------------------------------------------------------


def _words(value: str) -> list[str]:
    """Return the words of a value, each with the spaces before it, the last with those behind it as well."""
    ends = [word.end() for word in _WORD.finditer(value)]
    ends[-1:] = [len(value)] if ends else []
    return [value[start:end] for start, end in itertools.pairwise((0, *ends))]


def _mailboxes(name: str, addresses: Iterable[Address], *, is_utf8: bool) -> list[str]:
    words: list[str] = []
    for address in addresses:
        if words:
            words[-1] += ","
        if address.display_name:
            words += (*_phrase(name, address.display_name, is_utf8=is_utf8), f"<{address.addr_spec}>")
        else:
            words.append(address.addr_spec)
    return words


def _phrase(name: str, text: str, *, is_utf8: bool) -> list[str]:
    """Return what somebody is called, as the words of a phrase (RFC 5322 section 3.2.5)."""
    if _ENCODED_WORD.search(text) or not (text.isascii() or is_utf8):
        return list(_encoded(text, name))
    words = text.split(" ")
    if all(map(_ATOM.fullmatch, words)):
        return words
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return [f'"{escaped}"']


def _is_encoded(word: str, room: int, *, is_utf8: bool) -> bool:
    """Whether a word cannot stand as it is."""
    if _ENCODED_WORD.search(word) or len(word.encode()) > room:
        return True
    return not (word.isascii() or is_utf8)


def _encoded(text: str, name: str) -> Iterator[str]:
    """Yield text as encoded words, each of whole letters, and short enough to stand behind the name of the field."""
    length = max(40, min(_LONGEST_ENCODED_WORD, LINE - len(name) - len(": "))) - _FRAME
    data = text.encode()
    quoted = sum(map(len, map(_quoted, text)))
    if quoted - 4 * -(-len(data) // 3) < 5:
        yield from (f"=?utf-8?q?{''.join(map(_quoted, piece))}?=" for piece in _pieces(text, length, _quoted))
    else:
        for piece in _pieces(text, length // 4 * 3, str.encode):
            yield f"=?utf-8?b?{base64.b64encode(piece.encode()).decode()}?="


def _pieces(text: str, length: int, written: Callable[[str], str | bytes]) -> Iterator[str]:
    piece, size = "", 0
    for letter in text:
        more = len(written(letter))
        if size + more > length:
            yield piece
            piece, size = "", 0
        piece += letter
        size += more
    yield piece


def _quoted(letter: str) -> str:
    if letter == " ":
        return "_"
    return "".join(chr(octet) if octet in _Q_LITERAL else f"={octet:02X}" for octet in letter.encode())


# -- lines -----------------------------------------------------------------------------------------------------------


def _folded(name: str, words: Iterable[str], *, is_utf8: bool) -> bytes | None:
    """Return a field with its words on lines, each word behind the spaces that it brings."""
    lines = [f"{name}:"]
    before = " "
    for word in words:
        is_alone = len(lines) == 1 and lines[0] == f"{name}:"
        if _width(lines[-1]) + len(before) + _width(word) <= LINE or (is_alone and _width(word) >= LINE):
            lines[-1] += before + word
        else:
            lines.append(before + word)
        before = ""
    is_sound = all(_width(line) <= LONGEST_LINE and not UNFIT.search(line) for line in lines)
    if not is_sound or before:
        return None
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8" if is_utf8 else "ascii")


def _width(text: str) -> int:
    return len(text.encode())
