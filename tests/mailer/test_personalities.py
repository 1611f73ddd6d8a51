"""Every kind of server that the sandbox can be: the message once, and exactly one copy of it in Sent."""

from __future__ import annotations

import attrs
import pytest

from tether_mailconf import ConnectionSettings, Delivery, Filer, Filing, MailconfError, Receipt
from tether_mailconf.sandbox import Drop, Personality, Sandbox, personality

from .conftest import Start
from .post import Colour, accepted, copies, filed_by, letter

KINDS: dict[str, tuple[Personality, Filer, Filing]] = {
    "plain": (personality.PLAIN, Filer.CLIENT, Filing.APPENDED),
    "files itself": (personality.FILES_ITSELF, Filer.PROVIDER, Filing.BY_PROVIDER),
    "German": (personality.GERMAN, Filer.CLIENT, Filing.APPENDED),
    "Russian": (personality.RUSSIAN, Filer.CLIENT, Filing.APPENDED),
    "no special use": (personality.NO_SPECIAL_USE, Filer.CLIENT, Filing.APPENDED),
    "like Courier": (personality.COURIER_LIKE, Filer.CLIENT, Filing.APPENDED),
    "bare": (personality.BARE, Filer.CLIENT, Filing.APPENDED),
    "no Sent": (Personality(sent_name=None), Filer.CLIENT, Filing.APPENDED),
    "no Sent below INBOX": (
        attrs.evolve(personality.COURIER_LIKE, sent_name=None),
        Filer.CLIENT,
        Filing.APPENDED,
    ),
    "LITERAL-": (
        Personality(imap_extensions=(personality.IMAP_EXTENSIONS - {"LITERAL+"}) | {"LITERAL-"}),
        Filer.CLIENT,
        Filing.APPENDED,
    ),
    "no CHUNKING": (
        Personality(smtp_extensions=personality.SMTP_EXTENSIONS - {"CHUNKING"}),
        Filer.CLIENT,
        Filing.APPENDED,
    ),
    "no PIPELINING": (
        Personality(smtp_extensions=personality.SMTP_EXTENSIONS - {"PIPELINING"}),
        Filer.CLIENT,
        Filing.APPENDED,
    ),
    "LOGIN only": (Personality(mechanisms=("LOGIN",)), Filer.CLIENT, Filing.APPENDED),
    "unknown, files itself": (personality.FILES_ITSELF, Filer.UNKNOWN, Filing.BY_PROVIDER),
    "unknown, does not file": (personality.PLAIN, Filer.UNKNOWN, Filing.APPENDED),
    "unknown, bare": (personality.BARE, Filer.UNKNOWN, Filing.APPENDED),
    "unknown, no Sent": (Personality(sent_name=None), Filer.UNKNOWN, Filing.APPENDED),
    "unknown, no Sent, files itself": (
        Personality(sent_name=None, filing_delay=0.0),
        Filer.UNKNOWN,
        Filing.BY_PROVIDER,
    ),
}

TEXTS = {
    "short": "A line.\n.\n..two dots\n.one dot\n",
    "long": "".join(f"{number}: ein Satz, der die Zeile füllt, und noch einer.\n" for number in range(2500)),
}


def settings_of(sandbox: Sandbox, security: str) -> ConnectionSettings:
    return sandbox.settings if security == "TLS" else sandbox.settings_starttls


@pytest.mark.usefixtures("brief_looks")
@pytest.mark.parametrize("security", ["TLS", "STARTTLS"])
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_accepted_once_and_has_one_copy_and_so_has_the_next(
    start: Start, colour: Colour, kind: str, security: str
) -> None:
    behaviour, filer, filing = KINDS[kind]
    sandbox = start(behaviour)
    with colour.mailer(sandbox, filed_by(settings_of(sandbox, security), filer)) as mailer:
        for text in (TEXTS["short"], TEXTS["long"], TEXTS["short"]):
            message = letter(text)
            receipt = mailer.send(message)
            assert receipt.delivery is Delivery.SENT
            assert receipt.filing is filing
            assert receipt.filing_reason == ""
            assert receipt.accepted == ("ben@example.org",)
            assert receipt.reply is not None
            assert "queued as" in receipt.reply.text
            assert accepted(sandbox, receipt.message_id) == 1
            (copy,) = copies(sandbox.sent(), receipt.message_id)
            assert "\\Seen" in copy.flags
            assert mailer.file(receipt, message) == receipt
            assert mailer.resolve(receipt, message) == receipt
            assert len(copies(sandbox.sent(), receipt.message_id)) == 1
    assert len(sandbox.submissions) == len(sandbox.sent()) == 3
    for submission, copy in zip(sandbox.submissions, sandbox.sent(), strict=True):
        assert submission.content == copy.content


