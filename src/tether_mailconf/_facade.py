"""The blocking face: one line each over `run_sync`."""

from __future__ import annotations

from collections.abc import Iterable
from email.message import Message
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ._drivers.blocking import BlockingIO
from ._drivers.guard import NetworkPolicy
from ._ports import run_sync
from .credentials import Credential
from .credentials.token import TokenSource
from .delivery import migrate as _migrate
from .delivery.dispatch import Dispatch
from .delivery.envelope import Dsn
from .delivery.journal import Journal
from .delivery.receipt import Receipt
from .settings import ConnectionSettings

if TYPE_CHECKING:
    from .diagnosis.trial import Trial


class Mailer:
    """Sends mail from one account, and leaves exactly one copy of it in the Sent folder.

    Used as a context manager it keeps its connections and reuses them; otherwise each call opens and closes its own.
    One Mailer may be used from several threads, and in a forked child, which opens connections of its own. It does not
    send what is switched off (`ConnectionSettings.enabled`).

    Args:
        settings: the account. What sending teaches about its Sent folder is used from then on, and told in
            `Receipt.learned`.
        credential: what is signed in with: a password, a token that stays fresh (`oauth.OAuthToken`), or a credential
            of the host's own, of the kind that the settings name.
        journal: who is told, before each next step, how far each message has come; see `FileJournal`.
        network: what may be dialled; the public internet on the ports of mail, if not given.
        ca_file: further certificate authorities to trust (PEM), beside the system's. Read with the first connection;
            that it cannot be is an `InvalidSettings` of the call which needed that.
        connections: the most messages on their way at the same time; further ones wait. Each uses one SMTP and one IMAP
            connection. Providers allow few: Microsoft 365 three.

    Raises:
        InvalidSettings: the credential is of another kind than the settings name, or `connections` is below 1.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        credential: Credential | TokenSource,
        *,
        journal: Journal | None = None,
        network: NetworkPolicy | None = None,
        ca_file: str | Path | None = None,
        connections: int = 2,
    ) -> None:
        io = BlockingIO(NetworkPolicy() if network is None else network, ca_file)
        self._dispatch = Dispatch(io, settings, credential, journal, connections)

    def __enter__(self) -> Self:
        self._dispatch.keep_connections()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections. The Mailer cannot be used afterwards. Waits for no farewell, and never raises.

        What another thread is sending goes on to its end, and closes its connection then.
        """
        run_sync(self._dispatch.close())

    def send(
        self,
        message: Message,
        *,
        sender: str | None = None,
        recipients: Iterable[str] | None = None,
        partial: bool = False,
        dsn: Dsn | None = None,
        deadline: float = 60.0,
    ) -> Receipt:
        """Send a message, and file its copy.

        Message-ID, Date and From are added to what is sent if they are missing; the message object is not changed.

        Args:
            message: an `email.message.EmailMessage` (an older `Message` works too).
            sender: the envelope sender; without it the Sender or From of the message, or its Resent-Sender or
                Resent-From, if it says to whom it is resent (RFC 5322 section 3.6.6).
            recipients: the envelope recipients; without it To, Cc and Bcc of the message, or Resent-To, Resent-Cc and
                Resent-Bcc.
            partial: whether those recipients get the message that the server accepts when it refuses others. By default
                one refusal means that nobody gets it.
            dsn: the delivery status notifications wanted (RFC 3461).
            deadline: seconds for all of it. Progress does not extend it.

        Returns:
            The receipt of a message that was sent, or, with delivery `UNKNOWN`, may have been sent.

        Raises:
            MailconfError: the message was not sent; the kind of error says why.
        """
        return run_sync(
            self._dispatch.send(
                message, sender=sender, recipients=recipients, partial=partial, dsn=dsn, seconds=deadline
            )
        )

    def send_test(self, to: str | None = None, *, deadline: float = 60.0, clean_up: bool = False) -> Trial:
        """Send a test message, and see what becomes of it: what the button "Test SMTP Send" of a settings page does.

        A short message, marked as a program's, goes from the account to itself by the ordinary way, and its copy is
        filed as ever. Then it is looked for in the inbox and in junk, its From is compared with the one that was set,
        and its copies in Sent are counted. That it has not arrived when the time is over is not a failure.

        Args:
            to: to whom it goes; without it, or with the account's own address, to the account itself. Elsewhere, nobody
                can look whether it arrives.
            deadline: seconds for all of it. The look for it takes until it is found, or nearly all of them.
            clean_up: whether the message and its copy are removed again, where the server can remove single messages
                (UIDPLUS, RFC 4315).

        Returns:
            The whole chain, each step with its outcome, also if the message was not sent; and the settings to keep.

        Raises:
            InvalidMessage: `to` is no address.
            Closed: the Mailer was closed before.
        """
        from .diagnosis.trial import judge

        return judge(run_sync(self._dispatch.test(to, seconds=deadline, clean_up=clean_up)))

    def file(self, receipt: Receipt, message: Message, *, deadline: float = 60.0) -> Receipt:
        """Finish the copy of a message that was sent, if it is pending. May be called as often as you like.

        For a copy that the library appended itself, see whether the provider's own has come since, and remove ours.

        Args:
            receipt: what `send` returned, or what the journal holds.
            message: the same message.
            deadline: seconds for all of it.

        Returns:
            The receipt as it is now. A copy that still cannot be filed stays `PENDING`, with the reason.

        Raises:
            InvalidMessage: the message was not sent, or is not the one the receipt is for.
            ConversationError: whether the provider's own copy has come could not be seen; the receipt holds as it is.
            Disabled: the account is switched off.
            Closed: the same look was wanted of a Mailer that was closed before.
        """
        return run_sync(self._dispatch.file(receipt, message, seconds=deadline))

    def resolve(self, receipt: Receipt, message: Message, *, deadline: float = 60.0) -> Receipt:
        """Settle a message of which it is unknown whether it was sent: look for it in the Sent folder.

        Found there, it was sent. Not found, it stays `UNKNOWN`: that proves nothing where the provider does not file.
        The library never sends such a message again. A message that was sent is filed as by `file`.

        Args:
            receipt: what `send` returned, or what the journal holds.
            message: the same message.
            deadline: seconds for all of it.

        Returns:
            The receipt as it is now.

        Raises:
            InvalidMessage: the message is not the one the receipt is for.
            InvalidSettings: the settings name no IMAP server to look at.
            ConversationError: the Sent folder could not be looked at.
            Disabled: the account is switched off.
            Closed: the Mailer was closed before.
        """
        return run_sync(self._dispatch.resolve(receipt, message, seconds=deadline))


