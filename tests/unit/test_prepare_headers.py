"""Headers of prepared messages: identifiers, names and addresses as they must be, and no field smuggled in."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable
from email.header import Header, decode_header, make_header
from email.headerregistry import Address, Group
from email.message import EmailMessage, Message
from email.mime.multipart import MIMEMultipart
from email.utils import getaddresses
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tether_mailconf import InvalidMessage
from tether_mailconf.delivery.prepare import Prepared

from .letters import (
    both_classes,
    filed,
    legacy_letter,
    letter,
    made,
    modern_letter,
    refused,
    reread,
    submitted,
)

# -- headers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["References", "In-Reply-To"])
@both_classes
def test_long_identifiers_are_folded_and_never_made_encoded_words(read: Callable[[bytes], Message], name: str) -> None:
    ids = [f"<{letters * 120}.{index}@mail.example.com>" for index, letters in enumerate("abc")]
    for source in (" ".join(ids), "\r\n\t".join(ids)):
        raw = filed(made(read(f"To: bob@example.org\r\n{name}: {source}\r\n\r\nhi\r\n".encode())))
        assert f"\r\n{name}: ".encode() + b"\r\n ".join(map(str.encode, ids)) + b"\r\n" in raw
        assert b"=?" not in raw


def test_identifiers_set_by_the_host_are_not_made_encoded_words_either() -> None:
    ids = f"<{'a' * 200}@x.example> <{'b' * 200}@x.example>"
    found = reread(made(letter(references=ids, in_reply_to=ids, message_id=f"<{'c' * 300}@x.example>")))
    assert found["References"].split() == found["In-Reply-To"].split() == ids.split()
    assert found["Message-ID"] == f"<{'c' * 300}@x.example>"


LONG = "a" * 80
READ_BY_PROGRAMS = [
    ("List-Unsubscribe", f"<mailto:leave@example.org?subject={LONG}>,", f"<https://example.org/leave?token={LONG}>"),
    ("List-Id", "Our offers", f"<{LONG}.example.org>"),
    ("DKIM-Signature", "v=1; a=rsa-sha256; d=example.org;", f"b={LONG * 4}"),
    ("X-Tracking", "data:", f'{{"campaign":"{LONG}"}}'),
]


@pytest.mark.parametrize(("name", "first", "second"), READ_BY_PROGRAMS, ids=[name for name, *_ in READ_BY_PROGRAMS])
@both_classes
def test_a_long_word_is_not_encoded_in_a_field_that_programs_read(
    read: Callable[[bytes], Message], name: str, first: str, second: str
) -> None:
    """RFC 2047 section 5: no provider would find the link to unsubscribe in encoded words."""
    raw = filed(made(read(f"To: bob@example.org\r\n{name}: {first} {second}\r\n\r\nhi\r\n".encode())))
    message = letter()
    message[name] = f"{first} {second}"
    written = made(message)
    for rendered in (raw, filed(written)):
        assert f"\r\n{name}: {first}\r\n {second}\r\n".encode() in rendered
    assert reread(written)[name] == f"{first} {second}"


def test_a_long_content_id_is_the_one_that_the_html_names() -> None:
    """`email.utils.make_msgid` on a machine with a long name makes such ones."""
    cid = f"<179590256054.28162.12098616949351258993@{'a' * 30}.compute.internal>"
    message = letter()
    message.add_related(b"picture", maintype="image", subtype="png", cid=cid)
    assert f"\r\nContent-ID: {cid}\r\n".encode() in filed(made(message))


@pytest.mark.parametrize("value", ["a" * 1_000, f"ü {'a' * 1_000} ü", "ü" * 1_000])
@pytest.mark.parametrize("name", ["Subject", "X-Any"])
def test_a_word_that_no_line_can_hold_is_encoded(name: str, value: str) -> None:
    message = letter()
    del message[name]
    message[name] = value
    prepared = made(message)
    assert max(map(len, filed(prepared).split(b"\r\n"))) <= 78
    assert reread(prepared)[name] == value


WORDS = ["Angebot", "über", "Straße", "Änderung", "Größe", "2026", "und", "Herr", "Müller", "(neu)", "[#12]", "€", "😀"]
German = st.lists(st.sampled_from(WORDS), min_size=1, max_size=16).map(" ".join)
Sent = Callable[[EmailMessage], Message]


@pytest.mark.parametrize(
    "sent",
    [
        lambda message: message,
        lambda message: email.message_from_bytes(message.as_bytes(policy=email.policy.SMTPUTF8)),
        lambda message: email.message_from_bytes(message.as_bytes(), policy=email.policy.SMTP),
    ],
    ids=["written", "read by the old class", "read by the new class"],
)
@given(German, st.lists(German | st.just('Bell, "A" \\'), min_size=1, max_size=9))
@example("Größe Änderung über die Straße Büro Köln Änderung Angebot über Straße für und Büro", ["Größe, Änderung"] * 4)
def test_people_read_the_subject_and_the_names_that_were_written(sent: Sent, subject: str, names: list[str]) -> None:
    """The email package loses spaces between encoded words, and encodes commas between addresses."""
    people = [Address(name, f"p{index}", "example.org") for index, name in enumerate(names)]
    message = letter(subject=subject, to=people[0], cc=people)
    # What the email package reads is what was written, wherever it is not folded.
    source = sent(email.message_from_bytes(filed(made(message)), policy=email.policy.SMTP))
    for given_message in (message, source):
        prepared = made(given_message)
        assert reread(prepared)["Subject"] == subject
        assert people_in(prepared, "Cc") == [(person.display_name, person.addr_spec) for person in people]
        assert prepared.envelope.recipients == tuple(address.addr_spec for address in people)
        assert max(map(len, filed(prepared).partition(b"\r\n\r\n")[0].split(b"\r\n"))) <= 78


def people_in(prepared: Prepared, name: str) -> list[tuple[str, str]]:
    """Names and addresses in a field. The new class reads "ü ber" where a word is cut (RFC 2047 section 6.2)."""
    field = email.message_from_bytes(filed(prepared))[name]
    return [(str(make_header(decode_header(phrase))), spec) for phrase, spec in getaddresses([field])]


def test_a_long_name_stays_in_its_quotes() -> None:
    """Out of them, its commas would be those between addresses, and an answer to all would go to nobody."""
    name = "Verband der Vereinigten Unternehmen, Abteilung Beschaffung; Referat 12 (Einkauf), Tuer 4"
    for message in (
        letter(to=Address(name, "bob", "example.org")),
        email.message_from_string(f'To: "{name}" <bob@example.org>\n\nhi\n'),
    ):
        assert f'"{name}"' in filed(made(message)).decode().replace("\r\n", "")
        (address,) = reread(made(message))["To"].addresses
        assert (address.display_name, address.addr_spec) == (name, "bob@example.org")


def test_a_group_keeps_its_name_and_its_members() -> None:
    groups = [
        Group("Büro Köln, Einkauf", [Address("Änne Müller", "a", "example.org"), Address("", "b", "example.org")])
    ]
    message = letter(cc=[*groups, Address("Carl", "c", "example.org"), Group("undisclosed-recipients", [])])
    found = reread(made(message))["Cc"]
    assert [(group.display_name, len(group.addresses)) for group in found.groups] == [
        ("Büro Köln, Einkauf", 2),
        (None, 1),
        ("undisclosed-recipients", 0),
    ]
    assert [address.addr_spec for address in found.addresses] == ["a@example.org", "b@example.org", "c@example.org"]


@pytest.mark.parametrize("name", ["Юрий", "Ünal, Dr.", "田中太郎", 'Ana "B" Ö', "a" * 90 + "ü", "ana"])
@pytest.mark.parametrize("field", ["To", "From", "Cc", "Bcc", "Reply-To", "Sender"])
def test_a_domain_that_is_not_ascii_is_written_in_a_labels_whatever_the_name_before_it(field: str, name: str) -> None:
    message = letter()
    del message[field]
    message[field] = Address(name, "yu", "bücher.example")
    if "To" not in message:
        message["To"] = "bob@example.org"
    prepared = made(message)
    assert (prepared.filed.is_ascii, prepared.filed.is_utf8) == (True, False)
    assert b"<yu@xn--bcher-kva.example>" in filed(prepared) or b" yu@xn--bcher-kva.example" in filed(prepared)
    (address,) = reread(prepared)[field].addresses
    assert address.addr_spec == "yu@xn--bcher-kva.example"
    source = next(value for header, value in reread(prepared).raw_items() if header == field)
    shown = "".join(str(make_header([word])) for word in decode_header(source)).replace("\\", "")
    assert name in shown


def test_domains_that_begin_alike_are_each_written_in_their_own_a_labels() -> None:
    message = letter(to="a@bü.example, b@bü.exampleü, c@bü.example.org, d@bü-x.example")
    prepared = made(message)
    expected = [
        "a@xn--b-eha.example",
        "b@xn--b-eha.xn--example-v9a",
        "c@xn--b-eha.example.org",
        "d@xn--b-x-hoa.example",
    ]
    assert [address.addr_spec for address in reread(prepared)["To"].addresses] == list(prepared.envelope.recipients)
    assert len(prepared.envelope.recipients) == len(expected)
    assert prepared.filed.is_ascii


def test_a_domain_that_no_server_can_have_is_refused() -> None:
    assert ("To", "message.address") in refused(letter(to="a@💌.example"), recipients=["bob@example.org"])


def test_a_local_part_that_is_not_ascii_needs_smtputf8_and_is_written_as_utf_8() -> None:
    prepared = made(letter(to="Jörg <jörg@bücher.example>"))
    assert (prepared.filed.is_utf8, prepared.submitted.is_utf8, prepared.filed.is_ascii) == (True, True, False)
    assert prepared.envelope.recipients == ("jörg@xn--bcher-kva.example",)
    assert "\r\nTo: Jörg <jörg@xn--bcher-kva.example>\r\n".encode() in b"\r\n" + filed(prepared)
    assert made(letter(), recipients=["jörg@example.org"]).filed.is_utf8


@both_classes
def test_a_field_that_was_read_on_lines_too_long_is_folded_anew(read: Callable[[bytes], Message]) -> None:
    text = "word " * 30 + "\r\n\tand " + "more " * 30 + "end"
    folded = made(read(f"To: bob@example.org\r\nX-Any: {text}\r\n\r\nhi\r\n".encode()))
    assert reread(folded)["X-Any"] == text.replace("\r\n", "")
    assert max(map(len, filed(folded).split(b"\r\n"))) <= 78


@both_classes
def test_a_field_that_was_read_on_lines_that_may_be_stays_as_it_is(read: Callable[[bytes], Message]) -> None:
    field = b"X-Any: " + b"a" * 71 + b"\r\n\tb\r\n\tc\r\n"
    assert field in filed(made(read(b"To: bob@example.org\r\n" + field + b"\r\nhi\r\n")))


SEVERAL = ", ".join(f"person{index}@example.org" for index in range(4))


@pytest.mark.parametrize(
    ("to", "shown"),
    [
        (f"ana@example.org; bob@example.org, {SEVERAL}", f"ana@example.org; bob@example.org, {SEVERAL}"),
        ((Address("Jörg"), Address("", "eva", "example.org")), "=?utf-8?q?J=C3=B6rg?= <>, eva@example.org"),
        (
            (Address("Jörg", "bob", ""), Address("", "eva", "example.org")),
            "=?utf-8?q?J=C3=B6rg?= <bob>, eva@example.org",
        ),
        (
            (Address("Jörg", "", "example.org"), Address("", "eva", "example.org")),
            "=?utf-8?q?J=C3=B6rg?= <@example.org>, eva@example.org",
        ),
    ],
)
def test_addresses_that_are_none_are_written_as_the_host_wrote_them(to: Any, shown: str) -> None:
    """Nobody asks for them where the host says beside the message who gets it."""
    prepared = made(letter(to=to), recipients=["bob@example.org"])
    assert filed(prepared).replace(b"\r\n ", b" ").startswith(f"To: {shown}\r\n".encode())


@both_classes
def test_long_fields_in_utf_8_are_folded_and_nothing_in_them_encoded(read: Callable[[bytes], Message]) -> None:
    """RFC 6532: who reads such a header reads UTF-8. A line has 78 octets."""
    names = ", ".join(f'"Größe, Änderung {index}" <jörg{index}@example.org>' for index in range(9))
    subject = " ".join(["Größe Änderung"] * 9)
    raw = filed(made(read(f"To: {names}\r\nSubject: {subject}\r\n\r\nhi\r\n".encode())))
    assert f"To: {names}\r\nSubject: {subject}\r\n" in raw.decode().replace("\r\n ", " ")
    assert max(map(len, raw.split(b"\r\n"))) <= 78


@both_classes
def test_raw_utf_8_in_a_header_is_read_as_what_it_is(read: Callable[[bytes], Message]) -> None:
    prepared = made(read("To: Jörg <bob@bücher.example>\r\nSubject: Grüße\r\n\r\nhi\r\n".encode()))
    found = reread(prepared)
    assert (found["Subject"], prepared.filed.is_ascii) == ("Grüße", True)
    assert prepared.envelope.recipients == ("bob@xn--bcher-kva.example",)
    assert found["To"].addresses[0].display_name == "Jörg"
    folded = made(read("To: bob@example.org\r\nSubject: Grüße\r\n und mehr\r\n\r\nhi\r\n".encode()))
    assert reread(folded)["Subject"] == "Grüße und mehr"


@both_classes
def test_a_header_in_an_unknown_charset_is_no_reason_not_to_send(read: Callable[[bytes], Message]) -> None:
    assert made(read(b"To: bob@example.org\r\nSubject: Gr\xfc\xdfe\r\n\r\nhi\r\n")).filed.is_ascii


@both_classes
def test_letters_of_an_unknown_charset_reach_who_may_know_it(read: Callable[[bytes], Message]) -> None:
    """They go as they are (RFC 1428 section 3), not as question marks that nobody can read any more."""
    raw = filed(made(read(b"To: Gr\xfc\xdfe <bob@example.org>\r\nSubject: Gr\xfc\xdfe\r\n\r\nhi\r\n")))
    assert b"\r\nSubject: =?unknown-8bit?q?Gr=FC=DFe?=\r\n" in raw
    assert b"To: =?unknown-8bit?q?Gr=FC=DFe?= <bob@example.org>\r\n" in raw


@pytest.mark.parametrize("letter_of_none", [*map(chr, (0xD800, 0xDCFC, 0xDFFF))], ids=ascii)
def test_letters_that_do_not_exist_in_an_identifier_are_no_reason_not_to_send(letter_of_none: str) -> None:
    """It is somebody else's, in most cases: what an answer refers to."""
    message = letter()
    message._headers.append(("References", f"<{letter_of_none}@x.example>"))  # type: ignore[attr-defined]
    assert b"\r\nReferences: <?@x.example>\r\n" in filed(made(message))


