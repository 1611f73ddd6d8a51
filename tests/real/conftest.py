"""What the tests against real servers ask for: the Mailer in each colour."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.servers.account import Account
from tether_mailconf import ConnectionSettings

from .post import Colour, Posting, open_mailer, settings_of

Opened = Callable[..., AbstractContextManager[Posting]]


@pytest.fixture(params=Colour, ids=lambda colour: colour.value)
def opened(request: pytest.FixtureRequest) -> Opened:
    """Opens a Mailer on an account, with its right password and authority unless told otherwise."""
    colour: Colour = request.param

    def open_on(
        account: Account,
        settings: ConnectionSettings | None = None,
        *,
        password: str | None = None,
        is_authority_known: bool = True,
    ) -> AbstractContextManager[Posting]:
        return open_mailer(
            colour,
            settings_of(account) if settings is None else settings,
            account.password if password is None else password,
            account.ca_file if is_authority_known else None,
        )

    return open_on
