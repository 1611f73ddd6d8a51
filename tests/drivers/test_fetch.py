"""One web request: what is sent, what is returned, and what a server can do to it."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from tether_mailconf._ports import HttpRequest
from tether_mailconf.errors import ConversationError, Dropped, ProtocolViolation, Step, TimedOut, TLSFailed
from tether_mailconf.secret import Secret

from ..mailer.raw_server import Peer, RawServer, make_chain
from .asking import (
    BODY_SECRET,
    HEADER_SECRET,
    QUERY_SECRET,
    Colour,
    Web,
    answering,
    for_ever,
    hanging_up_after,
    hear_request,
    page,
    saying_goodbye_after,
)
from .conftest import Serve

FAR_TOO_LONG = 60.0
"""Seconds that an operation with a deadline of less than one must not take, however busy the machine is."""


def failure(colour: Colour, web: Web, *, limit: int = 256 * 1024, deadline: float = 30.0) -> ConversationError:
    """Ask, and return the error; it names the server and the step."""
    with pytest.raises(ConversationError) as caught:
        web.ask(colour, web.secretive(limit), deadline=deadline)
    error = caught.value
    assert error.step in (Step.TOKEN, Step.TLS)
    assert error.endpoint is not None
    assert (error.endpoint.host, error.endpoint.port) == ("127.0.0.1", web.server.port)
    return error


# -- what is sent and returned ----------------------------------------------------------------------------------------


def test_a_post_arrives_as_it_was_given_and_its_answer_as_it_was_said(colour: Colour, serve: Serve) -> None:
    heard: list[tuple[str, dict[str, str], bytes]] = []

    def behave(peer: Peer) -> None:
        heard.append(hear_request(peer))
        peer.say_bytes(page(b'{"a": "\xc3\xa4"}', "X-One: 1", "x-one: 2", "Content-Type: application/json"))
        peer.hear_all()

    web = serve(behave)
    response = web.ask(colour)
    ((first, fields, body),) = heard
    assert first == f"POST /token?hint={QUERY_SECRET} HTTP/1.1"
    assert fields == {
        "host": f"127.0.0.1:{web.server.port}",
        "user-agent": "tether_mailconf",
        "accept-encoding": "identity",
        "connection": "close",
        "authorization": f"Basic {HEADER_SECRET}",
        "content-type": "application/x-www-form-urlencoded",
        "content-length": str(len(body)),
    }
    assert body == f"grant_type=refresh_token&refresh_token={BODY_SECRET}".encode()
    assert response.status == 200
    assert response.body == Secret(b'{"a": "\xc3\xa4"}')
    assert response.headers == {"content-length": "11", "x-one": "1, 2", "content-type": "application/json"}


def test_a_get_has_no_body_and_what_we_say_of_ourselves_stays(colour: Colour, serve: Serve) -> None:
    heard: list[tuple[str, dict[str, str], bytes]] = []

    def behave(peer: Peer) -> None:
        heard.append(hear_request(peer))
        peer.say_bytes(page(b""))
        peer.hear_all()

    web = serve(behave)
    headers: dict[str, str | Secret] = {"accept": "application/json", "User-agent": "other", "accept-encoding": "gzip"}
    web.ask(colour, HttpRequest(method="GET", url=web.url("/a%20b;c/d"), headers=headers))
    ((first, fields, body),) = heard
    assert first == "GET /a%20b;c/d HTTP/1.1"
    assert (fields["user-agent"], fields["accept-encoding"]) == ("tether_mailconf", "identity")
    assert (fields["accept"], body) == ("application/json", b"")
    assert "content-length" not in fields


@pytest.mark.parametrize("value", ["a\r\nX-Other: b", "a\nb", "a\0b", "ä", " a", "a\x7f"])
def test_a_header_field_cannot_carry_another(colour: Colour, serve: Serve, value: str) -> None:
    web = serve(Peer.hear_all)
    request = HttpRequest(method="GET", url=web.url(), headers={"Authorization": Secret(value)})
    with pytest.raises(ProtocolViolation):
        web.ask(colour, request)


def test_every_request_has_a_connection_of_its_own_that_is_closed(colour: Colour, serve: Serve) -> None:
    gone = threading.Semaphore(0)

    def behave(peer: Peer) -> None:
        answering(page(b"ok"))(peer)
        gone.release()

    web = serve(behave)
    for number in (1, 2, 3):
        assert web.ask(colour).body == Secret("ok")
        assert gone.acquire(timeout=60)
        assert web.server.served == number


def test_a_host_name_is_looked_up_and_verified(colour: Colour, serve: Serve) -> None:
    web = serve(answering(page(b"ok")))
    request = HttpRequest(method="GET", url=f"HTTPS://LOCALHOST:{web.server.port}")
    assert web.ask(colour, request).body == Secret("ok")


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "401 Unauthorized", "429 Slow", "500 Oh", "503 Later"])
def test_any_status_and_any_page_is_an_answer(colour: Colour, serve: Serve, status: str) -> None:
    html = b"<html><title>Oh</title>" + b"x" * 5000
    web = serve(answering(page(html, "Content-Type: text/html", "WWW-Authenticate: Basic", status=status)))
    response = web.ask(colour)
    assert (response.status, response.body) == (int(status[:3]), Secret(html))


@pytest.mark.parametrize("status", ["301 a", "302 b", "303 c", "307 d", "308 e"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_redirect_is_an_answer_and_nothing_goes_there(colour: Colour, serve: Serve, status: str, scheme: str) -> None:
    other = serve(answering(page(b"caught")))
    where = other.url().replace("https", scheme)
    web = serve(answering(page(b"moved", f"Location: {where}", status=status)))
    response = web.ask(colour)
    assert (response.status, response.headers["location"]) == (int(status[:3]), where)
    assert response.body == Secret("moved")
    assert other.server.served == 0


def test_cookies_and_authentication_challenges_are_not_obeyed(colour: Colour, serve: Serve) -> None:
    heard: list[dict[str, str]] = []

    def behave(peer: Peer) -> None:
        heard.append(hear_request(peer)[1])
        peer.say_bytes(page(b"", "Set-Cookie: a=b; Path=/", "WWW-Authenticate: Basic realm=x", status="401 No"))
        peer.hear_all()

    web = serve(behave)
    for _ in range(2):
        web.ask(colour, HttpRequest(method="GET", url=web.url()))
    assert not any({"cookie", "authorization"} & set(fields) for fields in heard)


WHOLE: dict[str, tuple[bytes, bytes]] = {
    "chunked": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n",
        b"abcde",
    ),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "after interim ones": (b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + page(b"abc"), b"abc"),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
    "identity": (page(b"abc", "Content-Encoding: identity"), b"abc"),
    "more than its length": (page(b"abc") + b"def", b"abc"),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_a_body_is_read_to_its_end(colour: Colour, serve: Serve, kind: str) -> None:
    said, body = WHOLE[kind]
    assert serve(answering(said)).ask(colour).body == Secret(body)


def test_a_body_that_ends_with_the_connection_needs_a_goodbye(colour: Colour, serve: Serve) -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    assert serve(saying_goodbye_after(head, b"abc")).ask(colour).body == Secret("abc")
    assert isinstance(failure(colour, serve(hanging_up_after(head, b"abc"))), Dropped)


def test_a_body_as_long_as_the_limit_is_read_and_one_more_byte_is_too_much(colour: Colour, serve: Serve) -> None:
    web = serve(answering(page(b"x" * 1000)))
    assert web.ask(colour, web.secretive(limit=1000)).body == Secret(b"x" * 1000)
    assert isinstance(failure(colour, web, limit=999), ProtocolViolation)


# -- too much ---------------------------------------------------------------------------------------------------------

ENDLESS: dict[str, tuple[bytes, bytes]] = {
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n", b"x" * 65536),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n"),
    "tiny chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 10000),
    "body without length": (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
    "body of a redirect": (b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/\r\n\r\n", b"x" * 65536),
    "fields": (b"HTTP/1.1 200 OK\r\n", b"X-Field: value\r\n" * 1000),
    "long fields": (b"HTTP/1.1 200 OK\r\n", b"X-Field: " + b"v" * 60000 + b"\r\n"),
    "one field": (b"HTTP/1.1 200 OK\r\nX-Field: ", b"v" * 65536),
    "status line": (b"HTTP/1.1 200 ", b"O" * 65536),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "chunk size": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * 65536),
    "chunk extension": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=", b"y" * 65536),
    "trailers": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Field: value\r\n" * 1000),
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_what_does_not_end_is_left_early(colour: Colour, serve: Serve, kind: str) -> None:
    said: list[int] = []
    web = serve(for_ever(*ENDLESS[kind], said))
    tracemalloc.start()
    try:
        assert isinstance(failure(colour, web), ProtocolViolation)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 2**20
    assert sum(said) < 32 * 2**20  # the rest of it waits in the kernel's buffers


# -- too slow ---------------------------------------------------------------------------------------------------------

SLOW: dict[str, tuple[bytes, bytes]] = {
    "status line": (b"", b"H"),
    "fields": (b"HTTP/1.1 200 OK\r\nX-Field: ", b"x"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("kind", SLOW)
def test_dribbling_does_not_extend_the_deadline(colour: Colour, serve: Serve, kind: str) -> None:
    first, again = SLOW[kind]
    gone = threading.Event()

    def behave(peer: Peer) -> None:
        hear_request(peer)
        peer.say_bytes(first)
        try:
            while True:
                peer.say_bytes(again)
                time.sleep(0.05)
        finally:
            gone.set()

    web = serve(behave)
    began = time.monotonic()
    error = failure(colour, web, deadline=0.6)
    assert time.monotonic() - began < FAR_TOO_LONG
    assert isinstance(error, TimedOut)
    assert gone.wait(FAR_TOO_LONG)


def test_a_server_that_never_answers_costs_no_more_than_the_deadline(colour: Colour, serve: Serve) -> None:
    error = failure(colour, serve(Peer.hear_all), deadline=0.6)
    assert isinstance(error, TimedOut)
    assert error.step is Step.TOKEN


def test_a_server_that_never_shakes_hands_costs_no_more_than_the_deadline(colour: Colour, tmp_path: Path) -> None:
    authority, _ = make_chain(tmp_path)
    with RawServer(Peer.hear_all) as server:
        error = failure(colour, Web(server=server, ca_file=authority), deadline=0.3)
    assert isinstance(error, TimedOut)
    assert error.step is Step.TLS


def test_a_server_that_does_not_read_costs_no_more_than_the_deadline(colour: Colour, serve: Serve) -> None:
    done = threading.Event()
    web = serve(lambda peer: assert_true(done.wait(FAR_TOO_LONG)))
    request = attrs.evolve(web.secretive(), body=Secret(b"x" * 32 * 2**20))
    with pytest.raises(TimedOut):
        web.ask(colour, request, deadline=0.6)
    done.set()


def assert_true(value: object) -> None:
    assert value


# -- not trusted ------------------------------------------------------------------------------------------------------


def test_a_certificate_of_an_unknown_authority(colour: Colour, serve: Serve, tmp_path: Path) -> None:
    _, chain = make_chain(tmp_path)
    with RawServer(Peer.hear_all, chain) as server:
        error = failure(colour, attrs.evolve(serve(Peer.hear_all), server=server))
    assert isinstance(error, TLSFailed)
    assert "not trusted" in error.detail


@pytest.mark.parametrize("wrong", ["other name", "expired"])
def test_a_certificate_for_another_or_for_yesterday(colour: Colour, tmp_path: Path, wrong: str) -> None:
    host = "other.example" if wrong == "other name" else "127.0.0.1"
    authority, chain = make_chain(tmp_path, host=host, expired=wrong == "expired")
    heard: list[str] = []
    with RawServer(lambda peer: heard.append(peer.hear()), chain) as server:
        error = failure(colour, Web(server=server, ca_file=authority))
    assert isinstance(error, TLSFailed)
    assert "not trusted" in error.detail
    assert "".join(heard) == ""


# -- cut off ----------------------------------------------------------------------------------------------------------

CUT: dict[str, bytes] = {
    "before the answer": b"",
    "in the status line": b"HTTP/1.1 20",
    "after the status line": b"HTTP/1.1 200 OK\r\n",
    "in a field": b"HTTP/1.1 200 OK\r\nContent-Ty",
    "after a field": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n",
    "before the body": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
    "in the body": b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"a": 1}',
    "in a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
    "after a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    "in a chunk's size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1",
    "in the trailer": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
}


@pytest.mark.parametrize("ending", [hanging_up_after, saying_goodbye_after])
@pytest.mark.parametrize("where", CUT)
def test_half_an_answer_is_never_taken_for_a_whole_one(
    colour: Colour, serve: Serve, where: str, ending: Callable[[bytes], Callable[[Peer], None]]
) -> None:
    assert isinstance(failure(colour, serve(ending(CUT[where]))), Dropped)


def test_a_server_that_hangs_up_at_once(colour: Colour, tmp_path: Path) -> None:
    authority, _ = make_chain(tmp_path)
    with RawServer(lambda peer: None) as server:
        error = failure(colour, Web(server=server, ca_file=authority))
    assert isinstance(error, (TLSFailed, Dropped))
    assert error.step is Step.TLS


# -- not HTTP ---------------------------------------------------------------------------------------------------------

NONSENSE: dict[str, bytes] = {
    "mail": b"220 mail.test ESMTP\r\n\r\n",
    "HTTP/0.9": b"<html>hello</html>\r\n\r\n",
    "HTTP/7": b"HTTP/7.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "no status": b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n",
    "zeros": b"\0" * 200000,
    "upgrade": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "hints only": b"HTTP/1.1 103 Early Hints\r\n\r\n",
    "a line that is no field": b"HTTP/1.1 200 OK\r\nhello world\r\nContent-Length: 3\r\n\r\nabc",
    "a name that is no name": b'HTTP/1.1 200 OK\r\n{"a": 1}\r\nContent-Length: 3\r\n\r\nabc',
    "a folded first field": b"HTTP/1.1 200 OK\r\n hello: world\r\nContent-Length: 3\r\n\r\nabc",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "a negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc",
    "a length that is none": b"HTTP/1.1 200 OK\r\nContent-Length: 3x\r\n\r\nabc",
    "a length of many digits": b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nabc",
    "length and chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "other transfer coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "chunked twice": b"HTTP/1.1 200 OK\r\n" + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n3\r\nabc\r\n0\r\n\r\n",
    "bad chunk size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n",
    "gzip": page(b"\x1f\x8b\x08\0\0\0\0\0", "Content-Encoding: gzip"),
    "two codings": page(b"abc", "Content-Encoding: identity", "Content-Encoding: br"),
}


@pytest.mark.parametrize("kind", NONSENSE)
def test_what_is_no_clear_answer_is_a_violation(colour: Colour, serve: Serve, kind: str) -> None:
    assert isinstance(failure(colour, serve(answering(NONSENSE[kind]))), ProtocolViolation)
