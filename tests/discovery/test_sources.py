"""What each source tells, how far it is believed, and what is shown to whom."""

from __future__ import annotations

import re
from typing import Any

import attrs
import pytest

from tether_mailconf import InvalidSettings, NotPermitted, Source, Trust
from tether_mailconf._ports import CNAME, MX, SRV, TXT
from tether_mailconf.discovery import Outcome

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
    outcomes,
    services,
)
from .world import Internet, Page

FILTERED: dict[tuple[str, type[Any]], tuple[Any, ...]] = {
    (DOMAIN, MX): (MX(preference=1, host="mx1.acme.pphosted.com"),)
}
GOOGLE = TXT(text="v=spf1 include:_spf.google.com -all")
MICROSOFT = TXT(text="v=spf1 include:spf.protection.outlook.com -all")


def test_a_domain_of_the_catalogue_asks_nobody() -> None:
    found, port = found_in(Internet(pages={AUTOCONFIG: document()}), "ana@gmail.com")
    assert hosts(found) == ("smtp.gmail.com", "imap.gmail.com")
    assert (found.requests, port.asked, found.seconds) == (0, [], 0.0)
    assert found.best is not None
    assert (found.best.trust, found.best.settings.preset) == (Trust.CATALOGUE, "gmail")
    assert outcomes(found)[Source.MX] is Outcome.SKIPPED


def test_a_provider_without_servers_for_applications_says_why_and_nobody_is_asked() -> None:
    found, port = found_in(Internet(), "ana@proton.me")
    assert (found.candidates, port.asked) == ((), [])
    assert "Bridge" in next(one.said for one in found.sources if one.source is Source.CATALOGUE)


def test_where_the_catalogue_knows_no_imap_server_the_others_are_asked() -> None:
    """Without one, no copy could be filed."""
    alone, _ = found_in(Internet(), "ana@meta.ua")
    assert alone.best is not None
    assert alone.best.settings.imap is None
    page = document("smtp.meta.ua", "imap.meta.ua")
    found, _ = found_in(Internet(pages={"https://autoconfig.meta.ua/mail/config-v1.1.xml": page}), "ana@meta.ua")
    assert hosts(found) == ("smtp.meta.ua", "imap.meta.ua")


def test_offline_only_the_catalogue_is_asked() -> None:
    found, port = found_in(Internet(), sources=[Source.CATALOGUE])
    assert (found.candidates, port.asked) == ((), [])
    assert outcomes(found) == {Source.CATALOGUE: Outcome.NOTHING}


@pytest.mark.parametrize("mx", ["acme-example.mail.protection.outlook.com", "acme-example.a-v1.mx.microsoft"])
def test_mail_that_goes_to_a_known_provider_tells_its_servers(mx: str) -> None:
    found, _ = found_in(Internet(records={(DOMAIN, MX): (MX(preference=5, host=mx),)}))
    assert hosts(found) == ("smtp.office365.com", "outlook.office365.com")
    assert found.best is not None
    assert (found.best.source, found.best.settings.preset) == (Source.MX, "microsoft_365")


@pytest.mark.parametrize("mx", ["xmail.protection.outlook.com.evil.example", "notmx.microsoft", "evil-smtp.google.com"])
def test_a_host_that_only_looks_like_a_providers_is_not(mx: str) -> None:
    found, _ = found_in(Internet(records={(DOMAIN, MX): (MX(preference=5, host=mx),)}))
    assert found.candidates == ()


def test_behind_a_filter_the_alias_for_outlook_tells() -> None:
    records: dict[tuple[str, type[Any]], tuple[Any, ...]] = {
        **FILTERED,
        (f"autodiscover.{DOMAIN}", CNAME): (CNAME(host="autodiscover.outlook.com"),),
        (DOMAIN, TXT): (GOOGLE,),
    }
    found, _ = found_in(Internet(records=records))
    assert hosts(found)[0] == "smtp.office365.com"
    assert found.best is not None
    assert found.best.source is Source.MAIL_FILTER


def test_behind_a_filter_who_may_send_is_only_a_sign() -> None:
    """A domain may let a provider send its newsletters. A person is asked."""
    found, _ = found_in(Internet(records={**FILTERED, (DOMAIN, TXT): (GOOGLE,)}))
    assert found.best is None
    (candidate, *_) = found.unconfirmed
    assert candidate.settings.smtp.host == "smtp.gmail.com"
    confirmed = found.confirm(candidate)
    assert confirmed.best == attrs.evolve(candidate, trust=Trust.CONFIRMED)
    with pytest.raises(InvalidSettings, match="not one of this discovery"):
        found.confirm(attrs.evolve(candidate, origin="somewhere else"))


