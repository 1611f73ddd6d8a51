"""The code blocks of README.md and docs/ as tests.

A document shows what a host writes: `Mailer(settings, credential)` for a provider on the internet, or
`SignIn(GOOGLE, ...)`. Nothing here may contact one, so while a block runs, whatever would dial is led to a sandbox,
unless its caller has named a network of its own. There Ana, who has several addresses, agrees to everything, and a
browser that is opened does so by itself; a block that plays the person has the sandbox as `documented_world`.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import ssl
import threading
import urllib.request
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser

if TYPE_CHECKING:
    from tether_mailconf.sandbox import Sandbox


ADDRESSES = ("ana@gmail.com", "ana@outlook.com", "ana@acme.example")
"""Whose mail the documents send."""

ZONES = {
    "acme.example": "smtp A 127.0.0.1\nimap A 127.0.0.1\nautoconfig A 127.0.0.1",
    "hosted.example": """
        _submissions._tcp SRV 0 1 465 smtp.hoster.example.
        _imaps._tcp       SRV 0 1 993 imap.hoster.example.
    """,
}
"""The domains that the documents discover."""

CONFIG = b"""<clientConfig version="1.1"><emailProvider id="acme.example">
    <incomingServer type="imap"><hostname>imap.acme.example</hostname><port>993</port><socketType>SSL</socketType>
    <username>%EMAILADDRESS%</username><authentication>password-cleartext</authentication></incomingServer>
    <outgoingServer type="smtp"><hostname>smtp.acme.example</hostname><port>465</port><socketType>SSL</socketType>
    <username>%EMAILADDRESS%</username><authentication>password-cleartext</authentication></outgoingServer>
    </emailProvider></clientConfig>"""


@pytest.fixture(scope="session")
def documented_sandbox() -> Iterator[Sandbox]:
    """The server that stands in for the providers that the documents name."""
    from tether_mailconf.sandbox import Internet, Sandbox
    from tether_mailconf.sandbox.personality import FILES_ITSELF

    internet = Internet(zones=ZONES, sites={"autoconfig.acme.example": {"/mail/config-v1.1.xml": CONFIG}})
    with Sandbox(FILES_ITSELF, internet=internet) as sandbox:
        for address in ADDRESSES:
            sandbox.add_account(address, "secret")
        yield sandbox


@pytest.fixture(scope="session")
def documented_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working folder of the documents, in which one block may read what an earlier one wrote."""
    return tmp_path_factory.mktemp("documents")


@pytest.fixture
def documented_world(
    documented_sandbox: Sandbox, documented_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sandbox]:
    """Nothing but loopback and a scratch folder, for the length of one code block."""
    import tether_mailconf
    from tether_mailconf import aio

    monkeypatch.chdir(documented_folder)
    refused = refuse_other_machines(monkeypatch)
    for face in (tether_mailconf, aio):
        monkeypatch.setattr(face, "check", on_sandbox(face.check, documented_sandbox))
        monkeypatch.setattr(face, "Mailer", on_sandbox(face.Mailer, documented_sandbox))
        monkeypatch.setattr(face, "migrate", migrating_on_sandbox(face.migrate, documented_sandbox))
        for name in ("discover", "verify"):
            monkeypatch.setattr(face, name, asking_sandbox(getattr(face, name), documented_sandbox))
        monkeypatch.setattr(face.oauth, "SignIn", signing_in_at_sandbox(face.oauth.SignIn, documented_sandbox))
    monkeypatch.setattr(webbrowser, "open", lambda url: browse(url, documented_sandbox))
    yield documented_sandbox
    assert refused == [], "a document contacts another machine"


