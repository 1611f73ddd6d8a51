"""SEARCH (RFC 9051 section 6.4.4, as in RFC 3501): which messages match. Enough of the keys to look for a message.

A search is read into one predicate and then asked for each message, as a server without an index does.
"""

from __future__ import annotations

import calendar
import email.errors
import email.header
import re
from collections.abc import Callable

from .imap_append import MONTHS
from .imap_command import Arguments, Refused, in_set
from .imap_state import ImapState
from .store import StoredMessage

Predicate = Callable[[int, StoredMessage], bool]
"""Whether a message matches, given its sequence number too."""

_FLAG_KEYS = {name.upper(): f"\\{name}" for name in ("Seen", "Answered", "Flagged", "Deleted", "Draft")}
_HEADER_KEYS = frozenset({"SUBJECT", "FROM", "TO", "CC", "BCC"})
_DATE_KEYS = frozenset({"SINCE", "BEFORE", "ON"})
_DATE = re.compile(rb'"?(?P<day>[0-9]{1,2})-(?P<month>[A-Za-z]{3})-(?P<year>(?!0000)[0-9]{4})"?')
_AHEAD_SET = re.compile(rb"(?=[0-9*])")
_MAX_DEPTH = 16
_DAY = 86_400


def search(state: ImapState, arguments: Arguments) -> str:
    """SEARCH."""
    return _search(state, arguments, by_uid=False)


def uid_search(state: ImapState, arguments: Arguments) -> str:
    """UID SEARCH."""
    return _search(state, arguments, by_uid=True)


def _search(state: ImapState, arguments: Arguments, *, by_uid: bool) -> str:
    view = state.selected
    largest_uid = view.uids[-1] if view.uids else 0
    reader = _Reader(arguments, largest_uid=largest_uid, count=len(view.uids))
    arguments.space()
    if arguments.skip(b"CHARSET ") or arguments.skip(b"charset "):
        _check_charset(state, arguments.astring())
        arguments.space()
    matches = reader.all_of(until_end=True)
    numbers = [
        uid if by_uid else number
        for number, uid in enumerate(view.uids, 1)
        if (message := view.mailbox.get(uid)) is not None and matches(number, message)
    ]
    state.untagged(" ".join(["SEARCH", *map(str, numbers)]))
    return "SEARCH completed"


def _check_charset(state: ImapState, charset: bytes) -> None:
    if state.utf8:
        # RFC 6855 section 3
        raise Refused("BAD", "CHARSET is not allowed once UTF8=ACCEPT is enabled")
    if charset.upper() not in (b"US-ASCII", b"UTF-8"):
        raise Refused("NO", "[BADCHARSET (US-ASCII UTF-8)] Unknown charset")


class _Reader:
    """Reads search keys into predicates."""

    def __init__(self, arguments: Arguments, *, largest_uid: int, count: int) -> None:
        self._arguments = arguments
        self._largest_uid = largest_uid
        self._count = count
        self._depth = 0

    def all_of(self, *, until_end: bool) -> Predicate:
        """Take keys that must all match."""
        keys = [self._key()]
        while not (self._arguments.at_end if until_end else self._arguments.skip(b")")):
            self._arguments.space()
            keys.append(self._key())
        return lambda number, message: all(key(number, message) for key in keys)

    def _key(self) -> Predicate:
        arguments = self._arguments
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise Refused("BAD", "The search is nested too deep")
        try:
            if arguments.at_list:
                arguments.expect(b"(")
                return self.all_of(until_end=False)
            if arguments.match(_AHEAD_SET):
                numbers = arguments.sequence_set()
                return lambda number, message: in_set(numbers, number, self._count)
            return self._named(arguments.atom())
        finally:
            self._depth -= 1

    def _named(self, name: str) -> Predicate:
        if name in ("ALL", "OLD"):
            return lambda number, message: True
        if name in ("NEW", "RECENT"):
            return lambda number, message: False
        if name.removeprefix("UN") in _FLAG_KEYS:
            flag, wanted = _FLAG_KEYS[name.removeprefix("UN")], not name.startswith("UN")
            return lambda number, message: (flag in message.flags) is wanted
        self._arguments.space()
        if name == "NOT":
            inner = self._key()
            return lambda number, message: not inner(number, message)
        if name == "OR":
            first = self._key()
            self._arguments.space()
            second = self._key()
            return lambda number, message: first(number, message) or second(number, message)
        return self._with_value(name)

    def _with_value(self, name: str) -> Predicate:
        arguments = self._arguments
        if name == "UID":
            uids = arguments.sequence_set()
            return lambda number, message: in_set(uids, message.uid, self._largest_uid)
        if name in ("LARGER", "SMALLER"):
            size, sign = arguments.number(), 1 if name == "LARGER" else -1
            return lambda number, message: sign * (len(message.content) - size) > 0
        if name in _DATE_KEYS:
            return _dated(name, self._date())
        if name in ("BODY", "TEXT"):
            wanted = arguments.astring().decode(errors="replace").casefold()
            start = b"\r\n\r\n" if name == "BODY" else b""
            return lambda number, message: wanted in _text(message.content[message.content.find(start) :])
        if name in ("KEYWORD", "UNKEYWORD"):
            flag = arguments.flag()
            return lambda number, message: (flag in message.flags) is (name == "KEYWORD")
        if name == "HEADER":
            name = arguments.astring().decode(errors="replace")
            arguments.space()
        elif name not in _HEADER_KEYS:
            raise Refused("BAD", f"Unknown search key {name}")
        return _header(name, arguments.astring().decode(errors="replace"))

    def _date(self) -> int:
        match = self._arguments.take(_DATE, "a date")
        month = match["month"].decode().capitalize()
        if month not in MONTHS:
            raise Refused("BAD", "Syntax error: expected a date")
        return calendar.timegm((int(match["year"]), MONTHS.index(month) + 1, int(match["day"]), 0, 0, 0, 0, 0, 0))


def _dated(name: str, start: int) -> Predicate:
    if name == "SINCE":
        return lambda number, message: message.stored_at >= start
    if name == "BEFORE":
        return lambda number, message: message.stored_at < start
    return lambda number, message: start <= message.stored_at < start + _DAY


def _text(content: bytes) -> str:
    return content.decode(errors="replace").casefold()


def _header(name: str, wanted: str) -> Predicate:
    def matches(_number: int, message: StoredMessage) -> bool:
        return any(wanted.casefold() in value for value in header_values(message.content, name))

    return matches


def header_values(content: bytes, name: str) -> list[str]:
    """Return the values of a header field, unfolded, encoded words decoded, ready to be compared."""
    header = content.partition(b"\r\n\r\n")[0].decode(errors="replace")
    unfolded = re.sub(r"\r?\n(?=[ \t])", "", header)
    values: list[str] = []
    for line in unfolded.splitlines():
        field, _, value = line.partition(":")
        if field.strip().casefold() == name.casefold():
            values.append(_decoded(value.strip()).casefold())
    return values


def _decoded(value: str) -> str:
    try:
        return str(email.header.make_header(email.header.decode_header(value)))
    except (email.errors.HeaderParseError, ValueError, LookupError):
        return value
