"""A host application that dies, or whose disk is full: `python -m tests.faults.mortal` lives once for each question.

Each life is a child of its own, forked from a process that has imported everything; see `tests.crash.nursery`.
"""

from __future__ import annotations

import collections
import functools
import random
import resource
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from tests.crash.nursery import Doom, DoomedJournal, in_a_child, watch_the_wire
from tests.faults.host import Act, Colour, Post, by_tenant, each, recover, sending
from tests.faults.letters import TENANTS, Letter, letters
from tests.faults.servant import serve
from tests.faults.world import PASSWORDS, Access, file_in
from tether_mailconf import Accounts, Delivery, FileJournal, Filing, Password, Receipt, StoreFailed, aio, oauth
from tether_mailconf._drivers.asyncio import AsyncioStream
from tether_mailconf._drivers.blocking import BlockingStream
from tether_mailconf._drivers.tls import trust

STREAMS: dict[Colour, type[BlockingStream | AsyncioStream]] = {
    Colour.SYNC: BlockingStream,
    Colour.AIO: AsyncioStream,
}


def live(*, access: Access, colour: Colour, folder: Path, numbers: list[int], width: int, at: int) -> list[Any]:
    """Recover, and send what was not sent yet; die at the moment `at` of all reads, writes and records."""
    doom = Doom(at)
    watch_the_wire(doom, STREAMS[colour])
    known = journalled(folder)
    journals = {tenant: DoomedJournal(str(file_in(folder, tenant, "journal")), doom) for tenant in TENANTS}
    wanted = [letter for letter in letters(numbers) if is_to_be_sent(known.get(letter.message_id))]
    mine = {letter.message_id for letter in letters(numbers)}
    open_ones = [receipt for name, receipt in known.items() if name in mine and is_unsettled(receipt)]
    recover(colour, access, open_ones, width=width, journals=journals)
    done = each(colour, access, by_tenant(wanted), sending(tries=3, seconds=30.0), width=width, journals=journals)
    return [receipt.to_dict() for receipt in done]


def journalled(folder: Path) -> dict[str, Receipt]:
    """Return what the journals of both tenants say."""
    known: dict[str, Receipt] = {}
    for tenant in TENANTS:
        known |= FileJournal(file_in(folder, tenant, "journal")).read()
    return known


def is_to_be_sent(last: Receipt | None) -> bool:
    """Tell whether a message is one that the journal never heard of, or that was not sent."""
    return last is None or last.delivery is Delivery.NOT_SENT


def is_unsettled(last: Receipt) -> bool:
    """Tell whether something about a message is open."""
    is_pending = last.delivery is Delivery.SENT and last.filing is Filing.PENDING
    return last.delivery is Delivery.UNKNOWN or is_pending


# -- a disk that is full now and then ----------------------------------------------------------------------------------


class Disk:
    """Takes no more than so many bytes for a file, now and then: what a full disk is to one process, or worse.

    Args:
        files: whose sizes count.
        chance: when, and how many bytes there are yet.
    """

    def __init__(self, files: list[Path], chance: random.Random) -> None:
        self._files = files
        self._chance = chance
        self._hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._fill, name="disk")
        self.times = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _fill(self) -> None:
        while not self._over.wait(self._chance.uniform(0.0, 0.05)):
            self.times += 1
            path = self._chance.choice(self._files)
            size = path.stat().st_size if path.exists() else 0
            self._limit(size + self._chance.randrange(2_000))
            self._over.wait(self._chance.uniform(0.02, 0.1))
            self._limit(self._hard)

    def _limit(self, size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, self._hard))


def hoard(*, access: Access, colour: Colour, folder: Path, numbers: list[int], width: int, seed: str) -> dict[str, Any]:
    """Send while the disk is full now and then; note each message in the accounts, which lie on it too."""
    errors: collections.Counter[str] = collections.Counter()
    files = [file_in(folder, tenant, "journal") for tenant in TENANTS]
    kind: Callable[..., Any] = aio.FileJournal if colour is Colour.AIO else FileJournal
    journals = {tenant: kind(path) for tenant, path in zip(TENANTS, files, strict=True)}
    key = oauth.SqliteTokenStore.new_key()
    accounts = Accounts(oauth.SqliteTokenStore(folder / "accounts.sqlite", key=key, busy_timeout=60))
    for tenant in TENANTS:
        accounts.save(tenant, access.settings[tenant], Password(PASSWORDS[tenant]))
    send = noting(sending(tries=12, seconds=30.0, errors=errors), accounts, errors)
    with Disk(files, random.Random(seed)) as disk:
        done = each(colour, access, by_tenant(letters(numbers)), send, width=width, journals=journals)
    for tenant in TENANTS:
        check_account(accounts, access, tenant)
    return {"told": [receipt.to_dict() for receipt in done], "struck": {**errors, "disk full": disk.times}}


def noting(send: Act, accounts: Accounts, errors: collections.Counter[str]) -> Act:
    """Return what sends a letter, and notes how it went, if the store takes it."""

    async def send_and_note(post: Post, letter: Letter) -> Receipt:
        receipt = await send(post, letter)
        try:
            accounts.note(letter.tenant, receipt)
        except StoreFailed as failure:
            errors[failure.code] += 1
        return receipt

    return send_and_note


def check_account(accounts: Accounts, access: Access, tenant: str) -> None:
    """Hold that what is kept of a tenant is whole and is the tenant's own."""
    kept = accounts.load(tenant)
    assert kept is not None
    assert (kept.settings.address, kept.settings.smtp) == (tenant, access.settings[tenant].smtp)


# -- questions ---------------------------------------------------------------------------------------------------------


def answered(work: Callable[..., Any], *, access: dict[str, Any], colour: str, folder: str, **rest: Any) -> Any:
    """Do a piece of work in a child; return how it ended and what came of it."""
    # Made here once, because each child would need some time for its own.
    trust(access["ca_file"])
    arguments = {"access": Access.from_dict(access), "colour": Colour(colour), "folder": Path(folder)}
    return in_a_child(functools.partial(work, **arguments, **rest))


def main() -> None:
    """Do what is asked."""
    serve({act.__name__: functools.partial(answered, act) for act in (live, hoard)})


if __name__ == "__main__":
    main()
