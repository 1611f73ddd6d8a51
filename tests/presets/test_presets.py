"""Presets: what the catalogue says, the settings it makes, what it refuses, and who files where."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.resources import files
from typing import Any

import pytest

from tether_mailconf import presets
from tether_mailconf.errors import CredentialRetired, InvalidSettings, Problem
from tether_mailconf.presets import Preset, UserForm, filer_of
from tether_mailconf.settings import ConnectionSettings, CredentialKind, Endpoint, Filer, Security, SentPolicy

SMTP = Endpoint(host="smtp.example.com", port=587, security=Security.STARTTLS)
IMAP = Endpoint(host="imap.example.com", port=993, security=Security.TLS)
WELL_KNOWN = ("gmail", "gmail_app_password", "google_workspace", "outlook", "microsoft_365", "icloud", "custom")
ALL = [presets.get(name) for name in WELL_KNOWN]
WITH_SERVERS = [preset for preset in ALL if preset.smtp]
FILING: list[dict[str, Any]] = tomllib.loads(
    files("tether_mailconf.presets").joinpath("filing.toml").read_text(encoding="utf-8")
)["filing"]
PAIRS = [(entry["filer"], smtp, imap) for entry in FILING for smtp in entry["smtp"] for imap in entry.get("imap", ())]


def refused(preset: Preset, *args: Any, **changes: Any) -> tuple[Problem, ...]:
    """What is wrong, when a preset refuses."""
    with pytest.raises(InvalidSettings) as caught:
        preset.settings(*args, **changes)
    return caught.value.problems


def short(problems: tuple[Problem, ...]) -> set[tuple[str, str]]:
    """Field and code of each problem."""
    return {(problem.field, problem.code) for problem in problems}


# -- the catalogue -----------------------------------------------------------------------------------------------------


def test_a_settings_page_shows_the_best_known_and_custom_last() -> None:
    shown = [preset.id for preset in presets.offered()]
    assert shown[:5] == ["gmail", "google_workspace", "outlook", "microsoft_365", "icloud"]
    assert shown[-1] == "custom"
    assert len(shown) == len(set(shown)) < 30


@pytest.mark.parametrize("current", ["gmail_app_password", "rambler"])
def test_the_preset_that_an_account_has_is_always_shown(current: str) -> None:
    assert current not in [preset.id for preset in presets.offered()]
    shown = [preset.id for preset in presets.offered(current)]
    assert current in shown
    assert shown[-1] == "custom"


@pytest.mark.parametrize("name", WELL_KNOWN)
def test_each_preset_is_a_constant_and_is_found_by_its_id(name: str) -> None:
    assert getattr(presets, name.upper()) is presets.get(name)
    assert name.upper() in presets.__all__
    assert name.upper() in dir(presets)
    assert presets.get(name).id == name


def test_a_constant_that_is_none_is_an_ordinary_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'YEEHAW'"):
        _ = presets.YEEHAW


@pytest.mark.parametrize(
    "name",
    ["", "yeehaw", "../gmail", "GMAIL", "gmail\n", None, 5, ["gmail"], "x" * 10_000, pytest.param(10**5000, id="huge")],
)
def test_an_unknown_id_is_a_problem_of_the_field_preset(name: Any) -> None:
    with pytest.raises(InvalidSettings) as caught:
        presets.get(name)
    assert short(caught.value.problems) == {("preset", "preset.unknown")}
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("preset", WITH_SERVERS, ids=lambda preset: preset.id)
def test_every_fact_has_a_date_and_a_source(preset: Preset) -> None:
    assert re.fullmatch(r"20\d\d-(0\d|1[0-2])", preset.checked)
    assert preset.sources
    assert all(step.text.endswith(".") and step.url.startswith("https://") for step in preset.first)
    for retirement in preset.retired:
        assert retirement.source
        assert retirement.reason.endswith(".")
        assert retirement.since == "" or re.fullmatch(r"20\d\d(-\d\d-\d\d)?", retirement.since)
        assert not set(retirement.kinds) & {*preset.works, *retirement.instead}


@pytest.mark.parametrize("entry", FILING, ids=lambda entry: entry["provider"])
def test_every_word_on_filing_has_a_date_and_a_source(entry: dict[str, Any]) -> None:
    assert re.fullmatch(r"20\d\d-(0\d|1[0-2])", entry["checked"])
    assert entry["source"]
    assert Filer(entry["filer"]) in (Filer.PROVIDER, Filer.CLIENT)


def test_no_pair_of_servers_is_listed_twice() -> None:
    pairs = [pair[1:] for pair in PAIRS]
    assert len(pairs) == len(set(pairs))


def test_every_host_of_the_filing_table_is_spelled_as_an_endpoint_stores_it() -> None:
    for _, smtp, imap in PAIRS:
        for host in (smtp, imap):
            assert Endpoint(host=host, port=2525, security=Security.TLS).host == host


@pytest.mark.parametrize("preset", ALL, ids=lambda preset: preset.id)
def test_a_superseded_preset_names_one_that_is_not(preset: Preset) -> None:
    if preset.superseded_by is not None:
        assert presets.get(preset.superseded_by).superseded_by is None


def test_the_app_password_is_the_old_way_into_gmail() -> None:
    assert presets.GMAIL_APP_PASSWORD.superseded_by == "gmail"
    assert presets.GMAIL.superseded_by is None


@pytest.mark.parametrize("preset", ALL, ids=lambda preset: preset.id)
def test_a_preset_with_tokens_says_who_issues_them(preset: Preset) -> None:
    knows_issuer = preset.id != "custom" and CredentialKind.OAUTH_TOKEN in preset.works
    assert (preset.oauth_issuer is not None) == knows_issuer


@pytest.mark.parametrize("preset", WITH_SERVERS, ids=lambda preset: preset.id)
def test_a_person_is_told_what_to_do_first(preset: Preset) -> None:
    assert preset.first


def test_who_files_is_known_for_each_but_where_sources_contradict_each_other() -> None:
    assert {preset.id: preset.files_sent for preset in ALL} == {
        "gmail": True,
        "gmail_app_password": True,
        "google_workspace": True,
        "outlook": True,
        "microsoft_365": True,
        "icloud": None,
        "custom": None,
    }


# -- settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "smtp", "imap", "credential"),
    [
        ("gmail", "smtp.gmail.com:465/tls", "imap.gmail.com:993/tls", CredentialKind.OAUTH_TOKEN),
        ("gmail_app_password", "smtp.gmail.com:465/tls", "imap.gmail.com:993/tls", CredentialKind.APP_PASSWORD),
        (
            "outlook",
            "smtp-mail.outlook.com:587/starttls",
            "outlook.office365.com:993/tls",
            CredentialKind.OAUTH_TOKEN,
        ),
        (
            "microsoft_365",
            "smtp.office365.com:587/starttls",
            "outlook.office365.com:993/tls",
            CredentialKind.OAUTH_TOKEN,
        ),
        ("icloud", "smtp.mail.me.com:587/starttls", "imap.mail.me.com:993/tls", CredentialKind.APP_PASSWORD),
    ],
)
def test_an_address_alone_gives_the_servers_and_the_credential_that_works(
    name: str, smtp: str, imap: str, credential: CredentialKind
) -> None:
    def spelled(endpoint: Endpoint | None) -> str:
        return f"{endpoint.host}:{endpoint.port}/{endpoint.security.value}" if endpoint else ""

    settings = presets.get(name).settings("ana@example.com")
    assert (spelled(settings.smtp), spelled(settings.imap)) == (smtp, imap)
    assert (settings.preset, settings.credential, settings.enabled) == (name, credential, True)


@pytest.mark.parametrize("preset", WITH_SERVERS, ids=lambda preset: preset.id)
def test_settings_of_a_preset_survive_being_stored(preset: Preset) -> None:
    settings = preset.settings("ana@example.com", display_name="Ana")
    assert ConnectionSettings.from_dict(settings.to_dict()) == settings


@pytest.mark.parametrize("preset", WITH_SERVERS, ids=lambda preset: preset.id)
def test_who_files_is_not_written_into_the_settings(preset: Preset) -> None:
    """It is decided later, by the servers really used; written here it would hold for other servers, too."""
    assert preset.settings("ana@example.com").sent == SentPolicy()


def test_icloud_wants_the_local_part_for_imap_and_the_whole_address_for_smtp() -> None:
    settings = presets.ICLOUD.settings("Ana.Bell@iCloud.com")
    assert (settings.smtp_user, settings.imap_user) == ("Ana.Bell@icloud.com", "Ana.Bell")
    assert (presets.ICLOUD.smtp_user, presets.ICLOUD.imap_user) == (UserForm.ADDRESS, UserForm.LOCAL_PART)


@pytest.mark.parametrize("preset", WITH_SERVERS, ids=lambda preset: preset.id)
def test_an_address_of_any_domain_is_accepted(preset: Preset) -> None:
    settings = preset.settings("Ana@Bücher.example")
    assert settings.address == settings.smtp_user == "Ana@xn--bcher-kva.example"


def test_everything_that_a_preset_proposes_can_be_replaced() -> None:
    sent = SentPolicy(filer=Filer.NOBODY)
    settings = presets.ICLOUD.settings(
        "ana@example.com",
        credential=CredentialKind.HOST,
        display_name="Ana",
        smtp=SMTP,
        imap=IMAP,
        smtp_user="ana@icloud.com",
        imap_user="ana@icloud.com",
        sent=sent,
        enabled=False,
    )
    assert settings == ConnectionSettings(
        address="ana@example.com",
        display_name="Ana",
        preset="icloud",
        smtp=SMTP,
        imap=IMAP,
        smtp_user="ana@icloud.com",
        imap_user="ana@icloud.com",
        credential=CredentialKind.HOST,
        sent=sent,
        enabled=False,
    )


@pytest.mark.parametrize("address", ["ana", "", "ana@", "ana@example.com\r\n", None])
@pytest.mark.parametrize("preset", WITH_SERVERS, ids=lambda preset: preset.id)
def test_a_wrong_address_is_one_problem_and_not_also_one_of_the_user_names_made_from_it(
    preset: Preset, address: Any
) -> None:
    assert [problem.field for problem in refused(preset, address)] == ["address"]


def test_a_user_name_that_was_given_is_checked_although_the_address_is_wrong() -> None:
    assert {problem.field for problem in refused(presets.GMAIL, "ana", smtp_user="", imap_user="\n")} == {
        "address",
        "smtp_user",
        "imap_user",
    }


def test_custom_takes_the_servers_that_were_typed() -> None:
    settings = presets.CUSTOM.settings("ana@example.com", smtp=SMTP, imap=IMAP)
    assert (settings.smtp, settings.imap, settings.preset) == (SMTP, IMAP, "custom")
    assert (settings.smtp_user, settings.imap_user) == ("ana@example.com", "ana@example.com")


def test_custom_does_without_imap() -> None:
    settings = presets.CUSTOM.settings("ana@example.com", smtp=SMTP)
    assert (settings.imap, settings.imap_user) == (None, "")


def test_custom_without_a_submission_server_says_so_together_with_all_else_that_is_wrong() -> None:
    expected = {("smtp", "field.missing"), ("address", "address.invalid"), ("imap_user", "user.without_server")}
    assert short(refused(presets.CUSTOM, "ana", imap_user="ana")) == expected


@pytest.mark.parametrize("smtp", ["smtp.example.com", {}, 0])
def test_a_server_of_the_wrong_type_is_a_problem_and_never_silently_the_preset_s_own(smtp: Any) -> None:
    assert short(refused(presets.GMAIL, "ana@example.com", smtp=smtp)) == {("smtp", "type.wrong")}


# -- credentials -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", WITH_SERVERS, ids=lambda preset: preset.id)
def test_every_kind_that_works_and_a_host_s_own_is_accepted(preset: Preset) -> None:
    for kind in (*preset.works, CredentialKind.HOST):
        assert preset.settings("ana@example.com", credential=kind).credential is kind


@pytest.mark.parametrize(
    ("name", "kind", "since", "instead"),
    [
        ("gmail", CredentialKind.PASSWORD, "2022-05-30", ("oauth_token", "app_password")),
        ("gmail_app_password", CredentialKind.PASSWORD, "2022-05-30", ("oauth_token", "app_password")),
        ("outlook", CredentialKind.PASSWORD, "2024-09-16", ("oauth_token",)),
        ("outlook", CredentialKind.APP_PASSWORD, "2024-09-16", ("oauth_token",)),
        ("microsoft_365", CredentialKind.PASSWORD, "2022", ("oauth_token",)),
        ("microsoft_365", CredentialKind.APP_PASSWORD, "2022", ("oauth_token",)),
        ("icloud", CredentialKind.PASSWORD, "", ("app_password",)),
    ],
)
def test_a_dead_kind_is_refused_with_the_day_it_died_and_what_works_instead(
    name: str, kind: CredentialKind, since: str, instead: tuple[str, ...]
) -> None:
    preset = presets.get(name)
    with pytest.raises(CredentialRetired) as caught:
        preset.settings("ana@example.com", credential=kind)
    error = caught.value
    assert (error.provider, error.kind, error.since, error.instead) == (preset.label, kind.value, since, instead)
    assert error.source
    assert since in str(error)
    assert instead[0] in str(error)


@pytest.mark.parametrize(
    ("name", "kind", "hint"),
    [
        ("gmail", CredentialKind.APP_PASSWORD, "the preset gmail_app_password$"),
        ("gmail_app_password", CredentialKind.OAUTH_TOKEN, "the preset gmail$"),
        ("icloud", CredentialKind.OAUTH_TOKEN, "with app_password, not with oauth_token$"),
    ],
)
def test_a_kind_that_this_preset_does_not_offer_is_a_problem_that_names_the_one_that_does(
    name: str, kind: CredentialKind, hint: str
) -> None:
    (problem,) = refused(presets.get(name), "ana@example.com", credential=kind)
    assert (problem.field, problem.code) == ("credential", "credential.not_offered")
    assert re.search(hint, problem.message)


@pytest.mark.parametrize("kind", ["oauth_token", 5, b"password", []])
def test_a_credential_kind_of_the_wrong_type_is_a_problem(kind: Any) -> None:
    assert short(refused(presets.GMAIL, "ana@example.com", credential=kind)) == {("credential", "type.wrong")}


# -- who files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("smtp", "imap", "filer"),
    [
        ("smtp.gmail.com", "imap.gmail.com", Filer.PROVIDER),
        ("smtp-mail.outlook.com", "outlook.office365.com", Filer.PROVIDER),
        ("smtp.office365.com", "outlook.office365.com", Filer.PROVIDER),
        ("smtp-relay.gmail.com", "imap.gmail.com", Filer.CLIENT),
        ("smtp-relay.gmail.com", "imap.example.com", Filer.CLIENT),
        ("smtp.mail.me.com", "imap.mail.me.com", Filer.UNKNOWN),
        ("smtp.gmail.com", "outlook.office365.com", Filer.UNKNOWN),
        ("smtp.office365.com", "imap.gmail.com", Filer.UNKNOWN),
        ("smtp.gmail.com", "imap.example.com", Filer.UNKNOWN),
        ("smtp.example.com", "imap.gmail.com", Filer.UNKNOWN),
        ("smtp.gmail.com.evil.example", "imap.gmail.com", Filer.UNKNOWN),
        ("evil-smtp.gmail.com", "imap.gmail.com", Filer.UNKNOWN),
        ("smtp.gmail.com", "", Filer.UNKNOWN),
        ("", "", Filer.UNKNOWN),
    ],
)
def test_who_files_follows_from_both_servers_exactly(smtp: str, imap: str, filer: Filer) -> None:
    assert filer_of(smtp, imap) is filer


@pytest.mark.parametrize(("filer", "smtp", "imap"), PAIRS)
def test_every_pair_of_the_table_is_found(filer: str, smtp: str, imap: str) -> None:
    assert filer_of(smtp, imap) is Filer(filer)


# -- imports -----------------------------------------------------------------------------------------------------------


def test_importing_the_presets_costs_nothing_heavy() -> None:
    heavy = ("ssl", "email", "asyncio", "requests", "dns", "idna", "email_validator", "socket")
    code = "import sys, attrs; import tether_mailconf.presets; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert [name for name in done.stdout.split() if name.partition(".")[0] in heavy] == []
