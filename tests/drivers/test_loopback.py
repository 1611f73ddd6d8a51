"""The loopback receiver: the one callback that is awaited, and its life."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import time
from typing import Any

import pytest

from tether_mailconf._drivers import visitors
from tether_mailconf._drivers.loopback import LoopbackReceiver
from tether_mailconf._drivers.loopback_asyncio import LoopbackReceiver as AsyncioLoopbackReceiver
from tether_mailconf.errors import TimedOut

from .asking import Colour
from .visits import CODE, PATIENCE, STATE, Start, Visits, callback, get, port_of, receive, say, visitors_of

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
