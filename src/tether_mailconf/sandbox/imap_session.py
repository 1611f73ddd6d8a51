"""The IMAP server (RFC 3501, RFC 9051) as a session: framing of lines and literals, TLS, signing in, table of commands.

What the commands do is in the modules named for them. A command counts only when its last CRLF has come in, so an
APPEND whose end is held back stores nothing.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

from . import imap_append, imap_mailboxes, imap_messages, imap_search, sasl
from .imap_command import LITERAL, Arguments, Incomplete, Refused
from .imap_state import ImapState
from .personality import Drop, Personality
from .session import LineTooLong, Session
from .store import Store

_MAX_LINE = 65536
_MAX_ARGUMENT = 8192
"""Bytes of a literal that is not a message."""

_LITERAL_MINUS_MAX = 4096
"""Bytes of the longest literal that LITERAL- lets go without asking (RFC 7888 section 5)."""

_TAG = re.compile(rb'(?P<tag>[^\x00-\x20(){%*"\\+\x7f-\xff]+) (?P<name>[A-Za-z]+)(?P<rest>.*)', re.DOTALL)
_UID = re.compile(rb" (?P<name>[A-Za-z]+)(?P<rest>.*)", re.DOTALL)

Command = Callable[[ImapState, Arguments], str]

_SIGNED_IN: dict[str, Command] = {
    "APPEND": imap_append.append,
    "CREATE": imap_mailboxes.create,
    "DELETE": imap_mailboxes.delete,
    "ENABLE": imap_mailboxes.enable,
    "EXAMINE": imap_mailboxes.examine,
    "GETQUOTAROOT": imap_mailboxes.quota_root,
    "LIST": imap_mailboxes.list_mailboxes,
    "LSUB": imap_mailboxes.list_subscribed,
    "NAMESPACE": imap_mailboxes.namespace,
    "SELECT": imap_mailboxes.select,
    "STATUS": imap_mailboxes.status,
    "SUBSCRIBE": imap_mailboxes.subscribe,
    "UNSUBSCRIBE": imap_mailboxes.unsubscribe,
    "CHECK": imap_messages.check,
    "CLOSE": imap_messages.close,
    "EXPUNGE": imap_messages.expunge,
    "FETCH": imap_messages.fetch,
    "STORE": imap_messages.store,
    "UNSELECT": imap_messages.unselect,
    "SEARCH": imap_search.search,
    "UID EXPUNGE": imap_messages.uid_expunge,
    "UID FETCH": imap_messages.uid_fetch,
    "UID STORE": imap_messages.uid_store,
    "UID SEARCH": imap_search.uid_search,
}
_DROPS = {"LIST": Drop.LIST, "SEARCH": Drop.SEARCH, "UID SEARCH": Drop.SEARCH}
_KEEPS_NUMBERS = frozenset({"FETCH", "STORE", "SEARCH"})


class ImapSession(Session):
    """The server's end of one IMAP connection. See `Session` for how it is driven.

    Args:
        store: what it serves.
        personality: how it behaves; as the store says, if not given.
    """

    def __init__(self, store: Store, personality: Personality | None = None) -> None:
        super().__init__(store, personality)
        self._exchange: tuple[str, sasl.Exchange] | None = None
        self._segments: list[bytes] = []
        self._literal: bytearray | None = None
        self._left = 0
        self._is_message = False
        self._refused: Refused | None = None
        self._state = ImapState(store, self._personality, self._outgoing)
        self._own: dict[str, Callable[[str, Arguments], str | None]] = {
            "CAPABILITY": self._do_capability,
            "NOOP": self._do_noop,
            "LOGOUT": self._do_logout,
            "ID": self._do_id,
            "STARTTLS": self._do_starttls,
            "LOGIN": self._do_login,
            "AUTHENTICATE": self._do_authenticate,
        }

    # -- the session's frame ---------------------------------------------------------------------------------------

    def _open(self) -> None:
        if not self._drops(Drop.IMAP_GREETING):
            code = f"[CAPABILITY {self._capabilities()}] " if self._personality.greeting_capabilities else ""
            self._state.untagged(f"OK {code}tether sandbox ready")

    def _forget(self) -> None:
        self._exchange = None
        self._begin_command()
        self._state = ImapState(self._store, self._personality, self._outgoing)

    def _begin_command(self) -> None:
        self._segments = []
        self._literal = None
        self._refused = None

    def _advance(self) -> bool:
        if self._literal is not None:
            return self._advance_literal(self._literal)
        try:
            line = self._take_line(_MAX_LINE)
        except LineTooLong:
            self._bye("Line too long")
            return False
        if line is None:
            return False
        if self._exchange is not None:
            self._continue_authenticate(line, *self._exchange)
            return True
        self._segments.append(line)
        announced = LITERAL.search(line)
        if announced is None:
            segments, refused = self._segments, self._refused
            self._begin_command()
            self._execute(segments, refused)
        else:
            self._expect_literal(int(announced["size"]), at_once=bool(announced["at_once"]))
        return True

    def _bye(self, text: str) -> None:
        self._state.untagged(f"BYE {text}")
        self.closing = True

    def _tagged(self, tag: str, status: str, text: str) -> None:
        self._outgoing.extend(f"{tag} {status} {text}\r\n".encode())

    # -- literals --------------------------------------------------------------------------------------------------

    def _expect_literal(self, size: int, *, at_once: bool) -> None:
        state, match = self._state, _TAG.fullmatch(self._segments[0])
        if match is None:
            self._bye("A literal outside a command")
            return
        arguments = self._arguments(match["rest"], self._segments)
        self._is_message = match["name"].upper() == b"APPEND" and imap_append.takes_message_next(state, arguments)
        if at_once and not (state.offers("LITERAL+") or (state.offers("LITERAL-") and size <= _LITERAL_MINUS_MAX)):
            # What follows would be taken for commands.
            self._bye("[TOOBIG] Such a literal must wait to be invited")
        elif not self._is_message and size > _MAX_ARGUMENT:
            self._bye("[TOOBIG] Literal too large")
        elif at_once:
            self._refused = self._refused or self._judge_size(size)
            self._literal, self._left = bytearray(), size
        else:
            self._invite(size, match["tag"].decode(), self._arguments(match["rest"], self._segments))

    def _judge_size(self, size: int) -> Refused | None:
        try:
            imap_append.check_size(self._state, size)
        except Refused as refused:
            return refused
        return None

    def _invite(self, size: int, tag: str, arguments: Arguments) -> None:
        try:
            if self._refused is not None:
                raise self._refused
            if self._is_message:
                imap_append.check_before_literal(self._state, arguments, size)
        except Refused as refused:
            self._begin_command()
            self._tagged(tag, refused.status, refused.text)
            return
        self._outgoing.extend(b"+ Ready for literal data\r\n")
        self._literal, self._left = bytearray(), size

    def _advance_literal(self, literal: bytearray) -> bool:
        taken = self._incoming[: self._left]
        if self._is_message and taken and self._drops(Drop.APPEND):
            return False
        del self._incoming[: len(taken)]
        self._left -= len(taken)
        if self._refused is None:
            literal += taken
        if self._left:
            return False
        self._segments.append(bytes(literal))
        self._literal = None
        return True

    # -- commands --------------------------------------------------------------------------------------------------

    def _arguments(self, rest: bytes, segments: list[bytes]) -> Arguments:
        return Arguments([rest, *segments[1:]], utf8=self._state.utf8)

    def _execute(self, segments: list[bytes], refused: Refused | None) -> None:
        match = _TAG.fullmatch(segments[0])
        if match is None or any(set(line) & {0, 10, 13} for line in segments[::2]):
            self._state.untagged("BAD Not a command")
            return
        tag, name, rest = match["tag"].decode(), match["name"].decode().upper(), match["rest"]
        if name == "UID" and (uid := _UID.fullmatch(rest)) is not None:
            name, rest = f"UID {uid['name'].decode().upper()}", uid["rest"]
        try:
            if refused is not None:
                raise refused
            done = self._run(tag, name, self._arguments(rest, segments))
        except Refused as failure:
            self._state.report_changes(expunges=name not in _KEEPS_NUMBERS)
            self._tagged(tag, failure.status, failure.text)
        except Incomplete:
            self._tagged(tag, "BAD", "Syntax error: a literal is missing")
        else:
            self._answer(tag, name, done)

    def _answer(self, tag: str, name: str, done: str | None) -> None:
        drop, self._state.pending_drop = self._state.pending_drop, None
        if self.aborting or done is None or (drop is not None and self._drops(drop)):
            return
        self._state.report_changes(expunges=name not in _KEEPS_NUMBERS)
        self._tagged(tag, "OK", done)

    def _run(self, tag: str, name: str, arguments: Arguments) -> str | None:
        if name in _DROPS and self._state.account is not None and self._drops(_DROPS[name]):
            return None
        if name in self._own:
            return self._own[name](tag, arguments)
        if name not in _SIGNED_IN:
            raise Refused("BAD", "Unknown command")
        if self._state.account is None:
            raise Refused("NO" if self._tls else "BAD", "Sign in first")
        return _SIGNED_IN[name](self._state, arguments)

    def _capabilities(self) -> str:
        names = ["IMAP4rev1", *sorted(self._personality.imap_capabilities)]
        if self._state.account is None:
            names += [f"AUTH={name}" for name in self._personality.mechanisms] if self._tls else []
            names += [] if self._tls else ["STARTTLS", "LOGINDISABLED"]
        return " ".join(names)

    def _do_capability(self, _tag: str, arguments: Arguments) -> str:
        arguments.end()
        self._state.untagged(f"CAPABILITY {self._capabilities()}")
        return "CAPABILITY completed"

    def _do_noop(self, _tag: str, arguments: Arguments) -> str:
        arguments.end()
        return "NOOP completed"

    def _do_logout(self, _tag: str, arguments: Arguments) -> str:
        arguments.end()
        self._bye("Logging out")
        return "LOGOUT completed"

    def _do_id(self, _tag: str, arguments: Arguments) -> str:
        if not self._state.offers("ID"):
            raise Refused("BAD", "Unknown command")
        return imap_mailboxes.identify(self._state, arguments)

    def _do_starttls(self, _tag: str, arguments: Arguments) -> str:
        arguments.end()
        if self._tls:
            raise Refused("BAD", "TLS is active already")
        self._upgrading = True
        return "Begin TLS negotiation now"

    # -- signing in ------------------------------------------------------------------------------------------------

    def _check_sign_in(self) -> None:
        if self._state.account is not None:
            raise Refused("BAD", "Signed in already")
        if not self._tls:
            raise Refused("NO", "[PRIVACYREQUIRED] Signing in takes TLS")

    def _signed_in(self, outcome: sasl.Outcome) -> str:
        if outcome.account is None:
            raise Refused("NO", "[AUTHENTICATIONFAILED] Authentication failed")
        self._state.account = outcome.account
        return f"[CAPABILITY {self._capabilities()}] Logged in" if self._personality.login_capabilities else "Logged in"

    def _do_login(self, _tag: str, arguments: Arguments) -> str | None:
        if self._drops(Drop.IMAP_AUTH):
            return None
        self._check_sign_in()
        arguments.space()
        user = arguments.astring()
        arguments.space()
        password = arguments.astring()
        arguments.end()
        return self._signed_in(sasl.Outcome(account=sasl.check_password(self._store, user, password)))

    def _do_authenticate(self, tag: str, arguments: Arguments) -> str | None:
        if self._drops(Drop.IMAP_AUTH):
            return None
        self._check_sign_in()
        arguments.space()
        mechanism = arguments.atom()
        initial: bytes | None = None
        if self._state.offers("SASL-IR") and arguments.skip(b" "):
            initial = sasl.decode_initial(arguments.take(re.compile(rb"[A-Za-z0-9+/=]+"), "an initial response")[0])
            if initial is None:
                raise Refused("BAD", "Cannot decode the response")
        arguments.end()
        if mechanism not in self._personality.mechanisms:
            raise Refused("NO", "Unsupported authentication mechanism")
        exchange = sasl.Exchange(mechanism, self._store)
        return self._challenge(tag, exchange, exchange.begin(initial))

    def _challenge(self, tag: str, exchange: sasl.Exchange, answer: bytes | sasl.Outcome) -> str | None:
        if isinstance(answer, sasl.Outcome):
            self._exchange = None
            return self._signed_in(answer)
        self._exchange = tag, exchange
        self._outgoing.extend(b"+ " + base64.b64encode(answer) + b"\r\n")
        return None

    def _continue_authenticate(self, line: bytes, tag: str, exchange: sasl.Exchange) -> None:
        response = sasl.decode(line)
        try:
            if line == b"*":
                raise Refused("BAD", "Authentication cancelled")
            if response is None:
                raise Refused("BAD", "Cannot decode the response")
            done = self._challenge(tag, exchange, exchange.respond(response))
        except Refused as refused:
            self._exchange = None
            self._tagged(tag, refused.status, refused.text)
        else:
            self._answer(tag, "AUTHENTICATE", done)
