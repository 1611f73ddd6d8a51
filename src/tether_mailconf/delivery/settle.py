"""Settling the copy of a message that was sent: by which names it is known, and what is learned from it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import attrs

from .._ports import Deadline
from .._wire.content import Content
from .._wire.imap import ImapSession
from ..errors import (
    ConversationError,
    Dropped,
    InvalidSettings,
    MailconfError,
    NotOffered,
    Problem,
    Refused,
    Step,
)
from ..settings import Filer
from . import file
from .account import Account
from .lanes import Lane
from .one_copy import append_once
from .receipt import Filing, FilingTrouble, Receipt

REPEATED = "append.repeated"
"""Says of a copy that an earlier try to append it may have succeeded too: another one need not be the provider's."""

NOT_YET = "filing.not_yet"
"""Says of a copy that its message was sent a moment ago: what became of it was not noted yet."""

_TOLD = frozenset({Refused.code, NotOffered.code})
"""Says of an append that the server does not store the copy. After any other trouble it may have."""

_LOG = logging.getLogger(__name__)


async def ready_imap(account: Account, lane: Lane, deadline: Deadline) -> tuple[ImapSession, str]:
    """Return a signed-in IMAP session and the Sent folder.

    Raises:
        InvalidSettings: the settings name no IMAP server.
        ConversationError: there is no session, or no folder, to be had.
    """
    settings = account.settings
    if settings.imap is None:
        text = "the settings name no IMAP server, so nothing can be looked up or filed"
        raise InvalidSettings((Problem(field="imap", code="imap.missing", message=text),))
    session = await lane.imap.session(settings.imap, settings.imap_user, account.credential, deadline)
    return session, await file.introduce(session, settings.sent.mailbox, deadline)


async def settle(
    account: Account, lane: Lane, receipt: Receipt, content: Content, pauses: Sequence[float], deadline: Deadline
) -> file.Copy:
    """Look for the copy of a message about which nothing is certain any more, and append one if there is none.

    Whose a copy is that is found, before or after, cannot be seen: an earlier try of ours may come through late.

    Args:
        account: whose message.
        lane: the connections to use.
        receipt: of the message.
        content: the copy.
        pauses: seconds before each look for a copy of ours. One of the provider's gets more time.
        deadline: for all of it.

    Raises:
        MailconfError: the copy does not stand, as far as is known; search again before appending.
    """
    try:
        return await _settle(account, lane, receipt, content, pauses, deadline)
    except Refused as refusal:
        if account.settings.sent.mailbox is None or not file.folder_is_missing(refusal):
            raise
    account.learn_mailbox(None)
    return await _settle(account, lane, receipt, content, pauses, deadline)


async def _settle(
    account: Account, lane: Lane, receipt: Receipt, content: Content, pauses: Sequence[float], deadline: Deadline
) -> file.Copy:
    session, mailbox = await ready_imap(account, lane, deadline)
    ids = known_ids(receipt)
    looks = pauses if account.filer is Filer.CLIENT else file.LOOKS
    if await file.look(account.io, session, mailbox, ids, looks, deadline):
        return file.Copy(filing=Filing.ALREADY_THERE, mailbox=mailbox)
    copy = await append_once(account.io, session, mailbox, ids, content, deadline)
    filing = Filing.APPENDED if copy.filing is Filing.APPENDED else Filing.ALREADY_THERE
    return attrs.evolve(copy, filing=filing, is_repeat=True)


def pauses_for(receipt: Receipt) -> Sequence[float]:
    """Return the seconds before each look for the pending copy of a receipt: several if ours may be on its way.

    So it may be if the answer to an APPEND was lost, or if the process ended before it noted how filing went.
    """
    trouble = receipt.filing_trouble
    if trouble is None:
        return file.LOOKS if receipt.filing_code == NOT_YET else file.AT_ONCE
    return file.LOOKS if trouble.step is Step.APPEND and receipt.filing_code not in _TOLD else file.AT_ONCE


def known_ids(receipt: Receipt) -> tuple[str, ...]:
    """Return the Message-IDs under which the provider may have filed the message."""
    return tuple(dict.fromkeys(name for name in (receipt.message_id, receipt.server_message_id) if name))


def pending(receipt: Receipt, trouble: Exception) -> Receipt:
    """Return the receipt of a message whose copy could not be filed for now.

    An exception that is not ours comes from the host's credential, or is a fault of the library. It goes to the log,
    and its text, which may say anything, into no receipt.
    """
    code, reason = "filing.failed", f"filing failed with {type(trouble).__name__}; the log says more"
    if isinstance(trouble, MailconfError):
        code, reason = trouble.code, str(trouble)
    else:
        _LOG.error("filing the copy of %s failed", receipt.message_id, exc_info=trouble)
    told = None
    if isinstance(trouble, ConversationError):
        reply = trouble.reply if isinstance(trouble, Refused | Dropped) else None
        detail = trouble.detail or trouble.summary
        told = FilingTrouble(step=trouble.step, endpoint=trouble.endpoint, reply=reply, detail=detail)
    return attrs.evolve(receipt, filing=Filing.PENDING, filing_code=code, filing_reason=reason, filing_trouble=told)


def filed(account: Account, receipt: Receipt, copy: file.Copy) -> Receipt:
    """Return the receipt of a message whose copy stands, and teach the account what can be learned from it."""
    is_sent_again = account.is_sent_again(receipt.message_id)
    if copy.filing is Filing.BY_PROVIDER and is_sent_again:
        copy = attrs.evolve(copy, filing=Filing.ALREADY_THERE)
    if copy.filing is Filing.BY_PROVIDER and account.filer is not Filer.PROVIDER and not account.is_filer_told:
        # Also against what another lane has just learned from a copy that was slow to come.
        account.learn_filer(Filer.PROVIDER)
    elif account.filer is Filer.UNKNOWN and copy.filing is Filing.APPENDED:
        account.learn_filer(Filer.CLIENT)
        account.begin_watch()
    is_repeat = copy.filing is Filing.APPENDED and copy.is_repeat
    if copy.filing is Filing.APPENDED and account.is_watching and not (is_repeat or is_sent_again):
        account.watched.append((copy, known_ids(receipt)))
    account.learn_mailbox(copy.mailbox)
    appended = copy.appended
    return attrs.evolve(
        receipt,
        filing=copy.filing,
        filing_code=REPEATED if is_repeat else "",
        filing_reason="",
        filing_trouble=None,
        mailbox=copy.mailbox,
        uid_validity=None if appended is None else appended.uid_validity,
        uid=None if appended is None else appended.uid,
    )
