"""What one account's sends share: its settings as they are known by now, its credential, and its journal."""

from __future__ import annotations

import collections
import contextlib
import enum
import inspect
import logging

import attrs

from .. import presets
from .._ports import IO
from ..credentials import Credential
from ..credentials.token import TokenSource
from ..errors import InvalidSettings, JournalFailed, Problem
from ..settings import ConnectionSettings, Filer
from .file import Copy
from .journal import Journal
from .receipt import Receipt


class FilerSource(enum.StrEnum):
    """How it is known who files sent mail."""

    SETTINGS = "settings"
    """the host has said so"""
    LEARNED = "learned"
    """it was seen at these servers"""
    CATALOGUE = "catalogue"
    """it is known of this provider"""
    NO_IMAP = "no_imap"
    """without an IMAP server nobody can be seen to file, and nothing can be filed"""
    NOBODY_KNOWS = "nobody_knows"
    """the first message will show it"""


def known_filer(settings: ConnectionSettings) -> tuple[Filer, FilerSource]:
    """Return who files sent mail, by the host's choice, by what was learned, or by the catalogue, in this order."""
    if settings.imap is None:
        return Filer.NOBODY, FilerSource.NO_IMAP
    sent = settings.sent
    if sent.filer is not Filer.UNKNOWN and sent.learned_at in (None, _servers(settings)):
        return sent.filer, FilerSource.SETTINGS if sent.learned_at is None else FilerSource.LEARNED
    filer = presets.filer_of(settings.smtp.host, settings.imap.host)
    return filer, FilerSource.NOBODY_KNOWS if filer is Filer.UNKNOWN else FilerSource.CATALOGUE


def require_kind(settings: ConnectionSettings, credential: Credential | TokenSource) -> None:
    """Refuse a credential of another kind than the settings name.

    Raises:
        InvalidSettings: it is.
    """
    if credential.kind is not settings.credential:
        text = f"the settings ask for {settings.credential.value}, the credential given is {credential.kind.value}"
        raise InvalidSettings((Problem(field="credential", code="credential.kind", message=text),))


def _servers(settings: ConnectionSettings) -> str:
    imap = settings.imap
    return f"{settings.smtp.host} {imap.host if imap is not None else ''}".strip()


WATCHED_SECONDS = 60.0
"""Seconds for which copies appended after the first one are watched too. Slow providers file within half a minute."""

_REMEMBERED = 100
"""How many Message-IDs are remembered, to notice when a message is sent twice."""

_LOG = logging.getLogger(__name__)


class Account:
    """One account while its Mailer lives.

    Args:
        io: the outside world.
        settings: whose account; what is learned later replaces them here.
        credential: what is signed in with.
        journal: who is told how far each message has come.

    Raises:
        InvalidSettings: the credential is not of the kind that the settings name.
    """

    def __init__(
        self, io: IO, settings: ConnectionSettings, credential: Credential | TokenSource, journal: Journal | None
    ) -> None:
        require_kind(settings, credential)
        self.io = io
        self.settings = settings
        self.credential = credential
        self._journal = journal
        self.watched: list[tuple[Copy, tuple[str, ...]]] = []
        """Copies of ours that the provider may yet double, oldest first, with the Message-IDs to look for."""
        self._watched_until = 0.0
        self._sent = collections.deque[str](maxlen=_REMEMBERED)
        self._filer: tuple[ConnectionSettings, Filer] | None = None

    @property
    def filer(self) -> Filer:
        """Who files sent mail, as far as is known by now."""
        if self._filer is None or self._filer[0] is not self.settings:
            self._filer = (self.settings, known_filer(self.settings)[0])
        return self._filer[1]

    @property
    def is_filer_told(self) -> bool:
        """Whether the host has said who files. Nothing that is seen overrules that."""
        return known_filer(self.settings)[1] is FilerSource.SETTINGS

    def learn_mailbox(self, mailbox: str | None) -> None:
        """Note which mailbox is the Sent folder; None: the one known is gone."""
        if mailbox == self.settings.sent.mailbox:
            return
        self.settings = attrs.evolve(self.settings, sent=attrs.evolve(self.settings.sent, mailbox=mailbox))

    def learn_filer(self, filer: Filer) -> None:
        """Note who was seen to file sent mail here."""
        sent = attrs.evolve(self.settings.sent, filer=filer, learned_at=_servers(self.settings))
        self.settings = attrs.evolve(self.settings, sent=sent)

    def unwatch(self, watched: tuple[Copy, tuple[str, ...]]) -> None:
        """Watch a copy no longer; another lane may have noticed the same."""
        with contextlib.suppress(ValueError):
            self.watched.remove(watched)

    def note_sent(self, message_id: str) -> None:
        """Remember that a message went out, or may have."""
        self._sent.append(message_id)

    def is_sent_again(self, message_id: str) -> bool:
        """Whether a message went out more than once of late, to other recipients, say.

        Then another copy of it may be ours, of the other time, and is no sign of a provider that files.
        """
        return self._sent.count(message_id) > 1

    @property
    def is_watching(self) -> bool:
        """Whether a provider that was seen not to file may still turn out to file late."""
        return self.io.deadline(0).at < self._watched_until

    def begin_watch(self) -> None:
        """Be watching for `WATCHED_SECONDS`."""
        self._watched_until = self.io.deadline(WATCHED_SECONDS).at

    def news_since(self, before: ConnectionSettings) -> ConnectionSettings | None:
        """Return the settings if they know more than `before`, else None."""
        return None if self.settings is before or self.settings == before else self.settings

    @property
    def has_journal(self) -> bool:
        """Whether anybody wants to be told."""
        return self._journal is not None

    async def record(self, receipt: Receipt) -> None:
        """Tell the journal.

        Raises:
            JournalFailed: it could not record; the step it was told of must not be taken.
        """
        if self._journal is None:
            return
        try:
            told = self._journal.record(receipt)
            if inspect.isawaitable(told):
                await told
        except Exception as error:
            raise JournalFailed from error

    async def record_fact(self, receipt: Receipt) -> None:
        """Tell the journal what has happened already, and cannot be undone by its failing."""
        try:
            await self.record(receipt)
        except JournalFailed:
            _LOG.exception("the journal did not record what became of %s", receipt.message_id)
