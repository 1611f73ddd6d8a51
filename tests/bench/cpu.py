"""CPU time of the client's process for each message, by everybody in turn, so that what disturbs one disturbs all."""

from __future__ import annotations

import statistics
import time
from email.message import EmailMessage

import attrs

from .clients import CLIENTS, Client, Stdlib
from .server import Address

SIZES = {"1 KiB": 1024, "100 KiB": 100 * 1024, "10 MiB": 10 * 1024 * 1024}
GOALS = {"1 KiB": 0.22, "10 MiB": 0.30}
"""The design's goals for warm send + file, as a part of what the standard library takes."""


@attrs.frozen(kw_only=True)
class Cost:
    """What one client takes for one message of one size.

    Args:
        client: who.
        size: of the attachment.
        milliseconds: of CPU, the median.
        ratio: to the standard library's, in this run.
    """

    client: str
    size: str
    milliseconds: float
    ratio: float


def warm(address: Address, rounds: dict[str, tuple[int, int]]) -> list[Cost]:
    """Measure send + file on kept connections.

    Args:
        address: the server.
        rounds: for each size, how many rounds, and how many messages in each.
    """
    costs: list[Cost] = []
    for size, (count, messages) in rounds.items():
        letter = with_attachment(SIZES[size])
        clients = [kind(address) for kind in CLIENTS]
        taken: dict[str, list[float]] = {client.name: [] for client in clients}
        for client in clients:
            client.open()
            client.send(letter)
        for _ in range(count):
            for client in clients:
                taken[client.name].append(_measured(client, letter, messages))
        for client in clients:
            client.close()
        medians = {name: statistics.median(values) for name, values in taken.items()}
        costs += [
            Cost(client=name, size=size, milliseconds=median * 1000, ratio=median / medians[Stdlib.name])
            for name, median in medians.items()
        ]
    return costs


def with_attachment(size: int) -> EmailMessage:
    """Return a message with that many bytes attached."""
    letter = EmailMessage()
    letter["From"] = "ana@sandbox.test"
    letter["To"] = "bo@example.org"
    letter["Subject"] = "Hello"
    letter.set_content("Hello\n")
    letter.add_attachment(bytes(range(256)) * (size // 256), maintype="application", subtype="octet-stream")
    return letter


def _measured(client: Client, letter: EmailMessage, messages: int) -> float:
    started = time.process_time()
    for _ in range(messages):
        client.send(letter)
    return (time.process_time() - started) / messages
