"""The name server of a sandbox: `Zones` on 127.0.0.1, over UDP and TCP (RFC 1035 section 4.2, RFC 7766), in one thread.

An answer that is due later waits in a queue, so that it delays no other.
"""

from __future__ import annotations

import contextlib
import errno
import heapq
import itertools
import selectors
import socket
import threading
import time
from collections.abc import Callable

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from .internet import Internet, Question
from .log import Log
from .zones import Zones, read_name, shown, told_of

_HOST = "127.0.0.1"
_ATTEMPTS = 20
_READ_SIZE = 65535
_SMALLEST = 512
_LARGEST = 65535
_SEND_SECONDS = 1.0

Send = Callable[[bytes], object]


class NameServer:
    """Answers until it is closed.

    Args:
        internet: what it knows.
        questions: where it notes what it is asked.

    Attributes:
        port: of UDP and TCP, chosen by the kernel.
    """

    def __init__(self, internet: Internet, questions: Log[Question]) -> None:
        self._zones = Zones(internet.zones)
        self._silent = {read_name(name): True for name in internet.silent}
        self._failing = {read_name(name): True for name in internet.failing}
        self._delays = {read_name(name): seconds for name, seconds in internet.delays.items()}
        self._questions = questions
        self._due: list[tuple[float, int, Send, bytes]] = []
        self._numbers = itertools.count()
        self._stopping = threading.Event()
        self._listener, self._datagrams = _pair()
        self.port: int = self._listener.getsockname()[1]
        self._wake, self._woken = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        for ready, act in (
            (self._woken, self._stopping.set),
            (self._listener, self._accept),
            (self._datagrams, self._receive),
        ):
            ready.setblocking(False)
            self._selector.register(ready, selectors.EVENT_READ, act)
        self._thread = threading.Thread(target=self._run, name="sandbox name server", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread and give every descriptor back. Questions that wait for their answer get none."""
        self._wake.send(b"\0")
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._selector.close()
        self._wake.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            timeout = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            for key, _ in self._selector.select(timeout):
                key.data()
            while self._due and self._due[0][0] <= time.monotonic():
                _, _, send, packet = heapq.heappop(self._due)
                # Who asked may be gone.
                with contextlib.suppress(OSError):
                    send(packet)

    # -- the two transports ----------------------------------------------------------------------------------------

    def _receive(self) -> None:
        try:
            packet, client = self._datagrams.recvfrom(_READ_SIZE)
        except OSError:
            return
        query = _query(packet)
        if query is not None:
            size = max(_SMALLEST, query.payload) if query.edns >= 0 else _SMALLEST
            self._hear(query, size, lambda answer: self._datagrams.sendto(answer, client))

    def _accept(self) -> None:
        try:
            stream, _ = self._listener.accept()
        except OSError:
            return
        # Only ever to send: it is read when there is something to read.
        stream.settimeout(_SEND_SECONDS)
        arrived = bytearray()
        self._selector.register(stream, selectors.EVENT_READ, lambda: self._read(stream, arrived))

    def _read(self, stream: socket.socket, arrived: bytearray) -> None:
        try:
            data = stream.recv(_READ_SIZE)
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(stream)
            stream.close()
            return
        arrived += data
        while len(arrived) >= 2 and len(arrived) >= (end := 2 + int.from_bytes(arrived[:2], "big")):
            packet = bytes(arrived[2:end])
            del arrived[:end]
            query = _query(packet)
            if query is not None:
                self._hear(query, _LARGEST, lambda answer: stream.sendall(len(answer).to_bytes(2, "big") + answer))

    # -- what is answered ------------------------------------------------------------------------------------------

    def _hear(self, query: dns.message.Message, size: int, send: Send) -> None:
        """Queue the answer to a query, if there is one: cut to `size` bytes, which tells the client to come by TCP."""
        answer = self._answer(query)
        if answer is None:
            return
        delay = told_of(query.question[0].name, self._delays) or 0.0 if query.question else 0.0
        # As the zone has them: dnspython would shuffle them, and a test would see something else each time.
        packet = answer.to_wire(max_size=size, prefer_truncation=True, want_shuffle=False)
        heapq.heappush(self._due, (time.monotonic() + delay, next(self._numbers), send, packet))

    def _answer(self, query: dns.message.Message) -> dns.message.Message | None:
        if query.opcode() != dns.opcode.QUERY:
            return _refusal(query, dns.rcode.NOTIMP)
        if len(query.question) != 1:
            return _refusal(query, dns.rcode.FORMERR)
        question = query.question[0]
        if question.rdclass != dns.rdataclass.IN:
            return _refusal(query, dns.rcode.REFUSED)
        self._questions.add(Question(name=shown(question.name), kind=dns.rdatatype.to_text(question.rdtype)))
        if told_of(question.name, self._silent):
            return None
        if told_of(question.name, self._failing):
            return _refusal(query, dns.rcode.SERVFAIL)
        return self._zones.answer(query)


def _query(packet: bytes) -> dns.message.Message | None:
    try:
        query = dns.message.from_wire(packet)
    except Exception:  # noqa: BLE001 - the reader of rubbish has more ways to fail than it tells
        return None
    return None if query.flags & dns.flags.QR else query


def _refusal(query: dns.message.Message, rcode: dns.rcode.Rcode) -> dns.message.Message:
    answer = dns.message.make_response(query, recursion_available=True)
    answer.set_rcode(rcode)
    return answer


def _pair() -> tuple[socket.socket, socket.socket]:
    """Return a listening and a datagram socket of the same port."""
    for _ in range(_ATTEMPTS):
        listener = socket.create_server((_HOST, 0), backlog=128)
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            datagrams.bind(listener.getsockname())
        except OSError as error:
            listener.close()
            datagrams.close()
            # The kernel's choice was free for TCP only: it chooses again.
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return listener, datagrams
    raise OSError(errno.EADDRINUSE, "no port is free for UDP and TCP")
