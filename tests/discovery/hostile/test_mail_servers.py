"""What mail servers of strangers may do when they are looked at, and that none of it makes a candidate."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import attrs
import pytest

from tests.mailer.raw_server import Peer, RawServer, make_chain, trusted_chain
from tether_mailconf import Discovery, Source, TimedOut
from tether_mailconf._drivers.asyncio import AsyncioStream
from tether_mailconf._drivers.blocking import BlockingIO
from tether_mailconf._drivers.stream import READ_SIZE
from tether_mailconf._ports import Deadline, run_sync
from tether_mailconf._wire.imap import open_imap
from tether_mailconf.errors import ProtocolViolation
from tether_mailconf.sandbox import Internet, Sandbox
from tether_mailconf.settings import Endpoint, Security

from ..domains import HERE
from ..strangers import FAR_TOO_LONG, discovered
from .worlds import has_ended

HARMLESS = {"EHLO", "STARTTLS", "CAPABILITY", "QUIT", "LOGOUT"}


@attrs.define
class Heard:
    """What a mail server was told in the clear, or by whoever trusted it."""

    words: list[str] = attrs.field(factory=list)

    def hear(self, peer: Peer) -> str:
        line = peer.hear()
        words = line.upper().split()
        if words:
            # IMAP commands begin with a tag.
            self.words.append(words[1] if len(words) > 1 and words[0] not in HARMLESS else words[0])
        return line


def tag(line: str) -> str:
    return line.partition(" ")[0]


def no_starttls(peer: Peer, heard: Heard, protocol: str) -> None:
    if protocol == "smtp":
        peer.say("220 mail.acme.test ESMTP")
        heard.hear(peer)
        peer.say("250-mail.acme.test", "250 AUTH PLAIN LOGIN")
        heard.hear(peer)
        peer.say("502 no")
    else:
        peer.say("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready")
        while line := heard.hear(peer):
            peer.say(f"{tag(line)} BAD no")
    while heard.hear(peer):
        pass


def preauth(peer: Peer, heard: Heard, protocol: str) -> None:
    peer.say("* PREAUTH [CAPABILITY IMAP4rev1] welcome ana" if protocol == "imap" else "235 2.7.0 you are in")
    while line := heard.hear(peer):
        peer.say(f"{tag(line)} OK")


def silent(peer: Peer, heard: Heard, protocol: str) -> None:
    while heard.hear(peer):
        pass


def flood(peer: Peer, heard: Heard, protocol: str) -> None:
    while True:
        peer.say_bytes(b"220-welcome\r\n" * 5000 if protocol == "smtp" else b"* OK welcome\r\n" * 5000)


def flood_of_one_line(peer: Peer, heard: Heard, protocol: str) -> None:
    while True:
        peer.say_bytes(b"x" * 65536)


def flood_after_ehlo(peer: Peer, heard: Heard, protocol: str) -> None:
    peer.say("220 mail.acme.test ESMTP" if protocol == "smtp" else "* OK ready")
    heard.hear(peer)
    while True:
        peer.say_bytes(b"250-X\r\n" * 5000 if protocol == "smtp" else b"* CAPABILITY X\r\n" * 5000)


def injected(peer: Peer, heard: Heard, protocol: str) -> None:
    """What is sent ahead of TLS would be taken for what came after it (CVE-2011-0411)."""
    if protocol == "smtp":
        peer.say("220 mail.acme.test ESMTP")
        heard.hear(peer)
        peer.say("250-mail.acme.test", "250 STARTTLS")
        heard.hear(peer)
        peer.say("220 go ahead", "250-mail.acme.test", "250 AUTH PLAIN")
    else:
        peer.say("* OK ready")
        line = heard.hear(peer)
        peer.say(f"{tag(line)} OK begin", "* CAPABILITY IMAP4rev1 AUTH=PLAIN", "a2 OK done")
    while heard.hear(peer):
        pass


def goes_away(peer: Peer, heard: Heard, protocol: str) -> None:
    peer.say("421 4.3.2 too many connections" if protocol == "smtp" else "* BYE too many connections")


def speaks_http(peer: Peer, heard: Heard, protocol: str) -> None:
    peer.say("HTTP/1.1 400 Bad Request", "Content-Length: 0", "")
    while heard.hear(peer):
        pass


Behaviour = Callable[[Peer, Heard, str], None]


BEHAVIOURS: dict[str, Behaviour] = {
    "no-starttls": no_starttls,
    "preauth": preauth,
    "silent": silent,
    "flood": flood,
    "flood-of-one-line": flood_of_one_line,
    "flood-after-ehlo": flood_after_ehlo,
    "injected": injected,
    "goes-away": goes_away,
    "http": speaks_http,
}


MAIL = {465: ("smtp", True), 587: ("smtp", False), 993: ("imap", True), 143: ("imap", False)}


@pytest.fixture(scope="module")
def quiet() -> Iterator[Sandbox]:
    """An internet with one domain whose mail servers are the test's own."""
    zones = {"guessed.test": f"mail A {HERE}\nimap A {HERE}\nsmtp A {HERE}"}
    with Sandbox(internet=Internet(zones=zones)) as sandbox:
        yield sandbox


