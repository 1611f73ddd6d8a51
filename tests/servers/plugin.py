"""The pytest fixtures: `authority` and `oauth_server` for the run, and `servers`, which starts servers for one test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence

import pytest

from .authority import Authority, make_authority
from .courier import Courier
from .dovecot import Dovecot
from .layout import ENGLISH, SentLayout
from .oauth_server import OAuthServer
from .postfix import Postfix
from .process import temporary_folder


class Servers:
    """Starts servers, and ends them all, the last one first, when its stack is closed.

    Args:
        authority: whose certificate they show.
        held: what ends them.
    """

    def __init__(self, authority: Authority, held: contextlib.ExitStack) -> None:
        self._authority = authority
        self._held = held

    def dovecot(
        self,
        layout: SentLayout = ENGLISH,
        *,
        files_itself: float | None = None,
        quota: str = "1G",
        rights: Sequence[str] = (),
        issuer: OAuthServer | None = None,
    ) -> Dovecot:
        """Start a Dovecot: see `Dovecot` for the arguments."""
        return self._held.enter_context(
            Dovecot(self._authority, layout, files_itself=files_itself, quota=quota, rights=rights, issuer=issuer)
        )

    def postfix(
        self,
        dovecot: Dovecot,
        *,
        refused: Iterable[str] = (),
        message_size_limit: int = 10_240_000,
        files_itself: float | None = None,
    ) -> Postfix:
        """Start a Postfix whose users are those of a Dovecot: see `Postfix` for the arguments."""
        return self._held.enter_context(
            Postfix(dovecot, refused=refused, message_size_limit=message_size_limit, files_itself=files_itself)
        )

    def courier(self) -> Courier:
        """Start a Courier IMAP server."""
        return self._held.enter_context(Courier(self._authority))


@pytest.fixture(scope="session")
def authority() -> Iterator[Authority]:
    """The certificate authority of this test run, and the certificate that every server shows."""
    with temporary_folder("authority") as folder:
        yield make_authority(folder)


@pytest.fixture(scope="session")
def oauth_server(authority: Authority) -> Iterator[OAuthServer]:
    """The OAuth issuer of this test run. What a test has agreed to there lasts; `revoke` takes it back."""
    with OAuthServer(authority) as server:
        yield server


@pytest.fixture
def servers(authority: Authority) -> Iterator[Servers]:
    """Starts real servers; they end with the test."""
    with contextlib.ExitStack() as held:
        yield Servers(authority, held)


@pytest.fixture
def dovecot_oauth(servers: Servers, oauth_server: OAuthServer) -> Dovecot:
    """A Dovecot with IMAP and submission that takes the issuer's tokens; they begin and end with the test."""
    return servers.dovecot(issuer=oauth_server)
