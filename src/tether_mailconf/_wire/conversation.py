"""What every line protocol shares: a channel, where we are, and what was said.

A failure anywhere in a conversation is stamped here, once, with the step, the server and the last lines. Lines of a
sign-in are masked because of when they are sent, not because of how they look.
"""

from __future__ import annotations

import collections
import logging
from collections.abc import Callable
from types import TracebackType

from .._ports import IO, Buffer, Channel, Deadline, unwatched
from ..errors import ConversationError, Dropped, ProtocolViolation, Step, TLSFailed, printable
from ..settings import Endpoint
from .sasl import Mask

_KEPT_LINES = 30
_LINE_SHOWN = 200
_LINE_KEPT = 1000
_LOG = logging.getLogger("tether_mailconf.wire")


class Conversation:
    """One connection, the step it is at, and the transcript of its last lines.

    Args:
        channel: the connection.
        endpoint: the server.
        step: what is being done first.
        done: told each step as it is done.
    """

    def __init__(
        self, channel: Channel, endpoint: Endpoint, step: Step, done: Callable[[Step], None] = unwatched
    ) -> None:
        self.channel = channel
        self.endpoint = endpoint
        self.step = step
        self.done = done
        self.mask: Mask | None = None
        self._lines: collections.deque[tuple[str, str]] = collections.deque(maxlen=_KEPT_LINES)
        self._received = b""

    def at(self, step: Step) -> _At:
        """Return a context in which failures are stamped as having happened at `step`."""
        return _At(self, step)

    async def send(self, data: Buffer, deadline: Deadline, shown: str) -> None:
        """Write `data`; the transcript says `shown`."""
        self.note("C", shown)
        await self.channel.send(data, deadline)

    async def receive(self, deadline: Deadline) -> bytes:
        """Return the next bytes.

        Raises:
            Dropped: the server closed the connection.
        """
        data = await self.channel.receive(deadline)
        if not data:
            raise Dropped(step=self.step)
        self._received = data
        return data

    def note(self, speaker: str, text: str) -> None:
        """Add a line to the transcript, what must not be read of it masked."""
        if len(text) > _LINE_KEPT:
            # Masked before it is cut: half a secret would not be recognised later.
            text = self.cover(text)[:_LINE_KEPT]
        self._lines.append((speaker, text))
        if _LOG.isEnabledFor(logging.DEBUG):
            _LOG.debug("%s:%d %s", self.endpoint.host, self.endpoint.port, self._shown(speaker, text))

    def _shown(self, speaker: str, text: str) -> str:
        if self.mask is not None and len(text) == _LINE_KEPT:
            # It may have been cut before it was known what must not be read.
            text = self.mask.cover_edges(text.encode(errors="backslashreplace")).decode(errors="backslashreplace")
        return f"{speaker}: {printable(self.cover(text), _LINE_SHOWN)}"

    def cover(self, text: str) -> str:
        """Return `text` without what must not be read at this moment."""
        return text if self.mask is None else self.mask.cover(text)

    def stamp(self, error: ConversationError) -> None:
        """Write into `error` where it happened and what was said last."""
        if error.endpoint is None:
            error.endpoint = self.endpoint
        if not isinstance(error, TLSFailed):
            error.step = self.step
        if isinstance(error, ProtocolViolation) and self.step is not Step.SIGN_IN:
            # What could not be read was not noted yet. In a sign-in it may hold anything, and stays unseen. It is what
            # came last, cut wherever the server likes.
            piece = self._received[:_LINE_KEPT]
            piece = piece if self.mask is None else self.mask.cover_edges(piece)
            received = self.cover(piece.decode(errors="backslashreplace"))
            self.note("S", f"{received[:_LINE_SHOWN]} (not understood)")
        if not error.transcript:
            # Masked only now: few conversations end in an error, and the mask lasts as long as they do.
            error.transcript = tuple(self._shown(speaker, text) for speaker, text in self._lines)


class _At:
    """Sets the step on the way in, tells it or stamps its failure on the way out."""

    __slots__ = ("_conversation", "_step")

    def __init__(self, conversation: Conversation, step: Step) -> None:
        self._conversation = conversation
        self._step = step

    def __enter__(self) -> None:
        self._conversation.step = self._step

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self._conversation.done(self._step)
        elif isinstance(error, ConversationError):
            self._conversation.stamp(error)
            # The variables of the frames below hold what the server said: much of it, and it may repeat a secret.
            error.__traceback__ = None


async def connect(io: IO, endpoint: Endpoint, deadline: Deadline, done: Callable[[Step], None] = unwatched) -> Channel:
    """Return a new connection; a failure names the server, as those of the conversation will.

    Raises:
        ConversationError: there is none to be had.
    """
    try:
        return await io.connect(endpoint, deadline, done)
    except ConversationError as error:
        error.endpoint = endpoint
        raise


def command_line(text: str) -> bytes:
    """Return a command as it goes over the wire.

    Raises:
        ValueError: it contains CR, LF or NUL, which would make two commands of one.
    """
    if "\r" in text or "\n" in text or "\0" in text:
        raise ValueError("a command cannot contain a line break or NUL")
    return text.encode() + b"\r\n"