def test_a_subject_stays_in_the_charset_that_the_host_has_chosen() -> None:
    """Some programs of some countries read no other."""
    message = legacy_letter()
    del message["Subject"]
    message["Subject"] = Header("件名", "iso-2022-jp")  # type: ignore[assignment]
    assert b"\r\nSubject: =?iso-2022-jp?b?GyRCN29MPhsoQg==?=\r\n" in filed(made(message))


def test_a_number_that_the_host_set_is_written_as_one() -> None:
    message = legacy_letter()
    message["X-Priority"] = 1  # type: ignore[assignment]
    assert b"\r\nX-Priority: 1\r\n" in filed(made(message))


# -- what is refused ---------------------------------------------------------------------------------------------------

INJECTED = [
    "a\r\nX-Evil: 1",
    "a\nX-Evil: 1",
    "a\rX-Evil: 1",
    "a\0b",
    "a\r\n\r\nbody",
    "a\n",
    "a\x0bX-Evil: 1",
    "a\x0cX: 1",
]


@pytest.mark.parametrize("value", [*INJECTED, "a\x1cX: 1", "a\x85X: 1", "a\u2028X: 1", "a\u2029X: 1"], ids=ascii)
@pytest.mark.parametrize("name", ["Subject", "To", "From", "X-Own", "Message-ID", "References"])
@pytest.mark.parametrize("kind", [EmailMessage, Message, MIMEMultipart], ids=lambda kind: kind.__name__)
def test_a_line_break_in_a_value_is_refused_in_every_class(kind: type[Message], name: str, value: str) -> None:
    message = kind()
    message["Cc"] = "bob@example.org"
    # The new class refuses most of them itself; what a host parsed or copied in does not pass through its checks.
    message._headers.append((name, value))  # type: ignore[attr-defined]
    assert (name, "message.header_injection") in refused(message)


