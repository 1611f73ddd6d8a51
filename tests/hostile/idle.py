"""What a hostile server says on a kept connection between two messages, when nobody has asked it anything.

Nobody waits for it, so no deadline ends it, and nothing of it may be taken for the answer to what is asked next.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from .behaviours import CHUNK, NEWS, Behaviour, Ends, Turn, for_ever, hundred_megabytes, say

_TAGS = range(1, 60)
"""The numbers of the tags that the client may give next."""

_NOISE = random.Random(7).randbytes(1000)
_RECORD = b"\x17\3\3"
"""The beginning of a TLS record of application data (RFC 8446 section 5.1)."""


def _leaves(act: Callable[[Turn], None]) -> Behaviour:
    return Behaviour(act=act, ends=Ends.LEFT)


def _says(data: bytes) -> Behaviour:
    return _leaves(say(lambda turn: data))


def _floods(data: bytes, act: Callable[[Turn], None] | None = None) -> Behaviour:
    """Return what begins with `data`, and from then on says it for ever, or does something else, while we look."""

    def flood(turn: Turn) -> None:
        turn.peer.say_bytes(data)
        turn.begun()
        if act is None:
            for_ever(turn.peer, data)
        else:
            act(turn)

    return Behaviour(act=flood, ends=Ends.LEFT, floods=True)


def _beneath(data: bytes) -> Callable[[Turn], None]:
    return lambda turn: turn.peer.say_beneath(data)


def _noise_for_ever(turn: Turn) -> None:
    turn.peer.say_beneath(_NOISE)
    turn.begun()
    while True:
        turn.peer.say_beneath(_NOISE * (CHUNK // len(_NOISE)))


def _says_and_closes(data: bytes) -> Behaviour:
    def act(turn: Turn) -> None:
        turn.peer.say_bytes(data)
        turn.peer.close()

    return _leaves(act)


def _tagged(line: str) -> bytes:
    return "".join(f"m{number} {line}\r\n" for number in _TAGS).encode()


BOTH = {
    "close": _leaves(lambda turn: turn.peer.close()),
    "reset": _leaves(lambda turn: turn.peer.reset()),
    "noise_beneath_tls": _leaves(_beneath(_NOISE)),
    "clear_text_beneath_tls": _leaves(_beneath(b"250 2.0.0 ok\r\n* OK still here\r\n")),
    "record_that_decrypts_to_nothing": _leaves(_beneath(_RECORD + b"\0\x40" + b"x" * 64)),
    "alert_beneath_tls": _leaves(_beneath(b"\x15\3\3\0\2\2\x28")),
    "endless_noise_beneath_tls": Behaviour(act=_noise_for_ever, ends=Ends.LEFT, floods=True),
    # Nobody can tell it from a record that is on its way.
    "half_a_record": Behaviour(act=_beneath(_RECORD + b"\x40\0" + b"x" * 100), ends=Ends.TIMES_OUT),
    "garbage": _says(_NOISE + b"\r\n"),
    "nul": _says(b"\0"),
    "empty_line": _says(b"\r\n"),
    "line_without_an_end": _says(b"250 * OK" + b"x" * 100),
    "line_feed_alone": _says(b"\n"),
    "line_of_100_megabytes": _floods(b"* 250 ", lambda turn: hundred_megabytes(turn.peer)),
    "endless_line": _floods(b"x"),
}

SMTP = {
    "early_acceptance": _says(b"250 2.0.0 ok\r\n"),
    # As many as the next message has commands, so that each of them would find an answer.
    "early_acceptances": _says(b"250 2.0.0 ok\r\n" * 3),
    "early_acceptance_of_many_lines": _says(b"250-ok\r\n" * 3 + b"250 ok\r\n"),
    "half_an_acceptance": _says(b"250-2.0.0 ok\r\n"),
    "early_go_ahead": _says(b"354 go on\r\n"),
    "farewell": _says(b"421 4.4.2 idle for too long\r\n"),
    "farewell_and_close": _says_and_closes(b"421 4.4.2 idle for too long\r\n"),
    "refusal": _says(b"554 5.7.1 no\r\n"),
    "refusal_for_now": _says(b"451 4.3.0 not now\r\n"),
    "another_greeting": _says(b"220 mail.test ESMTP\r\n"),
    "endless_acceptances": _floods(b"250 2.0.0 ok\r\n"),
    "endless_reply": _floods(b"250-2.0.0 ok\r\n"),
}

IMAP = {
    "news": Behaviour(act=say(NEWS), ends=Ends.GOES_ON),
    "news_of_no_names": Behaviour(act=say(lambda turn: b"* X-NOISE (a {1}\r\nb)\r\n" * 100), ends=Ends.GOES_ON),
    "early_completion": _says(_tagged("OK [APPENDUID 1 7] done")),
    "early_refusal": _says(_tagged("NO [TRYCREATE] no such mailbox")),
    "early_go_ahead": _says(b"+ go on\r\n"),
    "farewell": _says(b"* BYE idle for too long\r\n"),
    "farewell_and_close": _says_and_closes(b"* BYE idle for too long\r\n"),
    "news_and_farewell": _says_and_closes(b"* 5 EXISTS\r\n* BYE idle for too long\r\n"),
    "half_a_response": _says(b'* LIST (\\Sent) "/'),
    "literal_that_never_comes": _says(b'* LIST () "/" {1000}\r\nx'),
    "literal_of_4_gigabytes": _says(b'* LIST () "/" {4294967296}\r\n'),
    "nesting_deep": _says(b"* LIST " + b"(" * 10_000 + b"\r\n"),
    "endless_news": _floods(b"* 5 EXISTS\r\n"),
    "endless_alerts": _floods(b"* OK [ALERT] listen\r\n"),
    "endless_literals": _floods(b"* LIST () {1}\r\nx\r\n"),
    "endless_go_aheads": _floods(b"+\r\n"),
    "lists_in_lists": _floods(b"* LIST " + b"()" * 32_000 + b"\r\n"),
}

IDLE: Mapping[str, Mapping[str, Behaviour]] = {"smtp": BOTH | SMTP, "imap": BOTH | IMAP}
