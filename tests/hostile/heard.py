"""What the sandbox's servers were told, byte for byte, and what of it anybody might take for a command."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tether_mailconf.sandbox import Sandbox
from tether_mailconf.sandbox.session import Session

EVIL = b"XEVIL"
"""The attacker's command."""

# Whatever some server, of whatever age, takes for the end of a line or of a text.
_ENDS = re.compile(rb"\r\n|[\r\n\0\x0b\x0c\x1c-\x1e\x85]|\xc2\x85|\xe2\x80[\xa8\xa9]")
_CONTENT = b"(content)"


class Heard:
    """All bytes that came in since it was cleared, by connection."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_session: dict[int, tuple[Session, bytearray]] = {}

    def take(self, session: Session, data: bytes) -> None:
        with self._lock:
            # The session is kept, too: its number is not given to another one as long as it lives.
            self._by_session.setdefault(id(session), (session, bytearray()))[1].extend(data)

    def clear(self) -> None:
        with self._lock:
            self._by_session.clear()

    def without(self, sandbox: Sandbox) -> list[bytes]:
        """Return what each connection said, with the messages that arrived cut out of it."""
        contents = [one.content for one in sandbox.submissions]
        contents += [one.content for stored in sandbox.mailboxes.values() for one in stored]
        with self._lock:
            said = [bytes(data) for _, data in self._by_session.values()]
        for content in sorted(set(contents), key=len, reverse=True):
            said = [data.replace(content, _CONTENT) for data in said]
        return said


def commands(said: bytes) -> list[bytes]:
    """Return the first word of each line, wherever a server might think that one begins."""
    return [line.split(b" ")[0] for line in _ENDS.split(said) if line]


@contextmanager
def listening() -> Iterator[Heard]:
    """Hear all that sandboxes of this process are told."""
    heard = Heard()
    receive = Session.receive

    def hearing(self: Session, data: bytes) -> None:
        heard.take(self, data)
        receive(self, data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "receive", hearing)
        yield heard
