"""What these tests share: driving sessions in memory, and trusting a sandbox."""

from __future__ import annotations

import base64
import ssl

from tether_mailconf.sandbox.imap_session import ImapSession
from tether_mailconf.sandbox.personality import Personality
from tether_mailconf.sandbox.sandbox import Sandbox
from tether_mailconf.sandbox.session import Session
from tether_mailconf.sandbox.smtp_session import SmtpSession
from tether_mailconf.sandbox.store import Account, Mailbox, Store

ANA = "ana@sandbox.test"
PASSWORD = "correct-horse"
TOKEN = "ya29.token"
PLAIN = base64.b64encode(f"\0{ANA}\0{PASSWORD}".encode()).decode()

MESSAGE = (
    b"From: ana@sandbox.test\r\nTo: bo@example.org\r\nSubject: Hello\r\nMessage-ID: <1@sandbox.test>\r\n\r\n.Hi\r\n"
)


class Clock:
    """A clock that goes only when told."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def new_store(personality: Personality | None = None, clock: Clock | None = None) -> Store:
    """Return a store with one account."""
    store = Store(personality, clock or Clock())
    store.add_account(ANA, PASSWORD, token=TOKEN)
    return store


def ana(store: Store) -> Account:
    """Return the account."""
    account = store.account(ANA)
    assert account is not None
    return account


def mailbox(store: Store, name: str) -> Mailbox:
    """Return a mailbox of the account."""
    found = store.find(ana(store), name)
    assert found is not None
    return found


def say(session: Session, text: str | bytes) -> list[str]:
    """Send this, and return the lines that come back."""
    session.receive(text.encode() if isinstance(text, str) else text)
    return session.take().decode().split("\r\n")[:-1]


def smtp(store: Store) -> SmtpSession:
    """Return a session over TLS, signed in."""
    session = SmtpSession(store)
    session.tls_started()
    assert say(session, "")[0].startswith("220 ")
    assert say(session, "EHLO [127.0.0.1]\r\n")[-1].startswith("250 ")
    assert say(session, f"AUTH PLAIN {PLAIN}\r\n")[0].startswith("235")
    return session


def imap(store: Store) -> ImapSession:
    """Return a session over TLS, signed in."""
    session = ImapSession(store)
    session.tls_started()
    assert say(session, "")[0].startswith("* OK")
    assert say(session, f"a0 LOGIN {ANA} {PASSWORD}\r\n")[-1].startswith("a0 OK")
    return session


def trusting(sandbox: Sandbox) -> ssl.SSLContext:
    """Return a client's context that trusts the sandbox and checks everything."""
    context = ssl.create_default_context(cafile=str(sandbox.ca_file))
    context.hostname_checks_common_name = False
    return context
