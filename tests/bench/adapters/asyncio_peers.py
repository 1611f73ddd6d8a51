"""Those for asyncio: aiosmtplib, with IMAPClient in a thread, or with aioimaplib, which knows no STARTTLS."""

from __future__ import annotations

import asyncio
from email.policy import SMTP
from typing import Any

import aioimaplib
import aiosmtplib
import imapclient

from ..job import Letter, Target, Wire
from .adapter import SECONDS, Asynchronous
from .mailboxes import signed_in


class Aiosmtplib(Asynchronous):
    """Submission by aiosmtplib."""

    async def open(self) -> None:
        self._smtp = client(self.target)
        await self._smtp.connect()

    async def send(self, letter: Letter) -> None:
        refused, _ = await self._smtp.send_message(letter.message)
        assert refused == {}

    async def close(self) -> None:
        await self._smtp.quit()


class AiosmtplibPeer(Aiosmtplib):
    """aiosmtplib, and IMAPClient in a thread for the copy."""

    name = "aiosmtplib + IMAPClient in a thread"

    async def open(self) -> None:
        await super().open()
        if self.files:
            self._imap = await asyncio.to_thread(signed_in, self.target)

    async def send(self, letter: Letter) -> None:
        await super().send(letter)
        if self.files:
            await asyncio.to_thread(self._imap.append, "Sent", letter.message.as_bytes(), (imapclient.SEEN,))

    async def close(self) -> None:
        await super().close()
        if self.files:
            await asyncio.to_thread(self._imap.logout)


class AioimaplibPeer(Aiosmtplib):
    """aiosmtplib, and aioimaplib for the copy."""

    name = "aiosmtplib + aioimaplib"
    wires = frozenset({Wire.TLS, Wire.CLEAR})

    async def open(self) -> None:
        await super().open()
        if not self.files:
            return
        target = self.target
        self._imap: Any
        if target.wire is Wire.TLS:
            self._imap = aioimaplib.IMAP4_SSL(target.host, target.imap, timeout=SECONDS, ssl_context=target.context)
        else:
            self._imap = aioimaplib.IMAP4(target.host, target.imap, timeout=SECONDS)
        await self._imap.wait_hello_from_server()
        expect_ok(await self._imap.login(target.user, target.password))

    async def send(self, letter: Letter) -> None:
        await super().send(letter)
        if self.files:
            content = letter.message.as_bytes(policy=SMTP)
            expect_ok(await self._imap.append(content, mailbox="Sent", flags="\\Seen"))

    async def close(self) -> None:
        await super().close()
        if self.files:
            await self._imap.logout()


def client(target: Target) -> aiosmtplib.SMTP:
    """Return an aiosmtplib client that signs in as it connects."""
    return aiosmtplib.SMTP(
        hostname=target.host,
        port=target.smtp,
        username=target.user,
        password=target.password,
        use_tls=target.wire is Wire.TLS,
        start_tls=target.wire is Wire.STARTTLS,
        tls_context=None if target.wire is Wire.CLEAR else target.context,
        timeout=SECONDS,
    )


def expect_ok(response: Any) -> None:
    """Hold that the server said OK."""
    assert response.result == "OK", response
