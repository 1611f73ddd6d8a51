"""What a conversation keeps of what was said: little, and nothing that must not be read."""

from __future__ import annotations

import base64
import itertools
import traceback

import pytest

from tether_mailconf._ports import Channel, Deadline, run_sync
from tether_mailconf._wire.conversation import Conversation
from tether_mailconf._wire.sasl import Mask
from tether_mailconf.errors import ProtocolViolation, Step
from tether_mailconf.secret import Secret
from tether_mailconf.settings import Endpoint, Security

PASSWORD = "corr3ct-h0rse-battery-st4ple"


class Saying(Channel):
    """A connection over which this is said."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def receive(self, deadline: Deadline) -> bytes:
        return self._data


def conversation(said: bytes = b"") -> Conversation:
    """A conversation in which the password was given."""
    found = Conversation(
        Saying(said),  # type: ignore[abstract]
        Endpoint(host="smtp.example.com", port=465, security=Security.TLS),
        Step.SENDER,
    )
    found.mask = Mask("ana")
    found.mask.add(Secret(PASSWORD))
    return found


def failed(talk: Conversation) -> ProtocolViolation:
    """The error of a step at which something was not understood."""
    with pytest.raises(ProtocolViolation) as caught, talk.at(Step.SENDER):
        raise ProtocolViolation(step=Step.CONNECT)
    return caught.value


@pytest.mark.parametrize("before", range(900, 1101, 7))
def test_a_secret_in_a_long_line_is_masked_before_the_line_is_cut(before: int) -> None:
    talk = conversation()
    talk.note("S", "x" * 100 + PASSWORD * 40 + "x" * before)
    talk.note("S", "y" * before + PASSWORD)
    for line in failed(talk).transcript:
        assert "corr3ct" not in line


def test_of_long_lines_only_the_beginning_is_kept() -> None:
    talk = conversation()
    for _ in range(40):
        talk.note("S", "x" * 1_000_000)
    assert sum(len(text) for _, text in talk._lines) <= 30 * 1000


@pytest.mark.parametrize("before", range(10, 40))
def test_a_long_line_that_came_before_the_sign_in_is_short_and_shows_no_half_of_the_secret(before: int) -> None:
    """A server may know the secret from an earlier sign-in."""
    talk = conversation()
    known, talk.mask = talk.mask, None
    talk.note("S", PASSWORD * 34 + "?" * before + PASSWORD * 1000)
    assert sum(len(text) for _, text in talk._lines) <= 1000
    talk.mask = known
    assert left_of(PASSWORD, failed(talk).transcript[0]) < 4


@pytest.mark.parametrize("before", range(150, 210))
def test_a_secret_in_what_was_not_understood_is_masked_before_it_is_cut(before: int) -> None:
    talk = conversation(b"?" * before + PASSWORD.encode() + b"?" * 50)
    run_sync(talk.receive(Deadline.after(60.0)))
    (line,) = failed(talk).transcript
    assert "corr" not in line


ENCODED = [base64.b64encode(b"x" * before + PASSWORD.encode()).decode() for before in range(3)]


def left_of(secret: str, line: str) -> int:
    """The length of the longest part of a secret that can be read in a line."""
    parts = itertools.combinations(range(len(secret) + 1), 2)
    return max((end - start for start, end in parts if secret[start:end] in line), default=0)


def not_understood(piece: bytes) -> str:
    talk = conversation(piece)
    run_sync(talk.receive(Deadline.after(60.0)))
    (line,) = failed(talk).transcript
    return line.removeprefix("S: ").removesuffix(" (not understood)")


@pytest.mark.parametrize("cut", range(1, len(PASSWORD)))
def test_no_half_of_a_secret_is_read_where_the_server_has_cut_it(cut: int) -> None:
    for piece in (PASSWORD[cut:] + " no", "no " + PASSWORD[:cut], PASSWORD[cut // 2 : cut], "\xff" + PASSWORD[:cut]):
        told = not_understood(piece.encode("latin-1"))
        assert left_of(PASSWORD, told) < 4, told


@pytest.mark.parametrize("encoded", ENCODED)
@pytest.mark.parametrize("cut", range(1, len(PASSWORD)))
def test_no_half_of_a_secret_in_base64_is_read_where_the_server_has_cut_it(encoded: str, cut: int) -> None:
    for piece in (encoded[cut:] + " no", "no " + encoded[:cut], "z" + encoded[cut:], encoded[cut // 2 : cut]):
        told = not_understood(piece.encode())
        # Seven characters of base64 may hold three of the secret: that few are not told from chance.
        assert left_of(encoded.rstrip("="), told) < 8, told


@pytest.mark.parametrize("piece", ["250 2.1.0 ok", "?", "* 5 EXISTS", "YWJjZGVmZ2hpamtsbW5vcA==", "no user ana here"])
def test_what_holds_nothing_of_a_secret_is_told_as_it_is(piece: str) -> None:
    assert not_understood(piece.encode()) == piece


def test_a_secret_in_base64_is_hidden_wherever_it_begins() -> None:
    for encoded, before in itertools.product(ENCODED, ("", "Q", "QQ", "QQQ", "QQQQ")):
        told = conversation().cover(f"500 what is {before}{encoded}?")
        assert left_of(encoded.rstrip("="), told) < 8, told


def test_an_error_holds_no_variable_of_the_conversation() -> None:
    def understand(line: str) -> None:
        raise ProtocolViolation(step=Step.CONNECT, detail=f"{len(line)} characters were not understood")

    def converse() -> None:
        with conversation().at(Step.SENDER):
            understand(f"250 {PASSWORD}")

    with pytest.raises(ProtocolViolation) as caught:
        converse()
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names == ["test_an_error_holds_no_variable_of_the_conversation"]
