"""The whole of the catalogue is looked through: every file and every line of it, all faults at once."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from urllib.parse import urlsplit

import pytest
from publicsuffixlist import PublicSuffixList

from tether_mailconf import Filer, presets
from tether_mailconf.host_name import read_host
from tether_mailconf.oauth import known_issuer
from tether_mailconf.presets import Preset, Retirement, UserForm
from tether_mailconf.presets.tables import Table, content, table
from tether_mailconf.settings import CredentialKind

LINK = "https://example.com/"
TABLES = ("domains.txt", "mx.txt", "spf.txt", "autodiscover.txt", "filters.txt", "servers.txt", "common.txt")
ALL = {name: presets.get(name) for name in presets.ids()}


def faults_of(preset: Preset) -> Iterator[str]:
    """Yield what is wrong with a provider's file; that it can be read at all, its reading has shown."""
    is_named = preset.id != "custom"
    has_issuer = bool(preset.oauth_issuer)
    wrong = {
        "checked": not re.fullmatch(r"20\d\d-(0\d|1[0-2])", preset.checked),
        "no source": is_named and not preset.sources,
        "a label": not 2 <= len(preset.label.strip()) <= 70 or not preset.label.isprintable(),
        "neither servers nor a reason why not, or both": is_named and bool(preset.smtp) == bool(preset.unavailable),
        "a reason is a sentence": bool(preset.unavailable) and not preset.unavailable.endswith("."),
        "a server twice": any(len(kind) != len(set(kind)) for kind in (preset.smtp, preset.imap)),
        "a port of SMTP": any(endpoint.port in (25, 143, 993) for endpoint in preset.smtp),
        "a port of IMAP": any(endpoint.port not in (143, 993) for endpoint in preset.imap),
        "works": len(preset.works) != len(set(preset.works)) or CredentialKind.HOST in preset.works,
        "a retirement": not all(is_fit(one, preset) for one in preset.retired),
        "a first step": not all(one.text.endswith(".") and is_link(one.url or LINK) for one in preset.first),
        "a source": not all(is_source(source) for source in preset.sources),
        "a limit": not all(limit.strip() for limit in preset.limits),
        "superseded by an old one": preset.is_old and presets.get(preset.superseded_by or "").is_old,
        "tokens need an issuer": is_named and (CredentialKind.OAUTH_TOKEN in preset.works) != has_issuer,
        "scopes": has_issuer and known_issuer(preset.oauth_issuer or "").scopes != preset.oauth_scopes,
    }
    return (fault for fault, is_so in wrong.items() if is_so)


def is_fit(one: Retirement, preset: Preset) -> bool:
    has_day = re.fullmatch(r"(20\d\d(-\d\d-\d\d)?)?", one.since) is not None
    return has_day and one.reason.endswith(".") and bool(one.source) and not set(one.kinds) & set(preset.works)


def is_source(text: str) -> bool:
    return bool(text.strip()) and (not text.startswith("http") or is_link(text.replace("http://", "https://", 1)))


