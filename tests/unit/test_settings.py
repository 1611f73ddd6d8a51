"""Settings: what is accepted, and that everything wrong is told at once and as one kind of error."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import attrs
import pytest

from tether_mailconf.errors import InvalidSettings
from tether_mailconf.settings import ConnectionSettings, Endpoint, Security, SentPolicy

from .accounts import HUGE, IMAP, SMTP, problems, settings, stored

# -- endpoints ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("smtp.example.com", "smtp.example.com"),
        ("SMTP.Example.COM", "smtp.example.com"),
        ("smtp.example.com.", "smtp.example.com"),
        ("localhost", "localhost"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("faß.example", "xn--fa-hia.example"),  # IDNA 2008, not 2003: the sharp s is kept
        ("mail。example。com", "mail.example.com"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::1", "::1"),
        ("3com.example", "3com.example"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
        (".".join(["a" * 49] * 5) + ".aa.", ".".join(["a" * 49] * 5) + ".aa"),
    ],
)
def test_a_host_is_stored_as_lower_case_a_labels_or_a_short_address(typed: str, kept: str) -> None:
    assert Endpoint(host=typed, port=465, security=Security.TLS).host == kept


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "host.missing"),
        ("https://smtp.example.com", "host.url"),
        ("imap://imap.example.com:993", "host.url"),
        ("smtp.example.com/mail", "host.url"),
        ("smtp.example.com?x", "host.url"),
        ("smtp.example.com:465", "host.port"),
        ("smtp.example.com:", "host.port"),
        ("192.0.2.1:465", "host.port"),
        ("[::1]:993", "host.port"),
        ("[::1]", "host.brackets"),
        ("ana@example.com", "host.address"),
        ("smtp example.com", "host.space"),
        (" smtp.example.com", "host.space"),
        ("smtp.example.com\u00a0", "host.space"),
        ("smtp.example.com\r\nQUIT", "host.control"),
        ("smtp.example.com\x00", "host.control"),
        ("smtp.exam\x85ple.com", "host.control"),
        ("smtp.example.com\u2028", "host.control"),
        pytest.param("a" * 1_000_000, "host.too_long", id="a million letters"),
        pytest.param("ü" * 1_000_000, "host.too_long", id="a million umlauts"),
        (".".join(["a" * 49] * 5) + ".aaaa", "host.too_long"),
        ("ü." * 60 + "example", "host.too_long"),  # short as typed, too long as A-labels
        (".", "host.label"),
        ("smtp..example.com", "host.label"),
        ("-smtp.example.com", "host.label"),
        ("smtp-.example.com", "host.label"),
        ("smtp_1.example.com", "host.label"),
        ("a" * 64 + ".example", "host.label"),
        ("ü" * 60 + ".example", "host.label"),
        ("xn--a.example", "host.label"),
        ("💌.example", "host.label"),  # IDNA 2008 has no symbols
        ("℀.example", "host.label"),  # UTS 46 maps it to "a/c"
        ("smtp.example.com\uff20evil.example", "host.label"),
        ("\ud800.example", "host.label"),
        ("\u200b", "host.label"),
        ("a:b:c", "host.label"),
        ("fe80::1%eth0", "host.label"),
        ("127.1", "host.number"),
        ("256.1.1.1", "host.number"),
        ("2130706433", "host.number"),
        ("0x7f000001", "host.number"),
        ("0X7F.0x1", "host.number"),
        ("\uff11\uff12\uff17.0.0.1", "host.number"),
        (None, "type.wrong"),
        (b"smtp.example.com", "type.wrong"),
        (25, "type.wrong"),
    ],
)
def test_what_is_no_host_is_refused_with_a_code_of_its_own(typed: Any, code: str) -> None:
    assert problems(lambda: Endpoint(host=typed, port=465, security=Security.TLS)) == {("host", code)}


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("https://smtp.example.com", "server's name only"),
        ("smtp.example.com:465", "its own field"),
        ("ana@example.com", "e-mail address"),
        ("[::1]", "without brackets"),
        ("127.1", "192.0.2.1"),
    ],
)
def test_a_refused_host_comes_with_a_hint(typed: str, hint: str) -> None:
    with pytest.raises(InvalidSettings, match=hint):
        Endpoint(host=typed, port=465, security=Security.TLS)


@pytest.mark.parametrize("port", [0, -1, 65536, HUGE])
def test_a_port_is_a_number_from_1_to_65535(port: int) -> None:
    assert problems(lambda: Endpoint(host="a.example", port=port, security=Security.TLS)) == {("port", "port.range")}


@pytest.mark.parametrize("port", [True, False, "465", 465.0, None])
def test_a_port_is_a_whole_number_and_nothing_like_one(port: Any) -> None:
    assert problems(lambda: Endpoint(host="a.example", port=port, security=Security.TLS)) == {("port", "type.wrong")}


@pytest.mark.parametrize(
    ("port", "security", "right"),
    [
        (465, Security.STARTTLS, "587"),
        (993, Security.STARTTLS, "143"),
        (587, Security.TLS, "465"),
        (25, Security.TLS, "465"),
        (143, Security.TLS, "993"),
    ],
)
def test_a_port_that_does_not_speak_the_security_is_refused_with_the_one_that_does(
    port: int, security: Security, right: str
) -> None:
    with pytest.raises(InvalidSettings, match=f"the port is {right}$") as caught:
        Endpoint(host="a.example", port=port, security=security)
    assert [problem.code for problem in caught.value.problems] == ["port.security_mismatch"]


@pytest.mark.parametrize("security", Security)
@pytest.mark.parametrize("port", [1, 2525, 1143, 65535])
def test_any_other_port_goes_with_either_security(port: int, security: Security) -> None:
    assert Endpoint(host="a.example", port=port, security=security).port == port


def test_everything_wrong_with_an_endpoint_is_told_at_once() -> None:
    wrong: Any = "tls"
    expected = {("host", "host.missing"), ("port", "port.range"), ("security", "type.wrong")}
    assert problems(lambda: Endpoint(host="", port=0, security=wrong)) == expected


# -- settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("ana@example.com", "ana@example.com"),
        ("Ana.Bell+crm@EXAMPLE.com", "Ana.Bell+crm@example.com"),
        ("ana@mail.test", "ana@mail.test"),
        ("ana@Bücher.example", "ana@xn--bcher-kva.example"),
        ("jörg@example.com", "jörg@example.com"),
    ],
)
def test_an_address_keeps_its_local_part_and_has_its_domain_in_a_labels(typed: str, kept: str) -> None:
    assert settings(address=typed).address == kept


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "text.missing"),
        ("ana", "address.invalid"),
        ("@example.com", "address.invalid"),
        ("ana@", "address.invalid"),
        ("ana@@example.com", "address.invalid"),
        ("ana@example", "address.invalid"),
        ("ana bell@example.com", "address.invalid"),
        ("Ana <ana@example.com>", "address.invalid"),
        ("ana@example.com, bob@example.com", "address.invalid"),
        ("ana@[192.0.2.1]", "address.invalid"),
        ("ana.@example.com", "address.invalid"),
        ('"ana bell"@example.com', "address.quoted"),
        ("ana@example.com\r\nRCPT TO:<x@example.com>", "text.control"),
        ("ana\x00@example.com", "text.control"),
        ("\ud800@example.com", "text.control"),
        pytest.param("a" * 1_000_000 + "@example.com", "text.too_long", id="a million letters"),
        (None, "type.wrong"),
        (b"ana@example.com", "type.wrong"),
    ],
)
def test_what_is_no_address_is_refused(typed: Any, code: str) -> None:
    assert problems(lambda: settings(address=typed)) == {("address", code)}


@pytest.mark.parametrize("bad", ["a\rb", "a\nb", "a\x00b", "a\x1bb", "a\x7fb", "a\x85b", "a\u2028b", "a\ud800b"])
@pytest.mark.parametrize("field", ["display_name", "smtp_user", "imap_user"])
def test_no_text_holds_a_control_character(field: str, bad: str) -> None:
    assert problems(lambda: settings(**{field: bad})) == {(field, "text.control")}


@pytest.mark.parametrize("bad", ["a\r\nb", "\x00"])
@pytest.mark.parametrize("field", ["mailbox", "learned_at"])
def test_no_text_of_the_sent_policy_holds_a_control_character(field: str, bad: str) -> None:
    texts: dict[str, Any] = {field: bad}
    assert problems(lambda: SentPolicy(**texts)) == {(field, "text.control")}
    assert problems(lambda: ConnectionSettings.from_dict(stored(sent=texts))) == {(f"sent.{field}", "text.control")}


@pytest.mark.parametrize("bad", ["", "Gmail", "a-b", "a\n", "a" * 65, None, 5])
def test_a_preset_id_has_lower_case_letters_digits_and_underscores(bad: Any) -> None:
    assert problems(lambda: settings(preset=bad)) == {("preset", "preset.invalid")}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"display_name": "x" * 257}, {("display_name", "text.too_long")}),
        ({"display_name": None}, {("display_name", "type.wrong")}),
        ({"smtp_user": ""}, {("smtp_user", "text.missing")}),
        ({"smtp_user": "  "}, {("smtp_user", "text.missing")}),
        ({"imap_user": ""}, {("imap_user", "user.missing")}),
        ({"imap_user": "  "}, {("imap_user", "user.missing")}),
        ({"imap": None}, {("imap_user", "user.without_server")}),
        ({"smtp": IMAP}, {("smtp.port", "port.other_protocol")}),
        ({"imap": SMTP}, {("imap.port", "port.other_protocol")}),
        ({"smtp": None}, {("smtp", "type.wrong")}),
        ({"smtp": {"host": "a.example"}}, {("smtp", "type.wrong")}),
        ({"imap": "imap.example.com"}, {("imap", "type.wrong")}),
        ({"credential": "password"}, {("credential", "type.wrong")}),
        ({"sent": None}, {("sent", "type.wrong")}),
        ({"enabled": 1}, {("enabled", "type.wrong")}),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    assert problems(lambda: settings(**changes)) == expected


def test_without_an_imap_server_there_is_no_user_name_for_it() -> None:
    assert settings(imap=None, imap_user="").imap is None


def test_everything_wrong_with_settings_is_told_at_once() -> None:
    expected = {
        ("address", "address.invalid"),
        ("display_name", "text.control"),
        ("preset", "preset.invalid"),
        ("smtp.port", "port.other_protocol"),
        ("smtp_user", "text.missing"),
        ("imap_user", "user.missing"),
        ("credential", "type.wrong"),
        ("sent", "type.wrong"),
        ("enabled", "type.wrong"),
    }
    wrong: dict[str, Any] = {
        "address": "ana",
        "display_name": "\n",
        "preset": "?",
        "smtp": IMAP,
        "smtp_user": "",
        "imap_user": "",
        "credential": None,
        "sent": (),
        "enabled": "yes",
    }
    assert problems(lambda: settings(**wrong)) == expected


def test_a_filer_that_is_none_and_an_empty_mailbox_are_told_together() -> None:
    wrong: Any = "client"
    assert problems(lambda: SentPolicy(mailbox="", filer=wrong)) == {
        ("mailbox", "text.missing"),
        ("filer", "type.wrong"),
    }


def test_settings_are_frozen_comparable_and_hashable() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        settings().enabled = False  # type: ignore[misc]
    assert settings() == settings()
    assert len({settings(), settings(), settings(enabled=False)}) == 2


# -- imports -----------------------------------------------------------------------------------------------------------


def test_importing_the_settings_costs_nothing_heavy() -> None:
    heavy = ("ssl", "email", "asyncio", "requests", "dns", "idna", "email_validator", "socket", "tomllib")
    code = "import tether_mailconf.settings, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = done.stdout.split()
    assert "tether_mailconf.settings" in loaded
    assert [name for name in loaded if name.partition(".")[0] in heavy] == []
