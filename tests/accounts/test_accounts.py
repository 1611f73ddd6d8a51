"""Accounts that live: saved, switched, changed, moved, noted and cleared, in both colours, and never half."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import sqlite3
import subprocess
from collections.abc import Callable, Generator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.accounts.book import Book, open_store
from tests.accounts.process import TURNS
from tests.accounts.samples import SETTINGS, error
from tests.child import heard, say, start
from tether_mailconf import (
    Accounts,
    AppPassword,
    Changed,
    CredentialKind,
    CredentialRetired,
    Damaged,
    Filer,
    InvalidSettings,
    Mailer,
    NoAccount,
    Password,
    SaslStep,
    Secret,
    SentPolicy,
    SignInRefused,
    UnsupportedSchema,
    aio,
    oauth,
    presets,
)
from tether_mailconf.accounts.stored import MOST_SENDS
from tether_mailconf.sandbox import Sandbox

KEY = oauth.SqliteTokenStore.new_key()
SECRET = "abcdefghijklmnop"


@pytest.fixture(params=["sync", "aio"])
def is_async(request: pytest.FixtureRequest) -> bool:
    """Whether it is the asyncio colour."""
    return bool(request.param == "aio")


@pytest.fixture
def book(tmp_path: Path, is_async: bool) -> Book:
    """Accounts in an encrypted file."""
    return Book(open_store(tmp_path / "accounts", KEY, is_async=is_async), is_async=is_async)


def reveal(account: Any) -> str:
    """Return the secret that is kept."""
    return "" if account.secret is None else str(account.secret.reveal())


def test_what_is_saved_is_loaded_by_whoever_has_the_key(book: Book, tmp_path: Path, is_async: bool) -> None:
    assert book.load("ana") is None
    kept = book.save("ana", SETTINGS, AppPassword(SECRET))
    again = Book(open_store(tmp_path / "accounts", KEY, is_async=is_async), is_async=is_async).load("ana")
    assert again == kept
    assert (again.settings, reveal(again), again.sends, bool(again.version)) == (SETTINGS, SECRET, (), True)
    assert isinstance(again.credential, AppPassword)
    assert book.load("ben") is None
    assert SECRET not in repr(again) + str(again)


def test_a_secret_stays_only_for_the_same_account_at_the_same_servers(book: Book) -> None:
    book.save("ana", SETTINGS, AppPassword(SECRET))
    renamed = book.save("ana", attrs.evolve(SETTINGS, display_name="Anna", enabled=False))
    assert (renamed.settings.display_name, reveal(renamed)) == ("Anna", SECRET)
    elsewhere = attrs.evolve(SETTINGS, smtp=attrs.evolve(SETTINGS.smtp, host="smtp.evil.example"))
    with pytest.raises(InvalidSettings) as caught:
        book.save("ana", elsewhere)
    assert [problem.code for problem in caught.value.problems] == ["field.missing"]
    assert book.load("ana") == renamed, "nothing was lost"
    with pytest.raises(InvalidSettings):
        book.save("ana", SETTINGS, Password("x"))


def test_switched_off_everything_is_kept(book: Book) -> None:
    book.save("ana", SETTINGS, AppPassword(SECRET))
    off = book.disable("ana")
    assert (off.settings, reveal(off)) == (SETTINGS.disable(), SECRET)
    on = book.enable("ana")
    assert (on.settings, reveal(on)) == (SETTINGS, SECRET)
    for act in (book.enable, book.disable):
        with pytest.raises(NoAccount):
            act("nobody")


def test_who_saves_on_top_of_what_somebody_else_has_saved_is_told(book: Book) -> None:
    first = book.save("ana", SETTINGS, AppPassword(SECRET), version="")
    second = book.save("ana", SETTINGS.disable(), version=first.version)
    for stale in (first.version, ""):
        with pytest.raises(Changed):
            book.save("ana", SETTINGS, version=stale)
    assert book.load("ana") == second


def test_the_credential_is_changed_in_place(book: Book) -> None:
    sent = SentPolicy(filer=Filer.PROVIDER)
    book.save("ana", attrs.evolve(SETTINGS, sent=sent), AppPassword(SECRET))
    changed = book.change_credential("ana", AppPassword("another"))
    assert (reveal(changed), changed.settings.sent) == ("another", sent)
    moved = book.change_credential("ana", oauth.BearerToken("ya29.token"))
    assert (moved.settings.preset, moved.settings.credential) == ("gmail", CredentialKind.OAUTH_TOKEN)
    assert (moved.secret, moved.credential, moved.settings.sent) == (None, None, sent)
    with pytest.raises(CredentialRetired):
        book.change_credential("ana", Password("x"))
    assert book.load("ana") == moved


def test_how_messages_went_is_remembered_within_bounds(book: Book) -> None:
    book.save("ana", SETTINGS, AppPassword(SECRET))
    for _ in range(MOST_SENDS + 2):
        book.note("ana", error())
    account = book.note("ana", error())
    assert len(account.sends) == MOST_SENDS
    finding = account.sends[-1].finding
    assert finding is not None
    assert (account.sends[-1].sent, finding.cause) == (False, "google.credentials_refused")
    assert book.load("ana").sends == account.sends
    elsewhere = attrs.evolve(SETTINGS, address="eva@gmail.com", smtp_user="eva@gmail.com", imap_user="eva@gmail.com")
    assert book.save("ana", elsewhere, AppPassword(SECRET)).sends == (), "another account has another history"


def test_what_a_send_has_learned_is_kept_and_nothing_else_of_it(tmp_path: Path) -> None:
    accounts = Accounts(oauth.SqliteTokenStore(tmp_path / "accounts", key=KEY))
    with Sandbox() as sandbox:
        settings = attrs.evolve(sandbox.settings, sent=SentPolicy())
        accounts.save("ana", settings, sandbox.credential)
        message = EmailMessage()
        message["To"] = "ben@example.org"
        message.set_content("Hello")
        with Mailer(settings, sandbox.credential, network=sandbox.network, ca_file=sandbox.ca_file) as mailer:
            receipt = mailer.send(message)
    accounts.disable("ana")
    account = accounts.note("ana", receipt)
    assert (account.settings.sent.filer, account.settings.sent.mailbox) == (Filer.CLIENT, "Sent")
    assert not account.settings.enabled, "what was changed meanwhile stays"
    assert (account.sends[-1].sent, account.sends[-1].finding) == (True, None)


def test_a_move_is_proved_first_and_nothing_is_lost_if_it_fails(tmp_path: Path, is_async: bool) -> None:
    with Sandbox() as sandbox:
        book = Book(
            open_store(tmp_path / "accounts", KEY, is_async=is_async),
            is_async=is_async,
            network=sandbox.network,
            ca_file=sandbox.ca_file,
        )
        kept = book.save("ana", sandbox.settings, sandbox.credential)
        sandbox.add_account("tom@sandbox.test", "x", token="right-token", user="tom")
        with pytest.raises(SignInRefused):
            book.migrate("ana", oauth.BearerToken("wrong-token"), preset="custom")
        assert book.load("ana") == kept
        assert reveal(book.load("ana")) == sandbox.password
        tom = attrs.evolve(
            sandbox.settings, address="tom@sandbox.test", smtp_user="tom@sandbox.test", imap_user="tom@sandbox.test"
        )
        book.save("tom", tom, AppPassword("x"))
        moved = book.migrate("tom", oauth.BearerToken("right-token"), preset="custom")
        assert (moved.settings.credential, moved.secret) == (CredentialKind.OAUTH_TOKEN, None)
        with pytest.raises(NoAccount):
            book.migrate("nobody", oauth.BearerToken("right-token"))


class Meddling(oauth.BearerToken):
    """A credential that lets somebody else change the account while it is proved."""

    def __init__(self, secret: str, change: Callable[[], object]) -> None:
        super().__init__(secret)
        self._change = change

    def answer(self, step: SaslStep) -> bytes:
        self._change()
        return super().answer(step)


def test_what_is_changed_while_a_move_is_proved_stays_changed(tmp_path: Path, is_async: bool) -> None:
    path = tmp_path / "accounts"
    with Sandbox() as sandbox:
        there: dict[str, Any] = {"network": sandbox.network, "ca_file": sandbox.ca_file}
        book = Book(open_store(path, KEY, is_async=is_async), is_async=is_async, **there)
        other = Accounts(oauth.SqliteTokenStore(path, key=KEY))
        book.save("ana", sandbox.settings, sandbox.credential)
        moved = book.migrate("ana", Meddling(sandbox.token, lambda: other.disable("ana")), preset="custom")
        assert (moved.settings.enabled, moved.settings.credential) == (False, CredentialKind.OAUTH_TOKEN)
        kept = book.save("ana", sandbox.settings, sandbox.credential)
        elsewhere = attrs.evolve(sandbox.settings, smtp=attrs.evolve(sandbox.settings.smtp, host="smtp.acme.example"))
        meddling = Meddling(sandbox.token, lambda: other.save("ana", elsewhere, sandbox.credential))
        with pytest.raises(Changed):
            book.migrate("ana", meddling, preset="custom")
        assert book.load("ana").settings == attrs.evolve(kept.settings, smtp=elsewhere.smtp)


def test_cleared_nothing_is_left_and_the_page_is_empty_again(book: Book, tmp_path: Path) -> None:
    book.save("ana", SETTINGS, AppPassword(SECRET))
    book.save("ben", SETTINGS, AppPassword(SECRET))
    cleared = book.clear("ana")
    assert (cleared.disconnected, cleared.trouble, book.load("ana")) == (None, None, None)
    assert book.load("ben") is not None
    assert book.clear("ana").trouble is None, "once more does no harm"
    with pytest.raises(NoAccount):
        book.enable("ana")
    assert presets.CUSTOM.form().field("enabled").value is False


def test_clearing_gives_the_sign_in_back_and_a_failing_issuer_keeps_nothing(tmp_path: Path, is_async: bool) -> None:
    for is_down in (False, True):
        with Sandbox() as sandbox:
            store = open_store(tmp_path / f"accounts-{is_down}", KEY, is_async=is_async)
            kind: Any = aio.oauth.SignIn if is_async else oauth.SignIn
            sign_in = kind(
                sandbox.oauth.issuer,
                client_id=sandbox.oauth.client_id,
                client_secret=sandbox.oauth.client_secret,
                redirect_uri=sandbox.oauth.redirect_uri,
                store=store,
                network=sandbox.network,
                ca_file=sandbox.ca_file,
            )
            book = Book(store, is_async=is_async)
            run: Any = asyncio.run if is_async else lambda result: result
            settings = sandbox.settings_oauth
            pending = run(sign_in.begin(settings.address))
            run(sign_in.complete(pending, sandbox.oauth.consent(pending.url)))
            book.save("ana", settings)
            if is_down:
                sandbox.close()
            cleared = book.clear("ana", sign_in=sign_in)
        assert cleared.disconnected is not None
        assert cleared.disconnected.revoked is not is_down
        assert book.load("ana") is None
        assert run(sign_in.status(settings.address)).state is oauth.TokenState.ABSENT


def test_the_key_is_changed_and_the_old_one_opens_nothing_any_more(tmp_path: Path, is_async: bool) -> None:
    new = oauth.SqliteTokenStore.new_key()
    path = tmp_path / "accounts"
    Book(open_store(path, KEY, is_async=is_async), is_async=is_async).save("ana", SETTINGS, AppPassword(SECRET))
    with oauth.SqliteTokenStore(path, key=[new, KEY]) as both:
        assert both.reencrypt() == 1
    account = Book(open_store(path, new, is_async=is_async), is_async=is_async).load("ana")
    assert reveal(account) == SECRET
    with pytest.raises(Damaged):
        open_store(path, KEY, is_async=is_async)


def test_nothing_of_an_account_can_be_read_in_the_files(tmp_path: Path) -> None:
    path = tmp_path / "accounts"
    accounts = Accounts(oauth.SqliteTokenStore(path, key=KEY))
    accounts.save("tenant7/ana", SETTINGS, AppPassword(SECRET))
    accounts.note("tenant7/ana", error())
    files = list(tmp_path.iterdir())
    assert files
    for file in files:
        content = file.read_bytes()
        for word in (SECRET, "ana@gmail.com", "smtp.gmail.com", "tenant7", "credentials_refused", KEY):
            assert word.encode() not in content, (file, word)
        assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("", Damaged),
        ("{", Damaged),
        ("[" * 100_000, Damaged),
        ("[]", Damaged),
        ("{}", Damaged),
        ('{"schema": 1}', Damaged),
        ('{"schema": 1, "settings": {}, "secret": null, "sends": []}', Damaged),
        ('{"schema": 99}', UnsupportedSchema),
    ],
)
def test_what_is_half_written_or_newer_is_said_to_be_and_can_be_replaced(
    tmp_path: Path, content: str, kind: type[Exception]
) -> None:
    store = oauth.SqliteTokenStore(tmp_path / "accounts", key=KEY)
    accounts = Accounts(store)
    accounts.save("ana", SETTINGS, AppPassword(SECRET))
    name = f"account/{hashlib.sha256(b'ana').hexdigest()}"
    stored = store.load(name)
    assert stored is not None
    assert store.swap(name, Secret(content or " "), expected=stored.version)
    with pytest.raises(kind):
        accounts.load("ana")
    with pytest.raises(kind):
        accounts.disable("ana")
    if kind is UnsupportedSchema:
        with pytest.raises(kind):
            accounts.save("ana", SETTINGS, AppPassword(SECRET))
    else:
        assert accounts.save("ana", SETTINGS, AppPassword(SECRET)).settings == SETTINGS
    accounts.clear("ana")
    assert accounts.load("ana") is None


def test_a_row_that_was_changed_by_hand_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "accounts"
    accounts = Accounts(oauth.SqliteTokenStore(path, key=KEY))
    accounts.save("ana", SETTINGS, AppPassword(SECRET))
    with contextlib.closing(sqlite3.connect(path)) as database:
        (sealed,) = database.execute("SELECT sealed FROM tokens").fetchone()
        database.execute("UPDATE tokens SET sealed = ?", (sealed[:-1] + bytes([sealed[-1] ^ 1]),))
        database.commit()
    with pytest.raises(Damaged, match="account"):
        accounts.load("ana")
    accounts.save("ana", SETTINGS, AppPassword(SECRET))
    assert reveal(accounts.load("ana")) == SECRET


def test_in_memory_for_tests(is_async: bool) -> None:
    book = Book(oauth.MemoryTokenStore(), is_async=is_async)
    book.save("ana", SETTINGS, AppPassword(SECRET))
    assert reveal(book.load("ana")) == SECRET


# -- several processes -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def started(job: str, path: Path) -> Generator[subprocess.Popen[str]]:
    """Start a process at the accounts; end it at the end."""
    child = start("tests.accounts.process", job, str(path))
    try:
        say(child, KEY)
        yield child
    finally:
        child.kill()
        child.communicate()


def test_processes_that_change_the_same_account_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "accounts"
    accounts = Accounts(oauth.SqliteTokenStore(path, key=KEY, busy_timeout=60))
    accounts.save("ana", SETTINGS, AppPassword(SECRET))
    with started("note", path) as one, started("note", path) as other:
        assert [heard(one), heard(other)] == ["ready", "ready"]
        say(one, "go")
        say(other, "go")
        accounts.disable("ana")
        assert [heard(child) for child in (one, other) for _ in range(TURNS)] == ["noted"] * 2 * TURNS
    account = accounts.load("ana")
    assert account is not None
    assert (len(account.sends), account.settings.enabled, reveal(account)) == (2 * TURNS, False, SECRET)


def test_a_process_that_is_killed_leaves_the_old_account_or_the_new_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "accounts"
    for delay in range(6):
        with started("rewrite", path) as child:
            assert heard(child) == "ready"
            say(child, "go")
            acknowledged = [int(heard(child)) for _ in range(1 + 3 * delay)][-1]
            child.kill()
        account = Accounts(oauth.SqliteTokenStore(path, key=KEY)).load("ana")
        assert account is not None
        number = int(account.settings.display_name.removeprefix("Ana "))
        assert number >= acknowledged
        assert (reveal(account), account.settings.enabled) == (f"secret-{number}", bool(number % 2))
