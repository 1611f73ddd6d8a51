"""What every conversation shares: commands that are one line each, and a transcript that is short and hides secrets."""

from __future__ import annotations

import pytest

from tether_mailconf import Dropped, Endpoint, ProtocolViolation, Secret, Security, Step
from tether_mailconf._ports import Buffer, Channel, Deadline, run_sync
from tether_mailconf._wire.conversation import Conversation, command_line
from tether_mailconf._wire.sasl import Mask

ENDPOINT = Endpoint(host="mail.example.com", port=465, security=Security.TLS)
FOREVER = Deadline.after(3600.0, lambda: 0.0)


class Saying(Channel):
    """A connection on which the server says one thing and no more."""

    def __init__(self, *, said: bytes = b"") -> None:
        self._said = said

    async def send(self, data: Buffer, deadline: Deadline) -> None:
        """Hear."""

    async def receive(self, deadline: Deadline) -> bytes:
        said, self._said = self._said, b""
        return said


def talk(step: Step, *, said: bytes = b"") -> Conversation:
    """A conversation that is at some step."""
    channel = Saying(said=said)  # type: ignore[abstract]
    return Conversation(channel, ENDPOINT, step)


@pytest.mark.parametrize("wrong", ["\r", "\n", "\0", "\r\n"], ids=ascii)
def test_a_command_is_one_line(wrong: str) -> None:
    assert command_line("RCPT TO:<jörg@example.org>") == "RCPT TO:<jörg@example.org>\r\n".encode()
    for text in (f"NOOP{wrong}QUIT", f"{wrong}NOOP", f"NOOP{wrong}"):
        with pytest.raises(ValueError, match="line break or NUL"):
            command_line(text)


def test_an_error_carries_the_last_thirty_lines_each_cut_at_200_characters() -> None:
    here = talk(Step.BODY)
    for number in range(50):
        run_sync(here.send(b"", FOREVER, f"{number} " + "x" * 1000))
    error = Dropped(step=Step.CONNECT)
    here.stamp(error)
    assert (error.endpoint, error.step) == (ENDPOINT, Step.BODY)
    assert len(error.transcript) == 30
    assert error.transcript[0].startswith("C: 20 xxx")
    assert all(len(line) == len("C: ") + 200 for line in error.transcript)


def test_what_was_not_understood_is_told_but_not_in_a_sign_in() -> None:
    """There it may hold anything, the secret among it."""
    for step, told in ((Step.BODY, ("S: \\xff\\x00rubbish (not understood)",)), (Step.SIGN_IN, ())):
        here = talk(step, said=b"\xff\0rubbish")
        run_sync(here.receive(FOREVER))
        for error in (ProtocolViolation(step=step, detail="it cannot be read"), Dropped(step=step)):
            here.stamp(error)
            assert error.transcript == told


def test_a_secret_is_hidden_in_lines_that_were_noted_before_it_was_known() -> None:
    here = talk(Step.SIGN_IN)
    here.note("S", "535 swordfish-7 is wrong")
    here.mask = Mask("ana")
    here.mask.add(Secret("swordfish-7"))
    error = Dropped(step=Step.SIGN_IN)
    here.stamp(error)
    assert error.transcript == ("S: 535 *** is wrong",)


@pytest.mark.parametrize(
    ("begins", "shown"),
    [("wolf\u00f6 ", "S: ***\\xb6 ???"), ("\udcff ", "S: \\udcff ???")],
    ids=["half a letter", "no letter"],
)
def test_a_line_that_is_cut_is_shown_with_whatever_it_begins(begins: str, shown: str) -> None:
    """What begins like the secret may end in the middle of a letter: a failure is told all the same."""
    here = talk(Step.SIGN_IN)
    here.note("S", begins + "?" * 2000)
    here.mask = Mask("ana")
    here.mask.add(Secret("wolf\u00fc-7"))
    error = Dropped(step=Step.SIGN_IN)
    here.stamp(error)
    assert error.transcript[0].startswith(shown)
