"""What every store promises: compare-and-swap, versions that are never used twice, and forgetting in time."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.token_stores import stores
from tests.token_stores.stores import Awaited, BlockingStore, put, text, version
from tether_mailconf.credentials.token_store import TokenStore
from tether_mailconf.secret import Secret
from tether_mailconf.token_stores.asyncio_sqlite import AsyncioSqliteTokenStore
from tether_mailconf.token_stores.memory import MemoryTokenStore
from tether_mailconf.token_stores.sqlite import SqliteTokenStore

KEY = "oauth/tenant7 user3/ana@example.org"
PAST = datetime.now(UTC) - timedelta(hours=1)
FUTURE = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture(params=list(stores.ALL.values()), ids=list(stores.ALL))
def store(request: pytest.FixtureRequest) -> Generator[BlockingStore]:
    with request.param() as opened:
        yield opened


@pytest.fixture(params=[stores.memory, stores.sqlite], ids=["memory", "sqlite"])
def shared(request: pytest.FixtureRequest) -> Generator[BlockingStore]:
    """A store that threads may call at once."""
    with request.param() as opened:
        yield opened


def itself(store: BlockingStore) -> object:
    return store.store if isinstance(store, Awaited) else store


def typed(
    memory: MemoryTokenStore, sqlite: SqliteTokenStore, awaited: AsyncioSqliteTokenStore
) -> tuple[TokenStore, TokenStore, TokenStore]:
    """Return the stores as what they are: for type checkers only."""
    return memory, sqlite, awaited


def test_it_is_a_token_store(store: BlockingStore) -> None:
    assert isinstance(itself(store), TokenStore)


def test_what_was_stored_is_loaded(store: BlockingStore) -> None:
    assert store.load(KEY) is None
    assert store.swap(KEY, Secret("one"), expected=None)
    assert text(store, KEY) == "one"


@pytest.mark.parametrize("content", [b"", b"\0\xff\x80", "Grüße ✉".encode(), bytes(range(256)) * 400])
def test_any_bytes_are_kept_as_they_are(store: BlockingStore, content: bytes) -> None:
    assert store.swap(KEY, Secret(content), expected=None)
    stored = store.load(KEY)
    assert stored is not None
    assert stored.content.reveal_bytes() == content


@pytest.mark.parametrize("key", ["", "x" * 600, "ana@example.org'; --", "Grüße/?#%00 ✉", "\ud800"])
def test_any_text_is_a_key(store: BlockingStore, key: str) -> None:
    put(store, key, "one")
    assert text(store, key) == "one"
    assert store.load(key + "x") is None
    assert store.load(key[:-1] + "y") is None


def test_only_the_expected_version_is_replaced(store: BlockingStore) -> None:
    assert not store.swap(KEY, Secret("early"), expected="no such version")
    first = put(store, KEY, "one")
    assert not store.swap(KEY, Secret("late"), expected=None)
    second = put(store, KEY, "two")
    assert not store.swap(KEY, Secret("late"), expected=first)
    assert not store.swap(KEY, None, expected=first)
    assert text(store, KEY) == "two"
    assert version(store, KEY) == second


def test_deleting_takes_the_expected_version_too(store: BlockingStore) -> None:
    assert store.swap(KEY, None, expected=None)
    first = put(store, KEY, "one")
    assert store.swap(KEY, None, expected=first)
    assert store.load(KEY) is None
    assert not store.swap(KEY, Secret("late"), expected=first)
    assert store.load(KEY) is None


def test_a_version_is_never_used_twice(store: BlockingStore) -> None:
    seen = set()
    for _ in range(5):
        seen.add(put(store, KEY, "same"))
        seen.add(put(store, KEY, "same"))
        assert store.swap(KEY, None, expected=version(store, KEY))
    assert len(seen) == 10


def test_keys_are_apart(store: BlockingStore) -> None:
    first = put(store, KEY, "one")
    assert not store.swap(KEY + "2", Secret("two"), expected=first)
    put(store, KEY + "2", "two")
    assert store.swap(KEY, None, expected=first)
    assert text(store, KEY + "2") == "two"


def test_what_is_over_is_as_if_it_had_never_been(store: BlockingStore) -> None:
    assert store.swap(KEY, Secret("over"), expected=None, until=PAST)
    assert store.load(KEY) is None
    assert not store.swap(KEY, None, expected="anything")
    assert store.swap(KEY, Secret("new"), expected=None, until=FUTURE)
    assert text(store, KEY) == "new"


def test_memory_does_not_grow_by_what_is_over() -> None:
    store = MemoryTokenStore()
    for number in range(100):
        assert store.swap(f"sign-in/{number}", Secret("over"), expected=None, until=PAST)
    put(store, KEY, "kept", until=FUTURE)
    assert len(store._held) == 1


def test_what_replaces_something_has_its_own_end(store: BlockingStore) -> None:
    first = put(store, KEY, "short", until=FUTURE)
    assert store.swap(KEY, Secret("long"), expected=first)
    assert store.swap(KEY, Secret("over"), expected=version(store, KEY), until=PAST)
    assert store.load(KEY) is None


def test_a_secret_that_is_wiped_stays_in_the_store(store: BlockingStore) -> None:
    mine = Secret("one")
    assert store.swap(KEY, mine, expected=None)
    mine.wipe()
    stored = store.load(KEY)
    assert stored is not None
    stored.content.wipe()
    assert text(store, KEY) == "one"


def test_nothing_is_shown_pickled_or_copied(store: BlockingStore) -> None:
    put(store, KEY, "swordfish-7")
    it = itself(store)
    assert "swordfish-7" not in repr(it) + str(it)
    assert "ana@" not in repr(it) + str(it)
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled or copied"):
            leave(it)


def test_an_older_and_a_newer_end_are_told_apart_to_the_moment(store: BlockingStore) -> None:
    for moment in (datetime.max.replace(tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC), FUTURE):
        put(store, KEY, "one", until=moment)
        assert text(store, KEY) == "one"


# -- the model ---------------------------------------------------------------------------------------------------------


@attrs.frozen
class Act:
    key: str
    content: str | None
    is_expected: bool
    until: datetime | None


ACTS = st.builds(
    Act,
    key=st.sampled_from(["a", "b", "ana@example.org"]),
    content=st.none() | st.text(st.characters(codec="utf-8"), max_size=20),
    is_expected=st.booleans(),
    until=st.sampled_from([None, FUTURE, PAST]),
)


@pytest.mark.parametrize("opened", stores.ALL.values(), ids=stores.ALL)
@settings(max_examples=20, deadline=None)
@given(acts=st.lists(ACTS, max_size=15))
def test_a_store_is_a_dictionary_with_versions(
    opened: Callable[[], AbstractContextManager[BlockingStore]], acts: list[Act]
) -> None:
    with opened() as store:
        model: dict[str, tuple[str, str]] = {}
        used: set[str] = set()
        for act in acts:
            right = model[act.key][1] if act.key in model else None
            wrong = "wrong" if right is None else None
            content = None if act.content is None else Secret(act.content)
            expected = right if act.is_expected else wrong
            assert store.swap(act.key, content, expected=expected, until=act.until) is act.is_expected
            if act.is_expected:
                model.pop(act.key, None)
                if act.content is not None and act.until is not PAST:
                    new = version(store, act.key)
                    assert new not in used
                    used.add(new)
                    model[act.key] = act.content, new
            for key in ("a", "b", "ana@example.org"):
                stored = store.load(key)
                found = None if stored is None else (stored.content.reveal(), stored.version)
                assert found == model.get(key)


# -- threads -----------------------------------------------------------------------------------------------------------


def test_of_many_threads_one_wins_each_version(shared: BlockingStore) -> None:
    threads = 8
    barrier = threading.Barrier(threads)

    def race(name: int) -> list[bool]:
        won = []
        for turn in range(5):
            barrier.wait()
            expected = None if turn == 0 else version(shared, KEY)
            barrier.wait()
            won.append(shared.swap(KEY, Secret(f"{turn} {name}"), expected=expected))
        return won

    with ThreadPoolExecutor(threads) as pool:
        outcomes = list(pool.map(race, range(threads)))
    assert [sum(turn) for turn in zip(*outcomes, strict=True)] == [1] * 5
    assert text(shared, KEY) == f"4 {[won[-1] for won in outcomes].index(True)}"


def test_a_counter_loses_nothing(shared: BlockingStore) -> None:
    def count(_: int) -> None:
        for _ in range(6):
            stores.increment(shared, KEY)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(8)))
    assert text(shared, KEY) == "48"
