"""One diagnosed fact, as a value that a program can branch on, a person can read, and a table can store."""

from __future__ import annotations

import enum
from typing import Any

import attrs

from .._oauth.causes import Mender
from ..errors import Step, printable
from ..settings import Endpoint
from ..stored import endpoint, exactly, reading, record, seconds, texts

_SCHEMA = 1


class Retry(enum.Enum):
    """Whether the same again can help."""

    NEVER = "never"
    """the same again can only fail: what was given must change, as the remedy says"""
    ONCE = "once"
    """one more try is worth it; if it fails too, the remedy is needed"""
    LATER = "later"
    """it may work by itself later; `retry_after` says when, where that is known"""
    AFTER_REMEDY = "after_remedy"
    """it works as it stands once the remedy is done"""


@attrs.frozen(kw_only=True)
class Finding:
    """What went wrong, why, and who can do what about it.

    Args:
        step: what was being done.
        cause: a stable name for programs ("google.app_password_needed").
        mender: who can mend it.
        sentence: what happened, for a person.
        remedy: what to do, one short sentence for each step, in order; empty if there is nothing to do.
        links: the provider's pages about it.
        retry: whether the same again can help.
        retry_after: seconds to wait before; None if nobody says.
        words: the server's own words, cut at 500 characters, control characters escaped; empty if it said nothing.
        detail: more about this very case, in the library's own words; may be empty.
        is_trusted: whether `words` came over an encrypted, verified connection. False: anybody in between may have said
            them, and what is derived from them is no more than likely.
        endpoint: the server; None if none was involved.
    """

    step: Step
    cause: str
    mender: Mender
    sentence: str
    remedy: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    retry: Retry = Retry.NEVER
    retry_after: float | None = None
    words: str = attrs.field(default="", converter=printable)
    detail: str = attrs.field(default="", converter=printable)
    is_trusted: bool = True
    endpoint: Endpoint | None = None

    def __str__(self) -> str:
        where = "" if self.endpoint is None else f" ({self.endpoint.host}:{self.endpoint.port})"
        lines = [f"{self.step.value}{where}: {self.sentence}"]
        lines += [self.detail] if self.detail else []
        lines += [f"  {number}. {text}" for number, text in enumerate(self.remedy, 1)]
        lines += [f"  See {link}" for link in self.links]
        if self.words:
            doubt = "" if self.is_trusted else " (before encryption, so it may be anybody's words)"
            lines.append(f"  The server said{doubt}: {self.words}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain data that JSON can hold. It contains no secret."""
        return {
            "schema": _SCHEMA,
            "step": self.step.value,
            "cause": self.cause,
            "mender": self.mender.value,
            "sentence": self.sentence,
            "remedy": list(self.remedy),
            "links": list(self.links),
            "retry": self.retry.value,
            "retry_after": self.retry_after,
            "words": self.words,
            "detail": self.detail,
            "is_trusted": self.is_trusted,
            "endpoint": None if self.endpoint is None else self.endpoint.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: object) -> Finding:
        """Return the finding that `to_dict` described.

        Raises:
            UnsupportedSchema: the data was written by a newer version of the library.
            Damaged: the data is no finding, or an incomplete one.
        """
        stored = record("finding", data, _SCHEMA)
        with reading("finding"):
            return cls(
                step=Step(stored["step"]),
                cause=exactly(str, stored["cause"]),
                mender=Mender(stored["mender"]),
                sentence=exactly(str, stored["sentence"]),
                remedy=texts(stored["remedy"]),
                links=texts(stored["links"]),
                retry=Retry(stored["retry"]),
                retry_after=None if stored["retry_after"] is None else seconds(stored["retry_after"]),
                words=exactly(str, stored["words"]),
                detail=exactly(str, stored["detail"]),
                is_trusted=exactly(bool, stored["is_trusted"]),
                endpoint=None if stored["endpoint"] is None else endpoint(stored["endpoint"]),
            )
