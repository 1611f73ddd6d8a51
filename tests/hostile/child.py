"""The client, in a process of its own: sends one message for each order, at once or alone, and says what came of it.

It knows neither the attacks nor the servers. It reads batches from its standard input, a line of JSON each, and answers
each with a line on its standard output. Run by `tests.hostile.running`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import functools
import gc
import json
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import attrs

import tether_mailconf
from tests.left_behind import wait_for_those_left_behind
from tests.mailer.spelling import spellings, told_by, told_by_receipt
from tether_mailconf import (
    ConnectionSettings,
    ConversationError,
    Endpoint,
    Filer,
    Filing,
    MailconfError,
    NetworkPolicy,
    Password,
    Receipt,
    SaslStep,
    Secret,
    Security,
    SentPolicy,
    aio,
)
from tether_mailconf.delivery import lanes
from tether_mailconf.settings import CredentialKind

from .orders import Order, Outcome

_AT_ONCE = 64
_FIRST_SECONDS = 60.0
_TRUSTED_NEVER = -1.0
_ANSWER_SECONDS = 1.0
"""Seconds that the answer may take here with which a connection shows that it still stands."""

_APART = 0.02
"""Seconds between the beginnings of two sends, so that those that wait do not all come to their end together."""


@attrs.frozen(kw_only=True)
class Ended:
    """How a send has ended, and what it took."""

    order: Order
    end: Receipt | Exception
    seconds: float
    starved: float
    growth: int | None = None


class Watch:
    """Measures time from when it is made."""

    def __init__(self) -> None:
        self._begun, self._starved = time.monotonic(), _starved()

    def ended(self, order: Order, end: Receipt | Exception) -> Ended:
        """Return how it has ended, now."""
        seconds = time.monotonic() - self._begun
        return Ended(order=order, end=end, seconds=seconds, starved=_starved() - self._starved)


class Token:
    """A host's own credential with an access token."""

    kind = CredentialKind.OAUTH_TOKEN
    mechanisms = ("XOAUTH2",)

    def __init__(self, token: str) -> None:
        self._token = Secret(token)

    def answer(self, step: SaslStep) -> bytes:
        return b"user=" + step.user.encode() + b"\1auth=Bearer " + self._token.reveal_bytes() + b"\1\1"


