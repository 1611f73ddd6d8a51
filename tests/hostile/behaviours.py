"""What a hostile server does in place of a proper answer, whatever the step. Data: a name, an act, and how it ends."""

from __future__ import annotations

import base64
import enum
import itertools
import random
from collections.abc import Callable, Mapping

import attrs

from tests.mailer.raw_server import Peer

CHUNK = 64 * 1024
_HUNDRED_MEGABYTES = 100 * 1024 * 1024
_PATIENCE = 30.0
"""Seconds after which a server that waits gives up. No attack's deadline is that long."""


class Ends(enum.Enum):
    """How a conversation ends in which a server behaves so."""

    TIMES_OUT = "times out"
    DROPPED = "dropped"
    VIOLATION = "violation"
    REFUSED = "refused"
    GOES_ON = "goes on"
    LEFT = "left"
    """The client goes on by another connection, and nobody else need know."""


@attrs.frozen(kw_only=True)
class Turn:
    """The moment at which the server should give its proper answer.

    Args:
        peer: the client.
        proper: the proper answer, as bytes.
        tag: of the IMAP command that is answered; empty where there is none, and in SMTP.
        secret: what the client has signed in with; empty before.
        begun: to be called by what never ends, once some of it was said, where the client waits for that.
    """

    peer: Peer
    proper: bytes
    tag: str = ""
    secret: bytes = b""
    begun: Callable[[], None] = lambda: None

    @property
    def is_imap(self) -> bool:
        return self.proper.startswith((b"*", b"+")) or bool(self.tag)

    @property
    def code(self) -> bytes:
        """Return the reply code of the proper answer."""
        return self.proper[:3]


@attrs.frozen(kw_only=True)
class Behaviour:
    """What a server does.

    Args:
        act: does it.
        ends: how the conversation ends then.
        floods: whether it sends so much that memory must be watched.
    """

    act: Callable[[Turn], None]
    ends: Ends
    floods: bool = False


def say(make: Callable[[Turn], bytes]) -> Callable[[Turn], None]:
    return lambda turn: turn.peer.say_bytes(make(turn))


def breaks(make: Callable[[Turn], bytes]) -> Behaviour:
    return Behaviour(act=say(make), ends=Ends.VIOLATION)


def refuses(make: Callable[[Turn], bytes]) -> Behaviour:
    return Behaviour(act=say(make), ends=Ends.REFUSED)


def goes_on(make: Callable[[Turn], bytes]) -> Behaviour:
    return Behaviour(act=say(make), ends=Ends.GOES_ON)


def _floods(act: Callable[[Turn], None]) -> Behaviour:
    return Behaviour(act=act, ends=Ends.VIOLATION, floods=True)


def slowly(peer: Peer, data: bytes, seconds: float) -> None:
    """Say byte after byte, each so much later than the one before."""
    for index in range(len(data)):
        peer.say_bytes(data[index : index + 1])
        peer.pause(seconds)
    peer.pause(_PATIENCE)


