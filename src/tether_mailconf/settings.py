"""One account's settings: validated when they are built, frozen afterwards, storable as plain data.

Every value here can be relied on by the rest of the house: a host is an A-label or an address, a port fits its
security, no text holds a control character. All problems are found at once. Nothing here knows providers or
connections.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from typing import Any, cast

import attrs

from .errors import InvalidSettings, Problem, UnsupportedSchema
from .fields import (
    MAX_TEXT,
    Problems,
    check_kind,
    check_names,
    check_text,
    mapping_of,
    member_of,
    normal_address,
    normal_host,
    read_as,
    refuse,
    wrong_type,
)
from .host_name import MAX_HOST

_SCHEMA = 1
_LAST_SCHEMA = 10**6  # beyond it a number is no version of anything
_PRESET_ID = re.compile(r"[a-z0-9_]{1,64}")


class Security(enum.Enum):
    """How a connection is encrypted. There is no choice without encryption, and none that guesses."""

    TLS = "tls"
    """from the first byte (RFC 8314)"""
    STARTTLS = "starttls"
    """begun in the clear and upgraded before anything else (RFC 3207, RFC 9051 section 6.2.1)"""


class CredentialKind(enum.Enum):
    """What is signed in with."""

    PASSWORD = "password"  # noqa: S105 - the name of a kind
    """the mailbox's own password"""
    APP_PASSWORD = "app_password"  # noqa: S105 - the name of a kind
    """a password that the provider made for one application"""
    OAUTH_TOKEN = "oauth_token"  # noqa: S105 - the name of a kind
    """an OAuth 2.0 access token"""
    HOST = "host"
    """a credential class of the host application's own"""


class Filer(enum.Enum):
    """Who puts a copy of sent mail into the Sent folder."""

    UNKNOWN = "unknown"
    """nobody knows yet: the library looks, and learns"""
    PROVIDER = "provider"
    """the provider, by itself"""
    CLIENT = "client"
    """the library"""
    NOBODY = "nobody"
    """no copy is wanted"""


# Ports whose security is fixed by RFC 8314 section 3 and RFC 6409: what each speaks, and which one speaks the other.
_TLS, _STARTTLS = Security.TLS, Security.STARTTLS
_SECURITY_OF_PORT = {465: _TLS, 993: _TLS, 25: _STARTTLS, 143: _STARTTLS, 587: _STARTTLS}
_OTHER_PORT = {465: 587, 993: 143, 587: 465, 25: 465, 143: 993}
_OTHER_PROTOCOL = {
    "smtp.port": ((143, 993), "IMAP's; SMTP uses 465 with TLS or 587 with STARTTLS"),
    "imap.port": ((25, 465, 587), "SMTP's; IMAP uses 993 with TLS or 143 with STARTTLS"),
}


@attrs.frozen(kw_only=True)
class Endpoint:
    """Where a server listens, and how it speaks there.

    Args:
        host: a host name or an IP address. A name is stored as lower-case A-labels (RFC 5890) without a final dot.
        port: 1 to 65535.
        security: TLS from the start, or STARTTLS.

    Raises:
        InvalidSettings: with everything that is wrong.
    """

    host: str
    port: int
    security: Security

    def __attrs_post_init__(self) -> None:
        problems: Problems = []
        object.__setattr__(self, "host", normal_host(self.host, "host", problems))
        check_kind(self.security, Security, "security", problems)
        _check_port(self.port, self.security, "port", problems)
        refuse(problems)

    def to_dict(self) -> dict[str, Any]:
        """Return the endpoint as plain data."""
        return {"host": self.host, "port": self.port, "security": self.security.value}


@attrs.frozen(kw_only=True)
class SentPolicy:
    """What is settled about the copy in the Sent folder.

    Args:
        mailbox: the Sent folder's full, decoded name; None: it is found by itself.
        filer: who files.
        learned_at: for a `filer` that the library learned, the servers it was learned at ("smtp-host imap-host"); it
            holds for these only. None: it is the host application's choice, and always holds.

    Raises:
        InvalidSettings: with everything that is wrong.
    """

    mailbox: str | None = None
    filer: Filer = Filer.UNKNOWN
    learned_at: str | None = None

    def __attrs_post_init__(self) -> None:
        problems: Problems = []
        _check_sent_texts(attrs.asdict(self, recurse=False), "", problems)
        check_kind(self.filer, Filer, "filer", problems)
        refuse(problems)

    def to_dict(self) -> dict[str, Any]:
        """Return the policy as plain data."""
        return {"mailbox": self.mailbox, "filer": self.filer.value, "learned_at": self.learned_at}


