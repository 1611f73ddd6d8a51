"""What the catalogue, mail exchangers and service records tell, and how far each is believed."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from tether_mailconf import InvalidSettings, Source, Trust
from tether_mailconf._ports import CNAME, MX, SRV, TXT
from tether_mailconf.discovery import Answer

from .asked import (
    ADDRESS,
    AUTOCONFIG,
    DOMAIN,
    document,
    found_in,
    hosts,
    outcomes,
    services,
)
from .world import Internet

FILTERED: dict[tuple[str, type[Any]], tuple[Any, ...]] = {
    (DOMAIN, MX): (MX(preference=1, host="mx1.acme.pphosted.com"),)
}


GOOGLE = TXT(text="v=spf1 include:_spf.google.com -all")


def test_a_domain_of_the_catalogue_asks_nobody() -> None:
    found, port = found_in(Internet(pages={AUTOCONFIG: document()}), "ana@gmail.com")
    assert hosts(found) == ("smtp.gmail.com", "imap.gmail.com")
    assert (found.requests, port.asked, found.seconds) == (0, [], 0.0)
    assert found.best is not None
    assert (found.best.trust, found.best.settings.preset) == (Trust.CATALOGUE, "gmail")
    assert outcomes(found)[Source.MX] is Answer.SKIPPED


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
    assert outcomes(found) == {Source.CATALOGUE: Answer.NOTHING}


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
    assert outcomes(found)[Source.SRV] is Answer.FAILED


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
