"""No redirect and no second look-up leads to where nobody may go."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import pytest

from tether_mailconf import NetworkPolicy, Source
from tether_mailconf.sandbox import Internet, Sandbox, WebAnswer, WebRequest
from tether_mailconf.sandbox.internet import Site

from .domains import AUTODISCOVER, CONFIG, HERE
from .inside import REFUSED, redirecting
from .strangers import COLOURS, Trap, discovered, policy

"""Loopback that no policy here permits."""


MOVED = f"autoconfig A {HERE}\nautodiscover A {HERE}\nhop A {HERE}\ninside A {REFUSED}"


# -- redirects ---------------------------------------------------------------------------------------------------------


@attrs.define
class Moved:
    """A domain whose web servers send everybody elsewhere."""

    sandbox: Sandbox
    trap: Trap
    where: list[str]

    @property
    def network(self) -> NetworkPolicy:
        return policy(NetworkPolicy, self.sandbox, networks=(f"{HERE}/32",))


@pytest.fixture(scope="module")
def moved() -> Iterator[Moved]:
    where = [""]

    def redirect(request: WebRequest) -> WebAnswer:
        if request.method == "POST":
            return WebAnswer(body=redirecting(where[0]))
        return WebAnswer(status=302, headers={"Location": where[0]})

    def hop(status: int) -> Site:
        return {
            f"/{number}": WebAnswer(status=status, headers={"Location": f"https://hop.moved.test/{number + 1}"})
            for number in range(1, 20)
        }

    sites: dict[str, Site] = {
        "autoconfig.moved.test": {CONFIG: redirect},
        "autodiscover.moved.test": {AUTODISCOVER: redirect},
        "hop.moved.test": {
            **hop(307),
            "/round": WebAnswer(status=301, headers={"Location": "/round"}),
            "/in": redirect,
        },
    }
    with (
        Sandbox(internet=Internet(zones={"moved.test": MOVED}, sites=sites)) as sandbox,
        Trap() as trap,
    ):
        for port in sandbox.network.forwarded.values():
            trap.listen(REFUSED, port)
        yield Moved(sandbox, trap, where)


TARGETS = (
    "http://hop.moved.test/",
    "http://127.0.0.9/",
    "HTTP://127.0.0.9/",
    "https://hop.moved.test:8443/",
    "https://hop.moved.test:22/",
    "https://hop.moved.test:0/",
    "https://hop.moved.test:65536/",
    "https://hop.moved.test:a/",
    "https://127.0.0.9/",
    "//127.0.0.9/",
    "https://127.9/",
    "https://127.0.9/",
    "https://2130706441/",
    "https://0x7f000009/",
    "https://0x7f.0.0.9/",
    "https://0177.0.0.011/",
    "https://017700000011/",
    "https://127.0.0.9./",
    "https://[::1]/",
    "https://[::ffff:127.0.0.9]/",
    "https://[::ffff:7f00:9]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[fe80::1%25lo]/",
    "https://[127.0.0.9]/",
    "https://%31%32%37.0.0.9/",
    "https://\u2460\u2461\u2466.0.0.9/",
    "https://hop.moved.test@127.0.0.9/",
    "https://127.0.0.9@hop.moved.test/",
    "https://user:pass@hop.moved.test/",
    "https://@hop.moved.test/",
    "https://hop.moved.test\\@127.0.0.9/",
    "https:\\\\127.0.0.9/",
    "https://hop.moved.test#@127.0.0.9/",
    "https://hop.moved.test/#fragment",
    "https://inside.moved.test/",
    "https://inside.moved.test./",
    "https://127.0.0.9:443/",
    "https://hop.moved.test /",
    "https://hop.moved.test,127.0.0.9/",
    "https://localhost/",
    "ftp://hop.moved.test/",
    "file:///etc/passwd",
    "gopher://hop.moved.test/",
    "javascript:alert(1)",
    "data:text/xml,<clientConfig/>",
    "ldap://hop.moved.test/",
    "jar:https://hop.moved.test/",
    "https://0.0.0.0/",
    "https://0/",
    "https://[::]/",
    "https://[::127.0.0.9]/",
    "https://[::ffff:0:127.0.0.9]/",
    "https://[64:ff9b::7f00:9]/",
    "https://[64:ff9b:1::7f00:9]/",
    "https://[2002:7f00:9::]/",
    "https://127.000.000.009/",
    "https://0x7f.1/",
    "https://127.0.0.9%00.moved.test/",
    "https://127.0.0.9%2f@hop.moved.test/",
    "https://hop.moved.test:443@127.0.0.9/",
    "https://hop.moved.test%2e127.0.0.9/",
    "https://169.254.169.254/latest/meta-data/",
    "https://metadata.google.internal/",
    # `urljoin` would take these letters out, and go where no other reader is led to.
    "https://hop.mo\tved.test/",
    "https:/\t/hop.moved.test/",
    "htt\tps://hop.moved.test/",
    "https://hop.moved.test/\x0b",
    "https://hop.moved.test/\x1b",
    "https://hop.moved.test/\x7f",
    "\x0chttps://hop.moved.test/",
    "\x01https://hop.moved.test/",
)


# What an URL may be is decided in one place for both colours, and so is what becomes of a redirect.
@pytest.mark.parametrize(
    ("colour", "number"),
    [("aio", number) for number in range(len(TARGETS))] + [("sync", number) for number in range(0, len(TARGETS), 8)],
)
def test_a_redirect_to_where_nobody_may_go_ends_there(moved: Moved, number: int, colour: str) -> None:
    """By HTTP, and by the words of Autodiscover."""
    moved.sandbox.clear_logs()
    moved.where[0] = TARGETS[number]
    found = discovered(
        colour, "ana@moved.test", moved.sandbox, moved.network, sources=[Source.AUTOCONFIG, Source.AUTODISCOVER]
    )
    assert found.candidates == ()
    assert moved.trap.caught() == 0
    assert sorted(request.host for request in moved.sandbox.requests) == [
        "autoconfig.moved.test",
        "autodiscover.moved.test",
    ]
    assert "root:" not in str(found)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("start", ["/1", "/round"])
def test_no_more_redirects_are_followed_than_the_share_of_a_source_allows(
    moved: Moved, start: str, colour: str
) -> None:
    moved.sandbox.clear_logs()
    moved.where[0] = f"https://hop.moved.test{start}"
    found = discovered(colour, "ana@moved.test", moved.sandbox, moved.network, sources=[Source.AUTOCONFIG])
    assert [request.host for request in moved.sandbox.requests] == ["autoconfig.moved.test", "hop.moved.test"]
    assert any("its share of the requests" in one.said for one in found.sources)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("start", ["/1", "/round", "/in"])
def test_redirects_of_both_kinds_are_counted_together(moved: Moved, start: str, colour: str) -> None:
    """Autodiscover redirects in its own words as well; who mixes both gets no further."""
    moved.sandbox.clear_logs()
    moved.where[0] = f"https://hop.moved.test{start}"
    found = discovered(colour, "ana@moved.test", moved.sandbox, moved.network, sources=[Source.AUTODISCOVER])
    assert found.candidates == ()
    assert [request.method for request in moved.sandbox.requests] == ["POST"] * 2
    assert found.requests == 2


@pytest.mark.parametrize("colour", COLOURS)
def test_proxies_of_the_environment_are_not_used(
    moved: Moved, trap: Trap, monkeypatch: pytest.MonkeyPatch, colour: str
) -> None:
    proxy = f"http://127.0.0.1:{trap.listen('127.0.0.1')}"
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, proxy)
    moved.sandbox.clear_logs()
    moved.where[0] = "https://hop.moved.test/nothing"
    discovered(colour, "ana@moved.test", moved.sandbox, moved.network, sources=[Source.AUTOCONFIG])
    assert len(moved.sandbox.requests) == 2
    assert trap.caught() == 0
