"""The part of the IMAP conversation (RFC 9051, RFC 3501) that filing a sent message needs.

Greeting, STARTTLS, sign-in, and flights of commands whose responses are collected together. What the commands are for
is decided above, in `delivery.file`. An append is its own conversation, in `imap_append`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import attrs

from .._ports import IO, Buffer, Channel, Deadline, TLSFacts, unwatched
from ..credentials import Credential, SaslStep
from ..errors import (
    ConversationError,
    Dropped,
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
from .imap_response import Completed, Continuation, Data, Response, ResponseLimits, ResponseParser, Status
from .imap_syntax import decode_mailbox, encode_mailbox, quoted

_LIMITS = ResponseLimits()
_MAX_CHALLENGES = 8
_MAX_RESPONSES = 20_000
_NOTHING_OWED = "the server asks for more where nothing is owed"
_LOG = logging.getLogger(__name__)


class ImapSession:
    """A connection to an IMAP server, ready for commands after `open_imap` and `sign_in`.

    Attributes:
        capabilities: what the server offers now, in upper case.
        busy: whether a tagged response is still owed; such a session cannot be used again.
        utf8: whether `UTF8=ACCEPT` is enabled, so that mailbox names are plain UTF-8 (RFC 6855).
        introduced: whether the server was told who we are (ID, ENABLE).
    """

    def __init__(self, channel: Channel, endpoint: Endpoint, done: Callable[[Step], None] = unwatched) -> None:
        self.capabilities: frozenset[str] = frozenset()
        self.busy = False
        self.utf8 = False
        self.introduced = False
        self._parser = ResponseParser(_LIMITS)
        self._talk = Conversation(channel, endpoint, Step.GREETING, done)
        self._count = 0

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
        """Read the greeting, and have TLS before anything else is believed."""
        with self._talk.at(Step.GREETING):
            greeting = await self.response(deadline)
            if not isinstance(greeting, Status) or greeting.tag != "*":
                raise ProtocolViolation(step=Step.GREETING, detail="the server does not greet as an IMAP server does")
            if greeting.status == "PREAUTH":
                # Signed in by somebody else's decision, and with STARTTLS not even in a private conversation.
                raise ProtocolViolation(step=Step.GREETING, detail="the server claims that we are signed in already")
            if greeting.status != "OK":
                raise Refused(step=Step.GREETING, reply=greeting.reply())
            self._learn(greeting)
        if self.endpoint.security is Security.STARTTLS:
            await self._start_tls(deadline)
        if not self.capabilities:
            await self._ask_capabilities(deadline)

    async def _start_tls(self, deadline: Deadline) -> None:
        with self._talk.at(Step.STARTTLS):
            completed = (await self.run(Step.STARTTLS, deadline, "STARTTLS"))[0]
            if not completed.is_ok:
                raise NotOffered(
                    step=Step.STARTTLS, detail=f"the server refused STARTTLS: {completed.status.reply().shown}"
                )
            if not self._parser.is_empty:
                raise ProtocolViolation(
                    step=Step.STARTTLS, detail="the server, or somebody in between, sent data ahead of TLS"
                )
            self._parser = ResponseParser(_LIMITS)
            self.capabilities = frozenset()
            self.utf8 = False
            await self._talk.channel.start_tls(deadline)
            self._talk.done(Step.TLS)

    async def _ask_capabilities(self, deadline: Deadline) -> None:
        with self._talk.at(Step.CAPABILITIES):
            completed = (await self.run(Step.CAPABILITIES, deadline, "CAPABILITY"))[0]
            if not completed.is_ok:
                raise Refused(step=Step.CAPABILITIES, reply=completed.status.reply())

    def _learn(self, response: Response) -> None:
        if isinstance(response, Status) and response.code == "CAPABILITY":
            self.capabilities = frozenset(response.arguments.upper().split())
        elif isinstance(response, Data) and response.name == "CAPABILITY":
            self.capabilities = frozenset(
                token.decode(errors="replace").upper() for token in response.tokens if isinstance(token, bytes)
            )
        elif isinstance(response, Data) and response.name == "ENABLED":
            self.utf8 = self.utf8 or b"UTF8=ACCEPT" in response.tokens

    # -- signing in ------------------------------------------------------------------------------------------------

    async def sign_in(self, credential: Credential, user: str, deadline: Deadline) -> None:
        """Sign in with AUTHENTICATE, or with LOGIN where a password is given and nothing better offered; once.

        Raises:
            NotOffered: the server offers nothing that the credential can answer.
            SignInRefused: the server said no.
        """
        with self._talk.at(Step.SIGN_IN):
            offered = {name[5:] for name in self.capabilities if name.startswith("AUTH=")}
            self._talk.mask = mask = sasl.Mask(user)
            before, self.capabilities = self.capabilities, frozenset()
            try:
                if not offered.intersection(credential.mechanisms) and "LOGIN" in credential.mechanisms:
                    await self._login(credential, user, before, mask, deadline)
                else:
                    mechanism = sasl.choose_mechanism(credential, offered)
                    await self._authenticate(credential, mechanism, user, before, mask, deadline)
            except ConversationError as error:
                # The variables of the frames below hold what the server said, and it may repeat what it was told.
                raise error.with_traceback(None) from error.__cause__
        if not self.capabilities:
            await self._ask_capabilities(deadline)

    async def _login(
        self, credential: Credential, user: str, offered: frozenset[str], mask: sasl.Mask, deadline: Deadline
    ) -> None:
        if "LOGINDISABLED" in offered:
            raise NotOffered(step=Step.SIGN_IN, detail="the server accepts no password")
        state = SaslStep(mechanism="LOGIN", user=user, endpoint=self.endpoint, challenges=(b"", b""))
        password = await sasl.respond(credential, state, mask)
        tag = self._next_tag()
        line = Secret(
            f"{tag} LOGIN ".encode() + quoted(user) + b" " + quoted(password.reveal()) + b"\r\n",
        )
        await self._talk.send(memoryview(line.reveal_bytes()), deadline, f"{tag} LOGIN *** ***")
        self._check_sign_in(await self._finish(tag, deadline), "", mask)

    async def _authenticate(
        self,
        credential: Credential,
        mechanism: str,
        user: str,
        offered: frozenset[str],
        mask: sasl.Mask,
        deadline: Deadline,
    ) -> None:
        tag = self._next_tag()
        state = SaslStep(mechanism=mechanism, user=user, endpoint=self.endpoint)
        first = None if mechanism == "LOGIN" else await sasl.respond(credential, state, mask)
        command = f"{tag} AUTHENTICATE {mechanism}"
        if first is not None and "SASL-IR" in offered:
            # RFC 4959 section 3: an empty initial response is written "=".
            line = Secret(command.encode() + b" " + (bytes(sasl.encode(first)) or b"=") + b"\r\n")
            await self._talk.send(memoryview(line.reveal_bytes()), deadline, f"{command} ***")
            first = None
        else:
            await self._talk.send(f"{command}\r\n".encode(), deadline, command)
        reported = ""
        while isinstance(response := await self._until_tag(tag, deadline), Continuation):
            if first is not None:
                answer, first = first, None
            else:
                challenge = b"" if mechanism == "LOGIN" else sasl.decode_challenge(response.text)
                state = attrs.evolve(state, challenges=(*state.challenges, challenge))
                if len(state.challenges) > _MAX_CHALLENGES:
                    raise ProtocolViolation(step=Step.SIGN_IN, detail="the server does not stop asking")
                if mechanism in sasl.TOKEN_MECHANISMS:
                    reported = sasl.describe_error(challenge, mask)
                    answer = Secret(sasl.error_acknowledgement(mechanism))
                else:
                    answer = await sasl.respond(credential, state, mask)
            await self._talk.send(sasl.encode(answer), deadline, "***")
            await self._talk.channel.send(b"\r\n", deadline)
        self._check_sign_in(response, reported, mask)

    def _check_sign_in(self, status: Status, reported: str, mask: sasl.Mask) -> None:
        if status.status != "OK":
            reply = Reply(code=status.status, enhanced=status.code, text=mask.cover(status.text))
            raise SignInRefused(step=Step.SIGN_IN, reply=reply, challenge=reported)

    # -- commands --------------------------------------------------------------------------------------------------

    def mailbox(self, name: str) -> str:
        """Return a mailbox name as the argument of a command: quoted, and in modified UTF-7 unless UTF-8 is enabled."""
        return quoted(name if self.utf8 else encode_mailbox(name)).decode()

    def mailbox_name(self, raw: bytes) -> str:
        """Return the name that the server wrote."""
        text = raw.decode(errors="backslashreplace")
        return text if self.utf8 else decode_mailbox(text)

    async def run(self, step: Step, deadline: Deadline, *commands: str) -> list[Completed]:
        """Send all commands in one flight and return how each of them ended.

        Raises:
            ConversationError: the conversation failed; a command that the server refused is a result, not an error.
        """
        with self._talk.at(step):
            tags = [self._next_tag() for _ in commands]
            lines = [f"{tag} {command}" for tag, command in zip(tags, commands, strict=True)]
            self._begin()
            self.busy = True
            await self._talk.send(b"".join(map(command_line, lines)), deadline, " / ".join(lines))
            data: list[Data] = []
            codes: dict[str, str] = {}
            endings = [await self._complete(tag, data, codes, deadline) for tag in tags]
            self.busy = False
            return [Completed(status=status, data=tuple(data), codes=codes) for status in endings]

    async def send(self, step: Step, data: Buffer, deadline: Deadline, shown: str) -> None:
        """Write part of a command; the session is busy until `tagged` has been awaited."""
        self.busy = True
        with self._talk.at(step):
            await self._talk.send(data, deadline, shown)

    def begin(self, step: Step) -> str:
        """Return the tag for a command that is written piece by piece.

        Raises:
            ProtocolViolation: the server has answered it already.
        """
        try:
            self._begin()
        except ConversationError as error:
            raise self.failed(error, step) from None
        return self._next_tag()

    async def continuation(self, step: Step, tag: str, deadline: Deadline) -> Status | None:
        """Wait until the server asks for more; return the tagged response if it gives that instead."""
        with self._talk.at(step):
            response = await self._until_tag(tag, deadline)
            if isinstance(response, Status):
                self.busy = False
                return response
            return None

    async def tagged(self, step: Step, tag: str, deadline: Deadline) -> Status:
        """Return the tagged response to a command that was written piece by piece."""
        with self._talk.at(step):
            status = await self._finish(tag, deadline)
            self.busy = False
            return status

    async def is_alive(self, deadline: Deadline) -> bool:
        """Whether the server still listens, asked with NOOP, and says nothing out of turn. Never raises."""
        try:
            return (await self.run(Step.CAPABILITIES, deadline, "NOOP"))[0].is_ok and await self.is_quiet()
        except ConversationError:
            return False

    async def is_quiet(self) -> bool:
        """Whether the connection stands; news that came in meanwhile is read, a farewell among it noticed.

        Once it does not, it never does again: what was said out of turn must not be taken for the answer to a command.
        """
        try:
            self.busy = self.busy or not await self._read_news()
        except ConversationError:
            self.busy = True
        return not self.busy

    async def _read_news(self) -> bool:
        """Read what has come in; return whether the connection stands, with nothing half said."""
        self._begin()
        while (data := await self._talk.channel.receive_waiting()) is not None:
            if not data:
                return False
            self._parser.feed(data)
            self._hear_waiting()
        return self._parser.is_empty

    def _begin(self) -> None:
        """Grant the full allowance for what is asked next. What was said before that is news, and no answer to it."""
        self._parser.begin_command()
        self._hear_waiting()

    def _hear_waiting(self) -> None:
        while (response := self._parser.next_response()) is not None:
            self._heard(response)

    async def farewell(self, deadline: Deadline) -> None:
        """Say LOGOUT if that makes sense, wait for nothing, and close. Never raises."""
        try:
            if not self.busy:
                await self._talk.send(f"{self._next_tag()} LOGOUT\r\n".encode(), deadline, "LOGOUT")
        except ConversationError:
            _LOG.debug("the connection was gone before LOGOUT")
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

    async def response(self, deadline: Deadline) -> Response:
        """Return the next response, and learn from it what the server offers."""
        while (response := self._parser.next_response()) is None:
            self._parser.feed(await self._talk.receive(deadline))
        self._note(response)
        self._learn(response)
        return self._covered(response) if isinstance(response, Status) else response

    def _covered(self, status: Status) -> Status:
        """Return the response without a secret, should the server repeat one."""
        code = status.code if status.status == "OK" else self._talk.cover(status.code)
        text = self._talk.cover(status.text)
        if (code, text) == (status.code, status.text):
            return status
        return attrs.evolve(status, code=code, text=text)

    async def _complete(self, tag: str, data: list[Data], codes: dict[str, str], deadline: Deadline) -> Status:
        """Return the tagged response; what comes before it is added to `data` and `codes`."""
        for _ in range(_MAX_RESPONSES):
            response = await self.response(deadline)
            if isinstance(response, Data):
                data.append(response)
            elif isinstance(response, Continuation):
                raise ProtocolViolation(step=self._talk.step, detail=_NOTHING_OWED)
            elif response.tag == tag:
                return response
            else:
                self._heard(response)
                codes[response.code] = response.arguments
        raise ProtocolViolation(step=self._talk.step, detail="the server's answer has too many responses")

    async def _until_tag(self, tag: str, deadline: Deadline) -> Continuation | Status:
        for _ in range(_MAX_RESPONSES):
            response = await self.response(deadline)
            if isinstance(response, Continuation) or (isinstance(response, Status) and response.tag == tag):
                return response
            self._heard(response)
        raise ProtocolViolation(step=self._talk.step, detail="the server's answer has too many responses")

    async def _finish(self, tag: str, deadline: Deadline) -> Status:
        response = await self._until_tag(tag, deadline)
        if isinstance(response, Continuation):
            raise ProtocolViolation(step=self._talk.step, detail=_NOTHING_OWED)
        return response

    def _heard(self, response: Response) -> None:
        """Take note of a response that nobody asked for."""
        if isinstance(response, Continuation):
            raise ProtocolViolation(step=self._talk.step, detail=_NOTHING_OWED)
        if isinstance(response, Status):
            if response.tag != "*":
                raise ProtocolViolation(step=self._talk.step, detail="the server answers a command that was not given")
            if response.status == "BYE":
                farewell = attrs.evolve(response, text=self._talk.cover(response.text)).reply()
                raise Dropped(step=self._talk.step, reply=farewell)

    def _note(self, response: Response) -> None:
        if isinstance(response, Status):
            self._talk.note("S", f"{response.tag} {response.status} [{response.code}] {response.text}")
        elif isinstance(response, Data):
            self._talk.note("S", f"* {response.name} {response.tokens!r}")
        else:
            self._talk.note("S", f"+ {response.text}")

    def _next_tag(self) -> str:
        self._count += 1
        return f"m{self._count}"


async def open_imap(
    io: IO, endpoint: Endpoint, deadline: Deadline, done: Callable[[Step], None] = unwatched
) -> ImapSession:
    """Connect to an IMAP server and return the session, encrypted but not yet signed in.

    Args:
        io: the outside world.
        endpoint: the server.
        deadline: until when.
        done: told each step as it is done, in this opening and in all that follows.

    Raises:
        ConversationError: in all its kinds, with the step reached.
    """
    session = ImapSession(await connect(io, endpoint, deadline, done), endpoint, done)
    try:
        await session.greet(deadline)
    except BaseException:
        await session.abandon()
        raise
    return session
