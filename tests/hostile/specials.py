"""What a hostile server does that makes sense at one step only: protocol, step, name, behaviour."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

from .behaviours import Behaviour, Ends, Turn, breaks, for_ever, goes_on, refuses, say, tagged, with_code


def _asks_for_ever(turn: Turn) -> None:
    """Ask for another response, whatever the last one was."""
    asked = b"+ \r\n" if turn.is_imap else b"334 \r\n"
    turn.peer.say_bytes(asked)
    while turn.peer.hear() or turn.peer.is_open:
        turn.peer.say_bytes(asked)


def _asks(challenge: bytes) -> Callable[[Turn], None]:
    """Ask once, with this challenge, and refuse whatever the response is."""

    def act(turn: Turn) -> None:
        turn.peer.say_bytes((b"+ " if turn.is_imap else b"334 ") + challenge + b"\r\n")
        turn.peer.hear()
        turn.peer.say_bytes(f"{turn.tag} NO no\r\n".encode() if turn.is_imap else b"535 5.7.8 no\r\n")

    return act


def _says_and_breaks_off(data: bytes, *, resets: bool = False) -> Callable[[Turn], None]:
    def act(turn: Turn) -> None:
        turn.peer.say_bytes(data)
        if resets:
            turn.peer.reset()
        else:
            turn.peer.close()

    return act


def _accepts_and_talks_for_ever(turn: Turn) -> None:
    # By itself first: of a block that is cut off by the client's leaving it would not be known what was written out.
    turn.peer.say_bytes(_TAKEN)
    for_ever(turn.peer, _TAKEN)


def _takes_all_that_comes(turn: Turn) -> None:
    # In one record with the answer, so that it is there before anything else is asked.
    turn.peer.say_bytes(_TAKEN * 500)
    for_ever(turn.peer, _TAKEN)


_DEEP_JSON = base64.b64encode(b"[" * 2500)
_LONG_NUMBER = base64.b64encode(b'{"status":' + b"1" * 2500 + b"}")
_TAKEN = b"250 2.0.0 taken\r\n"
_UIDS = b" ".join(b"%d" % number for number in range(1, 8000))


def _and(more: bytes) -> Behaviour:
    """Return what says something before the proper answer, and then goes on."""
    return goes_on(lambda turn: more + turn.proper)


def _placed(place: str) -> Behaviour:
    return goes_on(lambda turn: f"{turn.tag} OK [APPENDUID {place}] done\r\n".encode())


def _also(more: bytes) -> Callable[[Turn], bytes]:
    """Return what says the proper answer, and then something more at once."""
    return lambda turn: turn.proper + more


_ANSWERS_TO_COME = b"".join(b"m%d OK [APPENDUID 1 7] done\r\n" % number for number in range(1, 60))
_SMTP_EARLY = {"answers_what_comes_next": breaks(_also(_TAKEN * 3))}
_IMAP_EARLY = {"answers_what_comes_next": breaks(_also(_ANSWERS_TO_COME))}
_SIGN_IN = {"challenges_for_ever": Behaviour(act=_asks_for_ever, ends=Ends.VIOLATION)}
_TOKEN = {
    **_SIGN_IN,
    "challenge_of_no_base64": Behaviour(act=_asks(b"\xff?!"), ends=Ends.VIOLATION),
    "error_nested_deep": Behaviour(act=_asks(_DEEP_JSON), ends=Ends.REFUSED),
    "error_with_a_long_number": Behaviour(act=_asks(_LONG_NUMBER), ends=Ends.REFUSED),
}
_AFTER_THE_MESSAGE = {
    "asks_for_more": breaks(with_code("354")),
    "asks_who_we_are": breaks(with_code("334")),
    "half_of_two_lines_then_close": Behaviour(act=_says_and_breaks_off(b"250-2.0.0 ok\r\n"), ends=Ends.DROPPED),
    "half_of_two_lines_then_silence": Behaviour(act=say(lambda turn: b"250-2.0.0 ok\r\n"), ends=Ends.TIMES_OUT),
    "accepts_and_refuses": goes_on(lambda turn: _TAKEN + b"554 5.7.1 no\r\n"),
    "accepts_and_talks_for_ever": Behaviour(act=_accepts_and_talks_for_ever, ends=Ends.GOES_ON, floods=True),
    "accepts_and_closes": Behaviour(act=_says_and_breaks_off(_TAKEN), ends=Ends.GOES_ON),
    "accepts_and_resets": Behaviour(act=_says_and_breaks_off(_TAKEN, resets=True), ends=Ends.DROPPED),
}

SPECIAL: Mapping[tuple[str, str], Mapping[str, Behaviour]] = {
    ("smtp", "greeting"): _SMTP_EARLY,
    ("smtp", "ehlo"): _SMTP_EARLY,
    ("smtp", "sign_in"): _SIGN_IN | _SMTP_EARLY,
    ("smtp", "token"): _TOKEN,
    ("smtp", "end_mark"): _AFTER_THE_MESSAGE,
    ("smtp", "bdat_in_flight"): _AFTER_THE_MESSAGE,
    ("smtp", "mail_in_flight"): {
        # Who refused the sender, and took the message for somebody all the same, may have sent it.
        "refuses_and_yet_takes": breaks(lambda turn: b"554 no\r\n250 yes\r\n" + _TAKEN)
    },
    ("imap", "greeting"): _IMAP_EARLY,
    ("imap", "capability"): _IMAP_EARLY,
    ("imap", "sign_in"): _SIGN_IN | _IMAP_EARLY,
    ("imap", "token"): _TOKEN,
    ("imap", "list"): {
        "name_with_line_breaks": _and(b'* LIST (\\Sent) "/" {10}\r\nSent\r\nA1 X\r\n'),
        "answers_what_comes_next": breaks(_also(_ANSWERS_TO_COME)),
        "names_of_lists": _and(b"* LIST (\\Sent) (a) (b)\r\n* LIST\r\n"),
    },
    ("imap", "search"): {
        "uids_by_thousands": _and(b"* SEARCH " + _UIDS + b"\r\n"),
        "uid_of_30_digits": _and(b"* SEARCH " + b"9" * 30 + b"\r\n"),
        "uids_that_are_none": _and(b"* SEARCH -1 (2 3) a 4x NIL\r\n"),
    },
    ("imap", "fetch"): {"items_that_are_none": _and(b"* 1 FETCH NIL\r\n* 2 FETCH (UID)\r\n")},
    ("smtp", "noop"): {
        "answers_what_comes_next": goes_on(_also(_TAKEN * 3)),
        "answers_half_of_another": goes_on(_also(b"250-2.0.0")),
        "takes_all_that_comes": Behaviour(act=_takes_all_that_comes, ends=Ends.GOES_ON, floods=True),
    },
    ("imap", "noop"): {
        "answers_what_comes_next": goes_on(_also(_ANSWERS_TO_COME)),
        "answers_and_asks_for_more": goes_on(_also(b"+ go on\r\n")),
        "answers_and_leaves": goes_on(_also(b"* BYE bye\r\n")),
    },
    ("imap", "append_before"): {"done_without_the_message": refuses(lambda turn: tagged(turn, turn.tag))},
    ("imap", "append_after"): {
        "place_of_nonsense": _placed("x y"),
        "place_of_5000_digits": _placed("1" * 5000 + " " + "2" * 5000),
    },
}
