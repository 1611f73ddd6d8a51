"""Everybody else who comes to the port of a loopback receiver."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

import pytest

from tether_mailconf._drivers import visitors
from tether_mailconf.errors import Step, TimedOut

from .visits import CODE, PATIENCE, STATE, Start, Visits, callback, get, port_of, receive, say, visitors_of

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
                # Once its time is over it lets nobody in, and the queue before it is soon full.
                with (
                    contextlib.suppress(TimeoutError),
                    socket.create_connection(("127.0.0.1", port), timeout=1.0) as stream,
                ):
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