def test_two_providers_that_may_send_leave_it_open() -> None:
    both = TXT(text="v=spf1 include:_spf.google.com include:spf.protection.outlook.com -all")
    found, _ = found_in(Internet(records={**FILTERED, (DOMAIN, TXT): (both,)}))
    assert found.candidates == ()
    (said,) = (one.said for one in found.sources if one.source is Source.MAIL_FILTER)
    assert "Gmail" in said or "Google" in said
    assert "Microsoft" in said


def test_only_who_is_asked_first_counts() -> None:
    """A stand-in further down may be anybody's."""
    stand_in = (MX(preference=10, host=f"mail.{DOMAIN}"), MX(preference=50, host="x.mail.protection.outlook.com"))
    found, _ = found_in(Internet(records={(DOMAIN, MX): stand_in}, pages={AUTOCONFIG: document()}))
    assert hosts(found) == (f"smtp.{DOMAIN}", f"imap.{DOMAIN}")


def test_where_the_user_name_cannot_be_told_a_person_is_asked() -> None:
    """Own domains at iCloud sign in with the iCloud address."""
    found, _ = found_in(Internet(records={(DOMAIN, MX): (MX(preference=10, host="mx01.mail.icloud.com"),)}))
    assert found.best is None
    assert found.unconfirmed[0].settings.preset == "icloud_own_domain"


def test_a_public_suffix_is_asked_only_what_nobody_can_register() -> None:
    evil = {"https://autoconfig.co.uk/mail/config-v1.1.xml": document("smtp.evil.example", "imap.evil.example")}
    found, port = found_in(Internet(pages=dict(evil)), "ana@co.uk")
    assert found.candidates == ()
    assert not [one for one in port.asked if "autoconfig.co.uk" in one]


def test_servers_that_could_never_be_dialled_are_no_candidates() -> None:
    records = {(f"_submissions._tcp.{DOMAIN}", SRV): (SRV(priority=0, weight=0, port=2525, host=f"smtp.{DOMAIN}"),)}
    found, _ = found_in(Internet(records=dict(records)))
    assert found.candidates == ()
    assert "may be dialled" in next(one.said for one in found.sources if one.source is Source.SRV)


def test_small_providers_are_not_believed_on_the_word_of_a_record() -> None:
    records = {
        (f"_submission._tcp.{DOMAIN}", SRV): (SRV(priority=0, weight=0, port=587, host="disroot.org"),),
        (f"_imaps._tcp.{DOMAIN}", SRV): (SRV(priority=0, weight=0, port=993, host="disroot.org"),),
    }
    found, _ = found_in(Internet(records=dict(records)))
    assert found.best is None
    assert found.unconfirmed[0].settings.preset == "disroot"


@pytest.mark.parametrize(
    "base", ["http://db.example/", "db.example", "https://", "https://u:p@db.example/", "", 5], ids=repr
)
def test_a_database_is_an_https_url(base: Any) -> None:
    with pytest.raises(InvalidSettings) as caught:
        found_in(Internet(), database=base)
    assert caught.value.problems[0].code == "database.url"


def test_the_base_of_the_database_needs_no_slash() -> None:
    _, port = found_in(Internet(pages={f"https://db.example/{DOMAIN}": document()}), database="https://db.example")
    assert f"GET https://db.example/{DOMAIN}" in port.asked


def test_a_domain_that_takes_no_mail_says_so() -> None:
    found, _ = found_in(Internet(records={(DOMAIN, MX): (MX(preference=0, host=""),)}))
    assert found.candidates == ()
    assert "takes no mail" in next(one.said for one in found.sources if one.source is Source.MX)


def test_the_web_server_of_who_takes_the_mail_is_asked_but_not_believed() -> None:
    """The MX record is plain DNS: whoever forges it would name the servers."""
    internet = Internet(
        records={(DOMAIN, MX): (MX(preference=1, host="mx2.hoster.example"),)},
        pages={
            "https://autoconfig.hoster.example/mail/config-v1.1.xml": document(
                "out.hoster.example", "in.hoster.example"
            )
        },
    )
    found, port = found_in(internet)
    assert found.best is None
    assert found.unconfirmed[0].settings.smtp.host == "out.hoster.example"
    assert f"GET https://autoconfig.hoster.example/mail/config-v1.1.xml?emailaddress={ADDRESS}" in port.asked


# -- SRV ---------------------------------------------------------------------------------------------------------------


def test_services_under_the_own_domain_are_believed_for_their_certificate() -> None:
    found, _ = found_in(Internet(records=dict(services())))
    assert found.best is not None
    assert (found.best.source, found.best.trust) == (Source.SRV, Trust.SAME_DOMAIN)