def for_ever(peer: Peer, data: bytes) -> None:
    """Say the same again and again, as fast as the client takes it."""
    block = data * (CHUNK // len(data) + 1)
    while True:
        peer.say_bytes(block)


def hundred_megabytes(peer: Peer) -> None:
    """Say so much without a line's end."""
    for _ in range(_HUNDRED_MEGABYTES // CHUNK):
        peer.say_bytes(b"x" * CHUNK)


# -- time and the connection ------------------------------------------------------------------------------------------


def _more(turn: Turn) -> bytes:
    """Return a line that belongs to an answer and promises another one."""
    return b"* OK still at work\r\n" if turn.is_imap else turn.code + b"-still at work\r\n"


def _trickle(turn: Turn) -> None:
    """Say something well within every timeout of a single read, and never end."""
    while True:
        turn.peer.say_bytes(_more(turn))
        turn.peer.pause(0.1)


def _half(turn: Turn) -> bytes:
    return turn.proper[: -len(turn.proper) // 2]


def _say_half_and_close(turn: Turn) -> None:
    turn.peer.say_bytes(_half(turn))
    turn.peer.close()


def _say_all_but_the_line_feed_and_close(turn: Turn) -> None:
    turn.peer.say_bytes(turn.proper[:-1])
    turn.peer.close()


TIMES = {
    "silence": Behaviour(act=lambda turn: turn.peer.pause(_PATIENCE), ends=Ends.TIMES_OUT),
    "half_line_then_silence": Behaviour(act=say(_half), ends=Ends.TIMES_OUT),
    "no_line_feed_then_silence": Behaviour(act=say(lambda turn: turn.proper[:-1]), ends=Ends.TIMES_OUT),
    "byte_a_second": Behaviour(act=lambda turn: slowly(turn.peer, turn.proper, 1.0), ends=Ends.TIMES_OUT),
    "endless_line_just_in_time": Behaviour(
        act=lambda turn: slowly(turn.peer, turn.proper[:4] + b"x" * 1000, 0.05), ends=Ends.TIMES_OUT
    ),
    "endless_answers_just_in_time": Behaviour(act=_trickle, ends=Ends.TIMES_OUT),
}

BREAKS_OFF = {
    "close": Behaviour(act=lambda turn: turn.peer.close(), ends=Ends.DROPPED),
    "reset": Behaviour(act=lambda turn: turn.peer.reset(), ends=Ends.DROPPED),
    "half_line_then_close": Behaviour(act=_say_half_and_close, ends=Ends.DROPPED),
    "no_line_feed_then_close": Behaviour(act=_say_all_but_the_line_feed_and_close, ends=Ends.DROPPED),
}

# -- too much ---------------------------------------------------------------------------------------------------------


def _long_line(turn: Turn) -> None:
    turn.peer.say_bytes(turn.proper[:4])
    hundred_megabytes(turn.peer)
    turn.peer.say_bytes(b"\r\n")


def _endless_line(turn: Turn) -> None:
    turn.peer.say_bytes(turn.proper[:4])
    for_ever(turn.peer, b"x")


TOO_MUCH = {
    "endless_line": _floods(_endless_line),
    "endless_answers": _floods(lambda turn: for_ever(turn.peer, _more(turn))),
    "line_of_100_megabytes": _floods(_long_line),
}

# -- rubbish ----------------------------------------------------------------------------------------------------------

_NOISE = random.Random(6).randbytes(3000)


def _inside(turn: Turn, what: bytes) -> bytes:
    """Return the proper answer with something put into its last line."""
    return turn.proper[:-2] + what + b"\r\n"


def _parrot(turn: Turn) -> bytes:
    """Return rubbish that repeats the secret where a text that is cut at 200 characters or bytes would end inside."""
    return b"".join(b"?" * (filler - len(turn.secret) // 2) + turn.secret for filler in (198, 200, 201)) + b"\r\n"


def _in_records(*pieces: Callable[[bytes], list[bytes]]) -> Behaviour:
    """Return what says each piece in a TLS record of its own, so that the client gets them one by one."""

    def act(turn: Turn) -> None:
        for make in pieces:
            for piece in make(turn.secret):
                turn.peer.say_bytes(piece)

    return Behaviour(act=act, ends=Ends.VIOLATION)


def _parts(count: int) -> Callable[[bytes], list[bytes]]:
    """Return what cuts a text into so many pieces."""

    def cut(text: bytes) -> list[bytes]:
        size = -(-len(text) // count)
        return [text[start : start + size] for start in range(0, len(text), size)]

    return cut


def _literally(text: bytes) -> Callable[[bytes], list[bytes]]:
    return lambda secret: [text]


_END = _literally(b"\r\n")

RUBBISH = {
    "two_records_with_the_secret": _in_records(_parts(2), _END),
    "three_records_with_the_secret": _in_records(_parts(3), _END),
    "record_a_byte_with_the_secret": _in_records(lambda secret: _parts(len(secret))(secret), _END),
    "half_and_a_line_with_the_secret": _in_records(
        lambda secret: [b"?" + secret[: len(secret) // 2], secret[len(secret) // 2 :] + b"\r\n"]
    ),
    "line_and_half_with_the_secret": _in_records(lambda secret: [b"?\r\n?" + secret[: len(secret) // 2]]),
    "middle_with_the_secret": _in_records(lambda secret: [b"?", secret[4:-4], b"\r\n"]),
    "base64_in_two_records_with_the_secret": _in_records(
        lambda secret: [b"?", *(piece + b"\r\n" for piece in _parts(2)(base64.b64encode(b"xy" + secret)))]
    ),
    "line_and_half_in_base64_with_the_secret": _in_records(
        lambda secret: [b"?\r\nz" + base64.b64encode(b"x" + secret)[: len(secret) * 2 // 3]]
    ),
    "garbage": breaks(lambda turn: _NOISE + b"\r\n"),
    "another_protocol": breaks(lambda turn: b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "nul": breaks(lambda turn: _inside(turn, b" a\0b")),
    "bare_lf": breaks(lambda turn: turn.proper[:-2] + b"\n"),
    "bare_cr": breaks(lambda turn: _inside(turn, b" a\rb")),
    "empty_line": breaks(lambda turn: b"\r\n" + turn.proper),
    "rubbish_with_the_secret": breaks(_parrot),
    "not_utf_8": goes_on(lambda turn: _inside(turn, b" \xff\xfe\xc3(")),
    "answer_with_the_secret": goes_on(lambda turn: _inside(turn, b" you said " + turn.secret)),
}

# -- SMTP's own -------------------------------------------------------------------------------------------------------


def with_code(code: str) -> Callable[[Turn], bytes]:
    return lambda turn: code.encode() + b" so be it\r\n"


def _lines(count: int, length: int) -> Callable[[Turn], bytes]:
    return lambda turn: b"".join(turn.code + b"-" + b"x" * length + b"\r\n" for _ in range(count)) + turn.proper


def _say_421_and_close(turn: Turn) -> None:
    turn.peer.say_bytes(b"421 4.3.2 closing\r\n")
    turn.peer.close()


SMTP = {
    **{f"code_{code}": breaks(with_code(code)) for code in ("000", "099", "100", "600", "999", "2500", "25", "2x0")},
    "code_less_than_nothing": breaks(with_code("-250")),
    "code_in_other_digits": breaks(with_code("\N{ARABIC-INDIC DIGIT TWO}50")),
    "codes_that_differ": breaks(lambda turn: turn.code + b"-one\r\n" + b"550 two\r\n"),
    "code_without_a_space": breaks(lambda turn: turn.code + b"_fine\r\n"),
    "indented": breaks(lambda turn: b" " + turn.proper),
    "line_of_5_kilobytes": breaks(_lines(1, 5000)),
    "too_many_lines": breaks(_lines(201, 10)),
    "too_long_a_reply": breaks(_lines(40, 2000)),
    "refused_for_good": refuses(with_code("554")),
    "refused_for_now": refuses(with_code("451")),
    "goodbye": Behaviour(act=_say_421_and_close, ends=Ends.REFUSED),
}

# -- IMAP's own -------------------------------------------------------------------------------------------------------


def tagged(turn: Turn, tag: str) -> bytes:
    return f"{tag} OK done\r\n".encode()


def _untagged(*lines: bytes) -> Callable[[Turn], bytes]:
    return lambda turn: b"".join(b"* " + line + b"\r\n" for line in lines) + turn.proper


def _bye(turn: Turn) -> None:
    turn.peer.say_bytes(b"* BYE out of order\r\n")
    turn.peer.close()


def _literal(announced: bytes, content: bytes = b"") -> Callable[[Turn], bytes]:
    return lambda turn: b'* LIST () "/" {' + announced + b"}\r\n" + content


def _literal_of_100_megabytes(turn: Turn) -> None:
    turn.peer.say_bytes(b'* LIST () "/" {104857600}\r\n')
    hundred_megabytes(turn.peer)


def _list(rest: bytes) -> Callable[[Turn], None]:
    return lambda turn: for_ever(turn.peer, b"* LIST " + rest + b"\r\n")


def _endless_literals(turn: Turn) -> None:
    turn.peer.say_bytes(b"* LIST ()")
    for_ever(turn.peer, b" {1}\r\nx")


def _endless_codes(turn: Turn) -> None:
    for start in itertools.count(step=1000):
        turn.peer.say_bytes(b"".join(b"* OK [X%d y]\r\n" % number for number in range(start, start + 1000)))


def _endless_capabilities(turn: Turn) -> None:
    for start in itertools.count(step=5000):
        names = b" ".join(b"X%d" % number for number in range(start, start + 5000))
        turn.peer.say_bytes(b"* CAPABILITY " + names + b"\r\n")


NEWS = _untagged(b"5 EXISTS", b"0 RECENT", b"FLAGS (\\Seen)", b"OK [ALERT] listen", b"NO [X-Y z] oh", b"X-NOISE (a b)")

IMAP: Mapping[str, Behaviour] = {
    "wrong_tag": breaks(lambda turn: tagged(turn, "zz9")),
    "future_tag": breaks(lambda turn: tagged(turn, "m99")),
    "tag_of_nobody": breaks(lambda turn: b"+OK done\r\n" * 2 + tagged(turn, "m0")),
    "no_status": breaks(lambda turn: f"{turn.tag or 'm1'} MAYBE done\r\n".encode()),
    "refused": refuses(lambda turn: f"{turn.tag} NO [SERVERBUG] not today\r\n".encode()),
    "not_understood": refuses(lambda turn: f"{turn.tag} BAD what?\r\n".encode()),
    "goodbye": Behaviour(act=_bye, ends=Ends.DROPPED),
    "unsolicited_news": goes_on(NEWS),
    "number_of_30_digits": breaks(_untagged(b"9" * 30 + b" EXISTS")),
    "literal_of_4_gigabytes": breaks(_literal(b"4294967296")),
    "literal_of_5000_digits": breaks(_literal(b"1" * 5000)),
    "literal_of_less_than_nothing": breaks(_literal(b"-1")),
    "literal_that_never_comes": Behaviour(act=say(_literal(b"1000", b"x" * 10)), ends=Ends.TIMES_OUT),
    "nesting_deep": breaks(lambda turn: b"* LIST " + b"(" * 10_000 + b"\r\n"),
    "nesting_deep_and_closed": breaks(lambda turn: b"* LIST " + b"(" * 10_000 + b")" * 10_000 + b"\r\n"),
    "parenthesis_open": breaks(lambda turn: b'* LIST (\\Sent "/" Sent\r\n'),
    "parenthesis_closed": breaks(lambda turn: b'* LIST \\Sent) "/" Sent\r\n'),
    "quote_open": breaks(lambda turn: b'* LIST () "/" "Sent\r\n'),
    "literal_of_100_megabytes": _floods(_literal_of_100_megabytes),
    "literals_by_thousands": _floods(_endless_literals),
    "lists_in_lists": _floods(_list(b"()" * 32_000)),
    "atoms_by_thousands": _floods(_list(b"(" + b"ab " * 21_000 + b"c)")),
    "escapes_by_thousands": _floods(_list(b'() "/" "' + b"\\\\" * 32_000 + b'"')),
    "bytes_that_show_long": _floods(_list(b'() "/" "' + b"\xff" * 65_000 + b'"')),
    "codes_by_thousands": _floods(_endless_codes),
    "capabilities_by_thousands": _floods(_endless_capabilities),
}
