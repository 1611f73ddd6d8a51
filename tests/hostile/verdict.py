"""What is wrong with a run: the client's account of it against what it should be, and against what really happened."""

from __future__ import annotations

from .attacks import Means
from .behaviours import Ends
from .running import Batch, Run

MEMORY = 32 * 1024 * 1024
"""Bytes by which a process may grow, whatever a server sends; beside them, the message may be there once more."""

GRACE = 1.0
"""Seconds after its deadline within which a send has ended, if the machine lets it run."""

_KINDS = {
    Ends.TIMES_OUT: {"TimedOut"},
    Ends.DROPPED: {"Dropped"},
    Ends.VIOLATION: {"ProtocolViolation"},
    Ends.REFUSED: {"Refused"},
}
_CODES = {
    Ends.TIMES_OUT: {"deadline.passed"},
    Ends.DROPPED: {"connection.dropped"},
    Ends.VIOLATION: {"protocol.violation"},
    Ends.REFUSED: {"server.refused", "sign_in.refused", "capability.missing"},
}
_TLS = {Ends.DROPPED, Ends.VIOLATION}
"""How a handshake fails, if not by time: there it is all one."""


def complaints(run: Run) -> list[str]:
    """Return what is wrong with the run; nothing, if all is as it should be."""
    return [text for text in (*_account(run), *_truth(run), *_bounds(run)) if text]


def left(batch: Batch) -> list[str]:
    """Return what a batch has left behind that should not be there."""
    found = [f"a thread is left: {name}" for name in batch.threads]
    if batch.descriptors > 0:
        found.append(f"{batch.descriptors} descriptors are left open")
    return found + [f"the log tells a secret: {spelling}" for spelling in batch.logged]


def _account(run: Run) -> list[str]:
    """Compare with what the table expects."""
    attack, outcome = run.attack, run.outcome
    if "Exception" in outcome.kinds and "MailconfError" not in outcome.kinds:
        return [f"raised {outcome.kinds[0]}: {outcome.shown}"]
    means = Means.NOTHING if attack.ends in (Ends.GOES_ON, Ends.LEFT) else attack.means
    deliveries = {
        Means.NOT_SENT: ["not_sent"],
        Means.UNKNOWN: ["unknown"],
        Means.SENT_OR_UNKNOWN: ["sent", "unknown"],
    }
    wanted = deliveries.get(means, ["sent"])
    told = f"{outcome.delivery} {outcome.filing} {outcome.filing_code} {''.join(outcome.kinds[:1])}: {outcome.shown}"
    found = [] if outcome.delivery in wanted else [f"expected {' or '.join(wanted)}, got {told}"]
    is_handshake = attack.step in ("handshake", "upgrade") and attack.ends in _TLS
    if means is Means.NOT_SENT:
        kinds = {"TLSFailed", "Dropped", "Unreachable"} if is_handshake else _KINDS[attack.ends]
        if not kinds.intersection(outcome.kinds):
            found.append(f"expected {kinds}, got {told}")
    if means is Means.PENDING:
        codes = {"tls.failed", "connection.dropped", "network.unreachable"} if is_handshake else _CODES[attack.ends]
        if outcome.filing != "pending" or outcome.filing_code not in codes:
            found.append(f"expected the copy pending for {codes}, got {told}")
    if means is Means.ALREADY_THERE and outcome.filing != "already_there":
        found.append(f"expected the copy to be found, got {told}")
    if means is Means.NOTHING and outcome.filing not in ("appended", "by_provider"):
        found.append(f"expected the copy to be filed, got {told}")
    return found


def _truth(run: Run) -> list[str]:
    """Compare with what really happened."""
    outcome, truth = run.outcome, run.truth
    found: list[str] = []
    if truth.accepted and outcome.delivery not in ("sent", "unknown"):
        found.append(f"the server accepted the message, and it is reported as {outcome.delivery or outcome.kinds}")
    if outcome.delivery == "sent" and truth.accepted != 1:
        found.append(f"reported as sent, and the server accepted it {truth.accepted} times")
    stands = outcome.filing in ("appended", "already_there", "by_provider")
    if outcome.delivery == "sent" and stands and len(truth.stored) != 1:
        found.append(f"reported as filed, and {len(truth.stored)} copies stand")
    if len(truth.stored) > 1:
        found.append(f"{len(truth.stored)} copies stand")
    if outcome.delivery == "not_sent" and truth.stored:
        found.append("a message that was not sent has a copy in Sent")
    if run.attack.ends is Ends.LEFT and truth.opened != 2:
        found.append(f"expected one more connection, and {truth.opened} were made in all")
    if run.attack.step == "idle" and run.attack.ends is Ends.GOES_ON and truth.opened != 1:
        found.append(f"expected the connection to be used again, and {truth.opened} were made in all")
    return found


def _bounds(run: Run) -> list[str]:
    """Compare with what a server may cost."""
    outcome = run.outcome
    found = [f"tells a secret: {spelling}" for spelling in outcome.spelled]
    if outcome.seconds > run.attack.deadline + GRACE + max(outcome.starved, 0.0):
        found.append(f"took {outcome.seconds:.1f} s, its deadline was {run.attack.deadline} s")
    if outcome.growth is not None and outcome.growth > MEMORY + run.attack.size:
        found.append(f"grew by {outcome.growth / 2**20:.1f} MiB")
    return found