@pytest.mark.parametrize("value", INJECTED, ids=ascii)
def test_a_line_break_in_a_part_s_header_is_refused(value: str) -> None:
    message = modern_letter()
    next(message.iter_attachments())._headers.append(("X-Own", value))  # type: ignore[attr-defined]
    assert refused(message) == {("X-Own", "message.header_injection")}


@pytest.mark.parametrize("name", ["", "X Y", "X:Y", "X\r\nBcc", "Bcc ", "X\0", "Ü", "X\n"], ids=ascii)
@pytest.mark.parametrize("kind", [EmailMessage, Message], ids=lambda kind: kind.__name__)
def test_a_field_name_that_is_none_is_refused(kind: type[Message], name: str) -> None:
    message = kind()
    message["To"] = "bob@example.org"
    message._headers.append((name, "x"))  # type: ignore[attr-defined]
    assert refused(message) == {("message", "message.field_name")}


@pytest.mark.parametrize("text", [b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e"])
@both_classes
def test_what_the_email_package_takes_for_a_line_break_begins_no_field(
    read: Callable[[bytes], Message], text: bytes
) -> None:
    raw = b"To: bob@example.org\r\nSubject: a" + text + b"X-Evil: 1\r\n\r\nhi\r\n"
    assert refused(read(raw)) == {("Subject", "message.header_injection")}


@pytest.mark.parametrize("field", [b"Subject", b"X-Own", b"To", b"Content-Description", b"Content-Disposition"])
@pytest.mark.parametrize(
    "word", [b"=?utf-8?q?a=0D=0AX-Evil=3A_1?=", b"=?utf-8?b?YQpYLUV2aWw6IDE=?=", b"=?utf-8?q?a=0DX=3A_1?="]
)
@pytest.mark.parametrize("tail", [b"", b" " + b"x " * 60])
@both_classes
def test_a_line_break_in_an_encoded_word_begins_no_field(
    read: Callable[[bytes], Message], tail: bytes, word: bytes, field: bytes
) -> None:
    raw = b"Cc: bob@example.org\r\n" + field + b": " + word + tail + b" <eve@example.org>\r\n\r\nhi\r\n"
    try:
        prepared = made(read(raw))
    except InvalidMessage:
        return
    head = filed(prepared).partition(b"\r\n\r\n")[0]
    assert [line for line in head.split(b"\r\n") if line.startswith((b"X-Evil", b"X:"))] == []


def test_all_headers_that_are_wrong_are_told_at_once() -> None:
    message = Message()
    message["To"] = "bob@example.org"
    message["Subject"] = "a\nb"
    message["X-Own"] = "a\rb"
    message["X Y"] = "a"
    assert refused(message) == {
        ("Subject", "message.header_injection"),
        ("X-Own", "message.header_injection"),
        ("message", "message.field_name"),
    }


RESENT = (
    b"Resent-Date: Mon, 02 Nov 2026 03:04:05 +0000\r\nResent-From: Ana <ana@example.com>\r\n"
    b"Resent-To: Dan <dan@example.org>\r\nResent-Bcc: eve@example.org\r\n"
)
ORIGINAL = b"From: fay@example.net\r\nTo: ana@example.com\r\nCc: all@example.net\r\nBcc: gus@example.net\r\n\r\nhi\r\n"


@both_classes
def test_a_resent_message_goes_from_who_resends_it_to_whom_it_is_resent(read: Callable[[bytes], Message]) -> None:
    """RFC 5322 section 3.6.6. Those who had it before do not get it again."""
    prepared = made(read(RESENT + ORIGINAL))
    assert (prepared.envelope.sender, prepared.envelope.recipients) == (
        "ana@example.com",
        ("dan@example.org", "eve@example.org"),
    )
    assert b"eve@example.org" not in submitted(prepared)
    assert made(read(b"Resent-Sender: hal@example.com\r\n" + RESENT + ORIGINAL)).envelope.sender == "hal@example.com"


def test_of_a_message_that_was_resent_twice_the_host_says_to_whom_it_goes() -> None:
    message = email.message_from_bytes(RESENT + RESENT + ORIGINAL)
    assert refused(message) == {("recipients", "message.resent")}
    prepared = made(message, sender="ana@example.com", recipients=["ivy@example.org"])
    assert prepared.envelope.recipients == ("ivy@example.org",)


@pytest.mark.parametrize(
    ("given", "named"), [("To: bob@example.org", "builtins.str"), (Address("Bob"), "email.headerregistry.Address")]
)
def test_what_is_no_message_is_told_as_that(given: Any, named: str) -> None:
    with pytest.raises(InvalidMessage, match=f"^message: {named} is not an email.message.Message$") as caught:
        made(given)
    assert [problem.code for problem in caught.value.problems] == ["message.type"]


def test_one_address_in_the_place_of_a_list_is_told_as_that() -> None:
    assert refused(letter(), recipients="bob@example.org") == {("recipients", "message.recipients")}


def test_a_message_without_recipients_is_refused() -> None:
    assert refused(letter(to="undisclosed-recipients:;")) == {("recipients", "message.no_recipients")}
    assert refused(letter(), recipients=[]) == {("recipients", "message.no_recipients")}


@pytest.mark.parametrize(
    "to",
    [
        "ana@example.org; bob@example.org",
        "ana@example.org bob@example.org",
        "ana@example.org, bob eve@example.org",
        "ana@example.org, bob@@example.org",
        "ana@example.org, bob",
        "ana@example.org, <bob@example.org> eve@example.org",
        '"ana <ana@example.org>, bob@example.org',
    ],
)
@both_classes
def test_an_address_that_cannot_be_read_is_refused_and_never_passed_over(
    read: Callable[[bytes], Message], to: str
) -> None:
    """The email package leaves out what it cannot read: Bob would get nothing, and nobody would be told."""
    problems = refused(read(f"To: {to}\r\n\r\nhi\r\n".encode()))
    assert {code for _, code in problems} == {"message.address"}


@pytest.mark.parametrize(
    ("to", "addresses"),
    [
        ("bob@example.org,", ("bob@example.org",)),
        ("bob@example.org,, eve@example.org", ("bob@example.org", "eve@example.org")),
        ("Mr. B. Ell <bob@example.org>", ("bob@example.org",)),
        ('"=?utf-8?q?B=C3=B6b?=" <bob@example.org>', ("bob@example.org",)),
        ('"=?utf-8?q?B=C3=B6b?=: Sales" <bob@example.org>, eve@example.org', ("bob@example.org", "eve@example.org")),
        ("=?utf-8?q?eve=40example=2Eorg=2C_=22x?= <bob@example.org>", ("bob@example.org",)),
        ("bob@example.org (Eve, eve@example.org)", ("bob@example.org",)),
        ('"eve@example.org, x" <bob@example.org>', ("bob@example.org",)),
        ('"john doe"@example.org', ('"john doe"@example.org',)),
        ("Bob\r\n <bob@example.org>,\r\n\teve@example.org", ("bob@example.org", "eve@example.org")),
    ],
)
@both_classes
def test_an_odd_list_of_addresses_is_read_as_what_it_says(
    read: Callable[[bytes], Message], to: str, addresses: tuple[str, ...]
) -> None:
    assert made(read(f"To: {to}\r\n\r\nhi\r\n".encode())).envelope.recipients == addresses


def test_a_nul_in_a_body_is_refused_and_in_an_encoded_part_is_not() -> None:
    message = letter()
    message.set_payload("a\0b")
    assert refused(message) == {("message", "message.nul")}
    made(modern_letter())


def test_text_that_was_never_encoded_is_refused() -> None:
    message = Message()
    message["To"] = "bob@example.org"
    message.set_payload("Grüße")
    assert refused(message) == {("message", "message.unrenderable")}


def test_a_host_s_own_policy_does_not_matter() -> None:
    for policy in (email.policy.compat32, email.policy.default, email.policy.SMTPUTF8, email.policy.HTTP):
        message = EmailMessage(policy=policy)
        message["To"] = "bob@example.org"
        message.set_payload("hi")
        assert reread(made(message))["From"] == "Ana Bell <ana@xn--bcher-kva.example>"


@both_classes
def test_an_identifier_on_a_line_of_its_own_is_read(read: Callable[[bytes], Message]) -> None:
    """RFC 5322 section 2.2.3: some programs fold ahead of long identifiers."""
    prepared = made(read(b"To: bob@example.org\r\nMessage-ID:\r\n <folded@example.org>\r\n\r\nhi\r\n"))
    assert prepared.message_id == "<folded@example.org>"


@pytest.mark.parametrize("field", ["To", "cC", "REPLY-TO", "Sender"])
def test_a_local_part_that_is_not_ascii_needs_smtputf8_even_if_it_is_only_shown(field: str) -> None:
    """RFC 6531 section 3.1: the header is UTF-8, whoever gets the message."""
    message = letter()
    del message[field]
    message[field] = "jörg@example.org"
    assert made(message, sender="ana@example.org", recipients=["bob@example.org"]).filed.is_utf8
    assert not made(letter(subject="Grüße"), recipients=["bob@example.org"]).filed.is_utf8


def test_an_identifier_that_is_not_ascii_goes_as_utf_8_or_not_at_all() -> None:
    identifier = "<grüße@example.org>"
    plain = filed(made(letter(in_reply_to=identifier)))
    assert b"\r\nIn-Reply-To: <gr??e@example.org>\r\n" in plain
    modern = filed(made(letter(in_reply_to=identifier, to="jörg@example.org")))
    assert f"\r\nIn-Reply-To: {identifier}\r\n".encode() in modern


def test_a_message_from_nobody_has_no_envelope_sender() -> None:
    message = letter()
    message["From"] = "nobody:;"
    assert refused(message) == {("sender", "message.address")}
