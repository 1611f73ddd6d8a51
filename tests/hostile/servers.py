"""A submission and an IMAP server that are honest but for one attack, and that know what really happened."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import attrs

from tests.mailer.raw_server import Peer, RawServer, server_context

from .attacks import Attack, Means, Step
from .behaviours import Behaviour, Ends, Turn
from .body import Reading
from .handshakes import Handshake

PASSWORD = "corr3ct-h0rse-battery-st4ple"
TOKEN = "ya29.A0ARrdaM-k9_pQz~7+/xYw=="
HONEST = Step(means=Means.NOTHING)
_ROOM = 32 * 1024
_GATE_SECONDS = 60.0
_GLANCE = 0.001
_FINAL = re.compile(rb"(?:2[0-9][0-9]-[^\r\n\0]*\r\n)*2[0-9][0-9](?: [^\r\n\0]*)?\r\n")
_MESSAGE_ID = re.compile(rb"^Message-ID: (<[^>\r\n]*>)\r$", re.MULTILINE)


@attrs.define
class Truth:
    """What happened to the message, as only the servers know it.

    Args:
        accepted: how often the submission server had heard the whole message and written out a whole final 2yz reply.
        stored: the Message-IDs of the copies that stand in the Sent folder.
        opened: how many connections were made to the server that attacks.
    """

    accepted: int = 0
    stored: list[bytes] = attrs.field(factory=list[bytes])
    opened: int = 0


class Gate:
    """Where the client waits between two messages, with its connections idle, until what happens then has happened."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._reached, self._opened = threading.Event(), threading.Event()

    def behave(self, peer: Peer) -> None:
        """Hold the client back; what became of its first message is no matter any more."""
        # The client may be here before the server that has answered it has noted so.
        for _ in range(int(_GATE_SECONDS / _GLANCE)):
            if self._truth.accepted:
                break
            peer.pause(_GLANCE)
        self._truth.accepted = 0
        self._truth.stored.clear()
        self._reached.set()
        self._opened.wait(_GATE_SECONDS)

    def wait_for_client(self) -> None:
        """Wait until the client is there."""
        self._reached.wait(_GATE_SECONDS)

    def open(self) -> None:
        """Let the client go on."""
        self._opened.set()


class Over(Exception):
    """The conversation has ended as the attack wants it."""


class Script:
    """What both servers share: at the attacked step the attack takes the server's place.

    Args:
        peer: the client.
        attack: what is done to it; None for an honest server.
        at: the step of the attack, which says what is offered.
        truth: what is written down.
        chain: the certificate.
        gate: where the client waits before its second message, if there is one.
    """

    def __init__(self, peer: Peer, attack: Attack | None, at: Step, truth: Truth, chain: Path, gate: Gate) -> None:
        self.peer = peer
        self.attack = attack
        self.at = at
        self.truth = truth
        self.chain = chain
        self.gate = gate
        self.secret = b""
        self.is_again = False

    def answer(self, step: str, proper: bytes, tag: str = "") -> bool:
        """Answer, or do what the attack does at this step. Return whether a whole positive SMTP reply was written."""
        self.peer.said = b""
        attack = self.attack
        if attack is not None and attack.step == step and isinstance(attack.does, Behaviour):
            try:
                attack.does.act(Turn(peer=self.peer, proper=proper, tag=tag, secret=self.secret))
            finally:
                self.wrote(step)
            if attack.does.ends not in (Ends.GOES_ON, Ends.REFUSED):
                self.wait()
        else:
            self.peer.say_bytes(proper)
            self.wrote(step)
        return _FINAL.match(self.peer.said) is not None

    def rest(self) -> None:
        """Have the client know that the connection is idle, and do what is done then, if this server attacks."""
        attack = self.attack
        if attack is None or not attack.at.is_kept or self.is_again:
            return
        self.gate.wait_for_client()
        self.is_again = True
        try:
            if attack.step == "idle" and isinstance(attack.does, Behaviour):
                turn = Turn(peer=self.peer, proper=b"", secret=self.secret, begun=self.gate.open)
                attack.does.act(turn)
        finally:
            self.gate.open()
        if attack.step == "idle" and attack.ends is not Ends.GOES_ON:
            self.wait()

    def wrote(self, step: str) -> None:
        """Note what the answer at a step means for the message."""

    def wait(self) -> None:
        """Say nothing more until the client leaves."""
        if self.peer.is_open:
            self.peer.hear_all()
        raise Over

    def hear(self) -> str:
        line = self.peer.hear() if self.peer.is_open else ""
        if not line:
            raise Over
        return line

    def begin_tls(self, step: str) -> None:
        """Shake hands, or do what the attack does instead."""
        attack = self.attack
        if attack is not None and attack.step == step and isinstance(attack.does, Handshake):
            if step == "upgrade" and not attack.does.listens:
                # What comes together with the answer to STARTTLS is another attack, in test_starttls.
                self.peer.hear_bytes(5)
            attack.does.act(self.peer, self.chain)
            if attack.ends is not Ends.GOES_ON:
                self.wait()
        else:
            self.peer.start_tls(server_context(self.chain))


