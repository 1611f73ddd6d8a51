"""The rules that lead from an answer to its cause: `causes.toml`, read on first use and tried in order.

No rule is written in code, and no pattern is a regular expression: a pattern is words that stand in the answer one
behind the other, so that trying all of them takes a time that grows with the length of the answer and no faster.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, cast

import attrs

from ..errors import Step
from ..presets import by_server
from .evidence import Evidence, Said
from .finding import Retry
from .normalise import normalised

SECTIONS = ("policy", "throttling", "sender", "message", "credentials", "encryption", "numbers", "general")


@attrs.frozen(kw_only=True)
class Pattern:
    """Words that must stand in a normalised answer.

    Args:
        parts: the words, in this order, with anything in between; each ends and begins where a word does.
        begins: whether the answer begins with the first part.
        ends: whether the answer ends with the last part.
    """

    parts: tuple[str, ...]
    begins: bool
    ends: bool

    def is_in(self, text: str) -> bool:
        """Whether the words stand in `text`."""
        first, last = self.parts[0], self.parts[-1]
        if not first.isascii():
            # Chinese has no spaces, and a line may be cut anywhere.
            return first.replace(" ", "") in text.replace(" ", "")
        place, padded = 0, f" {text} "
        if (self.begins and not padded.startswith(f" {first} ")) or (self.ends and not padded.endswith(f" {last} ")):
            return False
        for part in self.parts:
            found = padded.find(f" {part} ", place)
            if found < 0:
                return False
            place = found + len(part) + 1
        return True


@attrs.frozen(kw_only=True)
class Rule:
    """One line of knowledge: if an answer is like this, that is its cause.

    Args:
        section: where it stands in the file.
        cause: the cause's code.
        source: where the answer was seen.
        provider: whose server it must be; empty for any.
        protocol: "smtp" or "imap"; empty for any.
        steps: at which steps; empty for any.
        error: the codes of the errors; empty for any.
        codes: how the reply code begins; empty for any.
        enhanced: the enhanced status codes or response codes; empty for any.
        credential: "token" or "password"; empty for any.
        patterns: one of them must be in the answer; empty for any.
        retry: whether the same again can help, where it differs from the cause's.
    """

    section: str
    cause: str
    source: str
    provider: str = ""
    protocol: str = ""
    steps: tuple[Step, ...] = ()
    error: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    enhanced: tuple[str, ...] = ()
    credential: str = ""
    patterns: tuple[Pattern, ...] = ()
    retry: Retry | None = None

    @property
    def rank(self) -> tuple[int, int, int]:
        """Its place among the others: sentences before numbers, and a provider's own before anybody's."""
        is_general = self.section == "general"
        return is_general, not self.patterns and not is_general, not self.provider and not is_general

    def fits(self, evidence: Evidence, said: Said, providers: frozenset[str]) -> bool:
        """Whether all its conditions hold."""
        return (
            (not self.provider or self.provider in providers)
            and self.protocol in ("", evidence.protocol)
            and (not self.steps or evidence.step in self.steps)
            and (not self.error or evidence.error in self.error)
            and self.credential in ("", evidence.credential)
            and (not self.codes or said.code.startswith(self.codes))
            and (not self.enhanced or said.enhanced in self.enhanced)
            and (not self.patterns or any(pattern.is_in(text) for text in said.readings for pattern in self.patterns))
        )


def find(evidence: Evidence) -> tuple[Rule, Said]:
    """Return the rule that fits, and what was said that it fits to. The last rule fits everything."""
    providers = providers_of(evidence.endpoint.host) if evidence.endpoint is not None else frozenset[str]()
    for rule in rules():
        # Numbers are believed of the answer itself only; what was said beside it counts if it is a known sentence.
        for said in evidence.said if rule.patterns else evidence.said[:1]:
            if rule.fits(evidence, said, providers):
                return rule, said
    raise AssertionError("the last rule of causes.toml has conditions")


def providers_of(host: str) -> frozenset[str]:
    """Return whose server this is, by its name; empty for one that is nobody's in particular.

    Never by what a server says: one provider's words from another's machine are that machine's.
    """
    preset = by_server(host)
    return frozenset(
        name
        for name, (presets, suffixes) in _data()[1].items()
        if (preset is not None and preset.id in presets) or any(f".{host}".endswith(f".{one}") for one in suffixes)
    )


def rules() -> tuple[Rule, ...]:
    """Return all rules in the order in which they are tried."""
    return _data()[0]


@cache
def _data() -> tuple[tuple[Rule, ...], Mapping[str, tuple[frozenset[str], tuple[str, ...]]]]:
    data = tomllib.loads(files(__package__ or "").joinpath("causes.toml").read_text(encoding="utf-8"))
    read = [_rule(section, entry) for section in SECTIONS for entry in data[section]]
    providers = {
        name: (frozenset(entry.get("presets", ())), tuple(entry["hosts"])) for name, entry in data["providers"].items()
    }
    return tuple(sorted(read, key=lambda rule: rule.rank)), providers


def _rule(section: str, entry: Mapping[str, Any]) -> Rule:
    values: dict[str, Any] = {
        name: tuple(cast("list[str]", value)) if isinstance(value, list) else value for name, value in entry.items()
    }
    values["steps"] = tuple(map(Step, values.get("steps", ())))
    values["patterns"] = tuple(map(_pattern, values.get("patterns", ())))
    if "retry" in values:
        values["retry"] = Retry(values["retry"])
    return Rule(section=section, **values)


def _pattern(written: str) -> Pattern:
    parts = tuple(map(normalised, written.strip("^$").split("…")))
    return Pattern(parts=parts, begins=written.startswith("^"), ends=written.endswith("$"))
