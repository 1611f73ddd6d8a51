"""The page of every provider, drawn from data: its fields, what comes back from them, and what is wrong with that."""

from __future__ import annotations

import contextlib
import json
import pickle
from typing import Any

import attrs
import pytest
from jsonschema import Draft202012Validator

from tether_mailconf import (
    AppPassword,
    ConnectionSettings,
    CredentialKind,
    CredentialRetired,
    Endpoint,
    Filer,
    InvalidSettings,
    Password,
    Security,
    SentPolicy,
    presets,
)
from tether_mailconf.presets import Button, FieldKind, Form, InvalidForm, Preset, UserForm

SECRET = "abcd efgh ijkl mnop"
ALL = [presets.get(name) for name in presets.ids()]
USABLE = [preset for preset in ALL if not preset.unavailable]
CUSTOM: dict[str, Any] = {
    "preset": "custom",
    "enabled": "on",
    "address": "ana@example.org",
    "display_name": "Ana",
    "smtp_host": "mail.example.org",
    "smtp_port": "465",
    "smtp_security": "tls",
    "imap_host": "mail.example.org",
    "imap_port": "993",
    "imap_security": "tls",
    "smtp_user": "ana",
    "imap_user": "ana",
    "secret": "geheim",
}


def filled(preset: Preset) -> dict[str, Any]:
    """Return a page of this preset as a person would fill it in."""
    domain = (preset.domains or ("example.org",))[0]
    data: dict[str, Any] = {"preset": preset.id}
    for one in preset.form().fields:
        known: dict[str, Any] = {
            "enabled": True,
            "address": f"ana@{domain}",
            "secret": SECRET,
            "smtp_host": "mail.example.org",
            "imap_host": "mail.example.org",
            "smtp_user": "ana-7",
            "imap_user": "ana-7",
        }
        data[one.name] = known.get(one.name, one.value)
    return data


@pytest.mark.parametrize("preset", USABLE, ids=lambda preset: preset.id)
def test_every_provider_has_a_page_and_what_comes_back_from_it_is_read(preset: Preset) -> None:
    form = preset.form()
    names = [one.name for one in form.fields]
    assert names[:3] == ["enabled", "address", "display_name"]
    assert len(set(names)) == len(names)
    assert ("secret" in names) is (form.credential in (CredentialKind.APP_PASSWORD, CredentialKind.PASSWORD))
    assert ("smtp_host" in names) is (not preset.smtp)
    assert ("smtp_user" in names) is (not preset.smtp or preset.smtp_user is UserForm.GIVEN)
    buttons = [button for button, _ in form.buttons]
    assert buttons[-2:] == [Button.TEST, Button.SAVE]
    assert (Button.SIGN_IN in buttons) is (form.issuer is not None)
    assert form.first == preset.first
    assert (form.is_old, form.superseded_by) == (preset.is_old, preset.superseded_by)
    assert json.loads(json.dumps(form.to_dict())) == form.to_dict()
    schema = form.json_schema()
    assert set(schema["properties"]) == {"preset", *names}
    assert set(schema["required"]) <= set(schema["properties"])
    parsed = presets.parse(filled(preset))
    assert parsed.settings.preset == preset.id
    assert parsed.settings.enabled
    assert (parsed.credential is None) is ("secret" not in names)
    if parsed.credential is not None:
        assert parsed.credential.kind is parsed.settings.credential
    assert presets.lint(filled(preset) | {"secret": "geheim"}) == ()
    assert presets.lint(parsed.settings) == ()


@pytest.mark.parametrize("preset", USABLE, ids=lambda preset: preset.id)
def test_the_json_schema_says_what_comes_back(preset: Preset) -> None:
    """By somebody else's reading of JSON Schema: it is one, a page that is filled in keeps to it, and others do not."""
    schema = preset.form().json_schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    data = filled(preset)
    assert list(validator.iter_errors(data)) == []
    for name in schema["required"]:
        assert not validator.is_valid({key: value for key, value in data.items() if key != name}), name
    wrong: dict[str, Any] = {
        "address": 5,
        "enabled": "perhaps",
        "preset": "another",
        "smtp_port": 0,
        "smtp_security": "",
    }
    for name, value in wrong.items():
        if name in data:
            assert not validator.is_valid({**data, name: value}), name
    assert not validator.is_valid({**data, "surprise": ""})


def test_a_provider_that_lets_nobody_send_has_no_buttons() -> None:
    closed = [preset for preset in ALL if preset.unavailable]
    assert closed
    for preset in closed:
        form = preset.form()
        assert (form.buttons, bool(form.unavailable)) == ((), True)
        with pytest.raises(InvalidForm, match=r"."):
            presets.parse(filled(preset))