def is_link(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" and "." in (parts.hostname or "") and url.isascii() and " " not in url


def test_every_provider_is_described_as_it_should_be() -> None:
    faults = [f"{preset.id}: {fault}" for preset in ALL.values() for fault in faults_of(preset)]
    assert faults == []


def test_there_are_many() -> None:
    assert len(ALL) >= 250
    assert len(list(table("domains.txt").lines())) >= 1200


def test_no_two_have_the_same_label() -> None:
    labels = [preset.label for preset in ALL.values()]
    assert sorted(label for label in labels if labels.count(label) > 1) == []


def test_every_file_in_the_folder_is_a_providers() -> None:
    names = [entry.name for entry in files("tether_mailconf.presets").joinpath("providers").iterdir()]
    assert [name for name in names if not re.fullmatch(r"[a-z0-9_]{1,64}\.toml", name)] == []


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_sorted_and_says_each_name_once(name: str) -> None:
    lines = [line for line in content(name).splitlines(keepends=True) if not line.startswith(b"#")]
    assert lines == sorted(lines)
    assert content(name).startswith(b"# ")
    assert all(re.fullmatch(rb"[!-~]+ [ -~]+\n", line) for line in lines)
    names = [line.partition(b" ")[0] for line in lines]
    assert len(names) == len(set(names))
    if name != "filters.txt":
        assert {value for _, value in table(name).lines()} <= set(ALL)
    for line in lines:
        found = table(name).find(line.partition(b" ")[0].decode())
        assert found == line.partition(b" ")[2].decode().strip(), line


def test_every_domain_is_one_under_which_nobody_else_registers() -> None:
    suffixes = PublicSuffixList()
    faults = []
    for listed, _ in table("domains.txt").lines():
        name = listed.removeprefix(".")
        if read_host(name) != name or suffixes.privatesuffix(name) is None:
            faults.append(name)
    assert faults == []


def test_hosts_of_the_tables_are_host_names() -> None:
    for name in ("mx.txt", "autodiscover.txt", "filters.txt", "servers.txt"):
        assert [host for host, _ in table(name).lines() if read_host(host) != host] == [], name


def test_no_filter_is_a_provider() -> None:
    filters = [host for host, _ in table("filters.txt").lines()]
    assert [host for host in filters if presets.by_mx(host) is not None] == []
    assert [host for host, _ in table("mx.txt").lines() if presets.mail_filter(host) is not None] == []


def test_servers_and_providers_are_the_same_seen_from_both_sides() -> None:
    named = {endpoint.host for preset in ALL.values() for endpoint in (*preset.smtp, *preset.imap)}
    assert {host for host, _ in table("servers.txt").lines()} == named
    for host, owner in table("servers.txt").lines():
        assert host in {endpoint.host for endpoint in (*ALL[owner].smtp, *ALL[owner].imap)}
        assert not ALL[owner].is_old


def test_relays_never_file() -> None:
    relays = [one for one in ALL.values() if one.smtp_user is UserForm.GIVEN and not (one.imap or one.domains)]
    assert len(relays) > 30
    for relay in relays:
        assert {presets.filer_of(endpoint.host, "imap.example.com") for endpoint in relay.smtp} == {Filer.CLIENT}


# -- looking things up -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("gmail.com", "gmail"),
        ("GoogleMail.COM.", "gmail"),
        ("foo.gmail.com", None),
        ("notgmail.com", None),
        ("gmail.com.evil.example", None),
        ("acme.onmicrosoft.com", "microsoft_365"),
        ("a.b.onmicrosoft.com", "microsoft_365"),
        ("onmicrosoft.com", "microsoft_365"),
        ("hotmail.com.tw", "outlook"),
        ("zohomail.eu", "zoho_eu"),
        ("zohomail.in", "zoho_in"),
        ("proton.me", "proton"),
        ("acme.example", None),
        ("", None),
        (".", None),
        ("gmail.com\n", None),
        ("a b", None),
        ("gmail", None),
        ("x" * 400, None),
    ],
)
def test_a_domain_leads_to_whose_it_is(domain: str, expected: str | None) -> None:
    found = presets.by_domain(domain)
    assert (None if found is None else found.id) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("gmail-smtp-in.l.google.com", "gmail"),
        ("alt3.aspmx.l.google.com", "google_workspace"),
        ("SMTP.Google.com.", "google_workspace"),
        ("acme-example.mail.protection.outlook.com", "microsoft_365"),
        ("acme-example.a-v1.mx.microsoft", "microsoft_365"),
        ("hotmail-com.olc.protection.outlook.com", "outlook"),
        ("mx2.zoho.eu", "zoho_paid_eu"),
        ("mx.zoho.com", "zoho_paid_us"),
        ("xmx.microsoft", None),
        ("evil-smtp.google.com", None),
        ("google.com", None),
        ("mx01.mail.icloud.com", "icloud_own_domain"),
        ("mx2.mail.ovh.net", "ovh"),
        ("vps-1234.vps.ovh.net", None),
        ("static.1.2.3.4.clients.your-server.de", None),
        ("ip-1-2-3-4.ip.secureserver.net", None),
        ("mx-biz.mail.am0.yahoodns.net", None),
        ("mx.zoho.in", "zoho_paid_in"),
        ("mail.protection.outlook.com.evil.example", None),
        ("", None),
    ],
)
def test_the_host_of_an_mx_record_leads_to_whose_it_is_between_labels_only(host: str, expected: str | None) -> None:
    found = presets.by_mx(host)
    assert (None if found is None else found.id) == expected


