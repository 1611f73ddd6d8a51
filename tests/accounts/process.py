"""Another process at the same accounts: `python -m tests.accounts.process JOB PATH` with the store's key on stdin.

It answers on standard output, a line for each change that the store has acknowledged.
"""

from __future__ import annotations

import sys

import attrs

from tests.accounts.samples import SETTINGS, error
from tether_mailconf import Accounts, AppPassword, oauth

TURNS = 8


def note(accounts: Accounts) -> None:
    """Note failures, together with others who do."""
    for _ in range(TURNS):
        accounts.note("ana", error())
        print("noted", flush=True)


def rewrite(accounts: Accounts) -> None:
    """Save another state of the account, again and again, until somebody kills us."""
    number = 0
    while True:
        number += 1
        settings = attrs.evolve(SETTINGS, display_name=f"Ana {number}", enabled=bool(number % 2))
        accounts.save("ana", settings, AppPassword(f"secret-{number}"))
        print(number, flush=True)


def main() -> None:
    """Do what the command line says."""
    key = sys.stdin.readline().strip()
    accounts = Accounts(oauth.SqliteTokenStore(sys.argv[2], key=key, busy_timeout=60))
    print("ready", flush=True)
    sys.stdin.readline()
    {"note": note, "rewrite": rewrite}[sys.argv[1]](accounts)


if __name__ == "__main__":
    main()
