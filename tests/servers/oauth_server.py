"""An OAuth 2 and OpenID issuer that other people wrote: django-oauth-toolkit, over https, in a process of its own.

It checks PKCE (S256 only), rotates refresh tokens and ends the whole family when an old one is shown again, revokes
(RFC 7009), answers introspection (RFC 7662), signs id tokens and names itself in callbacks (RFC 9207). Its
configuration is oauth_site.py. Device codes (RFC 8628) it has too, but with oauthlib 4 they answer 500 (seen in 3.4.1).
"""

from __future__ import annotations

import contextlib
import json
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self
from urllib.parse import quote

import attrs
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from .authority import Authority
from .browser import Browser, Page
from .process import LOOPBACK, free_ports, running, temporary_folder
from .server import ADDRESS, PASSWORD

SITE = Path(__file__).with_name("oauth_site.py")
EVA = "eva@example.test"
"""Somebody else, with the same password."""
CALLBACK = "https://app.example.test/back"
AN_HOUR = 3600
START_SECONDS = 60.0
"""Importing Django takes seconds of a processor, which a loaded machine may not have at once."""
SCOPES = {"openid": "know who you are", "email": "know your address", "mail": "read and send your mail"}
MAIL_SCOPE = "mail"
IDENTITY_SCOPES = ("openid", "email")


@attrs.frozen(kw_only=True)
class OAuthClient:
    """An application that is registered with the issuer.

    Args:
        client_id: its name.
        client_secret: its password.
        redirect_uris: where people may be sent back to. On 127.0.0.1 the port does not matter (RFC 8252 section 7.3).
        grant: the grant it is registered for, in the toolkit's words.
        token_seconds: how long the access token lives that it gets for a code.
        refreshed_seconds: how long those live that it gets for a refresh token.
    """

    client_id: str
    client_secret: str = attrs.field(repr=False)
    redirect_uris: tuple[str, ...] = ()
    grant: str = "authorization-code"
    token_seconds: int = AN_HOUR
    refreshed_seconds: int = AN_HOUR

    @property
    def redirect_uri(self) -> str:
        """The first of `redirect_uris`."""
        return self.redirect_uris[0]


@attrs.frozen(kw_only=True)
class Asked:
    """A request that the issuer answered.

    Args:
        path: what was asked for ("/token/").
        grant_type: the grant, at the token endpoint.
        status: the HTTP status of the answer.
    """

    path: str
    grant_type: str
    status: int


