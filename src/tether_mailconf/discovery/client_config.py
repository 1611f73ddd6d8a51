"""The client-config format of Thunderbird's autoconfiguration (config-v1.1), as domains and the database write it.

Many of these documents are old, copied or written by hand, so what can be understood in one way only is understood.
What cannot is never settled by a guess: it is left out and noted, or handed on as a hint, a host at which TLS can be
looked for. Whoever serves the document is not known here, and a server without encryption never comes out of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from ..errors import Problem, printable
from ..host_name import read_host
from ..settings import CredentialKind, Security
from .offer import Server
from .placeholders import filled, user_name
from .protocol import Protocol, endpoint_of, read_port, standard_port
from .xml_document import first, read_xml, text_of

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MOST_BYTES = 128 * 1024
"""Bytes of the longest document that is read."""

_DEEPEST = 32
# How many are looked at. Each may have a name that takes long to read, and no honest document has more.
_MOST_PROVIDERS = 10
_MOST_DOMAINS = 200
_MOST_READ = 50
# How many are told.
_MOST_SERVERS = 10
_MOST_NOTES = 20

_SECURITY = {"ssl": Security.TLS, "tls": Security.TLS, "ssl/tls": Security.TLS, "starttls": Security.STARTTLS}
_KINDS = {
    "password-cleartext": CredentialKind.PASSWORD,
    "plain": CredentialKind.PASSWORD,
    "login": CredentialKind.PASSWORD,
    "oauth2": CredentialKind.OAUTH_TOKEN,
}
# A password that is to be sent as a digest ("secure" is the older name) does not rule a server out: over TLS it may
# take the password as it is, too. The other ways have no part in this library.
_DIGESTS = frozenset({"password-encrypted", "secure", "cram-md5"})
_OTHER_WAYS = frozenset(
    {"client-ip-address", "gssapi", "kerberos", "none", "ntlm", "smtp-after-pop", "tls-client-cert"}
)


@attrs.frozen(kw_only=True)
class Hint:
    """A server of which it is not known how to reach it with encryption.

    Args:
        protocol: what it is for.
        host: its name, as lower-case A-labels, or an IP address.
        user: the user name to sign in with; None if the document does not say.
    """

    protocol: Protocol
    host: str
    user: str | None = None


@attrs.frozen(kw_only=True)
class ClientConfig:
    """What a client-config document tells.

    Args:
        smtp: the submission servers, best first, at most 10.
        imap: the IMAP servers, best first, at most 10.
        hints: servers named without encryption, or with a port that speaks another one, at most 10.
        notes: sentences for a person on what was left out and why, at most 20.
    """

    smtp: tuple[Server, ...] = ()
    imap: tuple[Server, ...] = ()
    hints: tuple[Hint, ...] = ()
    notes: tuple[str, ...] = ()


def read_client_config(document: bytes, address: str) -> ClientConfig | Problem:
    """Return what a client-config document tells for an address, or why it tells nothing.

    Format: https://wiki.mozilla.org/Thunderbird:Autoconfiguration:ConfigFileFormat. Of several providers in one
    document, the one that lists the address's domain counts, else the first. What a document says of OAuth is not read:
    the scopes that such documents list ask for more than mail.

    Args:
        document: the bytes, at most 128 KiB.
        address: whose settings are looked for; it replaces the placeholders.
    """
    root = read_xml(document, most_bytes=MOST_BYTES, deepest=_DEEPEST)
    if isinstance(root, Problem):
        return root
    providers = list(root.iter("emailprovider"))
    if not providers:
        text = "the document is no client-config document: it describes no provider"
        return Problem(field="", code="document.other", message=text)
    provider = _provider(providers[:_MOST_PROVIDERS], address.rpartition("@")[2])
    reading = _Reading(address)
    for element in itertools.islice(filter(_protocol, provider), _MOST_READ):
        reading.read(element)
    if not (reading.smtp or reading.imap or reading.hints):
        why = f": {'; '.join(reading.notes)}" if reading.notes else ""
        text = f"the document names no server that can be used{why}"
        return Problem(field="", code="document.no_servers", message=printable(text))
    return ClientConfig(
        smtp=tuple(reading.smtp),
        imap=tuple(reading.imap),
        hints=tuple(reading.hints),
        notes=tuple(reading.notes),
    )


class _Reading:
    """What a provider's elements have told so far; the keys keep the order and leave out what was there before."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.smtp: dict[Server, None] = {}
        self.imap: dict[Server, None] = {}
        self.hints: dict[Hint, None] = {}
        self.notes: dict[str, None] = {}

    def read(self, element: Element) -> None:
        protocol = _protocol(element)
        if protocol is None:
            return
        template = first(element, "hostname")
        shown = f"{protocol.name} server {printable(template, 80)!r}"
        host = filled(template, self.address)
        if host is None:
            self._note(f"{shown} left out: its name has a placeholder that is not known")
            return
        read = read_host(host)
        if isinstance(read, Problem):
            self._note(f"{shown} left out: {read.message}")
            return
        ways = {text_of(way).lower() for way in element.findall("authentication")} - {""}
        if ways and ways <= _OTHER_WAYS:
            self._note(f"{shown} left out: it takes neither a password nor a token ({', '.join(sorted(ways))})")
            return
        kinds = tuple(kind for kind in (CredentialKind.OAUTH_TOKEN, CredentialKind.PASSWORD) if kind in _kinds(ways))
        if ways & _DIGESTS and not kinds:
            self._note(f"{shown}: it is said to take an encrypted password only")
        self._keep(element, protocol, read, kinds, shown)

    def _keep(
        self, element: Element, protocol: Protocol, host: str, kinds: tuple[CredentialKind, ...], shown: str
    ) -> None:
        """Keep a server if it is said how to reach it with encryption, else a hint at it."""
        template = first(element, "username")
        user = user_name(template, self.address)
        if template and user is None:
            self._note(f"{shown}: the user name {printable(template, 80)!r} is not understood")
        security = next(_securities(element), None)
        if security is None:
            self._hint(Hint(protocol=protocol, host=host, user=user), f"{shown}: it is named without encryption")
            return
        port = read_port(first(element, "port")) or standard_port(protocol, security)
        endpoint = endpoint_of(protocol, host, port, security)
        if isinstance(endpoint, Problem):
            self._hint(Hint(protocol=protocol, host=host, user=user), f"{shown}: {endpoint.message}")
            return
        servers = self.smtp if protocol is Protocol.SMTP else self.imap
        if len(servers) < _MOST_SERVERS:
            servers[Server(endpoint=endpoint, user=user, kinds=kinds)] = None

    def _hint(self, hint: Hint, note: str) -> None:
        if len(self.hints) < _MOST_SERVERS:
            self.hints[hint] = None
        self._note(note)

    def _note(self, note: str) -> None:
        if len(self.notes) < _MOST_NOTES:
            self.notes[printable(note)] = None


def _provider(providers: list[Element], domain: str) -> Element:
    """Return the provider that lists a domain as one of its own, in U-labels or A-labels, else the first."""
    wanted = read_host(domain)
    if isinstance(wanted, str) and len(providers) > 1:
        for provider in providers:
            if any(read_host(text_of(each)) == wanted for each in provider.findall("domain")[:_MOST_DOMAINS]):
                return provider
    return providers[0]


def _protocol(element: Element) -> Protocol | None:
    """Return what a server is for; None for POP3, and for an element that is no server."""
    kind = element.get("type", "").strip().lower()
    if element.tag == "incomingserver" and kind == "imap":
        return Protocol.IMAP
    # Mail is handed in by SMTP only, so a missing type leaves no doubt.
    return Protocol.SMTP if element.tag == "outgoingserver" and kind in ("smtp", "") else None


def _securities(element: Element) -> Iterator[Security]:
    """Yield the encrypted socket types that a server is said to have."""
    for each in element.findall("sockettype"):
        security = _SECURITY.get(text_of(each).lower())
        if security is not None:
            yield security


def _kinds(ways: set[str]) -> set[CredentialKind]:
    return {_KINDS[way] for way in ways if way in _KINDS}
