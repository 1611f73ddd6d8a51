"""The loopback receiver: the one callback that is awaited, and everybody else who comes to such a port."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tether_mailconf._drivers import visitors
from tether_mailconf._drivers.loopback import LoopbackReceiver
from tether_mailconf._drivers.loopback_asyncio import LoopbackReceiver as AsyncioLoopbackReceiver
from tether_mailconf.errors import Step, TimedOut

from .asking import Colour, Receiver

STATE = "the-state-that-is-awaited-0b1c"
CODE = "forbidden-code-4f7e"
PATIENCE = 60.0

Start = Callable[..., Receiver]


@pytest.fixture
def start(colour: Colour) -> Iterator[Start]:
    """A function that starts a receiver; all are closed when the test ends."""
    started: list[Receiver] = []

    def new(**options: object) -> Receiver:
        started.append(colour.receiver(**options))
        return started[-1]

    yield new
    for receiver in started:
        receiver.close()


def port_of(receiver: Receiver) -> int:
    port = urlsplit(receiver.redirect_uri).port
    assert port is not None
    return port


def get(port: int, target: str, *, host: str | None = None, method: str = "GET") -> bytes:
    fields = [f"Host: {host or f'127.0.0.1:{port}'}", "User-Agent: browser", "Accept: */*", "", ""]
    return "\r\n".join([f"{method} {target} HTTP/1.1", *fields]).encode()


def callback(port: int, state: str = STATE, path: str = "/callback") -> bytes:
    return get(port, f"{path}?code={CODE}&state={state}&scope=a%20b")


def say(port: int, data: bytes) -> bytes:
    """Say something as a visitor, and return all of the answer; b"" if the connection was cut."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as stream:
        try:
            stream.sendall(data)
            pieces = []
            while piece := stream.recv(65536):
                pieces.append(piece)
            return b"".join(pieces)
        except ConnectionError:
            return b""