class Smtp(Script):
    """A submission server."""

    heard_all = False
    message_id = b""

    def wrote(self, step: str) -> None:
        if step in ("end_mark", "bdat_in_flight") and self.heard_all and _FINAL.match(self.peer.said):
            self.truth.accepted += 1
            if self.at.files_itself:
                self.truth.stored.append(self.message_id)

    def run(self) -> None:
        if not self.at.in_clear:
            self.begin_tls("handshake")
        self.answer("greeting", b"220 mail.test ESMTP\r\n")
        self.ehlo("ehlo")
        if self.at.in_clear:
            assert self.hear() == "STARTTLS"
            self.answer("starttls", b"220 2.0.0 go ahead\r\n")
            self.begin_tls("upgrade")
            self.ehlo("ehlo_again")
        self.sign_in()
        self.transaction(self.hear())
        self.rest()
        while (command := self.hear()) != "QUIT":
            if command == "RSET":
                self.peer.say("250 2.0.0 forgotten")
            elif command == "NOOP":
                self.answer("noop", b"250 2.0.0 ok\r\n")
            else:
                self.transaction(command)
        self.answer("quit", b"221 2.0.0 bye\r\n")

    def ehlo(self, step: str) -> None:
        assert self.hear().startswith("EHLO ")
        offers = ["mail.test", "8BITMIME", f"AUTH {self.at.mechanism}"]
        offers += ["PIPELINING", "CHUNKING"] if self.at.in_flight else []
        offers += ["STARTTLS"] if step == "ehlo" and self.at.in_clear else []
        self.answer(step, b"".join(f"250-{offer}\r\n".encode() for offer in offers) + b"250 ENHANCEDSTATUSCODES\r\n")

    def sign_in(self) -> None:
        assert self.hear().startswith(f"AUTH {self.at.mechanism} ")
        is_token = self.at.mechanism == "XOAUTH2"
        self.secret = (TOKEN if is_token else PASSWORD).encode()
        self.answer("token" if is_token else "sign_in", b"235 2.7.0 welcome\r\n")

    def transaction(self, command: str) -> None:
        assert command.startswith("MAIL ")
        self.heard_all = False
        step = "mail_again" if self.is_again else "mail"
        if self.at.in_flight:
            self.flight()
        elif self.command(step) and self.go_on("RCPT ") and self.command("rcpt") and self.go_on("DATA"):
            self.body()

    def go_on(self, command: str) -> bool:
        assert self.hear().startswith(command)
        return True

    def command(self, step: str) -> bool:
        return self.answer(step, b"250 2.1.0 ok\r\n")

    def body(self) -> None:
        self.answer("data", b"354 go on\r\n")
        if not self.peer.said.startswith(b"354"):
            return
        does = None if self.attack is None else self.attack.does
        if isinstance(does, Reading):
            self.peer.said = b""
            does.act(self.peer)
            if not does.reads_on:
                self.wait()
            self.listen()
            # It has answered already, before the end; that is the answer the client reads.
            self.wrote("end_mark")
        else:
            self.listen()
            self.answer("end_mark", b"250 2.0.0 queued\r\n")

    def listen(self) -> None:
        """Read the message to its end."""
        while (line := self.peer.hear_line()) != b".\r\n":
            if not line:
                raise Over
            if line.startswith(b"Message-ID: "):
                self.message_id = line.split()[1]
        self.heard_all = True

    def flight(self) -> None:
        assert self.hear().startswith("RCPT ")
        command, size, last = self.hear().split()
        assert (command, last) == ("BDAT", "LAST")
        self.heard_all = len(self.peer.hear_bytes(int(size))) == int(size)
        is_taken = self.answer("mail_in_flight", b"250 2.1.0 ok\r\n")
        is_taken &= self.answer("rcpt_in_flight", b"250 2.1.5 ok\r\n")
        self.answer("bdat_in_flight", b"250 2.0.0 queued\r\n" if is_taken else b"554 5.5.1 nobody to send it to\r\n")


