"""What a hostile server does while a message of some megabytes is on its way to it."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from tests.mailer.raw_server import Peer

from .behaviours import Ends, for_ever

_PATIENCE = 30.0


@attrs.frozen(kw_only=True)
class Reading:
    """What a server does instead of only reading.

    Args:
        act: does it, with nothing of the body read yet.
        ends: how the conversation ends then.
        reads_on: whether the server hears the message to its end and answers it.
        floods: whether it sends so much that memory must be watched.
    """

    act: Callable[[Peer], None]
    ends: Ends
    reads_on: bool = False
    floods: bool = False


def _reads_slowly(peer: Peer) -> None:
    while peer.hear_bytes(100):
        peer.pause(0.05)


def _says(data: bytes, seconds: float = _PATIENCE) -> Callable[[Peer], None]:
    def act(peer: Peer) -> None:
        peer.say_bytes(data)
        peer.pause(seconds)

    return act


def _refuses_and_closes(peer: Peer) -> None:
    peer.say_bytes(b"552 5.3.4 too much\r\n")
    peer.close()


READINGS = {
    "stops_reading": Reading(act=lambda peer: peer.pause(_PATIENCE), ends=Ends.TIMES_OUT),
    "reads_slowly": Reading(act=_reads_slowly, ends=Ends.TIMES_OUT),
    "says_garbage_and_stops_reading": Reading(act=_says(b"\0\xff\r\n" * 100), ends=Ends.TIMES_OUT),
    "accepts_and_stops_reading": Reading(act=_says(b"250 2.0.0 accepted\r\n"), ends=Ends.TIMES_OUT),
    "refuses_and_stops_reading": Reading(act=_says(b"552 5.3.4 too much\r\n"), ends=Ends.TIMES_OUT),
    "closes": Reading(act=lambda peer: peer.close(), ends=Ends.DROPPED),
    "resets": Reading(act=lambda peer: peer.reset(), ends=Ends.DROPPED),
    "refuses_and_closes": Reading(act=_refuses_and_closes, ends=Ends.DROPPED),
    "talks_for_ever": Reading(act=lambda peer: for_ever(peer, b"250-x\r\n"), ends=Ends.TIMES_OUT, floods=True),
    "accepts_and_reads_on": Reading(act=_says(b"250 2.0.0 accepted\r\n", 0), ends=Ends.GOES_ON, reads_on=True),
    "refuses_and_reads_on": Reading(act=_says(b"552 5.3.4 too much\r\n", 0), ends=Ends.REFUSED, reads_on=True),
}