def test_the_cleared_page_is_custom_switched_off_and_empty() -> None:
    form = presets.CUSTOM.form()
    shown = {one.name: one.value for one in form.fields}
    assert shown.pop("enabled") is False
    assert {name for name, value in shown.items() if value not in ("", 465, 993, "tls")} == set()
    assert all(
        shown[name] == "" for name in ("address", "display_name", "smtp_host", "imap_host", "smtp_user", "secret")
    )


def test_a_page_shows_what_is_stored_and_never_the_secret() -> None:
    settings = presets.parse(CUSTOM).settings
    form = presets.CUSTOM.form(settings)
    for name in ("address", "display_name", "smtp_host", "imap_host", "smtp_user"):
        assert form.field(name).value == CUSTOM[name]
    assert form.field("enabled").value is True
    secret = form.field("secret")
    assert (secret.value, secret.is_kept, secret.is_secret, secret.kind) == ("", True, True, FieldKind.PASSWORD)
    assert [button for button, _ in form.buttons] == [Button.TEST, Button.SAVE, Button.DISABLE, Button.CLEAR]
    assert [button for button, _ in presets.CUSTOM.form(settings.disable()).buttons][-1] is Button.CLEAR
    other = presets.ICLOUD.form(settings)
    assert other.field("address").value == "ana@example.org"
    assert not other.field("secret").is_kept, "a password for one provider is not one for another"
    with pytest.raises(LookupError, match="smtp_host"):
        other.field("smtp_host")


@pytest.mark.parametrize(
    ("preset", "label"),
    [
        (presets.GMAIL, "Sign in with Google"),
        (presets.MICROSOFT_365, "Sign in with Microsoft"),
        (presets.OUTLOOK, "Sign in with Microsoft"),
    ],
)
def test_who_is_signed_in_with_stands_on_the_button(preset: Preset, label: str) -> None:
    assert preset.form().buttons[0] == (Button.SIGN_IN, label)


def test_the_old_way_says_which_is_the_new_one() -> None:
    form = presets.GMAIL_APP_PASSWORD.form()
    assert (form.is_old, form.superseded_by) == (True, "gmail")
    assert form.field("secret").label == "App password"
    assert any("apppasswords" in step.url for step in form.first)


@pytest.mark.parametrize("checked", ["on", "true", "1", True, "Yes"])
def test_a_checkbox_as_browsers_and_json_say_it(checked: object) -> None:
    assert presets.parse(CUSTOM | {"enabled": checked}).settings.enabled
    for unchecked in ("", "off", "false", False, None, 0):
        assert not presets.parse(CUSTOM | {"enabled": unchecked}).settings.enabled
    without = {name: value for name, value in CUSTOM.items() if name != "enabled"}
    assert not presets.parse(without).settings.enabled


def test_everything_that_is_wrong_is_told_at_once_and_nothing_that_was_typed_is_lost() -> None:
    wrong = CUSTOM | {
        "address": "ana",
        "smtp_host": "mail example",
        "smtp_port": "none",
        "imap_port": "465",
        "imap_security": "some",
        "smtp_user": "",
        "secret": "",
    }
    with pytest.raises(InvalidForm) as caught:
        presets.parse(wrong)
    assert {problem.field for problem in caught.value.problems} == {
        "address",
        "smtp_host",
        "smtp_port",
        "imap_port",
        "imap_security",
        "secret",
    }
    assert all(problem.message and problem.code for problem in caught.value.problems)
    shown = {one.name: one.value for one in caught.value.form.fields}
    assert {name: shown[name] for name in wrong.keys() - {"preset", "enabled", "secret"}} == {
        name: wrong[name] for name in wrong.keys() - {"preset", "enabled", "secret"}
    }
    assert shown["enabled"] is True


def test_a_missing_server_and_a_missing_secret_are_told_by_the_names_of_their_fields() -> None:
    with pytest.raises(InvalidForm) as caught:
        presets.parse({"preset": "custom", "address": "ana@example.org"})
    assert {(one.field, one.code) for one in caught.value.problems} >= {
        ("smtp_host", "field.missing"),
        ("secret", "field.missing"),
    }
    with pytest.raises(InvalidSettings):
        presets.parse({"preset": "no_such_thing"})
    with pytest.raises(InvalidSettings):
        presets.parse({})


def test_no_error_holds_the_secret() -> None:
    with pytest.raises(InvalidForm) as caught:
        presets.parse(CUSTOM | {"address": "", "secret": "hush-hush"})
    error = pickle.loads(pickle.dumps(caught.value))
    for one in (caught.value, error):
        assert "hush-hush" not in repr(one) + str(one) + json.dumps(one.form.to_dict()) + repr(one.args)
    assert [problem.field for problem in error.problems] == [problem.field for problem in caught.value.problems]
    assert "hush-hush" not in repr(presets.parse(CUSTOM | {"secret": "hush-hush"}))


