"""What must hold of every message, compared: what the host was told, what it knows at the end, what the servers saw.

It knows nothing of how any of it came about.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping

import attrs

from tests.faults.letters import Letter
from tests.faults.world import Seen, Witnessed
from tether_mailconf import Delivery, Filing, Receipt

STANDS = (Filing.APPENDED, Filing.ALREADY_THERE, Filing.BY_PROVIDER)


@attrs.frozen(kw_only=True)
class Verdict:
    """What became of the messages of one run.

    Args:
        sent: how many were sent, as the host knows at the end.
        unknown: how many it does not know of.
        unknown_accepted: how many of those were accepted.
        not_sent: how many were not sent.
        copies: how many copies there are.
        faults: each fault of a message, by its kind.
        struck: how often something was struck, by what was done.
    """

    sent: int = 0
    unknown: int = 0
    unknown_accepted: int = 0
    not_sent: int = 0
    copies: int = 0
    faults: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict[str, tuple[str, ...]])
    struck: Mapping[str, int] = attrs.field(factory=dict[str, int])

    @property
    def messages(self) -> int:
        """How many there were."""
        return self.sent + self.unknown + self.not_sent

    def __add__(self, other: Verdict) -> Verdict:
        """Return the verdict of both runs."""
        kinds = {**self.faults, **other.faults}
        return Verdict(
            sent=self.sent + other.sent,
            unknown=self.unknown + other.unknown,
            unknown_accepted=self.unknown_accepted + other.unknown_accepted,
            not_sent=self.not_sent + other.not_sent,
            copies=self.copies + other.copies,
            faults={kind: (*self.faults.get(kind, ()), *other.faults.get(kind, ())) for kind in kinds},
            struck=collections.Counter(self.struck) + collections.Counter(other.struck),
        )

    def blamed(self, kind: str, names: Iterable[str]) -> Verdict:
        """Return it with one more kind of fault, if there are any."""
        found = tuple(names)
        return attrs.evolve(self, faults={**self.faults, kind: found}) if found else self


DOUBLED = "accepted twice"
LOST = "told as sent, and not accepted"
DENIED = "told as not sent, and accepted"
FORGOTTEN = "told as sent, and not known as sent afterwards"
MIXED = "signed in for by another tenant"
MISFILED = "in another tenant's mailbox"
COPIES = "sent, and not exactly one copy"
UNFILED = "sent, and the copy is not told as standing"
STRAY = "not known as sent, and there is a copy"
FOUND = "accepted and filed by the provider, and not found"
CHANGED = "a copy that is not what was sent"
UNKNOWN_LETTER = "a message of nobody's"


def judge(
    letters: Iterable[Letter],
    told: Mapping[str, Receipt],
    known: Mapping[str, Receipt],
    seen: Seen,
    *,
    provider_files: bool,
) -> Verdict:
    """Compare.

    Args:
        letters: all messages of the run.
        told: what the host was told of a message while it ran; there is nothing of one that a killed process sent.
        known: what it knows at the end; there is nothing of one that its journal never heard of.
        seen: what the servers have seen.
        provider_files: whether each accepted message had its copy from the servers themselves.
    """
    accepted, copies = _by_message(seen.accepted), _by_message(seen.copies)
    faults: dict[str, list[str]] = collections.defaultdict(list)
    counts: collections.Counter[str] = collections.Counter()
    for letter in letters:
        name = letter.message_id
        submissions, filed = accepted.pop(name, []), copies.pop(name, [])
        last = known.get(name)
        delivery = Delivery.NOT_SENT if last is None else last.delivery
        counts[delivery.name] += 1
        if delivery is Delivery.UNKNOWN:
            counts["accepted"] += bool(submissions)
        for fault in (
            *_of_submission(letter, submissions, delivery),
            *_of_what_was_told(told.get(name), submissions, delivery),
            *_of_copies(letter, filed, last),
            *([FOUND] if provider_files and submissions and delivery is not Delivery.SENT else []),
        ):
            faults[fault].append(name)
    for name in (*accepted, *copies):
        faults[UNKNOWN_LETTER].append(name)
    return Verdict(
        sent=counts[Delivery.SENT.name],
        unknown=counts[Delivery.UNKNOWN.name],
        unknown_accepted=counts["accepted"],
        not_sent=counts[Delivery.NOT_SENT.name],
        copies=len(seen.copies),
        faults={kind: tuple(names) for kind, names in faults.items()},
    )


def _of_submission(letter: Letter, submissions: list[Witnessed], delivery: Delivery) -> Iterable[str]:
    if len(submissions) > 1:
        yield DOUBLED
    if any(one.user != letter.tenant for one in submissions):
        yield MIXED
    if delivery is Delivery.SENT and not submissions:
        yield LOST
    if delivery is Delivery.NOT_SENT and submissions:
        yield DENIED


def _of_what_was_told(told: Receipt | None, submissions: list[Witnessed], delivery: Delivery) -> Iterable[str]:
    if told is None:
        return
    if told.delivery is Delivery.NOT_SENT and submissions:
        yield DENIED
    if told.delivery is Delivery.SENT and not submissions:
        yield LOST
    if told.delivery is Delivery.SENT and delivery is not Delivery.SENT:
        yield FORGOTTEN


def _of_copies(letter: Letter, filed: list[Witnessed], last: Receipt | None) -> Iterable[str]:
    if any(one.user != letter.tenant for one in filed):
        yield MISFILED
    if last is None or last.delivery is not Delivery.SENT:
        if filed:
            yield STRAY
        return
    if len(filed) != 1:
        yield COPIES
    if last.filing not in STANDS:
        yield UNFILED
    # Without Bcc the provider's own copy is the same as ours; with it, it has what was submitted.
    is_ours = last.filing is Filing.APPENDED
    if is_ours and any(one.digest not in (None, last.digest) for one in filed):
        yield CHANGED


def _by_message(witnessed: Iterable[Witnessed]) -> dict[str, list[Witnessed]]:
    found: dict[str, list[Witnessed]] = collections.defaultdict(list)
    for one in witnessed:
        found[one.message_id].append(one)
    return found
