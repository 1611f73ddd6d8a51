"""A process that sends, forks while its Mailer is open, and sends on in both; each says what became of its messages.

It is told a job in a line of JSON, and answers with a line for each message, in the order in which they were sent.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from tests.mailer.post import AsyncioPost, BlockingPost, Post, letter
from tether_mailconf import AppPassword, ConnectionSettings, NetworkPolicy, Receipt


class Pausing:
    """A journal that holds the first message up at its end until it is let go."""

    def __init__(self) -> None:
        self._count = 0
        self.paused, self.let_go = threading.Event(), threading.Event()

    def record(self, receipt: Receipt) -> None:
        self._count += 1
        if self._count == 2:
            self.paused.set()
            self.let_go.wait()


def arguments(job: dict[str, Any]) -> dict[str, Any]:
    """Return what a Mailer of the job is made with."""
    return {
        "settings": ConnectionSettings.from_dict(job["settings"]),
        "credential": AppPassword(job["password"]),
        "network": NetworkPolicy(networks=("127.0.0.0/8",), ports=frozenset(job["ports"])),
        "ca_file": job["ca_file"],
        "connections": 1,
    }


def told(post: Post, name: str) -> None:
    """Send a message, and say what became of it."""
    receipt = post.send(letter(f"{name}\n"), deadline=20)
    print(name, receipt.delivery.value, receipt.filing.value, flush=True)


def in_a_child(work: Callable[[], object]) -> None:
    """Work in a forked child, and wait for its end."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def between_messages(job: dict[str, Any]) -> None:
    """Fork while the connections rest; the child uses them, and closes the Mailer."""
    post: AbstractContextManager[Post]
    with (BlockingPost if job["colour"] == "sync" else AsyncioPost)(**arguments(job)) as post:
        told(post, "parent 1")

        def child() -> None:
            if isinstance(post, AsyncioPost):
                # A loop cannot be used in a forked child.
                post._runner = asyncio.Runner()
            told(post, "child 1")
            told(post, "child 2")

        in_a_child(child)
        told(post, "parent 2")
        in_a_child(post.close if isinstance(post, BlockingPost) else lambda: asyncio.run(post.mailer.close()))
        told(post, "parent 3")


def meanwhile(job: dict[str, Any]) -> None:
    """Fork while another thread has the only lane."""
    journal = Pausing()
    with BlockingPost(**arguments(job), journal=journal) as post:
        sending = threading.Thread(target=told, args=(post, "parent 1"))
        sending.start()
        journal.paused.wait()
        try:
            in_a_child(lambda: told(post, "child 1"))
        finally:
            journal.let_go.set()
            sending.join()
        told(post, "parent 2")


if __name__ == "__main__":
    wanted = json.loads(sys.stdin.readline())
    {"between": between_messages, "meanwhile": meanwhile}[wanted["when"]](wanted)
