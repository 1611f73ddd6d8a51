"""What came of a dialogue, by the names that its `expect:` lines use."""

from __future__ import annotations

import json
import re

from tether_mailconf.delivery.receipt import Receipt
from tether_mailconf.delivery.trial import Tried
from tether_mailconf.errors import ConversationError, MailconfError, Refused

from .player import Outcome

_AT_STEP = re.compile(r"([a-z-]+) \((?:smtp|imap)\.example\.test:[0-9]+\): ")

Observed = dict[str, tuple[str, ...]]


def observed(outcome: Outcome) -> Observed:
    """Return what can be expected, by name. A name that does not apply is missing."""
    seen: Observed = {"journal": (", ".join(outcome.journal),)}
    if outcome.error is not None:
        seen |= _of_error(outcome.error)
    if outcome.receipt is not None:
        seen |= _of_receipt(outcome.receipt)
    if outcome.tried is not None:
        seen |= _of_tried(outcome.tried)
    return seen


def _of_error(error: MailconfError) -> Observed:
    seen: Observed = {"error": (type(error).__name__,), "says": (str(error),)}
    if isinstance(error, ConversationError):
        seen |= {"step": (error.step.value,), "transcript": error.transcript}
    if isinstance(error, Refused):
        seen["reply"] = (error.reply.shown,)
    if refused := getattr(error, "refused", None):
        seen["refused"] = tuple(f"{address} {reply.shown}" for address, reply in refused.items())
    if challenge := getattr(error, "challenge", ""):
        seen["challenge"] = (challenge,)
    return seen


def _of_receipt(receipt: Receipt) -> Observed:
    seen: Observed = {
        "delivery": (receipt.delivery.value,),
        "filing": (receipt.filing.value,),
        "filing code": (receipt.filing_code,),
        "says": (receipt.filing_reason,),
        "accepted": (", ".join(receipt.accepted),),
        "refused": tuple(f"{address} {reply.shown}" for address, reply in receipt.refused.items()),
        "uid": ("none" if receipt.uid is None else f"{receipt.uid} of {receipt.uid_validity}",),
    }
    if match := _AT_STEP.search(receipt.filing_reason):
        seen["step"] = (match[1],)
    if receipt.reply is not None:
        seen["reply"] = (receipt.reply.shown,)
    if receipt.mailbox is not None:
        seen["mailbox"] = (receipt.mailbox,)
    if receipt.learned is not None:
        seen["learned"] = (f"{receipt.learned.sent.filer.value} {receipt.learned.sent.mailbox}",)
    return seen


def _of_tried(tried: Tried) -> Observed:
    seen: Observed = {"arrived": ("no",), "copies": (str(tried.copies),), "cleaned up": (str(tried.is_cleaned_up),)}
    if (arrival := tried.arrival) is not None:
        seen["arrived"] = (f"{arrival.uid} in {arrival.mailbox}{', junk' * arrival.is_junk}",)
        seen["sender"] = (arrival.sender,)
    return seen


def all_words(outcome: Outcome) -> str:
    """Return everything that a person or a log could read of an outcome."""
    words = list(outcome.journal)
    if outcome.receipt is not None:
        words += [json.dumps(outcome.receipt.to_dict(), ensure_ascii=False), repr(outcome.receipt)]
    words.append(repr(outcome.tried))
    error: BaseException | None = outcome.error
    while error is not None:
        words += [str(error), repr(error), repr(vars(error))]
        error = error.__cause__ or error.__context__
    return "\n".join(words)
