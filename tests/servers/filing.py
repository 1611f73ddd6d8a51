"""A provider that files a copy of sent mail by itself, at once or a while after it has accepted the message.

It is what hangs behind a real submission server's relay: the copy goes into the user's own Sent folder over IMAP, as
if the provider had delivered it. It knows nothing of the library under test.
"""

from __future__ import annotations

import threading
from typing import Self

from .mailboxes import Mailboxes
from .sink import Received


class FilesItself:
    """Files each message in one mailbox. Give it to a sink as `on_message`; use it as a context manager.

    Args:
        mailboxes: the sender's mailboxes.
        mailbox: the decoded full name of the Sent folder.
        seconds: 0 files before the message is acknowledged; more files that long after it arrived.
    """

    def __init__(self, mailboxes: Mailboxes, mailbox: str, seconds: float) -> None:
        self._mailboxes = mailboxes
        self._mailbox = mailbox
        self._seconds = seconds
        self._later: list[threading.Timer] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for timer in self._later:
            timer.cancel()
            timer.join()

    def __call__(self, message: Received) -> None:
        """File a copy of a message, now or later."""
        if self._seconds == 0:
            self.file(message)
            return
        timer = threading.Timer(self._seconds, self.file, [message])
        timer.daemon = True
        self._later.append(timer)
        timer.start()

    def file(self, message: Received) -> None:
        """Put a copy into the Sent folder, which comes into being with the first one."""
        if self._mailbox not in self._mailboxes.folders():
            self._mailboxes.create(self._mailbox)
        self._mailboxes.append(self._mailbox, message.content)

    def settle(self) -> None:
        """Wait until every copy that was begun is filed."""
        for timer in self._later:
            timer.join()