class Visits:
    """What visitors do in a thread while the receiver waits."""

    def __init__(self, visit: Callable[[], None]) -> None:
        self._errors: list[BaseException] = []
        self._visit = visit
        self._thread = threading.Thread(target=self._run, name="visits", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._visit()
        except BaseException as error:
            self._errors.append(error)

    def end(self) -> None:
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        for error in self._errors:
            raise error


def receive(
    receiver: Receiver, *said: bytes, state: str = STATE, deadline: float = PATIENCE
) -> tuple[str, list[bytes]]:
    """Wait while visitors say something, one after the other; return the callback and all answers."""
    port, answers = port_of(receiver), list[bytes]()
    visits = Visits(lambda: answers.extend(say(port, data) for data in said))
    url = receiver.wait(state, deadline=deadline)
    visits.end()
    return url, answers


# -- the callback -----------------------------------------------------------------------------------------------------


def test_the_callback_ends_the_wait_and_its_url_is_returned(start: Start) -> None:
    receiver = start()
    port = port_of(receiver)
    assert receiver.redirect_uri == f"http://127.0.0.1:{port}/callback"
    url, (answer,) = receive(receiver, callback(port))
    assert url == f"{receiver.redirect_uri}?code={CODE}&state={STATE}&scope=a%20b"
    head, _, body = answer.decode().partition("\r\n\r\n")
    status, *fields = head.split("\r\n")
    assert status == "HTTP/1.1 200 OK"
    assert fields == [
        "Content-Type: text/html; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Referrer-Policy: no-referrer",
        "Content-Security-Policy: default-src 'none'",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
    ]
    assert "<p>You can close this window.</p>" in body
    assert CODE not in answer.decode()


def test_an_error_is_a_callback_too(start: Start) -> None:
    receiver = start()
    url, _ = receive(receiver, get(port_of(receiver), f"/callback?error=access_denied&state={STATE}"))
    assert url.endswith(f"/callback?error=access_denied&state={STATE}")


def test_the_state_is_compared_decoded(start: Start) -> None:
    receiver = start()
    url, _ = receive(receiver, get(port_of(receiver), "/callback?state=a%2Bb+%C3%A4&code=x"), state="a+b ä")
    assert url.endswith("/callback?state=a%2Bb+%C3%A4&code=x")


def test_path_and_page_are_the_hosts_choice_and_the_page_is_text(start: Start) -> None:
    receiver = start(path="/back/here", page="<script>Fertig & schön</script>")
    port = port_of(receiver)
    assert receiver.redirect_uri.endswith("/back/here")
    url, (missed, answer) = receive(receiver, callback(port), callback(port, path="/back/here"))
    assert url.startswith(receiver.redirect_uri)
    assert missed.startswith(b"HTTP/1.1 404 ")
    assert "<p>&lt;script&gt;Fertig &amp; schön&lt;/script&gt;</p>" in answer.decode()


def test_localhost_is_a_name_of_ours(start: Start) -> None:
    receiver = start()
    port = port_of(receiver)
    url, _ = receive(receiver, get(port, f"/callback?state={STATE}", host=f"LocalHost:{port}"))
    assert url.startswith(receiver.redirect_uri)


def test_a_browser_that_comes_before_the_wait_is_served_by_it(start: Start) -> None:
    receiver = start()
    with socket.create_connection(("127.0.0.1", port_of(receiver))) as early:
        early.sendall(callback(port_of(receiver)))
        early.shutdown(socket.SHUT_WR)
        assert CODE in receiver.wait(STATE, deadline=PATIENCE)
        assert early.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_callback_in_pieces(start: Start) -> None:
    receiver = start()
    port = port_of(receiver)

    def dribble() -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as stream:
            for byte in callback(port):
                stream.sendall(bytes([byte]))
                time.sleep(0.001)
            assert stream.recv(65536).startswith(b"HTTP/1.1 200 ")

    visits = Visits(dribble)
    assert CODE in receiver.wait(STATE, deadline=PATIENCE)
    visits.end()


def test_a_long_page_arrives_whole(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "FAREWELL_SECONDS", PATIENCE)
    receiver = start(page="x" * 20_000_000)
    _, (answer,) = receive(receiver, callback(port_of(receiver)))
    assert answer.count(b"x") > 40_000_000


def test_a_browser_that_keeps_its_connection_does_not_keep_the_wait(start: Start) -> None:
    receiver = start()
    with socket.create_connection(("127.0.0.1", port_of(receiver))) as stream:
        stream.sendall(callback(port_of(receiver)))
        assert CODE in receiver.wait(STATE, deadline=PATIENCE)


# -- everybody else ---------------------------------------------------------------------------------------------------

STRANGERS: dict[str, tuple[Callable[[int], bytes], bytes]] = {
    "favicon": (lambda port: get(port, "/favicon.ico"), b"404"),
    "root": (lambda port: get(port, "/"), b"404"),
    "other path": (lambda port: callback(port, path="/callback/more"), b"404"),
    "encoded path": (lambda port: callback(port, path="/%63allback"), b"404"),
    "no query": (lambda port: get(port, "/callback"), b"400"),
    "no state": (lambda port: get(port, f"/callback?code={CODE}"), b"400"),
    "wrong state": (lambda port: callback(port, "another-state"), b"400"),
    "shorter state": (lambda port: callback(port, STATE[:-1]), b"400"),
    "longer state": (lambda port: callback(port, STATE + "x"), b"400"),
    "other case": (lambda port: callback(port, STATE.upper()), b"400"),
    "empty state": (lambda port: callback(port, ""), b"400"),
    "state twice": (lambda port: callback(port, f"{STATE}&state={STATE}"), b"400"),
    "state in disguise": (lambda port: callback(port, f"{STATE}&%73tate=x"), b"400"),
    "state in the fragment": (lambda port: get(port, f"/callback?a=b#state={STATE}"), b"400"),
    "fragment": (lambda port: get(port, f"/callback?state={STATE}#x"), b"400"),
    "many parameters": (lambda port: callback(port, STATE + "&a=b" * 1000), b"400"),
    "POST": (lambda port: get(port, f"/callback?state={STATE}", method="POST") + b"state=x", b"405"),
    "HEAD": (lambda port: get(port, f"/callback?state={STATE}", method="HEAD"), b"405"),
    "OPTIONS": (lambda port: get(port, f"/callback?state={STATE}", method="OPTIONS"), b"405"),
    "lower case": (lambda port: get(port, f"/callback?state={STATE}", method="get"), b"400"),
    "whole URL": (lambda port: get(port, f"http://127.0.0.1:{port}/callback?state={STATE}"), b"400"),
    "CONNECT": (lambda port: get(port, f"127.0.0.1:{port}", method="CONNECT"), b"400"),
    "rebound name": (lambda port: get(port, f"/callback?state={STATE}", host=f"evil.example:{port}"), b"400"),
    "no port": (lambda port: get(port, f"/callback?state={STATE}", host="127.0.0.1"), b"400"),
    "other port": (lambda port: get(port, f"/callback?state={STATE}", host="127.0.0.1:1"), b"400"),
    "no host": (lambda port: f"GET /callback?state={STATE} HTTP/1.1\r\n\r\n".encode(), b"400"),
    "two hosts": (lambda port: callback(port)[:-2] + f"Host: 127.0.0.1:{port}\r\n\r\n".encode(), b"400"),
    "HTTP/2": (lambda port: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"400"),
    "HTTP/0.9": (lambda port: f"GET /callback?state={STATE}\r\n\r\n".encode(), b"400"),
    "spaces": (lambda port: get(port, f"/callback?state={STATE}& x=y"), b"400"),
    "not ASCII": (lambda port: get(port, f"/callback?state={STATE}&x=ä"), b"400"),
    "rubbish": (lambda port: b"\x16\x03\x01\x02\0\x01\0\xff\xfe\r\n\r\n", b"400"),
    "long head": (lambda port: callback(port)[:-2] + b"X: " + b"y" * 17000 + b"\r\n\r\n", b"400"),
    "head without end": (lambda port: b"GET /callback?" + b"x" * 17000, b"400"),
}


@pytest.mark.parametrize("kind", STRANGERS)
def test_a_stranger_is_refused_shortly_and_the_callback_still_comes(start: Start, kind: str) -> None:
    receiver = start()
    port = port_of(receiver)
    said, status = STRANGERS[kind]
    url, (refusal, answer) = receive(receiver, said(port), callback(port))
    assert url == f"{receiver.redirect_uri}?code={CODE}&state={STATE}&scope=a%20b"
    assert refusal.startswith(b"HTTP/1.1 " + status)
    assert len(refusal) < 500
    assert STATE.encode() not in refusal
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_strangers_do_not_extend_the_wait(start: Start) -> None:
    receiver = start()
    port, over = port_of(receiver), threading.Event()

    def bother() -> None:
        while not over.is_set():
            for said, _ in (STRANGERS["favicon"], STRANGERS["wrong state"], STRANGERS["POST"]):
                with socket.create_connection(("127.0.0.1", port)) as stream:
                    stream.sendall(said(port))

    visits = Visits(bother)
    with pytest.raises(TimedOut) as caught:
        receiver.wait(STATE, deadline=1.0)
    over.set()
    visits.end()
    assert caught.value.step is Step.SIGN_IN


def test_those_who_connect_and_say_nothing_do_not_keep_the_browser_out(start: Start) -> None:
    receiver = start()
    port = port_of(receiver)
    silent: list[socket.socket] = []

    def crowd() -> None:
        for number in range(300):
            silent.append(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
            if number % 2:
                silent[-1].sendall(b"GET /callback?sta")
        assert say(port, callback(port)).startswith(b"HTTP/1.1 200 ")

    visits = Visits(crowd)
    try:
        assert CODE in receiver.wait(STATE, deadline=PATIENCE)
        visits.end()
        assert len(visitors_of(receiver)) <= visitors.MAX_VISITORS
    finally:
        for stream in silent:
            stream.close()


def visitors_of(receiver: Receiver) -> list[object]:
    face: Any = getattr(receiver, "_receiver", receiver)
    open_ones: list[object] = face._visitors._visitors
    return open_ones


def test_a_thousand_visits_one_after_the_other(start: Start) -> None:
    receiver = start()
    port = port_of(receiver)

    def crowd() -> None:
        for _ in range(1000):
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
        assert say(port, callback(port)).startswith(b"HTTP/1.1 200 ")

    visits = Visits(crowd)
    assert CODE in receiver.wait(STATE, deadline=PATIENCE)
    visits.end()


def test_a_visit_has_its_time(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "VISIT_SECONDS", 0.2)
    receiver = start()
    port, cut = port_of(receiver), threading.Event()

    def loris() -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as stream:
            try:
                while True:
                    stream.sendall(b"G")
                    time.sleep(0.02)
            except ConnectionError:
                cut.set()
        say(port, callback(port))

    visits = Visits(loris)
    assert CODE in receiver.wait(STATE, deadline=PATIENCE)
    visits.end()
    assert cut.is_set()


# -- its life ---------------------------------------------------------------------------------------------------------


def test_it_can_wait_again_for_another_or_after_it_was_too_late(start: Start) -> None:
    receiver = start()
    port = port_of(receiver)
    with pytest.raises(TimedOut):
        receiver.wait(STATE, deadline=0.05)
    for state in ("one", "two"):
        url, (refusal, _) = receive(receiver, callback(port, "none"), callback(port, state), state=state)
        assert f"state={state}&" in url
        assert refusal.startswith(b"HTTP/1.1 400 ")


def test_after_closing_nothing_is_left(colour: Colour) -> None:
    before = set(threading.enumerate())
    receiver = colour.receiver()
    port = port_of(receiver)
    with socket.create_connection(("127.0.0.1", port)) as stranger:
        with pytest.raises(TimedOut):
            receiver.wait(STATE, deadline=0.3)
        assert len(visitors_of(receiver)) == 1
        assert set(threading.enumerate()) == before
        receiver.close()
        receiver.close()
        with pytest.raises(ConnectionError):
            socket.create_connection(("127.0.0.1", port)).close()
        stranger.settimeout(PATIENCE)
        with contextlib.suppress(ConnectionError):
            assert stranger.recv(1) == b""
    assert visitors_of(receiver) == []
    with pytest.raises(RuntimeError, match="closed"):
        receiver.wait(STATE)


def test_a_callback_that_cannot_be_told_from_others_is_not_awaited(start: Start) -> None:
    with pytest.raises(ValueError, match="state"):
        start().wait("")


@pytest.mark.parametrize("path", ["", "callback", "/a?b", "/a#b", "/a b", "/ä", "/a\r\nb", "/%41", "http://x/"])
def test_a_path_that_is_none(colour: Colour, path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        colour.receiver(path=path)


def test_the_code_is_in_no_log_and_no_repr(
    start: Start, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver = start()
    port = port_of(receiver)
    receive(receiver, callback(port, "wrong"), callback(port))
    face: Any = getattr(receiver, "_receiver", receiver)
    shown = repr(receiver) + repr(face) + repr(vars(face)) + repr(vars(face._visitors)) + caplog.text
    assert CODE not in shown
    assert capfd.readouterr() == ("", "")


def test_closing_it_in_another_thread_ends_the_wait() -> None:
    with LoopbackReceiver() as receiver:
        timer = threading.Timer(0.2, receiver.close)
        timer.start()
        with pytest.raises(RuntimeError, match="closed"):
            receiver.wait(STATE, deadline=PATIENCE)
        timer.join()


def test_two_threads_cannot_wait_at_the_same_time() -> None:
    outcomes: list[str] = []
    with LoopbackReceiver() as receiver:
        first = Visits(lambda: outcomes.append(receiver.wait(STATE, deadline=PATIENCE)))
        while not receiver._waiting.locked():
            time.sleep(0.01)
        with pytest.raises(RuntimeError, match="at a time"):
            receiver.wait(STATE)
        say(port_of(receiver), callback(port_of(receiver)))
        first.end()
    assert CODE in outcomes[0]


def test_the_loop_goes_on_while_it_waits_and_cancelling_leaves_nothing() -> None:
    async def cancel() -> None:
        before = set(threading.enumerate())
        async with AsyncioLoopbackReceiver() as receiver:
            task = asyncio.create_task(receiver.wait(STATE, deadline=PATIENCE))
            for _ in range(20):
                await asyncio.sleep(0.01)
            assert not task.done()
            with pytest.raises(RuntimeError, match="at a time"):
                await receiver.wait(STATE)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert set(threading.enumerate()) == before
            again = asyncio.create_task(receiver.wait(STATE, deadline=PATIENCE))
            await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="closed"):
            await again

    asyncio.run(cancel())
