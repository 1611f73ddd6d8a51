"""What the server says no to: a typed error that means "not sent", with everything a host needs to know."""

from __future__ import annotations

import json
import pickle
from email.message import EmailMessage
from typing import Any

import attrs
import pytest

from tether_mailconf import (
    AppPassword,
    ConversationError,
    CredentialKind,
    Delivery,
    Disabled,
    Dsn,
    Filer,
    Filing,
    InvalidMessage,
    InvalidSettings,
    MailconfError,
    Notify,
    NotOffered,
    Password,
    Receipt,
    RecipientsRefused,
    Refused,
    Return,
    SignInRefused,
    Step,
)
from tether_mailconf.sandbox import Personality, Sandbox, personality

from .conftest import Start
from .post import BEN, CLARA, Colour, Post, copies, filed_by, letter
from .relay import Relay


def not_sent(mailer: Post, message: EmailMessage, **options: Any) -> MailconfError:
    """Send, and return the error, which says in storable form that nothing was sent, and survives pickling."""
    with pytest.raises(MailconfError) as caught:
        mailer.send(message, **options)
    error = caught.value
    assert error.receipt is not None
    assert error.receipt.delivery is Delivery.NOT_SENT
    assert error.receipt.message_id == message["Message-ID"]
    assert Receipt.from_dict(json.loads(json.dumps(error.receipt.to_dict()))) == error.receipt
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
    if isinstance(error, ConversationError):
        assert error.endpoint is not None
    return error


@pytest.mark.parametrize("filer", [Filer.CLIENT, Filer.PROVIDER])
def test_a_wrong_password_is_tried_once_for_each_server(sandbox: Sandbox, colour: Colour, filer: Filer) -> None:
    settings = filed_by(sandbox.settings, filer)
    tried: list[str] = []
    wrong = AppPassword("not this one")

    class Counted:
        kind = wrong.kind
        mechanisms = wrong.mechanisms

        def answer(self, step: Any) -> bytes:
            tried.append(f"{step.endpoint.port}")
            return wrong.answer(step)

    with colour.mailer(sandbox, settings, credential=Counted()) as mailer:
        error = not_sent(mailer, letter())
    assert isinstance(error, SignInRefused)
    assert (error.step, error.endpoint, error.reply.code) == (Step.SIGN_IN, settings.smtp, "535")
    assert error.challenge == ""
    assert error.transcript[-2:] == ("C: AUTH PLAIN ***", "S: 535 5.7.8 Authentication credentials invalid")
    assert tried.count(str(settings.smtp.port)) == 1
    assert len(tried) <= (2 if filer is Filer.CLIENT else 1)
    assert sandbox.submissions == ()


def test_imap_that_refuses_the_password_leaves_the_message_sent_and_the_copy_pending(
    sandbox: Sandbox, colour: Colour
) -> None:
    """Providers have separate switches for both; the message is not sent twice because of that."""
    settings = attrs.evolve(filed_by(sandbox.settings, Filer.CLIENT), imap_user="nobody@sandbox.test")
    message = letter()
    with colour.mailer(sandbox, settings) as mailer:
        receipt = mailer.send(message)
        assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.PENDING)
        assert receipt.filing_code == "sign_in.refused"
    with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.CLIENT)) as mailer:
        assert mailer.file(receipt, message).filing is Filing.APPENDED
    assert len(sandbox.submissions) == len(sandbox.sent()) == 1


class Failing:
    """A host's credential that cannot get a token for the second server."""

    kind = CredentialKind.HOST
    mechanisms = ("PLAIN",)

    def __init__(self, sandbox: Sandbox) -> None:
        self._plain = sandbox.credential
        imap = sandbox.settings.imap
        assert imap is not None
        self.refused_port = imap.port

    def answer(self, step: Any) -> bytes:
        if step.endpoint.port == self.refused_port:
            raise KeyError("no token for this server")
        return self._plain.answer(step)


@pytest.mark.usefixtures("brief_looks")
@pytest.mark.parametrize("filer", [Filer.CLIENT, Filer.UNKNOWN])
def test_a_credential_that_fails_for_imap_does_not_make_a_sent_message_an_error(
    sandbox: Sandbox, colour: Colour, filer: Filer
) -> None:
    settings = attrs.evolve(filed_by(sandbox.settings, filer), credential=CredentialKind.HOST)
    credential = Failing(sandbox)
    message = letter()
    with colour.mailer(sandbox, settings, credential=credential) as mailer:
        receipt = mailer.send(message)
        assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.PENDING)
        assert "no token" not in receipt.filing_reason
        assert mailer.send(letter()).delivery is Delivery.SENT
        credential.refused_port = 0
        assert mailer.file(receipt, message).filing in (Filing.APPENDED, Filing.ALREADY_THERE)
    assert len(sandbox.submissions) == 2


