"""What tests of a whole sign-in do again and again: sign in, write a letter, count the renewals."""

from __future__ import annotations

from email.message import EmailMessage

from tests.oauth_host import Host
from tether_mailconf import oauth
from tether_mailconf.sandbox import Sandbox


def letter(host: Host, message_id: str = "<one@sandbox.test>") -> EmailMessage:
    message = EmailMessage()
    message["From"] = host.settings.address
    message["To"] = "ben@sandbox.test"
    message["Message-ID"] = message_id
    message.set_content("Good morning!")
    return message


def signed_in(host: Host, sandbox: Sandbox) -> oauth.OAuthToken:
    pending = host.begin()
    return host.complete(pending, sandbox.oauth.consent(pending.url))


def refreshes(sandbox: Sandbox) -> list[int]:
    """The statuses of all refreshes so far."""
    return [asked.status for asked in sandbox.oauth.requests if asked.parameters.get("grant_type") == "refresh_token"]
