"""APPEND (RFC 9051 section 6.3.12), with UTF8 (RFC 6855 section 4), APPENDUID (RFC 4315) and real servers' refusals.

The message counts only when the command's own CRLF has come in; that is the session's framing. Here the command is
judged, once before a synchronizing literal is invited and once when it is whole.
"""

from __future__ import annotations

import calendar
import re

import attrs

from .imap_command import Arguments, Incomplete, Refused
from .imap_state import ImapState
from .personality import Drop
from .store import Mailbox

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE_TIME = re.compile(
    r"(?P<day>[ 0-3]?[0-9])-(?P<month>[A-Za-z]{3})-(?P<year>(?!0000)[0-9]{4}) "
    r"(?P<hour>[0-2][0-9]):(?P<minute>[0-5][0-9]):(?P<second>[0-6][0-9]) (?P<zone>[+-][0-9]{4})"
)


@attrs.frozen(kw_only=True)
class _Target:
    """What stands before the message."""

    name: str
    flags: tuple[str, ...]
    stored_at: float
    is_utf8: bool


def takes_message_next(state: ImapState, arguments: Arguments) -> bool:
    """Whether the literal that is announced at the end of the arguments is the message."""
    try:
        _target(state, arguments)
    except (Incomplete, Refused):
        return False
    try:
        arguments.literal()
    except Incomplete:
        return True
    except Refused:
        pass
    return False


def check_before_literal(state: ImapState, arguments: Arguments, size: int) -> None:
    """Judge an APPEND whose message is still to come, as far as that is possible.

    Raises:
        Refused: the message would not be taken.
    """
    check_size(state, size)
    _mailbox(state, _target(state, arguments).name)
    _check_quota(state, size)


def check_size(state: ImapState, size: int) -> None:
    """Judge the size of a message.

    Raises:
        Refused: it is over APPENDLIMIT (RFC 7889).
    """
    if size > state.personality.append_limit:
        raise Refused("NO", "[TOOBIG] The message is larger than this server takes")


def append(state: ImapState, arguments: Arguments) -> str:
    """APPEND (RFC 9051 section 6.3.12)."""
    target = _target(state, arguments)
    content, is_binary = arguments.literal()
    if target.is_utf8:
        arguments.expect(b")")
    arguments.end()
    if is_binary != target.is_utf8:
        raise Refused("BAD", "Syntax error: UTF8 takes a literal8, and nothing else does")
    if not is_binary and b"\0" in content:
        raise Refused("BAD", "A literal cannot hold NUL")
    if not content:
        raise Refused("NO", "An empty message cannot be stored")
    check_size(state, len(content))
    mailbox = _mailbox(state, target.name)
    _check_quota(state, len(content))
    message = mailbox.add(content, flags=target.flags, stored_at=target.stored_at)
    state.pending_drop = Drop.AFTER_APPEND
    if not state.offers("UIDPLUS"):
        return "APPEND completed"
    return f"[APPENDUID {mailbox.uid_validity} {message.uid}] APPEND completed"


def _target(state: ImapState, arguments: Arguments) -> _Target:
    arguments.space()
    name = state.mailbox_name(arguments)
    arguments.space()
    flags: list[str] = []
    if arguments.at_list:
        flags = arguments.listed(arguments.flag)
        arguments.space()
    stored_at = state.store.clock()
    if (date_time := arguments.date_time()) is not None:
        stored_at = read_date_time(date_time.decode(errors="replace"))
        arguments.space()
    is_utf8 = arguments.skip(b"UTF8 (")
    if is_utf8 and not state.utf8:
        raise Refused("BAD", "UTF8=ACCEPT is not enabled")
    return _Target(name=name, flags=tuple(flags), stored_at=stored_at, is_utf8=is_utf8)


def _mailbox(state: ImapState, name: str) -> Mailbox:
    mailbox = state.store.find(state.owner, name)
    if mailbox is None:
        raise Refused("NO", "[TRYCREATE] No such mailbox")
    return mailbox


def _check_quota(state: ImapState, size: int) -> None:
    quota = state.personality.quota
    if quota is not None and state.owner.size + size > quota:
        raise Refused("NO", "[OVERQUOTA] The quota is exceeded")


def read_date_time(text: str) -> float:
    """Return the seconds since the epoch of a date-time (RFC 9051 section 9).

    Raises:
        Refused: it is none.
    """
    match = _DATE_TIME.fullmatch(text)
    if match is None or match["month"].capitalize() not in MONTHS:
        raise Refused("BAD", "Syntax error: expected a date-time")
    month = MONTHS.index(match["month"].capitalize()) + 1
    fields = (int(match["year"]), month, int(match["day"]), int(match["hour"]), int(match["minute"]))
    offset = int(match["zone"][1:3]) * 3600 + int(match["zone"][3:]) * 60
    sign = -1 if match["zone"].startswith("-") else 1
    return calendar.timegm((*fields, int(match["second"]), 0, 0, 0)) - sign * offset
