"""An SMTP and IMAP server that takes everything, keeps nothing, and counts what it took; in a process of its own.

It answers as fast as Python can: no mail is parsed, only commands and the ends of messages are found. It offers what
good providers offer (PIPELINING, CHUNKING, SASL-IR, LITERAL+, UIDPLUS), so that each client may use what it knows.
`python -m tests.bench.null_server` tells where it listens as a line of JSON, and its tally for each line that it reads.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import ssl
import sys
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

import attrs

from tests.servers.authority import Authority, make_authority
from tests.servers.process import LOOPBACK

END_OF_DATA = b"\r\n.\r\n"
LITERAL = re.compile(rb"\{([0-9]+)(\+?)\}$")


@attrs.define(kw_only=True)
class Tally:
    """What has been taken so far.

    Args:
        messages: how many were submitted.
        message_bytes: bytes of them.
        copies: how many were appended.
        copy_bytes: bytes of them.
        connections: how many connections were made.
    """

    messages: int = 0
    message_bytes: int = 0
    copies: int = 0
    copy_bytes: int = 0
    connections: int = 0


class Null(asyncio.Protocol, ABC):
    """One connection: lines, and between them runs of bytes that are only counted.

    Args:
        tally: where to count.
        context: for STARTTLS; None where the connection begins with TLS.
    """

    greeting: ClassVar[bytes]

    def __init__(self, tally: Tally, context: ssl.SSLContext | None) -> None:
        self.tally = tally
        self._context = context
        self._transport: asyncio.Transport | None = None
        self._upgrade: asyncio.Task[None] | None = None
        self._wants_tls = False
        self._early = b""
        self._line = b""
        self._left = 0
        self.is_clear = context is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.tally.connections += 1
        transport.write(self.greeting)

    def data_received(self, data: bytes) -> None:
        if self._upgrade is not None and not self._upgrade.done():
            # It came with the end of the handshake, before the loop has told us what to write on.
            self._early += data
            return
        answers: list[bytes] = []
        while data:
            data = self._skip(data, answers) if self._left else self.take(data, answers)
        if answers and self._transport is not None:
            self._transport.write(b"".join(answers))
        if self._wants_tls:
            self._wants_tls = False
            self._begin_tls()

    def take(self, data: bytes, answers: list[bytes]) -> bytes:
        """Take one line of `data` and return the rest."""
        line, end, rest = data.partition(b"\n")
        self._line += line
        if end:
            whole, self._line = self._line.rstrip(b"\r"), b""
            answers.append(self.command(whole))
        return rest

    def skip(self, count: int) -> None:
        """Count that many bytes before the next line; `skipped` is called after them."""
        self._left = count

    def _skip(self, data: bytes, answers: list[bytes]) -> bytes:
        taken = min(self._left, len(data))
        self._left -= taken
        if not self._left:
            answers.append(self.skipped())
        return data[taken:]

    def start_tls(self) -> None:
        """Have TLS begin once the answer is written."""
        self._wants_tls = True

    def _begin_tls(self) -> None:
        assert self._transport is not None
        self._transport.pause_reading()
        self._upgrade = asyncio.create_task(self._upgraded(self._transport))
        self._upgrade.add_done_callback(self._go_on)

    async def _upgraded(self, transport: asyncio.Transport) -> None:
        assert self._context is not None
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            self._transport = await loop.start_tls(transport, self, self._context, server_side=True)
            self.is_clear = False

    def _go_on(self, _: asyncio.Task[None]) -> None:
        early, self._early = self._early, b""
        self.data_received(early)

    def hang_up(self) -> None:
        """Close once everything is written."""
        if self._transport is not None:
            asyncio.get_running_loop().call_soon(self._transport.close)

    @abstractmethod
    def command(self, line: bytes) -> bytes:
        """Return the answer to one line."""

    @abstractmethod
    def skipped(self) -> bytes:
        """Return the answer after the bytes that were only counted."""


class SmtpNull(Null):
    """Submission."""

    greeting = b"220 null.test ESMTP\r\n"
    OFFERED: ClassVar = (
        b"250-null.test\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250-8BITMIME\r\n250-CHUNKING\r\n250-SMTPUTF8\r\n"
        b"%s250-AUTH PLAIN LOGIN\r\n250 ENHANCEDSTATUSCODES\r\n"
    )
    FIXED: ClassVar = {
        b"MAIL": b"250 2.1.0 sender taken\r\n",
        b"RCPT": b"250 2.1.5 recipient taken\r\n",
        b"RSET": b"250 2.0.0 forgotten\r\n",
        b"NOOP": b"250 2.0.0 here\r\n",
    }

    def __init__(self, tally: Tally, context: ssl.SSLContext | None) -> None:
        super().__init__(tally, context)
        self._tail: bytes | None = None
        self._size = 0
        self._is_last = False
        self._challenges = 0

    def take(self, data: bytes, answers: list[bytes]) -> bytes:
        return super().take(data, answers) if self._tail is None else self._take_data(self._tail, data, answers)

    def _take_data(self, tail: bytes, data: bytes, answers: list[bytes]) -> bytes:
        seen = tail + data
        end = seen.find(END_OF_DATA)
        if end < 0:
            self._tail = seen[-4:]
            self._size += len(data)
            return b""
        self._size += end - len(tail)
        self._tail = None
        answers.append(self._taken())
        return seen[end + len(END_OF_DATA) :]

    def _taken(self) -> bytes:
        self.tally.messages += 1
        self.tally.message_bytes += self._size
        self._size = 0
        return b"250 2.0.0 taken\r\n"

    def skipped(self) -> bytes:
        return self._taken() if self._is_last else b"250 2.0.0 go on\r\n"

    def command(self, line: bytes) -> bytes:
        if self._challenges:
            self._challenges -= 1
            return b"334 UGFzc3dvcmQ6\r\n" if self._challenges else b"235 2.7.0 welcome\r\n"
        verb, _, rest = line.partition(b" ")
        verb = verb.upper()
        if (fixed := self.FIXED.get(verb)) is not None:
            return fixed
        match verb:
            case b"BDAT":
                size, _, last = rest.partition(b" ")
                self._is_last = bool(last)
                self._size += int(size)
                self.skip(int(size))
                return b"" if int(size) else self.skipped()
            case b"DATA":
                self._tail = b"\r\n"
                return b"354 go on\r\n"
            case b"EHLO" | b"HELO":
                return self.OFFERED % (b"250-STARTTLS\r\n" if self.is_clear else b"")
            case b"AUTH":
                return self._auth(rest)
            case b"STARTTLS":
                self.start_tls()
                return b"220 2.0.0 go on\r\n"
            case b"QUIT":
                self.hang_up()
                return b"221 2.0.0 bye\r\n"
        return b"502 5.5.1 not known here\r\n"

    def _auth(self, rest: bytes) -> bytes:
        mechanism, _, initial = rest.partition(b" ")
        if initial:
            return b"235 2.7.0 welcome\r\n"
        self._challenges = 2 if mechanism.upper() == b"LOGIN" else 1
        return b"334 VXNlcm5hbWU6\r\n" if self._challenges == 2 else b"334 \r\n"


class ImapNull(Null):
    """A mailbox store with one mailbox, Sent."""

    CAPABILITIES: ClassVar = (
        b"IMAP4rev1 LITERAL+ SASL-IR UIDPLUS NAMESPACE ID ENABLE SPECIAL-USE UTF8=ACCEPT AUTH=PLAIN"
    )
    greeting = b"* OK [CAPABILITY " + CAPABILITIES + b"] null.test\r\n"
    DATA: ClassVar = {
        b"NAMESPACE": b'* NAMESPACE (("" "/")) NIL NIL\r\n',
        b"ID": b"* ID NIL\r\n",
        b"ENABLE": b"* ENABLED UTF8=ACCEPT\r\n",
        b"LIST": b'* LIST (\\HasNoChildren \\Sent) "/" Sent\r\n',
        b"LSUB": b'* LSUB () "/" Sent\r\n',
        b"SELECT": b"* 0 EXISTS\r\n* 0 RECENT\r\n* FLAGS (\\Seen)\r\n* OK [UIDVALIDITY 1] fixed\r\n",
        b"EXAMINE": b"* 0 EXISTS\r\n* 0 RECENT\r\n* FLAGS (\\Seen)\r\n* OK [UIDVALIDITY 1] fixed\r\n",
        b"SEARCH": b"* SEARCH\r\n",
        b"UID": b"* SEARCH\r\n",
    }

    def __init__(self, tally: Tally, context: ssl.SSLContext | None) -> None:
        super().__init__(tally, context)
        self._opening = b""
        self._size = 0
        self._tag = b""

    def command(self, line: bytes) -> bytes:
        if self._tag:
            tag, self._tag = self._tag, b""
            return self._welcome(tag)
        literal = LITERAL.search(line)
        if literal is not None:
            self._opening = self._opening or line
            self._size = int(literal[1])
            self.skip(self._size)
            asked = b"" if literal[2] else b"+ go on\r\n"
            return asked if self._size else asked + self.skipped()
        whole, self._opening = self._opening or line, b""
        tag, _, rest = whole.partition(b" ")
        return self._answer(tag, rest)

    def skipped(self) -> bytes:
        return b""

    def _answer(self, tag: bytes, rest: bytes) -> bytes:
        verb, _, arguments = rest.partition(b" ")
        verb = verb.upper()
        match verb:
            case b"APPEND":
                self.tally.copies += 1
                self.tally.copy_bytes += self._size
                return tag + b" OK [APPENDUID 1 %d] kept\r\n" % self.tally.copies
            case b"CAPABILITY":
                starttls = b" STARTTLS" if self.is_clear else b""
                return b"* CAPABILITY " + self.CAPABILITIES + starttls + b"\r\n" + tag + b" OK done\r\n"
            case b"LOGIN":
                return self._welcome(tag)
            case b"AUTHENTICATE":
                if b" " in arguments:
                    return self._welcome(tag)
                self._tag = tag
                return b"+ \r\n"
            case b"STARTTLS":
                self.start_tls()
            case b"LOGOUT":
                self.hang_up()
                return b"* BYE\r\n" + tag + b" OK bye\r\n"
        return self.DATA.get(verb, b"") + tag + b" OK done\r\n"

    def _welcome(self, tag: bytes) -> bytes:
        return tag + b" OK [CAPABILITY " + self.CAPABILITIES + b"] welcome\r\n"


async def serve(authority: Authority) -> None:
    """Listen until the standard input ends."""
    loop = asyncio.get_running_loop()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority.certificate_file, authority.key_file)
    tally = Tally()
    told: dict[str, int | str] = {"ca_file": str(authority.ca_file)}
    for name, protocol in {"smtp": SmtpNull, "imap": ImapNull}.items():
        for wire, at_once, later in (("tls", context, None), ("clear", None, context)):
            server = await loop.create_server(
                lambda protocol=protocol, later=later: protocol(tally, later), LOOPBACK, 0, ssl=at_once, backlog=4096
            )
            told[f"{name}_{wire}"] = server.sockets[0].getsockname()[1]
    print(json.dumps(told), flush=True)
    ended = asyncio.Event()

    def asked() -> None:
        if sys.stdin.readline():
            print(json.dumps(attrs.asdict(tally)), flush=True)
        else:
            ended.set()

    loop.add_reader(sys.stdin, asked)
    await ended.wait()


def main() -> None:
    """Serve with a certificate authority made for this run."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(serve(make_authority(Path(folder))))


if __name__ == "__main__":
    main()
