"""An account as a test sees it: where to submit, where the mailboxes are, and two witnesses of what happened.

The submission server and the IMAP server may be one Dovecot, or two servers of different make for the same user.
"""

from __future__ import annotations

from pathlib import Path

import attrs

from tether_mailconf.settings import Endpoint, Security

from .dovecot import Dovecot
from .mailboxes import Mailboxes
from .postfix import Postfix
from .server import ImapServer
from .sink import Received, Sink


@attrs.frozen(kw_only=True)
class Account:
    """One user's account on real servers.

    Args:
        smtp: the submission server.
        imap: the IMAP server.
        user: the user name on both, which is also the address.
        password: the password on both.
        ca_file: the authority of both certificates.
        mailboxes: what is in the mailboxes, by imaplib.
        sink: what left the submission server.
    """

    smtp: Endpoint
    imap: Endpoint
    user: str
    password: str = attrs.field(repr=False)
    ca_file: Path
    mailboxes: Mailboxes
    sink: Sink

    def folders(self) -> dict[str, frozenset[str]]:
        """Return every mailbox's decoded full name with its attributes, in lower case."""
        return self.mailboxes.folders()

    def copies(self, mailbox: str) -> list[bytes]:
        """Return the messages of one mailbox, oldest first.

        Raises:
            LookupError: if there is no such mailbox.
        """
        return self.mailboxes.copies(mailbox)

    def all_copies(self) -> dict[str, list[bytes]]:
        """Return the messages of every mailbox."""
        return self.mailboxes.all_copies()

    def received(self, count: int = 0) -> list[Received]:
        """Return what left the submission server, waiting until there are at least `count` messages.

        Raises:
            AssertionError: if they do not come.
        """
        return self.sink.received(count)


def account_on(submission: Dovecot | Postfix, imap: ImapServer, security: Security) -> Account:
    """Return the account that a user has on a submission server and an IMAP server, reached with one security.

    Raises:
        ValueError: if the two know different users or show certificates of different authorities.
    """
    known = (submission.address, submission.password, submission.ca_file)
    if known != (imap.address, imap.password, imap.ca_file):
        raise ValueError("the submission server and the IMAP server know different users")
    return Account(
        smtp=submission.endpoint("submission", security),
        imap=imap.endpoint("imap", security),
        user=submission.address,
        password=submission.password,
        ca_file=submission.ca_file,
        mailboxes=imap.mailboxes,
        sink=submission.sink,
    )
