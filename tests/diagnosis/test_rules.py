"""The knowledge is whole: every rule is reached, every cause has a text, every text a cause, all of it dated."""

from __future__ import annotations

import pickle
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import tether_mailconf as mailconf
from tether_mailconf import ConversationError, MailconfError, Mender, OAuthError, presets
from tether_mailconf.diagnosis import wordings
from tether_mailconf.diagnosis.evidence import gather
from tether_mailconf.diagnosis.explain import explain
from tether_mailconf.diagnosis.finding import Finding, Retry
from tether_mailconf.diagnosis.rules import SECTIONS, Rule, find, rules
from tether_mailconf.diagnosis.texts import texts

from .conversation import play
from .test_answers import ANSWERS, case_of, forms_of
from .told import RAISED, SETTINGS, SPOKEN


@cache
def knowledge() -> dict[str, Any]:
    return tomllib.loads(files("tether_mailconf.diagnosis").joinpath("causes.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("case", "cause"), SPOKEN, ids=[f"{c.step}-{c.answer[:30]!r}" for c, _ in SPOKEN])
def test_an_answer_that_nobody_is_known_for_has_the_cause_of_its_number_or_step(case: Any, cause: str) -> None:
    finding = explain(play(case), case.settings)
    assert finding.cause == cause
    assert finding.endpoint is not None


@pytest.mark.parametrize(("error", "cause"), RAISED, ids=[f"{cause}-{n}" for n, (_, cause) in enumerate(RAISED)])
def test_every_error_and_receipt_has_a_finding(error: Any, cause: str) -> None:
    finding = explain(error, SETTINGS)
    assert finding.cause == cause
    assert Finding.from_dict(finding.to_dict()) == finding
    assert explain(error).sentence


def test_an_error_out_of_a_pickle_is_explained_as_before() -> None:
    for error, _ in RAISED:
        assert explain(pickle.loads(pickle.dumps(error)), SETTINGS) == explain(error, SETTINGS)


def test_every_error_of_the_family_has_a_rule_of_its_own() -> None:
    def family(kind: type[MailconfError]) -> Iterator[type[MailconfError]]:
        yield kind
        for one in kind.__subclasses__():
            yield from family(one)

    ruled = {code for rule in rules() for code in rule.error}
    own = [kind for kind in family(MailconfError) if kind.__module__.startswith("tether_mailconf.")]
    ours = {kind.code for kind in own if not issubclass(kind, OAuthError)}
    assert sorted(ours - ruled) == ["error"]


def reached() -> Iterator[int]:
    for entry in ANSWERS.values():
        case = case_of(entry, next(forms_of(entry)))
        error = play(case)
        assert isinstance(error, ConversationError)
        yield id(find(gather(error, case.settings))[0])
        error.transcript = ()  # as of an error that comes out of a store: it is not known what was signed in with
        yield id(find(gather(error, None))[0])
    for case, _ in SPOKEN:
        yield id(find(gather(play(case), case.settings))[0])
    for told, _ in RAISED:
        yield id(find(gather(told, SETTINGS))[0])


def test_every_rule_is_reached() -> None:
    hit = set(reached())
    assert [f"{rule.section} {rule.cause} {rule.source}" for rule in rules() if id(rule) not in hit] == []


def test_every_pattern_is_reached_by_its_own_words() -> None:
    for rule in rules():
        for pattern in rule.patterns:
            assert pattern.is_in(" and so on ".join(pattern.parts)), rule
            assert not pattern.is_in("the server said something else"), rule


SEEN = {
    "tls.expires_soon",
    "mailbox.full",
    "mailbox.may_not_be_made",
    "mailbox.nearly_full",
    "mailbox.would_be_made",
    "credential.retires",
    "credential.old_way",
    "oauth.sign_in_ends",
    "oauth.sign_in_over",
    "account.moved",
} | {f"trial.{name}" for name in ("not_yet", "in_junk", "from_rewritten", "copy_doubled", "copy_not_yet")}
"""What a check, a test send or a look at an account sees, and is no answer of anybody, so that no rule leads to it."""


def test_every_cause_has_a_text_and_every_text_a_cause() -> None:
    assert {rule.cause for rule in rules()} | SEEN == set(texts())
    assert not SEEN & {rule.cause for rule in rules()}


def test_the_sentences_are_complete() -> None:
    for code, wording in wordings().items():
        for said in (wording.sentence, *wording.remedy):
            assert re.fullmatch(r"[A-Z].*[.]", said), (code, said)
        assert len(wording.sentence) <= 160, code
        assert wording.remedy or code == "delivery.sent", code
    for code, text in texts().items():
        assert all(link.startswith("https://") for link in text.links), code
        assert text.retry_after is None or text.retry is Retry.LATER, code


def test_a_person_is_not_told_what_a_program_calls() -> None:
    """The remedies are shown on a page; what the host application does about a cause is in the documentation."""
    said = {text for wording in wordings().values() for text in (wording.sentence, *wording.remedy)}
    calls = {name for name in (*mailconf.__all__, "ca_file") if re.search(r"[a-z][A-Z]|_", name)}
    assert {text for text in said if "`" in text or "()" in text or any(name in text for name in calls)} == set()


def test_the_file_is_dated_and_sourced_and_has_nothing_that_is_not_read() -> None:
    data = knowledge()
    assert re.fullmatch(r"20[0-9]{2}-[01][0-9]", data["checked"])
    assert set(data) == {"checked", "providers", *SECTIONS}
    assert all(rule.source for rule in rules())
    assert {rule.provider for rule in rules()} - {""} == set(data["providers"])


def test_the_providers_are_those_of_the_catalogue() -> None:
    for name, entry in knowledge()["providers"].items():
        assert set(entry.get("presets", ())) <= set(presets.ids()), name
        for preset_id in entry.get("presets", ()):
            preset = presets.get(preset_id)
            for endpoint in (*preset.smtp, *preset.imap):
                assert any(f".{endpoint.host}".endswith(f".{host}") for host in entry["hosts"]), (name, endpoint.host)


def test_sentences_come_before_numbers_and_policy_and_throttling_before_credentials() -> None:
    def place(rule: Rule) -> tuple[bool, bool, bool, int]:
        is_left = rule.section == "general"
        return (
            is_left,
            not is_left and not rule.patterns,
            not is_left and not rule.provider,
            SECTIONS.index(rule.section),
        )

    places = [place(rule) for rule in rules()]
    assert places == sorted(places)
    assert SECTIONS.index("policy") < SECTIONS.index("throttling") < SECTIONS.index("credentials")


MENDERS = {
    Mender.PERSON: "the person",
    Mender.ADMINISTRATOR: "their administrator",
    Mender.HOST: "you",
    Mender.PROVIDER: "the provider",
    Mender.NOBODY: "nobody: wait",
}
"""What the reference calls them."""


def test_the_reference_lists_every_cause_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "diagnosis.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_.]+)` \| (.*?) \| (.*?) \| (\w+) \|$", page, re.MULTILINE)
    assert rows == [
        (code, text.wording.sentence, MENDERS[text.mender], text.retry.value) for code, text in texts().items()
    ]


def test_the_guide_names_causes_that_there_are() -> None:
    page = (Path(__file__).parents[2] / "docs" / "howto" / "it-does-not-work.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", page)) - {"error.transcript"}
    assert sorted(named - set(wordings())) == []
