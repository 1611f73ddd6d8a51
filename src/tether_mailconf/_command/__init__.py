"""`python -m tether_mailconf check|discover|demo`: what the library does, for a person at a terminal.

It uses nothing but the public names. Results go to standard output, everything else to standard error; the exit status
is 0 if it works, 1 if it does not, 2 if what was asked cannot be done, 3 if nobody can tell.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from .. import MailconfError
from . import check, demo, discover


class Parser(argparse.ArgumentParser):
    """A parser that repeats nothing it does not know: it may be a password in the wrong place."""

    def error(self, message: str) -> NoReturn:
        """End with status 2 and a message."""
        if message.startswith("unrecognized arguments"):
            message = "unknown or superfluous arguments (a secret is never one: see --password-fd and --password-env)"
        super().error(message)


INTERRUPTED = 130
"""What shells take for "ended by Ctrl-C"."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; return the exit status.

    Args:
        arguments: the words after the program's name; those of this process, if not given.
    """
    parser = Parser(
        prog="python -m tether_mailconf",
        description="Check a mail account, find its servers, or see the library work.",
        epilog="Exit status: 0 it works; 1 it does not; 2 what was asked cannot be done; 3 nobody can tell.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    for room in (check, discover, demo):
        room.add_to(commands)
    chosen = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = chosen.run
    try:
        return run(chosen)
    except MailconfError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
