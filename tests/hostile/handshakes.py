"""What a hostile server does where the TLS handshake should be, on a connection that is still in the clear."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import attrs

from tests.mailer.raw_server import Peer, server_context

from .behaviours import Ends, for_ever, slowly

_ALERT, _HANDSHAKE, _CHANGE_CIPHER_SPEC, _APPLICATION_DATA = 21, 22, 20, 23
_WARNING, _FATAL = 1, 2
_PATIENCE = 30.0


@attrs.frozen(kw_only=True)
class Handshake:
    """What a server does in place of a handshake.

    Args:
        act: does it; it is given the certificate with which an honest server would go on.
        ends: how the connection ends then.
        floods: whether it sends so much that memory must be watched.
        listens: whether it reads what the client says first.
    """

    act: Callable[[Peer, Path], None]
    ends: Ends
    floods: bool = False
    listens: bool = False


def _record(kind: int, content: bytes) -> bytes:
    """Return a TLS record (RFC 8446 section 5.1)."""
    return bytes((kind, 3, 3)) + len(content).to_bytes(2, "big") + content


def _says(data: bytes) -> Handshake:
    return Handshake(act=lambda peer, _: peer.say_bytes(data), ends=Ends.VIOLATION)


def _floods(data: bytes) -> Handshake:
    return Handshake(act=lambda peer, _: for_ever(peer, data), ends=Ends.VIOLATION, floods=True)


def first_flight(peer: Peer, chain: Path) -> bytes:
    """Read what the client says first, and return the honest answer to it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context(chain).wrap_bio(incoming, outgoing, server_side=True)
    while not outgoing.pending:
        header = peer.hear_bytes(5)
        incoming.write(header + peer.hear_bytes(int.from_bytes(header[3:], "big")))
        try:
            server.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return outgoing.read()


def _half_an_answer(peer: Peer, chain: Path) -> None:
    answer = first_flight(peer, chain)
    peer.say_bytes(answer[: len(answer) // 2])


def _half_an_answer_and_close(peer: Peer, chain: Path) -> None:
    _half_an_answer(peer, chain)
    peer.close()


def _spoilt_answer(peer: Peer, chain: Path) -> None:
    answer = bytearray(first_flight(peer, chain))
    answer[-20] ^= 1
    peer.say_bytes(bytes(answer))


def _generous(peer: Peer, chain: Path) -> None:
    """Go on honestly, but with tens of thousands of session tickets (RFC 8446 section 4.6.1) ahead of every word."""
    context = server_context(chain)
    context.num_tickets = 30_000
    peer.start_tls(context)


HANDSHAKES = {
    "silence": Handshake(act=lambda peer, _: peer.pause(_PATIENCE), ends=Ends.TIMES_OUT),
    "half_an_answer_then_silence": Handshake(act=_half_an_answer, ends=Ends.TIMES_OUT, listens=True),
    "byte_after_byte_just_in_time": Handshake(
        act=lambda peer, chain: slowly(peer, first_flight(peer, chain), 0.05), ends=Ends.TIMES_OUT, listens=True
    ),
    "byte_a_second": Handshake(
        act=lambda peer, chain: slowly(peer, first_flight(peer, chain), 1.0), ends=Ends.TIMES_OUT, listens=True
    ),
    "record_that_never_comes": Handshake(
        act=lambda peer, _: peer.say_bytes(_record(_HANDSHAKE, b"\2" * 16_000)[:100]), ends=Ends.TIMES_OUT
    ),
    "close": Handshake(act=lambda peer, _: peer.close(), ends=Ends.DROPPED),
    "reset": Handshake(act=lambda peer, _: peer.reset(), ends=Ends.DROPPED),
    "half_an_answer_then_close": Handshake(act=_half_an_answer_and_close, ends=Ends.DROPPED, listens=True),
    "spoilt_answer": Handshake(act=_spoilt_answer, ends=Ends.VIOLATION, listens=True),
    "smtp_in_the_clear": _says(b"220 mail.test ESMTP\r\n"),
    "imap_in_the_clear": _says(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n"),
    "zeros": _says(b"\0" * 1000),
    "fatal_alert": _says(_record(_ALERT, bytes((_FATAL, 40)))),
    "alert_of_no_kind": _says(_record(_ALERT, b"\x07\xff\xff")),
    "empty_records": _says(_record(_HANDSHAKE, b"") * 100),
    "record_too_long": _says(bytes((_HANDSHAKE, 3, 3, 255, 255)) + b"x" * 65_535),
    "data_before_keys": _says(_record(_APPLICATION_DATA, b"220 mail.test ESMTP\r\n")),
    "server_hello_of_nonsense": _says(_record(_HANDSHAKE, b"\2\0\0\x26\3\3" + b"\xaa" * 36)),
    "message_of_16_megabytes": _says(_record(_HANDSHAKE, b"\2\xff\xff\xff" + b"x" * 16_000) * 1100),
    "endless_warnings": _floods(_record(_ALERT, bytes((_WARNING, 90)))),
    "endless_cipher_changes": _floods(_record(_CHANGE_CIPHER_SPEC, b"\1")),
    # OpenSSL passes over them, each for itself, until the deadline.
    "endless_hello_requests": Handshake(
        act=lambda peer, _: for_ever(peer, _record(_HANDSHAKE, b"\0\0\0\0")), ends=Ends.TIMES_OUT, floods=True
    ),
    "endless_fragments": _floods(_record(_HANDSHAKE, b"\2")),
    "endless_noise": _floods(b"\xa7"),
    "endless_tickets": Handshake(act=_generous, ends=Ends.GOES_ON, floods=True, listens=True),
}
