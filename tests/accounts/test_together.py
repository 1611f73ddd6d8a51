"""One account in the hands of several: nobody's change is lost, undone or mistaken, and no failure tells a secret."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.accounts.book import Book, open_store
from tests.accounts.samples import SETTINGS, error
from tests.mailer.spelling import assert_not_spelled, told_by
from tether_mailconf import (
    AppPassword,
    Changed,
    Damaged,
    Delivery,
    Filer,
    Filing,
    MailconfError,
    Receipt,
    Secret,
    SentPolicy,
    UnsupportedSchema,
    oauth,
)
from tether_mailconf.accounts.stored import StoredAccount

SECRET = "abcdefghijklmnop"
LEARNED = SentPolicy(mailbox="Gesendet", filer=Filer.CLIENT, learned_at="smtp.gmail.com imap.gmail.com")


@pytest.fixture(params=["sync", "aio"])
def is_async(request: pytest.FixtureRequest) -> bool:
    """Whether it is the asyncio colour."""
    return bool(request.param == "aio")


@pytest.fixture
def store() -> oauth.MemoryTokenStore:
    """A store in memory."""
    return oauth.MemoryTokenStore()


@pytest.fixture
def book(store: oauth.MemoryTokenStore, is_async: bool) -> Book:
    """Accounts in it."""
    return Book(store, is_async=is_async)


def name_of(key: str) -> str:
    """Return what an account is called in the store."""
    return f"account/{hashlib.sha256(key.encode()).hexdigest()}"


def rewrite(store: oauth.MemoryTokenStore, content: str) -> None:
    """Put something else in the account's place."""
    stored = store.load(name_of("ana"))
    assert store.swap(name_of("ana"), Secret(content), expected=None if stored is None else stored.version)


def receipt(**learned: Any) -> Receipt:
    """Return the receipt of a message that was sent with settings as they once were."""
    return Receipt(
        message_id="<one@gmail.com>",
        date="Tue, 24 Nov 2026 08:00:00 +0000",
        digest="0" * 64,
        sender="ana@gmail.com",
        delivery=Delivery.SENT,
        filing=Filing.APPENDED,
        learned=attrs.evolve(SETTINGS, **({"sent": LEARNED} | learned)),
    )


# -- who shows an account to a person, and saves what comes back ------------------------------------------------------


def test_messages_that_go_out_meanwhile_keep_nobody_from_saving(book: Book) -> None:
    """An account that sends is never left alone for as long as a person looks at its page."""
    shown = book.save("ana", SETTINGS, AppPassword(SECRET))
    noted = book.note("ana", error())
    assert book.note("ana", receipt()).version == noted.version == shown.version
    renamed = attrs.evolve(SETTINGS, display_name="Anna")
    saved = book.save("ana", renamed, version=shown.version)
    assert (saved.settings, len(saved.sends)) == (renamed, 2)


def test_whatever_else_is_changed_meanwhile_does(book: Book) -> None:
    shown = book.save("ana", SETTINGS, AppPassword(SECRET))
    changes: list[tuple[str, tuple[Any, ...]]] = [
        ("disable", ()),
        ("enable", ()),
        ("change_credential", (AppPassword("another"),)),
        ("save", (SETTINGS,)),
    ]
    for name, arguments in changes:
        changed = getattr(book, name)("ana", *arguments)
        assert changed == book.load("ana")
        assert changed.version == book.load("ana").version != shown.version
        with pytest.raises(Changed):
            book.save("ana", SETTINGS, version=shown.version)
        shown = changed


def test_a_password_that_was_typed_for_one_server_is_not_kept_for_another(book: Book) -> None:
    """Two tabs: one moves the account to another server, the other still shows the old one and asks for a password."""
    shown = book.save("ana", SETTINGS, AppPassword(SECRET))
    elsewhere = attrs.evolve(SETTINGS, smtp=attrs.evolve(SETTINGS.smtp, host="smtp.acme.example"))
    moved = book.save("ana", elsewhere, AppPassword("another"))
    with pytest.raises(Changed):
        book.change_credential("ana", AppPassword(SECRET), version=shown.version)
    assert book.load("ana") == moved
    assert book.change_credential("ana", AppPassword("third"), version=moved.version).secret == Secret("third")


def test_what_an_earlier_version_of_the_library_kept_can_be_saved_by_its_version(
    book: Book, store: oauth.MemoryTokenStore
) -> None:
    book.save("ana", SETTINGS, AppPassword(SECRET))
    stored = store.load(name_of("ana"))
    assert stored is not None
    data = json.loads(stored.content.reveal())
    del data["version"]
    rewrite(store, json.dumps(data | {"schema": 1}))
    shown = book.load("ana")
    assert shown.version
    assert book.note("ana", error()).version == shown.version
    assert book.save("ana", SETTINGS, version=shown.version).secret == Secret(SECRET)


