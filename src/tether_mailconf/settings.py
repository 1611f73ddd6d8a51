"""One account's settings: validated when they are built, frozen afterwards, storable as plain data.

Every value here can be relied on by the rest of the house: a host is an A-label or an address, a port fits its
security, no text holds a control character. All problems are found at once. Nothing here knows providers or connections.
"""

from __future__ import annotations

import enum
import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs

from .errors import InvalidSettings, Problem, UnsupportedSchema, printable

_SCHEMA = 1
_MAX_TEXT = 256
_PRESET_ID = re.compile(r"[a-z0-9_]{1,64}")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

E = TypeVar("E", bound=enum.Enum)


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


# Ports whose security is fixed by RFC 8314 section 3 and RFC 6409: what each of them speaks.
_SECURITY_OF_PORT = {
    465: Security.TLS,
    993: Security.TLS,
    25: Security.STARTTLS,
    143: Security.STARTTLS,
    587: Security.STARTTLS,
}
_PORT_FOR = {
    (465, Security.STARTTLS): 587,
    (993, Security.STARTTLS): 143,
    (587, Security.TLS): 465,
    (25, Security.TLS): 465,
    (143, Security.TLS): 993,
}
_SMTP_PORTS = frozenset({25, 465, 587})
_IMAP_PORTS = frozenset({143, 993})


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
        problems: list[Problem] = []
        object.__setattr__(self, "host", _host(self.host, "host", problems))
        _check_port(self.port, self.security, "port", problems)
        _refuse(problems)

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
        problems: list[Problem] = []
        if self.mailbox is not None:
            _check_text(self.mailbox, "mailbox", problems, is_required=True)
        if self.learned_at is not None:
            _check_text(self.learned_at, "learned_at", problems, is_required=True, longest=600)
        if not isinstance(self.filer, Filer):
            problems.append(_wrong_type("filer", "a Filer"))
        _refuse(problems)

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
        problems: list[Problem] = []
        object.__setattr__(self, "address", _address(self.address, problems))
        problems += _problems_of_parts(attrs.asdict(self, recurse=False))
        problems += _problems_of_whole(self.smtp, self.imap, self.imap_user)
        _refuse(problems)

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
        if not isinstance(data, Mapping):
            raise InvalidSettings((_wrong_type("", "a mapping"),))
        schema = data.get("schema")
        if isinstance(schema, int) and not isinstance(schema, bool) and schema > _SCHEMA:
            raise UnsupportedSchema(schema, _SCHEMA)
        problems: list[Problem] = []
        if schema != _SCHEMA or isinstance(schema, bool):
            problems.append(Problem(field="schema", code="schema.invalid", message=f"the schema must be {_SCHEMA}"))
        values = {name: value for name, value in data.items() if name != "schema"}
        _check_names(values, cls, "", problems)
        _read(values, "smtp", _endpoint, problems)
        if values.get("imap") is not None:
            _read(values, "imap", _endpoint, problems)
        _read(values, "sent", _sent, problems)
        _read(values, "credential", _member(CredentialKind), problems)
        if not problems:
            return cls(**values)
        # Something is wrong already; the rest is looked at too, so that all of it is told at once.
        if "address" in values:
            _address(values["address"], problems)
        faulty = {problem.field.partition(".")[0] for problem in problems}
        sound = {name: value for name, value in values.items() if name not in faulty}
        raise InvalidSettings((*problems, *_problems_of_parts(sound)))


# -- parts -------------------------------------------------------------------------------------------------------------


