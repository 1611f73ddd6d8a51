"""Dovecot and Postfix for the two tenants. They are restarted for real, and what they took survives."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import random
import re
import time
from pathlib import Path
from typing import ClassVar

from cryptography import x509

from tests.faults.letters import TENANTS
from tests.faults.world import PASSWORDS, RELAY, Access, Seen, Witnessed, World
from tests.servers.authority import OWN_NAMES, make_authority
from tests.servers.dovecot import Dovecot
from tests.servers.postfix import Postfix
from tests.servers.process import LOOPBACK, NotStarted, run, temporary_folder
from tests.servers.sink import Received
from tether_mailconf import Security

AUTHENTICATED = re.compile(rb"\(Authenticated sender: ([^)]+)\)")
QUEUE_ID = re.compile(rb"with E?SMTPS?A? id (\w+)")
MESSAGE_ID = re.compile(rb"^Message-ID:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)
ROOM = 200_000_000
"""Bytes of a disk that is not full."""
WHOLE = 0o100
"""A queue file with this bit is complete (Postfix's own convention); one without was never said to be taken."""


class RealWorld(World):
    """One Postfix for submission, one Dovecot for the mailboxes."""

    quota: ClassVar = "1G"
    dovecot: Dovecot
    postfix: Postfix

    def start(self, held: contextlib.ExitStack) -> Access:
        folder = held.enter_context(temporary_folder("authority"))
        authority = make_authority(folder, (*OWN_NAMES, x509.IPAddress(ipaddress.IPv4Address(RELAY))))
        (ana, password), *others = PASSWORDS.items()
        self.dovecot = held.enter_context(
            Dovecot(authority, address=ana, password=password, others=dict(others), quota=self.quota)
        )
        self.postfix = held.enter_context(Postfix(self.dovecot))
        targets = [
            (LOOPBACK, server.endpoint(service, security).port)
            for security in (Security.TLS, Security.STARTTLS)
            for server, service in ((self.postfix, "submission"), (self.dovecot, "imap"))
        ]
        return self.reached(targets, str(authority.ca_file))

    def hurt(self, chance: random.Random) -> None:
        program = chance.choice([self.dovecot.program, self.postfix.program])
        program.restart(gently=chance.random() < 0.5)

    def seen(self) -> Seen:
        self.relay.ask("wait_until_idle")
        self._wait_until_relayed()
        # One that was killed between handing a message on and noting it hands it on again: that is one acceptance.
        accepted = {submission(received): None for received in self.postfix.sink.received()}
        copies = [
            Witnessed(message_id=message_id, user=tenant)
            for tenant in TENANTS
            for message_id in self.dovecot.mailboxes_of(tenant).message_ids(self.dovecot.layout.mailbox)
        ]
        return Seen(
            accepted=tuple(Witnessed(message_id=message_id, user=user) for _, message_id, user in accepted),
            copies=tuple(copies),
        )

    def _wait_until_relayed(self) -> None:
        """Return once all that Postfix has taken has reached the sink."""
        while any(
            path.is_file() and path.stat().st_mode & WHOLE
            for queue in ("incoming", "active", "deferred")
            for path in listed(self.postfix, queue)
        ):
            time.sleep(0.05)


class SmallRealWorld(RealWorld):
    """One whose mailboxes are nearly full, with what lies in the inbox."""

    quota = "1400K"

    def worsen(self) -> None:
        for tenant in TENANTS:
            self.dovecot.mailboxes_of(tenant).append(
                "INBOX", b"Subject: large\r\n\r\n" + b"x" * 70 * 20_000, flags="()"
            )

    def heal(self) -> None:
        super().heal()
        for tenant in TENANTS:
            self.dovecot.mailboxes_of(tenant).clear("INBOX")


class TinyDiskRealWorld(RealWorld):
    """One whose mailboxes lie on a disk of their own, which is full now and then: a tmpfs, which root may mount."""

    blow = "disk full"

    def start(self, held: contextlib.ExitStack) -> Access:
        access = super().start(held)
        mail = self.dovecot.mail
        owner = mail.stat()
        run(["mount", "-t", "tmpfs", "-o", f"uid={owner.st_uid},gid={owner.st_gid},mode=755", "mail", mail])
        held.callback(run, ["umount", "-l", mail])
        return access

    def hurt(self, chance: random.Random) -> None:
        disk = os.statvfs(self.dovecot.mail)
        used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
        self._resize(used + chance.randrange(30_000))
        time.sleep(chance.uniform(0.1, 0.6))
        self._resize(ROOM)

    def heal(self) -> None:
        super().heal()
        self._resize(ROOM)

    def _resize(self, size: int) -> None:
        # It may have grown meanwhile, and a disk cannot be smaller than what is on it.
        with contextlib.suppress(NotStarted):
            run(["mount", "-o", f"remount,size={size}", self.dovecot.mail])


def listed(postfix: Postfix, queue: str) -> list[Path]:
    """Return the files of one of Postfix's queues, below which it hashes some of them."""
    with contextlib.suppress(FileNotFoundError):
        return list((postfix.queue / queue).rglob("*"))
    return []


def submission(received: Received) -> tuple[bytes, str, str]:
    """Return the queue's own name of a message, its Message-ID, and who had signed in."""
    header = received.content.partition(b"\r\n\r\n")[0]
    user, queued, message_id = (pattern.search(header) for pattern in (AUTHENTICATED, QUEUE_ID, MESSAGE_ID))
    if user is None or queued is None or message_id is None:
        raise AssertionError(f"Postfix does not say who sent what: {header!r}")
    return queued[1], message_id[1].decode(), user[1].decode()
