"""The world that the example runs in: a sandbox in which the servers of the big providers have their real names.

Nothing here is part of the application. A host of your own has the internet instead, and is registered at the issuers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

import tether_mailconf as mailconf
from tether_mailconf import oauth, presets
from tether_mailconf.sandbox import Internet, Personality, Sandbox

from .host import Client, Host

HERE = "@ A 127.0.0.1"
"""The zone of a host that the sandbox stands in for."""

ACME = """
    mail A 127.0.0.1
    _submissions._tcp SRV 0 1 465 mail.acme.example.
    _imaps._tcp       SRV 0 1 993 mail.acme.example.
"""
"""A company with a mail server of its own."""


@attrs.frozen(kw_only=True)
class Person:
    """Somebody with a mailbox.

    Args:
        address: its address.
        password: its password, or an app password.
        user: a further user name.
    """

    address: str
    password: str = attrs.field(repr=False)
    user: str = ""


PEOPLE = (
    Person(address="ana@gmail.com", password="abcdefghijklmnop"),
    Person(address="olga@gmail.com", password="mnopqrstuvwxyzab"),
    Person(address="ben@outlook.com", password="not used by anybody"),
    Person(address="iris@icloud.com", password="qrst-uvwx-yzab-cdef", user="iris"),
    Person(address="carla@acme.example", password="a fine password"),
)
"""Whose mailboxes there are."""


def make_sandbox() -> Sandbox:
    """Return a sandbox, not yet running, with the servers of every provider that a settings page offers."""
    hosts = {server.host for preset in presets.offered() for server in (*preset.smtp, *preset.imap)}
    internet = Internet(zones={"acme.example": ACME, **dict.fromkeys(sorted(hosts), HERE)})
    sandbox = Sandbox(Personality(filing_delay=0.0), internet=internet)
    for person in PEOPLE:
        sandbox.add_account(person.address, person.password, user=person.user)
    return sandbox


def clients(sandbox: Sandbox, redirect_uri: str) -> Mapping[str, Client]:
    """Register the application at the sandbox's issuer, which stands in for Google and Microsoft.

    Args:
        sandbox: the sandbox, running.
        redirect_uri: where it sends browsers back to.

    Returns:
        The application as the issuers know it, by the id of the issuer.
    """
    sandbox.oauth.add_redirect_uri(redirect_uri)
    secret = mailconf.Secret(sandbox.oauth.client_secret)
    return {
        real.id: Client(
            issuer=attrs.evolve(sandbox.oauth.issuer, id=real.id, label=real.label),
            id=sandbox.oauth.client_id,
            secret=secret,
        )
        for real in (oauth.GOOGLE, oauth.MICROSOFT)
    }


def make_host(sandbox: Sandbox, folder: Path, redirect_uri: str) -> Host:
    """Return what the application is given in this world, with Olga's account from last year.

    Args:
        sandbox: the sandbox, running.
        folder: where its stores are made.
        redirect_uri: where issuers send browsers back to.
    """
    store = oauth.SqliteTokenStore(folder / "crm.sqlite", key=oauth.SqliteTokenStore.new_key())
    host = Host(
        accounts=mailconf.Accounts(store, network=sandbox.network, ca_file=sandbox.ca_file),
        tokens=store,
        clients=clients(sandbox, redirect_uri),
        redirect_uri=redirect_uri,
        network=sandbox.network,
        ca_file=sandbox.ca_file,
    )
    add_olga(host)
    return host


def add_olga(host: Host) -> None:
    """Store the account that Olga has from last year."""
    olga = next(person for person in PEOPLE if person.address.startswith("olga@"))
    settings = presets.GMAIL_APP_PASSWORD.settings(olga.address, display_name="Olga")
    host.accounts.save("user/Olga", settings, mailconf.AppPassword(olga.password))