def refuse_other_machines(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let no socket reach beyond loopback, nor a name be looked up; return what was refused so far, a live list."""
    refused: list[Any] = []
    look_up = socket.getaddrinfo

    def looked_up(host: Any, *arguments: Any, **options: Any) -> Any:
        if not is_here(host):
            refused.append(host)
            raise socket.gaierror(socket.EAI_NONAME, "a document looks up another machine")
        return look_up(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, on_loopback(getattr(socket.socket, name), refused))
    return refused


def on_loopback(act: Any, refused: list[Any]) -> Any:
    """Return a stand-in for a method of sockets whose last argument is an address."""

    def acted(stream: socket.socket, *arguments: Any) -> Any:
        address = arguments[-1]
        if stream.family in (socket.AF_INET, socket.AF_INET6) and not is_here(address[0]):
            refused.append(address)
            raise OSError(errno.ENETUNREACH, "a document contacts another machine")
        return act(stream, *arguments)

    return acted


def is_here(host: object) -> bool:
    """Whether a host is this machine."""
    try:
        return host in (None, "", "localhost") or ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


def on_sandbox(mailer: Any, sandbox: Sandbox) -> Any:
    """Return a stand-in for `Mailer` or `check` that dials the sandbox unless it is told which network to use."""

    def opened(settings: Any, credential: Any, **options: Any) -> Any:
        if "network" in options:
            return mailer(settings, credential, **options)
        here = {"network": sandbox.network, "ca_file": sandbox.ca_file}
        if hasattr(credential, "fresh"):
            return mailer(token_settings(sandbox, credential.address), credential, **here, **options)
        return mailer(sandbox.settings, sandbox.credential, **here, **options)

    return opened


def migrating_on_sandbox(migrate: Any, sandbox: Sandbox) -> Any:
    """Return a stand-in for `migrate` that proves the new way at the sandbox."""

    def migrated(settings: Any, credential: Any, new_credential: Any, **options: Any) -> Any:
        there = attrs.evolve(token_settings(sandbox, new_credential.address), credential=settings.credential)
        here = {"network": sandbox.network, "ca_file": sandbox.ca_file}
        return migrate(there, credential, new_credential, preset="custom", **here, **options)

    return migrated


def asking_sandbox(act: Any, sandbox: Sandbox) -> Any:
    """Return a stand-in for `discover` or `verify` that asks the sandbox's internet."""

    def asked(*arguments: Any, **options: Any) -> Any:
        return act(*arguments, **{"network": sandbox.network, "ca_file": sandbox.ca_file, **options})

    return asked


def signing_in_at_sandbox(sign_in: Any, sandbox: Sandbox) -> Any:
    """Return a stand-in for a `SignIn` class whose issuer is the sandbox's unless it is told which network to use."""

    def made(issuer: Any, *, redirect_uri: str | None = None, **options: Any) -> Any:
        if "network" in options:
            return sign_in(issuer, redirect_uri=redirect_uri, **options)
        client = {"client_id": sandbox.oauth.public_client_id}
        if options.get("client_secret"):
            client = {"client_id": sandbox.oauth.client_id, "client_secret": sandbox.oauth.client_secret}
            sandbox.oauth.add_redirect_uri(redirect_uri or "")
        here = {"network": sandbox.network, "ca_file": sandbox.ca_file, "store": options.get("store")}
        return sign_in(sandbox.oauth.issuer, redirect_uri=redirect_uri, **client, **here)

    return made


def token_settings(sandbox: Sandbox, address: str) -> Any:
    """Return the settings of one of the addresses, for a token."""
    return attrs.evolve(sandbox.settings_oauth, address=address, smtp_user=address, imap_user=address)


def browse(url: str, sandbox: Sandbox) -> bool:
    """Agree at the issuer, and follow its redirect to this machine, while the program that opened the browser waits."""
    callback_url = sandbox.oauth.consent(url)
    context = ssl.create_default_context(cafile=sandbox.ca_file)

    def follow() -> None:
        with urllib.request.urlopen(callback_url, timeout=30, context=context) as page:
            page.read()

    threading.Thread(target=follow).start()
    return True


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(future_imports=["annotations"])],
    path=str(Path(__file__).parent.parent),
    patterns=["README.md", "docs/*.md", "docs/**/*.md"],
    excludes=["docs/_build/**"],
    fixtures=["documented_world"],
).pytest()
