"""Makes answers comparable: what differs from server to server and from day to day is taken out, words are left.

A server writes one sentence in many ways: other case, cut into lines that repeat the code, with the names of machines,
queue entries and people in it, in the character set of its country. Pure, and linear in the length of the text: each
word is looked at once, and no expression can look back.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST = 4096
"""Characters of an answer that are looked at. A reply may be longer; what it is about stands at its beginning."""

_ESCAPED_BYTE = re.compile(r"\\x([89a-f][0-9a-f])", re.IGNORECASE)
_DATE = re.compile(
    r"\b(?:mon|tue|wed|thu|fri|sat|sun),? [0-9]{1,2} (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\b"
)
_BRACKETS = re.compile(r"\[([^\[\]]{1,200})\]|<([^<>]{1,320})>")
_QUERY = re.compile(r"[?&](p|no)=([a-z0-9_]{1,40})(?![a-z0-9_])")
_ADDRESS_WORD = re.compile(r"[a-z0-9]+[.-][a-z0-9-]+(?:\.[a-z0-9-]+)*")
_NOISE = frozenset({"gsmtp", "esmtp"})
_LONG_ID = 8
_LONG_NAME = 14


def readings(text: str) -> tuple[str, ...]:
    r"""Return the ways to read an answer, normalised: as it is, and as GB 18030 if its bytes were no UTF-8.

    Args:
        text: as a reply has it, where bytes that are no UTF-8 stand as `\xNN`.
    """
    text = text[:LONGEST]
    found = [normalised(text)]
    chinese = _as_gb18030(text)
    if chinese is not None:
        found.append(normalised(chinese))
    return tuple(found)


def normalised(text: str) -> str:
    """Return the words of a text, in lower case, each separated from the next by one space."""
    text = unicodedata.normalize("NFKC", text[:LONGEST]).casefold()
    text = _BRACKETS.sub(_bracket, _DATE.sub(" ", text))
    return " ".join(word for token in text.split() for word in _words(token))


def _as_gb18030(text: str) -> str | None:
    """Return what the bytes say in GB 18030 (of which GBK is a part); None if they were UTF-8, or are neither."""
    if text.isascii() and _ESCAPED_BYTE.search(text) is None:
        return None
    if _ESCAPED_BYTE.search(text) is not None:
        # Some pairs of GBK happen to be UTF-8, so both kinds of letters go back to the bytes they came from.
        pieces = _ESCAPED_BYTE.split(text)
        raw = b"".join(
            bytes([int(piece, 16)]) if index % 2 else piece.encode(errors="replace")
            for index, piece in enumerate(pieces)
        )
    else:
        try:
            raw = text.encode("latin-1")
        except UnicodeEncodeError:
            return None
    return raw.decode("gb18030", errors="replace")


def _bracket(match: re.Match[str]) -> str:
    inside = match[1] or match[2] or ""
    # [PH01] is a key; [AM6PR01CA0001.eurprd01.prod.outlook.com 2026-11-23T08:00:00.000Z 08DE2A00] names a machine.
    return f" {_kept_of_url(inside)} " if any(character in inside for character in ".:@/") else f" {inside} "


def _words(token: str) -> list[str]:
    """Return the words that a piece between two spaces has: several, one, or none if it only names something."""
    if "@" in token:
        return []
    if "://" in token or ("/" in token and "." in token.partition("/")[0].rstrip(".")):
        return _kept_of_url(token).split()
    bare = token.strip(".,;:!?()'\"-*")
    if _ADDRESS_WORD.fullmatch(bare) and bare.count(".") >= 2:
        return []
    if _QUERY.fullmatch(f"?{bare}"):
        return [bare]
    if "=" in bare or (len(bare) >= _LONG_NAME and _is_mixed(bare)):
        return []
    parts = "".join(c if c.isalnum() or c == "#" else " " for c in bare).split()
    return [part for part in parts if not _is_noise(part)]


def _kept_of_url(url: str) -> str:
    """Return what of an address on the web stands for a sentence: the page's key at Google and at QQ."""
    return " ".join(f"{match[1]}={match[2]}" for match in _QUERY.finditer(url))


def _is_noise(word: str) -> bool:
    """Whether a word is a number, or the name of a queue entry or connection."""
    if word in _NOISE or word.isdecimal():
        return True
    return len(word) >= _LONG_ID and word[0] != "#" and "=" not in word and _is_mixed(word)


def _is_mixed(word: str) -> bool:
    return word.isascii() and any(map(str.isdecimal, word)) and any(map(str.isalpha, word))
