"""Where accounts are kept: settings and password of each user, encrypted, in the same file as the sign-ins."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import attrs

import tether_mailconf as mailconf
from tether_mailconf import oauth


@attrs.frozen(kw_only=True)
class Account:
    """What is kept for a user.

    Args:
        settings: the settings.
        secret: the password; None for an account that is signed in to otherwise.
    """

    settings: mailconf.ConnectionSettings
    secret: mailconf.Secret | None = None


class Accounts:
    """The accounts of all users.

    Args:
        store: the encrypted file.
    """

    def __init__(self, store: oauth.SqliteTokenStore) -> None:
        self._store = store

    def get(self, owner: str) -> Account | None:
        """Return what is kept for a user; None if nothing is."""
        stored = self._store.load(_key(owner))
        if stored is None:
            return None
        data: dict[str, Any] = json.loads(stored.content.reveal())
        secret = data["secret"]
        return Account(
            settings=mailconf.ConnectionSettings.from_dict(data["settings"]),
            secret=None if secret is None else mailconf.Secret(secret),
        )

    def put(self, owner: str, account: Account) -> None:
        """Keep an account in place of the user's last one."""
        secret = None if account.secret is None else account.secret.reveal()
        data = {"settings": account.settings.to_dict(), "secret": secret}
        self._swap(owner, mailconf.Secret(json.dumps(data)))

    def clear(self, owner: str) -> None:
        """Forget everything about a user's account."""
        self._swap(owner, None)

    def _swap(self, owner: str, content: mailconf.Secret | None) -> None:
        while True:
            stored = self._store.load(_key(owner))
            if stored is None and content is None:
                return
            if self._store.swap(_key(owner), content, expected=None if stored is None else stored.version):
                return


def _key(owner: str) -> str:
    return "account/" + hashlib.sha256(owner.encode()).hexdigest()
