"""What each cause means to a person: the sentences, the remedies, who can mend it. Read from `texts.toml` on first use.

Kept apart from the rules, so that a host can say it in its own language: `wordings` has all there is to translate.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import attrs

from .._oauth import causes as oauth_causes
from .._oauth.causes import Mender
from .finding import Retry


@attrs.frozen(kw_only=True)
class Wording:
    """What is said about a cause, in one language.

    Args:
        sentence: what happened.
        remedy: what to do, one short sentence for each step, in order.
    """

    sentence: str
    remedy: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Text:
    """What is known about a cause.

    Args:
        wording: what is said about it, in English.
        mender: who can mend it.
        retry: whether the same again can help.
        retry_after: seconds to wait before, where the provider says them.
        links: the provider's pages about it.
    """

    wording: Wording
    mender: Mender
    retry: Retry
    retry_after: float | None = None
    links: tuple[str, ...] = ()


@cache
def texts() -> Mapping[str, Text]:
    """Return what is known about each cause, by its code."""
    data = tomllib.loads(files(__package__ or "").joinpath("texts.toml").read_text(encoding="utf-8"))
    return {code: _read(entry) for code, entry in data.items()}


def wordings() -> dict[str, Wording]:
    """Return what is said in English, by the code of the cause: of failures of mail servers and of sign-ins.

    A translation is a mapping of the same form, given to `explain` as `texts`. What it lacks is said in English.
    """
    signing_in = map(oauth_causes.known, oauth_causes.codes())
    said = {cause.code: Wording(sentence=cause.sentence, remedy=(cause.remedy,)) for cause in signing_in}
    return said | {code: text.wording for code, text in texts().items()}


def _read(entry: Mapping[str, Any]) -> Text:
    return Text(
        wording=Wording(sentence=entry["sentence"], remedy=tuple(entry["remedy"])),
        mender=Mender(entry["mender"]),
        retry=Retry(entry["retry"]),
        retry_after=entry.get("retry_after"),
        links=tuple(entry.get("links", ())),
    )
