"""Thirty domains of different make, as one internet of a sandbox, and what is to be found for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from tether_mailconf import Source, Trust
from tether_mailconf.discovery.sources.database import DATABASE
from tether_mailconf.sandbox import Internet, WebAnswer, WebRequest
from tether_mailconf.sandbox.internet import Page, Site

HERE = "127.0.0.1"
NOBODY = "127.0.0.2"
STARTTLS_ONLY = "127.0.0.3"
CONFIG = "/mail/config-v1.1.xml"
WELL_KNOWN = "/.well-known/autoconfig/mail/config-v1.1.xml"
AUTODISCOVER = "/autodiscover/autodiscover.xml"


def config(smtp: str, imap: str, *, user: str = "%EMAILADDRESS%", socket: str = "SSL") -> bytes:
    """A client-config document of one pair of servers."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
        <clientConfig version="1.1"><emailProvider id="one">
        <incomingServer type="imap"><hostname>{imap}</hostname><port>{993 if socket == "SSL" else 143}</port>
        <socketType>{socket}</socketType><username>{user}</username>
        <authentication>password-cleartext</authentication></incomingServer>
        <outgoingServer type="smtp"><hostname>{smtp}</hostname><port>{465 if socket == "SSL" else 25}</port>
        <socketType>{socket}</socketType><username>{user}</username>
        <authentication>password-cleartext</authentication></outgoingServer>
        </emailProvider></clientConfig>""".encode()


def exchange(smtp: str, imap: str) -> Page:
    """An Exchange server that answers what is posted, and shows the door to everybody else."""

    def answer(request: WebRequest) -> WebAnswer:
        if request.method != "POST" or b"EMailAddress" not in request.body:
            return WebAnswer(status=401, headers={"WWW-Authenticate": "Basic"})
        body = f"""<?xml version="1.0" encoding="utf-8"?>
            <Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
            <Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a">
            <Account><AccountType>email</AccountType><Action>settings</Action>
            <Protocol><Type>EXCH</Type><Server>inside.example</Server></Protocol>
            <Protocol><Type>IMAP</Type><Server>{imap}</Server><Port>993</Port><SSL>on</SSL></Protocol>
            <Protocol><Type>SMTP</Type><Server>{smtp}</Server><Port>587</Port><SSL>on</SSL></Protocol>
            </Account></Response></Autodiscover>"""
        return WebAnswer(headers={"Content-Type": "text/xml"}, body=body.encode())

    return answer


@attrs.frozen(kw_only=True)
class Domain:
    """A domain, and what is to be found.

    Args:
        zone: its records.
        smtp: the submission server, with its port.
        imap: the IMAP server, with its port.
        source: who tells.
        trust: how far it is believed.
        sites: its web sites, by host.
        address: somebody who has mail there; "ana" if not given.
        user: a further user name of theirs, if the servers want another than the address.
        listed: what the public database has on it.
    """

    zone: str = ""
    smtp: str
    imap: str
    source: Source
    trust: Trust = Trust.HTTPS
    sites: Mapping[str, Site] = attrs.field(factory=dict[str, Site])
    address: str = ""
    user: str = ""
    listed: bytes = b""


GOOGLE = ("smtp.gmail.com:465", "imap.gmail.com:993")
MICROSOFT = ("smtp.office365.com:587", "outlook.office365.com:993")
MAIL = f"out A {HERE}\nin A {HERE}"
WEB = f"autoconfig A {HERE}"


def known(zone: str, servers: tuple[str, str], source: Source = Source.MX, trust: Trust = Trust.CATALOGUE) -> Domain:
    return Domain(zone=zone, smtp=servers[0], imap=servers[1], source=source, trust=trust)


def own(name: str, zone: str, source: Source, trust: Trust = Trust.HTTPS, **rest: Any) -> Domain:
    """A domain with servers of its own, under names that nobody would guess."""
    return Domain(zone=zone, smtp=f"out.{name}:465", imap=f"in.{name}:993", source=source, trust=trust, **rest)


DOMAINS: dict[str, Domain] = {
    "workspace.test": known("@ MX 1 smtp.google.com.", GOOGLE),
    "workspace-old.test": known("@ MX 1 aspmx.l.google.com.\n@ MX 5 alt1.aspmx.l.google.com.", GOOGLE),
    "m365.test": known("@ MX 0 m365-test.mail.protection.outlook.com.", MICROSOFT),
    "m365-new.test": known("@ MX 0 m365new-test.a-v1.mx.microsoft.", MICROSOFT),
    "filtered.test": known(
        "@ MX 10 mx1.filtered.pphosted.com.\nautodiscover CNAME autodiscover.outlook.com.",
        MICROSOFT,
        Source.MAIL_FILTER,
    ),
    "filtered-google.test": known(
        '@ MX 10 eu-smtp-inbound-1.mimecast.com.\n@ TXT "v=spf1 include:_spf.google.com ~all"',
        GOOGLE,
        Source.MAIL_FILTER,
        Trust.UNPROVEN,
    ),
    "srv.test": own(
        "srv.test",
        zone=f"{MAIL}\n_submissions._tcp SRV 0 1 465 out\n_imaps._tcp SRV 0 1 993 in",
        source=Source.SRV,
        trust=Trust.SAME_DOMAIN,
    ),
    "srv-starttls.test": Domain(
        zone=f"{MAIL}\n_submission._tcp SRV 0 1 587 out\n_imap._tcp SRV 0 1 143 in\n_imaps._tcp SRV 0 0 0 .",
        smtp="out.srv-starttls.test:587",
        imap="in.srv-starttls.test:143",
        source=Source.SRV,
        trust=Trust.SAME_DOMAIN,
    ),
    "srv-sub-address.test": own(
        "srv-sub-address.test",
        zone=f"{MAIL}\n_submissions._tcp SRV 0 1 465 out\n_imaps._tcp SRV 0 1 993 in",
        source=Source.SRV,
        trust=Trust.SAME_DOMAIN,
        address="ana+crm@srv-sub-address.test",
        user="ana@srv-sub-address.test",
    ),
    "srv-elsewhere.test": Domain(
        zone="_submissions._tcp SRV 0 1 465 out.hoster.test.\n_imaps._tcp SRV 0 1 993 in.hoster.test.",
        smtp="out.hoster.test:465",
        imap="in.hoster.test:993",
        source=Source.SRV,
        trust=Trust.UNPROVEN,
    ),
    "srv-fastmail.test": Domain(
        zone="_submissions._tcp SRV 0 1 465 smtp.fastmail.com.\n_imaps._tcp SRV 0 1 993 imap.fastmail.com.",
        smtp="smtp.fastmail.com:465",
        imap="imap.fastmail.com:993",
        source=Source.SRV,
        trust=Trust.CATALOGUE,
    ),
    "autoconfig.test": own(
        "autoconfig.test",
        zone=f"{MAIL}\n{WEB}",
        source=Source.AUTOCONFIG,
        sites={"autoconfig.autoconfig.test": {CONFIG: config("out.autoconfig.test", "in.autoconfig.test")}},
    ),
    "well-known.test": own(
        "well-known.test",
        zone=f"{MAIL}\n@ A {HERE}",
        source=Source.AUTOCONFIG,
        sites={"well-known.test": {WELL_KNOWN: config("out.%EMAILDOMAIN%", "in.%EMAILDOMAIN%")}},
    ),
    "redirected.test": Domain(
        zone=WEB,
        smtp="out.hoster.test:465",
        imap="in.hoster.test:993",
        source=Source.AUTOCONFIG,
        sites={
            "autoconfig.redirected.test": {
                CONFIG: WebAnswer(status=301, headers={"Location": f"https://autoconfig.hoster.test{CONFIG}"})
            }
        },
    ),
    "database.test": own(
        "database.test", zone=MAIL, source=Source.DATABASE, listed=config("out.database.test", "in.database.test")
    ),
    "exchange.test": Domain(
        zone=f"{MAIL}\nautodiscover A {HERE}",
        smtp="out.exchange.test:587",
        imap="in.exchange.test:993",
        source=Source.AUTODISCOVER,
        sites={"autodiscover.exchange.test": {AUTODISCOVER: exchange("out.exchange.test", "in.exchange.test")}},
    ),
    "exchange-bare.test": Domain(
        zone=f"{MAIL}\n@ A {HERE}",
        smtp="out.exchange-bare.test:587",
        imap="in.exchange-bare.test:993",
        source=Source.AUTODISCOVER,
        sites={"exchange-bare.test": {AUTODISCOVER: exchange("out.exchange-bare.test", "in.exchange-bare.test")}},
    ),
    "guess.test": Domain(
        zone=f"smtp A {HERE}\nimap A {HERE}",
        smtp="smtp.guess.test:465",
        imap="imap.guess.test:993",
        source=Source.GUESS,
        trust=Trust.SAME_DOMAIN,
    ),
    "guess-starttls.test": Domain(
        zone=f"mail A {STARTTLS_ONLY}",
        smtp="mail.guess-starttls.test:587",
        imap="mail.guess-starttls.test:143",
        source=Source.GUESS,
        trust=Trust.SAME_DOMAIN,
    ),
    "guess-bare.test": Domain(
        zone=f"@ A {HERE}",
        smtp="guess-bare.test:465",
        imap="guess-bare.test:993",
        source=Source.GUESS,
        trust=Trust.SAME_DOMAIN,
    ),
    "guess-half.test": Domain(
        zone=f"imap A {NOBODY}\nmail A {HERE}\nsmtp A {NOBODY}",
        smtp="mail.guess-half.test:465",
        imap="mail.guess-half.test:993",
        source=Source.GUESS,
        trust=Trust.SAME_DOMAIN,
    ),
    "broken.test": own(
        "broken.test",
        zone=f"{MAIL}\n{WEB}\n_submissions._tcp SRV 0 1 465 out\n_imaps._tcp SRV 0 1 993 in",
        source=Source.SRV,
        trust=Trust.SAME_DOMAIN,
        sites={"autoconfig.broken.test": {CONFIG: config("out.broken.test", "in.broken.test")[:-30]}},
    ),
    "conflict.test": own(
        "conflict.test",
        zone=f"{MAIL}\n{WEB}",
        source=Source.DATABASE,
        listed=config("out.conflict.test", "in.conflict.test"),
        sites={"autoconfig.conflict.test": {CONFIG: config("old.hoster.test", "old.hoster.test")}},
    ),
    "dead.test": own(
        "dead.test",
        zone=(
            f"{MAIL}\nautoconfig A {NOBODY}\nautodiscover A {NOBODY}\n@ A {NOBODY}\nimap A {NOBODY}\n"
            "_submissions._tcp SRV 0 1 465 out\n_imaps._tcp SRV 0 1 993 in"
        ),
        source=Source.SRV,
        trust=Trust.SAME_DOMAIN,
    ),
    "bücher.test": own(
        "xn--bcher-kva.test",
        zone=f"{MAIL}\n{WEB}",
        source=Source.AUTOCONFIG,
        sites={"autoconfig.bücher.test": {CONFIG: config("out.%EMAILDOMAIN%", "in.bücher.test")}},
    ),
    "local-part.test": own(
        "local-part.test",
        zone=f"{MAIL}\n{WEB}",
        source=Source.AUTOCONFIG,
        sites={
            "autoconfig.local-part.test": {
                CONFIG: config("out.local-part.test", "in.local-part.test", user="%EMAILLOCALPART%")
            }
        },
        address="lena@local-part.test",
        user="lena",
    ),
    "plaintext.test": own(
        "plaintext.test",
        zone=f"{MAIL}\n{WEB}",
        source=Source.AUTOCONFIG,
        sites={
            "autoconfig.plaintext.test": {CONFIG: config("out.plaintext.test", "in.plaintext.test", socket="plain")}
        },
    ),
    "hosted.test": Domain(
        zone="@ MX 10 mx2.hoster.test.",
        smtp="out.hoster.test:465",
        imap="in.hoster.test:993",
        source=Source.MX_AUTOCONFIG,
        trust=Trust.UNPROVEN,
    ),
    "gmail.com": known(f"smtp A {HERE}\nimap A {HERE}", GOOGLE, Source.CATALOGUE),
    "icloud.com": attrs.evolve(
        known("", ("smtp.mail.me.com:587", "imap.mail.me.com:993"), Source.CATALOGUE),
        address="ida@icloud.com",
        user="ida",
    ),
}

_ELSEWHERE = {
    "hoster.test": f"{MAIL}\n{WEB}\nold A {HERE}",
    "office365.com": f"smtp A {HERE}\noutlook A {HERE}",
    "fastmail.com": f"smtp A {HERE}\nimap A {HERE}",
    "me.com": f"smtp.mail A {HERE}\nimap.mail A {HERE}",
    "thunderbird.net": f"autoconfig A {HERE}",
}


def address_at(name: str) -> str:
    """Who has mail there."""
    return DOMAINS[name].address or f"ana@{name}"


def internet() -> Internet:
    """All of them together."""
    sites: dict[str, Site] = {
        "autoconfig.hoster.test": {CONFIG: config("out.hoster.test", "in.hoster.test")},
        "autoconfig.thunderbird.net": {
            DATABASE.removeprefix("https://autoconfig.thunderbird.net") + name: domain.listed
            for name, domain in DOMAINS.items()
            if domain.listed
        },
    }
    for domain in DOMAINS.values():
        sites.update(domain.sites)
    zones = {name: domain.zone for name, domain in DOMAINS.items()} | _ELSEWHERE
    return Internet(zones=zones, sites=sites, listens={STARTTLS_ONLY: frozenset({587, 143})})
