"""Those who block: the standard library, IMAPClient, imap_tools, yagmail, redmail.

yagmail and redmail compose the message from its parts, which is what they are for; the others are given a message.
"""

from __future__ import annotations

import imaplib
import io
import smtplib
from email.utils import make_msgid
from typing import Any

import imap_tools
import imapclient
import yagmail
from redmail.email.sender import EmailSender

from ..job import FILE_NAME, RECIPIENT, SUBJECT, Letter, Wire
from .adapter import SECONDS, Blocking
from .mailboxes import signed_in


class Smtplib(Blocking):
    """Submission by smtplib."""

    def open(self) -> None:
        target = self.target
        if target.wire is Wire.TLS:
            self._smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                target.host, target.smtp, context=target.context, timeout=SECONDS
            )
        else:
            self._smtp = smtplib.SMTP(target.host, target.smtp, timeout=SECONDS)
        if target.wire is Wire.STARTTLS:
            self._smtp.starttls(context=target.context)
        self._smtp.login(target.user, target.password)

    def send(self, letter: Letter) -> None:
        assert self._smtp.send_message(letter.message) == {}

    def close(self) -> None:
        self._smtp.quit()


class Filed(Blocking):
    """Copies by imaplib, for those who do not file themselves."""

    _imap: imaplib.IMAP4

    def open_mailboxes(self) -> None:
        """Connect and sign in."""
        target = self.target
        if target.wire is Wire.TLS:
            self._imap = imaplib.IMAP4_SSL(target.host, target.imap, ssl_context=target.context, timeout=SECONDS)
        else:
            self._imap = imaplib.IMAP4(target.host, target.imap, timeout=SECONDS)
        if target.wire is Wire.STARTTLS:
            self._imap.starttls(target.context)
        self._imap.login(target.user, target.password)

    def file(self, content: bytes) -> None:
        """Append a copy."""
        status, said = self._imap.append("Sent", "\\Seen", "", content)
        assert status == "OK", said


class Stdlib(Smtplib, Filed):
    """smtplib and imaplib, as people use them: the message is rendered for each of the two."""

    name = "smtplib + imaplib"

    def open(self) -> None:
        super().open()
        if self.files:
            self.open_mailboxes()

    def send(self, letter: Letter) -> None:
        super().send(letter)
        if self.files:
            self.file(letter.message.as_bytes())

    def close(self) -> None:
        super().close()
        if self.files:
            self._imap.logout()


class ImapClientPeer(Smtplib):
    """smtplib, and IMAPClient for the copy."""

    name = "smtplib + IMAPClient"

    def open(self) -> None:
        super().open()
        if self.files:
            self._imap = signed_in(self.target)

    def send(self, letter: Letter) -> None:
        super().send(letter)
        if self.files:
            self._imap.append("Sent", letter.message.as_bytes(), flags=(imapclient.SEEN,))

    def close(self) -> None:
        super().close()
        if self.files:
            self._imap.logout()


class ImapToolsPeer(Smtplib):
    """smtplib, and imap_tools for the copy."""

    name = "smtplib + imap_tools"

    def open(self) -> None:
        super().open()
        if self.files:
            self._mailbox = self._reached().login(self.target.user, self.target.password, initial_folder=None)

    def _reached(self) -> imap_tools.MailBox | imap_tools.MailBoxStartTls | imap_tools.MailBoxUnencrypted:
        target = self.target
        match target.wire:
            case Wire.TLS:
                return imap_tools.MailBox(target.host, target.imap, SECONDS, ssl_context=target.context)
            case Wire.STARTTLS:
                return imap_tools.MailBoxStartTls(target.host, target.imap, SECONDS, ssl_context=target.context)
            case Wire.CLEAR:
                return imap_tools.MailBoxUnencrypted(target.host, target.imap, SECONDS)

    def send(self, letter: Letter) -> None:
        super().send(letter)
        if self.files:
            self._mailbox.append(letter.message.as_bytes(), "Sent", flag_set=[imap_tools.MailMessageFlags.SEEN])

    def close(self) -> None:
        super().close()
        if self.files:
            self._mailbox.logout()


class YagmailPeer(Filed):
    """yagmail, and imaplib for the copy. Its `send` signs in anew each time, so it keeps no connection."""

    name = "yagmail + imaplib"
    keeps = False

    def open(self) -> None:
        target = self.target
        reached: dict[str, Any] = {"smtp_ssl": False, "smtp_starttls": False}
        if target.wire is Wire.TLS:
            reached = {"context": target.context}
        elif target.wire is Wire.STARTTLS:
            reached = {"smtp_ssl": False, "smtp_starttls": {"context": target.context}}
        self._yag = yagmail.SMTP(target.user, target.password, host=target.host, port=target.smtp, **reached)
        if self.files:
            self.open_mailboxes()

    def send(self, letter: Letter) -> None:
        # One Message-ID, so that the copy, which it composes apart, is of the same message.
        whole: dict[str, Any] = {
            "to": RECIPIENT,
            "subject": SUBJECT,
            "contents": letter.text,
            "message_id": make_msgid(),
        }
        assert self._yag.send(**whole, attachments=attached(letter)) == {}
        if self.files:
            self.file(self._yag.prepare_send(**whole, attachments=attached(letter))[1].encode())

    def close(self) -> None:
        self._yag.close()
        if self.files:
            self._imap.logout()


class RedmailPeer(Filed):
    """redmail, and imaplib for the copy. Its STARTTLS takes no trust, so it is not verified."""

    name = "redmail + imaplib"

    def open(self) -> None:
        self._sender = self._reached()
        self._sender.connect()
        if self.files:
            self.open_mailboxes()

    def _reached(self) -> Any:
        target = self.target
        over_tls: dict[str, Any] = {"cls_smtp": smtplib.SMTP_SSL, "context": target.context}
        return EmailSender(
            target.host,
            target.smtp,
            target.user,
            target.password,
            use_starttls=target.wire is Wire.STARTTLS,
            timeout=SECONDS,
            **(over_tls if target.wire is Wire.TLS else {}),
        )

    def send(self, letter: Letter) -> None:
        sent = self._sender.send(
            subject=SUBJECT,
            sender=self.target.user,
            receivers=[RECIPIENT],
            text=letter.text,
            attachments={FILE_NAME: letter.attachment} if letter.attachment else None,
        )
        if self.files:
            self.file(sent.as_bytes())

    def close(self) -> None:
        self._sender.close()
        if self.files:
            self._imap.logout()


def attached(letter: Letter) -> io.BytesIO | None:
    """Return the attachment as a file with a name, if there is one."""
    if not letter.attachment:
        return None
    file = io.BytesIO(letter.attachment)
    file.name = FILE_NAME
    return file
