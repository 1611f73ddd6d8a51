"""Keeping accounts: load and change them, each change whole or not at all, whoever else is changing them.

Colour-neutral: the store may answer at once or be awaited.
"""

from __future__ import annotations

import hashlib
import inspect
import secrets
from collections.abc import Awaitable, Callable
from typing import Protocol

import attrs

from .. import presets
from .._oauth.keeping import Keeping
from .._oauth.revoke import Disconnected
from .._ports import IO
from ..credentials import Credential
from ..credentials.token import TokenSource
from ..delivery import migrate
from ..delivery.receipt import Receipt
from ..errors import Damaged, MailconfError, Unreadable, UnsupportedSchema
from ..settings import ConnectionSettings, is_same_account
from .stored import StoredAccount, opened, secret_of

_TRIES = 50
"""How often a change is made anew when others were faster. Each of these has made its own change meanwhile."""


class NoAccount(MailconfError):
    """Nothing is kept under this key: it was never saved, or it was cleared.

    Attributes:
        key: the key.
    """

    code = "account.missing"

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return "no mail account is kept here"


class Changed(MailconfError):
    """The account was changed by somebody else since it was loaded. Nothing was written; load it again."""

    code = "account.changed"

    def __str__(self) -> str:
        return "the account was changed meanwhile; nothing was saved"


@attrs.frozen(kw_only=True)
class Cleared:
    """What became of an account that was cleared. Nothing is kept of it any more.

    Args:
        disconnected: what became of its sign-in; None if it had none, or no `sign_in` was given.
        trouble: what kept the issuer from revoking it, or the token store from forgetting it; also that the account
            could not be read, so that nobody knew whose sign-in to give back. None if nothing did.
    """

    disconnected: Disconnected | None = None
    trouble: MailconfError | None = None


class GivesBack(Protocol):
    """Who can give a sign-in back: an `oauth.SignIn`, in either colour."""

    def disconnect(self, address: str, *, owner: str = "") -> Disconnected | Awaitable[Disconnected]:
        """Delete an account's tokens, and ask the issuer to revoke them."""
        ...