def _problems_of_parts(values: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with each of the fields given, the address aside."""
    problems: list[Problem] = []
    for name in ("display_name", "smtp_user", "imap_user"):
        if name in values:
            _check_text(values[name], name, problems, is_required=name == "smtp_user")
    if "preset" in values and not (isinstance(values["preset"], str) and _PRESET_ID.fullmatch(values["preset"])):
        text = "a preset id has lower-case letters, digits and underscores only"
        problems.append(Problem(field="preset", code="preset.invalid", message=text))
    expected = {
        "smtp": Endpoint,
        "imap": Endpoint | None,
        "credential": CredentialKind,
        "sent": SentPolicy,
        "enabled": bool,
    }
    for name, kind in expected.items():
        if name in values and not isinstance(values[name], kind):
            problems.append(_wrong_type(name, getattr(kind, "__name__", "Endpoint or None")))
    return problems


def _problems_of_whole(smtp: object, imap: object, imap_user: object) -> list[Problem]:
    """Return what does not fit together."""
    problems: list[Problem] = []
    if isinstance(smtp, Endpoint) and smtp.port in _IMAP_PORTS:
        text = f"port {smtp.port} is IMAP's; SMTP uses 465 with TLS or 587 with STARTTLS"
        problems.append(Problem(field="smtp.port", code="port.other_protocol", message=text))
    if isinstance(imap, Endpoint) and imap.port in _SMTP_PORTS:
        text = f"port {imap.port} is SMTP's; IMAP uses 993 with TLS or 143 with STARTTLS"
        problems.append(Problem(field="imap.port", code="port.other_protocol", message=text))
    if isinstance(imap, Endpoint) and imap_user == "":
        text = "an IMAP server needs a user name"
        problems.append(Problem(field="imap_user", code="user.missing", message=text))
    if imap is None and imap_user:
        text = "there is a user name for IMAP, but no IMAP server"
        problems.append(Problem(field="imap_user", code="user.without_server", message=text))
    return problems


def _check_port(port: object, security: object, field: str, problems: list[Problem]) -> None:
    prefix = field.removesuffix("port")
    if not isinstance(security, Security):
        problems.append(_wrong_type(f"{prefix}security", "a Security"))
    if isinstance(port, bool) or not isinstance(port, int):
        problems.append(_wrong_type(field, "a whole number"))
    elif not 1 <= port <= 65535:
        problems.append(Problem(field=field, code="port.range", message="a port is a number from 1 to 65535"))
    elif isinstance(security, Security) and _SECURITY_OF_PORT.get(port, security) is not security:
        right = _SECURITY_OF_PORT[port].name
        text = f"port {port} speaks {right}; for {security.name} the port is {_PORT_FOR[port, security]}"
        problems.append(Problem(field=field, code="port.security_mismatch", message=text))


def _check_text(
    value: object, field: str, problems: list[Problem], *, is_required: bool, longest: int = _MAX_TEXT
) -> None:
    if not isinstance(value, str):
        problems.append(_wrong_type(field, "text"))
    elif is_required and not value.strip():
        problems.append(Problem(field=field, code="text.missing", message="this must not be empty"))
    elif len(value) > longest:
        problems.append(Problem(field=field, code="text.too_long", message=f"this has more than {longest} characters"))
    elif _CONTROL.search(value) or any("\ud800" <= character <= "\udfff" for character in value):
        text = "this contains a line break or another control character"
        problems.append(Problem(field=field, code="text.control", message=text))


def _host(value: object, field: str, problems: list[Problem]) -> str:
    """Return the host normalised; a problem is added for one that is none, and the value returned as it is."""
    found = _host_problem(value)
    if isinstance(found, str):
        return found
    problems.append(attrs.evolve(found, field=field))
    return value if isinstance(value, str) else ""


def _host_problem(value: object) -> str | Problem:
    if not isinstance(value, str):
        return _wrong_type("", "text")

    def problem(code: str, message: str) -> Problem:
        return Problem(field="", code=code, message=message)

    if not value:
        return problem("host.missing", "the server's name is missing")
    if _CONTROL.search(value):
        return problem("host.control", "the server's name contains a line break or another control character")
    if "://" in value or "/" in value:
        return problem("host.url", "this is a web address; give the server's name only, such as smtp.example.com")
    if "@" in value:
        return problem("host.address", "this is an e-mail address; give the server's name, such as smtp.example.com")
    if any(character.isspace() for character in value):
        return problem("host.space", "the server's name contains a space")
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        pass
    if ":" in value:
        return problem("host.port", "the port belongs into its own field, not behind the server's name")
    return _domain(value) or problem("host.invalid", f"{printable(value, 80)!r} is not a host name")


def _domain(value: str) -> str | None:
    """Return a domain as lower-case A-labels (IDNA 2008 with UTS 46), or None."""
    if not value.isascii():
        import idna

        try:
            value = idna.encode(value, uts46=True, transitional=False).decode()
        except (idna.IDNAError, UnicodeError):
            return None
    value = value.lower().removesuffix(".")
    labels = value.split(".")
    if len(value) > 253 or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdigit():
        return None
    return value


def _address(value: object, problems: list[Problem]) -> str:
    """Return the address with its domain normalised; a problem is added for one that is none."""
    if not isinstance(value, str):
        problems.append(_wrong_type("address", "text"))
        return ""
    before = len(problems)
    _check_text(value, "address", problems, is_required=True, longest=320)
    if len(problems) > before:
        return value
    if value.startswith('"'):
        text = "an address with quotation marks before the @ is not supported"
        problems.append(Problem(field="address", code="address.quoted", message=text))
        return value
    import email_validator

    try:
        checked = email_validator.validate_email(value, check_deliverability=False, test_environment=True)
    except email_validator.EmailNotValidError as error:
        text = f"{printable(value, 80)!r} is not an e-mail address: {printable(str(error), 200)}"
        problems.append(Problem(field="address", code="address.invalid", message=text))
        return value
    return f"{checked.local_part}@{checked.ascii_domain}"


# -- stored data ---------------------------------------------------------------------------------------------------------


def _endpoint(value: object, field: str, problems: list[Problem]) -> Endpoint | None:
    if not isinstance(value, Mapping):
        problems.append(_wrong_type(field, "a mapping"))
        return None
    before = len(problems)
    _check_names(value, Endpoint, f"{field}.", problems)
    security = _member(Security)(value["security"], f"{field}.security", problems) if "security" in value else None
    host = _host(value["host"], f"{field}.host", problems) if "host" in value else ""
    if "port" in value:
        # A security that is missing or wrong is told already; TLS stands in for it, so that the port is looked at.
        assumed = security or _SECURITY_OF_PORT.get(_hashable(value["port"]), Security.TLS)
        _check_port(value["port"], assumed, f"{field}.port", problems)
    if len(problems) > before or security is None:
        return None
    return Endpoint(host=host, port=value["port"], security=security)


def _sent(value: object, field: str, problems: list[Problem]) -> SentPolicy | None:
    if not isinstance(value, Mapping):
        problems.append(_wrong_type(field, "a mapping"))
        return None
    before = len(problems)
    _check_names(value, SentPolicy, f"{field}.", problems)
    values = dict(value)
    _read(values, "filer", _member(Filer), problems, prefix=f"{field}.")
    if len(problems) > before:
        return None
    try:
        return SentPolicy(**values)
    except InvalidSettings as error:
        problems += [attrs.evolve(problem, field=f"{field}.{problem.field}") for problem in error.problems]
        return None


def _member(kind: type[E]) -> Callable[[object, str, list[Problem]], E | None]:
    def read(value: object, field: str, problems: list[Problem]) -> E | None:
        for member in kind:
            if isinstance(value, str) and member.value == value:
                return member
        choices = ", ".join(str(member.value) for member in kind)
        problems.append(Problem(field=field, code="choice.invalid", message=f"this must be one of: {choices}"))
        return None

    return read


def _read(
    values: dict[str, Any],
    name: str,
    reader: Callable[[object, str, list[Problem]], object],
    problems: list[Problem],
    prefix: str = "",
) -> None:
    """Replace a stored value by what it stands for."""
    if name in values:
        values[name] = reader(values[name], f"{prefix}{name}", problems)


def _check_names(values: Mapping[Any, Any], kind: type, prefix: str, problems: list[Problem]) -> None:
    fields = attrs.fields_dict(kind)
    for name in values:
        if name not in fields:
            shown = printable(str(name), 80)
            problems.append(Problem(field=f"{prefix}{shown}", code="field.unknown", message="there is no such field"))
    for name, field in fields.items():
        if field.default is attrs.NOTHING and name not in values:
            problems.append(Problem(field=f"{prefix}{name}", code="field.missing", message="this is missing"))


def _hashable(value: object) -> Any:
    return value if isinstance(value, int) else None


def _wrong_type(field: str, expected: str) -> Problem:
    return Problem(field=field, code="type.wrong", message=f"this must be {expected}")


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise InvalidSettings(tuple(problems))
