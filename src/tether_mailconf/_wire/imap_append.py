"""APPEND (RFC 9051 section 6.3.12) in two halves: the message is uploaded, and later committed or forgotten.

The command ends with the CRLF after the literal. Until that has arrived the server has no command to carry out, so a
connection that is closed instead leaves nothing behind. So a copy can travel while SMTP still decides, and be
committed by two bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import attrs

from .._ports import Deadline
from ..errors import NotOffered, Refused, Step
from .content import Content, slices
from .imap import ImapSession

_LITERAL_MINUS_MAX = 4096
"""Bytes of the longest literal that LITERAL- lets go without asking (RFC 7888 section 5)."""

_ONE_WRITE = 64 * 1024
"""Bytes up to which command and message are written together."""

_APPENDUID = re.compile(r"([0-9]{1,10}) ([0-9]{1,10})")


@attrs.frozen(kw_only=True)
class Appended:
    """Where the copy stands (APPENDUID, RFC 4315 section 3); None where the server does not say."""

    uid_validity: int | None
    uid: int | None


@attrs.frozen(kw_only=True)
class Upload:
    """An append that is complete but for its last bytes."""

    session: ImapSession
    tag: str
    ending: bytes


def goes_at_once(session: ImapSession, content: Content) -> bool:
    """Whether the server takes this message's literal without being asked first (RFC 7888)."""
    return _literal_mark(session, content.size) == "+"


async def begin_append(
    session: ImapSession, mailbox: str, content: Content, deadline: Deadline, wanted: Callable[[], bool]
) -> Upload | None:
    """Upload everything but the end of the command.

    Args:
        session: a signed-in session.
        mailbox: the mailbox's decoded name.
        content: the message.
        deadline: for all of it.
        wanted: asked between pieces; once it says no, the upload stops, the connection is closed, and None is returned.

    Raises:
        NotOffered: the message is larger than the server takes (APPENDLIMIT, RFC 7889).
        Refused: the server does not want the literal.
        ConversationError: the conversation failed.
    """
    _check_limit(session, content.size)
    mark = _literal_mark(session, content.size)
    utf8 = content.is_utf8 and session.utf8
    tag = session.begin(Step.APPEND)
    opening = "UTF8 (~" if utf8 else ""
    command = f"{tag} APPEND {session.mailbox(mailbox)} (\\Seen) {opening}{{{content.size}{mark}}}"
    upload = Upload(session=session, tag=tag, ending=b")\r\n" if utf8 else b"\r\n")
    line = command.encode() + b"\r\n"
    if mark and content.size <= _ONE_WRITE:
        await session.send(Step.APPEND, b"".join((line, *content.pieces)), deadline, command)
        return upload
    await session.send(Step.APPEND, line, deadline, command)
    if not mark:
        status = await session.continuation(Step.APPEND, tag, deadline)
        if status is not None:
            raise Refused(step=Step.APPEND, reply=status.reply(), endpoint=session.endpoint)
    for piece in slices(content.pieces):
        if not wanted():
            await session.abandon()
            return None
        await session.send(Step.APPEND, piece, deadline, f"({len(piece)} bytes)")
    return upload


async def end_append(upload: Upload, deadline: Deadline) -> None:
    """Send the end of the command.

    Raises:
        ConversationError: it was not sent: the server has no command, and nothing will be stored.
    """
    await upload.session.send(Step.APPEND, upload.ending, deadline, "(end of APPEND)")


async def appended(upload: Upload, deadline: Deadline) -> Appended:
    """Wait for the answer to a command that has been ended, and return where the copy stands.

    Raises:
        Refused: the server did not store it.
        ConversationError: the conversation failed; whether the copy was stored, or will be, is not known.
    """
    session = upload.session
    status = await session.tagged(Step.APPEND, upload.tag, deadline)
    if status.status != "OK":
        raise Refused(step=Step.APPEND, reply=status.reply(), endpoint=session.endpoint)
    match = _APPENDUID.fullmatch(status.arguments) if status.code == "APPENDUID" else None
    if match is None:
        return Appended(uid_validity=None, uid=None)
    return Appended(uid_validity=int(match[1]), uid=int(match[2]))


def _literal_mark(session: ImapSession, size: int) -> str:
    if "LITERAL+" in session.capabilities:
        return "+"
    return "+" if "LITERAL-" in session.capabilities and size <= _LITERAL_MINUS_MAX else ""


def _check_limit(session: ImapSession, size: int) -> None:
    for capability in session.capabilities:
        name, _, limit = capability.partition("=")
        if name == "APPENDLIMIT" and limit.isascii() and limit.isdigit() and size > int(limit[:18]):
            detail = f"the message has {size} bytes, the server files at most {int(limit[:18])}"
            raise NotOffered(step=Step.APPEND, detail=detail, endpoint=session.endpoint)
