"""What any version of the library has ever stored is read by this one, and this one writes what it says it writes.

`tests/stored_forms` holds a recorded form of every schema of everything that is stored, as the version that introduced
it wrote it. Nothing there is ever edited; who changes a form raises its schema and records the new one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from tether_mailconf import ConnectionSettings, Discovery, Finding, Receipt, Report, Trial, oauth, settings
from tether_mailconf._oauth import pending, record
from tether_mailconf._oauth.record import Record
from tether_mailconf.accounts import stored as accounts
from tether_mailconf.delivery import receipt
from tether_mailconf.diagnosis import finding, report, trial
from tether_mailconf.discovery import report as discovery
from tether_mailconf.secret import Secret

FORMS = Path(__file__).parent.parent / "stored_forms"


@attrs.frozen
class Form:
    """How one kind of value is stored.

    Args:
        schema: the newest schema.
        read: reads what was stored.
        write: writes it again.
    """

    schema: int
    read: Callable[[Any], Any]
    write: Callable[[Any], Any] = attrs.field(default=lambda value: value.to_dict())


def _sealed(value: Any) -> Any:
    return json.loads(value.sealed().reveal())


KINDS: dict[str, Form] = {
    "settings": Form(settings._SCHEMA, ConnectionSettings.from_dict),
    "account": Form(accounts._SCHEMA, lambda data: accounts.opened(Secret(json.dumps(data)), "1"), _sealed),
    "token": Form(record._SCHEMA, lambda data: Record.opened(Secret(json.dumps(data))), _sealed),
    "pending_sign_in": Form(pending._SCHEMA, oauth.PendingSignIn.from_dict),
    "pending_device": Form(pending._SCHEMA, oauth.PendingDevice.from_dict),
    "receipt": Form(receipt._SCHEMA, Receipt.from_dict),
    "discovery": Form(discovery._SCHEMA, Discovery.from_dict),
    "finding": Form(finding._SCHEMA, Finding.from_dict),
    "report": Form(report._SCHEMA, Report.from_dict),
    "trial": Form(trial._SCHEMA, Trial.from_dict),
}


def recorded(kind: str, schema: int) -> Any:
    """Return a form as it was recorded."""
    return json.loads((FORMS / f"{kind}.{schema}.json").read_text(encoding="utf-8"))


def test_every_schema_of_everything_is_recorded() -> None:
    expected = {f"{kind}.{schema}.json" for kind, form in KINDS.items() for schema in range(1, form.schema + 1)}
    assert {path.name for path in FORMS.iterdir()} == expected


def _kept(before: Any, after: Any) -> Any:
    """Return what is left of a form in a later one: without what it did not have, under its old number."""
    if isinstance(before, dict) and isinstance(after, dict):
        kept = {name: _kept(before[name], after[name]) for name in before if name in after}
        return kept | {"schema": before["schema"]} if "schema" in before else kept
    return after


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_the_form_that_was_recorded(kind: str) -> None:
    """A form that changes under an old number could not be read by who trusts the number."""
    form = KINDS[kind]
    now = recorded(kind, form.schema)
    assert form.write(form.read(now)) == now


@pytest.mark.parametrize(
    ("kind", "schema"), [(kind, schema) for kind, form in KINDS.items() for schema in range(1, form.schema)]
)
def test_what_an_earlier_version_wrote_is_read_and_written_anew(kind: str, schema: int) -> None:
    form = KINDS[kind]
    before = recorded(kind, schema)
    after = form.write(form.read(before))
    assert after["schema"] == form.schema
    assert _kept(before, after) == before
    assert form.write(form.read(after)) == after


def test_a_sign_in_that_an_earlier_version_stored_has_no_known_end() -> None:
    old = KINDS["token"].read(recorded("token", 1))
    assert (old.refresh_until, old.is_prolonged) == (0.0, False)


def test_a_receipt_that_an_earlier_version_stored_tells_its_trouble_as_a_sentence() -> None:
    old = KINDS["receipt"].read(recorded("receipt", 1))
    assert (old.filing_trouble, old.filing_reason) == (None, "the mailbox is full")
