"""What documents of a domain's web servers tell, and how far they are believed; and the guess that is left."""

from __future__ import annotations

import re

import pytest

from tether_mailconf import Source, Trust
from tether_mailconf.discovery import Answer

from .asked import (
    ADDRESS,
    AUTOCONFIG,
    AUTODISCOVER,
    BARE_AUTODISCOVER,
    DOMAIN,
    LISTED,
    WELL_KNOWN,
    document,
    exchange,
    found_in,
    hosts,
)
from .world import Internet, Page

# -- documents ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "source"), [(AUTOCONFIG, Source.AUTOCONFIG), (WELL_KNOWN, Source.AUTOCONFIG), (LISTED, Source.DATABASE)]
)
def test_a_document_is_believed_wherever_its_servers_are(url: str, source: Source) -> None:
    found, _ = found_in(Internet(pages={url: document("smtp.hoster.example", "imap.hoster.example")}))
    assert hosts(found) == ("smtp.hoster.example", "imap.hoster.example")
    assert found.best is not None
    assert (found.best.source, found.best.trust) == (source, Trust.HTTPS)


def test_the_database_learns_the_domain_only_and_can_be_left_out() -> None:
    _, port = found_in(Internet(pages={LISTED: Page(status=404)}))
    assert [one for one in port.asked if "thunderbird" in one] == [f"GET {LISTED}"]
    _, port = found_in(Internet(pages={LISTED: document()}), database=None)
    assert not [one for one in port.asked if "thunderbird" in one]
    found, port = found_in(
        Internet(pages={f"https://mirror.example/db/{DOMAIN}": document()}), database="https://mirror.example/db/"
    )
    assert found.best is not None


def test_redirects_are_followed_over_https_only_and_within_the_share_of_the_source() -> None:
    target = "https://autoconfig.hoster.example/customers/acme.xml"
    found, port = found_in(
        Internet(pages={AUTOCONFIG: Page(status=301, headers={"location": target}), target: document()})
    )
    assert found.best is not None
    assert found.best.trust is Trust.HTTPS
    assert f"GET {target}" in port.asked
    for location in ("http://plain.example/config.xml", "ftp://x.example/", "//[", "file:///etc/passwd"):
        found, _ = found_in(Internet(pages={AUTOCONFIG: Page(status=302, headers={"location": location})}))
        assert found.candidates == ()
    around = {
        f"https://h{n}.example/": Page(status=302, headers={"location": f"https://h{n + 1}.example/"}) for n in range(9)
    }
    pages = {AUTOCONFIG: Page(status=302, headers={"location": "https://h0.example/"}), **around}
    _, port = found_in(Internet(pages=pages))
    assert [one for one in port.asked if one.startswith("GET https://h")] == ["GET https://h0.example/"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><title>404</title></html>",
        document().body[:-40],
        b"\x1f\x8b\x08" + b"\0" * 100,
        document().body.replace(b"<clientConfig", b"<!DOCTYPE x [<!ENTITY a 'b'>]><clientConfig"),
        "<clientConfig/>".encode("utf-16"),
    ],
    ids=["empty", "html", "cut", "gzip", "doctype", "utf-16"],
)
def test_a_broken_document_is_told_and_the_rest_goes_on(body: bytes) -> None:
    found, _ = found_in(Internet(pages={AUTOCONFIG: Page(body=body), WELL_KNOWN: document()}))
    assert hosts(found) == (f"smtp.{DOMAIN}", f"imap.{DOMAIN}")
    assert Answer.FAILED in {one.outcome for one in found.sources if one.source is Source.AUTOCONFIG}


def test_servers_without_encryption_are_looked_at_for_tls_on_the_same_host() -> None:
    plain = document().body.replace(b">993<", b">143<").replace(b">465<", b">25<").replace(b">SSL<", b">plain<")
    mail = {(f"smtp.{DOMAIN}", 587), (f"imap.{DOMAIN}", 993)}
    found, _ = found_in(Internet(pages={AUTOCONFIG: Page(body=plain)}, mail=set(mail)), sources=[Source.AUTOCONFIG])
    assert found.best is not None
    assert found.best.settings.smtp.port == 587
    assert found.best.settings.imap is not None
    assert found.best.settings.imap.port == 993
    found, _ = found_in(Internet(pages={AUTOCONFIG: Page(body=plain)}), sources=[Source.AUTOCONFIG])
    assert found.candidates == ()


