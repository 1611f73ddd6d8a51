"""A blocking send that is interrupted (Ctrl-C, a time limit by signal) while a thread of it is busy with the copy."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from tests.left_behind import wait_for_those_left_behind
from tether_mailconf import CredentialKind, Delivery, Filer, Filing, Mailer, Receipt, SaslStep
from tether_mailconf.sandbox import Sandbox

from .post import accepted, at_ports, connections_to, copies, filed_by, letter, permitting
from .relay import Relay


class TimeLimit(Exception):
    """What a host's signal handler raises, wherever the main thread may be."""


class Interrupting:
    """A credential whose first answer to the SMTP server is an interruption, while the first to IMAP is waited for."""

    kind = CredentialKind.HOST
    mechanisms = ("XOAUTH2",)

    def __init__(self, token: str, interruption: type[BaseException]) -> None:
        self._token = token
        self._interruption = interruption
        self._asked: set[int] = set()
        self.waiting, self.go_on = threading.Event(), threading.Event()

    def answer(self, step: SaslStep) -> bytes:
        port = step.endpoint.port
        is_first = port not in self._asked
        self._asked.add(port)
        if is_first and threading.current_thread().name == "mailconf":
            self.waiting.set()
            self.go_on.wait()
        elif is_first:
            self.waiting.wait()
            raise self._interruption
        return f"user={step.user}\1auth=Bearer {self._token}\1\1".encode()


def test_a_connection_that_is_opened_meanwhile_is_nobody_s(sandbox: Sandbox) -> None:
    """It used to take the place of the next message's, which was lost with all that was on it."""
    settings = attrs.evolve(filed_by(sandbox.settings, Filer.CLIENT), credential=CredentialKind.HOST)
    credential = Interrupting(sandbox.token, KeyboardInterrupt)
    assert settings.imap is not None
    network = permitting(sandbox, settings)
    with Mailer(settings, credential, network=network, ca_file=sandbox.ca_file, connections=1) as mailer:
        with pytest.raises(KeyboardInterrupt):
            mailer.send(letter())
        second = mailer.send(letter())
        credential.go_on.set()
        wait_for_those_left_behind()
        assert connections_to(settings.imap.port) == connections_to(settings.smtp.port) == 1
        third = mailer.send(letter())
        assert connections_to(settings.imap.port) == connections_to(settings.smtp.port) == 1
    assert connections_to(settings.imap.port) == connections_to(settings.smtp.port) == 0
    for receipt in (second, third):
        assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.APPENDED)
    assert len(sandbox.submissions) == len(sandbox.sent()) == 2


class Diary:
    """A journal that calls a function when a message was sent whose copy cannot come to its end."""

    def __init__(self, then: Callable[[], object]) -> None:
        self.told: dict[str, Receipt] = {}
        self._then = then

    def record(self, receipt: Receipt) -> None:
        self.told[receipt.message_id] = receipt
        if len(self.told) == 2 and receipt.delivery is Delivery.SENT:
            self._then()


def press(kind: type[BaseException]) -> None:
    """Interrupt the thread that sends where it is."""
    raise kind


def ring(_: type[BaseException]) -> None:
    """Interrupt it a moment later, when it waits for the other one."""
    main = threading.main_thread().ident
    assert main is not None
    threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGUSR1)).start()


@pytest.mark.parametrize(("interrupt", "kind"), [(press, KeyboardInterrupt), (ring, TimeLimit)])
def test_a_thread_that_hangs_is_let_go_and_its_connection_not_used_again(
    sandbox: Sandbox, interrupt: Callable[[type[BaseException]], None], kind: type[BaseException]
) -> None:
    """The message was sent; its copy is in the middle of its upload."""

    def handler(*_: object) -> None:
        raise kind

    before = signal.signal(signal.SIGUSR1, handler)
    journal = Diary(lambda: interrupt(kind))
    assert sandbox.settings.imap is not None
    try:
        with Relay(sandbox.settings.imap.port) as imap:
            settings = filed_by(at_ports(sandbox.settings, imap=imap.port), Filer.CLIENT)
            options: dict[str, Any] = {
                "network": permitting(sandbox, settings),
                "ca_file": sandbox.ca_file,
                "journal": journal,
            }
            with Mailer(settings, sandbox.credential, connections=1, **options) as mailer:
                mailer.send(letter())
                imap.freeze()
                long = letter("Ein Satz, der eine ganze Zeile lang ist, wie es in einem Brief sein soll.\n" * 200_000)
                with pytest.raises(kind):
                    mailer.send(long)
                began = time.monotonic()
                third = mailer.send(letter())
                wait_for_those_left_behind()
                assert time.monotonic() - began < 10
                mailer.file(journal.told[long["Message-ID"]], long)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert (third.delivery, third.filing) == (Delivery.SENT, Filing.APPENDED)
    for message_id in (third.message_id, long["Message-ID"]):
        assert accepted(sandbox, message_id) == len(copies(sandbox.sent(), message_id)) == 1
