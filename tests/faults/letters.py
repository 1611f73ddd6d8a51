"""The messages of a run. Each can be built again from its Message-ID alone, in any process, and says whose it is."""

from __future__ import annotations

import random
from collections.abc import Iterable
from email.message import EmailMessage

import attrs

ANA, BOB = "ana@example.test", "bob@example.test"
TENANTS = (ANA, BOB)
BEN = "ben@example.org"
CLARA = "clara@example.org"
_LINE = "A sentence that fills a line of a letter, as long as such lines are.\n"


@attrs.frozen(kw_only=True)
class Letter:
    """One message.

    Args:
        tenant: the address of who sends it.
        number: which one; a number is used once in a run.
    """

    tenant: str
    number: int

    @property
    def message_id(self) -> str:
        """Its Message-ID."""
        return f"<{self.number}.{self.tenant.partition('@')[0]}.faults@example.test>"

    @property
    def lines(self) -> int:
        """How long it is: mostly a page, sometimes more than a socket or one write takes."""
        chance = random.Random(self.message_id)
        return chance.choices((4, 200, 1_500), (26, 3, 1))[0] + chance.randrange(10)

    def build(self) -> EmailMessage:
        """Return it, without the Date, which the library must remember."""
        message = EmailMessage()
        message["To"] = BEN
        if self.number % 3 == 0:
            message["Bcc"] = CLARA
        message["Subject"] = f"Letter {self.number}"
        message["Message-ID"] = self.message_id
        message.set_content(_LINE * self.lines)
        return message


def letters(numbers: Iterable[int]) -> list[Letter]:
    """Return a message for each number, of both tenants in turn."""
    return [Letter(tenant=TENANTS[number % 2], number=number) for number in numbers]


def letter_of(message_id: str) -> Letter:
    """Return the message with that Message-ID."""
    number = int(message_id[1:].partition(".")[0])
    (letter,) = letters([number])
    if letter.message_id != message_id:
        raise ValueError(f"no message of ours: {message_id}")
    return letter