@attrs.frozen(kw_only=True)
class ConnectionSettings:
    """All that is needed to send from one account, but the secret.

    Args:
        address: the account's address; its domain is stored as lower-case A-labels.
        display_name: the person's name, for From; may be empty.
        preset: the id of the preset that was picked.
        smtp: the submission server.
        imap: the IMAP server; None: no copies are filed.
        smtp_user: the user name for SMTP.
        imap_user: the user name for IMAP, which some providers want in another form; empty without `imap`.
        credential: the kind of credential that is signed in with.
        sent: what is settled about copies of sent mail.
        enabled: whether anything is sent at all.

    Raises:
        InvalidSettings: with everything that is wrong.
    """

    address: str
    display_name: str = ""
    preset: str = "custom"
    smtp: Endpoint
    imap: Endpoint | None = None
    smtp_user: str
    imap_user: str = ""
    credential: CredentialKind
    sent: SentPolicy = attrs.field(factory=SentPolicy)
    enabled: bool = True

    def __attrs_post_init__(self) -> None:
        problems: Problems = []
        object.__setattr__(self, "address", normal_address(self.address, problems))
        values = attrs.asdict(self, recurse=False)
        problems += _problems_of_parts(values)
        for name in ("smtp", "imap"):
            if isinstance(values[name], Endpoint):
                _check_protocol(values[name].port, f"{name}.port", problems)
        _check_imap_user(values["imap"], values["imap_user"], problems)
        refuse(problems)

    def enable(self) -> ConnectionSettings:
        """Return the settings switched on."""
        return attrs.evolve(self, enabled=True)

    def disable(self) -> ConnectionSettings:
        """Return the settings switched off: everything is kept, and a Mailer sends nothing with them (`Disabled`)."""
        return attrs.evolve(self, enabled=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain data that JSON can hold. They contain no secret."""
        return {
            "schema": _SCHEMA,
            "address": self.address,
            "display_name": self.display_name,
            "preset": self.preset,
            "smtp": self.smtp.to_dict(),
            "imap": None if self.imap is None else self.imap.to_dict(),
            "smtp_user": self.smtp_user,
            "imap_user": self.imap_user,
            "credential": self.credential.value,
            "sent": self.sent.to_dict(),
            "enabled": self.enabled,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ConnectionSettings:
        """Return the settings that `to_dict` described.

        Raises:
            InvalidSettings: with everything that is missing, unknown or wrong.
            UnsupportedSchema: the data was written by a newer version of the library.
        """
        problems: Problems = []
        stored = mapping_of(data, "", problems)
        if stored is None:
            raise InvalidSettings(tuple(problems))
        schema = stored.pop("schema", None)
        if type(schema) is int and _SCHEMA < schema <= _LAST_SCHEMA:
            raise UnsupportedSchema(schema, _SCHEMA)
        if type(schema) is not int or schema != _SCHEMA:
            problems.append(Problem(field="schema", code="schema.invalid", message=f"the schema must be {_SCHEMA}"))
        imap = stored.get("imap")
        check_names(stored, cls, "", problems)
        read_as(stored, "smtp", _endpoint, problems)
        if imap is not None:
            read_as(stored, "imap", _endpoint, problems)
        read_as(stored, "sent", _sent, problems)
        read_as(stored, "credential", member_of(CredentialKind), problems)
        if not problems:
            return cls(**cast(dict[str, Any], stored))
        # Something is wrong already; the rest is looked at too, so that all of it is told at once.
        if "address" in stored:
            normal_address(stored["address"], problems)
        faulty = {problem.field.partition(".")[0] for problem in problems}
        problems += _problems_of_parts({name: value for name, value in stored.items() if name not in faulty})
        _check_imap_user(imap, stored.get("imap_user", ""), problems)
        raise InvalidSettings(tuple(problems))


# -- parts -------------------------------------------------------------------------------------------------------------


def is_same_account(one: ConnectionSettings, other: ConnectionSettings) -> bool:
    """Return whether a secret that is kept for one is one for the other: nobody else's server may be shown it."""
    keys = [(it.address, it.credential, it.smtp, it.imap, it.smtp_user, it.imap_user) for it in (one, other)]
    return keys[0] == keys[1]


def _problems_of_parts(values: Mapping[Any, object]) -> Problems:
    """Return what is wrong with each of the fields given, the address aside."""
    problems: Problems = []
    for name in ("display_name", "smtp_user", "imap_user"):
        if name in values:
            check_text(values[name], name, problems, is_required=name == "smtp_user")
    if "preset" in values and not (isinstance(values["preset"], str) and _PRESET_ID.fullmatch(values["preset"])):
        text = "a preset id has lower-case letters, digits and underscores only"
        problems.append(Problem(field="preset", code="preset.invalid", message=text))
    kinds = {"smtp": Endpoint, "imap": Endpoint, "credential": CredentialKind, "sent": SentPolicy, "enabled": bool}
    for name, kind in kinds.items():
        if name in values and not (name == "imap" and values[name] is None):
            check_kind(values[name], kind, name, problems)
    return problems


def _check_protocol(port: int, field: str, problems: Problems) -> None:
    """Tell a port that belongs to the other protocol."""
    ports, text = _OTHER_PROTOCOL[field]
    if port in ports:
        problems.append(Problem(field=field, code="port.other_protocol", message=f"port {port} is {text}"))


def _check_imap_user(imap: object, user: object, problems: Problems) -> None:
    if isinstance(user, str) and imap is not None and not user.strip():
        problems.append(Problem(field="imap_user", code="user.missing", message="an IMAP server needs a user name"))
    if isinstance(user, str) and imap is None and user:
        text = "there is a user name for IMAP, but no IMAP server"
        problems.append(Problem(field="imap_user", code="user.without_server", message=text))


def _check_sent_texts(values: Mapping[Any, object], prefix: str, problems: Problems) -> None:
    for name, limit in (("mailbox", MAX_TEXT), ("learned_at", 2 * MAX_HOST + 1)):
        if values.get(name) is not None:
            check_text(values[name], f"{prefix}{name}", problems, is_required=True, limit=limit)


def _check_port(port: object, security: object, field: str, problems: Problems) -> None:
    """Tell a port that is none, or that does not speak this security; one that is not known is not held against it."""
    if isinstance(port, bool) or not isinstance(port, int):
        problems.append(wrong_type(field, "a whole number"))
    elif not 1 <= port <= 65535:
        problems.append(Problem(field=field, code="port.range", message="a port is a number from 1 to 65535"))
    elif isinstance(security, Security) and _SECURITY_OF_PORT.get(port, security) is not security:
        right = _OTHER_PORT[port]
        text = f"port {port} speaks {_SECURITY_OF_PORT[port].name}; for {security.name} the port is {right}"
        problems.append(Problem(field=field, code="port.security_mismatch", message=text))


# -- stored data -------------------------------------------------------------------------------------------------------


def _endpoint(value: object, field: str, problems: Problems) -> Endpoint | None:
    stored = mapping_of(value, field, problems)
    if stored is None:
        return None
    before = len(problems)
    check_names(stored, Endpoint, f"{field}.", problems)
    read_as(stored, "security", member_of(Security), problems, prefix=f"{field}.")
    if "host" in stored:
        stored["host"] = normal_host(stored["host"], f"{field}.host", problems)
    if "port" in stored:
        known = len(problems)
        _check_port(stored["port"], stored.get("security"), f"{field}.port", problems)
        if len(problems) == known:
            _check_protocol(cast(int, stored["port"]), f"{field}.port", problems)
    return None if len(problems) > before else Endpoint(**cast(dict[str, Any], stored))


def _sent(value: object, field: str, problems: Problems) -> SentPolicy | None:
    stored = mapping_of(value, field, problems)
    if stored is None:
        return None
    before = len(problems)
    check_names(stored, SentPolicy, f"{field}.", problems)
    read_as(stored, "filer", member_of(Filer), problems, prefix=f"{field}.")
    _check_sent_texts(stored, f"{field}.", problems)
    return None if len(problems) > before else SentPolicy(**cast(dict[str, Any], stored))
