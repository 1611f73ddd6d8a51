"""Who never stops talking keeps nobody else waiting, and is not listened to for longer than there is time."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.mailer.post import Colour, at_ports, filed_by, letter, permitting
from tests.mailer.raw_server import Peer, RawServer, server_context, trusted_chain
from tether_mailconf import Delivery, Filer, MailconfError, Receipt, RecipientsRefused, TimedOut, TLSFailed, aio
from tether_mailconf._drivers.tls import TLSLayer
from tether_mailconf._ports import Deadline, run_sync
from tether_mailconf.delivery import submit
from tether_mailconf.sandbox import Sandbox

from .behaviours import for_ever

_HELLO_REQUEST = b"\x16\3\3\0\4\0\0\0\0"


def test_an_endless_server_keeps_the_loop_from_nobody(sandbox: Sandbox, stack: ExitStack) -> None:
    server = stack.enter_context(RawServer(lambda peer: for_ever(peer, _HELLO_REQUEST)))
    settings = filed_by(sandbox.settings, Filer.NOBODY)
    order: list[str] = []

    async def send(name: str, port: int, deadline: float) -> Receipt | MailconfError:
        there = at_ports(settings, smtp=port)
        network = permitting(sandbox, there)
        mailer = aio.Mailer(there, sandbox.credential, network=network, ca_file=sandbox.ca_file)
        try:
            return await mailer.send(letter(), deadline=deadline)
        except MailconfError as error:
            return error
        finally:
            order.append(name)

    async def both() -> list[Receipt | MailconfError]:
        endless = asyncio.create_task(send("endless", server.port, 5.0))
        await asyncio.sleep(0.2)
        ordinary = await send("ordinary", settings.smtp.port, 30.0)
        return [ordinary, await endless]

    ordinary, endless = asyncio.run(both())
    assert isinstance(ordinary, Receipt)
    assert ordinary.delivery is Delivery.SENT
    assert isinstance(endless, TimedOut)
    assert order == ["ordinary", "endless"]


def test_who_was_refused_need_not_wait_for_what_comes_after(
    sandbox: Sandbox, colour: Colour, stack: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal is known, and the server owes no more than the answer to RSET: it need not come."""
    monkeypatch.setattr(submit, "_FORGET_SECONDS", 0.3)
    authority, chain = trusted_chain(tmp_path)

    def behave(peer: Peer) -> None:
        peer.say("220 mail.test")
        for answer in ("250-mail.test\r\n250 AUTH PLAIN", "235 hi", "250 ok", "550 5.1.1 nobody"):
            peer.hear()
            peer.say(answer)
        peer.hear_all()

    server = stack.enter_context(RawServer(behave, chain))
    settings = at_ports(filed_by(sandbox.settings, Filer.NOBODY), smtp=server.port)
    with pytest.raises(RecipientsRefused):
        colour.mailer(sandbox, settings, ca_file=authority).send(letter(), deadline=3600.0)


class Wire:
    """A stream whose other end is in memory: a server that hands out session tickets, and says nothing.

    Args:
        tickets: how many it hands out.
    """

    local_address = "127.0.0.1"

    def __init__(self, chain: Path, tickets: int) -> None:
        context = server_context(chain)
        context.num_tickets = tickets
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._server = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._is_ready = False

    async def write(self, data: memoryview, deadline: Deadline) -> None:
        self._incoming.write(data)

    async def read(self, deadline: Deadline) -> bytes:
        self._shake_hands()
        return self._outgoing.read(65536)

    def read_waiting(self) -> bytes | None:
        self._shake_hands()
        return self._outgoing.read(65536) or None

    @property
    def left(self) -> int:
        """Bytes that were not fetched."""
        return self._outgoing.pending

    def _shake_hands(self) -> None:
        if not self._is_ready:
            try:
                self._server.do_handshake()
                self._is_ready = True
            except ssl.SSLWantReadError:
                pass

    def close(self) -> None:
        pass


@pytest.mark.parametrize(("tickets", "is_endless"), [(2, False), (30_000, True)])
def test_what_waits_on_an_idle_connection_is_looked_through_only_so_far(
    tmp_path: Path, tickets: int, is_endless: bool
) -> None:
    """Between two messages nobody waits for anything, so no deadline would end it."""
    authority, chain = trusted_chain(tmp_path)
    wire = Wire(chain, tickets)
    layer = TLSLayer(wire, ssl.create_default_context(cafile=authority), "127.0.0.1")
    run_sync(layer.handshake(Deadline.after(30.0)))
    if is_endless:
        with pytest.raises(TLSFailed, match="does not stop"):
            layer.read_waiting()
        assert wire.left > 1_000_000
    else:
        assert layer.read_waiting() is None