def test_services_elsewhere_must_be_confirmed() -> None:
    found, _ = found_in(Internet(records=dict(services("elsewhere.example"))))
    assert found.best is None
    assert found.unconfirmed[0].source is Source.SRV


def test_services_that_are_a_known_providers_own_need_no_confirmation() -> None:
    records = {
        (f"_submission._tcp.{DOMAIN}", SRV): (SRV(priority=0, weight=0, port=587, host="smtp.office365.com"),),
        (f"_imaps._tcp.{DOMAIN}", SRV): (SRV(priority=0, weight=0, port=993, host="outlook.office365.com"),),
    }
    found, _ = found_in(Internet(records=dict(records)))
    assert found.best is not None
    assert (found.best.trust, found.best.settings.preset) == (Trust.CATALOGUE, "microsoft_365")
    assert found.best.settings.credential.value == "oauth_token"


def test_of_several_services_the_priority_and_then_the_weight_decides() -> None:
    def srv(priority: int, weight: int, name: str, port: int = 465) -> SRV:
        return SRV(priority=priority, weight=weight, port=port, host=f"{name}.{DOMAIN}")

    records: dict[tuple[str, type[Any]], tuple[Any, ...]] = {
        (f"_submissions._tcp.{DOMAIN}", SRV): (srv(20, 9, "late"), srv(10, 1, "light"), srv(10, 5, "heavy")),
        (f"_imaps._tcp.{DOMAIN}", SRV): (SRV(priority=0, weight=0, port=0, host=""),),
        (f"_imap._tcp.{DOMAIN}", SRV): (SRV(priority=0, weight=0, port=143, host=f"box.{DOMAIN}"),),
    }
    found, _ = found_in(Internet(records=records))
    assert found.best is not None
    assert hosts(found) == (f"heavy.{DOMAIN}", f"box.{DOMAIN}")
    assert [one.settings.smtp.host.partition(".")[0] for one in found.candidates[:3]] == ["heavy", "light", "late"]


def test_a_question_that_fails_does_not_cost_the_others() -> None:
    """Some name servers do not answer about names that begin with an underscore, or about some of them."""
    internet = Internet(records=dict(services()), delays={f"SRV _submission._tcp.{DOMAIN}": 100.0})
    found, _ = found_in(internet, sources=[Source.SRV])
    assert hosts(found) == (f"smtp.{DOMAIN}", f"imap.{DOMAIN}")
    names = ("submissions", "submission", "imaps")
    silent = Internet(records=dict(services()), delays={f"SRV _{name}._tcp.{DOMAIN}": 100.0 for name in names})
    found, _ = found_in(silent, sources=[Source.SRV])
    assert outcomes(found)[Source.SRV] is Outcome.FAILED


def test_a_service_that_is_not_offered_is_not_asked_for_elsewhere_in_the_records() -> None:
    """The target "." says so (RFC 2782)."""
    none = SRV(priority=0, weight=0, port=0, host="")
    records = {(f"_{name}._tcp.{DOMAIN}", SRV): (none,) for name in ("submissions", "submission", "imaps", "imap")}
    found, _ = found_in(Internet(records=dict(records)))
    assert found.candidates == ()


def test_a_service_at_a_port_of_the_other_kind_is_left_out() -> None:
    records = {
        (f"_submissions._tcp.{DOMAIN}", SRV): (SRV(priority=0, weight=0, port=587, host=f"smtp.{DOMAIN}"),),
        (f"_submission._tcp.{DOMAIN}", SRV): (SRV(priority=0, weight=0, port=587, host=f"smtp.{DOMAIN}"),),
    }
    found, _ = found_in(Internet(records=dict(records)))
    assert found.candidates[0].settings.smtp.security.value == "starttls"
    assert found.best is not None
    assert found.best.settings.imap is None


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
    assert Outcome.FAILED in {one.outcome for one in found.sources if one.source is Source.AUTOCONFIG}


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


# -- who is asked at all -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("ana", "address.invalid"),
        ("", "address.invalid"),
        ("ana@localhost", "address.invalid"),
        ('"ana b"@acme.example', "address.quoted"),
        ("ana@acme.example\r\nX: y", "address.invalid"),
        ("ana@127.0.0.1", "address.invalid"),
        ("ana@[127.0.0.1]", "address.invalid"),
        ("ana@acme.example:25", "address.invalid"),
        ("ana@a/b.example", "address.invalid"),
        ("ana@xn--zzzzzz99999999.example", "address.invalid"),
        (None, "type.wrong"),
    ],
    ids=str,
)
def test_what_is_no_address_asks_nobody(address: Any, code: str) -> None:
    port = found_in(Internet(), sources=[])[1]
    with pytest.raises(InvalidSettings) as caught:
        found_in(Internet(), address)
    codes = {problem.code for problem in caught.value.problems}
    assert codes & {code, "text.control", "text.missing"}
    assert port.asked == []


