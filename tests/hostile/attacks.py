"""The attacks, as data: which server does what at which step, and what the client must make of it.

An attack's name is `protocol-step-behaviour`. What must come of it follows from the behaviour (how the conversation
ends) and from the step (what an ended conversation means for the message); the exceptions stand at the end, each with
its reason.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import attrs

from . import behaviours, body, handshakes, idle, specials
from .behaviours import Behaviour, Ends
from .body import Reading
from .handshakes import Handshake

HURRY = 5.0
"""Seconds that a send may take whose server makes it wait."""

LEISURE = 20.0
"""Seconds that a send may take that must end by itself, however busy the machine is."""


class Means(enum.Enum):
    """What it means for the message if the conversation ends at a step."""

    NOT_SENT = "not sent"
    UNKNOWN = "unknown"
    SENT_OR_UNKNOWN = "sent or unknown"
    """The message was accepted, but a reset may have thrown away what tells so."""
    NOTHING = "nothing"
    """The message was sent, and its copy stands or is not wanted from this server."""
    PENDING = "pending"
    """The message was sent, and its copy does not stand."""
    ALREADY_THERE = "already there"
    """The message was sent, and its copy stands although nobody said so."""


@attrs.frozen(kw_only=True)
class Step:
    """A moment at which a server can misbehave.

    Args:
        means: what the end of the conversation means there.
        in_flight: whether the servers offer what makes one flight of envelope and body (PIPELINING, CHUNKING), and of
            APPEND and its message (LITERAL+).
        in_clear: whether the conversation begins in the clear, with STARTTLS.
        searches: whether the client has to look whether the provider files by itself.
        files_itself: whether the provider does, at once.
        mechanism: what is signed in with.
        knows_secret: whether the client has told the server its secret by then.
        is_kept: whether a message was sent over this connection before, and it is idle now. Another one is honest.
        asks_first: whether it has been idle for so long that the client asks whether the server is still there.
    """

    means: Means
    in_flight: bool = False
    in_clear: bool = False
    searches: bool = False
    files_itself: bool = False
    mechanism: str = "PLAIN"
    knows_secret: bool = False
    is_kept: bool = False
    asks_first: bool = False


SMTP_STEPS: Mapping[str, Step] = {
    "greeting": Step(means=Means.NOT_SENT),
    "ehlo": Step(means=Means.NOT_SENT),
    "starttls": Step(means=Means.NOT_SENT, in_clear=True),
    "ehlo_again": Step(means=Means.NOT_SENT, in_clear=True),
    "sign_in": Step(means=Means.NOT_SENT, knows_secret=True),
    "token": Step(means=Means.NOT_SENT, mechanism="XOAUTH2", knows_secret=True),
    "mail": Step(means=Means.NOT_SENT, knows_secret=True),
    "rcpt": Step(means=Means.NOT_SENT, knows_secret=True),
    "data": Step(means=Means.NOT_SENT, knows_secret=True),
    "end_mark": Step(means=Means.UNKNOWN, knows_secret=True),
    "mail_in_flight": Step(means=Means.UNKNOWN, in_flight=True, knows_secret=True),
    "rcpt_in_flight": Step(means=Means.UNKNOWN, in_flight=True, knows_secret=True),
    "bdat_in_flight": Step(means=Means.UNKNOWN, in_flight=True, knows_secret=True),
    "quit": Step(means=Means.NOTHING, knows_secret=True),
    "noop": Step(means=Means.NOTHING, in_flight=True, knows_secret=True, is_kept=True, asks_first=True),
    "mail_again": Step(means=Means.NOT_SENT, knows_secret=True, is_kept=True),
}

IMAP_STEPS: Mapping[str, Step] = {
    "greeting": Step(means=Means.PENDING),
    "capability": Step(means=Means.PENDING),
    "starttls": Step(means=Means.PENDING, in_clear=True),
    "sign_in": Step(means=Means.PENDING, knows_secret=True),
    "token": Step(means=Means.PENDING, mechanism="XOAUTH2", knows_secret=True),
    "list": Step(means=Means.PENDING, knows_secret=True),
    "search": Step(means=Means.PENDING, searches=True, knows_secret=True),
    "fetch": Step(means=Means.PENDING, searches=True, files_itself=True, knows_secret=True),
    "append_before": Step(means=Means.PENDING, knows_secret=True),
    "append_after": Step(means=Means.ALREADY_THERE, knows_secret=True),
    "logout": Step(means=Means.NOTHING, knows_secret=True),
    "noop": Step(means=Means.NOTHING, in_flight=True, knows_secret=True, is_kept=True, asks_first=True),
    "append_again": Step(means=Means.NOTHING, knows_secret=True, is_kept=True),
}

STEPS = {"smtp": SMTP_STEPS, "imap": IMAP_STEPS}

HANDSHAKE_STEPS = {"handshake": Step(means=Means.NOT_SENT), "upgrade": Step(means=Means.NOT_SENT, in_clear=True)}
IDLE_STEPS = {
    "smtp": Step(means=Means.UNKNOWN, in_flight=True, knows_secret=True, is_kept=True),
    "imap": Step(means=Means.PENDING, in_flight=True, knows_secret=True, is_kept=True),
}
BODY_STEP = Step(means=Means.NOT_SENT, knows_secret=True)


COSTLY = {
    "atoms_by_thousands",
    "escapes_by_thousands",
    "bytes_that_show_long",
    "codes_by_thousands",
    "capabilities_by_thousands",
}
"""Behaviours that take the client half a second, and that meet the same reader at every step and in both colours."""

IN_BOTH_COLOURS = ("list", "append_after")
"""The steps at which both colours meet those; at the others they take turns."""

COLOURS = ("sync", "aio")


@attrs.frozen(kw_only=True)
class Attack:
    """One thing that one server does.

    Args:
        protocol: "smtp" or "imap".
        step: its name.
        behaviour: its name.
        at: the step.
        does: the behaviour.
        ends: how the conversation ends.
        means: what that means for the message.
    """

    protocol: str
    step: str
    behaviour: str
    at: Step
    does: Behaviour | Handshake | Reading
    ends: Ends
    means: Means

    @property
    def name(self) -> str:
        return f"{self.protocol}-{self.step}-{self.behaviour}"

    @property
    def colours(self) -> tuple[str, ...]:
        """Who meets it."""
        if self.behaviour not in COSTLY or self.step in IN_BOTH_COLOURS:
            return COLOURS
        turn = sorted(IMAP_STEPS).index(self.step) + sorted(COSTLY).index(self.behaviour)
        return COLOURS[turn % 2 : turn % 2 + 1]

    @property
    def deadline(self) -> float:
        """Seconds that the send may take."""
        return HURRY if self.ends is Ends.TIMES_OUT and not self.at.asks_first else LEISURE

    @property
    def size(self) -> int:
        """Bytes of text in the message: so many that no kernel takes them all, where the body is what it is about."""
        return 5_000_000 if isinstance(self.does, Reading) else 100


def _attack(protocol: str, step: str, at: Step, behaviour: str, does: Behaviour | Handshake | Reading) -> Attack:
    means = Means.PENDING if protocol == "imap" and at.means is Means.NOT_SENT else at.means
    attack = Attack(protocol=protocol, step=step, behaviour=behaviour, at=at, does=does, ends=does.ends, means=means)
    for (protocols, steps, names), changes in EXCEPTIONS.items():
        if protocol in protocols.split() and step in steps.split() and behaviour in names.split():
            attack = attrs.evolve(attack, **changes)
    return attack


GREETS_NO_IMAP = "unsolicited_news refused not_understood"

EXCEPTIONS: Mapping[tuple[str, str, str], Mapping[str, Any]] = {
    # A greeting has no tag, so these are no IMAP, and news is no greeting.
    ("imap", "greeting", GREETS_NO_IMAP): {"ends": Ends.VIOLATION},
    # A server that says goodbye in place of a greeting refuses (RFC 9051 section 7.1.5).
    ("imap", "greeting", "goodbye"): {"ends": Ends.REFUSED},
    # A refused message is not sent, and no question is left, even where the body was on its way already.
    ("smtp", "end_mark mail_in_flight rcpt_in_flight bdat_in_flight", "refused_for_good refused_for_now goodbye"): {
        "means": Means.NOT_SENT
    },
    ("smtp", "end_mark bdat_in_flight", "accepts_and_resets"): {"means": Means.SENT_OR_UNKNOWN},
    # The answer to an APPEND that says no is believed: there is no copy.
    ("imap", "append_after", "refused not_understood"): {"means": Means.PENDING},
    # Until the deadline nobody answers, and then there is no time to look.
    ("imap", "append_after append_again", " ".join((*behaviours.TIMES, "literal_that_never_comes"))): {
        "means": Means.PENDING
    },
    # A server that says no is believed, and not asked again by another connection.
    ("imap", "append_again", "refused not_understood"): {"means": Means.PENDING},
}


def _behaviours(protocol: str, at: Step) -> dict[str, Behaviour]:
    own = behaviours.SMTP if protocol == "smtp" else behaviours.IMAP
    every = behaviours.TIMES | behaviours.BREAKS_OFF | behaviours.TOO_MUCH | behaviours.RUBBISH | dict(own)
    # On a kept connection the answers are read by what read the same ones before.
    left_out = COSTLY if at.is_kept else set[str]()
    if not at.knows_secret:
        left_out = left_out | {name for name in every if name.endswith("with_the_secret")}
    return {name: does for name, does in every.items() if name not in left_out}


def _all() -> list[Attack]:
    attacks = [
        _attack(protocol, step, at, name, does)
        for protocol, steps in STEPS.items()
        for step, at in steps.items()
        for name, does in _behaviours(protocol, at).items()
    ]
    attacks += [
        _attack(protocol, step, at, name, does)
        for protocol in STEPS
        for step, at in HANDSHAKE_STEPS.items()
        for name, does in handshakes.HANDSHAKES.items()
    ]
    attacks += [
        _attack(protocol, "idle", IDLE_STEPS[protocol], name, does)
        for protocol, behaviours_of in idle.IDLE.items()
        for name, does in behaviours_of.items()
    ]
    attacks += [_attack("smtp", "body", BODY_STEP, name, does) for name, does in body.READINGS.items()]
    attacks += [
        _attack(protocol, step, STEPS[protocol][step], name, does)
        for (protocol, step), special in specials.SPECIAL.items()
        for name, does in special.items()
    ]
    return attacks


ATTACKS = {attack.name: attack for attack in _all()}