def test_refused_recipients_keep_the_message_from_everybody(start: Start, colour: Colour) -> None:
    for extensions in (personality.SMTP_EXTENSIONS, frozenset({"PIPELINING"}), frozenset({"SIZE"})):
        sandbox = start(Personality(refused_recipients={CLARA}, smtp_extensions=extensions))
        with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.CLIENT)) as mailer:
            error = not_sent(mailer, letter(to=f"{BEN}, {CLARA}"))
            assert isinstance(error, RecipientsRefused)
            assert (error.step, error.endpoint) == (Step.RECIPIENTS, sandbox.settings.smtp)
            assert list(error.refused) == [CLARA]
            assert error.reply.code == error.refused[CLARA].code == "550"
            assert not error.is_temporary
            assert isinstance(not_sent(mailer, letter(to=CLARA)), RecipientsRefused)
            assert isinstance(not_sent(mailer, letter(to=CLARA), partial=True), RecipientsRefused)
            assert not sandbox.submissions
            assert not sandbox.sent()
            assert mailer.send(letter()).filing is Filing.APPENDED


def test_with_partial_those_get_it_who_are_accepted(start: Start, colour: Colour) -> None:
    for extensions in (personality.SMTP_EXTENSIONS, frozenset({"PIPELINING"}), frozenset({"SIZE"})):
        sandbox = start(Personality(refused_recipients={CLARA}, smtp_extensions=extensions))
        with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.CLIENT)) as mailer:
            receipt = mailer.send(letter(to=f"{CLARA}, {BEN}"), partial=True)
        assert receipt.delivery is Delivery.SENT
        assert receipt.accepted == (BEN,)
        assert receipt.refused[CLARA].code == "550"
        (submission,) = sandbox.submissions
        assert submission.recipients == (BEN,)
        assert len(copies(sandbox.sent(), receipt.message_id)) == 1


def test_a_refused_sender(start: Start, colour: Colour) -> None:
    for extensions in (personality.SMTP_EXTENSIONS, frozenset({"PIPELINING"}), frozenset({"SIZE"})):
        sandbox = start(Personality(refused_senders={"boss@sandbox.test"}, smtp_extensions=extensions))
        with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.CLIENT)) as mailer:
            error = not_sent(mailer, letter(), sender="boss@sandbox.test")
            assert isinstance(error, Refused)
            assert (error.step, error.reply.code) == (Step.SENDER, "553")
            assert mailer.send(letter()).filing is Filing.APPENDED
        assert len(sandbox.submissions) == len(sandbox.sent()) == 1


def test_a_message_over_the_server_s_size_is_not_begun(start: Start, relay_to: Any, colour: Colour) -> None:
    sandbox = start(Personality(max_size=20_000))
    relay: Relay = relay_to(sandbox.settings.smtp.port)
    settings = filed_by(sandbox.settings, Filer.CLIENT)
    settings = attrs.evolve(settings, smtp=attrs.evolve(settings.smtp, port=relay.port))
    with colour.mailer(sandbox, settings) as mailer:
        error = not_sent(mailer, letter("Ein Satz.\n" * 10_000))
        assert isinstance(error, NotOffered)
        assert "20000" in str(error)
        assert relay.sent < 20_000
        assert mailer.send(letter()).filing is Filing.APPENDED
    assert len(sandbox.submissions) == len(sandbox.sent()) == 1


def test_a_server_that_does_not_say_its_limit_refuses_the_body(start: Start, colour: Colour) -> None:
    for extensions in (personality.SMTP_EXTENSIONS - {"SIZE"}, frozenset({"8BITMIME"})):
        sandbox = start(Personality(max_size=20_000, smtp_extensions=extensions))
        with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.CLIENT)) as mailer:
            error = not_sent(mailer, letter("Ein Satz.\n" * 3_000))
            assert isinstance(error, Refused)
            assert (error.step, error.reply.code) == (Step.BODY, "552")
            assert mailer.send(letter()).filing is Filing.APPENDED
        assert len(sandbox.submissions) == len(sandbox.sent()) == 1


def test_addresses_outside_ascii_need_smtputf8(start: Start, colour: Colour) -> None:
    message = letter(to="jürgen@example.org")
    old = start(Personality(smtp_extensions=personality.SMTP_EXTENSIONS - {"SMTPUTF8"}))
    with colour.mailer(old, filed_by(old.settings, Filer.CLIENT)) as mailer:
        assert isinstance(not_sent(mailer, message), NotOffered)
    new = start()
    with colour.mailer(new, filed_by(new.settings, Filer.CLIENT)) as mailer:
        receipt = mailer.send(message)
    assert (receipt.accepted, receipt.filing) == (("jürgen@example.org",), Filing.APPENDED)
    assert "SMTPUTF8" in new.submissions[0].parameters


