"""Who is asked about which address at all, and what is told of the answers."""

from __future__ import annotations

from typing import Any

import pytest

from tether_mailconf import InvalidSettings, NotPermitted, Source
from tether_mailconf._ports import MX, SRV
from tether_mailconf.discovery import Answer

from .asked import AUTOCONFIG, DOMAIN, LISTED, document, found_in, outcomes, services
from .world import Internet


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
    refused = {one.said for one in found.sources if one.outcome is Answer.REFUSED}
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
    assert [one.outcome for one in found.sources if one.source is Source.AUTOCONFIG] == [Answer.REFUSED] * 2


@pytest.mark.parametrize("host", ["mx.nobody.example", "mx1.filtered.pphosted.com"], ids=["unknown", "filter"])
def test_who_takes_the_mail_is_told_although_who_is_behind_cannot_be_asked(host: str) -> None:
    records = {(DOMAIN, MX): (MX(preference=1, host=host),)}
    delays = {f"CNAME autodiscover.{DOMAIN}": 100.0}
    found, _ = found_in(Internet(records=records, delays=delays), grace=60.0)
    (said,) = (one for one in found.sources if one.source is Source.MX)
    assert said.outcome is Answer.NOTHING
    assert host in said.said
    behind = Source.MAIL_FILTER if "pphosted" in host else Source.MX_AUTOCONFIG
    assert outcomes(found)[behind] is Answer.FAILED
