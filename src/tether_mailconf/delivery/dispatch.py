"""Sending, filing later and settling what is unknown, for one account, over the port.

`tether_mailconf.Mailer` and `tether_mailconf.aio.Mailer` are this class in their colour.
"""

from __future__ import annotations

from collections.abc import Iterable
from email.message import Message
from typing import TYPE_CHECKING

import attrs

from .._ports import IO
from .._wire.imap_append import Appended
from ..credentials import Credential
from ..credentials.token import TokenSource
from ..errors import Closed, Disabled, InvalidMessage, MailconfError, Problem
from ..settings import ConnectionSettings, Filer
from . import file
from .account import Account
from .envelope import Dsn
from .journal import Journal
from .lanes import Lanes
from .one_copy import keep_one
from .prepare import Prepared, prepare, prepare_again
from .receipt import Delivery, Filing, Receipt
from .sending import Sending
from .settle import REPEATED, filed, known_ids, pauses_for, pending, ready_imap, settle

if TYPE_CHECKING:
    from .trial import Tried


class Dispatch:
    """What a Mailer does, whatever its colour.

    Args:
        io: the outside world.
        settings: the account.
        credential: what is signed in with.
        journal: who is told how far each message has come.
        connections: the most messages on their way at the same time.

    Raises:
        InvalidSettings: the credential is of another kind than the settings name, or `connections` is below 1.
    """

    def __init__(
        self,
        io: IO,
        settings: ConnectionSettings,
        credential: Credential | TokenSource,
        journal: Journal | None,
        connections: int,
    ) -> None:
        self._account = Account(io, settings, credential, journal)
        self._lanes = Lanes(io, connections)

    def keep_connections(self) -> None:
        """Keep connections open between calls, until `close`."""
        self._lanes.keep()

    async def close(self) -> None:
        """Close all connections. What is still on its way ends first, in its own time."""
        await self._lanes.close()

    async def send(
        self,
        message: Message,
        *,
        sender: str | None,
        recipients: Iterable[str] | None,
        partial: bool,
        dsn: Dsn | None,
        seconds: float,
    ) -> Receipt:
        """See `tether_mailconf.Mailer.send`."""
        account = self._account
        self._check_enabled()
        deadline = account.io.deadline(seconds)
        prepared = prepare(
            message, account.settings, now=account.io.now(), sender=sender, recipients=recipients, dsn=dsn
        )
        receipt = prepared.receipt()
        try:
            await account.record(receipt)
            async with self._lanes.take(deadline) as lane:
                return await Sending(account, lane, prepared, receipt, partial=partial, deadline=deadline).run()
        except MailconfError as error:
            error.receipt = receipt
            await account.record_fact(receipt)
            raise

    async def file(self, receipt: Receipt, message: Message, *, seconds: float) -> Receipt:
        """See `tether_mailconf.Mailer.file`."""
        if receipt.delivery is not Delivery.SENT:
            text = f"the message is {receipt.delivery.value}: only one that was sent has a copy to file"
            raise InvalidMessage((Problem(field="receipt", code="receipt.not_sent", message=text),))
        if receipt.filing is Filing.APPENDED:
            return await self._review(receipt, message, seconds)
        if receipt.filing is not Filing.PENDING:
            return receipt
        if self._account.filer is Filer.PROVIDER:
            by_itself = attrs.evolve(
                receipt, filing=Filing.BY_PROVIDER, filing_code="", filing_reason="", filing_trouble=None
            )
            return await self._note(by_itself)
        prepared = prepare_again(message, self._account.settings, receipt)
        return await self._settle(receipt, prepared, seconds)

    async def resolve(self, receipt: Receipt, message: Message, *, seconds: float) -> Receipt:
        """See `tether_mailconf.Mailer.resolve`."""
        if receipt.delivery is Delivery.SENT:
            return await self.file(receipt, message, seconds=seconds)
        if receipt.delivery is Delivery.NOT_SENT:
            return receipt
        prepare_again(message, self._account.settings, receipt)
        account, before = self._account, self._account.settings
        self._check_enabled()
        deadline = account.io.deadline(seconds)
        async with self._lanes.take(deadline) as lane:
            session, mailbox = await ready_imap(account, lane, deadline)
            found = await file.look(account.io, session, mailbox, known_ids(receipt), file.LOOKS, deadline)
        if not found:
            return receipt
        sent = attrs.evolve(receipt, delivery=Delivery.SENT)
        # Whose copy it is cannot be seen: it is ours if the journal failed after the message was accepted.
        filing = Filing.BY_PROVIDER if account.filer is Filer.PROVIDER else Filing.ALREADY_THERE
        sent = filed(account, sent, file.Copy(filing=filing, mailbox=mailbox))
        return await self._note(attrs.evolve(sent, learned=account.news_since(before) or receipt.learned))

    async def test(self, to: str | None, *, seconds: float, clean_up: bool) -> Tried:
        """Send a marked message to the account itself or to somebody else, and see what becomes of it.

        Raises:
            InvalidMessage: `to` is no address.
            Closed: there are no connections any more.
        """
        from . import trial

        account = self._account
        deadline, started = account.io.deadline(seconds), account.io.deadline(0).at
        where = account.settings.address if to is None else to
        message = trial.marked_message(account.settings, where)
        tried = trial.Tried(settings=account.settings, to=where)
        try:
            receipt = await self.send(message, sender=None, recipients=None, partial=False, dsn=None, seconds=seconds)
        except (InvalidMessage, Closed):
            raise
        except MailconfError as failure:
            return attrs.evolve(tried, failure=failure, seconds=deadline.clock() - started)
        tried = attrs.evolve(tried, receipt=receipt)
        if account.settings.imap is not None:
            look = trial.Look(account, self._lanes, receipt, message[trial.MARK], deadline)
            is_ours = trial.is_to_itself(account.settings, where)
            tried = await look.run(tried, is_ours=is_ours, clean_up=clean_up)
        return attrs.evolve(tried, settings=account.settings, seconds=deadline.clock() - started)

    async def _settle(self, receipt: Receipt, prepared: Prepared, seconds: float) -> Receipt:
        """Look for the copy of a message that was sent earlier, and append it if there is none."""
        account, before = self._account, self._account.settings
        self._check_enabled()
        deadline = account.io.deadline(seconds)
        try:
            async with self._lanes.take(deadline) as lane:
                copy = await settle(account, lane, receipt, prepared.filed, pauses_for(receipt), deadline)
        except MailconfError as trouble:
            return await self._note(pending(receipt, trouble))
        done = filed(account, receipt, copy)
        return await self._note(attrs.evolve(done, learned=account.news_since(before) or receipt.learned))

    async def _review(self, receipt: Receipt, message: Message, seconds: float) -> Receipt:
        """Remove our own copy if the provider's has come since."""
        if receipt.uid is None or receipt.mailbox is None:
            return receipt
        content = prepare_again(message, self._account.settings, receipt).filed
        account, before = self._account, self._account.settings
        self._check_enabled()
        deadline = account.io.deadline(seconds)
        ours = Appended(uid_validity=receipt.uid_validity, uid=receipt.uid)
        copy = file.Copy(filing=Filing.APPENDED, mailbox=receipt.mailbox, appended=ours)
        async with self._lanes.take(deadline) as lane:
            session, _ = await ready_imap(account, lane, deadline)
            kept = await keep_one(account.io, session, copy, known_ids(receipt), content, deadline)
        if kept is copy:
            return receipt
        if kept.filing is Filing.APPENDED:
            return await self._note(filed(account, receipt, attrs.evolve(kept, is_repeat=True)))
        filing = Filing.ALREADY_THERE
        is_repeat = receipt.filing_code == REPEATED or account.is_sent_again(receipt.message_id)
        if not is_repeat and not account.is_filer_told:
            # Else the other one may be ours, of a try that came through late; taken for the provider's, it would stop
            # us from filing anything.
            account.learn_filer(Filer.PROVIDER)
            filing = Filing.BY_PROVIDER
        reviewed = attrs.evolve(receipt, filing=filing, filing_code="", uid=None, uid_validity=None)
        return await self._note(attrs.evolve(reviewed, learned=account.news_since(before)))

    async def _note(self, receipt: Receipt) -> Receipt:
        await self._account.record_fact(receipt)
        return receipt

    def _check_enabled(self) -> None:
        if not self._account.settings.enabled:
            raise Disabled
