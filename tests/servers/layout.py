"""Where a server keeps sent mail: the ways that are met in the world. Facts as values; no server is known here."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class SentLayout:
    r"""How an IMAP server names its Sent folder.

    Args:
        name: the folder's name without any prefix; None: there is none until somebody creates it.
        special_use: whether the folder is marked with `\Sent` (RFC 6154).
        prefix: the prefix of the personal namespace (RFC 2342).
        separator: the hierarchy separator.
    """

    name: str | None
    special_use: bool = True
    prefix: str = ""
    separator: str = "/"

    @property
    def mailbox(self) -> str:
        """The Sent folder's decoded full name; where there is none yet, what "Sent" would be called."""
        return self.prefix + (self.name or "Sent")


ENGLISH = SentLayout(name="Sent")
GERMAN = SentLayout(name="Gesendete Objekte")
RUSSIAN = SentLayout(name="Отправленные")
UNMARKED = SentLayout(name="Sent Items", special_use=False)
UNDER_INBOX = SentLayout(name="Sent", prefix="INBOX.", separator=".")
MISSING = SentLayout(name=None)

LAYOUTS = {
    "english": ENGLISH,
    "german": GERMAN,
    "russian": RUSSIAN,
    "without special-use": UNMARKED,
    "under INBOX.": UNDER_INBOX,
    "missing": MISSING,
}
"""Every layout, by a name for test ids."""
