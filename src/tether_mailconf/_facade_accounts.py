"""The blocking face of accounts: one line each over `run_sync`."""

from __future__ import annotations

from pathlib import Path

from ._drivers.blocking import BlockingIO
from ._drivers.guard import NetworkPolicy
from ._oauth.enrolment import TokenStatus
from ._oauth.keeping import Keeping
from ._ports import run_sync
from .accounts import health as _health
from .accounts.health import Concern
from .accounts.keeping import Book, Cleared, GivesBack
from .accounts.stored import StoredAccount
from .credentials import Credential
from .credentials.token import TokenSource
from .credentials.token_store import TokenStore
from .delivery.receipt import Receipt
from .errors import MailconfError
from .settings import ConnectionSettings


class Accounts:
    """Mail accounts, kept in a store: saved, switched on and off, changed, moved, cleared.

    Each change is whole or not at all, also if the process dies or others change the same account: it is made anew on
    what they have made of it. What is kept is encrypted where the store encrypts, as `oauth.SqliteTokenStore` does; the
    same store may hold the tokens of sign-ins.

    Args:
        store: where accounts are kept: `oauth.SqliteTokenStore`, or a `TokenStore` over the host's own database.
        network: what may be dialled by `migrate`; the public internet on the ports of mail, if not given.
        ca_file: further certificate authorities to trust (PEM), beside the system's.
    """

    def __init__(
        self, store: TokenStore, *, network: NetworkPolicy | None = None, ca_file: str | Path | None = None
    ) -> None:
        io = BlockingIO(NetworkPolicy() if network is None else network, ca_file)
        self._book = Book(io, Keeping(store))

    def load(self, key: str) -> StoredAccount | None:
        """Return the account that is kept under a key; None if there is none, or it was cleared.

        Args:
            key: any text of the host's, such as the id of a user. The store is told a hash of it.

        Raises:
            StoreFailed: the store could not be read.
            Damaged: what is kept cannot be read. `save` and `clear` replace it.
            UnsupportedSchema: a newer version of the library wrote it.
        """
        return run_sync(self._book.load(key))

    def save(
        self,
        key: str,
        settings: ConnectionSettings,
        credential: Credential | None = None,
        *,
        version: str | None = None,
    ) -> StoredAccount:
        """Keep settings, and the password that goes with them, in place of what is kept.

        Args:
            key: whose.
            settings: the settings.
            credential: the password or app password. None: the one that is kept stays, if it is for the same account at
                the same servers; and for a sign-in, or a credential of the host's own, none is kept.
            version: the version that was loaded; if it is not the one kept any more, nothing is saved. What `note` adds
                leaves it as it is. Empty: nothing may be kept yet. None: it does not matter.

        Raises:
            InvalidSettings: the credential is not of the kind that the settings name, or is missing.
            Changed: somebody else was faster.
            StoreFailed: the store could not be written; what was in it is as it was.
        """
        return run_sync(self._book.save(key, settings, credential, version))

    def enable(self, key: str) -> StoredAccount:
        """Switch an account on.

        Raises:
            NoAccount: there is none.
            Damaged: what is kept cannot be read.
            Changed: others were faster, fifty times.
            StoreFailed: the store could not be written.
        """
        return run_sync(self._book.set_enabled(key, enabled=True))

    def disable(self, key: str) -> StoredAccount:
        """Switch an account off: everything is kept, and nothing is sent.

        Raises:
            NoAccount: there is none.
            Damaged: what is kept cannot be read.
            Changed: others were faster, fifty times.
            StoreFailed: the store could not be written.
        """
        return run_sync(self._book.set_enabled(key, enabled=False))

    def change_credential(
        self, key: str, credential: Credential | TokenSource, *, version: str | None = None
    ) -> StoredAccount:
        """Change what an account signs in with, in place; its kind may change. It is not tried: see `migrate` for that.

        Args:
            key: whose.
            credential: what it signs in with from now on. Of a sign-in, and of a credential of the host's own, nothing
                is kept but the kind.
            version: the version that was shown to the person who typed it; if it is not the one kept any more, nothing
                is changed, and no password is kept for a server that it was not typed for. None: it does not matter.

        Raises:
            NoAccount: there is none.
            Damaged: what is kept cannot be read.
            Changed: somebody else has changed it, or others were faster, fifty times.
            CredentialRetired: the provider does not accept that kind any more.
            InvalidSettings: it never did.
            StoreFailed: the store could not be written.
        """
        return run_sync(self._book.change_credential(key, credential, version))

    def migrate(
        self,
        key: str,
        new_credential: Credential | TokenSource,
        *,
        preset: str | None = None,
        deadline: float = 60.0,
    ) -> StoredAccount:
        """Change an account from an OLD way of signing in to the NEW one: as `tether_mailconf.migrate`, and kept.

        The new credential is proved by a sign-in to both servers. On any failure everything stays as it is.

        Args:
            key: whose.
            new_credential: what it shall sign in with.
            preset: the id of the preset to change to; without it the one that supersedes the account's.
            deadline: seconds for all of it.

        Raises:
            NoAccount: there is none.
            Damaged: what is kept cannot be read.
            InvalidSettings: there is no NEW way for it, or the credential is not for it.
            Changed: its address, servers, user names or credential were changed meanwhile. The rest may be.
            MailconfError: the new credential did not prove itself.
        """
        return run_sync(self._book.migrate(key, new_credential, preset=preset, seconds=deadline))

    def note(self, key: str, outcome: Receipt | MailconfError) -> StoredAccount:
        """Remember how a message went, and what was learned by it.

        Args:
            key: whose message.
            outcome: the receipt, or the error that `Mailer.send` raised.

        Raises:
            NoAccount: there is none.
            Damaged: what is kept cannot be read.
            Changed: others were faster, fifty times.
            StoreFailed: the store could not be written.
        """
        return run_sync(self._book.note(key, outcome))

    def clear(self, key: str, *, sign_in: GivesBack | None = None, owner: str = "") -> Cleared:
        """Forget an account: settings, secret, sign-in. Its page is then that of `presets.CUSTOM.form()`.

        Args:
            key: whose.
            sign_in: the `oauth.SignIn` of its issuer, so that its token is revoked there and wiped here. A failure of
                that keeps nothing from being forgotten here; it is told.
            owner: the owner that the sign-in was made for.

        Raises:
            StoreFailed: the store could not be written.
        """
        return run_sync(self._book.clear(key, sign_in, owner))


def health(
    account: StoredAccount,
    *,
    status: TokenStatus | None = None,
    network: NetworkPolicy | None = None,
    deadline: float = 10.0,
) -> tuple[Concern, ...]:
    """Return what is wrong with an account, or soon will be, each with what to do about it.

    Looks at the way of signing in (retired, about to be, or an OLD way), at the sign-in, at what has failed since the
    last message that went well, and asks the name servers whether the mail of the account's own domain goes to another
    provider now. What nobody can tell is no concern.

    Args:
        account: the account.
        status: how its sign-in stands: what `SignIn.status` returned. None: that is not looked at.
        network: what may be asked; the public internet, if not given.
        deadline: seconds for all of it.
    """
    io = BlockingIO(NetworkPolicy() if network is None else network, None)
    return run_sync(_health.health(io, account, status, io.deadline(deadline)))
