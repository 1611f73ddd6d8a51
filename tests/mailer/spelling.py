"""All the ways in which a secret could be read from a text, and the places where that would be looked for."""

from __future__ import annotations

import base64
import logging
import pickle
import traceback
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

import tether_mailconf
from tether_mailconf import MailconfError, Receipt

LIBRARY = Path(tether_mailconf.__file__).parent


def spellings(secret: str) -> list[str]:
    """Return the secret as it is, in base64 at its three offsets, quoted for a URL, and as Python shows it."""
    raw = secret.encode()
    found = [secret, urllib.parse.quote(secret, safe=""), repr(secret)[1:-1], repr(raw)[2:-1], raw.hex()]
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw)
        # Only the characters that depend on nothing but the secret, whatever stands before and after it.
        found.append(encoded[(offset * 8 + 5) // 6 : (offset + len(raw)) * 8 // 6].decode())
    return found


def assert_not_spelled(secret: str, text: str) -> None:
    for spelling in spellings(secret):
        assert spelling not in text, f"the secret can be read as {spelling!r}"


def told_by(error: MailconfError) -> str:
    """Return all that a host can see of an error, the library's variables in its traceback included."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    keep_the_library_s_frames(shown)
    receipt = "" if error.receipt is None else f"{error.receipt!r}{error.receipt.to_dict()}"
    return "\n".join(
        [
            repr(error),
            str(error),
            repr(vars(error)),
            repr(pickle.dumps(error, protocol=0)),
            pickle.dumps(error, protocol=0).decode("ascii", "replace"),
            receipt,
            *shown.format(),
        ]
    )


def keep_the_library_s_frames(shown: traceback.TracebackException) -> None:
    """Take out the frames of the test, which knows the secret, here and in the errors that this one came from."""
    before = len(shown.stack)
    shown.stack[:] = [frame for frame in shown.stack if LIBRARY in Path(frame.filename).parents]
    assert shown.stack or not before
    for earlier in (shown.__cause__, shown.__context__):
        if earlier is not None:
            keep_the_library_s_frames(earlier)


def told_by_receipt(receipt: Receipt) -> str:
    return f"{receipt!r}{receipt}{receipt.to_dict()}{pickle.dumps(receipt, protocol=0).decode('ascii', 'replace')}"


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """Return what was logged, exceptions with it."""
    formatter = logging.Formatter("%(name)s %(message)s %(args)s")
    return "\n".join(formatter.format(record) + repr(vars(record)) for record in caplog.records)
