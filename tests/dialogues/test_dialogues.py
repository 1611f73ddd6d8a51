"""Every dialogue is played twice, the server's bytes arriving in one piece and one by one; nothing else may differ."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tether_mailconf.delivery.receipt import Delivery
from tether_mailconf.errors import ConversationError, SignInRefused, Step

from .dialogue import Dialogue, message_bytes, read
from .observed import all_words, observed
from .player import Outcome, ScriptFault, play

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*/*.txt"))
PIECES = {"whole": 65536, "bytewise": 1}
LISTS = ("says", "transcript", "refused", "log")
"""What may be expected several times: each of the values must be found, and for `says` as part of the text."""


@pytest.mark.parametrize("pieces", PIECES)
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_dialogue_goes_as_written(path: Path, pieces: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="tether_mailconf")
    dialogue = read(path)
    outcome = play(dialogue, PIECES[pieces])
    seen = observed(outcome) | {"log": tuple(caplog.messages)}
    expected = _expected(dialogue, pieces)
    _check_is_told(expected, outcome, dialogue.header["do"])
    for name, values in expected.items():
        _check(name, values, seen.get(name, ()))
    _check_truth(dialogue, outcome)
    _check_secrets(dialogue, all_words(outcome) + "\n" + caplog.text)


def _expected(dialogue: Dialogue, pieces: str) -> dict[str, list[str]]:
    """Return what is expected by name; a line for this way to cut the bytes replaces the general one."""
    general: dict[str, list[str]] = {}
    special: dict[str, list[str]] = {}
    for name, value in dialogue.expected:
        base, _, way = name.rpartition(" ")
        if way not in PIECES:
            general.setdefault(name, []).append(value)
        elif way == pieces:
            special.setdefault(base, []).append(value)
    return general | special


def _check_is_told(expected: dict[str, list[str]], outcome: Outcome, act: str) -> None:
    if outcome.error is not None:
        needed = {"error", "step"} if isinstance(outcome.error, ConversationError) else {"error"}
    else:
        needed = {"file": {"filing"}, "look": {"arrived", "copies"}}.get(act, {"delivery"})
    assert needed <= expected.keys(), f"{outcome}: the dialogue does not say what it expects of {needed}"


def _check(name: str, values: list[str], seen: tuple[str, ...]) -> None:
    if name == "says":
        assert all(any(value in text for text in seen) for value in values), (values, seen)
    elif name in LISTS:
        assert not set(values) - set(seen), (values, seen)
        assert name != "refused" or len(values) == len(seen), (values, seen)
    else:
        assert tuple(values) == seen, name


def _check_truth(dialogue: Dialogue, outcome: Outcome) -> None:
    """What holds for every failure: it says where, and an error of `send` means that nothing was sent."""
    error = outcome.error
    if isinstance(error, ConversationError):
        assert error.endpoint is not None
        assert error.endpoint.host == ("smtp" if dialogue.header["do"] == "send" else "imap") + ".example.test"
        assert error.transcript or error.step is Step.GREETING, "an error without the last lines said"
    if isinstance(error, SignInRefused) and "credential" not in dialogue.header:
        assert not error.challenge, "only a token's refusal is explained in a challenge"
    if error is not None and dialogue.header["do"] == "send":
        assert error.receipt is not None
        assert error.receipt.delivery is Delivery.NOT_SENT
        assert outcome.journal[-1] == "not_sent"


def _check_secrets(dialogue: Dialogue, words: str) -> None:
    assert "sesame" not in words
    for secret in dialogue.secrets:
        assert secret not in words


# -- the player itself ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [4096, 4097, 5000])
def test_a_message_of_a_given_size_has_it(size: int) -> None:
    assert len(message_bytes(f"{size} bytes")) == size


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("C: QUIT\n", "", "out of turn"),
        ("C: QUIT\n", "C: QUIT\nC: NOOP\n", "stopped early"),
        ("C: RCPT TO:<bob@example.org>\n", "C: RCPT TO:<eva@example.org>\n", "the client says"),
        ("C: RCPT TO:<bob@example.org>\n", "S: 250 early\nC: RCPT TO:<bob@example.org>\n", "out of turn"),
        ("S: 220 mail.example.test ESMTP\n", "", "waits while it is its turn"),
    ],
)
def test_a_client_that_leaves_the_script_fails(old: str, new: str, fault: str, tmp_path: Path) -> None:
    text = (HERE / "smtp" / "one-flight.txt").read_text("utf-8")
    assert old in text
    changed = tmp_path / "changed.txt"
    changed.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(ScriptFault, match=fault):
        play(read(changed), 65536)


def test_there_are_dialogues_of_both_protocols() -> None:
    names = [path.parent.name for path in FILES]
    assert names.count("smtp") >= 20
    assert names.count("imap") >= 18
