"""The envelope of a message (RFC 5321 section 2.3.1): who sends it, who gets it, and what the sender wants to hear."""

from __future__ import annotations

import enum
from collections.abc import Container, Iterable

import attrs

from ..address import read_address
from ..errors import InvalidMessage, Problem, printable


class Notify(enum.Enum):
    """When the sender wants a delivery status notification (RFC 3461 section 4.1)."""

    NEVER = "NEVER"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    DELAY = "DELAY"


class Return(enum.Enum):
    """How much of the message a notification brings back (RFC 3461 section 4.3)."""

    FULL = "FULL"
    HEADERS = "HDRS"


def _wishes(given: Iterable[Notify]) -> frozenset[Notify]:
    return frozenset(given)


@attrs.frozen(kw_only=True)
class Dsn:
    """What delivery status notifications the sender asks for (RFC 3461). Servers without DSN ignore the wish.

    Args:
        notify: when; `Notify.NEVER` stands alone.
        ret: how much comes back; None leaves it to the server.
        envelope_id: the host's own name for this sending, at most 100 printable ASCII characters; empty for none.

    Raises:
        InvalidMessage: `NEVER` beside others, or an envelope id that cannot be sent.
    """

    notify: frozenset[Notify] = attrs.field(default=frozenset[Notify](), converter=_wishes)
    ret: Return | None = None
    envelope_id: str = ""

    def __attrs_post_init__(self) -> None:
        problems: list[Problem] = []
        if Notify.NEVER in self.notify and len(self.notify) > 1:
            problems.append(
                Problem(field="dsn.notify", code="dsn.never_alone", message="NEVER cannot stand beside others")
            )
        if len(self.envelope_id) > 100 or not (self.envelope_id.isascii() and self.envelope_id.isprintable()):
            message = "an envelope id has at most 100 printable ASCII characters"
            problems.append(Problem(field="dsn.envelope_id", code="dsn.envelope_id", message=message))
        if problems:
            raise InvalidMessage(tuple(problems))


@attrs.frozen(kw_only=True)
class Envelope:
    """Who sends and who gets a message, as the server is told.

    Args:
        sender: the reverse-path, without brackets.
        recipients: the forward-paths, each once.
        dsn: the notifications asked for.
    """

    sender: str
    recipients: tuple[str, ...]
    dsn: Dsn | None = None

    @property
    def is_ascii(self) -> bool:
        """Whether every address is ASCII; if not, the server must offer SMTPUTF8 (RFC 6531)."""
        return self.sender.isascii() and all(map(str.isascii, self.recipients))

    def without(self, refused: Container[str]) -> tuple[str, ...]:
        """Return the recipients that were not refused."""
        return tuple(address for address in self.recipients if address not in refused)


def build_envelope(sender: str, recipients: Iterable[str], dsn: Dsn | None) -> Envelope:
    """Return the envelope, each recipient once, in the order given.

    Raises:
        InvalidMessage: with every address that is none, and if no recipient is left.
    """
    problems: list[Problem] = []

    def checked(field: str, text: str) -> str:
        found = read_address(text, quoted=True)
        if isinstance(found, str):
            return found
        problems.append(Problem(field=field, code="message.address", message=found.message))
        return ""

    if isinstance(recipients, str):
        text = f"{printable(recipients, 80)!r} is one text, and a list of addresses is needed"
        raise InvalidMessage((Problem(field="recipients", code="message.recipients", message=text),))
    from_path = checked("sender", sender)
    to_paths = tuple(dict.fromkeys(checked(f"recipients.{index}", text) for index, text in enumerate(recipients)))
    if not to_paths:
        problems.append(
            Problem(field="recipients", code="message.no_recipients", message="the message has no recipient")
        )
    if problems:
        raise InvalidMessage(tuple(problems))
    return Envelope(sender=from_path, recipients=to_paths, dsn=dsn)
