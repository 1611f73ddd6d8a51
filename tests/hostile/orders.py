"""What the client is told to send, and what it tells of it: the two ends of the pipe to its process."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Order:
    """One message to send.

    Args:
        name: whose outcome it will be.
        smtp: the port of the submission server.
        imap: the port of the IMAP server.
        security: of both.
        mechanism: "PLAIN" signs in with the password, anything else with the token.
        searches: whether it is not known who files.
        deadline: seconds that the send may take.
        size: bytes of text in the message, about.
        gate: the port at which to wait between two messages, the first of which nothing happens to; 0 for one message.
        asks_first: whether a kept connection has been idle for so long by then that it is asked for first.
        is_alone: whether nothing else may run meanwhile, so that its memory can be told.
    """

    name: str
    smtp: int
    imap: int
    security: str
    mechanism: str
    searches: bool
    deadline: float
    size: int
    gate: int
    asks_first: bool
    is_alone: bool


@attrs.frozen(kw_only=True)
class Outcome:
    """What came of an order.

    Args:
        name: which one.
        kinds: the names of the error's classes, the nearest first; none if there is a receipt.
        step: where the error happened.
        delivery: what became of the message.
        filing: what became of its copy.
        filing_code: why it is pending.
        shown: what a person is told.
        seconds: how long it took.
        starved: seconds that the process was ready to run meanwhile and the machine did not let it.
        growth: bytes by which the process grew at most; None if it was not alone.
        spelled: the secrets that can be read somewhere, by the way in which they are spelled.
    """

    name: str
    kinds: tuple[str, ...] = ()
    step: str = ""
    delivery: str = ""
    filing: str = ""
    filing_code: str = ""
    shown: str = ""
    seconds: float = 0.0
    starved: float = 0.0
    growth: int | None = None
    spelled: tuple[str, ...] = ()
