"""tether_mailconf in both colours, over TLS always: it has no other way."""

from __future__ import annotations

import functools
from typing import Any

from tether_mailconf import Delivery, Filer, Filing, Mailer, NetworkPolicy, Password, Receipt, SentPolicy, aio
from tether_mailconf.settings import ConnectionSettings, CredentialKind, Endpoint, Security

from ..job import Letter, Target, Wire
from .adapter import Asynchronous, Blocking

OVER_TLS = frozenset({Wire.TLS, Wire.STARTTLS})


class Ours(Blocking):
    """The blocking face."""

    name = "tether_mailconf"
    wires = OVER_TLS
    is_ours = True

    def open(self) -> None:
        self._mailer = Mailer(**account(self.target, files=self.files))
        self._mailer.__enter__()

    def send(self, letter: Letter) -> None:
        check(self._mailer.send(letter.message), files=self.files)

    def close(self) -> None:
        self._mailer.close()


class OursAio(Asynchronous):
    """The face for asyncio."""

    name = "tether_mailconf.aio"
    wires = OVER_TLS
    is_ours = True

    async def open(self) -> None:
        self._mailer = aio.Mailer(**account(self.target, files=self.files))
        await self._mailer.__aenter__()

    async def send(self, letter: Letter) -> None:
        check(await self._mailer.send(letter.message), files=self.files)

    async def close(self) -> None:
        await self._mailer.close()


def account(target: Target, *, files: bool) -> dict[str, Any]:
    """Return what a Mailer is made of: an account of which all is known, as an application has it stored."""
    security = Security.TLS if target.wire is Wire.TLS else Security.STARTTLS
    return {
        "settings": ConnectionSettings(
            address=target.user,
            smtp=Endpoint(host=target.host, port=target.smtp, security=security),
            imap=Endpoint(host=target.host, port=target.imap, security=security),
            smtp_user=target.user,
            imap_user=target.user,
            credential=CredentialKind.PASSWORD,
            sent=SentPolicy(filer=Filer.CLIENT if files else Filer.NOBODY, mailbox="Sent"),
        ),
        "credential": Password(target.password),
        "network": policy(target.smtp, target.imap),
        "ca_file": target.ca_file,
    }


@functools.cache
def policy(*ports: int) -> NetworkPolicy:
    """Return what may be dialled. An application has one for all its accounts."""
    return NetworkPolicy(networks=("127.0.0.0/8",), ports=frozenset(ports))


def check(receipt: Receipt, *, files: bool) -> None:
    """Hold that the job was done."""
    assert receipt.delivery is Delivery.SENT, receipt
    assert receipt.filing is (Filing.APPENDED if files else Filing.OFF), receipt
