"""The pages of a sandbox's issuer that a person sees: who agrees to what, and where the code of a device is entered."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from urllib.parse import urlencode

import attrs

from ..http_session import WebAnswer, WebRequest
from ..store import Store
from .clients import RegisteredClient
from .memory import MAIL_SCOPE, IssuerMemory

IDENTITY_SCOPES = ("openid", "email", "offline_access")
SCOPES = (MAIL_SCOPE, *IDENTITY_SCOPES)
_KEPT = ("response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "login_hint")
_METHOD = "code_challenge_method"


@attrs.frozen(kw_only=True)
class _Asked:
    """A right request to the authorization endpoint (RFC 6749 section 4.1.1, RFC 7636 section 4.3)."""

    client: RegisteredClient
    redirect_uri: str
    scopes: tuple[str, ...]


class Pages:
    """Shows pages and takes what a person decides on them.

    Args:
        memory: what the issuer remembers.
        clients: the applications it knows.
        issuer: its identifier.
        store: the accounts.
    """

    def __init__(
        self, memory: IssuerMemory, clients: Mapping[str, RegisteredClient], issuer: str, store: Store
    ) -> None:
        self._memory = memory
        self._clients = clients
        self._issuer = issuer
        self._store = store

    def authorize(self, request: WebRequest) -> WebAnswer:
        """Show the page of consent, or send the browser back with what was decided."""
        asked = self._asked(request)
        if isinstance(asked, WebAnswer):
            return asked
        if request.method == "GET":
            return self._consent_page(request, asked)
        if request.parameters.get("decision") != "allow":
            return self._back(request, asked.redirect_uri, {"error": "access_denied"})
        address = request.parameters.get("account", "")
        if address not in self._store.addresses:
            return _page("There is no such account.", status=400)
        ticked = request.parameters.get("ticked", "").split()
        scopes = tuple(scope for scope in asked.scopes if scope in (*ticked, *IDENTITY_SCOPES))
        grant = self._memory.agree(asked.client.id, address, scopes, request.parameters.get("nonce", ""))
        code = self._memory.new_code(grant, asked.redirect_uri, request.parameters["code_challenge"])
        return self._back(request, asked.redirect_uri, {"code": code})

    def device(self, request: WebRequest) -> WebAnswer:
        """Show the page where a code is entered, or take it (RFC 8628 section 3.3)."""
        if request.method == "GET":
            return self._device_page(request.parameters.get("user_code", ""))
        waiting = self._memory.device(request.parameters.get("user_code", ""))
        address = request.parameters.get("account", "")
        if waiting is None or address not in self._store.addresses:
            return _page("No device waits for this code.", status=400)
        if request.parameters.get("decision") == "allow":
            waiting.grant = self._memory.agree(waiting.client_id, address, waiting.scopes)
            return _page("You can go back to your device.")
        waiting.is_denied = True
        return _page("The device was refused.")

    def _asked(self, request: WebRequest) -> _Asked | WebAnswer:
        """Return what is asked for; or an answer, which leads back to the client only if that is sure to be it."""
        told = request.parameters
        client = self._clients.get(told.get("client_id", ""))
        redirect_uri = told.get("redirect_uri", "")
        if client is None or request.repeated & {*_KEPT, _METHOD} or not client.takes(redirect_uri):
            return _page("This application, or where it wants you to be sent back to, is not known here.", status=400)
        scopes = tuple(told.get("scope", "").split())
        error = ""
        if told.get("response_type") != "code":
            error = "unsupported_response_type"
        elif told.get(_METHOD) != "S256" or len(told.get("code_challenge", "")) != 43:
            error = "invalid_request"
        elif not scopes or not set(scopes) <= set(SCOPES):
            error = "invalid_scope"
        if error:
            return self._back(request, redirect_uri, {"error": error})
        return _Asked(client=client, redirect_uri=redirect_uri, scopes=scopes)

    def _back(self, request: WebRequest, redirect_uri: str, outcome: Mapping[str, str]) -> WebAnswer:
        personality = self._memory.personality
        told = {**outcome, "state": request.parameters.get("state"), "iss": self._issuer, **personality.callback}
        pairs = [(name, value) for name, value in told.items() if value is not None]
        pairs += [(name, value) for name, value in pairs if name in personality.repeated]
        mark = "&" if "?" in redirect_uri else "?"
        return WebAnswer(status=303, headers={"Location": f"{redirect_uri}{mark}{urlencode(pairs)}"})

    def _consent_page(self, request: WebRequest, asked: _Asked) -> WebAnswer:
        hidden = "".join(
            f'<input type="hidden" name="{name}" value="{escape(request.parameters[name])}">'
            for name in (*_KEPT, _METHOD)
            if name in request.parameters
        )
        ticks = "".join(
            f'<p><label><input type="checkbox" name="ticked" value="{scope}" checked> {_MEANS[scope]}</label></p>'
            for scope in asked.scopes
            if scope not in IDENTITY_SCOPES
        )
        choice = self._account_choice(request.parameters.get("login_hint", ""))
        return _page(
            f"{escape(asked.client.id)} would like to use your account.",
            f'<form method="post" action="/authorize">{hidden}<p>{choice}</p>{ticks}{_BUTTONS}</form>',
        )

    def _device_page(self, user_code: str) -> WebAnswer:
        field = f'<input name="user_code" value="{escape(user_code)}" autocomplete="off">'
        form = f'<form method="post" action="/device"><p>{field} {self._account_choice("")}</p>{_BUTTONS}</form>'
        return _page("Enter the code that your device shows.", form)

    def _account_choice(self, hint: str) -> str:
        options = "".join(
            f"<option{' selected' if address == hint else ''}>{escape(address)}</option>"
            for address in self._store.addresses
        )
        return f'<select name="account">{options}</select>'


_MEANS = {MAIL_SCOPE: "Read and send your mail"}
_BUTTONS = (
    '<p><button name="decision" value="allow">Allow</button> <button name="decision" value="deny">Refuse</button></p>'
)


def _page(text: str, more: str = "", status: int = 200) -> WebAnswer:
    content = f"<!DOCTYPE html><title>Sandbox</title><h1>Sandbox</h1><p>{text}</p>{more}"
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        # RFC 9700 section 4.16: nobody may frame a page of consent.
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
    }
    return WebAnswer(status=status, headers=headers, body=content.encode())