@pytest.mark.parametrize(
    ("typed", "address", "user"),
    [
        (" Ana@ACME.Example. ", "Ana@acme.example", "Ana@acme.example"),
        ("ana+crm@acme.example", "ana+crm@acme.example", "ana@acme.example"),
        ("ana@bücher.example", "ana@xn--bcher-kva.example", "ana@xn--bcher-kva.example"),
    ],
)
def test_addresses_are_understood_as_people_type_them(typed: str, address: str, user: str) -> None:
    domain = address.partition("@")[2]
    records = {
        (f"_submissions._tcp.{domain}", SRV): (SRV(priority=0, weight=1, port=465, host=f"smtp.{domain}"),),
    }
    found, _ = found_in(Internet(records=dict(records)), typed)
    assert found.best is not None
    assert (found.address, found.best.settings.smtp_user) == (address, user)


def test_a_near_miss_gets_a_suggestion() -> None:
    found, _ = found_in(Internet(), "ana@gmial.com")
    assert found.suggestion == "ana@gmail.com"
    assert "ana@gmail.com" in str(found)
    assert found_in(Internet())[0].suggestion == ""


def test_a_domain_whose_servers_lie_inside_finds_nothing() -> None:
    inside = {DOMAIN, f"autoconfig.{DOMAIN}", f"autodiscover.{DOMAIN}", f"imap.{DOMAIN}", f"smtp.{DOMAIN}"}
    internet = Internet(pages={AUTOCONFIG: document()}, mail={(f"imap.{DOMAIN}", 993)}, inside=inside)
    found, port = found_in(internet)
    assert (found.candidates, port.dialled) == ((), [])
    refused = {one.said for one in found.sources if one.outcome is Outcome.REFUSED}
    assert len(refused) == 1


def test_conflicts_are_told_with_who_says_what() -> None:
    internet = Internet(
        records=dict(services()),
        pages={LISTED: document("smtp.old.example", "imap.old.example"), AUTOCONFIG: document()},
    )
    found, _ = found_in(internet, grace=20.0)
    assert [conflict.protocol for conflict in found.conflicts] == ["smtp", "imap"]
    said = {source: endpoint.host for source, endpoint in found.conflicts[0].said}
    assert said[Source.DATABASE] == "smtp.old.example"
    assert said[Source.SRV] == said[Source.AUTOCONFIG] == f"smtp.{DOMAIN}"
    agreeing = next(one for one in found.candidates if one.settings.smtp.host == f"smtp.{DOMAIN}")
    assert (agreeing.source, agreeing.agreeing) == (Source.AUTOCONFIG, (Source.SRV,))
    assert found_in(Internet(pages={AUTOCONFIG: document(), LISTED: document()}), grace=20.0)[0].conflicts == ()


def test_a_domain_that_must_not_be_asked_about_is_refused() -> None:
    with pytest.raises(NotPermitted) as caught:
        found_in(Internet(forbidden={DOMAIN}))
    assert caught.value.endpoint is None
    # The catalogue asks nobody.
    found, port = found_in(Internet(forbidden={DOMAIN}), sources=[Source.CATALOGUE])
    assert (found.candidates, port.asked) == ((), [])


def test_a_domain_whose_web_servers_must_not_be_dialled_is_not_refused() -> None:
    """What may be asked about and what may be dialled are two things."""
    inside = {f"autoconfig.{DOMAIN}", DOMAIN}
    found, _ = found_in(Internet(inside=inside), sources=[Source.AUTOCONFIG])
    assert [one.outcome for one in found.sources if one.source is Source.AUTOCONFIG] == [Outcome.REFUSED] * 2


@pytest.mark.parametrize("host", ["mx.nobody.example", "mx1.filtered.pphosted.com"], ids=["unknown", "filter"])
def test_who_takes_the_mail_is_told_although_who_is_behind_cannot_be_asked(host: str) -> None:
    records = {(DOMAIN, MX): (MX(preference=1, host=host),)}
    delays = {f"CNAME autodiscover.{DOMAIN}": 100.0}
    found, _ = found_in(Internet(records=records, delays=delays), grace=60.0)
    (said,) = (one for one in found.sources if one.source is Source.MX)
    assert said.outcome is Outcome.NOTHING
    assert host in said.said
    behind = Source.MAIL_FILTER if "pphosted" in host else Source.MX_AUTOCONFIG
    assert outcomes(found)[behind] is Outcome.FAILED
