"""Another process of the host application: `python -m tests.oauth.process`, told its job by a line of JSON.

It says "ready", waits for a line so that all begin at once, and answers with a line of JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from email.message import EmailMessage
from typing import Any, NoReturn

import tether_mailconf as mailconf
from tether_mailconf import oauth
from tether_mailconf._oauth import token as tokens


def host_of(told: dict[str, Any]) -> tuple[oauth.SignIn, dict[str, Any]]:
    network = mailconf.NetworkPolicy(networks=tuple(told["networks"]), ports=frozenset(told["ports"]))
    reach = {"network": network, "ca_file": told["ca_file"]}
    store = oauth.SqliteTokenStore(told["path"], key=told["key"], busy_timeout=30)
    issuer = oauth.Issuer(**told["issuer"])
    return oauth.SignIn(issuer, store=store, **told["client"], **reach), reach


def send(told: dict[str, Any]) -> dict[str, Any]:
    """Send one message with the stored token, and tell what became of it."""
    sign_in, reach = host_of(told)
    settings = mailconf.ConnectionSettings.from_dict(told["settings"])
    message = EmailMessage()
    message["From"] = message["To"] = settings.address
    message["Message-ID"] = f"<{os.getpid()}@sandbox.test>"
    message.set_content("Good morning!")
    try:
        token = sign_in.token(settings.address, owner=told["owner"])
        with mailconf.Mailer(settings, token, **reach) as mailer:
            receipt = mailer.send(message, deadline=60)
    except mailconf.MailconfError as error:
        return {"error": error.code}
    return {"delivery": receipt.delivery.value, "filing": receipt.filing.value}


def die(*_: object) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def main() -> None:
    told = json.loads(sys.stdin.readline())
    if told["dies"]:
        # The issuer has answered, and nothing of it is stored.
        tokens.OAuthToken._store_surely = die  # type: ignore[assignment,method-assign]
    tokens._LEASE = told["lease"]
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(send(told)), flush=True)


if __name__ == "__main__":
    main()
