"""The commands about messages: FETCH, STORE, EXPUNGE and their UID forms, CHECK, CLOSE, UNSELECT.

FETCH knows what is needed to look at a message whole or at parts of its header; it does not take MIME apart.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import attrs

from .imap_append import MONTHS
from .imap_command import Arguments, Refused
from .imap_state import ImapState
from .store import StoredMessage

Item = Callable[[StoredMessage], bytes]
"""Renders one data item of a message, name included."""

_ITEM = re.compile(rb"[A-Z0-9.]+", re.IGNORECASE)
_FIELD_NAME = re.compile(rb"[!#-'*-9;-\[\]-z|}~]+")
_PARTIAL = re.compile(rb"<(?P<start>[0-9]{1,10})\.(?P<count>[1-9][0-9]{0,9})>")
_ACTION = re.compile(rb"(?P<sign>[+-]?)FLAGS(?P<silent>\.SILENT)?", re.IGNORECASE)
_SECTIONS = frozenset({"", "HEADER", "TEXT", "HEADER.FIELDS", "HEADER.FIELDS.NOT"})
_FAST = ("FLAGS", "INTERNALDATE", "RFC822.SIZE")


@attrs.frozen
class _Fetch:
    """What a FETCH asks for."""

    items: tuple[Item, ...]
    marks_seen: bool


def fetch(state: ImapState, arguments: Arguments) -> str:
    """FETCH (RFC 9051 section 6.4.5)."""
    return _fetch(state, arguments, by_uid=False)


def uid_fetch(state: ImapState, arguments: Arguments) -> str:
    """UID FETCH (RFC 9051 section 6.4.9)."""
    return _fetch(state, arguments, by_uid=True)


def _fetch(state: ImapState, arguments: Arguments, *, by_uid: bool) -> str:
    view = state.selected
    arguments.space()
    wanted = arguments.sequence_set()
    arguments.space()
    asked = _asked(arguments)
    arguments.end()
    items = asked.items if not by_uid or _uid in asked.items else (_uid, *asked.items)
    for number, message in view.find(wanted, by_uid=by_uid):
        shown = message
        told = items
        if asked.marks_seen and not view.is_read_only and "\\Seen" not in message.flags:
            view.mailbox.mark(message.uid, message.flags | {"\\Seen"})
            shown = view.mailbox.get(message.uid) or message
            told = items if _flags in items else (*items, _flags)
        state.untagged(f"{number} FETCH (".encode() + b" ".join(item(shown) for item in told) + b")")
    return "FETCH completed"


def _asked(arguments: Arguments) -> _Fetch:
    if arguments.at_list:
        parts = arguments.listed(lambda: _item(arguments))
        if not parts:
            raise Refused("BAD", "Syntax error: nothing is fetched")
    elif arguments.match(re.compile(rb"FAST(?![A-Z])", re.IGNORECASE)):
        return _Fetch(tuple(_SIMPLE[name] for name in _FAST), False)
    else:
        parts = [_item(arguments)]
    return _Fetch(tuple(item for item, _ in parts), any(seen for _, seen in parts))


def _item(arguments: Arguments) -> tuple[Item, bool]:
    name = arguments.take(_ITEM, "a data item")[0].decode().upper()
    if name in _SIMPLE:
        return _SIMPLE[name], name in ("RFC822", "RFC822.TEXT")
    if name not in ("BODY", "BODY.PEEK") or not arguments.skip(b"["):
        raise Refused("BAD", f"Unknown data item {name}")
    return _body(arguments), name == "BODY"


def _body(arguments: Arguments) -> Item:
    found = arguments.match(_ITEM)
    section = found[0].decode().upper() if found else ""
    if section not in _SECTIONS:
        raise Refused("BAD", f"Unknown section {section}")
    fields: list[str] = []
    label = section
    if section.startswith("HEADER.FIELDS"):
        arguments.space()
        fields = arguments.listed(lambda: _field_name(arguments))
        label = f"{section} ({' '.join(fields)})"
    arguments.expect(b"]")
    partial = arguments.match(_PARTIAL)
    start, count = (int(partial["start"]), int(partial["count"])) if partial else (0, None)
    origin = f"<{start}>" if partial else ""

    def render(message: StoredMessage) -> bytes:
        content = _section(message.content, section, fields)
        content = content[start:] if count is None else content[start : start + count]
        return f"BODY[{label}]{origin} ".encode() + _literal(content)

    return render


def _field_name(arguments: Arguments) -> str:
    name = arguments.astring()
    if not _FIELD_NAME.fullmatch(name):
        # It is repeated in the answer, where anything else would need quoting.
        raise Refused("BAD", "Not the name of a header field")
    return name.decode()


def _section(content: bytes, section: str, fields: list[str]) -> bytes:
    header, blank, body = content.partition(b"\r\n\r\n")
    header = header + b"\r\n" if blank else header
    if section == "":
        return content
    if section == "TEXT":
        return body
    if section == "HEADER":
        return header + b"\r\n"
    wanted = {name.casefold().encode() for name in fields}
    kept = [
        field
        for field in re.findall(rb"^[^\n]+\n(?:[ \t][^\n]*\n)*", header, re.MULTILINE)
        if (field.partition(b":")[0].strip().lower() in wanted) is (section == "HEADER.FIELDS")
    ]
    return b"".join(kept) + b"\r\n"


def _literal(content: bytes) -> bytes:
    return b"{%d}\r\n" % len(content) + content


def _uid(message: StoredMessage) -> bytes:
    return b"UID %d" % message.uid


def _flags(message: StoredMessage) -> bytes:
    return f"FLAGS ({' '.join(sorted(message.flags))})".encode()


def _size(message: StoredMessage) -> bytes:
    return b"RFC822.SIZE %d" % len(message.content)


def _internal_date(message: StoredMessage) -> bytes:
    at = time.gmtime(message.stored_at)
    day = f"{at.tm_mday:2d}-{MONTHS[at.tm_mon - 1]}-{at.tm_year:04d}"
    return f'INTERNALDATE "{day} {time.strftime("%H:%M:%S", at)} +0000"'.encode()


_SIMPLE: dict[str, Item] = {
    "UID": _uid,
    "FLAGS": _flags,
    "RFC822.SIZE": _size,
    "INTERNALDATE": _internal_date,
    "RFC822": lambda message: b"RFC822 " + _literal(message.content),
    "RFC822.HEADER": lambda message: b"RFC822.HEADER " + _literal(_section(message.content, "HEADER", [])),
    "RFC822.TEXT": lambda message: b"RFC822.TEXT " + _literal(_section(message.content, "TEXT", [])),
}


def store(state: ImapState, arguments: Arguments) -> str:
    """STORE (RFC 9051 section 6.4.6)."""
    return _store(state, arguments, by_uid=False)


def uid_store(state: ImapState, arguments: Arguments) -> str:
    """UID STORE (RFC 9051 section 6.4.9)."""
    return _store(state, arguments, by_uid=True)


def _store(state: ImapState, arguments: Arguments, *, by_uid: bool) -> str:
    view = state.selected
    arguments.space()
    wanted = arguments.sequence_set()
    arguments.space()
    action = arguments.take(_ACTION, "FLAGS, +FLAGS or -FLAGS")
    arguments.space()
    if arguments.at_list:
        flags = arguments.listed(arguments.flag)
    else:
        flags = [arguments.flag()]
        while arguments.skip(b" "):
            flags.append(arguments.flag())
    arguments.end()
    _check_writable(state)
    for number, message in view.find(wanted, by_uid=by_uid):
        kept = {b"+": message.flags | set(flags), b"-": message.flags - set(flags), b"": set(flags)}[action["sign"]]
        view.mailbox.mark(message.uid, kept)
        changed = view.mailbox.get(message.uid)
        if changed is not None and not action["silent"]:
            items = (_uid, _flags) if by_uid else (_flags,)
            state.untagged(f"{number} FETCH (".encode() + b" ".join(item(changed) for item in items) + b")")
    return "STORE completed"


def expunge(state: ImapState, arguments: Arguments) -> str:
    """EXPUNGE (RFC 9051 section 6.4.3)."""
    arguments.end()
    _check_writable(state)
    _remove_deleted(state, None)
    return "EXPUNGE completed"


def uid_expunge(state: ImapState, arguments: Arguments) -> str:
    """UID EXPUNGE (RFC 4315 section 2.1)."""
    if not state.offers("UIDPLUS"):
        raise Refused("BAD", "Unknown command")
    arguments.space()
    wanted = arguments.sequence_set()
    arguments.end()
    _check_writable(state)
    _remove_deleted(state, wanted)
    return "EXPUNGE completed"


def _check_writable(state: ImapState) -> None:
    if state.selected.is_read_only:
        raise Refused("NO", "[READ-ONLY] The mailbox was opened with EXAMINE")


def _remove_deleted(state: ImapState, uids: str | None) -> None:
    view = state.selected
    for _, message in view.find("1:*" if uids is None else uids, by_uid=True):
        if "\\Deleted" in message.flags:
            view.mailbox.remove(message.uid)


def check(state: ImapState, arguments: Arguments) -> str:
    """CHECK (RFC 3501 section 6.4.1)."""
    arguments.end()
    _ = state.selected
    return "CHECK completed"


def close(state: ImapState, arguments: Arguments) -> str:
    """CLOSE (RFC 9051 section 6.4.1)."""
    arguments.end()
    if not state.selected.is_read_only:
        _remove_deleted(state, None)
    state.view = None
    return "CLOSE completed"


def unselect(state: ImapState, arguments: Arguments) -> str:
    """UNSELECT (RFC 9051 section 6.4.2)."""
    arguments.end()
    _ = state.selected
    state.view = None
    return "UNSELECT completed"
