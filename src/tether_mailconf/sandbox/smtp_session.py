"""The submission server (RFC 6409) as a session: greeting, EHLO, STARTTLS, AUTH, and the commands of a transaction.

Strict on purpose: what a real server may refuse is refused here. How content travels, by DATA or BDAT, is in
`smtp_content`; sockets are in `server`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

from . import sasl
from .personality import Drop, Personality
from .session import LineTooLong, Session
from .smtp_content import ChunkedContent, DottedContent, Refusal
from .smtp_syntax import BadCommand, Path, read_recipient, read_sender
from .store import Account, Store, Submission

_MAX_LINE = 12288
"""Bytes of a line, with room for the longest AUTH (RFC 4954 section 4)."""

_MAX_MISTAKES = 20
_MAX_RECIPIENTS = 1000


class SmtpSession(Session):
    """The server's end of one submission connection. See `Session` for how it is driven.

    Args:
        store: what it serves.
        personality: how it behaves; as the store says, if not given.
    """

    def __init__(self, store: Store, personality: Personality | None = None) -> None:
        super().__init__(store, personality)
        self._account: Account | None = None
        self._greeted = ""
        self._mistakes = 0
        self._exchange: sasl.Exchange | None = None
        self._content: DottedContent | ChunkedContent | None = None
        self._reset()
        self._commands: dict[str, Callable[[str], None]] = {
            "EHLO": self._do_ehlo,
            "HELO": self._do_helo,
            "STARTTLS": self._do_starttls,
            "AUTH": self._do_auth,
            "MAIL": self._do_mail,
            "RCPT": self._do_rcpt,
            "DATA": self._do_data,
            "BDAT": self._do_bdat,
            "RSET": self._do_rset,
            "NOOP": lambda argument: self._reply("250 2.0.0 OK"),
            "VRFY": self._do_vrfy,
            "QUIT": self._do_quit,
        }

    # -- the session's frame ---------------------------------------------------------------------------------------

    def _open(self) -> None:
        if not self._drops(Drop.GREETING):
            self._reply("220 sandbox.test ESMTP tether sandbox")

    def _forget(self) -> None:
        self._greeted = ""
        self._account = None
        self._exchange = None
        self._content = None
        self._reset()

    def _reset(self) -> None:
        self._sender: Path | None = None
        self._recipients: list[Path] = []
        self._chunks: ChunkedContent | None = None

    def _advance(self) -> bool:
        if self._content is not None:
            return self._advance_content(self._content)
        try:
            line = self._take_line(_MAX_LINE)
        except LineTooLong:
            self._close("500 5.5.6 Line too long")
            return False
        if line is None:
            return False
        if self._exchange is not None:
            self._continue_auth(line)
        else:
            self._command(line)
        return True

    def _command(self, line: bytes) -> None:
        try:
            text = self._checked(line)
            verb, _, argument = text.partition(" ")
            verb = verb.upper()
            if self._incoming and verb != "BDAT" and not self._offers("PIPELINING"):
                self._close("554 5.5.0 Commands were pipelined and PIPELINING is not offered")
                return
            if verb not in self._commands or (verb == "BDAT" and not self._offers("CHUNKING")):
                raise BadCommand("500 5.5.2 Command not recognized")
            self._commands[verb](argument)
        except BadCommand as bad:
            self._mistakes += 1
            self._reply(bad.reply)
            if self._mistakes >= _MAX_MISTAKES:
                self._close("421 4.7.0 Too many errors")

    def _checked(self, line: bytes) -> str:
        if b"\n" in line or b"\r" in line or b"\0" in line:
            raise BadCommand("500 5.5.2 Bare CR, bare LF or NUL in a command")
        try:
            return line.decode()
        except UnicodeDecodeError:
            raise BadCommand("500 5.5.2 A command is neither ASCII nor UTF-8") from None

    def _reply(self, *lines: str) -> None:
        for number, line in enumerate(lines, 1):
            code, mark, text = line[:3], " " if number == len(lines) else "-", line[4:]
            enhanced, _, words = text.partition(" ")
            if not self._offers("ENHANCEDSTATUSCODES") and enhanced.count(".") == 2:
                text = words
            self._outgoing += f"{code}{mark}{text}\r\n".encode()

    def _close(self, line: str) -> None:
        self._reply(line)
        self.closing = True

    def _offers(self, extension: str) -> bool:
        return extension in self._personality.smtp_extensions

    # -- introduction ----------------------------------------------------------------------------------------------

    def _do_ehlo(self, argument: str) -> None:
        if self._drops(Drop.EHLO):
            return
        self._introduce(argument)
        offered = sorted(self._personality.smtp_extensions - {"SIZE", "STARTTLS", "AUTH"})
        if self._offers("SIZE"):
            offered.append(f"SIZE {self._personality.max_size}")
        offered.append(f"AUTH {' '.join(self._personality.mechanisms)}" if self._tls else "STARTTLS")
        self._reply("250 sandbox.test", *(f"250 {line}" for line in offered))

    def _do_helo(self, argument: str) -> None:
        self._introduce(argument)
        self._reply("250 sandbox.test")

    def _introduce(self, argument: str) -> None:
        if not argument or " " in argument or not argument.isascii():
            raise BadCommand("501 5.5.4 Syntax: EHLO hostname")
        self._greeted = argument
        self._reset()

    def _do_starttls(self, argument: str) -> None:
        if argument:
            raise BadCommand("501 5.5.4 STARTTLS takes no parameters")
        if self._tls:
            raise BadCommand("503 5.5.1 TLS is active already")
        self._reply("220 2.0.0 Ready to start TLS")
        self._upgrading = True

    # -- signing in ------------------------------------------------------------------------------------------------

    def _do_auth(self, argument: str) -> None:
        if self._drops(Drop.AUTH):
            return
        mechanism, _, initial = argument.partition(" ")
        if not self._tls:
            raise BadCommand("538 5.7.11 Encryption required for requested authentication mechanism")
        if not self._greeted or self._account is not None or self._sender is not None:
            raise BadCommand("503 5.5.1 AUTH is not possible now")
        if mechanism.upper() not in self._personality.mechanisms:
            raise BadCommand("504 5.5.4 Unrecognized authentication type")
        self._exchange = sasl.Exchange(mechanism.upper(), self._store)
        response = sasl.decode_initial(initial.encode()) if initial else None
        if initial and response is None:
            self._end_auth("501 5.5.2 Cannot decode the response")
        else:
            self._answer_auth(self._exchange.begin(response))

    def _continue_auth(self, line: bytes) -> None:
        exchange, response = self._exchange, sasl.decode(line)
        if line == b"*":
            self._end_auth("501 5.7.0 Authentication cancelled")
        elif response is None or exchange is None:
            self._end_auth("501 5.5.2 Cannot decode the response")
        else:
            self._answer_auth(exchange.respond(response))

    def _answer_auth(self, answer: bytes | sasl.Outcome) -> None:
        if isinstance(answer, bytes):
            self._outgoing += b"334 " + base64.b64encode(answer) + b"\r\n"
        elif answer.account is None:
            self._end_auth("535 5.7.8 Authentication credentials invalid")
        else:
            self._account = answer.account
            self._end_auth("235 2.7.0 Authentication succeeded")

    def _end_auth(self, reply: str) -> None:
        self._exchange = None
        self._reply(reply)

    # -- the transaction -------------------------------------------------------------------------------------------

    def _do_mail(self, argument: str) -> None:
        if self._drops(Drop.MAIL):
            return
        if not self._tls:
            raise BadCommand("530 5.7.0 Must issue a STARTTLS command first")
        if self._account is None:
            raise BadCommand("530 5.7.0 Authentication required")
        if not self._greeted or self._sender is not None:
            raise BadCommand("503 5.5.1 Nested MAIL command, or no EHLO")
        path = read_sender(argument, self._personality)
        if path.address.casefold() in self._personality.refused_senders:
            raise BadCommand(f"553 5.7.1 <{path.address}>: Sender address rejected: not owned by user")
        self._reset()
        self._sender = path
        self._reply("250 2.1.0 Sender OK")

    def _do_rcpt(self, argument: str) -> None:
        if self._drops(Drop.RCPT):
            return
        if self._sender is None:
            raise BadCommand("503 5.5.1 Need MAIL before RCPT")
        if self._chunks is not None:
            raise BadCommand("503 5.5.1 RCPT after BDAT")
        path = read_recipient(argument, self._personality, is_utf8="SMTPUTF8" in self._sender.parameters)
        if path.address.casefold() in self._personality.refused_recipients:
            raise BadCommand(f"550 5.1.1 <{path.address}>: Recipient address rejected: User unknown")
        if len(self._recipients) >= _MAX_RECIPIENTS:
            raise BadCommand("452 4.5.3 Too many recipients")
        self._recipients.append(path)
        self._reply("250 2.1.5 Recipient OK")

    def _do_data(self, argument: str) -> None:
        if argument:
            raise BadCommand("501 5.5.4 DATA takes no parameters")
        if not self._recipients or self._chunks is not None:
            raise BadCommand("503 5.5.1 No valid recipients, or BDAT has begun")
        self._reply("354 End data with <CR><LF>.<CR><LF>")
        self._content = DottedContent(self._personality.max_size)

    def _do_bdat(self, argument: str) -> None:
        size, _, last = argument.partition(" ")
        if not (size.isascii() and size.isdigit() and len(size) <= 12) or last.upper() not in ("", "LAST"):
            # Where the chunk ends cannot be known, so whatever follows would be taken for commands.
            self._close("501 5.5.4 Syntax: BDAT size [LAST]")
            return
        if self._chunks is None:
            self._chunks = ChunkedContent(self._personality.max_size)
        refusal = None if self._recipients else Refusal("503 5.5.1 No valid recipients")
        self._chunks.begin(int(size), is_last=bool(last), refusal=refusal)
        self._content = self._chunks

    def _advance_content(self, content: DottedContent | ChunkedContent) -> bool:
        if self._incoming and self._recipients and self._drops(Drop.BODY):
            return False
        if not content.feed(self._incoming):
            return False
        self._content = None
        if content.refusal is not None:
            self._reply(content.refusal.reply)
            self._end_refused(content)
        elif not content.is_last:
            self._reply(f"250 2.0.0 {content.received} octets received")
        else:
            self._accept(content.content())
        return True

    def _end_refused(self, content: DottedContent | ChunkedContent) -> None:
        # RFC 3030 section 2: with no valid recipient the octets are consumed and the transaction stands as it was;
        # any other refusal ends it, so that further chunks are refused too.
        if self._recipients:
            self._reset()
        elif content.is_last:
            self._chunks = None

    def _accept(self, content: bytes) -> None:
        sender, account = self._sender, self._account
        if sender is None or account is None:
            raise RuntimeError("content was taken outside a transaction")
        submission = Submission(
            user=account.address,
            sender=sender.address,
            recipients=tuple(path.address for path in self._recipients),
            parameters=sender.parameters,
            recipient_parameters={path.address: path.parameters for path in self._recipients},
            content=content,
        )
        words = self._store.accept(submission)
        self._reset()
        if not self._drops(Drop.AFTER_BODY):
            self._reply(f"250 2.0.0 {words}")

    # -- the rest --------------------------------------------------------------------------------------------------

    def _do_rset(self, argument: str) -> None:
        if argument:
            raise BadCommand("501 5.5.4 RSET takes no parameters")
        self._reset()
        self._reply("250 2.0.0 OK")

    def _do_vrfy(self, argument: str) -> None:
        if not argument:
            raise BadCommand("501 5.5.4 Syntax: VRFY address")
        self._reply("252 2.5.2 Cannot verify, but will take a message for this user")

    def _do_quit(self, argument: str) -> None:
        if argument:
            raise BadCommand("501 5.5.4 QUIT takes no parameters")
        self._close("221 2.0.0 Bye")
