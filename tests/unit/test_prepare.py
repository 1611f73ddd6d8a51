"""Prepared messages: what is added and taken out, what stays the host's, and the same again in another process."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from email.message import Message

import attrs
import pytest

from tether_mailconf import Delivery, InvalidMessage, Receipt
from tether_mailconf.delivery.prepare import prepare_again

from .letters import (
    LETTERS,
    SETTINGS,
    both_classes,
    every_letter,
    filed,
    legacy_letter,
    letter,
    made,
    mixed_letter,
    modern_letter,
    refused,
    reread,
    submitted,
)

# -- what is added -----------------------------------------------------------------------------------------------------


def test_from_date_and_message_id_are_added_once_if_they_are_missing() -> None:
    prepared = made(letter())
    found = reread(prepared)
    assert found.get_all("From") == ["Ana Bell <ana@xn--bcher-kva.example>"]
    assert found.get_all("Date") == ["Mon, 02 Nov 2026 03:04:05 +0000"] == [prepared.date]
    assert found.get_all("Message-ID") == [prepared.message_id]
    assert prepared.message_id.endswith("@xn--bcher-kva.example>")
    assert {"From", "Date", "Message-ID"} < set(found.keys()), "spelled as RFC 5322 does: filters are wary of others"
    assert prepared.envelope.sender == "ana@xn--bcher-kva.example"


def test_every_message_gets_an_id_of_its_own() -> None:
    assert len({made(letter()).message_id for _ in range(20)}) == 20


def test_what_the_host_set_is_kept() -> None:
    message = letter(
        sender="team@example.com",
        message_id="<a@b>",
        date="Tue, 03 Nov 2026 00:00:00 +0100",
        **{"from": "Eve <e@x.example>"},
    )
    prepared = made(message)
    found = reread(prepared)
    assert (prepared.message_id, prepared.date) == ("<a@b>", "Tue, 03 Nov 2026 00:00:00 +0100")
    assert [found.get_all(name) for name in ("From", "Sender", "Date", "Message-ID")] == [
        ["Eve <e@x.example>"],
        ["team@example.com"],
        ["Tue, 03 Nov 2026 00:00:00 +0100"],
        ["<a@b>"],
    ]
    assert prepared.envelope.sender == "team@example.com"


@pytest.mark.parametrize("wrong", ["a@b", "<a b@c>", "<>", "<a@b", "<a@b> <c@d>", "<ä@b>", "<" + "a" * 996 + ">", ""])
@both_classes
def test_a_message_id_that_is_none_is_refused_as_it_stands(read: Callable[[bytes], Message], wrong: str) -> None:
    """The email package would mend it where it reads it, and leave it where it renders it: no search would find it."""
    message = read(f"To: bob@example.org\r\nMessage-ID: {wrong}\r\n\r\nhi\r\n".encode())
    assert refused(message) == {("Message-ID", "message.id")}


def test_the_envelope_can_be_given() -> None:
    envelope = made(letter(), sender="bounce@example.com", recipients=["eve@example.org"]).envelope
    assert (envelope.sender, envelope.recipients) == ("bounce@example.com", ("eve@example.org",))


def test_the_envelope_is_taken_from_to_cc_and_bcc_each_once() -> None:
    message = letter(
        to="Bob <bob@example.org>, eve@example.org",
        cc='"Bell, C" <c@example.org>, bob@example.org',
        bcc="team: d@example.org, f@example.org;",
    )
    assert made(message).envelope.recipients == tuple(f"{name}@example.org" for name in ("bob", "eve", "c", "d", "f"))


def test_what_a_receipt_says_of_a_message_that_was_only_prepared() -> None:
    prepared = made(letter())
    receipt = prepared.receipt()
    assert (receipt.delivery, receipt.message_id, receipt.date, receipt.digest, receipt.sender, receipt.accepted) == (
        Delivery.NOT_SENT,
        prepared.message_id,
        prepared.date,
        prepared.digest,
        "ana@xn--bcher-kva.example",
        (),
    )


# -- the host's message ------------------------------------------------------------------------------------------------


def anatomy(message: Message) -> list[object]:
    """Everything that a message holds, without rendering it: rendering gives a multipart a boundary."""
    return [
        (type(part), id(part), list(part.raw_items()), part.preamble, part.epilogue, part.get_payload())
        if part.is_multipart()
        else (type(part), id(part), list(part.raw_items()), part.get_payload())
        for part in message.walk()
    ]


@every_letter
def test_the_host_s_message_is_not_changed(write: Callable[[], Message]) -> None:
    message = write()
    policy, before, twin = message.policy, anatomy(message), copy.deepcopy(message)
    prepared = made(message)
    prepare_again(message, SETTINGS, prepared.receipt())
    assert anatomy(message) == before
    assert message.policy is policy
    for part, other in zip(message.walk(), twin.walk(), strict=True):
        for multipart in (part, other):
            if multipart.get_content_maintype() == "multipart" and multipart.get_boundary() is None:
                multipart.set_boundary("x")
    assert message.as_bytes() == twin.as_bytes()


@pytest.mark.parametrize("write", [modern_letter, legacy_letter, mixed_letter])
def test_parts_and_contents_arrive_as_they_were(write: Callable[[], Message]) -> None:
    message = write()
    found = reread(made(message))
    for part, original in zip(found.walk(), message.walk(), strict=True):
        assert part.get_content_type() == original.get_content_type()
        if not part.is_multipart():
            assert part.get_filename() == original.get_filename()
            expected, arrived = original.get_payload(decode=True), part.get_payload(decode=True)
            assert isinstance(expected, bytes)
            assert isinstance(arrived, bytes)
            assert arrived.replace(b"\r\n", b"\n").rstrip(b"\n") == expected.replace(b"\r\n", b"\n").rstrip(b"\n")


# -- Bcc ---------------------------------------------------------------------------------------------------------------


def without_bcc(raw: bytes) -> bytes:
    """The message without its Bcc fields, found line by line."""
    head, _, body = raw.partition(b"\r\n\r\n")
    kept, is_bcc = [], False
    for line in head.split(b"\r\n"):
        if not line.startswith((b" ", b"\t")):
            is_bcc = line.partition(b":")[0].lower() in (b"bcc", b"resent-bcc")
        if not is_bcc:
            kept.append(line)
    return b"\r\n".join(kept) + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    "fields",
    [
        b"Bcc: eve@example.org\r\n",
        b"bcc:eve@example.org\r\n",
        b"BCC: eve@example.org,\r\n\tmallory@example.org,\r\n  trent@example.org\r\n",
        b"Bcc: eve@example.org\r\nX-Between: 1\r\nBcc: mallory@example.org\r\n",
        b"Resent-Bcc: eve@example.org\r\nRESENT-BCC:\r\n mallory@example.org\r\n",
        b"Bcc:\r\n",
        "Bcc: Ève <eve@bücher.example>\r\n".encode(),
        b"Bcc: =?utf-8?q?=C3=88ve?= <eve@example.org>\r\n",
    ],
)
@both_classes
def test_bcc_is_in_what_is_filed_and_not_in_what_is_submitted(read: Callable[[bytes], Message], fields: bytes) -> None:
    raw = b"X-Bcc: stays\r\n" + fields + b"To: bob@example.org\r\n\r\nBcc: stays in the body\r\n"
    for text in (raw, fields + raw, b"To: bob@example.org\r\n" + fields + b"\r\nhi"):
        prepared = made(read(text), sender="ana@example.com", recipients=["bob@example.org"])
        assert b"bcc:" in filed(prepared).partition(b"\r\n\r\n")[0].lower()
        assert submitted(prepared) == without_bcc(filed(prepared)) != filed(prepared)
        head = submitted(prepared).partition(b"\r\n\r\n")[0].lower()
        assert b"eve" not in head
        assert b"mallory" not in head


def test_many_recipients_in_bcc_are_folded_and_all_taken_out() -> None:
    names = [f"recipient.number{index}@example.org" for index in range(200)]
    prepared = made(letter(bcc=", ".join(names)))
    assert prepared.envelope.recipients == ("bob@example.org", *names)
    assert b"recipient.number" not in submitted(prepared)
    assert filed(prepared).count(b"recipient.number") == 200
    assert submitted(prepared) == without_bcc(filed(prepared))


def test_without_bcc_the_same_bytes_are_submitted_and_filed() -> None:
    prepared = made(letter())
    assert submitted(prepared) == filed(prepared)


# -- again -------------------------------------------------------------------------------------------------------------

AGAIN = """
import json, sys
from tests.unit.letters import LETTERS, SETTINGS
from tether_mailconf import Receipt
from tether_mailconf.delivery.prepare import prepare_again
for name, stored in json.load(sys.stdin).items():
    prepared = prepare_again(LETTERS[name](), SETTINGS, Receipt.from_dict(stored))
    assert prepared.digest == stored["digest"], name
    print(name)
