"""Settings as they are stored: one form, whatever is in it, and one kind of error for what cannot be read."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tether_mailconf.errors import InvalidSettings, UnsupportedSchema
from tether_mailconf.settings import (
    ConnectionSettings,
    CredentialKind,
    Endpoint,
    Filer,
    Security,
    SentPolicy,
)

from .accounts import HUGE, SMTP, problems, settings, stored, texts

# -- stored form -------------------------------------------------------------------------------------------------------


def test_the_stored_form_is_this_one() -> None:
    """Stored data outlives the version that wrote it: a change here needs a new schema number."""
    kept = settings(display_name="Ana", preset="icloud", sent=SentPolicy(mailbox="Gesendet", filer=Filer.CLIENT))
    assert kept.to_dict() == {
        "schema": 1,
        "address": "ana@example.com",
        "display_name": "Ana",
        "preset": "icloud",
        "smtp": {"host": "smtp.example.com", "port": 465, "security": "tls"},
        "imap": {"host": "imap.example.com", "port": 993, "security": "tls"},
        "smtp_user": "ana@example.com",
        "imap_user": "ana",
        "credential": "app_password",
        "sent": {"mailbox": "Gesendet", "filer": "client", "learned_at": None},
        "enabled": True,
    }


def test_what_has_a_default_may_be_left_out_of_stored_data() -> None:
    short = {name: stored()[name] for name in ("schema", "address", "smtp", "smtp_user", "credential")}
    assert ConnectionSettings.from_dict(short) == settings(imap=None, imap_user="")


def test_reading_leaves_the_data_as_it_was() -> None:
    data = stored(smtp={"host": "SMTP.example.com.", "port": 465, "security": "tls"})
    before = json.dumps(data)
    assert ConnectionSettings.from_dict(data).smtp == SMTP
    assert json.dumps(data) == before


@pytest.mark.parametrize("data", [None, [], "x", 5, b"{}", [("schema", 1)]])
def test_data_that_is_no_mapping_is_a_problem(data: Any) -> None:
    assert problems(lambda: ConnectionSettings.from_dict(data)) == {("", "type.wrong")}


@pytest.mark.parametrize("schema", [None, 0, -1, True, 1.0, "1", "2", [], HUGE])
def test_a_schema_that_is_no_version_of_ours_is_a_problem(schema: Any) -> None:
    assert problems(lambda: ConnectionSettings.from_dict(stored(schema=schema))) == {("schema", "schema.invalid")}


def test_data_of_a_newer_version_is_an_error_of_its_own_whatever_else_is_in_it() -> None:
    with pytest.raises(UnsupportedSchema, match="upgrade") as caught:
        ConnectionSettings.from_dict({"schema": 2, "accounts": []})
    assert (caught.value.found, caught.value.supported) == (2, 1)


def test_an_empty_mapping_lacks_all_that_is_required() -> None:
    assert problems(lambda: ConnectionSettings.from_dict({})) == {
        ("schema", "schema.invalid"),
        ("address", "field.missing"),
        ("smtp", "field.missing"),
        ("smtp_user", "field.missing"),
        ("credential", "field.missing"),
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"smtp": None}, {("smtp", "type.wrong")}),
        ({"smtp": []}, {("smtp", "type.wrong")}),
        ({"smtp": {}}, {(f"smtp.{name}", "field.missing") for name in ("host", "port", "security")}),
        ({"imap": {"host": "a b", "port": 993, "security": "tls"}}, {("imap.host", "host.space")}),
        ({"smtp": {"host": "a.example", "port": 587, "security": "tls"}}, {("smtp.port", "port.security_mismatch")}),
        ({"smtp": {"host": "a.example", "port": 993, "security": "tls"}}, {("smtp.port", "port.other_protocol")}),
        ({"smtp": {"host": "a.example", "port": 465, "security": "ssl"}}, {("smtp.security", "choice.invalid")}),
        ({"smtp": {"host": "a.example", "port": 465, "security": ["tls"]}}, {("smtp.security", "choice.invalid")}),
        ({"smtp": {**SMTP.to_dict(), "user": "ana"}}, {("smtp.user", "field.unknown")}),
        ({"credential": "pasword"}, {("credential", "choice.invalid")}),
        ({"sent": None}, {("sent", "type.wrong")}),
        ({"sent": {"filer": "me"}}, {("sent.filer", "choice.invalid")}),
        ({"sent": {"folder": "Sent"}}, {("sent.folder", "field.unknown")}),
        ({"password": "hunter2"}, {("password", "field.unknown")}),
        ({"a\r\nb": 1}, {("a\\r\\nb", "field.unknown")}),
        ({"imap": None}, {("imap_user", "user.without_server")}),
        ({"enabled": "true"}, {("enabled", "type.wrong")}),
    ],
)
def test_what_is_wrong_in_stored_data_is_told_with_its_path(
    changes: dict[str, Any], expected: set[tuple[str, str]]
) -> None:
    assert problems(lambda: ConnectionSettings.from_dict(stored(**changes))) == expected


@pytest.mark.parametrize("key", [5, None, ("a",), HUGE])
def test_a_field_name_that_is_no_text_is_a_problem(key: object) -> None:
    data: Any = {**stored(), key: 1}
    assert problems(lambda: ConnectionSettings.from_dict(data)) == {(f"<{type(key).__name__}>", "field.unknown")}


def test_a_value_that_is_not_ours_is_never_shown() -> None:
    """Somebody may have stored a password where none belongs: its name is told, its value is not."""
    with pytest.raises(InvalidSettings) as caught:
        ConnectionSettings.from_dict(stored(password="hunter2", credential="hunter2"))
    assert "hunter2" not in str(caught.value)


def test_everything_wrong_in_stored_data_is_told_at_once() -> None:
    data = stored(
        schema="1",
        address="ana",
        smtp={"host": "", "port": 0, "x": 1},
        imap={"host": "imap.example.com:993", "port": 587, "security": "starttls"},
        smtp_user="",
        imap_user="",
        credential=None,
        sent={"mailbox": "", "filer": "x", "learned_at": "a\n"},
        enabled=None,
        colour="red",
    )
    assert problems(lambda: ConnectionSettings.from_dict(data)) == {
        ("schema", "schema.invalid"),
        ("address", "address.invalid"),
        ("smtp.host", "host.missing"),
        ("smtp.port", "port.range"),
        ("smtp.security", "field.missing"),
        ("smtp.x", "field.unknown"),
        ("imap.host", "host.port"),
        ("imap.port", "port.other_protocol"),
        ("smtp_user", "text.missing"),
        ("imap_user", "user.missing"),
        ("credential", "choice.invalid"),
        ("sent.mailbox", "text.missing"),
        ("sent.filer", "choice.invalid"),
        ("sent.learned_at", "text.control"),
        ("enabled", "type.wrong"),
        ("colour", "field.unknown"),
    }


# -- properties --------------------------------------------------------------------------------------------------------

names = st.sampled_from(["smtp.example.com", "Bücher.example", "192.0.2.7", "2001:db8::7", "mail.test."])


users = texts.filter(str.strip)


def endpoints(tls: int, starttls: int) -> st.SearchStrategy[Endpoint]:
    """Endpoints of a protocol, on its own ports and on others."""
    pairs = st.sampled_from([(tls, Security.TLS), (starttls, Security.STARTTLS), (2525, Security.TLS)])
    return st.builds(lambda host, pair: Endpoint(host=host, port=pair[0], security=pair[1]), names, pairs)


sound = st.builds(
    ConnectionSettings,
    address=st.sampled_from(["ana@example.com", "jörg@Bücher.example", "A.B+c@mail.test"]),
    display_name=texts,
    preset=st.from_regex(r"\A[a-z0-9_]{1,12}\Z"),
    smtp=endpoints(465, 587),
    imap=endpoints(993, 143),
    smtp_user=users,
    imap_user=users,
    credential=st.sampled_from(CredentialKind),
    sent=st.builds(
        SentPolicy, mailbox=st.none() | users, filer=st.sampled_from(Filer), learned_at=st.none() | st.just("a b")
    ),
    enabled=st.booleans(),
)


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["tls", "client", "password", "smtp.example.com", "ana@example.com", 1, 25, 465, 587, 993])
)


known = st.sampled_from(
    [field.name for kind in (ConnectionSettings, Endpoint, SentPolicy) for field in attrs.fields(kind)] + ["schema"]
)


rubbish = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(known | st.text(max_size=5), inner, max_size=8),
    max_leaves=20,
)


@given(sound)
def test_what_is_stored_as_json_comes_back_the_same(value: ConnectionSettings) -> None:
    assert ConnectionSettings.from_dict(json.loads(json.dumps(value.to_dict()))) == value


def typed_or_sound(data: Any) -> None:
    """Reading gives settings that survive being stored, or one of the two errors, whose text can be made."""
    try:
        value = ConnectionSettings.from_dict(data)
    except (InvalidSettings, UnsupportedSchema) as error:
        told = str(error)
    else:
        told = "sound"
        assert ConnectionSettings.from_dict(value.to_dict()) == value
    assert told


@given(rubbish)
def test_any_rubbish_is_settings_or_a_typed_error(data: Any) -> None:
    typed_or_sound(data)


@given(sound, known, rubbish)
def test_settings_with_one_field_of_rubbish_are_settings_or_a_typed_error(
    value: ConnectionSettings, name: str, wrong: Any
) -> None:
    typed_or_sound({**value.to_dict(), name: wrong})
    typed_or_sound({**value.to_dict(), "smtp": {**value.smtp.to_dict(), name: wrong}})


@given(sound, known)
def test_settings_with_one_field_missing_are_settings_or_a_typed_error(value: ConnectionSettings, name: str) -> None:
    typed_or_sound({key: kept for key, kept in value.to_dict().items() if key != name})


@given(st.text(max_size=80))
def test_a_host_that_is_accepted_is_fit_for_the_wire_and_stays_as_it_is(typed: str) -> None:
    try:
        host = Endpoint(host=typed, port=465, security=Security.TLS).host
    except InvalidSettings:
        return
    assert host.isascii()
    assert host == host.lower()
    assert not set(host) & set(" \t\r\n\x00/@[]%")
    assert Endpoint(host=host, port=465, security=Security.TLS).host == host
