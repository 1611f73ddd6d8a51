"""Where a web request may go, what of this machine's settings it looks at, and what it leaves as it was."""

from __future__ import annotations

import ssl
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from tether_mailconf import InvalidSettings, NetworkPolicy
from tether_mailconf._drivers.tls import trust
from tether_mailconf._ports import HttpRequest
from tether_mailconf.errors import NotPermitted, Step, Unreachable
from tether_mailconf.secret import Secret

from ..mailer.post import closed_port
from ..mailer.raw_server import Peer, RawServer
from .asking import Colour, answering, hear_request, page
from .conftest import Serve

REFUSED = (
    "http://127.0.0.1:{port}/token",
    "ftp://127.0.0.1:{port}/token",
    "//127.0.0.1:{port}/token",
    "127.0.0.1:{port}",
    "",
    "https:/127.0.0.1:{port}/",
    "https://",
    "https://:{port}/",
    "https:///token",
    "https://user@127.0.0.1:{port}/",
    "https://user:word@127.0.0.1:{port}/",
    "https://@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}@example.com/",
    "https://127.0.0.1:{port}/#part",
    "https://127.0.0.1:{port}/\r\nHost: other",
    "https://127.0.0.1:{port}/a b",
    "https://127.0.0.1:{port}/\x00",
    "https://127.0.0.1:{port}/ä",
    "https://127.0.0.1:{port}\\@example.com/",
    " https://127.0.0.1:{port}/",
    "https://127.0.0.1:0/",
    "https://127.0.0.1:99999/",
    "https://127.0.0.1:4x3/",
    "https://[127.0.0.1]:{port}/",
    "https://[::1/",
    "https://127.1:{port}/",
    "https://2130706433:{port}/",
)


@pytest.mark.parametrize("url", REFUSED)
def test_what_is_no_plain_https_url_is_not_dialled(colour: Colour, serve: Serve, url: str) -> None:
    web = serve(answering(page(b"caught")))
    with pytest.raises(NotPermitted) as caught:
        web.ask(colour, HttpRequest(method="GET", url=url.format(port=web.server.port)))
    assert caught.value.step is Step.TOKEN
    assert caught.value.__context__ is None
    assert web.server.served == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
@pytest.mark.parametrize("networks", [(), ("10.0.0.0/8",)])
def test_this_machine_is_asked_only_if_the_host_permits_it(
    colour: Colour, serve: Serve, host: str, networks: tuple[str, ...]
) -> None:
    web = serve(answering(page(b"caught")))
    io = colour.io(NetworkPolicy(networks=networks, ports=frozenset({web.server.port})), web.ca_file)
    request = HttpRequest(method="GET", url=f"https://{host}:{web.server.port}/")
    with pytest.raises(NotPermitted) as caught:
        colour.run(io.fetch(request, io.deadline(30)))
    assert caught.value.endpoint is not None
    assert web.server.served == 0


def test_a_port_that_is_not_permitted_is_not_dialled(colour: Colour, serve: Serve) -> None:
    web = serve(answering(page(b"caught")))
    io = colour.io(NetworkPolicy(networks=("127.0.0.0/8",)), web.ca_file)
    with pytest.raises(NotPermitted):
        colour.run(io.fetch(web.secretive(), io.deadline(30)))
    assert web.server.served == 0


def test_a_port_where_nobody_listens(colour: Colour, serve: Serve) -> None:
    web, port = serve(Peer.hear_all), closed_port()
    io = colour.io(attrs.evolve(web.network, ports=frozenset({port})), web.ca_file)
    with pytest.raises(Unreachable) as caught:
        colour.run(io.fetch(HttpRequest(method="GET", url=f"https://127.0.0.1:{port}/"), io.deadline(30)))
    assert caught.value.step is Step.TOKEN
    assert caught.value.endpoint is not None


def test_a_ca_file_that_cannot_be_read(colour: Colour, serve: Serve, tmp_path: Path) -> None:
    web = serve(Peer.hear_all)
    with pytest.raises(InvalidSettings):
        attrs.evolve(web, ca_file=tmp_path / "none.pem").ask(colour)
    assert web.server.served == 0


def test_the_environment_is_not_looked_at(
    colour: Colour, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[dict[str, str]] = []

    def behave(peer: Peer) -> None:
        heard.append(hear_request(peer)[1])
        peer.say_bytes(page(b"ok"))
        peer.hear_all()

    web = serve(behave)
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ana password word\ndefault login ana password word\n")
    netrc.chmod(0o600)
    with RawServer(Peer.hear_all) as proxy:
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
        monkeypatch.setenv("CURL_CA_BUNDLE", str(tmp_path / "none.pem"))
        assert web.ask(colour, HttpRequest(method="GET", url=web.url())).body == Secret("ok")
        assert proxy.served == 0
    assert "authorization" not in heard[0]


def state(context: ssl.SSLContext) -> tuple[object, ...]:
    """Return what a context trusts and demands; OpenSSL sorts the authorities when it first looks for one."""
    authorities = sorted(context.get_ca_certs(binary_form=True))
    return context.cert_store_stats(), authorities, context.options, context.verify_flags


def test_the_shared_tls_context_stays_as_it_was(colour: Colour, serve: Serve) -> None:
    offered: list[str | None] = []

    def behave(peer: Peer) -> None:
        assert isinstance(peer._stream, ssl.SSLSocket)
        offered.append(peer._stream.selected_alpn_protocol())
        answering(page(b"ok"))(peer)

    web = serve(behave)
    assert web.server._context is not None
    web.server._context.set_alpn_protocols(["http/1.1"])
    context = trust(web.ca_file)
    before = state(context)
    for _ in range(2):
        web.ask(colour)
    assert state(context) == before
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert not context.hostname_checks_common_name
    assert trust(web.ca_file) is context
    assert offered == [None, None]  # what mail connections would offer as well


def test_requests_is_imported_by_the_first_request_only() -> None:
    code = (
        "import sys, tether_mailconf.aio, tether_mailconf._drivers.blocking, tether_mailconf._drivers.asyncio;"
        "import tether_mailconf._drivers.loopback, tether_mailconf._drivers.loopback_asyncio;"
        "print([name for name in sys.modules if name.partition('.')[0] in ('requests', 'urllib3')])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