class Book:
    """What `Accounts` does, whatever its colour.

    Args:
        io: the outside world.
        keeping: where accounts are kept.
    """

    def __init__(self, io: IO, keeping: Keeping) -> None:
        self._io = io
        self._keeping = keeping

    async def load(self, key: str) -> StoredAccount | None:
        """See `tether_mailconf.Accounts.load`."""
        found = await self._find(key)
        return None if found is None else found[0]

    async def save(
        self, key: str, settings: ConnectionSettings, credential: Credential | None, version: str | None
    ) -> StoredAccount:
        """See `tether_mailconf.Accounts.save`."""
        for _ in range(_TRIES):
            before, expected = await self._before(key)
            _check_version(version, "" if expected is None else expected if before is None else before.version)
            is_same = before is not None and is_same_account(before.settings, settings)
            secret = before.secret if before is not None and is_same and credential is None else None
            account = _anew(
                StoredAccount(
                    settings=settings,
                    secret=secret_of(settings, credential) if secret is None else secret,
                    sends=before.sends if before is not None and is_same else (),
                )
            )
            if await self._keeping.swap(_name(key), account.sealed(), expected=expected):
                return account
        raise Changed

    async def change(
        self, key: str, change: Callable[[StoredAccount], StoredAccount], version: str | None = None
    ) -> StoredAccount:
        """Change an account, anew whenever somebody else was faster, and return it as it was kept.

        Args:
            key: whose.
            change: makes the account that is to be kept out of the one that is. It may be called more than once.
            version: the version that it must have; None: any.

        Raises:
            NoAccount: nothing is kept under the key.
            Changed: it has another version, or others were faster all the time.
        """
        for _ in range(_TRIES):
            found = await self._find(key)
            if found is None:
                raise NoAccount(key)
            before, expected = found
            _check_version(version, before.version)
            account = change(before)
            if await self._keeping.swap(_name(key), account.sealed(), expected=expected):
                return account
        raise Changed

    async def set_enabled(self, key: str, *, enabled: bool) -> StoredAccount:
        """Switch an account on or off."""
        return await self.change(
            key,
            lambda account: _anew(attrs.evolve(account, settings=attrs.evolve(account.settings, enabled=enabled))),
        )

    async def change_credential(
        self, key: str, credential: Credential | TokenSource, version: str | None
    ) -> StoredAccount:
        """See `tether_mailconf.Accounts.change_credential`."""

        def changed(account: StoredAccount) -> StoredAccount:
            settings = presets.with_credential(account.settings, credential.kind)
            typed = None if isinstance(credential, TokenSource) else credential
            return _anew(attrs.evolve(account, settings=settings, secret=secret_of(settings, typed)))

        return await self.change(key, changed, version)

    async def migrate(
        self, key: str, new_credential: Credential | TokenSource, *, preset: str | None, seconds: float
    ) -> StoredAccount:
        """See `tether_mailconf.Accounts.migrate`."""
        account = await self.load(key)
        if account is None:
            raise NoAccount(key)
        settings = account.settings
        moved = migrate.new_settings(settings, new_credential, preset)
        await migrate.prove(self._io, moved, new_credential, self._io.deadline(seconds))
        typed = None if isinstance(new_credential, TokenSource) else new_credential
        secret = secret_of(moved, typed)

        def changed(now: StoredAccount) -> StoredAccount:
            # Made of what is kept now: the name, or that it was switched off, may have been changed meanwhile.
            if not is_same_account(now.settings, settings):
                raise Changed
            after = migrate.new_settings(now.settings, new_credential, preset)
            return _anew(attrs.evolve(now, settings=after, secret=secret))

        return await self.change(key, changed)

    async def note(self, key: str, outcome: Receipt | MailconfError) -> StoredAccount:
        """See `tether_mailconf.Accounts.note`."""
        # The version stays: whoever looks at the page of an account that sends could never save it otherwise.
        return await self.change(key, lambda account: account.noted(outcome, self._io.now()))

    async def clear(self, key: str, sign_in: GivesBack | None, owner: str) -> Cleared:
        """See `tether_mailconf.Accounts.clear`."""
        disconnected, account = None, None
        trouble: MailconfError | None = None
        try:
            account = await self.load(key)
        except (Damaged, UnsupportedSchema) as ruin:
            # It is wiped all the same.
            trouble = None if sign_in is None else ruin
        if account is not None and sign_in is not None:
            try:
                answer = sign_in.disconnect(account.settings.address, owner=owner)
                disconnected = await answer if inspect.isawaitable(answer) else answer
            except MailconfError as error:
                trouble = error
        for _ in range(_TRIES):
            stored = await self._keeping.load_or_ruin(_name(key))
            if stored is None or await self._keeping.swap(_name(key), None, expected=stored.version):
                return Cleared(disconnected=disconnected, trouble=trouble)
        raise Changed

    async def _find(self, key: str) -> tuple[StoredAccount, str] | None:
        """Return what is kept, and the store's version of it; None if nothing is.

        Raises:
            Damaged: it cannot be read.
            UnsupportedSchema: a newer version of the library wrote it.
        """
        try:
            stored = await self._keeping.load(_name(key))
        except Unreadable as ruin:
            raise Damaged("account", ruin.reason) from ruin
        return None if stored is None else (opened(stored.content, stored.version), stored.version)

    async def _before(self, key: str) -> tuple[StoredAccount | None, str | None]:
        """Return what is kept and the store's version of it, for who is about to replace it, also if it is damaged."""
        stored = await self._keeping.load_or_ruin(_name(key))
        if stored is None:
            return None, None
        try:
            return opened(stored.content, stored.version), stored.version
        except Damaged:
            return None, stored.version


def _anew(account: StoredAccount) -> StoredAccount:
    """Return the account as one that was changed: under a version that was never used before."""
    return attrs.evolve(account, version=secrets.token_hex(16))


def _check_version(wanted: str | None, found: str) -> None:
    if wanted is not None and wanted != found:
        raise Changed


def _name(key: str) -> str:
    """Return the name of an account in a store that may hold tokens besides; it tells nothing of the key."""
    return f"account/{hashlib.sha256(key.encode(errors='surrogatepass')).hexdigest()}"