class OAuthServer:
    """An issuer of its own, in a folder of its own. Use it as a context manager.

    Args:
        authority: whose certificate it shows.
        address: a person with an account, of the mail address that is the user name.
        password: the password of everybody.

    Attributes:
        client: an application whose tokens live an hour.
        brief_client: one whose first token lives two seconds; those it gets by refreshing live an hour.
        resource_server: what a mail server introspects tokens as.
    """

    def __init__(self, authority: Authority, *, address: str = ADDRESS, password: str = PASSWORD) -> None:
        self.authority = authority
        self.address = address
        self.port = 0
        self.client = web_application("app")
        self.brief_client = attrs.evolve(web_application("brief-app"), token_seconds=2)
        self.resource_server = OAuthClient(
            client_id="mail-server", client_secret=secrets.token_hex(16), grant="client-credentials"
        )
        self._password = password
        self._noted = Path()
        self._held = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as started:
            (self.port,) = free_ports(1)
            folder = started.enter_context(temporary_folder("oauth"))
            # Isolated (-I): this folder's modules must not stand in the way of Django's imports.
            command: list[str | Path] = [sys.executable, "-I", SITE, self.write_configuration(folder)]
            started.enter_context(running(command, logs=[folder / "log"], ports=[self.port], seconds=START_SECONDS))
            self._held = started.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    @property
    def ca_file(self) -> Path:
        """The authority that a client must believe."""
        return self.authority.ca_file

    @property
    def issuer(self) -> str:
        """The issuer's name, under which all its addresses are."""
        return f"https://{LOOPBACK}:{self.port}"

    @property
    def issuer_metadata_url(self) -> str:
        """The metadata document of RFC 8414: it tells of revocation and introspection, but not of userinfo."""
        return f"{self.issuer}/.well-known/oauth-authorization-server"

    @property
    def openid_metadata_url(self) -> str:
        """The metadata document of OpenID Connect Discovery: it tells of userinfo, but not of revocation."""
        return f"{self.issuer}/.well-known/openid-configuration"

    @property
    def introspection_url(self) -> str:
        """Where a mail server asks about tokens, with its credentials in it."""
        server = self.resource_server
        credentials = f"{quote(server.client_id)}:{quote(server.client_secret)}"
        return f"https://{credentials}@{LOOPBACK}:{self.port}/introspect/"

    def write_configuration(self, folder: Path) -> Path:
        """Write all that the site is told; return the file."""
        self._noted = folder / "noted.jsonl"
        self._noted.touch()
        registered = (self.client, self.brief_client, self.resource_server)
        told = {
            "host": LOOPBACK,
            "port": self.port,
            "issuer": self.issuer,
            "certificate": str(self.authority.certificate_file),
            "key": str(self.authority.key_file),
            "database": str(folder / "database"),
            "noted": str(self._noted),
            "secret_key": secrets.token_urlsafe(48),
            "signing_key": signing_key(),
            "scopes": SCOPES,
            "people": {self.address: self._password, EVA: self._password},
            "clients": {client.client_id: registration(client) for client in registered},
        }
        configuration = folder / "site.json"
        configuration.touch(mode=0o600)
        configuration.write_text(json.dumps(told), "utf-8")
        return configuration

    def consent(self, url: str, address: str | None = None) -> str:
        """Open an authorization URL as a person would, sign in, agree, and return the callback URL.

        Args:
            url: what an application sends the browser to.
            address: who signs in; None: the person of this issuer.

        Returns:
            Where the browser is sent to then; nobody goes there. An issuer that refuses at once says so in it, too.

        Raises:
            AssertionError: if the issuer shows an error page.
        """
        with Browser(self.ca_file) as browser:
            page = self.sign_in(browser, browser.open(url), address)
            return (browser.submit(page, {"allow": "Authorize"}) if page.forms else page).url

    def deny(self, url: str, address: str | None = None) -> str:
        """Do as `consent` does, but press Cancel."""
        with Browser(self.ca_file) as browser:
            return browser.submit(self.sign_in(browser, browser.open(url), address), {}).url

    def revoke(self, address: str | None = None) -> None:
        """Take back all that a person has agreed to, on the issuer's own page for that."""
        with Browser(self.ca_file) as browser:
            for link in self.granted(browser, address).links:
                browser.submit(browser.open(link), {})

    def grants(self, address: str | None = None) -> int:
        """Return how many access tokens a person has given away, as the issuer's page for that lists them."""
        with Browser(self.ca_file) as browser:
            return len(self.granted(browser, address).links)

    def granted(self, browser: Browser, address: str | None) -> Page:
        """Open the page on which a person sees each token with a link to take it back."""
        return self.sign_in(browser, browser.open(f"{self.issuer}/authorized_tokens/"), address)

    def sign_in(self, browser: Browser, page: Page, address: str | None) -> Page:
        """Sign in if a page asks for it; return the page that was wanted."""
        if not any("password" in form.fields for form in page.forms):
            return page
        return browser.submit(page, {"username": address or self.address, "password": self._password})

    def asked(self, *, grant_type: str | None = None) -> list[Asked]:
        """Return what the issuer has answered so far, oldest first; for one grant only, if told."""
        lines = (Asked(**json.loads(line)) for line in self._noted.read_text("utf-8").splitlines())
        return [asked for asked in lines if grant_type is None or asked.grant_type == grant_type]


def web_application(client_id: str) -> OAuthClient:
    """Return a client with a secret, for a web site or a program with a loopback receiver."""
    return OAuthClient(
        client_id=client_id,
        client_secret=secrets.token_hex(16),
        redirect_uris=(CALLBACK, "http://127.0.0.1/", "http://127.0.0.1/callback"),
    )


def registration(client: OAuthClient) -> Mapping[str, object]:
    """Return what the site is told of a client."""
    return {
        "secret": client.client_secret,
        "redirect_uris": " ".join(client.redirect_uris),
        "grant": client.grant,
        "seconds": client.token_seconds,
        "seconds_refreshed": client.refreshed_seconds,
    }


def signing_key() -> str:
    """Return a new key for id tokens (RS256), in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
