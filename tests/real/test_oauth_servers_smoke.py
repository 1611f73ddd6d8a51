"""The issuer and Dovecot themselves, without a line of the library's OAuth: what its own tests stand on holds."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import imaplib
import json
import secrets
import smtplib
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from tests.servers.dovecot import Dovecot
from tests.servers.oauth_server import EVA, OAuthClient, OAuthServer
from tests.servers.plugin import Servers
from tether_mailconf import Security

TIMEOUT = 20.0
SCOPE = "openid email mail"
MESSAGE = (
    "From: ana@example.test\r\nTo: ben@example.org\r\nSubject: Hi\r\nMessage-ID: <token@example.test>\r\n\r\nHi\r\n"
)
MECHANISMS = pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])


class Application:
    """A host application that does its own OAuth, by plain `requests`."""

    def __init__(self, server: OAuthServer, client: OAuthClient) -> None:
        self.server = server
        self.client = client
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(server.ca_file)
        self.metadata = self.get(server.issuer_metadata_url)

    def get(self, url: str) -> dict[str, Any]:
        answer = self.session.get(url, timeout=TIMEOUT)
        answer.raise_for_status()
        return dict(answer.json())

    def authorization_url(self, verifier: str, **more: str) -> str:
        """Return where the browser is to go (RFC 6749 section 4.1.1, RFC 7636 section 4.3); "" leaves one out."""
        asked = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": self.client.redirect_uri,
            "scope": SCOPE,
            "state": "what the host knows it by",
            "code_challenge": challenge(verifier),
            "code_challenge_method": "S256",
            **more,
        }
        told = {name: value for name, value in asked.items() if value}
        return f"{self.metadata['authorization_endpoint']}?{urlencode(told)}"

    def code(self, verifier: str, address: str | None = None, **more: str) -> str:
        """Have a person agree; return the code."""
        callback = said(self.server.consent(self.authorization_url(verifier, **more), address))
        assert callback["iss"] == self.server.issuer
        assert callback["state"] == "what the host knows it by"
        return callback["code"]

    def ask(self, endpoint: str, **data: str) -> requests.Response:
        """Ask an endpoint of the issuer as this client."""
        known = {"client_id": self.client.client_id, "client_secret": self.client.client_secret}
        return self.session.post(self.metadata[endpoint], data={**known, **data}, timeout=TIMEOUT)

    def exchange(self, code: str, verifier: str) -> requests.Response:
        return self.ask(
            "token_endpoint",
            grant_type="authorization_code",
            code=code,
            redirect_uri=self.client.redirect_uri,
            code_verifier=verifier,
        )

    def tokens(self, address: str | None = None, **more: str) -> dict[str, Any]:
        """Go the whole way; return what the token endpoint gave."""
        verifier = secrets.token_urlsafe(48)
        answer = self.exchange(self.code(verifier, address, **more), verifier)
        assert answer.status_code == 200
        return dict(answer.json())

    def refreshed(self, refresh_token: str) -> requests.Response:
        return self.ask("token_endpoint", grant_type="refresh_token", refresh_token=refresh_token)


@contextlib.contextmanager
def application(server: OAuthServer, client: OAuthClient) -> Iterator[Application]:
    app = Application(server, client)
    with app.session:
        yield app


def challenge(verifier: str) -> str:
    """Return the S256 challenge (RFC 7636 section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def said(callback: str) -> dict[str, str]:
    """Return the parameters of a callback URL, each of which is there once."""
    parameters = parse_qs(urlsplit(callback).query, strict_parsing=True)
    assert all(len(values) == 1 for values in parameters.values())
    return {name: values[0] for name, values in parameters.items()}


def claims(token: str) -> dict[str, Any]:
    """Return what an id token says; its signature is not this test's business."""
    body = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


def initial_response(mechanism: str, user: str, token: str) -> bytes:
    """Return what a client says first (RFC 7628 section 3.1, and Google's description of XOAUTH2)."""
    if mechanism == "XOAUTH2":
        return f"user={user}\1auth=Bearer {token}\1\1".encode()
    return f"n,a={user},\1auth=Bearer {token}\1\1".encode()


def once(response: bytes) -> Callable[[bytes], bytes]:
    """Answer the first challenge with the response, and the one that says why it was refused with nothing."""
    answers = iter([response])
    return lambda challenge: next(answers, b"\1" if response.startswith(b"n,") else b"")


def imap_sign_in(dovecot: Dovecot, mechanism: str, token: str) -> None:
    """Sign in to IMAP and look at INBOX.

    Raises:
        imaplib.IMAP4.error: if it is refused.
    """
    endpoint = dovecot.endpoint("imap", Security.TLS)
    context = ssl.create_default_context(cafile=str(dovecot.ca_file))
    with imaplib.IMAP4_SSL(endpoint.host, endpoint.port, ssl_context=context, timeout=TIMEOUT) as imap:
        assert f"AUTH={mechanism}" in imap.capabilities
        imap.authenticate(mechanism, once(initial_response(mechanism, dovecot.address, token)))
        assert imap.select("INBOX")[0] == "OK"


def smtp_send(dovecot: Dovecot, mechanism: str, token: str) -> None:
    """Sign in to submission and send a message.

    Raises:
        smtplib.SMTPAuthenticationError: if it is refused.
    """
    endpoint = dovecot.endpoint("submission", Security.STARTTLS)
    response = initial_response(mechanism, dovecot.address, token).decode()
    with smtplib.SMTP(endpoint.host, endpoint.port, timeout=TIMEOUT) as smtp:
        smtp.starttls(context=ssl.create_default_context(cafile=str(dovecot.ca_file)))
        smtp.ehlo()
        assert mechanism in smtp.esmtp_features["auth"].split()
        refusal = "\1" if mechanism == "OAUTHBEARER" else ""
        smtp.auth(mechanism, lambda challenge=None: response if challenge is None else refusal)
        smtp.sendmail(dovecot.address, ["ben@example.org"], MESSAGE)


def check_refused(dovecot: Dovecot, mechanism: str, token: str) -> None:
    """Hold that both services refuse a token for what it is, not for a fault of the moment."""
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        imap_sign_in(dovecot, mechanism, token)
    with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
        smtp_send(dovecot, mechanism, token)
    assert caught.value.smtp_code == 535
    assert dovecot.sink.received() == []


def test_the_metadata_documents_tell_the_endpoints(oauth_server: OAuthServer) -> None:
    """All are the issuer's own, all https."""
    with application(oauth_server, oauth_server.client) as app:
        openid = app.get(oauth_server.openid_metadata_url)
        oauth = app.metadata
    assert openid["issuer"] == oauth["issuer"] == oauth_server.issuer
    endpoints = {value for name, value in {**openid, **oauth}.items() if name.endswith(("_endpoint", "_uri"))}
    assert len(endpoints) >= 6
    assert all(endpoint.startswith(f"{oauth_server.issuer}/") for endpoint in endpoints)
    assert oauth["code_challenge_methods_supported"] == ["S256"]


def test_the_issuer_checks_the_verifier(oauth_server: OAuthServer) -> None:
    """A wrong one, none, and no challenge at all are refused; the right one is taken once."""
    right, wrong = secrets.token_urlsafe(48), secrets.token_urlsafe(48)
    with application(oauth_server, oauth_server.client) as app:
        refused = app.exchange(app.code(right), wrong)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
        assert app.exchange(app.code(right), "").status_code == 400
        callback = said(oauth_server.consent(app.authorization_url(right, code_challenge="", code_challenge_method="")))
        assert callback["error"] == "invalid_request"

        code = app.code(right)
        assert app.exchange(code, right).status_code == 200
        assert app.exchange(code, right).status_code == 400


def test_a_person_can_refuse_and_another_can_sign_in(oauth_server: OAuthServer) -> None:
    """Who agreed is in the id token, with the nonce that was asked with."""
    with application(oauth_server, oauth_server.client) as app:
        callback = said(oauth_server.deny(app.authorization_url(secrets.token_urlsafe(48))))
        assert callback["error"] == "access_denied"
        tokens = app.tokens(EVA, nonce="only once")
    told = claims(tokens["id_token"])
    assert (told["iss"], told["aud"]) == (oauth_server.issuer, oauth_server.client.client_id)
    assert (told["nonce"], told["email"], told["email_verified"]) == ("only once", EVA, True)


def test_refresh_tokens_rotate_and_an_old_one_ends_them_all(oauth_server: OAuthServer) -> None:
    """What RFC 9700 section 4.14.2 asks for."""
    with application(oauth_server, oauth_server.client) as app:
        first = app.tokens()
        second = app.refreshed(first["refresh_token"])
        assert second.status_code == 200
        assert second.json()["refresh_token"] != first["refresh_token"]
        third = app.refreshed(second.json()["refresh_token"])
        assert third.status_code == 200
        replayed = app.refreshed(first["refresh_token"])
        assert (replayed.status_code, replayed.json()["error"]) == (400, "invalid_grant")
        assert app.refreshed(third.json()["refresh_token"]).status_code == 400


@MECHANISMS
def test_dovecot_takes_a_token(dovecot_oauth: Dovecot, oauth_server: OAuthServer, mechanism: str) -> None:
    """For IMAP and for submission, which relays; passwords go on as before; each sign-in asks the issuer."""
    with application(oauth_server, oauth_server.client) as app:
        token = app.tokens()["access_token"]
    before = len(introspections(oauth_server))
    imap_sign_in(dovecot_oauth, mechanism, token)
    smtp_send(dovecot_oauth, mechanism, token)
    (gone,) = dovecot_oauth.sink.received(1)
    assert gone.sender == dovecot_oauth.address
    assert len(introspections(oauth_server)) == before + 2
    assert dovecot_oauth.copies("Sent") == []
    with dovecot_oauth.mailboxes.session() as imap:
        assert imap.select("INBOX")[0] == "OK"
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        imap_sign_in(dovecot_oauth, mechanism, token[::-1])


@MECHANISMS
def test_dovecot_refuses_somebody_elses_token(
    dovecot_oauth: Dovecot, oauth_server: OAuthServer, mechanism: str
) -> None:
    """Eva's token does not open Ana's mailbox, and one that was given for something else opens none."""
    with application(oauth_server, oauth_server.client) as app:
        check_refused(dovecot_oauth, mechanism, app.tokens(EVA)["access_token"])
        check_refused(dovecot_oauth, mechanism, app.tokens(scope="openid email")["access_token"])


@MECHANISMS
def test_dovecot_refuses_an_expired_token(dovecot_oauth: Dovecot, oauth_server: OAuthServer, mechanism: str) -> None:
    """And takes the one that the refresh token brings."""
    with application(oauth_server, oauth_server.brief_client) as app:
        tokens = app.tokens()
        time.sleep(tokens["expires_in"] + 0.1)
        check_refused(dovecot_oauth, mechanism, tokens["access_token"])
        refreshed = app.refreshed(tokens["refresh_token"]).json()
    assert refreshed["expires_in"] == oauth_server.brief_client.refreshed_seconds
    imap_sign_in(dovecot_oauth, mechanism, refreshed["access_token"])
    smtp_send(dovecot_oauth, mechanism, refreshed["access_token"])


@MECHANISMS
def test_dovecot_refuses_a_revoked_token(dovecot_oauth: Dovecot, oauth_server: OAuthServer, mechanism: str) -> None:
    """Revoked by the application (RFC 7009), and by the person on the issuer's page."""
    with application(oauth_server, oauth_server.client) as app:
        tokens = app.tokens()
        assert app.ask("revocation_endpoint", token=tokens["refresh_token"]).status_code == 200
        check_refused(dovecot_oauth, mechanism, tokens["access_token"])

        tokens = app.tokens()
        imap_sign_in(dovecot_oauth, mechanism, tokens["access_token"])
        oauth_server.revoke()
        check_refused(dovecot_oauth, mechanism, tokens["access_token"])
        refused = app.refreshed(tokens["refresh_token"])
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


def test_a_dovecot_without_an_issuer_offers_no_tokens(servers: Servers) -> None:
    """The other tests' Dovecot is what it was."""
    dovecot = servers.dovecot()
    with dovecot.mailboxes.session() as imap:
        offered = {name for name in imap.capabilities if name.startswith("AUTH=")}
    assert offered == {"AUTH=PLAIN", "AUTH=LOGIN"}


def introspections(server: OAuthServer) -> list[object]:
    """Return the issuer's answers to resource servers."""
    return [asked for asked in server.asked() if asked.path == "/introspect/"]
