"""The SMTP submission conversation (RFC 6409): greeting, EHLO, STARTTLS, sign-in, and flights of commands.

What a transaction means, and who gets the message when a recipient is refused, is decided above, in `delivery.submit`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import attrs

from .._ports import IO, Buffer, Channel, Deadline, TLSFacts, unwatched
from ..credentials import Credential, SaslStep
from ..errors import (
    ConversationError,
    NotOffered,
    ProtocolViolation,
    Refused,
    Reply,
    SignInRefused,
    Step,
)
from ..secret import Secret
from ..settings import Endpoint, Security
from . import sasl
from .conversation import Conversation, command_line, connect
from .smtp_reply import ReplyLimits, ReplyParser

_LIMITS = ReplyLimits()
_MAX_CHALLENGES = 8
_LOG = logging.getLogger(__name__)


class SmtpSession:
    """A connection to a submission server, ready for commands after `open_smtp` and `sign_in`.

    Attributes:
        extensions: what EHLO offered after TLS: keyword in upper case to its parameters.
        busy: whether replies are still owed; such a session cannot be used again.
    """

    def __init__(self, channel: Channel, endpoint: Endpoint, done: Callable[[Step], None] = unwatched) -> None:
        self.extensions: dict[str, str] = {}
        self.busy = False
        self._parser = ReplyParser(_LIMITS)
        self._talk = Conversation(channel, endpoint, Step.GREETING, done)

    @property
    def endpoint(self) -> Endpoint:
        """The server."""
        return self._talk.endpoint

    @property
    def tls(self) -> TLSFacts | None:
        """What TLS was agreed on."""
        return self._talk.channel.tls

    # -- opening ---------------------------------------------------------------------------------------------------

    async def greet(self, deadline: Deadline) -> None:
        """Read the greeting, introduce ourselves, and have TLS before anything else is believed."""
        with self._talk.at(Step.GREETING):
            greeting = await self._reply(deadline)
            if greeting.code != "220":
                raise Refused(step=Step.GREETING, reply=greeting)
        await self._ehlo(deadline)
        if self.endpoint.security is Security.STARTTLS:
            await self._start_tls(deadline)
            await self._ehlo(deadline)

    async def _ehlo(self, deadline: Deadline) -> None:
        with self._talk.at(Step.CAPABILITIES):
            reply = await self._command(f"EHLO {_literal(self._talk.channel.local_address)}", deadline)
            if reply.code != "250":
                raise Refused(step=Step.CAPABILITIES, reply=reply)
            # RFC 3207 section 4.2: what was offered before TLS is forgotten.
            self.extensions = _extensions(reply)

    async def _start_tls(self, deadline: Deadline) -> None:
        with self._talk.at(Step.STARTTLS):
            if "STARTTLS" not in self.extensions:
                raise NotOffered(step=Step.STARTTLS, detail="the server does not offer STARTTLS")
            reply = await self._command("STARTTLS", deadline)
            if reply.code != "220":
                raise Refused(step=Step.STARTTLS, reply=reply)
            if not self._parser.is_empty:
                raise ProtocolViolation(
                    step=Step.STARTTLS, detail="the server, or somebody in between, sent data ahead of TLS"
                )
            self._parser = ReplyParser(_LIMITS)
            self._talk.done(Step.STARTTLS)
            await self._talk.channel.start_tls(deadline)
            self._talk.done(Step.TLS)

    # -- signing in ------------------------------------------------------------------------------------------------

    async def sign_in(self, credential: Credential, user: str, deadline: Deadline) -> None:
        """Sign in with AUTH (RFC 4954), once.

        Raises:
            NotOffered: the server offers no mechanism that the credential can answer.
            SignInRefused: the server said no.
        """
        with self._talk.at(Step.SIGN_IN):
            self._check_quiet()
            mechanism = sasl.choose_mechanism(credential, self.extensions.get("AUTH", "").upper().split())
            self._talk.mask = sasl.Mask(user)
            try:
                await self._authenticate(credential, mechanism, user, deadline)
            except ConversationError as error:
                # The variables of the frames below hold what the server said, and it may repeat what it was told.
                raise error.with_traceback(None) from error.__cause__

    async def _authenticate(self, credential: Credential, mechanism: str, user: str, deadline: Deadline) -> None:
        mask = self._talk.mask or sasl.Mask(user)
        state = SaslStep(mechanism=mechanism, user=user, endpoint=self.endpoint)
        reported = ""
        if mechanism == "LOGIN":
            # Some servers take no initial response with LOGIN, which no RFC defines.
            await self._talk.send(b"AUTH LOGIN\r\n", deadline, "AUTH LOGIN")
        else:
            await self._send_initial(mechanism, await sasl.respond(credential, state, mask), deadline)
        reply = await self._reply(deadline)
        while reply.code == "334":
            challenge = b"" if mechanism == "LOGIN" else sasl.decode_challenge(reply.text)
            state = SaslStep(
                mechanism=mechanism, user=user, endpoint=self.endpoint, challenges=(*state.challenges, challenge)
            )
            if len(state.challenges) > _MAX_CHALLENGES:
                raise ProtocolViolation(step=Step.SIGN_IN, detail="the server does not stop asking")
            if mechanism in sasl.TOKEN_MECHANISMS:
                reported = sasl.describe_error(challenge, mask)
                response = Secret(sasl.error_acknowledgement(mechanism))
            else:
                response = await sasl.respond(credential, state, mask)
            await self._talk.send(sasl.encode(response), deadline, "***")
            await self._talk.channel.send(b"\r\n", deadline)
            reply = await self._reply(deadline)
        if reply.code != "235":
            shown = Reply(code=reply.code, enhanced=reply.enhanced, text=mask.cover(reply.text))
            raise SignInRefused(step=Step.SIGN_IN, reply=shown, challenge=reported)

    async def _send_initial(self, mechanism: str, response: Secret, deadline: Deadline) -> None:
        # RFC 4954 section 4: an empty initial response is written "=".
        line = Secret(b"AUTH " + mechanism.encode() + b" " + (bytes(sasl.encode(response)) or b"=") + b"\r\n")
        await self._talk.send(memoryview(line.reveal_bytes()), deadline, f"AUTH {mechanism} ***")

    # -- commands --------------------------------------------------------------------------------------------------

    async def send(self, step: Step, data: Buffer, deadline: Deadline, shown: str) -> None:
        """Write commands or content. Their replies are owed until `settled` is called."""
        with self._talk.at(step):
            self._check_quiet()
            self.busy = True
            await self._talk.send(data, deadline, shown)

    async def reply(self, step: Step, deadline: Deadline) -> Reply:
        """Return the next reply."""
        with self._talk.at(step):
            reply = await self._reply(deadline)
            covered = self._talk.cover(reply.text)
            return reply if covered == reply.text else attrs.evolve(reply, text=covered)

    def settled(self) -> None:
        """Note that every reply owed was read: the session may be used again."""
        self.busy = not self._parser.is_empty

    async def is_alive(self, deadline: Deadline) -> bool:
        """Whether the server still listens, asked with NOOP, and has nothing more to say. Never raises."""
        try:
            return (await self._command("NOOP", deadline)).code == "250" and await self.is_quiet()
        except ConversationError:
            return False

    async def is_quiet(self) -> bool:
        """Whether the connection stands and nothing has come in meanwhile, such as a 421. Waits for nothing.

        Once it was not, it never is again: what was said out of turn must not be taken for the answer to a command.
        """
        try:
            is_quiet = self._parser.is_empty and await self._talk.channel.receive_waiting() is None
        except ConversationError:
            is_quiet = False
        self.busy = self.busy or not is_quiet
        return not self.busy

    async def farewell(self, deadline: Deadline) -> None:
        """Say QUIT if that makes sense, wait for nothing, and close. Never raises."""
        try:
            if not self.busy:
                await self._talk.send(b"QUIT\r\n", deadline, "QUIT")
        except ConversationError:
            _LOG.debug("the connection was gone before QUIT")
        finally:
            await self.abandon()

    async def abandon(self) -> None:
        """Close at once. Never raises."""
        self.busy = True
        await self._talk.channel.close()

    def failed(self, error: ConversationError, step: Step) -> ConversationError:
        """Return `error` stamped with this conversation's server and last lines."""
        self._talk.step = step
        self._talk.stamp(error)
        return error

    def _check_quiet(self) -> None:
        """Raise if nothing is owed and yet something was said: it came before the command that it would answer."""
        if not self.busy and not self._parser.is_empty:
            raise ProtocolViolation(step=self._talk.step, detail="the server answers a command that was not given")

    async def _command(self, line: str, deadline: Deadline) -> Reply:
        self._check_quiet()
        await self._talk.send(command_line(line), deadline, line)
        return await self._reply(deadline)

    async def _reply(self, deadline: Deadline) -> Reply:
        while (reply := self._parser.next_reply()) is None:
            self._parser.feed(await self._talk.receive(deadline))
        self._talk.note("S", f"{reply.code} {reply.enhanced} {reply.text}".replace("\n", " / "))
        return reply


