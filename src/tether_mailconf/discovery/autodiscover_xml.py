"""Exchange Autodiscover in its oldest form ("POX", [MS-OXDSCLI]): the question, and what the answer tells of servers.

Most of what such an answer holds is for Outlook and is passed over. Where the question is sent, and whether a redirect
is followed, is decided elsewhere. A server without encryption never comes out of an answer.
"""

from __future__ import annotations

import html
import itertools
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs

from ..address import read_address
from ..errors import Problem, printable
from ..host_name import CONTROL, read_host
from ..settings import Security
from .offer import Server
from .placeholders import user_name
from .protocol import Protocol, endpoint_of, read_port, security_of, standard_port
from .xml_document import first, read_xml, text_of

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MOST_BYTES = 256 * 1024
"""Bytes of the longest answer: Exchange lists address books and the person's shared mailboxes in it as well."""

_DEEPEST = 32
_MOST_ACCOUNTS = 5
_MOST_READ = 50
_MOST_SERVERS = 10
_MOST_NOTES = 20
_MOST_URL = 2048
_MOST_WORDS = 200
_PROTOCOLS = {"imap": Protocol.IMAP, "smtp": Protocol.SMTP}
_EXCHANGE = frozenset({"exch", "expr", "exhttp", "mapihttp", "web"})
_ENCRYPTIONS = ("ssl", "tls", "auto", "none")
_SCHEMA = "http://schemas.microsoft.com/exchange/autodiscover/outlook"


@attrs.frozen(kw_only=True)
class AutodiscoverAnswer:
    """What an Autodiscover answer tells.

    Args:
        smtp: the submission servers, best first, at most 10.
        imap: the IMAP servers, best first, at most 10.
        redirect_url: the https URL to put the question to instead; empty if none.
        redirect_address: the address to ask for instead; empty if none.
        notes: sentences for a person on what was left out and why, at most 20.
    """

    smtp: tuple[Server, ...] = ()
    imap: tuple[Server, ...] = ()
    redirect_url: str = ""
    redirect_address: str = ""
    notes: tuple[str, ...] = ()


def request_body(address: str) -> bytes:
    """Return the question for an address, to be sent with POST as text/xml in UTF-8 ([MS-OXDSCLI] section 2.2.3).

    Args:
        address: a validated address.

    Raises:
        ValueError: the address has a character that XML cannot hold.
    """
    if CONTROL.search(address) or any("\ud800" <= character <= "\udfff" for character in address):
        raise ValueError("an address has no control characters")
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<Autodiscover xmlns="{_SCHEMA}/requestschema/2006"><Request>'
        f"<EMailAddress>{html.escape(address)}</EMailAddress>"
        f"<AcceptableResponseSchema>{_SCHEMA}/responseschema/2006a</AcceptableResponseSchema>"
        "</Request></Autodiscover>\n"
    ).encode()


def read_autodiscover(document: bytes, address: str) -> AutodiscoverAnswer | Problem:
    """Return what an answer tells for an address ([MS-OXDSCLI] section 2.2.4), or why it tells nothing.

    Args:
        document: the bytes, at most 256 KiB.
        address: whose settings were asked for; it replaces placeholders, which some scripts leave in the user name.
    """
    root = read_xml(document, most_bytes=MOST_BYTES, deepest=_DEEPEST)
    if isinstance(root, Problem):
        return root
    if root.tag != "autodiscover":
        text = "the document is no Autodiscover answer"
        return Problem(field="", code="document.other", message=text)
    error = next(root.iter("error"), None)
    if error is not None:
        return _error(error)
    reading = _Reading(address)
    # An answer has one; a few more do no harm, but each name may take long to read.
    for account in itertools.islice(root.iter("account"), _MOST_ACCOUNTS):
        reading.redirect(account)
        for protocol in account.findall("protocol")[:_MOST_READ]:
            reading.server(protocol)
    return reading.answer()