# -- what a message has learned ---------------------------------------------------------------------------------------


def test_what_the_host_has_chosen_meanwhile_outlives_what_a_message_has_learned(book: Book) -> None:
    """The Mailer of a worker lives for days, with the settings of the day on which it was made."""
    chosen = SentPolicy(filer=Filer.NOBODY)
    book.save("ana", attrs.evolve(SETTINGS, sent=chosen), AppPassword(SECRET))
    assert book.note("ana", receipt()).settings.sent == attrs.evolve(chosen, mailbox="Gesendet")


def test_what_was_learned_in_another_mailbox_is_not_kept(book: Book) -> None:
    book.save("ana", SETTINGS, AppPassword(SECRET))
    assert book.note("ana", receipt(imap_user="eva@gmail.com")).settings.sent == SETTINGS.sent
    assert book.note("ana", receipt()).settings.sent == LEARNED


# -- stores that fail -------------------------------------------------------------------------------------------------


class Failing(oauth.MemoryTokenStore):
    """A store that cannot be read any more once something was written."""

    is_down = False

    def load(self, key: str) -> oauth.Stored | None:
        if self.is_down:
            raise OSError("the database has gone")
        return super().load(key)

    def swap(self, *args: Any, **options: Any) -> bool:
        done = super().swap(*args, **options)
        self.is_down = done
        return done


def test_what_was_written_is_not_said_to_have_failed(is_async: bool) -> None:
    """Who is told so does it again: notes a message twice, or asks a person for the password twice."""
    store = Failing()
    book = Book(store, is_async=is_async)
    saved = book.save("ana", SETTINGS, AppPassword(SECRET))
    store.is_down = False
    assert book.load("ana") == saved
    noted = book.note("ana", error())
    store.is_down = False
    assert book.load("ana") == noted
    assert len(noted.sends) == 1
    assert book.load("ana").version == saved.version


@pytest.mark.parametrize("key", ["\ud800", "\0", "\uff41\uff4e\uff41", "x" * 100_000, ""])
def test_a_key_is_any_text(book: Book, key: str) -> None:
    kept = book.save(key, SETTINGS, AppPassword(SECRET))
    assert (book.load(key), book.load("ana")) == (kept, None)
    book.clear(key)
    assert book.load(key) is None


def whole() -> dict[str, Any]:
    """Return an account as it is kept."""
    data: dict[str, Any] = json.loads(StoredAccount(settings=SETTINGS, secret=Secret(SECRET)).sealed().reveal())
    return data


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (json.dumps(whole())[:-1], Damaged),
        (json.dumps(whole() | {"schema": 99}), UnsupportedSchema),
        (json.dumps(whole() | {"settings": {}}), Damaged),
        (json.dumps(whole() | {"sends": [1]}), Damaged),
        (json.dumps(whole() | {"secret": [SECRET]}), Damaged),
        (json.dumps([whole()]), Damaged),
    ],
    ids=["cut", "newer", "settings", "sends", "secret", "list"],
)
def test_an_account_that_cannot_be_read_shows_no_secret(
    book: Book, store: oauth.MemoryTokenStore, content: str, kind: type[MailconfError]
) -> None:
    """A column that was too short, or a library that was taken back to an older version: what crash reporters see."""
    rewrite(store, content)
    for act in (book.load, book.disable):
        with pytest.raises(kind) as caught:
            act("ana")
        assert_not_spelled(SECRET, told_by(caught.value))
        assert caught.value.__context__ is None, "a JSON error holds all that was to be read"


def test_who_clears_what_cannot_be_read_is_told_that_its_sign_in_may_still_be_there(
    store: oauth.MemoryTokenStore,
) -> None:
    sign_in = oauth.SignIn(oauth.GOOGLE, client_id="x", store=store)
    book = Book(store, is_async=False)
    rewrite(store, "{")
    cleared = book.clear("ana", sign_in=sign_in)
    assert isinstance(cleared.trouble, Damaged)
    assert (cleared.disconnected, book.load("ana")) == (None, None)
    rewrite(store, "{")
    assert book.clear("ana").trouble is None, "no sign-in was to be given back"


def test_accounts_in_a_file_that_somebody_else_has_locked(tmp_path: Path, is_async: bool) -> None:
    """Two colours, one file: what one of them has acknowledged the other one sees."""
    key = oauth.SqliteTokenStore.new_key()
    one = Book(open_store(tmp_path / "accounts", key, is_async=is_async), is_async=is_async)
    other = Book(open_store(tmp_path / "accounts", key, is_async=not is_async), is_async=not is_async)
    saved = one.save("ana", SETTINGS, AppPassword(SECRET))
    assert other.load("ana").version == saved.version
    off = other.disable("ana")
    assert one.load("ana") == off
