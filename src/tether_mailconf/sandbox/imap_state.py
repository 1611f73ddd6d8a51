"""Where an IMAP conversation stands: who is signed in, what is selected, and what is to be told.

The commands work on this and on nothing else; the session around it does the framing. Sequence numbers live here: a
view of a mailbox changes only when the client is told.
"""

from __future__ import annotations

import attrs

from .._wire.imap_syntax import decode_mailbox, encode_mailbox, quoted
from .imap_command import Arguments, Refused, in_set
from .personality import Drop, Personality
from .store import Account, Mailbox, Store, StoredMessage


@attrs.define
class View:
    """The selected mailbox as the client knows it.

    Args:
        mailbox: the mailbox.
        is_read_only: whether it was opened with EXAMINE.
        uids: the UIDs by sequence number, beginning with 1 at index 0.
    """

    mailbox: Mailbox
    is_read_only: bool
    uids: list[int]

    def find(self, sequence_set: str, *, by_uid: bool) -> list[tuple[int, StoredMessage]]:
        """Return the messages that the set names, with their sequence numbers."""
        largest = (self.uids[-1] if by_uid else len(self.uids)) if self.uids else 0
        found: list[tuple[int, StoredMessage]] = []
        for number, uid in enumerate(self.uids, 1):
            message = self.mailbox.get(uid)
            if message is not None and in_set(sequence_set, uid if by_uid else number, largest):
                found.append((number, message))
        return found


class ImapState:
    """What commands read and change. What a command needs and is not there, or cannot be read, is `Refused`.

    Attributes:
        store: what the server remembers.
        personality: how it behaves.
        output: what is to be sent.
        account: who is signed in.
        view: the selected mailbox.
        utf8: whether UTF8=ACCEPT is enabled (RFC 6855).
        pending_drop: where the connection is to break as soon as the command is done.
    """

    def __init__(self, store: Store, personality: Personality, output: bytearray) -> None:
        self.store = store
        self.personality = personality
        self.output = output
        self.account: Account | None = None
        self.view: View | None = None
        self.utf8 = False
        self.pending_drop: Drop | None = None

    def untagged(self, text: str | bytes) -> None:
        """Send an untagged response."""
        self.output += b"* " + (text.encode() if isinstance(text, str) else text) + b"\r\n"

    def offers(self, extension: str) -> bool:
        """Whether the personality offers a capability."""
        return extension in self.personality.imap_capabilities

    @property
    def owner(self) -> Account:
        """The account, in commands that need one."""
        if self.account is None:
            raise Refused("BAD", "Not signed in")
        return self.account

    @property
    def selected(self) -> View:
        """The selected mailbox, in commands that need one."""
        if self.view is None:
            raise Refused("BAD", "No mailbox selected")
        return self.view

    # -- mailbox names ---------------------------------------------------------------------------------------------

    def decode(self, raw: bytes) -> str:
        """Return the mailbox name that the client wrote: UTF-8 if enabled, else modified UTF-7."""
        if self.utf8:
            try:
                return raw.decode()
            except UnicodeDecodeError:
                raise Refused("BAD", "A mailbox name is not UTF-8") from None
        if not raw.isascii():
            raise Refused("BAD", "A mailbox name is not ASCII; UTF8=ACCEPT is not enabled")
        name = raw.decode()
        if encode_mailbox(decode_mailbox(name)) != name:
            raise Refused("BAD", "A mailbox name is not modified UTF-7")
        return decode_mailbox(name)

    def encode(self, name: str) -> bytes:
        """Return a mailbox name as the client is told it."""
        return quoted(name if self.utf8 else encode_mailbox(name))

    def mailbox_name(self, arguments: Arguments) -> str:
        """Take a mailbox name."""
        name = self.decode(arguments.astring())
        return "INBOX" if name.upper() == "INBOX" else name

    def mailbox(self, arguments: Arguments) -> Mailbox:
        """Take the name of a mailbox that exists."""
        name = self.mailbox_name(arguments)
        mailbox = self.store.find(self.owner, name)
        if mailbox is None:
            raise Refused("NO", "[NONEXISTENT] No such mailbox")
        return mailbox

    # -- what has changed ------------------------------------------------------------------------------------------

    def report_changes(self, *, expunges: bool) -> None:
        """Tell the client what has happened in the selected mailbox.

        Args:
            expunges: whether sequence numbers may change now (RFC 9051 section 7.5.1).
        """
        view = self.view
        if view is None:
            return
        present = {message.uid for message in view.mailbox.messages}
        if expunges:
            for index in range(len(view.uids) - 1, -1, -1):
                if view.uids[index] not in present:
                    del view.uids[index]
                    self.untagged(f"{index + 1} EXPUNGE")
        newest = view.uids[-1] if view.uids else 0
        arrived = sorted(uid for uid in present if uid > newest and uid not in view.uids)
        if arrived:
            view.uids += arrived
            self.untagged(f"{len(view.uids)} EXISTS")
            self.untagged("0 RECENT")
