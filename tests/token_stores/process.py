"""Another process at the same file: `python -m tests.token_stores.process JOB PATH` with the keys on standard input.

It answers on standard output, a line for each thing that has happened.
"""

from __future__ import annotations

import functools
import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Callable

from tests.token_stores.stores import increment, version
from tether_mailconf.secret import Secret
from tether_mailconf.token_stores.sqlite import SqliteTokenStore

COUNTER = "counter"
VICTIM = "ana@example.org"
BYSTANDER = "ben@example.org"
TURNS = 15
DEATHS = 60


def content(number: int) -> str:
    """Return a content that spans some pages of the file, and shows whether it is whole."""
    return f"{number} " * 1500


def number(text: str) -> int:
    found = int(text.split(maxsplit=1)[0])
    assert text == content(found), "a part of the content is another"
    return found


def count(path: str, keys: list[str]) -> None:
    """Increment the counter; the parent gives the start, so that all begin at once."""
    store = SqliteTokenStore(path, key=keys, busy_timeout=60)
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(TURNS):
        increment(store, COUNTER)
    print("counted", flush=True)


def hold(path: str, keys: list[str]) -> None:
    """Lock the file until standard input ends."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("BEGIN EXCLUSIVE")
    print("held", flush=True)
    sys.stdin.read()


def killed_while(work: Callable[[int], None], seconds: float) -> list[int]:
    """Fork a child that works, kill it after some time, and return the numbers that it has acknowledged."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, b"0\n")
            work(writing)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, encoding="ascii") as answers:
        first = answers.readline()
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "the child died of something else"
        return [int(line) for line in [first, *answers]]


def swap_on_and_on(store: SqliteTokenStore, begin: int, acknowledge: int) -> None:
    turn, known = begin, version(store, VICTIM)
    while True:
        turn += 1
        assert store.swap(VICTIM, Secret(content(turn)), expected=known)
        os.write(acknowledge, b"%d\n" % turn)
        known = version(store, VICTIM)


def die_swapping(path: str, keys: list[str]) -> None:
    """Kill children that swap at random moments, and check after each that nothing was lost or torn."""
    store = SqliteTokenStore(path, key=keys)
    assert store.swap(VICTIM, Secret(content(0)), expected=None)
    assert store.swap(BYSTANDER, Secret(content(7)), expected=None)
    chance = random.Random(7)
    last = 0
    for _ in range(DEATHS):
        begin = last
        acknowledged = killed_while(functools.partial(swap_on_and_on, store, begin), chance.uniform(0, 0.012))
        last = number(text_of(SqliteTokenStore(path, key=keys), VICTIM))
        promised = max(begin, *acknowledged)
        assert promised <= last <= promised + 1, f"{promised} was acknowledged, but {last} is there"
        assert number(text_of(store, BYSTANDER)) == 7
        print(last, flush=True)


def die_making(path: str, keys: list[str]) -> None:
    """Kill children that make a file, and check after each that it can be made, or was."""
    chance = random.Random(7)
    for turn in range(30):
        fresh = f"{path}{turn}"
        killed_while(functools.partial(make_and_wait, fresh, keys), chance.uniform(0, 0.008))
        store = SqliteTokenStore(fresh, key=keys)
        assert store.load(VICTIM) is None
        assert store.swap(VICTIM, Secret("one"), expected=None)
        assert text_of(SqliteTokenStore(fresh, key=keys), VICTIM) == "one"
    print("all made", flush=True)


def make_and_wait(path: str, keys: list[str], _: int) -> None:
    SqliteTokenStore(path, key=keys)
    time.sleep(60)


def die_reencrypting(path: str, keys: list[str]) -> None:
    """Kill children that re-encrypt, until one comes to the end."""
    new, old = keys
    store = SqliteTokenStore(path, key=old)
    for row in range(200):
        assert store.swap(str(row), Secret(f"content {row}"), expected=None)
    both = SqliteTokenStore(path, key=[new, old])
    chance = random.Random(7)
    for _ in range(15):
        killed_while(functools.partial(reencrypt_and_wait, both), chance.uniform(0, 0.02))
        for row in range(0, 200, 13):
            assert text_of(both, str(row)) == f"content {row}"
    both.reencrypt()
    alone = SqliteTokenStore(path, key=new)
    for row in range(200):
        assert text_of(alone, str(row)) == f"content {row}"
    print("all there", flush=True)


def reencrypt_and_wait(store: SqliteTokenStore, _: int) -> None:
    store.reencrypt()
    time.sleep(60)


def text_of(store: SqliteTokenStore, key: str) -> str:
    stored = store.load(key)
    assert stored is not None, f"{key} has gone"
    return stored.content.reveal()


JOBS: dict[str, Callable[[str, list[str]], None]] = {
    "count": count,
    "hold": hold,
    "die_making": die_making,
    "die_swapping": die_swapping,
    "die_reencrypting": die_reencrypting,
}

if __name__ == "__main__":
    JOBS[sys.argv[1]](sys.argv[2], sys.stdin.readline().split())