def migrate(
    settings: ConnectionSettings,
    credential: Credential | TokenSource,
    new_credential: Credential | TokenSource,
    *,
    preset: str | None = None,
    network: NetworkPolicy | None = None,
    ca_file: str | Path | None = None,
    deadline: float = 60.0,
) -> ConnectionSettings:
    """Change an account from an OLD way of signing in to the NEW one, such as Gmail's app password to Google sign-in.

    The new credential is proved by a sign-in to both servers. Only then is the old one wiped from memory; on any
    failure it stays as it is, and so do the settings.

    Args:
        settings: the account as it is.
        credential: what it signs in with now.
        new_credential: what it shall sign in with.
        preset: the id of the preset to change to; without it the one that supersedes the account's.
        network: what may be dialled; the public internet on the ports of mail, if not given.
        ca_file: further certificate authorities to trust (PEM), beside the system's.
        deadline: seconds for all of it.

    Returns:
        The settings to keep from now on.

    Raises:
        InvalidSettings: there is no NEW way for this account, or the credential is not for it.
        MailconfError: the new credential did not prove itself.
    """
    io = BlockingIO(NetworkPolicy() if network is None else network, ca_file)
    return run_sync(_migrate.migrate(io, settings, credential, new_credential, preset=preset, seconds=deadline))
