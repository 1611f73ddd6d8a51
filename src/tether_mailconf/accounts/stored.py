"""What is kept of one account, as a value: its settings, its secret, and how its last messages went."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from ..credentials import AppPassword, Credential, Password
from ..delivery.receipt import Delivery, Filing, Receipt
from ..diagnosis.explain import explain
from ..diagnosis.finding import Finding
from ..errors import Damaged, InvalidSettings, MailconfError, Problem
from ..secret import Secret
from ..settings import ConnectionSettings, CredentialKind
from ..stored import exactly, moment, reading, record

_SCHEMA = 1
MOST_SENDS = 20
"""How many of the last messages are remembered."""

_TYPED = (CredentialKind.APP_PASSWORD, CredentialKind.PASSWORD)


@attrs.frozen(kw_only=True)
class SendRecord:
    """How one message went.

    Args:
        at: when.
        sent: whether the submission server took it; None if nobody knows.
        finding: what went wrong with it, or with its copy; None if nothing did.
    """

    at: datetime
    sent: bool | None
    finding: Finding | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        finding = None if self.finding is None else self.finding.to_dict()
        return {"at": self.at.isoformat(), "sent": self.sent, "finding": finding}


@attrs.frozen(kw_only=True)
class StoredAccount:
    """An account as it is kept.

    Args:
        settings: the settings, with what was learned about Sent.
        secret: the password or app password; None where nothing is typed: for a sign-in, or a credential of the host's.
        sends: how the last messages went, oldest first.
        version: names this state of it; empty for one that was not kept yet.
    """

    settings: ConnectionSettings
    secret: Secret | None = attrs.field(default=None, repr=False)
    sends: tuple[SendRecord, ...] = ()
    version: str = attrs.field(default="", eq=False)

    @property
    def credential(self) -> Password | None:
        """What to sign in with; None for a sign-in, whose token the token store has, and for one of the host's own."""
        if self.secret is None:
            return None
        kind = AppPassword if self.settings.credential is CredentialKind.APP_PASSWORD else Password
        return kind(self.secret)

    def noted(self, outcome: Receipt | MailconfError, at: datetime) -> StoredAccount:
        """Return the account after a message: how it went, and what was learned."""
        finding = None
        learned = None
        if isinstance(outcome, Receipt):
            learned = outcome.learned
            is_clean = (
                outcome.delivery is Delivery.SENT and outcome.filing is not Filing.PENDING and not outcome.refused
            )
            finding = None if is_clean else explain(outcome, self.settings)
            sent = {Delivery.SENT: True, Delivery.NOT_SENT: False, Delivery.UNKNOWN: None}[outcome.delivery]
        else:
            finding, sent = explain(outcome, self.settings), False
        sends = (*self.sends, SendRecord(at=at, sent=sent, finding=finding))[-MOST_SENDS:]
        settings = self.settings
        if learned is not None and (learned.smtp, learned.imap) == (settings.smtp, settings.imap):
            # Only what was learned: the person may have changed anything else meanwhile.
            settings = attrs.evolve(settings, sent=learned.sent)
        return attrs.evolve(self, settings=settings, sends=sends)

    def sealed(self) -> Secret:
        """Return the account as the text that a store keeps. It holds the secret."""
        return Secret(
            json.dumps(
                {
                    "schema": _SCHEMA,
                    "settings": self.settings.to_dict(),
                    "secret": None if self.secret is None else self.secret.reveal(),
                    "sends": [one.to_dict() for one in self.sends],
                }
            )
        )


def opened(content: Secret, version: str) -> StoredAccount:
    """Return the account that `StoredAccount.sealed` wrote.

    Raises:
        UnsupportedSchema: a newer version of the library wrote it.
        Damaged: it is no account.
    """
    try:
        data = json.loads(content.reveal_bytes())
    except (ValueError, RecursionError):
        raise Damaged("account", "it is not what was written") from None
    stored = record("account", data, _SCHEMA)
    with reading("account"):
        secret = stored["secret"]
        return StoredAccount(
            settings=ConnectionSettings.from_dict(stored["settings"]),
            secret=None if secret is None else Secret(exactly(str, secret)),
            sends=tuple(map(_send, stored["sends"])),
            version=version,
        )


def _send(data: Mapping[str, Any]) -> SendRecord:
    sent, finding = data["sent"], data["finding"]
    return SendRecord(
        at=moment(data["at"]),
        sent=None if sent is None else exactly(bool, sent),
        finding=None if finding is None else Finding.from_dict(finding),
    )


def secret_of(settings: ConnectionSettings, credential: Credential | None) -> Secret | None:
    """Return what is to be kept of a credential.

    Raises:
        InvalidSettings: it is not of the kind that the settings name, or a typed one is missing.
    """
    kind = settings.credential
    if credential is not None and credential.kind is not kind:
        text = f"the settings ask for {kind.value}, the credential given is {credential.kind.value}"
        raise InvalidSettings((Problem(field="credential", code="credential.kind", message=text),))
    if kind not in _TYPED:
        return None
    if not isinstance(credential, Password):
        text = f"an account that is signed in with {kind.value} needs it"
        raise InvalidSettings((Problem(field="credential", code="field.missing", message=text),))
    return credential.kept()