@pytest.mark.parametrize("rubbish", [None, 7, [], {}, b"x", 1.5, "\0", "a\r\nb", "x" * 5000])
@pytest.mark.parametrize("name", [name for name in CUSTOM if name not in ("preset", "enabled")])
def test_any_rubbish_in_any_field_is_settings_or_a_typed_error(name: str, rubbish: object) -> None:
    with contextlib.suppress(InvalidForm):
        assert isinstance(presets.parse(CUSTOM | {name: rubbish}).settings, ConnectionSettings)
    json.dumps(presets.CUSTOM.form().filled({name: rubbish}).to_dict())


def test_a_secret_left_empty_stays_only_for_the_same_account_at_the_same_servers() -> None:
    stored = presets.parse(CUSTOM).settings
    same = CUSTOM | {"secret": "", "display_name": "Anna", "enabled": ""}
    parsed = presets.parse(same, settings=stored)
    assert (parsed.credential, parsed.settings.display_name, parsed.settings.enabled) == (None, "Anna", False)
    for change in ({"smtp_host": "mail.evil.example"}, {"address": "eva@example.org"}, {"imap_user": "eva"}):
        with pytest.raises(InvalidForm) as caught:
            presets.parse(same | change, settings=stored)
        assert [problem.field for problem in caught.value.problems] == ["secret"]


def test_what_was_learned_stays_with_the_servers_it_was_learned_at() -> None:
    stored = presets.parse(CUSTOM).settings
    sent = SentPolicy(mailbox="Gesendet", filer=Filer.CLIENT, learned_at="mail.example.org mail.example.org")
    stored = attrs.evolve(stored, sent=sent)
    assert presets.parse(CUSTOM, settings=stored).settings.sent == sent
    moved = presets.parse(CUSTOM | {"smtp_host": "smtp.example.org"}, settings=stored)
    assert moved.settings.sent == SentPolicy()


def test_a_page_without_imap() -> None:
    parsed = presets.parse(CUSTOM | {"imap_host": "", "imap_user": ""})
    assert (parsed.settings.imap, parsed.settings.imap_user) == (None, "")


def test_the_kind_of_credential_is_that_of_the_preset() -> None:
    parsed = presets.parse(filled(presets.GMAIL_APP_PASSWORD))
    assert isinstance(parsed.credential, AppPassword)
    assert type(presets.parse(CUSTOM).credential) is Password
    assert presets.parse(filled(presets.GMAIL)).credential is None


def test_settings_are_switched_on_and_off_and_keep_everything() -> None:
    settings = presets.parse(CUSTOM).settings
    assert settings.enable() == settings
    assert settings.disable() == attrs.evolve(settings, enabled=False)
    assert settings.disable().enable() == settings


def test_the_kind_of_credential_is_changed_in_place() -> None:
    old = presets.GMAIL_APP_PASSWORD.settings("ana@gmail.com", sent=SentPolicy(filer=Filer.PROVIDER))
    new = presets.with_credential(old, CredentialKind.OAUTH_TOKEN)
    assert (new.preset, new.credential, new.sent, new.smtp) == ("gmail", CredentialKind.OAUTH_TOKEN, old.sent, old.smtp)
    assert presets.with_credential(new, CredentialKind.APP_PASSWORD) == old
    with pytest.raises(CredentialRetired):
        presets.with_credential(old, CredentialKind.PASSWORD)
    with pytest.raises(CredentialRetired):
        presets.with_credential(presets.MICROSOFT_365.settings("ana@example.org"), CredentialKind.PASSWORD)
    own = presets.parse(CUSTOM).settings
    assert presets.with_credential(own, CredentialKind.HOST).credential is CredentialKind.HOST


def test_a_form_is_filled_with_what_it_has_fields_for_only() -> None:
    form: Form = presets.ICLOUD.form()
    again = form.filled({"address": "a@b.example", "secret": "x", "smtp_host": "evil", "enabled": "on"})
    assert again.field("address").value == "a@b.example"
    assert again.field("secret").value == ""
    assert again.field("enabled").value is True
    assert len(again.fields) == len(form.fields)


def test_form_data_and_parse_are_each_other_s_reverse() -> None:
    settings = presets.parse(CUSTOM).settings
    again = presets.parse(presets.form_data(settings) | {"secret": "geheim"})
    assert again.settings == settings
    assert presets.form_data(settings)["smtp_port"] == 465
    endpoint = Endpoint(host="mail.example.org", port=587, security=Security.STARTTLS)
    assert presets.form_data(attrs.evolve(settings, smtp=endpoint))["smtp_security"] == "starttls"
