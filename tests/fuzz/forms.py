"""What reads stored data, and what pages send back: recorded forms whose structure is changed, too."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tether_mailconf import (
    ConnectionSettings,
    Discovery,
    FileJournal,
    Finding,
    Receipt,
    Reply,
    Report,
    Secret,
    Trial,
    oauth,
    presets,
)
from tether_mailconf._oauth.pending import Kept
from tether_mailconf._oauth.record import Record
from tether_mailconf.accounts import stored as accounts

from .target import Target, text_of

FORMS = Path(__file__).parent.parent / "stored_forms"

_DEEPEST = 12
_DEEP = json.loads("[" * 100 + "]" * 100)
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2**31,
    2**63,
    10**400,
    -(10**400),
    0.5,
    1e308,
    float("inf"),
    float("nan"),
    "",
    " ",
    "a",
    "\0",
    "\r\n",
    "\ud800",
    "\u2028",
    "x" * 5_000,
    [],
    {},
    [[]],
    {"a": 1},
    [None],
    [""],
    _DEEP,
    "2026-11-02T03:04:05+00:00",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "2026-11-02",
    "sent",
    "tls",
    "127.0.0.1",
    "xn--",
    "ana@example.org",
)
"""What is put in place of what was there."""


def places(form: Any) -> list[tuple[Any, Any]]:
    """Return each container with each of its keys."""
    found: list[tuple[Any, Any]] = []
    _add_places(form, found, 0)
    return found


def _add_places(form: Any, found: list[tuple[Any, Any]], depth: int) -> None:
    for key in list(form) if isinstance(form, dict) else range(len(form)) if isinstance(form, list) else ():
        found.append((form, key))
        value = form[key]
        if depth < _DEEPEST and isinstance(value, dict | list):
            _add_places(value, found, depth + 1)


def copied(form: Any) -> Any:
    """Return a copy, all through."""
    if isinstance(form, dict):
        return {key: copied(value) for key, value in form.items()}
    return [copied(value) for value in form] if isinstance(form, list) else form


def changed(form: Any, data: bytes) -> Any:
    """Return a form with changes, three bytes each: where, which, and of what kind."""
    form = copied(form)
    for start in range(0, min(len(data), 30), 3):
        where, kind, which = (*data[start : start + 3], 0, 0)[:3]
        found = places(form)
        if not found:
            break
        container, key = found[where % len(found)]
        other, its_key = found[which % len(found)]
        match kind % 5:
            case 0:
                container[key] = copied(VALUES[which % len(VALUES)])
            case 1:
                del container[key]
            case 2 if isinstance(container, dict):
                container[text_of(data[start : start + 9])] = copied(VALUES[which % len(VALUES)])
            case 3:
                container[key] = copied(other[its_key])
            case _:
                container[key] = text_of(data[start + 3 :])
    return form


def recorded(name: str) -> Any:
    """Return a recorded form."""
    return json.loads((FORMS / f"{name}.json").read_text(encoding="utf-8"))


Reads = Callable[[Any], Any]


def _sealed(value: Any) -> Any:
    return json.loads(value.sealed().reveal())


def _stored(name: str, read: Reads, write: Reads = lambda value: value.to_dict()) -> Target:
    """Return the target of a stored form: what it reads can be written, and read again."""
    form = recorded(name)

    def act(data: bytes) -> None:
        value = read(_json(data) if data[:1] in (b"{", b"[") else changed(form, data))
        written = json.loads(json.dumps(write(value)))
        assert json.dumps(write(read(written))) == json.dumps(written)

    seeds = [bytes((where, kind, which)) for where in (0, 7, 40) for kind in range(5) for which in (0, 8, 30)]
    return Target(f"stored.{name}", act, [json.dumps(form).encode(), b"", *seeds])


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _by_json(read: Callable[[Secret], Any]) -> Reads:
    return lambda data: read(Secret(json.dumps(data)))


_KEPT = {"secret": "verifier", "nonce": "n", "bound": {"issuer": "own"}}


def kept(data: bytes) -> None:
    read = Kept.opened(Secret(json.dumps(changed(_KEPT, data))))
    assert Kept.opened(read.sealed()) == read


def reply(data: bytes) -> None:
    read = Reply.from_dict(changed({"code": "550", "enhanced": "5.1.1", "text": "no"}, data))
    assert read.shown.isprintable()


def journal(data: bytes) -> None:
    handle, path = tempfile.mkstemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    try:
        os.write(handle, data)
        for message_id, receipt in FileJournal(path).read().items():
            assert receipt.message_id == message_id
    finally:
        os.close(handle)
        Path(path).unlink()


_PAGE = {
    "preset": "custom",
    "enabled": "on",
    "address": "ana@example.org",
    "display_name": "Ana",
    "smtp_host": "mail.example.org",
    "smtp_port": "465",
    "smtp_security": "tls",
    "imap_host": "mail.example.org",
    "imap_port": 993,
    "imap_security": "tls",
    "smtp_user": "ana",
    "imap_user": "ana",
    "secret": "abcd efgh ijkl mnop",
}
_GMAIL = {**_PAGE, "preset": "gmail_app_password", "address": "ana@gmail.com"}


def page(data: bytes) -> None:
    form = changed(_GMAIL if data[:1] > b"\x80" else _PAGE, data[1:])
    for advice in presets.lint(form):
        assert advice.problem.message.isprintable()
        advice.applied(form)
    parsed = presets.parse(form)
    assert ConnectionSettings.from_dict(parsed.settings.to_dict()) == parsed.settings


_LINE = json.dumps(recorded("receipt.1")).encode() + b"\n"

TARGETS = (
    _stored("settings.1", ConnectionSettings.from_dict),
    _stored("account.1", _by_json(lambda secret: accounts.opened(secret, "1")), _sealed),
    _stored("token.2", _by_json(Record.opened), _sealed),
    _stored("pending_sign_in.1", oauth.PendingSignIn.from_dict),
    _stored("pending_device.1", oauth.PendingDevice.from_dict),
    _stored("receipt.1", Receipt.from_dict),
    _stored("discovery.1", Discovery.from_dict),
    _stored("finding.1", Finding.from_dict),
    _stored("report.1", Report.from_dict),
    _stored("trial.1", Trial.from_dict),
    Target("kept", kept, [b"", b"\0\0\1", b"\1\0\23"]),
    Target("reply", reply, [b"", b"\0\0\1", b"\1\4\1a"]),
    Target(
        "journal", journal, [_LINE, _LINE + _LINE[:200], b"\n\n[]\n", b"{}\n"], words=[b"\n", b'"schema":', b"null"]
    ),
    Target(
        "page", page, [b"\0", b"\xff", *(bytes((0, where, 0, which)) for where in range(13) for which in (0, 18, 19))]
    ),
)