def test_what_is_behind_a_filter_is_told_by_other_records() -> None:
    assert presets.mail_filter("mx1.acme.pphosted.com") == "Proofpoint"
    assert presets.mail_filter("eu-smtp-inbound-1.mimecast.com") == "Mimecast"
    assert presets.mail_filter("notmimecast.com") is None
    spf, alias = presets.by_spf_include("_SPF.google.com."), presets.by_autodiscover("autodiscover.outlook.com")
    assert spf is not None
    assert spf.id == "google_workspace"
    assert alias is not None
    assert alias.id == "microsoft_365"
    assert presets.by_spf_include("google.com") is None
    assert presets.by_autodiscover("autodiscover.acme.example") is None


def test_a_server_leads_to_the_preset_that_is_offered_first() -> None:
    found = presets.by_server("smtp.gmail.com")
    assert found is not None
    assert found.id == "gmail"
    assert presets.by_server("smtp.acme.example") is None


def test_the_domains_of_a_provider() -> None:
    assert {"outlook.com", "hotmail.com", "live.com"} <= set(presets.OUTLOOK.domains)
    assert presets.GMAIL_APP_PASSWORD.domains == presets.GMAIL.domains == ("gmail.com", "googlemail.com")
    assert presets.MICROSOFT_365.domains == ("onmicrosoft.com", "office365.com")
    assert presets.CUSTOM.domains == ()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("gmial.com", "gmail.com"),
        ("gmail.con", "gmail.com"),
        ("gmail.co", "gmail.com"),
        ("gmal.com", "gmail.com"),
        ("gmaill.com", "gmail.com"),
        ("hotmial.com", "hotmail.com"),
        ("hotmai.com", "hotmail.com"),
        ("outlok.com", "outlook.com"),
        ("outlook.con", "outlook.com"),
        ("icloud.co", "icloud.com"),
        ("yaho.com", "yahoo.com"),
        ("yahoo.con", "yahoo.com"),
        ("protonmial.con", "protonmail.com"),
        ("t-onlin.de", "t-online.de"),
    ],
)
def test_near_misses_get_a_suggestion(typed: str, meant: str) -> None:
    assert presets.suggestion(typed) == meant


@pytest.mark.parametrize(
    "domain",
    [
        *("gmail.com", "mail.com", "gmx.de", "gmx.com", "ymail.com", "email.cz", "me.com", "live.de", "hey.com"),
        *(
            "uol.com",
            "web.dk",
            "acme.example",
            "mails.example",
            "hotmail.de",
            "yahoo.ca",
            "qq.example",
            "",
            "x",
            "a b",
            "example.org",
        ),
    ],
)
def test_who_types_it_right_is_not_disturbed(domain: str) -> None:
    assert presets.suggestion(domain) is None


# -- the tables themselves ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1000])
def test_every_line_of_a_table_is_found_and_nothing_else(count: int) -> None:
    names = sorted(f"n{index}.example" for index in range(0, 2 * count, 2))
    made = Table(b"# a comment\n# another\n" + b"".join(f"{name} v-{name}\n".encode() for name in names))
    assert [made.find(name) for name in names] == [f"v-{name}" for name in names]
    assert {made.find(f"n{index}.example") for index in range(1, 2 * count, 2)} <= {None}
    assert {made.find(name) for name in ("", "a", "#", "# a", "z", "n", "n0.exampl", "n0.example v", "é")} == {None}


def test_the_longest_suffix_counts() -> None:
    made = Table(b"a.example one\nb.a.example two\n")
    assert [made.find_suffix(name) for name in ("a.example", "x.b.a.example", "ba.example", "example", "")] == [
        "one",
        "two",
        None,
        None,
        None,
    ]


def test_nothing_is_read_before_it_is_asked() -> None:
    """And then only the files that the answer needs."""
    code = (
        "import tether_mailconf.presets as presets;"
        "from tether_mailconf.presets.catalogue import _read as read;"
        "from tether_mailconf.presets.tables import content;"
        "print('read', content.cache_info().currsize, read.cache_info().currsize);"
        "presets.by_domain('web.de'); print(content.cache_info().currsize, read.cache_info().currsize)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["read", "0", "0", "1", "1"]