@contextlib.contextmanager
def serving_mail(behave: Behaviour, chain: Path | None) -> Iterator[tuple[Mapping[int, int], Heard]]:
    """Servers that behave like this at the four ports; those with TLS from the first byte have this certificate."""
    heard = Heard()
    with contextlib.ExitStack() as opened:
        forwarded = dict[int, int]()
        for port, (protocol, is_implicit) in MAIL.items():

            def act(peer: Peer, protocol: str = protocol) -> None:
                behave(peer, heard, protocol)

            server = RawServer(act, chain if is_implicit else None)
            forwarded[port] = opened.enter_context(server).port
        yield forwarded, heard


def guessed(sandbox: Sandbox, colour: str, forwarded: Mapping[int, int], ca_file: Path, seconds: float) -> Discovery:
    network = attrs.evolve(sandbox.network, forwarded=forwarded)
    return discovered(
        colour, "ana@guessed.test", sandbox, network, sources=[Source.GUESS], ca_file=ca_file, deadline=seconds
    )


# Where nobody answers, the deadline is the end; the others are over long before it.
@pytest.mark.parametrize(
    ("kind", "colour"), [(kind, "aio") for kind in BEHAVIOURS] + [("no-starttls", "sync"), ("flood", "sync")]
)
def test_a_mail_server_that_cannot_be_trusted_is_no_candidate(
    quiet: Sandbox, tmp_path: Path, kind: str, colour: str
) -> None:
    """Neither in the clear nor with a certificate of its own making, and it hears nothing worth hearing."""
    authority, _ = trusted_chain(tmp_path)
    _, own = make_chain(tmp_path, host="mail.guessed.test")
    with serving_mail(BEHAVIOURS[kind], own) as (forwarded, heard):
        found = guessed(quiet, colour, forwarded, authority, 0.3)
        assert found.candidates == (), str(found)
    assert set(heard.words) <= HARMLESS
    assert not any("ANA" in word for word in heard.words)


@pytest.mark.parametrize("kind", ["flood-after-ehlo", "goes-away", "preauth"])
def test_a_trusted_certificate_alone_makes_no_mail_server(quiet: Sandbox, tmp_path: Path, kind: str) -> None:
    """The sandbox's own certificate would do for these names."""
    with serving_mail(BEHAVIOURS[kind], quiet.ca_file.parent / "server.pem") as (forwarded, heard):
        found = guessed(quiet, "aio", forwarded, quiet.ca_file, 0.3)
        assert found.candidates == (), str(found)
    assert set(heard.words) <= HARMLESS


@contextlib.contextmanager
def connected() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client's end and a server's end."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
        listener.accept()[0] as server,
    ):
        client.setblocking(False)
        yield client, server


def test_a_server_that_has_always_more_to_say_is_not_listened_to_beyond_the_deadline() -> None:
    async def listen(client: socket.socket) -> None:
        with pytest.raises(TimedOut):
            await AsyncioStream(client).read(Deadline.after(-1.0))

    with connected() as (client, server):
        server.sendall(b"* OK welcome\r\n")
        assert select.select([client], [], [], FAR_TOO_LONG)[0]
        asyncio.run(listen(client))


def test_a_server_that_has_always_more_to_say_does_not_keep_the_loop_from_others() -> None:
    """A task that reads what is there already would never let go of it."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def listen(client: socket.socket) -> None:
        stream, waiting = AsyncioStream(client), asyncio.create_task(others())
        for _ in range(4):
            assert await stream.read(Deadline.after(FAR_TOO_LONG))
        waiting.cancel()

    with connected() as (client, server):
        size = 4 * READ_SIZE
        server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * size)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 * size)
        sender = threading.Thread(target=server.sendall, args=(bytes(size),))
        sender.start()
        assert has_ended(lambda: not sender.is_alive())
        asyncio.run(listen(client))
    assert turns >= 3


@pytest.mark.parametrize("news", ["* OK welcome", "* CAPABILITY X", "* 1 EXISTS"])
def test_a_server_that_never_answers_a_command_is_left(quiet: Sandbox, news: str) -> None:
    """However short its words are: it may say so much, and so many things, and no more."""

    def behave(peer: Peer, heard: Heard, protocol: str) -> None:
        peer.say("* OK ready")
        heard.hear(peer)
        peer.say_bytes(f"{news}\r\n".encode() * 30_000)
        while heard.hear(peer):
            pass

    endpoint = Endpoint(host="mail.guessed.test", port=143, security=Security.STARTTLS)
    with serving_mail(behave, None) as (forwarded, _):
        io = BlockingIO(attrs.evolve(quiet.network, forwarded=forwarded), quiet.ca_file)
        with pytest.raises(ProtocolViolation, match="too many responses"):
            run_sync(open_imap(io, endpoint, io.deadline(FAR_TOO_LONG)))