@pytest.mark.parametrize("filer", [Filer.CLIENT, Filer.PROVIDER])
def test_bcc_is_in_the_copy_and_not_in_what_is_sent(start: Start, colour: Colour, filer: Filer) -> None:
    sandbox = start()
    message = letter()
    message["Bcc"] = "hidden@example.org"
    with colour.mailer(sandbox, filed_by(sandbox.settings, filer)) as mailer:
        receipt = mailer.send(message)
    (submission,) = sandbox.submissions
    assert submission.recipients == ("ben@example.org", "hidden@example.org") == receipt.accepted
    assert b"hidden" not in submission.content
    if filer is Filer.CLIENT:
        (copy,) = sandbox.sent()
        assert b"Bcc: hidden@example.org\r\n" in copy.content


def test_a_full_mailbox_leaves_the_copy_pending_and_the_message_sent(start: Start, colour: Colour) -> None:
    sandbox = start(personality.FULL)
    message = letter()
    with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.CLIENT)) as mailer:
        receipt = mailer.send(message)
        assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.PENDING)
        assert receipt.filing_code == "server.refused"
        assert "OVERQUOTA" in receipt.filing_reason
        again = mailer.file(receipt, message)
        assert (again.filing, again.filing_code) == (Filing.PENDING, "server.refused")
    assert accepted(sandbox, receipt.message_id) == 1
    assert sandbox.sent() == ()


def test_a_slow_server_is_waited_for(start: Start, colour: Colour) -> None:
    sandbox = start(Personality(slow=0.02))
    with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.CLIENT)) as mailer:
        assert mailer.send(letter()).filing is Filing.APPENDED


def test_no_copy_is_made_where_the_host_wants_none(sandbox: Sandbox, colour: Colour) -> None:
    for settings in (filed_by(sandbox.settings, Filer.NOBODY), attrs.evolve(sandbox.settings, imap=None, imap_user="")):
        with colour.mailer(sandbox, settings) as mailer:
            message = letter()
            receipt = mailer.send(message)
            assert (receipt.delivery, receipt.filing, receipt.learned) == (Delivery.SENT, Filing.OFF, None)
            assert mailer.file(receipt, message) == receipt
    assert sandbox.sent() == ()


BEFORE_THE_BODY = (Drop.GREETING, Drop.EHLO, Drop.AUTH, Drop.MAIL, Drop.RCPT, Drop.BODY)
AFTER_ACCEPTANCE = (Drop.IMAP_GREETING, Drop.IMAP_AUTH, Drop.LIST, Drop.APPEND, Drop.AFTER_APPEND)


@pytest.mark.parametrize("drop", AFTER_ACCEPTANCE)
@pytest.mark.parametrize("literals", ["LITERAL+", "none"])
def test_a_broken_imap_connection_neither_loses_nor_doubles_the_copy(
    start: Start, colour: Colour, drop: Drop, literals: str
) -> None:
    extensions = personality.IMAP_EXTENSIONS if literals == "LITERAL+" else frozenset({"NAMESPACE"})
    sandbox = start(Personality(drop_at=drop, imap_extensions=extensions))
    message = letter()
    with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.CLIENT)) as mailer:
        receipt = mailer.send(message)
        assert sandbox.last_drop is drop
        assert receipt.delivery is Delivery.SENT
        receipt = mailer.file(receipt, message)
        assert receipt.filing in (Filing.APPENDED, Filing.ALREADY_THERE)
    assert len(copies(sandbox.sent(), receipt.message_id)) == len(sandbox.sent()) == 1
    assert accepted(sandbox, receipt.message_id) == 1


