"""`Sandbox.oauth`: an issuer to sign in at, and the person who sits at the browser."""

from __future__ import annotations

import http.client
import secrets
import ssl
from collections.abc import Collection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from ..._oauth.issuer import Issuer
from ...secret import Secret
from ..http_session import WebAnswer, WebRequest
from ..issuer_personality import OAuthPersonality
from ..store import Store
from . import jwt
from .clients import Application, RegisteredClient
from .endpoints import OAuthIssuer, OAuthRequest
from .memory import MAIL_SCOPE, IssuerMemory
from .pages import IDENTITY_SCOPES
from .tokens import SERVICE_ACCOUNT, SERVICE_KEY

_APPLICATION_KEY = "application"
_SECONDS = 30.0


class SandboxOAuth:
    """The issuer of a sandbox: `Sandbox.oauth` is one.

    Attributes:
        client_id: a web application, with a secret and a redirect URI.
        client_secret: its secret.
        redirect_uri: where it has the browser sent back to.
        public_client_id: a desktop application or script: no secret, any port and path of http://127.0.0.1.
        application: an application that sends in its own name (client credentials).
    """

    client_id = "sandbox-web"
    public_client_id = "sandbox-desktop"
    redirect_uri = "https://app.example.test/oauth/callback"

    def __init__(self, store: Store, personality: OAuthPersonality) -> None:
        self.client_secret = secrets.token_urlsafe(24)
        self._application_secret = secrets.token_urlsafe(24)
        self._clients = {
            client.id: client
            for client in (
                RegisteredClient(
                    id=self.client_id, secret=Secret(self.client_secret), redirect_uris={self.redirect_uri}
                ),
                RegisteredClient(id=self.public_client_id, takes_loopback=True),
                RegisteredClient(
                    id="sandbox-application", secret=Secret(self._application_secret), key=_APPLICATION_KEY
                ),
            )
        }
        self._store = store
        self._memory = IssuerMemory(personality, store.clock)
        self._issuer = OAuthIssuer(self._memory, self._clients, "", store)
        self._url = ""
        self._ca_file = Path()

    # -- for the sandbox -------------------------------------------------------------------------------------------

    def opened(self, url: str, ca_file: Path) -> None:
        """Note where it can be reached."""
        self._url, self._ca_file = url, ca_file
        self._issuer = OAuthIssuer(self._memory, self._clients, url, self._store)

    def closed(self) -> None:
        """Note that it can be reached no more. What was asked so far can still be looked at."""
        self._url = ""

    def answer(self, request: WebRequest) -> WebAnswer:
        """Answer a web request; the store's lock is held."""
        return self._issuer.answer(request)

    def opens_mail(self, address: str, token: str) -> bool:
        """Return whether the mail servers take this access token; the store's lock is held."""
        return self._memory.opens_mail(address, token)

    # -- what a client needs ---------------------------------------------------------------------------------------

    @property
    def issuer(self) -> Issuer:
        """The issuer, for `oauth.SignIn`. Raises `RuntimeError` if the sandbox is not running."""
        url = self._alive()
        return Issuer(
            id="sandbox",
            label="Sandbox",
            issuer=url,
            authorization_endpoint=f"{url}/authorize",
            token_endpoint=f"{url}/token",
            device_authorization_endpoint=f"{url}/device_authorization",
            revocation_endpoint=f"{url}/revoke",
            userinfo_endpoint=f"{url}/userinfo",
            introspection_endpoint=f"{url}/introspect",
            scopes=(MAIL_SCOPE,),
            identity_scopes=IDENTITY_SCOPES,
            checks_pkce=True,
            sends_iss=True,
        )

    def add_redirect_uri(self, uri: str) -> None:
        """Register a further redirect URI of `client_id`."""
        with self._store.lock:
            self._clients[self.client_id].redirect_uris.add(uri)

    @property
    def application(self) -> Application:
        """An application for `oauth.microsoft_application`."""
        certificate = jwt.certificate_of(_APPLICATION_KEY)
        from cryptography.hazmat.primitives.serialization import Encoding

        return Application(
            client_id="sandbox-application",
            client_secret=self._application_secret,
            certificate=certificate.public_bytes(Encoding.PEM).decode(),
            private_key=jwt.private_pem(_APPLICATION_KEY),
        )

    @property
    def service_account_info(self) -> dict[str, Any]:
        """A key file's content for `oauth.google_service_account`; it may act for every account."""
        return {
            "type": "service_account",
            "client_email": SERVICE_ACCOUNT,
            "client_id": "100000000000000000001",
            "private_key_id": jwt.KEY_ID,
            "private_key": jwt.private_pem(SERVICE_KEY),
            "token_uri": f"{self._alive()}/token",
        }

    # -- the person at the browser ---------------------------------------------------------------------------------

    def consent(self, url: str, address: str | None = None, *, unticked: Collection[str] = ()) -> str:
        """Go to the page of consent, agree, and return the URL that the browser is sent back to.

        Args:
            url: where the host sends the browser (`PendingSignIn.url`).
            address: the account that agrees; the one that the host suggests, if not given.
            unticked: scopes that the person does not agree to.

        Raises:
            ValueError: the issuer shows an error instead of its page.
        """
        return self._decide(url, "allow", address, unticked)

    def deny(self, url: str) -> str:
        """Go to the page of consent, refuse, and return the URL that the browser is sent back to."""
        return self._decide(url, "deny", None, ())

    def approve_device(self, user_code: str, address: str | None = None) -> None:
        """Enter the code of a device and agree.

        Raises:
            ValueError: no device waits for it.
        """
        self._enter(user_code, "allow", address)

    def deny_device(self, user_code: str) -> None:
        """Enter the code of a device and refuse."""
        self._enter(user_code, "deny", None)

    # -- what happens over there -----------------------------------------------------------------------------------

    @property
    def personality(self) -> OAuthPersonality:
        """How the issuer behaves; may be set at any time."""
        return self._memory.personality

    @personality.setter
    def personality(self, personality: OAuthPersonality) -> None:
        with self._store.lock:
            self._memory.personality = personality
            self._memory.times = personality.times

    def expire_tokens(self) -> None:
        """End all access tokens, as after an hour. Refresh tokens stay."""
        with self._store.lock:
            self._memory.expire()

    def revoke_grants(self) -> None:
        """Take back everything that people have agreed to."""
        with self._store.lock:
            self._memory.revoke_all()

    @property
    def requests(self) -> tuple[OAuthRequest, ...]:
        """The requests that were answered, oldest first."""
        with self._store.lock:
            return tuple(self._issuer.requests)

    def _decide(self, url: str, decision: str, address: str | None, unticked: Collection[str]) -> str:
        location, page = self._fetch("GET", url, b"")
        if location:
            return location
        told = dict(parse_qsl(urlsplit(url).query))
        told |= {"decision": decision, "account": address or told.get("login_hint", "")}
        told["ticked"] = " ".join(scope for scope in told.get("scope", "").split() if scope not in unticked)
        location, page = self._fetch("POST", url.partition("?")[0], urlencode(told).encode())
        if not location:
            raise ValueError(page)
        return location

    def _enter(self, user_code: str, decision: str, address: str | None) -> None:
        told = {"user_code": user_code, "decision": decision, "account": address or self._store.addresses[0]}
        self._fetch("POST", f"{self._alive()}/device", urlencode(told).encode())

    def _fetch(self, method: str, url: str, body: bytes) -> tuple[str, str]:
        """Return where a page leads, or its text.

        Raises:
            ValueError: it shows an error.
        """
        parts = urlsplit(url)
        if not url.startswith(f"{self._alive()}/"):
            raise ValueError("this URL does not lead to the issuer of this sandbox")
        context = ssl.create_default_context(cafile=self._ca_file)
        connection = http.client.HTTPSConnection(parts.netloc, timeout=_SECONDS, context=context)
        try:
            connection.request(
                method, f"{parts.path}?{parts.query}", body, {"Content-Type": "application/x-www-form-urlencoded"}
            )
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status >= 400:
            raise ValueError(text)
        return answer.headers.get("Location", ""), text

    def _alive(self) -> str:
        if not self._url:
            raise RuntimeError("the sandbox is not running: use it in a with statement, or call start()")
        return self._url
