"""Postfix: a submission server of another make than the IMAP server beside it.

Who may sign in is asked of a Dovecot (its authentication socket), mail goes on to a sink of its own, and refusals are
configured by a test. The configuration is templates/postfix-main.cf and postfix-master.cf.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from tether_mailconf.settings import Security

from .dovecot import Dovecot
from .filing import FilesItself
from .process import LOOPBACK, Program, fill_in, program, running, temporary_folder
from .server import Server
from .sink import Sink

DAEMONS = Path("/usr/lib/postfix/sbin")
PRIVATE = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace")
SHARED = {"maildrop": 0o730, "public": 0o710}


class Postfix(Server):
    """A Postfix of its own, in a folder of its own.

    Args:
        dovecot: who knows the user, and where copies are filed by `files_itself`; it must have been entered.
        refused: recipients that are refused with 550 5.1.1.
        message_size_limit: in bytes; announced as SIZE.
        files_itself: None: it files nothing; else it files a copy in the user's Sent so many seconds after the
            message left it.

    Attributes:
        program: the server, to be ended and begun again.
        queue: the folder of its mail queue.
        sink: what it relayed.
        filing: what files by itself, with `files_itself`.
    """

    services: ClassVar = {
        ("submission", Security.TLS): "submissions",
        ("submission", Security.STARTTLS): "submission",
    }

    def __init__(
        self,
        dovecot: Dovecot,
        *,
        refused: Iterable[str] = (),
        message_size_limit: int = 10_240_000,
        files_itself: float | None = None,
    ) -> None:
        super().__init__(dovecot.authority, address=dovecot.address, password=dovecot.password)
        self.program: Program
        self.queue = Path()
        self.dovecot = dovecot
        self.sink = Sink()
        self.filing: FilesItself | None = None
        self._refused = tuple(refused)
        self._size = message_size_limit
        self._seconds = files_itself

    def start(self, held: contextlib.ExitStack) -> None:
        """Start the sink and Postfix."""
        program("postfix")
        folder = held.enter_context(temporary_folder("postfix"))
        held.enter_context(self.sink)
        self.queue = folder / "queue"
        configuration = self.write_configuration(folder)
        # The daemon itself, not `postfix start`: it stays a child of this process, to be ended by its pid, and the
        # two seconds of checking an installation are saved.
        self.program = held.enter_context(
            running(
                [DAEMONS / "master", "-c", configuration, "-s"],
                logs=[folder / "output", folder / "postfix.log"],
                ports=list(self.ports.values()),
                environment={**os.environ, "MAIL_CONFIG": str(configuration)},
            )
        )
        if self._seconds is not None:
            sent = self.dovecot.layout.mailbox
            self.filing = held.enter_context(FilesItself(self.dovecot.mailboxes, sent, self._seconds))
            self.sink.on_message = self.filing

    def write_configuration(self, folder: Path) -> Path:
        """Write all that Postfix reads; return the folder of its configuration."""
        configuration = folder / "etc"
        configuration.mkdir()
        make_queue(self.queue)
        (folder / "data").mkdir(mode=0o700)
        shutil.chown(folder / "data", "postfix")
        (folder / "senders").write_text("".join(f"{user} {user}\n" for user in self.dovecot.users), "utf-8")
        refusals = (f"{recipient} 550 5.1.1 nobody of that name here\n" for recipient in self._refused)
        (folder / "recipients").write_text("".join(refusals), "utf-8")
        main = fill_in(
            "postfix-main.cf",
            folder=folder,
            listen=LOOPBACK,
            size=self._size,
            relay=self.sink.port,
            certificate=self.authority.certificate_file,
            key=self.authority.key_file,
            sasl=self.dovecot.auth_socket,
        )
        (configuration / "main.cf").write_text(main, "utf-8")
        (configuration / "master.cf").write_text(fill_in("postfix-master.cf", listen=LOOPBACK, **self.ports), "utf-8")
        for path in (configuration / "main.cf", folder / "senders", folder / "recipients"):
            # Postfix will not read a file of the last second, which might still be being written.
            os.utime(path, (0, 0))
        return configuration


def make_queue(folder: Path) -> None:
    """Make the folders of a mail queue, owned as the package's own list of them (postfix-files) has it."""
    folder.mkdir()
    for name in PRIVATE:
        (folder / name).mkdir(mode=0o700)
        shutil.chown(folder / name, "postfix")
    for name, mode in SHARED.items():
        (folder / name).mkdir()
        (folder / name).chmod(mode)
        shutil.chown(folder / name, "postfix", "postdrop")
    (folder / "pid").mkdir()
