"""One send, or one filing, by another library, in a process of its own: for `tests.hostile.peers`.

Each gets what it can use to protect itself: a context that verifies, and the deadline as its timeout.
"""

from __future__ import annotations

import asyncio
import contextlib
import imaplib
import importlib
import json
import smtplib
import ssl
import sys
import time
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

USER = "ana@mail.test"
HOST = "127.0.0.1"


def _letter(size: int) -> EmailMessage:
    message = EmailMessage()
    message["From"] = f"Ana <{USER}>"
    message["To"] = "ben@mail.test"
    message["Message-ID"] = "<letter@mail.test>"
    message.set_content("All work and no play makes a dull letter\n" * max(size // 41, 1))
    return message


def with_smtplib(order: dict[str, Any], context: ssl.SSLContext) -> None:
    secure = order["security"] == "tls"
    kind: Any = smtplib.SMTP_SSL if secure else smtplib.SMTP
    options = {"context": context} if secure else {}
    with kind(HOST, order["smtp"], timeout=order["deadline"], **options) as client:
        if not secure:
            client.starttls(context=context)
        client.login(USER, order["password"])
        client.send_message(_letter(order["size"]))


def with_aiosmtplib(order: dict[str, Any], context: ssl.SSLContext) -> None:
    aiosmtplib: Any = importlib.import_module("aiosmtplib")
    secure = order["security"] == "tls"
    sending = aiosmtplib.send(
        _letter(order["size"]),
        hostname=HOST,
        port=order["smtp"],
        use_tls=secure,
        start_tls=not secure,
        tls_context=context,
        username=USER,
        password=order["password"],
        timeout=order["deadline"],
    )
    asyncio.run(sending)


def with_imaplib(order: dict[str, Any], context: ssl.SSLContext) -> None:
    if order["security"] == "tls":
        client: imaplib.IMAP4 = imaplib.IMAP4_SSL(HOST, order["imap"], ssl_context=context, timeout=order["deadline"])
    else:
        client = imaplib.IMAP4(HOST, order["imap"], timeout=order["deadline"])
        client.starttls(context)
    with contextlib.closing(client.socket()), client:
        client.authenticate("PLAIN", lambda _: b"\0" + USER.encode() + b"\0" + order["password"].encode())
        client.list()
        client.select("Sent", readonly=True)
        client.uid("SEARCH", "HEADER", "Message-ID", '"<letter@mail.test>"')
        status, _ = client.append("Sent", "\\Seen", "", _letter(order["size"]).as_bytes(policy=_CRLF))
        if status != "OK":
            raise imaplib.IMAP4.error(status)


def with_imapclient(order: dict[str, Any], context: ssl.SSLContext) -> None:
    imapclient: Any = importlib.import_module("imapclient")
    secure = order["security"] == "tls"
    client = imapclient.IMAPClient(
        HOST, order["imap"], ssl=secure, ssl_context=context if secure else None, timeout=order["deadline"]
    )
    if not secure:
        client.starttls(context)
    client.plain_login(USER, order["password"])
    client.list_folders()
    client.select_folder("Sent", readonly=True)
    client.search(["HEADER", "Message-ID", "<letter@mail.test>"])
    client.append("Sent", _letter(order["size"]).as_bytes(policy=_CRLF), ("\\Seen",))
    client.logout()


_CRLF = EmailMessage().policy.clone(linesep="\r\n")
CLIENTS: dict[str, Callable[[dict[str, Any], ssl.SSLContext], None]] = {
    "smtplib": with_smtplib,
    "aiosmtplib": with_aiosmtplib,
    "imaplib": with_imaplib,
    "imapclient": with_imapclient,
}


def _is_typed(error: BaseException) -> bool:
    """Whether it is an error that a caller of this library must expect."""
    home = type(error).__module__.partition(".")[0]
    return isinstance(error, OSError | smtplib.SMTPException | imaplib.IMAP4.error) or home in CLIENTS


def _highest() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split(maxsplit=1)[0]) * 1024


def main() -> None:
    """Carry out the order on the standard input with the library named, and print what came of it."""
    library, order = sys.argv[1], json.loads(sys.stdin.readline())
    with contextlib.suppress(ImportError):
        importlib.import_module(library)
    context = ssl.create_default_context(cafile=order["ca_file"])
    before, started = _highest(), time.monotonic()
    answer: dict[str, Any] = {"error": "", "is_typed": True}
    try:
        CLIENTS[library](order, context)
    except BaseException as error:
        answer = {"error": type(error).__name__, "is_typed": _is_typed(error)}
    answer |= {"seconds": time.monotonic() - started, "growth": _highest() - before}
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