def test_user_names_come_from_the_document_and_other_forms_come_last() -> None:
    found, _ = found_in(Internet(pages={AUTOCONFIG: document(user="%EMAILLOCALPART%")}))
    users = [(one.settings.smtp_user, one.settings.imap_user) for one in found.candidates]
    assert users == [("ana", "ana"), ("ana", ADDRESS), (ADDRESS, "ana"), (ADDRESS, ADDRESS)]


# -- Autodiscover ------------------------------------------------------------------------------------------------------

TWENTY = (
    "ana@acme.example",
    "ana@ACME.example.",
    "ana@mail.acme.example",
    "ana@a.b.c.d.acme.example",
    "ana@acme.co.uk",
    "ana@mail.acme.co.uk",
    "ana@acme.com.br",
    "ana@x.acme.com.br",
    "ana@acme.com.au",
    "ana@acme.co.jp",
    "ana@acme.tokyo.jp",
    "ana@acme.or.kr",
    "ana@acme.org.uk",
    "ana@acme.gov.br",
    "ana@acme.github.io",
    "ana@co.uk",
    "ana@com.br",
    "ana@github.io",
    "ana@bücher.example",
    "ana@acme.xn--p1ai",
)


NOBODYS = ("co.uk", "com.br", "github.io")


@pytest.mark.parametrize("is_there", [True, False], ids=["there", "not there"])
def test_autodiscover_is_asked_under_two_names_and_never_above_the_domain(is_there: bool) -> None:
    for address in TWENTY:
        domain = address.partition("@")[2].lower().rstrip(".").replace("bücher", "xn--bcher-kva")
        urls = (
            f"https://autodiscover.{domain}/autodiscover/autodiscover.xml",
            f"https://{domain}/autodiscover/autodiscover.xml",
        )
        pages = {urls[0]: Page(status=401)} if is_there else {urls[1]: Page(status=401)}
        above = {
            f"https://autodiscover.{domain.split('.', n)[n]}/autodiscover/autodiscover.xml": exchange()
            for n in range(1, domain.count(".") + 1)
        }
        _, port = found_in(Internet(pages=pages | above), address)
        asked = [one.partition(" ")[2] for one in port.asked if one.startswith("POST ")]
        expected = [] if domain in NOBODYS else [urls[0] if is_there else urls[1]]
        assert asked == expected, address


@pytest.mark.parametrize("url", [AUTODISCOVER, BARE_AUTODISCOVER])
def test_an_exchange_server_tells(url: str) -> None:
    found, _ = found_in(Internet(pages={url: exchange()}))
    assert found.best is not None
    assert (found.best.source, found.best.trust) == (Source.AUTODISCOVER, Trust.HTTPS)
    assert found.best.settings.smtp.security.value == "starttls"


def test_an_exchange_server_that_wants_a_sign_in_gets_none() -> None:
    page = Page(status=401, headers={"www-authenticate": 'Basic realm="x"'})
    found, port = found_in(Internet(pages={AUTODISCOVER: page}))
    assert found.candidates == ()
    assert [one for one in port.asked if one.startswith("POST")] == [f"POST {AUTODISCOVER}"]
    assert "sign-in" in next(one.said for one in found.sources if one.source is Source.AUTODISCOVER)


# -- guessing ----------------------------------------------------------------------------------------------------------


def test_usual_names_are_tried_and_nothing_is_said_but_greetings() -> None:
    mail = {(f"mail.{DOMAIN}", 993), (f"mail.{DOMAIN}", 587), (f"imap.{DOMAIN}", 143)}
    found, port = found_in(Internet(mail=set(mail)))
    assert found.best is not None
    assert (found.best.source, found.best.trust) == (Source.GUESS, Trust.SAME_DOMAIN)
    assert hosts(found) == (f"mail.{DOMAIN}", f"imap.{DOMAIN}")
    said = [line.decode() for who, data in port.log if who == "C" for line in data.splitlines()]
    commands = {re.sub(r"^m[0-9]+ ", "", line).partition(" ")[0] for line in said}
    assert commands == {"EHLO", "STARTTLS", "CAPABILITY", "QUIT", "LOGOUT"}
