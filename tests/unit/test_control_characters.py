"""No string field of any public value lets a control character through to where it could end a line or hide text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

import tether_mailconf
from tether_mailconf import (
    Candidate,
    ConnectionSettings,
    CredentialKind,
    Discovery,
    Dsn,
    Endpoint,
    FilingTrouble,
    Finding,
    InvalidMessage,
    InvalidSettings,
    NetworkPolicy,
    Problem,
    Receipt,
    Reply,
    Report,
    SaslStep,
    Security,
    SentPolicy,
    StoredAccount,
    Trial,
)
from tether_mailconf.delivery.envelope import build_envelope

CONTROL = (
    "\r",
    "\n",
    "\r\n",
    "\0",
    "\x0b",
    "\x0c",
    "\x85",
    "\u2028",
    "\u2029",
    "\x1b",
    "\x08",
    "\x7f",
    "\x1c",
    "\x9b",
    "\r\n.\r\n",
    "\n\n",
    "\r\nRCPT TO:<eve@example.org>\r\n",
)
SERVER = Endpoint(host="mail.example.com", port=465, security=Security.TLS)
SETTINGS: dict[str, Any] = {
    "address": "ana@example.com",
    "smtp": SERVER,
    "imap": Endpoint(host="imap.example.com", port=993, security=Security.TLS),
    "smtp_user": "ana",
    "imap_user": "ana",
    "credential": CredentialKind.PASSWORD,
}

CHECKED: dict[type, tuple[Callable[..., object], dict[str, Any]]] = {
    Endpoint: (Endpoint, {"host": "mail.example.com", "port": 465, "security": Security.TLS}),
    SentPolicy: (SentPolicy, {}),
    ConnectionSettings: (ConnectionSettings, SETTINGS),
    Dsn: (Dsn, {}),
    NetworkPolicy: (NetworkPolicy, {}),
}
"""How to build each value that a host fills in."""

TOLD = {Problem, Reply, Receipt, FilingTrouble, SaslStep, Discovery, Candidate, Finding, Report, Trial, StoredAccount}
"""Values that the library fills in: with what was wrong, what a server said, and what was checked before."""


def string_fields() -> Iterator[tuple[type, str]]:
    """Every field of a public value that holds text."""
    for name in tether_mailconf.__all__:
        kind = getattr(tether_mailconf, name)
        if isinstance(kind, type) and attrs.has(kind):
            for field in attrs.fields(kind):
                if "str" in str(field.type):
                    yield kind, field.name


FIELDS = list(string_fields())


def test_every_public_value_with_text_is_either_checked_or_filled_in_by_the_library() -> None:
    """A new public value must choose, and the introspection must find what is known to be there."""
    assert {kind for kind, _ in FIELDS} <= CHECKED.keys() | TOLD
    assert {
        (Endpoint, "host"),
        (SentPolicy, "mailbox"),
        (ConnectionSettings, "smtp_user"),
        (Dsn, "envelope_id"),
    } <= set(FIELDS)


@pytest.mark.parametrize("control", CONTROL, ids=ascii)
@pytest.mark.parametrize("place", ["{}a", "a{}b", "a{}", "{}"])
@pytest.mark.parametrize(
    ("kind", "field"),
    [pair for pair in FIELDS if pair[0] in CHECKED],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_no_field_that_a_host_fills_takes_a_control_character(kind: type, field: str, place: str, control: str) -> None:
    build, sound = CHECKED[kind]
    text = place.format(control)
    with pytest.raises((InvalidSettings, InvalidMessage)) as caught:
        build(**{**sound, field: text})
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("control", CONTROL, ids=ascii)
@pytest.mark.parametrize(
    "address",
    ["ana{}@example.com", "ana@exam{}ple.com", "{}ana@example.com", "ana@example.com{}", '"a{}b"@example.com'],
)
def test_no_address_of_an_envelope_takes_a_control_character(address: str, control: str) -> None:
    wrong = address.format(control)
    with pytest.raises(InvalidMessage) as caught:
        build_envelope(wrong, [wrong, "bob@example.org"], None)
    assert {problem.field for problem in caught.value.problems} == {"sender", "recipients.0"}
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("control", CONTROL, ids=ascii)
def test_what_a_server_said_is_shown_with_its_control_characters_escaped(control: str) -> None:
    reply = Reply(code="550", text=f"no{control}such user")
    assert reply.shown.isprintable()
    assert all(line.isprintable() for line in reply.to_dict()["text"].split("\n"))
