"""aiosmtpd as the submission server: no CHUNKING, no PIPELINING, other words, written by other people."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator

import attrs
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.servers.account import Account, account_on
from tests.servers.authority import Authority
from tests.servers.plugin import Servers
from tests.servers.process import LOOPBACK, free_ports
from tether_mailconf import Delivery, Endpoint, Filing, RecipientsRefused, Security, SignInRefused

from .conftest import Opened
from .post import BEN, CLARA, MESSAGE_ID, TEXT, copies_everywhere, letter, parsed, settings_of, text_of

SECURITY = pytest.mark.parametrize("security", Security, ids=lambda security: security.value)
NOBODY = "nobody@example.org"

# It does not count a connection that began with TLS as encrypted, and warns of what it takes for plaintext.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")


class Keeper:
    """Keeps what it is sent, knows one user, and refuses nobody but Nobody."""

    def __init__(self, account: Account) -> None:
        self.kept: list[Envelope] = []
        self.attempts = 0
        self._account = account

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address == NOBODY:
            return "550 5.1.1 nobody of that name here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 fine"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        self.kept.append(envelope)
        return "250 2.0.0 kept"

    def sign_in(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, said: object) -> AuthResult:
        """Compare with the account's name and password."""
        self.attempts += 1
        assert isinstance(said, LoginPassword)
        wanted = (self._account.user.encode(), self._account.password.encode())
        return AuthResult(success=(said.login, said.password) == wanted, handled=False)


@contextlib.contextmanager
def aiosmtpd_for(account: Account, authority: Authority, security: Security) -> Iterator[tuple[Keeper, Account]]:
    """Start aiosmtpd; yield what keeps its mail, and the account with it as submission server."""
    keeper = Keeper(account)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority.certificate_file, authority.key_file)
    is_tls = security is Security.TLS
    port = free_ports(1)[0]
    controller = Controller(
        keeper,
        hostname=LOOPBACK,
        port=port,
        ssl_context=context if is_tls else None,
        tls_context=None if is_tls else context,
        require_starttls=not is_tls,
        auth_require_tls=not is_tls,
        auth_required=True,
        authenticator=keeper.sign_in,
    )
    controller.start()
    try:
        yield keeper, attrs.evolve(account, smtp=Endpoint(host=LOOPBACK, port=port, security=security))
    finally:
        controller.stop()


@SECURITY
def test_aiosmtpd_gets_the_message_and_dovecot_the_copy(
    servers: Servers, authority: Authority, opened: Opened, security: Security
) -> None:
    """Command by command, with DATA: the same text arrives, without Bcc, and one copy stays."""
    dovecot = servers.dovecot()
    with aiosmtpd_for(account_on(dovecot, dovecot, security), authority, security) as (keeper, account):
        mailing = opened(account)
        with mailing as mailer:
            receipt = mailer.send(letter())
    assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.APPENDED)
    (gone,) = keeper.kept
    assert (gone.mail_from, set(gone.rcpt_tos)) == (account.user, {BEN, CLARA})
    assert isinstance(gone.content, bytes)
    assert parsed(gone.content)["Message-ID"] == MESSAGE_ID
    assert b"clara" not in gone.content.lower()
    assert text_of(gone.content) == TEXT
    assert copies_everywhere(account) == ["Sent"]
    (copy,) = account.copies("Sent")
    assert parsed(copy)["Bcc"] == CLARA


@SECURITY
def test_aiosmtpd_refuses_a_recipient_and_nobody_gets_the_message(
    servers: Servers, authority: Authority, opened: Opened, security: Security
) -> None:
    """The transaction is taken back, and the next message on the same connection is whole."""
    dovecot = servers.dovecot()
    with aiosmtpd_for(account_on(dovecot, dovecot, security), authority, security) as (keeper, account):
        mailing = opened(account)
        with mailing as mailer:
            with pytest.raises(RecipientsRefused) as caught:
                mailer.send(letter(to=f"{BEN}, {NOBODY}"))
            assert set(caught.value.refused) == {NOBODY}
            assert keeper.kept == []
            partial = mailer.send(letter(to=f"{BEN}, {NOBODY}"), partial=True)
    assert set(partial.accepted) == {BEN, CLARA}
    assert [set(gone.rcpt_tos) for gone in keeper.kept] == [{BEN, CLARA}]
    assert copies_everywhere(account) == ["Sent"]


@SECURITY
def test_aiosmtpd_refuses_a_wrong_password_once(
    servers: Servers, authority: Authority, opened: Opened, security: Security
) -> None:
    """It is not tried again, by no other mechanism either."""
    dovecot = servers.dovecot()
    with aiosmtpd_for(account_on(dovecot, dovecot, security), authority, security) as (keeper, account):
        settings = attrs.evolve(settings_of(account), imap=None, imap_user="")
        with opened(account, settings, password="not it") as mailer, pytest.raises(SignInRefused):
            mailer.send(letter())
    assert keeper.attempts == 1
    assert keeper.kept == []
