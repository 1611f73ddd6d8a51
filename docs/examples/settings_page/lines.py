"""What the page says above its fields: one sentence, green, red or yellow, with what can be done about it."""

from __future__ import annotations

import enum

import attrs

import tether_mailconf as mailconf
from tether_mailconf import oauth


class Tone(enum.Enum):
    """How a line is meant. The values are classes of the style sheet."""

    GOOD = "good"
    BAD = "bad"
    HINT = "hint"


@attrs.frozen(kw_only=True)
class Line:
    """A sentence for the person.

    Args:
        tone: how it is meant.
        sentence: the sentence.
        more: further sentences.
        steps: what to do, in order.
        links: where more is written.
        words: what the server said.
    """

    tone: Tone
    sentence: str
    more: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    words: str = ""


def good(sentence: str, *more: str) -> Line:
    """Return a green line."""
    return Line(tone=Tone.GOOD, sentence=sentence, more=more)


def hint(sentence: str, *more: str) -> Line:
    """Return a yellow line."""
    return Line(tone=Tone.HINT, sentence=sentence, more=more)


def bad(error: mailconf.MailconfError, settings: mailconf.ConnectionSettings | None = None) -> Line:
    """Return a red line about what went wrong."""
    if isinstance(error, mailconf.InvalidSettings):
        return Line(tone=Tone.BAD, sentence="Some of this cannot be right. See beside the fields.")
    if isinstance(error, oauth.OAuthError):
        return Line(tone=Tone.BAD, sentence=error.sentence, steps=(error.remedy,) if error.remedy else ())
    return of(mailconf.explain(error, settings))


def of(finding: mailconf.Finding, tone: Tone = Tone.BAD) -> Line:
    """Return the line that tells a finding."""
    server = "" if finding.endpoint is None else f"{finding.endpoint.host}:{finding.endpoint.port}"
    detail = ": ".join(filter(None, [server, finding.detail]))
    return Line(
        tone=tone,
        sentence=finding.sentence,
        more=(detail,) if detail else (),
        steps=finding.remedy,
        links=finding.links,
        words=finding.words,
    )