@pytest.mark.usefixtures("brief_looks")
@pytest.mark.parametrize("drop", [*AFTER_ACCEPTANCE, Drop.SEARCH])
def test_nor_does_it_while_nobody_knows_who_files(start: Start, colour: Colour, drop: Drop) -> None:
    sandbox = start(Personality(drop_at=drop))
    message = letter()
    with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.UNKNOWN)) as mailer:
        receipt = mailer.send(message)
        assert sandbox.last_drop is drop
        assert receipt.delivery is Delivery.SENT
        receipt = mailer.file(receipt, message)
        assert receipt.filing in (Filing.APPENDED, Filing.ALREADY_THERE)
    assert len(copies(sandbox.sent(), receipt.message_id)) == len(sandbox.sent()) == 1


def test_a_connection_lost_after_the_body_is_unknown_and_resolved_to_sent(start: Start, colour: Colour) -> None:
    for security in ("TLS", "STARTTLS"):
        sandbox = start(personality.DROPS_AFTER_BODY)
        message = letter()
        with colour.mailer(sandbox, filed_by(settings_of(sandbox, security), Filer.PROVIDER)) as mailer:
            receipt = mailer.send(message)
            assert receipt.delivery is Delivery.UNKNOWN
            assert receipt.reply is None
            assert receipt.filing is Filing.PENDING
            resolved = mailer.resolve(receipt, message)
            assert (resolved.delivery, resolved.filing) == (Delivery.SENT, Filing.BY_PROVIDER)
            assert mailer.resolve(resolved, message) == resolved
        assert accepted(sandbox, receipt.message_id) == 1
        assert len(copies(sandbox.sent(), receipt.message_id)) == 1


@pytest.mark.usefixtures("brief_looks")
def test_what_cannot_be_found_stays_unknown_and_is_not_filed(start: Start, colour: Colour) -> None:
    sandbox = start(Personality(drop_at=Drop.AFTER_BODY))
    message = letter()
    with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.CLIENT)) as mailer:
        receipt = mailer.send(message)
        assert receipt.delivery is Delivery.UNKNOWN
        assert mailer.resolve(receipt, message) == receipt
    assert accepted(sandbox, receipt.message_id) == 1
    assert sandbox.sent() == ()


@pytest.mark.parametrize("filer", [Filer.CLIENT, Filer.PROVIDER])
@pytest.mark.parametrize("flights", ["one flight", "one by one"])
@pytest.mark.parametrize("drop", BEFORE_THE_BODY)
def test_a_connection_lost_before_the_end_of_the_body_is_an_error_and_the_next_send_is_fine(
    start: Start, colour: Colour, drop: Drop, flights: str, filer: Filer
) -> None:
    extensions = personality.SMTP_EXTENSIONS if flights == "one flight" else frozenset({"SIZE", "8BITMIME"})
    sandbox = start(Personality(drop_at=drop, smtp_extensions=extensions))
    long = letter(TEXTS["long"])
    with colour.mailer(sandbox, filed_by(sandbox.settings, filer)) as mailer:
        try:
            outcome: Receipt | MailconfError = mailer.send(long)
        except MailconfError as error:
            outcome = error
        assert sandbox.last_drop is drop
        if isinstance(outcome, Receipt):
            # The kernel took all of the body before the loss was noticed; then nobody can know.
            assert outcome.delivery is Delivery.UNKNOWN
            assert drop is Drop.BODY or (flights == "one flight" and drop in (Drop.MAIL, Drop.RCPT))
        else:
            assert outcome.code == "connection.dropped"
            assert outcome.receipt is not None
            assert outcome.receipt.delivery is Delivery.NOT_SENT
        assert accepted(sandbox, long["Message-ID"]) == 0
        assert mailer.send(letter()).delivery is Delivery.SENT
    assert len(sandbox.submissions) == 1
    assert len(sandbox.sent()) == (1 if filer is Filer.CLIENT else 0)
