"""Dovecot: IMAP and submission, mostly for one user, with the Sent folder named and marked as a test wants it.

What is submitted goes on to a sink; with `files_itself` a copy comes back into Sent, as at a provider that files by
itself. With an `issuer` it takes that one's tokens too, by XOAUTH2 and OAUTHBEARER, and asks it about each of them.
The configuration is templates/dovecot.conf.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import attrs

from tether_mailconf.settings import Security

from .authority import Authority
from .filing import FilesItself
from .layout import ENGLISH, SentLayout
from .mailboxes import Mailboxes
from .oauth_server import OAuthServer
from .process import LOOPBACK, Program, fill_in, program, running, temporary_folder
from .server import ADDRESS, PASSWORD, ImapServer
from .sink import Sink


class Dovecot(ImapServer):
    """A Dovecot of its own, in a folder of its own.

    Args:
        authority: whose certificate it shows.
        layout: the Sent folder.
        files_itself: None: the submission side files nothing; else it files a copy in Sent so many seconds after it
            has taken a message (0: before it says so).
        quota: how much mail fits, in Dovecot's words ("10K").
        rights: what the user may do with which mailbox, a line for each pattern of names in the words of Dovecot's
            global ACL file ("Sent owner lr"); none: everything, and nobody is told of rights (RFC 4314).
        issuer: whose tokens it accepts besides passwords, from anybody with an account there; it must have been
            entered.
        address: the user.
        password: the user's password, without a colon.
        others: further users, each with a password.

    Attributes:
        program: the server, to be ended and begun again.
        mail: the folder of all mailboxes.
        users: everybody's password by the name.
        sink: what was submitted.
        filing: what files by itself, with `files_itself`.
        auth_socket: where another server may ask who may sign in.
    """

    services: ClassVar = {
        ("imap", Security.TLS): "imaps",
        ("imap", Security.STARTTLS): "imap",
        ("submission", Security.TLS): "submissions",
        ("submission", Security.STARTTLS): "submission",
    }

    def __init__(
        self,
        authority: Authority,
        layout: SentLayout = ENGLISH,
        *,
        files_itself: float | None = None,
        quota: str = "1G",
        rights: Sequence[str] = (),
        issuer: OAuthServer | None = None,
        address: str = ADDRESS,
        password: str = PASSWORD,
        others: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(authority, address=address, password=password)
        self.program: Program
        self.mail = Path()
        self.users = {address: password, **(others or {})}
        self.layout = layout
        self.sink = Sink()
        self.filing: FilesItself | None = None
        self.auth_socket = Path()
        self._seconds = files_itself
        self._quota = quota
        self._rights = tuple(rights)
        self._issuer = issuer

    def start(self, held: contextlib.ExitStack) -> None:
        """Start the sink and Dovecot."""
        dovecot = program("dovecot")
        folder = held.enter_context(temporary_folder("dovecot"))
        held.enter_context(self.sink)
        self.auth_socket = folder / "run" / "postfix"
        configuration = self.write_configuration(folder)
        self.program = held.enter_context(
            running(
                [dovecot, "-F", "-c", configuration],
                logs=[folder / "output", folder / "dovecot.log"],
                ports=list(self.ports.values()),
                socket_file=self.auth_socket,
            )
        )
        if self._seconds is not None:
            self.filing = held.enter_context(FilesItself(self.mailboxes, self.layout.mailbox, self._seconds))
            self.sink.on_message = self.filing

    def mailboxes_of(self, user: str) -> Mailboxes:
        """Return the mailboxes of one of the users."""
        return attrs.evolve(self.mailboxes, user=user, password=self.users[user])

    def write_configuration(self, folder: Path) -> Path:
        """Write all that Dovecot reads; return the main file."""
        users = folder / "users"
        users.write_text("".join(f"{user}:{password}::::::\n" for user, password in self.users.items()), "utf-8")
        self.mail = folder / "mail"
        self.mail.mkdir()
        shutil.chown(self.mail, "mail", "mail")
        configuration = folder / "dovecot.conf"
        text = fill_in(
            "dovecot.conf",
            folder=folder,
            listen=LOOPBACK,
            instance=folder.name,
            certificate=self.authority.certificate_file,
            key=self.authority.key_file,
            relay=self.sink.port,
            prefix=self.layout.prefix,
            separator=self.layout.separator,
            sent=self.sent_folder(),
            quota=self._quota,
            acl="acl" if self._rights else "",
            imap_acl="imap_acl" if self._rights else "",
            rights=self.rights(folder),
            tokens=self.tokens(folder),
            **self.ports,
        )
        configuration.write_text(text, "utf-8")
        return configuration

    def sent_folder(self) -> str:
        """Return the part of the configuration that makes the Sent folder, if there is to be one."""
        if self.layout.name is None:
            return ""
        marked = r"special_use = \Sent" if self.layout.special_use else ""
        return fill_in("dovecot-sent.conf", name=self.layout.name, special_use=marked)

    def rights(self, folder: Path) -> str:
        """Return the line that names the file of rights, if there is to be one."""
        if not self._rights:
            return ""
        (folder / "rights").write_text("".join(f"{line}\n" for line in self._rights), "utf-8")
        return f"acl = vfile:{folder}/rights"

    def tokens(self, folder: Path) -> str:
        """Return the part of the configuration that accepts an issuer's tokens, if there is to be one."""
        if self._issuer is None:
            return ""
        introspection = folder / "dovecot-oauth2.conf.ext"
        introspection.touch(mode=0o600)
        introspection.write_text(
            fill_in("dovecot-oauth2.conf.ext", url=self._issuer.introspection_url, ca_file=self._issuer.ca_file),
            "utf-8",
        )
        return fill_in("dovecot-oauth2.conf", introspection=introspection)
