"""The servers of a sandbox's internet as clients that are not ours see them: http.client, requests and ssl."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import threading
from typing import Any

import pytest
import requests

from tether_mailconf.sandbox import Internet, Sandbox, WebAnswer, WebRequest

from .drive import trusting
from .worlds import DESCRIPTORS, TIMEOUT, WORLD

# -- web ---------------------------------------------------------------------------------------------------------------


def web(sandbox: Sandbox, host: str, path: str, method: str = "GET", data: bytes | None = None) -> requests.Response:
    """Ask a site by its Host field."""
    url = f"https://127.0.0.1:{sandbox.network.forwarded[443]}{path}"
    with requests.Session() as session:
        session.trust_env = False
        return session.request(
            method,
            url,
            data=data,
            headers={"Host": host},
            verify=str(sandbox.ca_file),
            timeout=TIMEOUT,
            allow_redirects=False,
        )


@pytest.mark.parametrize(
    ("host", "path", "status", "content"),
    [
        ("autoconfig.acme.test", "/mail/config-v1.1.xml?emailaddress=ana@acme.test", 200, b"<clientConfig/>"),
        ("AUTOCONFIG.acme.test.:443", "/mail/config-v1.1.xml", 200, b"<clientConfig/>"),
        ("autoconfig.acme.test", "/moved", 302, b""),
        ("autoconfig.acme.test", "/bomb", 200, bytes(1_000_000)),
        ("one.tenants.test", "/", 200, b"a tenant"),
        ("one.more.tenants.test", "/", 404, b"There is nothing here.\n"),
        ("xn--bcher-kva.test", "/", 200, "Bücher".encode()),
        ("autoconfig.acme.test", "/other", 404, b"There is nothing here.\n"),
        ("elsewhere.test", "/mail/config-v1.1.xml", 404, b"There is nothing here.\n"),
    ],
    ids=["query", "port", "redirect", "packed", "wildcard", "deeper", "idn", "path", "host"],
)
def test_sites_answer_by_host_and_path(world: Sandbox, host: str, path: str, status: int, content: bytes) -> None:
    answer = web(world, host, path)
    assert (answer.status_code, answer.content) == (status, content)
    (request,) = world.requests
    assert (request.method, request.path) == ("GET", path.partition("?")[0])


def test_a_function_sees_what_was_posted(world: Sandbox) -> None:
    host, path = "autodiscover.acme.test", "/autodiscover/autodiscover.xml"
    body = b"<request>" + b"&amp;" * 200 + b"</request>"
    connection = http.client.HTTPSConnection(
        "127.0.0.1", world.network.forwarded[443], timeout=TIMEOUT, context=trusting(world)
    )
    connection.request("POST", f"{path}?a=b", body, {"Host": host, "Content-Type": "text/xml", "X-Anchor": "Mailbox"})
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, body.upper())
    connection.close()
    (request,) = world.requests
    assert (request.host, request.body, request.headers["x-anchor"]) == (host, body, "Mailbox")
    assert request.parameters == {"a": "b"}
    assert web(world, host, path).status_code == 405
    assert web(world, host, path, "DELETE").status_code == 405
    assert [request.method for request in world.requests] == ["POST", "GET", "DELETE"]


def test_a_lost_answer_ends_the_connection(world: Sandbox) -> None:
    with pytest.raises(requests.ConnectionError):
        web(world, "autoconfig.acme.test", "/lost")


def test_a_page_that_takes_its_time_holds_up_nothing() -> None:
    """It may look into the sandbox too."""
    asked = threading.Event()

    def slow(request: WebRequest) -> WebAnswer:
        assert sandbox.mailboxes
        assert asked.wait(TIMEOUT)
        return WebAnswer(body=b"slow")

    def quick(request: WebRequest) -> WebAnswer:
        asked.set()
        return WebAnswer(body=b"quick")

    with Sandbox(internet=Internet(sites={"acme.test": {"/slow": slow, "/quick": quick}})) as sandbox:
        answers: list[bytes] = []
        waiting = threading.Thread(target=lambda: answers.append(web(sandbox, "acme.test", "/slow").content))
        waiting.start()
        answers.append(web(sandbox, "acme.test", "/quick").content)
        waiting.join(TIMEOUT)
    assert sorted(answers) == [b"quick", b"slow"]


def test_a_function_that_raises_is_told_by_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda arguments: told.append(arguments.exc_type))

    def wrong(request: WebRequest) -> WebAnswer:
        raise LookupError(request.path)

    with (
        Sandbox(internet=Internet(sites={"acme.test": {"/": wrong}})) as sandbox,
        pytest.raises(requests.ConnectionError),
    ):
        web(sandbox, "acme.test", "/")
    assert told == [LookupError]


# -- certificates and addresses ----------------------------------------------------------------------------------------


def handshake(sandbox: Sandbox, host: str, public_port: int = 993) -> None:
    plain = socket.create_connection(("127.0.0.1", sandbox.network.forwarded[public_port]), timeout=TIMEOUT)
    with plain, trusting(sandbox).wrap_socket(plain, server_hostname=host):
        pass


@pytest.mark.parametrize(
    "host",
    [
        "imap.acme.test",
        "autoconfig.acme.test",
        "six.acme.test",
        "dead.acme.test",
        "a.wild.acme.test",
        "x.tenants.test",
        "xn--bcher-kva.test",
        "localhost",
        "127.0.0.1",
    ],
)
@pytest.mark.parametrize("public_port", [443, 465, 993])
def test_the_certificate_is_for_every_host(world: Sandbox, host: str, public_port: int) -> None:
    handshake(world, host, public_port)


@pytest.mark.parametrize("host", ["mail.evil.test", "acme.test", "elsewhere.test"])
def test_the_certificate_is_for_no_other_host(world: Sandbox, host: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(world, host)


def test_an_untrusted_host_is_not_let_in_by_a_wildcard() -> None:
    zones = {"acme.test": "* A 127.0.0.1\n*.b A 127.0.0.1"}
    with Sandbox(internet=Internet(zones=zones, untrusted=frozenset({"Mail.acme.test"}))) as sandbox:
        handshake(sandbox, "mail.b.acme.test")
        with pytest.raises(ssl.SSLCertVerificationError):
            handshake(sandbox, "mail.acme.test")


@pytest.mark.parametrize("public_port", [143, 443, 465, 587, 993])
def test_an_address_is_served_at_the_ports_it_is_told_to(world: Sandbox, public_port: int) -> None:
    def is_served(address: str) -> bool:
        try:
            socket.create_connection((address, world.network.forwarded[public_port]), timeout=TIMEOUT).close()
        except ConnectionRefusedError:
            return False
        return True

    served = [is_served(address) for address in ("127.0.0.1", "127.0.0.2", "127.0.0.3")]
    assert served == [True, False, public_port in (143, 587)]


def listening(monkeypatch: pytest.MonkeyPatch, failures: list[int]) -> None:
    """Have these errors happen, one after the other, where the sandbox listens at 127.0.0.3."""
    really = socket.create_server

    def create(address: tuple[str, int], **options: Any) -> socket.socket:
        if address[0] == "127.0.0.3" and failures:
            raise OSError(failures.pop(0), "as a test wants it")
        return really(address, **options)

    monkeypatch.setattr(socket, "create_server", create)


def test_a_port_that_is_taken_at_one_address_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    listening(monkeypatch, [errno.EADDRINUSE, errno.EADDRINUSE])
    with Sandbox(internet=WORLD) as sandbox:
        for address in ("127.0.0.1", "127.0.0.3"):
            socket.create_connection((address, sandbox.network.forwarded[587]), timeout=TIMEOUT).close()


@pytest.mark.parametrize("failures", [[errno.EADDRNOTAVAIL], [errno.EADDRINUSE] * 100], ids=["no-address", "no-port"])
def test_an_address_that_cannot_be_served_leaves_nothing(monkeypatch: pytest.MonkeyPatch, failures: list[int]) -> None:
    before = len(list(DESCRIPTORS.iterdir()))
    listening(monkeypatch, failures)
    sandbox = Sandbox(internet=WORLD)
    with pytest.raises(OSError, match=r"as a test wants it|no port is free"):
        sandbox.start()
    assert len(list(DESCRIPTORS.iterdir())) <= before
    with pytest.raises(RuntimeError):
        _ = sandbox.network
