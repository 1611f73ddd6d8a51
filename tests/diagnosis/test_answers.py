"""Every answer that is known, as it stands and as servers decorate it, through the real conversation, to its cause."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tether_mailconf import Refused, Step, explain
from tether_mailconf.diagnosis.finding import Finding

from .conversation import Case, play
from .decorated import forms

ANSWERS: dict[str, dict[str, Any]] = tomllib.loads(Path(__file__).with_name("answers.toml").read_text(encoding="utf-8"))

PROVIDERS = ("google", "microsoft", "yahoo", "icloud", "fastmail", "zoho", "yandex", "mail_ru", "qq", "netease")


def case_of(entry: dict[str, Any], answer: bytes) -> Case:
    return Case(
        host=entry["host"],
        protocol=entry["protocol"],
        step=entry["step"],
        answer=answer,
        credential=entry.get("by", "password"),
        challenge=entry.get("challenge", ""),
    )


def forms_of(entry: dict[str, Any]) -> Iterator[bytes]:
    """Yield the bytes of an answer, first as it stands, then decorated."""
    yield from forms(entry["said"], entry.get("encoding", "utf-8"))
    if entry["step"] == "sign-in" and entry["said"].startswith("TAG NO "):
        # The reason beside the answer, as Gmail gives some of them.
        untagged = entry["said"].replace("TAG", "*", 1)
        yield next(forms(untagged, "utf-8")) + b"TAG NO declined\r\n"


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_leads_to_its_cause_however_it_is_written(name: str) -> None:
    entry = ANSWERS[name]
    for answer in forms_of(entry):
        case = case_of(entry, answer)
        error = play(case)
        for finding in (explain(error, case.settings), explain(error)):
            assert (finding.cause, finding.retry.value) == (entry["cause"], entry["retry"]), (answer, str(error))
            assert finding.endpoint is not None
            assert finding.endpoint.host == entry["host"]
            assert finding.is_trusted
            assert finding.words
            assert Finding.from_dict(finding.to_dict()) == finding


def test_the_words_of_a_server_come_along_as_it_said_them() -> None:
    entry = ANSWERS["google-454-logins"]
    error = play(case_of(entry, b"454-4.7.0 Too many login attempts,\r\n454 4.7.0 please try again later. \x1b[1m\r\n"))
    assert isinstance(error, Refused)
    finding = explain(error)
    assert finding.words == "454 4.7.0 Too many login attempts, please try again later. \\x1b[1m"
    assert finding.step is Step.SIGN_IN


def test_the_words_of_one_provider_from_anothers_machine_do_not_mislead() -> None:
    machines = {
        "google": "smtp.gmail.com",
        "microsoft": "smtp.office365.com",
        "qq": "smtp.qq.com",
        "": "mail.acme.test",
    }
    for entry in ANSWERS.values():
        provider = entry["cause"].partition(".")[0]
        (answer, *_) = forms_of(entry)
        for owner, host in machines.items():
            if provider != owner and provider in PROVIDERS:
                finding = explain(play(case_of(entry | {"host": host}, answer)))
                assert finding.cause.partition(".")[0] != provider, (host, answer)
