"""The sandbox's servers in a process of their own, for two tenants: what they took outlives their restarts.

`python -m tests.faults.sandbox_server` has the commands that `main` lists. A restart breaks every connection, listens
elsewhere, and keeps what was stored, as a server does that was killed and has a disk.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.faults.servant import serve
from tether_mailconf.sandbox import ImapSession, SmtpSession, Store, personality
from tether_mailconf.sandbox.certificate import make_certificates
from tether_mailconf.sandbox.server import Server, Service


class Servers:
    """Submission and IMAP, each with TLS from the start and with STARTTLS."""

    def __init__(self, folder: Path) -> None:
        self._files = make_certificates(folder, dt.datetime.now(dt.UTC))
        self._store = Store()
        self._server: Server | None = None

    def open(self, behaviour: str, users: dict[str, str]) -> dict[str, Any]:
        """Begin with nobody's mail; return the ports and the authority's file."""
        self.close()
        self._store = Store(getattr(personality, behaviour))
        for user, password in users.items():
            self._store.add_account(user, password)
        return {"ports": self.restart(), "ca_file": str(self._files.authority)}

    def restart(self) -> list[int]:
        """Break all connections, and listen again; return the ports."""
        self.close()
        behaviour = self._store.personality
        services = [
            Service(name=name, open_session=open_session, is_implicit=is_implicit)
            for is_implicit in (True, False)
            for name, open_session in (
                ("smtp", lambda: SmtpSession(self._store, behaviour)),
                ("imap", lambda: ImapSession(self._store, behaviour)),
            )
        ]
        self._server = Server(services, self._files.chain)
        return list(self._server.ports)

    def close(self) -> None:
        """Break all connections, and listen no more."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def wait_until_idle(self) -> None:
        """Return once everything that clients have written is dealt with."""
        # A server that has read the end of a connection has dealt with all before it.
        while self._server is not None and self._server._connections:
            time.sleep(0.001)

    def seen(self) -> dict[str, list[tuple[str, str, str]]]:
        """Return Message-ID, user and digest of each message that was accepted, and of each copy in a Sent mailbox."""
        with self._store.lock:
            self._store.settle()
            accepted = [(submission.user, submission.content) for submission in self._store.submissions]
            copies = [
                (address, message.content)
                for address in self._store.addresses
                if (account := self._store.account(address)) is not None
                and (sent := self._store.sent(account)) is not None
                for message in sent.messages
            ]
        return {"accepted": list(map(told, accepted)), "copies": list(map(told, copies))}


def told(one: tuple[str, bytes]) -> tuple[str, str, str]:
    """Return the Message-ID, the user and the digest of a message."""
    user, content = one
    header = content.partition(b"\r\n\r\n")[0]
    (message_id,) = (line[12:] for line in header.split(b"\r\n") if line.lower().startswith(b"message-id: "))
    return message_id.decode(), user, f"sha256:{hashlib.sha256(content).hexdigest()}"


def main() -> None:
    """Do what is asked."""
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        servers = Servers(Path(folder))
        acts = ("open", "restart", "close", "wait_until_idle", "seen")
        serve({act: getattr(servers, act) for act in acts})
        servers.close()


if __name__ == "__main__":
    main()