class Listener(logging.Handler):
    """Reads all that is logged, and keeps of it only what should not be there."""

    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__()
        # In quarters: a part of a secret is too much, too.
        self._spellings = [
            spelling[start : start + -(-len(spelling) // 4)]
            for secret in secrets
            for spelling in spellings(secret)
            for start in range(0, len(spelling) - len(spelling) // 4, -(-len(spelling) // 4))
        ]
        self._unread: list[str] = []
        self._found: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self._unread.append(record.getMessage())
        if len(self._unread) > 1000:
            self._read()

    def take(self) -> list[str]:
        """Return what was found since the last time."""
        with self.lock or threading.RLock():
            self._read()
        found, self._found = self._found, set()
        return sorted(found)

    def _read(self) -> None:
        self._found |= self.spelled("\n".join(self._unread))
        self._unread.clear()

    def spelled(self, text: str) -> set[str]:
        return {spelling for spelling in self._spellings if spelling in text}


class Client:
    """Sends in both colours.

    Args:
        ca_file: the authority of the servers.
        password: for PLAIN.
        token: for XOAUTH2.
    """

    def __init__(self, *, ca_file: str, password: str, token: str) -> None:
        self._ca_file = ca_file
        self._password = password
        self._token = token
        self._runner = asyncio.Runner()
        self.listener = Listener((password, token))
        log = logging.getLogger("tether_mailconf")
        log.addHandler(self.listener)

    def run(self, colour: str, orders: Sequence[Order]) -> dict[str, Any]:
        """Carry out a batch; return the outcomes and what was left behind."""
        before = _descriptors()
        alone = [order for order in orders if order.is_alone]
        together = [order for order in orders if not order.is_alone]
        with asking_first(orders):
            if colour == "aio":
                ended = [measured(lambda one: self._runner.run(self._send_aio(one)), order) for order in alone]
                with everything_logged():
                    ended += self._runner.run(self._all_aio(together))
            else:
                ended = [measured(self._send, order) for order in alone]
                with everything_logged():
                    ended += self._all(together)
        outcomes = [self._told(one) for one in ended]
        ended.clear()
        wait_for_those_left_behind()
        return {
            "outcomes": [attrs.asdict(outcome) for outcome in outcomes],
            "threads": [thread.name for thread in threading.enumerate()[1:]],
            "descriptors": _descriptors() - before,
            "logged": self.listener.take(),
        }

    def _all(self, orders: Sequence[Order]) -> list[Ended]:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            started: list[Future[Ended]] = []
            for order in orders:
                started.append(pool.submit(self._send, order))
                time.sleep(_apart(order))
            return [future.result() for future in started]

    async def _all_aio(self, orders: Sequence[Order]) -> list[Ended]:
        started: list[asyncio.Task[Ended]] = []
        room = asyncio.Semaphore(_AT_ONCE)
        for order in orders:
            await room.acquire()
            task = asyncio.create_task(self._send_aio(order))
            task.add_done_callback(lambda _: room.release())
            started.append(task)
            await asyncio.sleep(_apart(order))
        ended = list(await asyncio.gather(*started))
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if left:
            raise RuntimeError(f"tasks are left: {left}")
        return ended

    def _send(self, order: Order) -> Ended:
        mailer = tether_mailconf.Mailer(*self._account(order), **self._options(order))
        watch = Watch()
        with contextlib.ExitStack() as kept:
            try:
                if order.gate:
                    first = kept.enter_context(mailer).send(_letter(100, "first"), deadline=_FIRST_SECONDS)
                    _check_filed(first)
                    with socket.create_connection(("127.0.0.1", order.gate)) as gate:
                        gate.recv(1)
                letter = _letter(order.size)
                watch = Watch()
                end: Receipt | Exception = mailer.send(letter, deadline=order.deadline)
            except Exception as error:
                end = error
            return watch.ended(order, end)

    async def _send_aio(self, order: Order) -> Ended:
        mailer = aio.Mailer(*self._account(order), **self._options(order))
        watch = Watch()
        async with contextlib.AsyncExitStack() as kept:
            try:
                if order.gate:
                    await kept.enter_async_context(mailer)
                    first = await mailer.send(_letter(100, "first"), deadline=_FIRST_SECONDS)
                    _check_filed(first)
                    reader, writer = await asyncio.open_connection("127.0.0.1", order.gate)
                    await reader.read()
                    writer.close()
                    await writer.wait_closed()
                letter = _letter(order.size)
                watch = Watch()
                end: Receipt | Exception = await mailer.send(letter, deadline=order.deadline)
            except Exception as error:
                end = error
            return watch.ended(order, end)

    def _account(self, order: Order) -> tuple[ConnectionSettings, Any]:
        credential = Password(self._password) if order.mechanism == "PLAIN" else Token(self._token)
        security = Security(order.security)
        settings = ConnectionSettings(
            address="ana@mail.test",
            smtp=Endpoint(host="127.0.0.1", port=order.smtp, security=security),
            imap=Endpoint(host="127.0.0.1", port=order.imap, security=security),
            smtp_user="ana@mail.test",
            imap_user="ana@mail.test",
            credential=credential.kind,
            sent=SentPolicy(filer=Filer.UNKNOWN if order.searches else Filer.CLIENT),
        )
        return settings, credential

    def _options(self, order: Order) -> dict[str, Any]:
        network = NetworkPolicy(networks=("127.0.0.0/8",), ports={order.smtp, order.imap})
        return {"ca_file": self._ca_file, "network": network}

    def _told(self, ended: Ended) -> Outcome:
        """Return what a host can see of an end."""
        end, outcome = ended.end, Outcome(name=ended.order.name, seconds=ended.seconds, growth=ended.growth)
        outcome = attrs.evolve(outcome, starved=ended.starved)
        if isinstance(end, Receipt):
            return attrs.evolve(
                outcome,
                delivery=end.delivery.value,
                filing=end.filing.value,
                filing_code=end.filing_code,
                shown=end.filing_reason,
                spelled=tuple(self.listener.spelled(told_by_receipt(end))),
            )
        outcome = attrs.evolve(outcome, kinds=tuple(kind.__name__ for kind in type(end).__mro__), shown=str(end))
        if not isinstance(end, MailconfError):
            return outcome
        return attrs.evolve(
            outcome,
            step=end.step.value if isinstance(end, ConversationError) else "",
            delivery="" if end.receipt is None else end.receipt.delivery.value,
            spelled=tuple(self.listener.spelled(told_by(end))),
        )


@contextlib.contextmanager
def everything_logged() -> Iterator[None]:
    """Have what is said logged as well. Not where memory is told: tens of thousands of lines would take long."""
    log = logging.getLogger("tether_mailconf")
    log.setLevel(logging.DEBUG)
    yield
    log.setLevel(logging.NOTSET)


@contextlib.contextmanager
def asking_first(orders: Sequence[Order]) -> Iterator[None]:
    """Have every kept connection asked before it is used, where the orders want that."""
    before = lanes.TRUSTED_IDLE, lanes.ANSWER_SECONDS
    if any(order.asks_first for order in orders):
        lanes.TRUSTED_IDLE, lanes.ANSWER_SECONDS = _TRUSTED_NEVER, _ANSWER_SECONDS
    yield
    lanes.TRUSTED_IDLE, lanes.ANSWER_SECONDS = before


def _check_filed(first: Receipt) -> None:
    """Raise if the first message did not go its way, so that nothing is kept and idle."""
    if first.filing is not Filing.APPENDED:
        raise RuntimeError(f"the first message is {first.delivery} and {first.filing}")


@functools.cache
def _letter(size: int, name: str = "letter") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Ana <ana@mail.test>"
    message["To"] = "ben@mail.test"
    message["Subject"] = "Letter"
    message["Message-ID"] = f"<{name}@mail.test>"
    line = "All work and no play makes a dull letter, that is what they say\n"
    message.set_content(line * max(size // len(line), 1))
    return message


def _starved() -> float:
    """Return the seconds that the threads of this process have waited for a processor so far (sched-stats)."""
    waited = 0
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            # One that has just ended.
            waited += int((task / "schedstat").read_text().split()[1])
    return waited / 1e9


def _apart(order: Order) -> float:
    # Rendering a long message takes as long as many short sends.
    return _APART * (1 + order.size // 200_000)


def _descriptors() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def measured(send: Callable[[Order], Ended], order: Order) -> Ended:
    """Send, and note by how much the process has grown at most meanwhile."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    # It sets the highest size so far, VmHWM, to the present one (proc(5)).
    Path("/proc/self/clear_refs").write_text("5")
    before = _kilobytes("VmHWM")
    ended = send(order)
    return attrs.evolve(ended, growth=(_kilobytes("VmHWM") - before) * 1024)


def _kilobytes(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise LookupError(name)


def main() -> None:
    """Carry out batches until the input ends."""
    client = Client(**json.loads(sys.stdin.readline()))
    for line in sys.stdin:
        batch = json.loads(line)
        done = client.run(batch["colour"], [Order(**order) for order in batch["orders"]])
        print(json.dumps(done), flush=True)


if __name__ == "__main__":
    main()
