"""The job that everybody does: one letter from an account to one recipient, and where the copy is wanted, into Sent."""

from __future__ import annotations

import enum
import functools
import ssl
from email.message import EmailMessage

import attrs

from tests.servers.process import LOOPBACK

USER = "ana@example.test"
PASSWORD = "geheim-und-lang"
RECIPIENT = "bo@example.org"
SUBJECT = "The offer"
TEXT = "Dear Bo,\n\nhere is the offer.\n\nAna\n"
LONG_TEXT = TEXT + "\nIt is as we have said on the telephone.\n" * 25
FILE_NAME = "offer.bin"

KIB = 1024
MIB = KIB * KIB
SIZES = {"1 KiB": KIB, "1 KiB text": 0, "100 KiB": 100 * KIB, "10 MiB": 10 * KIB * KIB}
"""Bytes of the attachment; the letter without one has a KiB of text."""


class Wire(enum.Enum):
    """How a connection is encrypted."""

    TLS = "TLS"
    STARTTLS = "STARTTLS"
    CLEAR = "plaintext"


@functools.cache
def trusting(ca_file: str) -> ssl.SSLContext:
    """Return what trusts one authority."""
    return ssl.create_default_context(cafile=ca_file)


@attrs.frozen(kw_only=True)
class Target:
    """Where the job is done.

    Args:
        smtp: port of the submission server.
        imap: port of the IMAP server.
        wire: how both are reached.
        ca_file: the authority of their certificates.
        user: the user name on both, and the address.
        password: the password on both.
        host: where both listen.
    """

    smtp: int
    imap: int
    wire: Wire
    ca_file: str
    user: str = USER
    password: str = PASSWORD
    host: str = LOOPBACK

    @property
    def context(self) -> ssl.SSLContext:
        """What the peers trust: made once for all connections, which is the best case for them."""
        return trusting(self.ca_file)


@attrs.frozen(kw_only=True)
class Letter:
    """What is sent.

    Args:
        text: what it says.
        attachment: what is attached; empty: nothing.
    """

    text: str
    attachment: bytes

    @functools.cached_property
    def message(self) -> EmailMessage:
        """The letter as a message, for those who take one. Those who take the parts compose it each time."""
        message = EmailMessage()
        message["From"] = USER
        message["To"] = RECIPIENT
        message["Subject"] = SUBJECT
        message.set_content(self.text)
        if self.attachment:
            message.add_attachment(self.attachment, maintype="application", subtype="octet-stream", filename=FILE_NAME)
        return message


def letter(size: str) -> Letter:
    """Return a letter of one of the SIZES."""
    count = SIZES[size]
    return Letter(text=TEXT if count else LONG_TEXT, attachment=bytes(range(256)) * (count // 256))


def targets(told: dict[str, int | str]) -> dict[Wire, Target]:
    """Return where the null server does the job, from what it told."""

    def target(wire: Wire, port: str) -> Target:
        return Target(
            smtp=int(told[f"smtp_{port}"]), imap=int(told[f"imap_{port}"]), wire=wire, ca_file=str(told["ca_file"])
        )

    return {
        Wire.TLS: target(Wire.TLS, "tls"),
        Wire.STARTTLS: target(Wire.STARTTLS, "clear"),
        Wire.CLEAR: target(Wire.CLEAR, "clear"),
    }
