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
from ..errors import Damaged, InvalidSettings, MailconfError, Problem, UnsupportedSchema
from ..secret import Secret
from ..settings import ConnectionSettings, CredentialKind, Filer, SentPolicy
from ..stored import exactly, if_any, moment, reading, record

_SCHEMA = 2
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
        version: names this state of settings and secret; how messages went, and what they taught, leaves it as it is.
            Empty for one that was not kept yet.
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
        if learned is not None and _mailboxes(learned) == _mailboxes(settings):
            # Only what was learned: the person may have changed anything else meanwhile.
            settings = attrs.evolve(settings, sent=_taught(settings.sent, learned.sent))
        return attrs.evolve(self, settings=settings, sends=sends)

    def sealed(self) -> Secret:
        """Return the account as the text that a store keeps. It holds the secret."""
        return Secret(
            json.dumps(
                {
                    "schema": _SCHEMA,
                    "version": self.version,
                    "settings": self.settings.to_dict(),
                    "secret": None if self.secret is None else self.secret.reveal(),
                    "sends": [one.to_dict() for one in self.sends],
                }
            )
        )


def opened(content: Secret, version: str) -> StoredAccount:
    """Return the account that `StoredAccount.sealed` wrote.

    Args:
        content: what it wrote.
        version: the store's version of it, which was the account's in schema 1.

    Raises:
        UnsupportedSchema: a newer version of the library wrote it.
        Damaged: it is no account.
    """
    found = _opened(content, version)
    if isinstance(found, MailconfError):
        raise found
    return found


def _opened(content: Secret, version: str) -> StoredAccount | MailconfError:
    """Return the account, or why it is none: an error that shows no variable, and no other error, with the secret."""
    trouble: MailconfError
    try:
        return _read(json.loads(content.reveal_bytes()), version)
    except (Damaged, UnsupportedSchema) as error:
        trouble = error.with_traceback(None)
        trouble.__context__ = None
    except (ValueError, RecursionError):
        trouble = Damaged("account", "it is not what was written")
    return trouble


def _read(data: object, version: str) -> StoredAccount:
    stored = record("account", data, _SCHEMA, lambda before: {**before, "version": version})
    with reading("account"):
        secret = if_any(str, stored["secret"])
        return StoredAccount(
            settings=ConnectionSettings.from_dict(stored["settings"]),
            secret=None if secret is None else Secret(secret),
            sends=tuple(map(_send, stored["sends"])),
            version=exactly(str, stored["version"]),
        )


def _send(data: Mapping[str, Any]) -> SendRecord:
    sent, finding = data["sent"], data["finding"]
    return SendRecord(
        at=moment(data["at"]),
        sent=None if sent is None else exactly(bool, sent),
        finding=None if finding is None else Finding.from_dict(finding),
    )


def _mailboxes(settings: ConnectionSettings) -> tuple[object, ...]:
    """Return what tells whose mailboxes they are, and who may file there."""
    return settings.smtp, settings.imap, settings.imap_user


def _taught(kept: SentPolicy, learned: SentPolicy) -> SentPolicy:
    """Return what is settled about copies after a message, whatever the host has chosen since it was sent."""
    is_told = kept.filer is not Filer.UNKNOWN and kept.learned_at is None
    return attrs.evolve(kept, mailbox=learned.mailbox) if is_told else learned


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