async def open_smtp(
    io: IO, endpoint: Endpoint, deadline: Deadline, done: Callable[[Step], None] = unwatched
) -> SmtpSession:
    """Connect to a submission server and return the session, encrypted but not yet signed in.

    Args:
        io: the outside world.
        endpoint: the server.
        deadline: until when.
        done: told each step as it is done, in this opening and in all that follows.

    Raises:
        ConversationError: in all its kinds, with the step reached.
    """
    session = SmtpSession(await connect(io, endpoint, deadline, done), endpoint, done)
    try:
        await session.greet(deadline)
    except BaseException:
        await session.abandon()
        raise
    return session


def _literal(address: str) -> str:
    # RFC 5321 section 4.1.3; a client has seldom a name that means anything to the server (RFC 6409 section 4).
    return f"[IPv6:{address.partition('%')[0]}]" if ":" in address else f"[{address}]"


def _extensions(reply: Reply) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in reply.text.split("\n")[1:]:
        keyword, _, parameters = line.strip().partition(" ")
        if keyword.upper().startswith("AUTH="):
            # Old servers write AUTH=LOGIN PLAIN beside the proper line.
            keyword, parameters = "AUTH", f"{keyword[5:]} {parameters}"
        if keyword.upper() == "AUTH" and "AUTH" in found:
            parameters = f"{found['AUTH']} {parameters}"
        found[keyword.upper()] = parameters.strip()
    return found
