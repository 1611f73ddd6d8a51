"""What is fuzzed: a parser, the errors that it says it raises, and texts to begin with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from tether_mailconf import MailconfError

LONGEST = 4_096
"""Bytes of one input. What grows faster than its input shows with these, too."""


@attrs.frozen
class Target:
    """A parser.

    Args:
        name: what it is called on the command line; also the folder of its corpus.
        act: reads one input, and asserts what must hold of the result.
        seeds: inputs to begin with.
        errors: what it may raise for an input that is none.
        words: what its language is made of, for the mutations.
    """

    name: str
    act: Callable[[bytes], None]
    seeds: Sequence[bytes]
    errors: tuple[type[Exception], ...] = (MailconfError,)
    words: Sequence[bytes] = ()

    def run(self, data: bytes) -> None:
        """Read one input. Whatever comes out of here is a fault."""
        try:
            self.act(data)
        except self.errors as error:
            told = str(error)
        else:
            return
        # An error is shown to people: nothing of the input may come to life there.
        assert not any(ord(letter) < 32 and letter != "\n" for letter in told), ascii(told)


def text_of(data: bytes) -> str:
    """Return an input as text, in which any letter can stand, lone surrogates too."""
    return data.decode("utf-8", "surrogatepass") if _is_text(data) else data.decode("utf-8", "surrogateescape")


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True