class Imap(Script):
    """An IMAP server with one mailbox of interest."""

    def run(self) -> None:
        if not self.at.in_clear:
            self.begin_tls("handshake")
        self.answer("greeting", b"* OK mail.test ready\r\n")
        if self.at.in_clear:
            tag, command = self.command()
            assert command == "STARTTLS"
            self.answer("starttls", f"{tag} OK go ahead\r\n".encode(), tag)
            self.begin_tls("upgrade")
        while True:
            self.obey(*self.command())

    def command(self) -> tuple[str, str]:
        tag, _, command = self.hear().partition(" ")
        return tag, command

    def obey(self, tag: str, command: str) -> None:
        verb = " ".join(command.split()[: 2 if command.startswith("UID ") else 1])
        if verb == "CAPABILITY":
            offers = f"IMAP4rev1 SASL-IR AUTH={self.at.mechanism}"
            self.answer("capability", f"* CAPABILITY {offers}\r\n{tag} OK done\r\n".encode(), tag)
        elif verb == "AUTHENTICATE":
            is_token = self.at.mechanism == "XOAUTH2"
            self.secret = (TOKEN if is_token else PASSWORD).encode()
            flights = " LITERAL+" if self.at.in_flight else ""
            welcome = f"{tag} OK [CAPABILITY IMAP4rev1 UIDPLUS{flights}] welcome\r\n"
            self.answer("token" if is_token else "sign_in", welcome.encode(), tag)
        elif verb == "LIST":
            listed = f'* LIST (\\HasNoChildren) "/" INBOX\r\n* LIST (\\Sent) "/" Sent\r\n{tag} OK done\r\n'
            self.answer("list", listed.encode(), tag)
        elif verb == "EXAMINE":
            self.peer.say("* 7 EXISTS", "* OK [UIDVALIDITY 1] valid", f"{tag} OK [READ-ONLY] done")
        elif verb == "UID SEARCH":
            found = " 7" if self.truth.stored else ""
            self.answer("search", f"* SEARCH{found}\r\n{tag} OK done\r\n".encode(), tag)
        elif verb == "UID FETCH":
            self.answer("fetch", self.fetched() + f"{tag} OK done\r\n".encode(), tag)
        elif verb == "APPEND":
            size = command[command.rindex("{") + 1 : -1]
            self.append(tag, int(size.rstrip("+")), asks=not size.endswith("+"))
            self.rest()
        elif verb == "NOOP":
            self.answer("noop", f"{tag} OK done\r\n".encode(), tag)
        elif verb == "LOGOUT":
            self.answer("logout", f"* BYE bye\r\n{tag} OK done\r\n".encode(), tag)
        else:
            self.peer.say(f"{tag} BAD {verb} is not understood")

    def fetched(self) -> bytes:
        if not self.truth.stored:
            return b""
        header = b"Message-ID: " + self.truth.stored[0] + b"\r\n\r\n"
        name = b"BODY[HEADER.FIELDS (MESSAGE-ID)]"
        return b"* 7 FETCH (UID 7 " + name + b" {%d}\r\n" % len(header) + header + b")\r\n"

    def append(self, tag: str, size: int, *, asks: bool) -> None:
        if asks:
            self.answer("append_again" if self.is_again else "append_before", b"+ go on\r\n", tag)
        message = self.peer.hear_bytes(size)
        ending = self.peer.hear_line()
        if len(message) < size or ending != b"\r\n":
            raise Over
        attack = self.attack
        if attack is None or attack.step != "append_after" or attack.ends is not Ends.REFUSED:
            # A server that refuses does not store; one that breaks the protocol has stored what was complete.
            self.truth.stored += _MESSAGE_ID.findall(message)
        self.answer("append_after", f"{tag} OK [APPENDUID 1 7] done\r\n".encode(), tag)


@attrs.frozen(kw_only=True)
class Scene:
    """The two servers of one run, listening.

    Args:
        smtp: the port of the submission server.
        imap: the port of the IMAP server.
        gate: the port at which the client waits between two messages; 0 if it sends but one.
        truth: what will have happened.
    """

    smtp: int
    imap: int
    gate: int
    truth: Truth


@contextmanager
def scene(attack: Attack | None, chain: Path) -> Iterator[Scene]:
    """Start the two servers, one of which does what the attack says."""
    truth = Truth()
    gate = Gate(truth)
    step = attack.at if attack is not None else HONEST

    def serve(kind: type[Smtp | Imap], protocol: str) -> RawServer:
        mine = attack if attack is not None and attack.protocol == protocol else None

        def behave(peer: Peer) -> None:
            attacks = mine
            if mine is not None:
                truth.opened += 1
                attacks = mine if truth.opened == 1 or not step.is_kept else None
            script = kind(peer, attacks, step, truth, chain, gate)
            try:
                script.run()
            except Over:
                return

        return RawServer(behave, room=_ROOM if mine is not None and isinstance(mine.does, Reading) else None)

    with ExitStack() as opened:
        smtp = opened.enter_context(serve(Smtp, "smtp"))
        imap = opened.enter_context(serve(Imap, "imap"))
        waits = opened.enter_context(RawServer(gate.behave)).port if step.is_kept else 0
        yield Scene(smtp=smtp.port, imap=imap.port, gate=waits, truth=truth)