class _Reading:
    """What an answer's elements have told so far; the keys keep the order and leave out what was there before."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._smtp: dict[Server, None] = {}
        self._imap: dict[Server, None] = {}
        self._notes: dict[str, None] = {}
        self._redirect_url = ""
        self._redirect_address = ""
        self._types: set[str] = set()

    def answer(self) -> AutodiscoverAnswer:
        """Return all of it."""
        if not self._types & set(_PROTOCOLS) and not (self._redirect_url or self._redirect_address):
            if self._types & _EXCHANGE:
                self._note("it is an Exchange server, and whether it has IMAP and SMTP is not told")
            else:
                self._note("neither an IMAP nor an SMTP server is named")
        return AutodiscoverAnswer(
            smtp=tuple(self._smtp),
            imap=tuple(self._imap),
            redirect_url=self._redirect_url,
            redirect_address=self._redirect_address,
            notes=tuple(self._notes),
        )

    def redirect(self, account: Element) -> None:
        """Take note of where to ask instead."""
        action = first(account, "action").lower()
        url, address = first(account, "redirecturl"), first(account, "redirectaddr")
        if url and action in ("redirecturl", "") and not self._redirect_url:
            if _is_https(url):
                self._redirect_url = url
            else:
                self._note(f"the redirect to {printable(url, 80)!r} is left out: it is no https address")
        if address and action in ("redirectaddr", "") and not self._redirect_address:
            read = read_address(address) if len(address) <= _MOST_WORDS * 2 else None
            if isinstance(read, str):
                self._redirect_address = read
            else:
                self._note(f"the redirect to {printable(address, 80)!r} is left out: it is no e-mail address")

    def server(self, element: Element) -> None:
        """Take note of a server, if it is one for mail and has encryption."""
        # The protocols of later schemas have their type as an attribute.
        kind = (first(element, "type") or element.get("type", "").strip()).lower()
        self._types.add(kind)
        protocol = _PROTOCOLS.get(kind)
        if protocol is None:
            return
        host = first(element, "server")
        shown = f"{protocol.name} server {printable(host, 80)!r}"
        port = read_port(first(element, "port"))
        security = _security(element, protocol, port)
        if security is None:
            self._note(f"{shown} left out: it is named without encryption")
            return
        endpoint = endpoint_of(protocol, host, port or standard_port(protocol, security), security)
        if isinstance(endpoint, Problem):
            self._note(f"{shown} left out: {endpoint.message}")
            return
        login = first(element, "loginname")
        user = user_name(login, self._address)
        if login and user is None:
            self._note(f"{shown}: the user name {printable(login, 80)!r} is not understood")
        servers = self._smtp if protocol is Protocol.SMTP else self._imap
        if len(servers) < _MOST_SERVERS:
            servers[Server(endpoint=endpoint, user=user)] = None

    def _note(self, note: str) -> None:
        if len(self._notes) < _MOST_NOTES:
            self._notes[printable(note)] = None


def _security(element: Element, protocol: Protocol, port: int | None) -> Security | None:
    """Return how a connection is encrypted; None if it is not.

    Encryption overrides SSL, and SSL is on where neither is said. "Auto" is not taken to mean that none will do. "TLS"
    is Outlook's word for STARTTLS; but on a port whose security is fixed, that is what is meant, whatever the word.
    """
    word = first(element, "encryption").lower()
    if word not in _ENCRYPTIONS:
        word = "none" if first(element, "ssl").lower() in ("off", "false", "no", "0") else "ssl"
    if word == "none":
        return None
    usual = Security.STARTTLS if word == "tls" else Security.TLS
    return usual if port is None else security_of(protocol, port) or usual


def _is_https(url: str) -> bool:
    if len(url) > _MOST_URL or CONTROL.search(url) or not url.isascii() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return parts.scheme == "https" and "@" not in parts.netloc and isinstance(read_host(host or ""), str)


def _error(error: Element) -> Problem:
    """Return what an error element says, as a server's own words."""
    said = " ".join(filter(None, (first(error, "errorcode"), first(error, "message")))) or text_of(error) or "no reason"
    message = f"the Autodiscover server refuses: {printable(said, _MOST_WORDS)}"
    return Problem(field="", code="autodiscover.error", message=message)
