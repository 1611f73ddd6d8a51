"""One message on its way: submitted by SMTP while its copy travels to the Sent folder, and then the copy settled."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import attrs

from .._ports import Deadline
from .._wire.imap import ImapSession
from .._wire.imap_append import goes_at_once
from ..errors import Dropped, ProtocolViolation, Refused, Reply
from ..settings import Filer
from . import file
from .account import Account
from .lanes import Lane
from .one_copy import append_once, remove_double
from .prepare import Prepared
from .receipt import Delivery, Filing, Receipt
from .settle import NOT_YET, filed, known_ids, pending, ready_imap, settle
from .submit import Submission, submit

_SMALL = 32 * 1024
"""Bytes of a copy that fits into any socket's buffer, so that writing it needs nobody to run beside."""

_SMALL_SECONDS = 2.0
"""Seconds such a write may take, should the server have stopped reading."""

_READY_SECONDS = 15.0
"""Seconds an IMAP server may take to be ready. A dead one must not hold up what SMTP has long answered."""

# Of what RFC 5322 allows in a Message-ID, and nothing else of what a server may have said.
_ID_IN_REPLY = re.compile(r"<[!-;=?A-~]{1,200}@[!-;=?A-~]{1,200}>")


class Sending:
    """One message, from the open lane to the receipt.

    Args:
        account: whose message.
        lane: the connections to use.
        prepared: the message.
        receipt: the account of it so far: not sent yet.
        partial: whether it is sent to those recipients that are accepted when others are refused.
        deadline: for all of it.
    """

    def __init__(
        self, account: Account, lane: Lane, prepared: Prepared, receipt: Receipt, *, partial: bool, deadline: Deadline
    ) -> None:
        self._account = account
        self._lane = lane
        self._prepared = prepared
        self._partial = partial
        self._deadline = deadline
        self._before = account.settings
        self._filer = account.filer
        self._receipt = receipt
        self._timings: dict[str, float] = {}
        self._is_wanted = True
        self._mailbox: str | None = None
        self._imap: ImapSession | None = None
        self._held: file.Held | None = None
        self._trouble: Exception | None = None
        self._pauses: Sequence[float] = file.AT_ONCE

    async def run(self) -> Receipt:
        """Send the message, file its copy, and return what became of both.

        Raises:
            MailconfError: the message was not sent.
        """
        started = self._deadline.clock()
        if self._filer in (Filer.PROVIDER, Filer.NOBODY) and not self._account.watched:
            await self._submit()
        elif await self._can_copy_first():
            await self._start_copy(self._deadline.sooner(_SMALL_SECONDS))
            await self._submit()
        else:
            await self._account.io.gather(self._submit, lambda: self._start_copy(self._deadline))
        if self._receipt.delivery is Delivery.UNKNOWN and self._held is not None:
            await self._held.upload.session.abandon()
        elif self._receipt.delivery is Delivery.SENT and self._receipt.filing is Filing.PENDING:
            self._receipt = await self._settle_copy(self._receipt)
            await self._account.record_fact(self._receipt)
        self._timings["total"] = self._deadline.clock() - started
        learned = self._account.news_since(self._before)
        return attrs.evolve(self._receipt, learned=learned, timings=self._timings)

    # -- the message -----------------------------------------------------------------------------------------------

    async def _submit(self) -> None:
        settings = self._account.settings
        try:
            session = await self._lane.smtp.session(
                settings.smtp, settings.smtp_user, self._account.credential, self._deadline
            )
            started = self._note_timings("smtp", self._lane.smtp.timings)
            submission = await submit(
                session,
                self._prepared.envelope,
                self._prepared.submitted,
                partial=self._partial,
                ending=self._note_ending,
                deadline=self._deadline,
            )
        except BaseException:
            self._is_wanted = False
            raise
        self._timings["submit"] = self._deadline.clock() - started
        self._receipt = self._accounted(submission)
        self._account.note_sent(self._receipt.message_id)
        if submission.delivery is Delivery.SENT:
            await self._account.record_fact(self._receipt)
        else:
            self._is_wanted = False

    def _note_timings(self, protocol: str, timings: Mapping[str, float]) -> float:
        """Note how long a connection took to open; return the time now."""
        self._timings |= {f"{protocol} {part}": seconds for part, seconds in timings.items()}
        return self._deadline.clock()

    async def _note_ending(self, refused: Mapping[str, Reply]) -> None:
        if not self._account.has_journal:
            return
        maybe = self._prepared.envelope.without(refused)
        unknown = attrs.evolve(self._receipt, delivery=Delivery.UNKNOWN, accepted=maybe, refused=refused)
        await self._account.record(self._with_expected_filing(unknown))

    def _accounted(self, submission: Submission) -> Receipt:
        """Return the receipt of what SMTP has told, the copy not settled yet."""
        if submission.failure is None:
            filing, code, reason = self._expected_filing()
        else:
            reason = f"the message may have been sent: {submission.failure}"
            filing, code = Filing.PENDING, "delivery.unknown"
        return attrs.evolve(
            self._receipt,
            delivery=submission.delivery,
            accepted=submission.accepted,
            refused=submission.refused,
            reply=submission.reply,
            server_message_id=_other_id(submission, self._prepared.message_id),
            filing=filing,
            filing_code=code,
            filing_reason=reason,
        )

    def _expected_filing(self) -> tuple[Filing, str, str]:
        """Return how the copy of a message that was just sent stands, with code and sentence if it is pending."""
        if self._filer is Filer.PROVIDER:
            return Filing.BY_PROVIDER, "", ""
        if self._filer is Filer.NOBODY:
            return Filing.OFF, "", ""
        return Filing.PENDING, NOT_YET, "the copy has not been filed yet"

    def _with_expected_filing(self, receipt: Receipt) -> Receipt:
        filing, code, reason = self._expected_filing()
        return attrs.evolve(receipt, filing=filing, filing_code=code, filing_reason=reason)

    # -- its copy --------------------------------------------------------------------------------------------------

    async def _can_copy_first(self) -> bool:
        """Whether the copy can be written out before the message without anybody waiting for it."""
        if self._filer is not Filer.CLIENT or self._prepared.filed.size > _SMALL or self._account.watched:
            return False
        if self._account.settings.sent.mailbox is None or await self._lane.smtp.at_hand() is None:
            return False
        session = await self._lane.imap.at_hand()
        return session is not None and goes_at_once(session, self._prepared.filed)

    async def _start_copy(self, deadline: Deadline) -> None:
        """Make ready for the copy while the message is submitted. A failure is kept, and never stops the message."""
        started = self._deadline.clock()
        try:
            session, mailbox = await ready_imap(self._account, self._lane, deadline.sooner(_READY_SECONDS))
            self._note_timings("imap", self._lane.imap.timings)
            self._imap, self._mailbox = session, mailbox
            await self._review_watched(session, deadline)
            if self._filer is Filer.CLIENT:
                self._held = await self._hold(session, mailbox, deadline)
        except Exception as trouble:  # noqa: BLE001 - nothing here may turn a message that was sent into an error
            self._trouble = trouble
        finally:
            self._timings["copy ready"] = self._deadline.clock() - started

    async def _hold(self, session: ImapSession, mailbox: str, deadline: Deadline) -> file.Held | None:
        content = self._prepared.filed
        try:
            return await file.hold(session, mailbox, content, deadline, lambda: self._is_wanted)
        except Refused as refusal:
            if not file.folder_is_missing(refusal):
                raise
        self._mailbox = await file.find_or_create(session, deadline)
        return await file.hold(session, self._mailbox, content, deadline, lambda: self._is_wanted)

    async def _review_watched(self, session: ImapSession, deadline: Deadline) -> None:
        """See whether the provider has doubled copies that were appended while nobody knew what it does."""
        account = self._account
        for oldest in tuple(account.watched):
            copy, ids = oldest
            if account.is_sent_again(ids[0]):
                account.unwatch(oldest)
                continue
            if not await remove_double(session, copy, ids, deadline):
                # The younger ones are not doubled either, then.
                if not account.is_watching:
                    account.watched.clear()
                return
            account.learn_filer(Filer.PROVIDER)
            self._filer = Filer.PROVIDER
            account.unwatch(oldest)

    async def _settle_copy(self, receipt: Receipt) -> Receipt:
        """Bring the copy into the folder, or say why it is pending. Never raises: the message was sent."""
        if Filer.PROVIDER in (self._filer, self._account.filer):
            # Learned while the message was on its way, here or in another lane. A copy that is held back never comes to
            # be: its connection is busy, and is not kept.
            self._filer = Filer.PROVIDER
            return self._with_expected_filing(receipt)
        started = self._deadline.clock()
        try:
            return filed(self._account, receipt, await self._copy())
        except Exception as trouble:  # noqa: BLE001 - nothing here may turn a message that was sent into an error
            return pending(receipt, trouble)
        finally:
            self._timings["file"] = self._deadline.clock() - started

    async def _copy(self) -> file.Copy:
        try:
            return await self._first_try()
        except (Dropped, ProtocolViolation):
            # The connection may have been dead before it was used, or the answer to APPEND was lost. Then the copy may
            # be on its way, and there is time to wait for it now: of a second one, whose answer is lost as well, no UID
            # would be known to remove it by.
            pauses = self._pauses
        except Refused as refusal:
            if not file.folder_is_missing(refusal):
                raise
            self._account.learn_mailbox(None)
            pauses = file.AT_ONCE
        content = self._prepared.filed
        return await settle(self._account, self._lane, self._receipt, content, pauses, self._deadline)

    async def _first_try(self) -> file.Copy:
        if self._trouble is not None:
            raise self._trouble
        if self._held is not None:
            await file.commit(self._held, self._deadline)
            self._pauses = file.LOOKS
            return await file.committed(self._held, self._deadline)
        if self._imap is None or self._mailbox is None:
            raise AssertionError("nothing was made ready, and nothing says why")
        io, ids = self._account.io, known_ids(self._receipt)
        if await file.look(io, self._imap, self._mailbox, ids, file.LOOKS, self._deadline):
            return file.Copy(filing=Filing.BY_PROVIDER, mailbox=self._mailbox)
        if self._account.filer is Filer.PROVIDER:
            # Another message has shown it meanwhile. This one's copy is late.
            return file.Copy(filing=Filing.BY_PROVIDER, mailbox=self._mailbox)
        self._pauses = file.LOOKS
        return await append_once(io, self._imap, self._mailbox, ids, self._prepared.filed, self._deadline)


def _other_id(submission: Submission, message_id: str) -> str | None:
    """Return a Message-ID that the server's final reply names and that is not ours (seen with Outlook)."""
    match = None if submission.reply is None else _ID_IN_REPLY.search(submission.reply.text)
    return match[0] if match is not None and match[0] != message_id else None
