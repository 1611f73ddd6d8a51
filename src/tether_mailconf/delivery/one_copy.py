"""Exactly one copy where several may come to stand: ours, the provider's, another worker's.

Which copy is ours is known by the UID that the server told us, and nothing else is ever removed.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from .._ports import IO, Deadline
from .._wire.content import Content
from .._wire.imap import ImapSession
from ..errors import Step
from .file import Copy, append, find_copies
from .receipt import Filing

_YIELD_SECONDS = 2.0
"""Seconds that somebody else has to remove a copy that is younger than ours."""

_MOST_ROUNDS = 3
"""How often a copy is appended, or removed, that somebody else's doing brings to nothing."""


async def append_once(
    io: IO, session: ImapSession, mailbox: str, message_ids: Sequence[str], content: Content, deadline: Deadline
) -> Copy:
    """Append a copy after a look that found none, and look again: if another one came meanwhile, ours goes.

    Raises:
        Refused: it was not stored.
        ConversationError: the conversation failed; search before repeating.
    """
    copy = await append(session, mailbox, content, deadline)
    return await keep_one(io, session, copy, message_ids, content, deadline)


async def keep_one(
    io: IO, session: ImapSession, copy: Copy, message_ids: Sequence[str], content: Content, deadline: Deadline
) -> Copy:
    """Remove our own copy if another one stands beside it; return the one that is left.

    The other one is the provider's, or of somebody who does the same for the same message at this moment: two workers
    that recover from one journal, say. If both took theirs away, none would be left. So whose copy is the older gives
    the other one time to go, and whoever has removed a copy looks whether one is left, and appends it again if not.

    Raises:
        Refused: it is not stored any more.
        ConversationError: the conversation failed; search before repeating.
    """
    for _ in range(_MOST_ROUNDS):
        double = await _find_double(session, copy, message_ids, deadline)
        if double is not None and double.uid < min(double.others):
            await io.sleep(min(_YIELD_SECONDS, deadline.remaining(Step.SEARCH)))
            double = await _find_double(session, copy, message_ids, deadline)
        left = None if double is None else await _remove(session, double, message_ids, deadline)
        if left is None:
            return copy
        if left:
            return Copy(filing=Filing.BY_PROVIDER, mailbox=copy.mailbox)
        copy = await append(session, copy.mailbox, content, deadline)
    return copy


async def remove_double(session: ImapSession, copy: Copy, message_ids: Sequence[str], deadline: Deadline) -> bool:
    """Remove our own copy if another one stands beside it; return whether it was so.

    Raises:
        ConversationError: the conversation failed.
    """
    double = await _find_double(session, copy, message_ids, deadline)
    return double is not None and await _remove(session, double, message_ids, deadline) is not None


@attrs.frozen(kw_only=True)
class _Double:
    """Our own copy, and others beside it. UIDs ascend (RFC 9051 section 2.3.1.1)."""

    mailbox: str
    uid: int
    uid_validity: int | None
    others: tuple[int, ...]


async def _find_double(
    session: ImapSession, copy: Copy, message_ids: Sequence[str], deadline: Deadline
) -> _Double | None:
    """Return our own copy if another one stands beside it; None where the server did not tell us which is ours."""
    ours = copy.appended
    if ours is None or ours.uid is None or "UIDPLUS" not in session.capabilities:
        return None
    found = await find_copies(session, copy.mailbox, message_ids, deadline)
    others = tuple(uid for uid in found if uid != ours.uid)
    # Under our UID there may be another message by now: seen with Dovecot 2.3, which gives a UID twice, and then a new
    # one to the first message, while its disk is full; UIDVALIDITY stays the same.
    if ours.uid not in found or not others:
        return None
    return _Double(mailbox=copy.mailbox, uid=ours.uid, uid_validity=ours.uid_validity, others=others)


async def _remove(
    session: ImapSession, double: _Double, message_ids: Sequence[str], deadline: Deadline
) -> tuple[int, ...] | None:
    """Remove our own copy; return the UIDs of those that are left, or None if ours is among them.

    Only a copy whose UID the server told us is ever removed, if it still has our Message-ID, and only with UID EXPUNGE
    (RFC 4315): a plain EXPUNGE would take with it whatever the person has marked as deleted.
    """
    mark, expunge = f"UID STORE {double.uid} +FLAGS.SILENT (\\Deleted)", f"UID EXPUNGE {double.uid}"
    for _ in range(_MOST_ROUNDS):
        selected = (await session.run(Step.SEARCH, deadline, f"SELECT {session.mailbox(double.mailbox)}"))[0]
        if not selected.is_ok or selected.codes.get("UIDVALIDITY") != str(double.uid_validity):
            return None
        done = await session.run(Step.SEARCH, deadline, mark, expunge)
        if not all(completed.is_ok for completed in done):
            return None
        # Dovecot 2.3 has been seen to say OK while many sessions changed the folder, and to keep the message.
        left = await find_copies(session, double.mailbox, message_ids, deadline)
        if double.uid not in left:
            return left
    return None
