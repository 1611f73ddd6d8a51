"""A machine that has no descriptor, no thread or no IPv6 left: a typed error, and a message that is not lost."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading

import pytest

from tether_mailconf import Delivery, Endpoint, Filer, Filing, NetworkPolicy, Security, Step, TLSFailed, Unreachable
from tether_mailconf._drivers import asyncio as awaiting
from tether_mailconf._drivers import blocking, dialling, tls
from tether_mailconf._ports import Deadline
from tether_mailconf.sandbox import Sandbox

from .post import Colour, copies, filed_by, letter


def nothing_left(*_: object) -> socket.socket:
    raise OSError(errno.EMFILE, "Too many open files")


def test_out_of_descriptors_a_message_is_not_sent_and_the_error_says_so(
    sandbox: Sandbox, colour: Colour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialling, "new_socket", nothing_left)
    with colour.mailer(sandbox, sandbox.settings) as mailer, pytest.raises(Unreachable) as caught:
        mailer.send(letter())
    assert caught.value.step is Step.CONNECT
    assert "Too many open files" in str(caught.value)
    assert caught.value.receipt is not None
    assert caught.value.receipt.delivery is Delivery.NOT_SENT


@pytest.mark.parametrize("driver", [blocking.BlockingIO, awaiting.AsyncioIO])
def test_without_ipv6_the_next_address_is_used(
    driver: type[blocking.BlockingIO | awaiting.AsyncioIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    new_socket = dialling.new_socket

    def without_ipv6(address: str) -> socket.socket:
        if ":" in address:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return new_socket(address)

    monkeypatch.setattr(dialling, "new_socket", without_ipv6)
    found = [(0, 0, 0, "", (address, 0)) for address in ("::1", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        endpoint = Endpoint(host="mail.example.org", port=port, security=Security.STARTTLS)
        network = NetworkPolicy(networks=("127.0.0.0/8", "::1/128"), ports={port})

        async def connected() -> str:
            channel = await driver(network, None).connect(endpoint, Deadline.after(20))
            try:
                return channel.local_address
            finally:
                await channel.close()

        assert asyncio.run(connected()) == "127.0.0.1"


def no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith("mailconf"):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)


def test_without_a_thread_the_copy_comes_after_the_message(
    sandbox: Sandbox, colour: Colour, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_thread(monkeypatch)
    with colour.mailer(sandbox, filed_by(sandbox.settings, Filer.CLIENT)) as mailer:
        receipt = mailer.send(letter())
    assert (receipt.delivery, receipt.filing) == (Delivery.SENT, Filing.APPENDED)
    assert len(copies(sandbox.sent(), receipt.message_id)) == 1


def test_without_a_thread_a_name_cannot_be_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    no_thread(monkeypatch)
    answers: list[object] = []
    dialling.in_a_thread(lambda: "found", answers.append)
    (answer,) = answers
    assert isinstance(answer, Unreachable)
    assert answer.step is Step.LOOKUP


def test_a_ca_file_that_no_descriptor_is_left_for_is_not_called_unusable(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "_context", nothing_left)
    with pytest.raises(TLSFailed, match="Too many open files"):
        tls.trust(sandbox.ca_file)
