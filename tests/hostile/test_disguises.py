"""An address of our own network stays one, however it is written: no host, URL or domain leads there in disguise."""

from __future__ import annotations

import pytest

from tether_mailconf import Endpoint, InvalidSettings, NetworkPolicy, NotPermitted, Security, discover
from tether_mailconf._drivers.web import web_endpoint
from tether_mailconf._ports import HttpRequest
from tether_mailconf.discovery.query import MOST_REDIRECTS

DISGUISES = (
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "127.1.",
    "0",
    "0.",
    "0.0.0.0",
    "2130706433",
    "2130706433.",
    "0x7f000001",
    "0X7F000001",
    "0x7f.1",
    "0x7f.0x0.0x0.0x1",
    "0x7f.0.0.1.",
    "0x",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "127.0.0.01",
    "127.0.0.1.0x",
    "00000127.0.0.1",
    "256.256.256.383",
    "127.0.0.1%00",
    "127.0.0.1\u3002",
    "127\u30020\u30020\u30021",
    "127\uff0e0\uff0e0\uff0e1",
    "127\uff610.0.1",
    "\uff11\uff12\uff17.0.0.1",
    "\u2460\u2461\u2466.0.0.1",
    "\u0661\u0662\u0667.\u0660.\u0660.\u0661",
    "1\u00ad27.0.0.1",
    "1\u200b27.0.0.1",
    "\u24da\u24da.localhost",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "lo\u00adcalhost",
    "\u24dbocalhost",
    "\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54",
    "mail.localhost",
    "mail.LocalHost.",
    "mail.\uff4cocalhost",
    "xn--localhost-",
    "mail.local",
    "mail.internal",
    "metadata.google.internal.",
    "printer.home.arpa",
    "router.lan",
    "router",
    "::1",
    "[::1]",
    "0:0:0:0:0:0:0:1",
    "::",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::FFFF:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::",
    "2001:0:7f00:1::",
    "fe80::1",
    "fe80::1%lo",
    "fe80::1%25lo",
    "fe80::1%eth0.example.com",
    "::1%1",
    "fc00::1",
    "fec0::1",
    "ff02::1",
    "169.254.169.254",
    "168.63.129.16",
    "100.100.100.200",
    "user@127.0.0.1",
    "127.0.0.1@example.com",
    "127.0.0.1#example.com",
    "127.0.0.1?.example.com",
    "127.0.0.1\\.example.com",
    "127.0.0.1/.example.com",
    "127.0.0.1:25",
    "127.0.0.1 .example.com",
    "127.0.0.1\t",
    "127.0.0.1\r\nHost: example.com",
    "127.0.0.1\0.example.com",
    "example.com\0.127.0.0.1",
    "%31%32%37.0.0.1",
    "%6cocalhost",
)


@pytest.mark.parametrize("host", DISGUISES, ids=ascii)
def test_a_host_in_disguise_is_no_host_or_may_not_be_dialled(host: str) -> None:
    try:
        endpoint = Endpoint(host=host, port=465, security=Security.TLS)
    except InvalidSettings as error:
        is_refused = {problem.field for problem in error.problems} == {"host"}
    else:
        is_refused = not NetworkPolicy().permits(endpoint.host, endpoint.port)
    assert is_refused


@pytest.mark.parametrize(
    "form", ["https://{}/", "https://[{}]/", "https://{}:443/x", "https://a@{}/", "https://{}\\@a.example/"]
)
@pytest.mark.parametrize("host", DISGUISES, ids=ascii)
def test_a_url_in_disguise_is_no_url_or_may_not_be_dialled(host: str, form: str) -> None:
    try:
        endpoint = web_endpoint(HttpRequest(method="GET", url=form.format(host)))
    except NotPermitted:
        return
    assert not NetworkPolicy().permits(endpoint.host, endpoint.port), endpoint


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "file:///etc/passwd",
        "ftp://example.com/",
        "gopher://example.com/",
        "dict://example.com/",
        "data:text/xml,<a/>",
        "//example.com/",
        "/etc/passwd",
        "javascript:1",
        "https:example.com",
        "https:/example.com/",
        "https:///example.com",
        "https://",
        "https://:443/",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:x/",
        "https://example.com:-1/",
        "https://example.com:443:443/",
        "https://[::1",
        "https://]/",
        " https://example.com/",
        "https://example.com/ ",
        "https://example.com/#a",
        "https://exa\tmple.com/",
        "https://example.com\r\n/",
        "https://example.com/\r\nHost: a",
        "https://u:p@example.com/",
        "https://ex%61mple.com/",
        "https://b\u00fccher.example/",
        "https://example.com\u3002/",
        "jar:https://example.com!/",
        "https://example.com\\a",
    ],
    ids=ascii,
)
def test_what_is_no_plain_https_url_is_never_asked(url: str) -> None:
    with pytest.raises(NotPermitted):
        web_endpoint(HttpRequest(method="GET", url=url))


def test_a_plain_url_and_a_plain_host_may_be_asked() -> None:
    endpoint = web_endpoint(HttpRequest(method="GET", url="https://autoconfig.example.com:443/a?b=c"))
    assert NetworkPolicy().permits(endpoint.host, endpoint.port)
    assert NetworkPolicy().permits("8.8.8.8", 465)
    assert MOST_REDIRECTS <= 3


@pytest.mark.parametrize("host", [host for host in DISGUISES if "@" not in host], ids=ascii)
def test_a_domain_in_disguise_is_refused_or_nobody_is_asked(host: str) -> None:
    """Name servers are asked at a port where nobody listens, so a question would show as a failure, not a refusal."""
    try:
        report = discover(f"ana@{host}", network=NetworkPolicy(name_servers=("127.0.0.1:9",)), deadline=5.0)
    except (InvalidSettings, NotPermitted):
        return
    assert report.candidates == ()
    said = {one.outcome.value for one in report.sources}
    assert said <= {"refused", "nothing", "skipped"}, str(report)