"""


def test_another_process_makes_the_same_bytes_of_the_same_message() -> None:
    """Also where the host gave no boundary, which the email package would choose at random."""
    stored = {name: made(write()).receipt().to_dict() for name, write in LETTERS.items()}
    done = subprocess.run(
        [sys.executable, "-c", AGAIN], input=json.dumps(stored), capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.split() == list(LETTERS)


@every_letter
def test_the_same_message_again_is_the_same_in_all_but_the_notifications(write: Callable[[], Message]) -> None:
    first = made(write(), recipients=["bob@example.org", "eve@example.org"], sender="bounce@example.com")
    sent = attrs.evolve(first.receipt(), accepted=("bob@example.org", "eve@example.org"))
    assert prepare_again(write(), SETTINGS, Receipt.from_dict(sent.to_dict())) == first


def changed_subject(message: Message) -> None:
    """Change a header."""
    del message["Subject"]
    message["Subject"] = "Other"


def changed_body(message: Message) -> None:
    """Change the content."""
    message.set_payload("Hello Eve\n")


def changed_bcc(message: Message) -> None:
    """Change what only the Sent folder gets."""
    message["Bcc"] = "eve@example.org"


def changed_id(message: Message) -> None:
    """Set another identifier."""
    message["Message-ID"] = "<other@example.com>"


@pytest.mark.parametrize("change", [changed_subject, changed_body, changed_bcc, changed_id])
def test_another_message_than_the_receipt_s_is_refused(change: Callable[[Message], None]) -> None:
    message = letter()
    receipt = made(message).receipt()
    prepare_again(message, SETTINGS, receipt)
    change(message)
    with pytest.raises(InvalidMessage) as caught:
        prepare_again(message, SETTINGS, receipt)
    found = [(problem.field, problem.code) for problem in caught.value.problems]
    assert found == [("message", "message.not_the_same")]
