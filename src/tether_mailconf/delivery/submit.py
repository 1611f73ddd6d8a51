"""One SMTP transaction (RFC 5321 section 3.3), in as few flights as the server allows, its outcome told truthfully.

Before the last byte of the body is written a failure means not sent, and is raised. From then until the final reply the
outcome is unknown, which is a result, not an error. A refusal that was read settles the matter in any case.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import attrs

from .._ports import Deadline
from .._wire.content import Content, slices
from .._wire.conversation import command_line
from .._wire.smtp import SmtpSession
from ..errors import (
    ConversationError,
    NotOffered,
    ProtocolViolation,
    RecipientsRefused,
    Refused,
    Reply,
    Step,
)
from .envelope import Dsn, Envelope
from .receipt import Delivery

_END_MARK = b".\r\n"
_ONE_WRITE = 64 * 1024
"""Bytes up to which commands and body are written together."""

_FORGET_SECONDS = 5.0
"""Seconds that the answer may take which ends a transaction that was refused. The refusal need not wait for it."""

Ending = Callable[[Mapping[str, Reply]], Awaitable[None]]
"""Told, before the end of the body is written, which recipients were refused so far."""


@attrs.frozen(kw_only=True)
class Submission:
    """How a transaction ended that was not refused.

    Args:
        delivery: `SENT` or `UNKNOWN`.
        accepted: the recipients that were accepted, or may have been.
        refused: the recipients that were refused, with the replies.
        reply: the final reply, if sent.
        failure: why the outcome is unknown.
    """

    delivery: Delivery
    accepted: tuple[str, ...]
    refused: Mapping[str, Reply]
    reply: Reply | None = None
    failure: ConversationError | None = None


async def submit(
    session: SmtpSession, envelope: Envelope, content: Content, *, partial: bool, ending: Ending, deadline: Deadline
) -> Submission:
    """Hand a message over.

    Args:
        session: a signed-in session with nothing owed.
        envelope: who sends it and who gets it.
        content: the message, without Bcc.
        partial: whether those recipients get it that are accepted when others are refused.
        ending: awaited before the last piece of the body is written; if it raises, that piece is not written.
        deadline: for all of it.

    Raises:
        ConversationError: the message was not sent.
    """
    _check_offered(session, envelope, content)
    transaction = _Transaction(session, envelope, content, partial=partial, ending=ending, deadline=deadline)
    offered = session.extensions
    if len(envelope.recipients) > 1 and not partial:
        await transaction.agree()
    if "CHUNKING" in offered:
        if not transaction.is_agreed and "PIPELINING" not in offered:
            await transaction.agree()
        return await transaction.chunk()
    return await transaction.data()


class _Transaction:
    """The commands of one transaction, in the order the server allows, and what was answered so far."""

    def __init__(
        self,
        session: SmtpSession,
        envelope: Envelope,
        content: Content,
        *,
        partial: bool,
        ending: Ending,
        deadline: Deadline,
    ) -> None:
        self.is_agreed = False
        self._session = session
        self._envelope = envelope
        self._content = content
        self._partial = partial
        self._ending = ending
        self._deadline = deadline
        self._sender_reply: Reply | None = None
        self._refused: dict[str, Reply] = {}
        self._accepted: list[str] = []

    # -- the envelope ----------------------------------------------------------------------------------------------

    def _commands(self) -> list[bytes]:
        offered, envelope = self._session.extensions, self._envelope
        mail = [f"MAIL FROM:<{envelope.sender}>"]
        if "SIZE" in offered:
            mail.append(f"SIZE={self._content.size}")
        if not self._content.is_ascii:
            mail.append("BODY=8BITMIME")
        if self._content.is_utf8:
            mail.append("SMTPUTF8")
        dsn = envelope.dsn if "DSN" in offered else None
        recipients = [f"RCPT TO:<{address}>{_notify(dsn)}" for address in envelope.recipients]
        return [command_line(" ".join(mail) + _return(dsn)), *map(command_line, recipients)]

    async def agree(self) -> None:
        """Settle the envelope before any of the body is sent.

        Raises:
            Refused: by it the message goes to nobody; the server was told to forget it.
        """
        commands = self._commands()
        if "PIPELINING" in self._session.extensions:
            await self._send(Step.SENDER, b"".join(commands))
            await self._read_envelope()
        else:
            await self._send(Step.SENDER, commands[0])
            await self._read_sender()
            for address, command in zip(self._envelope.recipients, commands[1:], strict=True):
                if self._sender_is_accepted:
                    await self._send(Step.RECIPIENTS, command)
                    await self._read_recipient(address)
        self.is_agreed = True
        verdict = self._verdict()
        if verdict is not None:
            await self._forget()
            raise verdict

    async def _read_envelope(self) -> None:
        await self._read_sender()
        for address in self._envelope.recipients:
            await self._read_recipient(address)

    async def _read_sender(self) -> None:
        self._sender_reply = await self._session.reply(Step.SENDER, self._deadline)

    async def _read_recipient(self, address: str) -> None:
        reply = await self._session.reply(Step.RECIPIENTS, self._deadline)
        # 251: the server forwards (RFC 5321 section 3.4); 252 answers VRFY only.
        if reply.code in ("250", "251"):
            self._accepted.append(address)
        else:
            self._refused[address] = reply

    @property
    def _sender_is_accepted(self) -> bool:
        return self._sender_reply is not None and self._sender_reply.code == "250"

    def _verdict(self) -> Refused | None:
        """Return the refusal that keeps the message from everybody, if what was read so far holds one."""
        session = self._session
        if self._sender_reply is not None and not self._sender_is_accepted:
            refusal = Refused(step=Step.SENDER, reply=self._sender_reply)
            session.failed(refusal, Step.SENDER)
            return refusal
        everybody = len(self._refused) == len(self._envelope.recipients)
        if everybody or (self._refused and not self._partial):
            refusal = RecipientsRefused(step=Step.RECIPIENTS, refused=self._refused)
            session.failed(refusal, Step.RECIPIENTS)
            return refusal
        return None

    async def _forget(self) -> None:
        self._deadline = self._deadline.sooner(_FORGET_SECONDS)
        try:
            await self._send(Step.RECIPIENTS, b"RSET\r\n")
            await self._session.reply(Step.RECIPIENTS, self._deadline)
            self._session.settled()
        except ConversationError:
            # Nothing is lost: the session stays busy and is not used again.
            return

    # -- the body --------------------------------------------------------------------------------------------------

    async def chunk(self) -> Submission:
        """Send the body as one BDAT chunk (RFC 3030), after the envelope or in one flight with it."""
        opening = [] if self.is_agreed else self._commands()
        opening.append(f"BDAT {self._content.size} LAST\r\n".encode())
        await self._send_body([b"".join(opening), *self._content.pieces])
        return await self._conclude()

    async def data(self) -> Submission:
        """Send the body with DATA, after the envelope or, with PIPELINING, in one flight with the command."""
        if not self.is_agreed and "PIPELINING" in self._session.extensions:
            await self._send(Step.SENDER, b"".join(self._commands()) + b"DATA\r\n")
            await self._read_envelope()
            self.is_agreed = True
        else:
            if not self.is_agreed:
                await self.agree()
            await self._send(Step.BODY, b"DATA\r\n")
        go_ahead = await self._session.reply(Step.BODY, self._deadline)
        verdict = self._verdict()
        if go_ahead.code != "354":
            refusal = verdict or self._session.failed(Refused(step=Step.BODY, reply=go_ahead), Step.BODY)
            await self._forget()
            raise refusal
        if verdict is not None:
            # RFC 2920 section 3.1: the server waits for a body although nobody gets it; it gets an empty one.
            await self._send(Step.BODY, _END_MARK)
            await self._drain()
            raise verdict
        await self._send_body([_stuffed(self._content), _END_MARK])
        return await self._conclude()

    async def _send_body(self, pieces: list[bytes]) -> None:
        """Write the pieces, the last of them after the ending was noted. Raises only if that one is not written."""
        if sum(map(len, pieces)) <= _ONE_WRITE:
            pieces = [b"".join(pieces)]
        *before, last = slices(pieces)
        for piece in before:
            await self._send(Step.BODY, piece)
        await self._ending(dict(self._refused))
        await self._send(Step.BODY, last)

    async def _conclude(self) -> Submission:
        """Read what is owed after the last byte of the body."""
        try:
            if not self.is_agreed:
                await self._read_envelope()
            reply = await self._session.reply(Step.BODY, self._deadline)
        except ConversationError as failure:
            verdict = self._verdict()
            if verdict is not None:
                raise verdict from failure
            return self._unknown(failure)
        self._session.settled()
        verdict = self._verdict()
        if verdict is not None and self._accepted and reply.code.startswith("2"):
            text = f"the server refused the sender, and then took the message for somebody: {reply.shown}"
            return self._unknown(ProtocolViolation(step=Step.BODY, detail=text))
        if verdict is not None:
            await self._forget()
            raise verdict
        if reply.code.startswith("2"):
            return Submission(
                delivery=Delivery.SENT, accepted=tuple(self._accepted), refused=dict(self._refused), reply=reply
            )
        if reply.code.startswith("3"):
            violation = ProtocolViolation(step=Step.BODY, detail=f"the server answered the message with {reply.shown}")
            return self._unknown(violation)
        refusal = self._session.failed(Refused(step=Step.BODY, reply=reply), Step.BODY)
        await self._forget()
        raise refusal

    def _unknown(self, failure: ConversationError) -> Submission:
        self._session.busy = True
        self._session.failed(failure, Step.BODY)
        maybe = self._envelope.without(self._refused)
        return Submission(delivery=Delivery.UNKNOWN, accepted=maybe, refused=dict(self._refused), failure=failure)

    async def _drain(self) -> None:
        self._deadline = self._deadline.sooner(_FORGET_SECONDS)
        try:
            await self._session.reply(Step.BODY, self._deadline)
            self._session.settled()
        except ConversationError:
            return

    async def _send(self, step: Step, data: bytes | memoryview) -> None:
        shown = f"({len(data)} bytes)" if step is Step.BODY else bytes(data).decode().strip().replace("\r\n", " / ")
        await self._session.send(step, data, self._deadline, shown)


def _check_offered(session: SmtpSession, envelope: Envelope, content: Content) -> None:
    """Raise what can be known without asking."""
    offered = session.extensions
    limit = offered.get("SIZE", "")
    if limit.isascii() and limit.isdigit() and 0 < int(limit[:18]) < content.size:
        detail = f"the message has {content.size} bytes, the server takes at most {int(limit[:18])}"
        raise session.failed(NotOffered(step=Step.BODY, detail=detail), Step.BODY)
    if content.is_utf8 and "SMTPUTF8" not in offered:
        text = "an address has letters outside ASCII before the @, and the server does not offer SMTPUTF8"
        raise session.failed(NotOffered(step=Step.SENDER, detail=text), Step.SENDER)
    if not content.is_ascii and "8BITMIME" not in offered:
        text = "the message has bytes outside ASCII, and the server does not offer 8BITMIME"
        raise session.failed(NotOffered(step=Step.BODY, detail=text), Step.BODY)


def _stuffed(content: Content) -> bytes:
    """Return the content with a dot doubled at the beginning of each line (RFC 5321 section 4.5.2)."""
    text = b"".join(content.pieces).replace(b"\r\n.", b"\r\n..")
    return b"." + text if text.startswith(b".") else text


def _notify(dsn: Dsn | None) -> str:
    if dsn is None or not dsn.notify:
        return ""
    return " NOTIFY=" + ",".join(sorted(wish.value for wish in dsn.notify))


def _return(dsn: Dsn | None) -> str:
    if dsn is None:
        return ""
    ret = "" if dsn.ret is None else f" RET={dsn.ret.value}"
    return ret + (f" ENVID={_xtext(dsn.envelope_id)}" if dsn.envelope_id else "")


def _xtext(text: str) -> str:
    # RFC 3461 section 4.
    return "".join(c if "!" <= c <= "~" and c not in "+=" else f"+{ord(c):02X}" for c in text)
