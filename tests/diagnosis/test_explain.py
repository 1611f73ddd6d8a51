"""The rest of the ways in which a failure comes: issuers, encryption, receipts, what was said before TLS."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest

import tether_mailconf
from tests.dialogues import dialogue, player
from tests.oauth.test_exchange import answer as issuers_answer
from tether_mailconf import (
    ConversationError,
    Damaged,
    Dropped,
    Endpoint,
    Filing,
    Finding,
    IssuerFailed,
    IssuerRefused,
    Mender,
    Receipt,
    RecipientsRefused,
    Refused,
    Reply,
    Retry,
    Security,
    SignInFailed,
    SignInNeeded,
    SignInRefused,
    Step,
    TLSFailed,
    Unreachable,
    UnsupportedSchema,
    explain,
)
from tether_mailconf._drivers.tls import TLSLayer, trust
from tether_mailconf._oauth import causes
from tether_mailconf._oauth.exchange import Denied
from tether_mailconf._ports import Deadline, run_sync
from tether_mailconf.delivery.settle import pending
from tether_mailconf.diagnosis import Wording, wordings
from tether_mailconf.sandbox import Sandbox

from .conversation import MESSAGE, Case, play
from .told import SENT, SETTINGS

GMAIL = Endpoint(host="smtp.gmail.com", port=465, security=Security.TLS)
DIALOGUES = sorted((Path(__file__).parents[1] / "dialogues").glob("*/*.txt"))


# -- issuers ----------------------------------------------------------------------------------------------------------

ISSUERS = (
    ("invalid_grant", "Token has been expired or revoked.", "oauth.revoked"),
    ("invalid_grant", "AADSTS700082: The refresh token has expired due to inactivity.", "oauth.inactive"),
    (
        "invalid_scope",
        "AADSTS28000: scope is not valid: it contains more than one resource",
        "oauth.scope_invalid",
    ),
    ("invalid_scope", "AADSTS70011: The provided value for the scope is not valid.", "oauth.scope_invalid"),
    ("invalid_grant", "AADSTS65001: The user or administrator has not consented.", "oauth.consent_required"),
    ("consent_required", "", "oauth.consent_required"),
    ("invalid_client", "AADSTS90094: The grant requires admin permission.", "oauth.admin_consent"),
    (
        "invalid_request",
        "The provided value for the input parameter 'redirect_uri' is not valid.",
        "oauth.redirect_mismatch",
    ),
)


@pytest.mark.parametrize(("error", "words", "cause"), ISSUERS, ids=[f"{e}-{w[:12]}" for e, w, _ in ISSUERS])
def test_what_an_issuer_says_no_with(error: str, words: str, cause: str) -> None:
    retry = Retry.AFTER_REMEDY if cause == "oauth.admin_consent" else Retry.NEVER
    for said in (words, words.upper(), f"{words} Trace ID: 0f0f-11 Timestamp: 2026-11-23 08:00:00Z"):
        if "redirect_uri" in words and said.isupper():
            continue  # a parameter's name has one spelling
        denied = issuers_answer({"error": error, "error_description": said}, status=400)
        assert isinstance(denied, Denied)
        found = causes.of_answer(denied.error, denied.description, invalid_grant="oauth.revoked")
        for kind in (SignInFailed, SignInNeeded, IssuerRefused):
            finding = explain(kind(found, f"{denied.error} {denied.description}"))
            assert (finding.cause, finding.retry, finding.step) == (cause, retry, Step.TOKEN)
            assert (finding.sentence, finding.mender) == (found.sentence, found.mender)
            assert finding.remedy == (found.remedy,)
            assert error in finding.words


def test_an_issuer_says_when_to_come_back() -> None:
    finding = explain(IssuerFailed(detail="the issuer answered with HTTP status 429", status=429, retry_after=30.0))
    assert (finding.cause, finding.retry, finding.retry_after) == ("issuer.failed", Retry.LATER, 30.0)


# -- encryption -------------------------------------------------------------------------------------------------------


class _Plain:
    """A server that speaks before anybody has asked for TLS."""

    local_address = "192.0.2.7"

    async def write(self, data: memoryview, deadline: Deadline) -> None:
        pass

    async def read(self, deadline: Deadline) -> bytes:
        return b"220 smtp.mail.me.com ESMTP\r\n"

    def read_waiting(self) -> bytes | None:
        return None

    def close(self) -> None:
        pass


def test_tls_at_a_port_for_starttls() -> None:
    layer = TLSLayer(_Plain(), trust(None), "smtp.mail.me.com")
    with pytest.raises(TLSFailed) as caught:
        run_sync(layer.handshake(Deadline.after(5)))
    finding = explain(caught.value)
    assert (finding.cause, finding.is_trusted, finding.words) == ("tls.wrong_port", False, "")
    assert "wrong version number" in finding.detail


def test_a_certificate_of_an_authority_that_nobody_knows() -> None:
    with (
        Sandbox() as sandbox,
        tether_mailconf.Mailer(sandbox.settings, sandbox.credential, network=sandbox.network) as mailer,
        pytest.raises(TLSFailed) as caught,
    ):
        mailer.send(MESSAGE)
    finding = explain(caught.value)
    assert (finding.cause, finding.mender, finding.retry) == ("tls.self_signed", Mender.HOST, Retry.NEVER)


# -- what was said before TLS -----------------------------------------------------------------------------------------


def _played(name: str) -> Finding:
    outcome = player.play(dialogue.read(next(path for path in DIALOGUES if path.match(name))), 4096)
    told = outcome.error or outcome.receipt
    assert told is not None
    return explain(told)


@pytest.mark.parametrize(
    ("name", "is_trusted"),
    [
        ("smtp/starttls-refused.txt", False),
        ("smtp/starttls-not-offered.txt", False),
        ("smtp/starttls-dropped.txt", True),
        ("smtp/starttls-injection.txt", False),
        ("smtp/starttls-auth-only-before.txt", True),
    ],
)
def test_what_was_said_before_tls_is_marked(name: str, is_trusted: bool) -> None:
    assert _played(name).is_trusted is is_trusted


def test_capabilities_are_asked_before_tls_and_after_it() -> None:
    plain = Endpoint(host="mail.example.com", port=587, security=Security.STARTTLS)
    error = Refused(step=Step.CAPABILITIES, reply=Reply(code="550", text="no"), endpoint=plain)
    error.transcript = ("S: 220  ready", "C: EHLO [192.0.2.7]", "S: 550  no")
    finding = explain(error)
    assert not finding.is_trusted
    assert "anybody's words" in str(finding)
    error.transcript = ("C: EHLO [192.0.2.7]", "C: STARTTLS", "S: 220  go", "C: EHLO [192.0.2.7]", "S: 550  no")
    assert explain(error).is_trusted
    error.transcript = ("S: 220  C: STARTTLS", "C: EHLO [192.0.2.7]", "S: 550  no")
    assert not explain(error).is_trusted


# A look for a test message ends neither in a receipt nor in an error.
SENDINGS = [path for path in DIALOGUES if dialogue.read(path).header["do"] != "look"]


@pytest.mark.parametrize("path", SENDINGS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_dialogue_that_ends_badly_has_a_finding_at_its_step(path: Path) -> None:
    outcome = player.play(dialogue.read(path), 4096)
    told = outcome.error or outcome.receipt
    assert told is not None
    finding = explain(told)
    assert Finding.from_dict(json.loads(json.dumps(finding.to_dict()))) == finding
    assert player.PASSWORD not in str(finding)
    if isinstance(told, ConversationError):
        assert finding.step is told.step
    elif isinstance(told, Receipt) and told.filing is Filing.PENDING:
        assert finding.cause not in ("delivery.sent", "error")


# -- receipts and recipients ------------------------------------------------------------------------------------------


def test_a_receipt_tells_of_the_copy_what_the_error_would_have_told() -> None:
    there = Endpoint(host="imap.gmail.com", port=993, security=Security.TLS)
    reply = Reply(code="NO", enhanced="ALERT", text="Too many simultaneous connections. (Failure)")
    receipt = pending(SENT, SignInRefused(step=Step.SIGN_IN, reply=reply, endpoint=there))
    finding = explain(Receipt.from_dict(json.loads(json.dumps(receipt.to_dict()))), SETTINGS)
    assert (finding.cause, finding.step, finding.retry) == ("google.too_many_connections", Step.SIGN_IN, Retry.LATER)
    assert (finding.endpoint, finding.words) == (there, reply.shown)
    elsewhere = pending(SENT, SignInRefused(step=Step.SIGN_IN, reply=reply, endpoint=SETTINGS.imap))
    assert explain(elsewhere, SETTINGS).cause == "server.too_many_connections"


def test_a_receipt_tells_of_a_copy_that_no_answer_came_for() -> None:
    assert SETTINGS.imap is not None
    finding = explain(pending(SENT, Unreachable(step=Step.LOOKUP, endpoint=SETTINGS.imap, detail="no such name")))
    assert (finding.step, finding.endpoint, finding.detail) == (Step.LOOKUP, SETTINGS.imap, "no such name")
    farewell = Dropped(step=Step.APPEND, endpoint=SETTINGS.imap, reply=Reply(code="BYE", text="shutting down"))
    assert explain(pending(SENT, farewell)).words == "BYE shutting down"


def test_a_receipt_that_has_only_the_sentence_gets_a_general_cause() -> None:
    reason = "append (imap.example.com:993): the server refused: NO something"
    receipt = attrs.evolve(SENT, filing=Filing.PENDING, filing_code="server.refused", filing_reason=reason)
    finding = explain(receipt, SETTINGS)
    assert (finding.cause, finding.step, finding.detail) == ("append.refused", Step.APPEND, reason)


def test_a_receipt_tells_what_was_said_before_tls_too() -> None:
    plain = Endpoint(host="imap.example.com", port=143, security=Security.STARTTLS)
    for step, is_trusted in (
        (Step.GREETING, False),
        (Step.CAPABILITIES, False),
        (Step.SIGN_IN, True),
        (Step.APPEND, True),
    ):
        receipt = pending(SENT, Refused(step=step, reply=Reply(code="NO", text="no"), endpoint=plain))
        assert explain(receipt, SETTINGS).is_trusted is is_trusted


def test_a_farewell_in_place_of_an_answer_is_read() -> None:
    answer = b"* BYE User is authenticated but not connected.\r\n"
    case = Case(host="outlook.office365.com", protocol="imap", step="mailbox", answer=answer, credential="token")
    error = play(case)
    assert isinstance(error, Dropped)
    assert error.reply == Reply(code="BYE", text="User is authenticated but not connected.")
    finding = explain(error)
    assert (finding.cause, finding.words) == (
        "microsoft.not_connected",
        "BYE User is authenticated but not connected.",
    )


def test_of_several_recipients_the_one_whose_reason_is_known_is_told() -> None:
    refused = {
        "bob@example.org": Reply(code="550", text="no"),
        "eva@example.org": Reply(code="451", enhanced="4.7.1", text="Greylisted, see you"),
    }
    finding = explain(RecipientsRefused(step=Step.RECIPIENTS, refused=refused))
    assert (finding.cause, finding.words) == ("server.greylisted", "451 4.7.1 Greylisted, see you")
    receipt = attrs.evolve(SENT, refused=refused)
    assert explain(receipt, SETTINGS).cause == "server.greylisted"


# -- texts ------------------------------------------------------------------------------------------------------------


def test_a_host_says_it_in_its_own_language() -> None:
    error = SignInRefused(
        step=Step.SIGN_IN, reply=Reply(code="534", text="Application-specific password required"), endpoint=GMAIL
    )
    german = {"google.app_password_needed": Wording(sentence="Google will ein App-Passwort.", remedy=("Machen.",))}
    finding = explain(error, texts=german)
    assert (finding.sentence, finding.remedy) == ("Google will ein App-Passwort.", ("Machen.",))
    assert finding.links == explain(error).links
    assert explain(Dropped(step=Step.BODY), texts=german).sentence == "The server closed the connection in the middle."
    denied = SignInFailed(causes.known("oauth.denied"))
    assert explain(denied, texts={"oauth.denied": Wording(sentence="Abgelehnt.")}).sentence == "Abgelehnt."
    assert {"google.app_password_needed", "oauth.denied"} <= set(wordings())


def test_a_general_refusal_has_the_links_of_the_preset() -> None:
    reply = Reply(code="535", text="no")
    yandex = Endpoint(host="smtp.yandex.com", port=465, security=Security.TLS)
    finding = explain(SignInRefused(step=Step.SIGN_IN, reply=reply, endpoint=yandex))
    assert finding.cause == "sign_in.refused"
    assert "https://mail.yandex.com/#setup/client" in finding.links
    assert explain(SignInRefused(step=Step.SIGN_IN, reply=reply)).links == ()


def test_a_finding_is_printed_for_a_person() -> None:
    error = SignInRefused(
        step=Step.SIGN_IN, reply=Reply(code="535", enhanced="5.7.8", text="no\x1b[2Jentry"), endpoint=GMAIL
    )
    assert str(explain(error)).splitlines() == [
        "sign-in (smtp.gmail.com:465): The server refused the sign-in without a reason that is known.",
        "  1. Check the user name, and enter the password again or sign in again.",
        "  2. Check whether the provider wants an app password.",
        "  See https://support.google.com/a/answer/105694",
        "  The server said: 535 5.7.8 no\\x1b[2Jentry",
    ]


# -- stored -----------------------------------------------------------------------------------------------------------

FINDING = explain(Dropped(step=Step.BODY, endpoint=GMAIL))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("schema", None), ("schema", 0), ("schema", True), ("step", "dance"), ("mender", "me"), ("retry", 1),
        ("cause", 5), ("remedy", "one"), ("remedy", [1]), ("links", None), ("retry_after", "soon"),
        ("retry_after", True), ("endpoint", "there"), ("endpoint", {"host": "a b", "port": 1, "security": "tls"}),
        ("endpoint", {}), ("words", None),
    ],
)  # fmt: skip
def test_a_stored_finding_that_somebody_changed_is_damaged(field: str, value: object) -> None:
    with pytest.raises(Damaged):
        Finding.from_dict(FINDING.to_dict() | {field: value})


def test_a_stored_finding_is_whole_and_of_a_version_that_is_known() -> None:
    with pytest.raises(UnsupportedSchema):
        Finding.from_dict(FINDING.to_dict() | {"schema": 2})
    with pytest.raises(Damaged):
        Finding.from_dict([])
    for field in FINDING.to_dict():
        with pytest.raises(Damaged):
            Finding.from_dict({name: value for name, value in FINDING.to_dict().items() if name != field})


def test_both_colours_have_the_same_act() -> None:
    from tether_mailconf import aio

    assert aio.explain is tether_mailconf.explain
