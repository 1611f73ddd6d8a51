"""What the tests of discovery share: an example domain, its documents and records, and one way to ask."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from tether_mailconf import Discovery, Source
from tether_mailconf._ports import CNAME, MX, SRV, TXT
from tether_mailconf.credentials import Credential
from tether_mailconf.discovery import Answer
from tether_mailconf.discovery.discover import GRACE, discover
from tether_mailconf.discovery.sources.database import DATABASE

from .world import NEVER, Internet, Page, Port

DOMAIN = "acme.example"
ADDRESS = f"ana@{DOMAIN}"
AUTOCONFIG = f"https://autoconfig.{DOMAIN}/mail/config-v1.1.xml"
WELL_KNOWN = f"https://{DOMAIN}/.well-known/autoconfig/mail/config-v1.1.xml"
AUTODISCOVER = f"https://autodiscover.{DOMAIN}/autodiscover/autodiscover.xml"
BARE_AUTODISCOVER = f"https://{DOMAIN}/autodiscover/autodiscover.xml"
LISTED = f"{DATABASE}{DOMAIN}"


def document(smtp: str = f"smtp.{DOMAIN}", imap: str = f"imap.{DOMAIN}", user: str = "%EMAILADDRESS%") -> Page:
    """A client-config document of one pair of servers."""
    return Page(
        body=f"""<clientConfig version="1.1"><emailProvider id="x"><domain>{DOMAIN}</domain>
        <incomingServer type="imap"><hostname>{imap}</hostname><port>993</port><socketType>SSL</socketType>
        <username>{user}</username><authentication>password-cleartext</authentication></incomingServer>
        <outgoingServer type="smtp"><hostname>{smtp}</hostname><port>465</port><socketType>SSL</socketType>
        <username>{user}</username><authentication>password-cleartext</authentication></outgoingServer>
        </emailProvider></clientConfig>""".encode()
    )


def exchange(smtp: str = f"smtp.{DOMAIN}", imap: str = f"imap.{DOMAIN}") -> Page:
    """An Autodiscover answer of one pair of servers."""
    return Page(
        body=f"""<?xml version="1.0" encoding="utf-8"?>
        <Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
        <Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a">
        <Account><AccountType>email</AccountType><Action>settings</Action>
        <Protocol><Type>IMAP</Type><Server>{imap}</Server><Port>993</Port><SSL>on</SSL></Protocol>
        <Protocol><Type>SMTP</Type><Server>{smtp}</Server><Port>587</Port><SSL>on</SSL></Protocol>
        </Account></Response></Autodiscover>""".encode()
    )


def services(host: str = DOMAIN) -> dict[tuple[str, type[Any]], tuple[SRV, ...]]:
    return {
        (f"_submissions._tcp.{DOMAIN}", SRV): (SRV(priority=0, weight=1, port=465, host=f"smtp.{host}"),),
        (f"_imaps._tcp.{DOMAIN}", SRV): (SRV(priority=0, weight=1, port=993, host=f"imap.{host}"),),
    }


def found_in(
    internet: Internet,
    address: str = ADDRESS,
    *,
    grace: float = GRACE,
    credential: Credential | None = None,
    sources: Collection[Source] | None = None,
    database: str | None = DATABASE,
) -> tuple[Discovery, Port]:
    """Discover an address in a world; return what was found, and what the world saw."""
    port = Port(internet)
    asked = discover(
        port,
        address,
        credential=credential,
        sources=sources,
        database_url=database,
        grace=grace,
        seconds=30.0,
    )
    return port.world.run(asked), port


def outcomes(found: Discovery) -> dict[Source, Answer]:
    return {one.source: one.outcome for one in found.sources}


def hosts(found: Discovery) -> tuple[str, str]:
    """The servers of the best candidate: submission, IMAP."""
    assert found.best is not None
    settings = found.best.settings
    return settings.smtp.host, "" if settings.imap is None else settings.imap.host


BLACK_HOLES = dict.fromkeys(
    (
        DOMAIN,
        f"autoconfig.{DOMAIN}",
        f"autodiscover.{DOMAIN}",
        "autoconfig.thunderbird.net",
        *(f"{name}{DOMAIN}" for name in ("imap.", "smtp.", "mail.")),
        f"MX {DOMAIN}",
        *(f"SRV _{service}._tcp.{DOMAIN}" for service in ("submissions", "submission", "imaps", "imap")),
    ),
    NEVER,
)

ALONE: dict[str, tuple[Internet, tuple[str, ...], Source, float]] = {
    "database": (Internet(pages={LISTED: document()}), ("autoconfig.thunderbird.net",), Source.DATABASE, 5),
    "autoconfig": (Internet(pages={AUTOCONFIG: document()}), (f"autoconfig.{DOMAIN}",), Source.AUTOCONFIG, 5),
    "well-known": (Internet(pages={WELL_KNOWN: document()}), (DOMAIN,), Source.AUTOCONFIG, 5),
    "mx": (
        Internet(records={(DOMAIN, MX): (MX(preference=1, host="acme-example.mail.protection.outlook.com"),)}),
        (f"MX {DOMAIN}",),
        Source.MX,
        1,
    ),
    "filter": (
        Internet(
            records={
                (DOMAIN, MX): (MX(preference=1, host="mx1.acme.pphosted.com"),),
                (f"autodiscover.{DOMAIN}", CNAME): (CNAME(host="autodiscover.outlook.com"),),
                (DOMAIN, TXT): (TXT(text="v=spf1 include:_spf.google.com -all"),),
            }
        ),
        (f"MX {DOMAIN}", f"CNAME autodiscover.{DOMAIN}", f"TXT {DOMAIN}"),
        Source.MAIL_FILTER,
        2,
    ),
    "srv": (
        Internet(records=dict(services())),
        tuple(f"SRV _{service}._tcp.{DOMAIN}" for service in ("submissions", "submission", "imaps")),
        Source.SRV,
        1,
    ),
}
