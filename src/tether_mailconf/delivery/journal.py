"""How a message's progress survives a crash.

A journal is told, before each next step, how far a message has come. What it was told last is a receipt, from which
`Mailer.file` and `Mailer.resolve` go on in another process.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable
from pathlib import Path
from typing import Protocol

from .receipt import Receipt


class Journal(Protocol):
    """Something that remembers receipts."""

    def record(self, receipt: Receipt) -> Awaitable[None] | None:
        """Store the receipt durably before returning; it replaces what was recorded for the same Message-ID.

        Told four times for a message: `NOT_SENT` once it is prepared; `UNKNOWN` before the end of the body goes out;
        `SENT` with the server's words and the copy `PENDING`; and how the copy came to be. A refusal is told as
        `NOT_SENT`. An exception here stops a message that is not yet on its way, and is logged afterwards.
        A journal for `tether_mailconf.aio` may return an awaitable.
        """
        ...


class FileJournal:
    """A journal in a file: one line of JSON for a step, on the disk before the step is taken.

    Several threads and processes may write to the same file. It grows; delete it, or replace it by an empty one, when
    nothing in it is pending or unknown.

    Args:
        path: the file; it is created, readable by its owner only, with the first record.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)

    def record(self, receipt: Receipt) -> None:
        """Append the receipt and wait until the disk has it.

        Raises:
            OSError: it could not be written.
        """
        line = json.dumps(receipt.to_dict(), ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
        is_new = not self._path.exists()
        descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            if not _is_at_line_start(descriptor, os.lseek(descriptor, 0, os.SEEK_END)):
                # A crash in the middle of a line must not swallow the next one.
                line = b"\n" + line
            while not _append(descriptor, line):
                # Nor must another writer, for whose line the disk had no room to its end a moment ago.
                pass
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            _sync_folder(self._path.parent)

    def read(self) -> dict[str, Receipt]:
        """Return what was recorded last, by Message-ID. A missing file is an empty journal.

        A line that a crash cut short is passed over: the step it announces was not taken.

        Raises:
            UnsupportedSchema: a newer version of the library wrote to it.
            Damaged: a whole line is not a receipt.
        """
        receipts: dict[str, Receipt] = {}
        try:
            with self._path.open("rb") as lines:
                for line in lines:
                    try:
                        data = json.loads(line)
                    except (ValueError, RecursionError):
                        continue
                    receipt = Receipt.from_dict(data)
                    receipts[receipt.message_id] = receipt
        except FileNotFoundError:
            pass
        return receipts


def _append(descriptor: int, line: bytes) -> bool:
    """Write at the end; return whether that is a line of its own, and not the end of somebody's that was cut short."""
    if os.write(descriptor, line) != len(line):
        raise OSError("the journal's disk took only a part of the line")
    start = os.lseek(descriptor, 0, os.SEEK_CUR) - len(line)
    return line.startswith(b"\n") or _is_at_line_start(descriptor, start)


def _is_at_line_start(descriptor: int, position: int) -> bool:
    if position == 0:
        return True
    os.lseek(descriptor, position - 1, os.SEEK_SET)
    return os.read(descriptor, 1) == b"\n"


def _sync_folder(folder: Path) -> None:
    # The file's name is in the folder; where folders cannot be opened (Windows), the system takes care of it.
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
