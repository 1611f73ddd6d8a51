"""Exactly one copy of a sent message in the Sent folder.

The folder is found once. A copy is held back, complete but for its last two bytes, until SMTP has accepted. Whenever
it is not certain what stands in the folder, the folder is searched for the Message-ID before anything is put there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import attrs

from .._ports import IO, Deadline
from .._wire.content import Content
from .._wire.imap import ImapSession
from .._wire.imap_append import Appended, Upload, appended, begin_append, end_append
from .._wire.imap_response import Completed
from .._wire.imap_syntax import quoted
from ..errors import Refused, Step
from .receipt import Filing
from .sent_folder import Listed, Namespace, SentFolder, read_listing, read_namespace, sent_among

LOOKS = (0.0, 0.5, 1.0, 1.5, 2.0)
"""Seconds to wait before each look for a copy that may yet come: one that the provider may file by itself, or one of
ours, on its way when the connection was lost."""

AT_ONCE = (0.0,)
"""The same where no copy can be on its way."""

_MOST_MATCHES = 50
_FIELD = re.compile(rb"^message-id:[ \t]*((?:.*\n[ \t]+)*.*)$", re.IGNORECASE | re.MULTILINE)
_CLIENT_ID = 'ID ("name" "tether_mailconf")'


@attrs.frozen(kw_only=True)
class Copy:
    """A copy that stands in the Sent folder.

    Args:
        filing: how it came there.
        mailbox: the folder's decoded name.
        appended: where our own copy stands, if there is one.
        is_repeat: whether an earlier try to append it may have succeeded, or may yet.
    """

    filing: Filing
    mailbox: str
    appended: Appended | None = None
    is_repeat: bool = False


@attrs.frozen(kw_only=True)
class Held:
    """A copy that was uploaded to a folder and waits for its last bytes."""

    mailbox: str
    upload: Upload


async def introduce(session: ImapSession, mailbox: str | None, deadline: Deadline) -> str:
    """Say who we are, enable UTF-8 if offered, and return the Sent folder: the one given, or the one found or made.

    All of it is one flight, unless the folder must be made. Some providers (NetEase) open no mailbox before ID.

    Raises:
        Refused: there is no Sent folder, and none can be made.
        ConversationError: the conversation failed.
    """
    hello = [] if session.introduced else _hello(session)
    if mailbox is None:
        mailbox = await _find(session, hello, deadline)
    elif hello:
        await session.run(Step.MAILBOX, deadline, *hello)
    session.introduced = True
    return mailbox


def _hello(session: ImapSession) -> list[str]:
    hello = [_CLIENT_ID] if "ID" in session.capabilities else []
    if "ENABLE" in session.capabilities and session.capabilities & {"UTF8=ACCEPT", "UTF8=ONLY"}:
        hello.append("ENABLE UTF8=ACCEPT")
    return hello


async def find_or_create(session: ImapSession, deadline: Deadline) -> str:
    """Return the Sent folder, found by special-use or name, or else made.

    Raises:
        Refused: there is none, and none can be made.
        ConversationError: the conversation failed.
    """
    return await _find(session, [], deadline)


async def choose(session: ImapSession, deadline: Deadline) -> SentFolder:
    """Return which folder is the Sent folder, or would be made, as `introduce` decides it. Makes nothing.

    Raises:
        ConversationError: the conversation failed, or the server does not list its mailboxes.
    """
    hello = [] if session.introduced else _hello(session)
    session.introduced = True
    return await _choose(session, hello, deadline)


async def _find(session: ImapSession, before: list[str], deadline: Deadline) -> str:
    sent = await _choose(session, before, deadline)
    if sent.exists:
        return sent.mailbox
    return await _create(session, sent.mailbox, deadline)


async def _choose(session: ImapSession, before: list[str], deadline: Deadline) -> SentFolder:
    return sent_among(*await list_mailboxes(session, before, deadline))


async def list_mailboxes(
    session: ImapSession, before: list[str], deadline: Deadline
) -> tuple[tuple[Listed, ...], Namespace]:
    """Return all mailboxes, and the personal name space.

    Args:
        session: a signed-in session.
        before: commands that go ahead in the same flight.
        deadline: until when.

    Raises:
        Refused: the server does not list them.
        ConversationError: the conversation failed.
    """
    capabilities = session.capabilities
    namespace = ["NAMESPACE"] if "NAMESPACE" in capabilities else []
    extended = {"SPECIAL-USE", "LIST-EXTENDED"} <= capabilities
    listing = 'LIST "" "*" RETURN (SPECIAL-USE)' if extended else 'LIST "" "*"'
    *told, listed = await session.run(Step.MAILBOX, deadline, *before, *namespace, listing)
    if not listed.is_ok and extended:
        # Seen with Proton Bridge: it offers the extension and answers BAD.
        listed = (await session.run(Step.MAILBOX, deadline, 'LIST "" "*"'))[0]
    _require(session, listed, Step.MAILBOX)
    entries = read_listing(session, listed)
    return entries, read_namespace(session, told[-1]) if namespace else Namespace()


async def _create(session: ImapSession, name: str, deadline: Deadline) -> str:
    create = f"CREATE {session.mailbox(name)}"
    special = f"{create} (USE (\\Sent))" if "CREATE-SPECIAL-USE" in session.capabilities else create
    created = (await session.run(Step.MAILBOX, deadline, special))[0]
    if not created.is_ok and special != create:
        created = (await session.run(Step.MAILBOX, deadline, create))[0]
    if created.status.code != "ALREADYEXISTS":
        _require(session, created, Step.MAILBOX)
    # A folder that is not subscribed is hidden by many mail programs; one that cannot be is still there.
    await session.run(Step.MAILBOX, deadline, f"SUBSCRIBE {session.mailbox(name)}")
    return name


# -- putting a copy there ---------------------------------------------------------------------------------------------


async def hold(
    session: ImapSession, mailbox: str, content: Content, deadline: Deadline, wanted: Callable[[], bool]
) -> Held | None:
    """Upload a copy and hold back its end; None if it was not wanted any more on the way.

    Raises:
        ConversationError: nothing stands in the folder.
    """
    upload = await begin_append(session, mailbox, content, deadline, wanted)
    return None if upload is None else Held(mailbox=mailbox, upload=upload)


async def commit(held: Held, deadline: Deadline) -> None:
    """Let a held copy into the folder. From then on it may stand there, sooner or later.

    Raises:
        ConversationError: it does not, and never will.
    """
    await end_append(held.upload, deadline)


async def committed(held: Held, deadline: Deadline) -> Copy:
    """Return where a copy stands that has been let in.

    Raises:
        Refused: it was not stored.
        ConversationError: the conversation failed; search before repeating.
    """
    where = await appended(held.upload, deadline)
    return Copy(filing=Filing.APPENDED, mailbox=held.mailbox, appended=where)


async def append(session: ImapSession, mailbox: str, content: Content, deadline: Deadline) -> Copy:
    """Append a copy now, to the folder given or, if that is gone, to the one found or made.

    Raises:
        Refused: it was not stored.
        ConversationError: the conversation failed; search before repeating.
    """
    try:
        return await _append(session, mailbox, content, deadline)
    except Refused as refusal:
        if not folder_is_missing(refusal):
            raise
    return await _append(session, await find_or_create(session, deadline), content, deadline)


async def _append(session: ImapSession, mailbox: str, content: Content, deadline: Deadline) -> Copy:
    upload = await begin_append(session, mailbox, content, deadline, lambda: True)
    if upload is None:
        raise AssertionError("an upload that is always wanted was given up")
    held = Held(mailbox=mailbox, upload=upload)
    await commit(held, deadline)
    return await committed(held, deadline)


def folder_is_missing(refusal: Refused) -> bool:
    """Whether the server refused because of the mailbox, so that another one should be found or made.

    By response code (RFC 9051 section 7.1, TRYCREATE; RFC 5530, NONEXISTENT), or because it could not be opened.
    """
    return refusal.step is Step.MAILBOX or refusal.reply.enhanced in ("TRYCREATE", "NONEXISTENT")


# -- looking for a copy -----------------------------------------------------------------------------------------------


async def find_copies(
    session: ImapSession, mailbox: str, message_ids: Sequence[str], deadline: Deadline
) -> tuple[int, ...]:
    """Return the UIDs of the messages in the folder that have one of the Message-IDs.

    SEARCH matches substrings and may be wrong in other ways, so the header of each match is fetched and compared.

    Raises:
        Refused: the folder cannot be opened or searched.
        ConversationError: the conversation failed.
    """
    searches = [f"UID SEARCH HEADER Message-ID {quoted(message_id).decode()}" for message_id in message_ids]
    # Opened anew for each look: Dovecot puts off what NOOP would bring when a SEARCH follows in the same flight.
    opening = f"EXAMINE {session.mailbox(mailbox)}"
    opened, *found = await session.run(Step.SEARCH, deadline, opening, *searches)
    _require(session, opened, Step.MAILBOX)
    for completed in found:
        _require(session, completed, Step.SEARCH)
    matches = sorted({uid for completed in found for uid in numbers(completed)})[-_MOST_MATCHES:]
    if not matches:
        return ()
    fetch = f"UID FETCH {','.join(map(str, matches))} (UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"
    fetched = (await session.run(Step.SEARCH, deadline, fetch))[0]
    _require(session, fetched, Step.SEARCH)
    return tuple(uid for uid, message_id in _identifiers(fetched) if message_id in message_ids)


def numbers(completed: Completed) -> list[int]:
    """Return the UIDs that a SEARCH has found."""
    return [
        int(token)
        for data in completed.named("SEARCH")
        for token in data.tokens
        if isinstance(token, bytes) and token.isdigit() and len(token) <= 10
    ]


def _identifiers(completed: Completed) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for data in completed.named("FETCH"):
        match data.tokens:
            case ([*items],):
                pairs = dict(zip(_texts(items[::2]), items[1::2], strict=False))
                uid, header = pairs.get(b"UID"), pairs.get(b"BODY[HEADER.FIELDS (MESSAGE-ID)]")
                field = _FIELD.search(header) if isinstance(header, bytes) else None
                if isinstance(uid, bytes) and uid.isdigit() and len(uid) <= 10 and field is not None:
                    found.append((int(uid), "".join(field[1].decode(errors="replace").split())))
            case _:
                pass
    return found


def _texts(tokens: Sequence[object]) -> list[bytes]:
    return [token.upper().replace(b'"', b"") if isinstance(token, bytes) else b"" for token in tokens]


async def look(
    io: IO,
    session: ImapSession,
    mailbox: str,
    message_ids: Sequence[str],
    pauses: Sequence[float],
    deadline: Deadline,
) -> bool:
    """Whether a copy is in the folder, or comes there while we look, once after each pause (seconds).

    Raises:
        Refused: the folder cannot be opened or searched.
        ConversationError: the conversation failed.
    """
    for pause in pauses:
        if pause:
            await io.sleep(min(pause, deadline.remaining(Step.SEARCH)))
        if await find_copies(session, mailbox, message_ids, deadline):
            return True
    return False


def _require(session: ImapSession, completed: Completed, step: Step) -> None:
    if not completed.is_ok:
        raise session.failed(Refused(step=step, reply=completed.status.reply()), step)