def test_what_is_wrong_with_a_message_is_said_before_anything_is_dialled(
    sandbox: Sandbox, relay_to: Any, colour: Colour
) -> None:
    relay: Relay = relay_to(sandbox.settings.smtp.port)
    settings = attrs.evolve(sandbox.settings, smtp=attrs.evolve(sandbox.settings.smtp, port=relay.port))
    nobody = EmailMessage()
    nobody.set_content("text")
    for message, options in ((nobody, {}), (letter(to="not an address"), {}), (letter(), {"recipients": ["x\r\ny@z"]})):
        with colour.mailer(sandbox, settings) as mailer, pytest.raises(InvalidMessage):
            mailer.send(message, **options)
    assert relay.opened == 0


def test_notifications_asked_for_reach_the_server(sandbox: Sandbox, colour: Colour) -> None:
    dsn = Dsn(notify={Notify.SUCCESS, Notify.FAILURE}, ret=Return.HEADERS, envelope_id="order+7=x y")
    with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.NOBODY)) as mailer:
        mailer.send(letter(), dsn=dsn)
    (submission,) = sandbox.submissions
    assert submission.parameters["RET"] == "HDRS"
    assert submission.parameters["ENVID"] == "order+2B7+3Dx+20y"
    assert submission.recipient_parameters[BEN] == {"NOTIFY": "FAILURE,SUCCESS"}


def test_a_server_without_dsn_is_not_asked(start: Start, colour: Colour) -> None:
    sandbox = start(Personality(smtp_extensions=personality.SMTP_EXTENSIONS - {"DSN"}))
    with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.NOBODY)) as mailer:
        mailer.send(letter(), dsn=Dsn(notify={Notify.NEVER}))
    (submission,) = sandbox.submissions
    assert submission.recipient_parameters[BEN] == {}


def test_an_account_that_is_switched_off_sends_and_files_nothing(sandbox: Sandbox, colour: Colour) -> None:
    message = letter()
    with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.CLIENT)) as mailer:
        receipt = mailer.send(message)
    with colour.mailer(sandbox, attrs.evolve(sandbox.settings, enabled=False)) as mailer:
        with pytest.raises(Disabled):
            mailer.send(letter())
        for changes in ({"filing": Filing.PENDING}, {"delivery": Delivery.UNKNOWN}):
            with pytest.raises(Disabled):
                mailer.resolve(attrs.evolve(receipt, **changes), message)
    assert len(sandbox.submissions) == 1


def test_a_credential_of_another_kind_than_the_settings_name(sandbox: Sandbox, colour: Colour) -> None:
    with pytest.raises(InvalidSettings) as caught:
        colour.mailer(sandbox, credential=Password("x"))
    assert [problem.code for problem in caught.value.problems] == ["credential.kind"]
    with pytest.raises(InvalidSettings) as caught:
        colour.mailer(sandbox, connections=0)
    assert [problem.field for problem in caught.value.problems] == ["connections"]


def test_a_receipt_survives_json_with_all_that_it_holds(start: Start, colour: Colour) -> None:
    sandbox = start(Personality(refused_recipients={CLARA}, filing_delay=0.0, reply_message_id=True))
    message = letter(to=f"{BEN}, {CLARA}")
    with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.UNKNOWN)) as mailer:
        receipt = mailer.send(message, partial=True)
        stored = json.dumps(receipt.to_dict())
        again = Receipt.from_dict(json.loads(stored))
        assert again == receipt
        assert again.timings == receipt.timings
        assert again.learned is not None
        assert mailer.resolve(again, message) == again
    assert pickle.loads(pickle.dumps(receipt)) == receipt
    assert sandbox.password not in stored


def test_a_receipt_is_only_good_for_its_own_message(sandbox: Sandbox, colour: Colour) -> None:
    with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.CLIENT)) as mailer:
        receipt = mailer.send(letter())
        pending = attrs.evolve(receipt, filing=Filing.PENDING, uid=None)
        for kind in (pending, attrs.evolve(pending, delivery=Delivery.UNKNOWN), receipt):
            with pytest.raises(InvalidMessage):
                mailer.resolve(kind, letter())
        with pytest.raises(InvalidMessage):
            mailer.file(attrs.evolve(pending, delivery=Delivery.NOT_SENT), letter())
    assert len(sandbox.sent()) == 1
