"""A process that imports the library once and then forks a child for each job, so that a hundred deaths cost seconds.

Jobs come as lines of JSON on standard input, answers go as lines of JSON to standard output: how the child ended, and
what it returned if it lived. A child dies by its own SIGKILL, so nothing of Python's clean-up runs in it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any, NoReturn

from tether_mailconf import AppPassword, ConnectionSettings, FileJournal, Mailer, NetworkPolicy, Receipt
from tether_mailconf._drivers.asyncio import AsyncioStream
from tether_mailconf._drivers.blocking import BlockingStream
from tether_mailconf._drivers.tls import trust
from tether_mailconf.delivery import file


def build(name: str) -> EmailMessage:
    """Return the host's message: a multipart without boundary, Message-ID and Date, which the library must settle."""
    message = EmailMessage()
    message["To"] = "Ben <ben@example.org>"
    message["Bcc"] = "clara@example.org"
    message["Subject"] = f"run {name}."
    message.set_content("Grüße,\n.\nAna\n")
    message.add_alternative("<p>Grüße</p>\n", subtype="html")
    message.add_attachment(b"\0\1\2" * 1000, maintype="application", subtype="octet-stream", filename="a.bin")
    return message


def die() -> NoReturn:
    """End this process at once, with nothing tidied up."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


class Doom:
    """Kills the process at the n-th of the moments it is told of, counted from 0; at none, for a negative n."""

    def __init__(self, at: int) -> None:
        self._left = at
        self._lock = threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            if self._left == 0:
                die()
            self._left -= 1


def watch_the_wire(doom: Callable[[], None], kind: type[BlockingStream | AsyncioStream] = BlockingStream) -> None:
    """Tell `doom` of the moment before each read and write of a socket.

    A write is always followed by a read, so that the moment after it is among them.
    """
    read, write = kind.read, kind.write

    async def doomed_read(self: Any, deadline: Any) -> bytes:
        doom()
        return await read(self, deadline)

    async def doomed_write(self: Any, data: memoryview, deadline: Any) -> None:
        doom()
        await write(self, data, deadline)

    kind.read = doomed_read  # type: ignore[method-assign]
    kind.write = doomed_write  # type: ignore[method-assign]


class DoomedJournal:
    """A file journal that tells `doom` of the moment before and after each record."""

    def __init__(self, path: str, doom: Doom) -> None:
        self._journal = FileJournal(path)
        self._doom = doom

    def record(self, receipt: Receipt) -> None:
        self._doom()
        self._journal.record(receipt)
        self._doom()


def open_mailer(job: dict[str, Any], journal: Any) -> Mailer:
    settings = ConnectionSettings.from_dict(job["settings"])
    network = NetworkPolicy(networks=("127.0.0.0/8",), ports=frozenset(job["ports"]))
    return Mailer(settings, AppPassword(job["password"]), journal=journal, network=network, ca_file=job["ca_file"])


def send(job: dict[str, Any]) -> list[dict[str, Any]]:
    doom = Doom(job["at"])
    journal: Any = FileJournal(job["journal"])
    if job["where"] == "journal":
        journal = DoomedJournal(job["journal"], doom)
    else:
        watch_the_wire(doom)
    with open_mailer(job, journal) as mailer:
        return [mailer.send(build(job["name"])).to_dict()]


def recover(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Do what a host does when it starts again: go through the journal and finish what is unfinished."""
    journal = FileJournal(job["journal"])
    with open_mailer(job, journal) as mailer:
        return [mailer.resolve(receipt, build(job["name"])).to_dict() for receipt in journal.read().values()]


JOBS: dict[str, Callable[[dict[str, Any]], list[dict[str, Any]]]] = {"send": send, "recover": recover}


def carry_out(job: dict[str, Any]) -> dict[str, Any]:
    # Made here once, because each child would need some time for its own.
    trust(job["ca_file"])
    status, receipts = in_a_child(lambda: JOBS[job["do"]](job))
    return {"status": status, "receipts": receipts}


def in_a_child(work: Callable[[], Any]) -> tuple[int, Any]:
    """Do the work in a forked child; return how that ended, and what the work returned, as JSON has it, if it lived."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            file.LOOKS = (0.0, 0.0, 0.0, 0.0, 0.01)
            with os.fdopen(writing, "wb") as answer:
                answer.write(json.dumps(work()).encode())
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        text = answer.read()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), json.loads(text) if text else None


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(carry_out(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
