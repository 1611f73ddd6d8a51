"""The library's own drivers in the internet of a sandbox, in both colours: names, pages, mail servers, races."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from email.message import EmailMessage
from typing import Any

import pytest

import tether_mailconf
from tests.left_behind import wait_for_those_left_behind
from tether_mailconf import Delivery, NetworkPolicy, aio
from tether_mailconf._drivers import names
from tether_mailconf._ports import CNAME, IO, MX, SRV, TXT, Deadline, HttpRequest, HttpResponse
from tether_mailconf.errors import Dropped, MailconfError, NotPermitted, Step, TimedOut, TLSFailed, Unreachable
from tether_mailconf.sandbox import Question, Sandbox
from tether_mailconf.settings import ConnectionSettings, CredentialKind, Endpoint, Security

from ..drivers.asking import AsyncioColour, BlockingColour, Colour
from .worlds import DESCRIPTORS, TIMEOUT, WORLD, heard_nothing

Kind = type[MX] | type[SRV] | type[TXT] | type[CNAME]


@pytest.fixture(params=["sync", "aio"])
def colour(request: pytest.FixtureRequest) -> Iterator[Colour]:
    with AsyncioColour() if request.param == "aio" else BlockingColour() as chosen:
        yield chosen
    wait_for_those_left_behind()
    gc.collect()


@pytest.fixture
def io(colour: Colour, world: Sandbox) -> IO:
    return colour.io(world.network, world.ca_file)


def resolve(colour: Colour, io: IO, name: str, kind: Kind, seconds: float = TIMEOUT) -> tuple[object, ...]:
    return colour.run(io.resolve(name, kind, io.deadline(seconds)))  # type: ignore[type-var]  # each kind is one of R


def fetch(colour: Colour, io: IO, url: str, *, limit: int = 65536) -> HttpResponse:
    request = HttpRequest(method="GET", url=url, limit=limit, step=Step.DISCOVERY)
    return colour.run(io.fetch(request, io.deadline(TIMEOUT)))


# -- names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("acme.test", MX, [MX(preference=10, host="mx.acme.test")]),
        ("ACME.TEST.", MX, [MX(preference=10, host="mx.acme.test")]),
        ("xn--bcher-kva.test", MX, [MX(preference=5, host="xn--gre-6ka8i.xn--bcher-kva.test")]),
        ("null.test", MX, [MX(preference=0, host="")]),
        ("numeric.acme.test", MX, [MX(preference=20, host="mx.acme.test")]),
        ("first.acme.test", MX, [MX(preference=7, host="mx.acme.test")]),
        ("any.wild.acme.test", MX, [MX(preference=10, host="mx.acme.test")]),
        ("_imaps._tcp.acme.test", SRV, [SRV(priority=0, weight=1, port=993, host="imap.acme.test")]),
        ("_imap._tcp.acme.test", SRV, [SRV(priority=0, weight=0, port=0, host="")]),
        ("acme.test", TXT, [TXT(text="v=spf1 -all")]),
        ("autoconfig.acme.test", CNAME, [CNAME(host="www.acme.test")]),
        ("long.acme.test", TXT, [TXT(text="".join(letter * 200 for letter in "abcdefgh"))]),
        ("many.acme.test", MX, [MX(preference=n, host=f"mx{n}.acme.test") for n in range(names.MOST_RECORDS)]),
        ("nothing.acme.test", MX, []),
        ("mx.acme.test", MX, []),
        ("elsewhere.test", MX, []),
        ("gone.acme.test", MX, []),
    ],
    ids=[
        "mx",
        "upper",
        "idn",
        "null-mx",
        "address-for-name",
        "alias",
        "wildcard",
        "srv",
        "no-service",
        "txt",
        "cname",
        "tcp",
        "tcp-many",
        "nxdomain",
        "no-data",
        "no-zone",
        "alias-to-nothing",
    ],
)
def test_records_are_resolved(colour: Colour, io: IO, name: str, kind: Kind, expected: list[object]) -> None:
    assert list(resolve(colour, io, name, kind)) == expected


@pytest.mark.parametrize("name", ["failing.acme.test", "round.acme.test"], ids=["servfail", "alias-of-itself"])
def test_no_answer_is_no_empty_answer(colour: Colour, io: IO, name: str) -> None:
    with pytest.raises(Unreachable) as caught:
        resolve(colour, io, name, MX)
    assert caught.value.step is Step.LOOKUP


def test_silence_ends_with_the_deadline(colour: Colour, world: Sandbox, io: IO) -> None:
    with pytest.raises(TimedOut) as caught:
        resolve(colour, io, "silent.acme.test", MX, 0.3)
    assert caught.value.step is Step.LOOKUP
    endpoint = Endpoint(host="silent.acme.test", port=993, security=Security.TLS)
    with pytest.raises(TimedOut) as caught:
        colour.run(io.connect(endpoint, io.deadline(0.3)))
    assert (caught.value.step, caught.value.endpoint) == (Step.LOOKUP, endpoint)
    assert {question.name for question in world.questions} == {"silent.acme.test"}


def test_a_resolver_that_oversleeps_is_left_behind(colour: Colour, io: IO, monkeypatch: pytest.MonkeyPatch) -> None:
    wakes = threading.Event()
    monkeypatch.setattr(names, "resolve", lambda *_: wakes.wait(TIMEOUT) and ())
    with pytest.raises(TimedOut):
        resolve(colour, io, "acme.test", MX, 0.1)
    wakes.set()


def test_a_name_server_that_is_gone_is_told(colour: Colour) -> None:
    with Sandbox(internet=WORLD) as sandbox:
        network = sandbox.network
    with pytest.raises((TimedOut, Unreachable)):
        resolve(colour, colour.io(network, None), "acme.test", MX, 0.3)


@pytest.mark.parametrize(
    "name",
    [
        "intranet",
        "localhost",
        "LOCALHOST.",
        "printer.local",
        "Printer.Local.",
        "mail.corp.internal",
        "_imaps._tcp.intranet",
        "_submission._tcp.localhost.",
        "",
        ".",
        "mail.acme.test\n",
        "printer.l\\111cal",
        "printer\u3002local",
        "printer.\uff4cocal",
    ],
    ids=lambda name: name.encode("unicode_escape").decode() or "empty",
)
def test_names_of_the_inside_are_not_asked_for(colour: Colour, world: Sandbox, name: str) -> None:
    """By a policy that has said nothing of networks."""
    public = NetworkPolicy(name_servers=world.network.name_servers, forwarded=world.network.forwarded)
    io = colour.io(public, world.ca_file)
    for kind in (MX, SRV, TXT, CNAME):
        with pytest.raises(NotPermitted):
            resolve(colour, io, name, kind)
    assert heard_nothing(world, b"")
    assert world.questions == (Question(name="imap.acme.test", kind="A"),)


@pytest.mark.parametrize("host", ["intranet", "localhost", "printer.local"])
def test_hosts_of_the_inside_are_not_dialled(colour: Colour, world: Sandbox, host: str) -> None:
    public = NetworkPolicy(name_servers=world.network.name_servers, forwarded=world.network.forwarded)
    io = colour.io(public, world.ca_file)
    with pytest.raises(NotPermitted):
        colour.run(io.connect(Endpoint(host=host, port=993, security=Security.TLS), io.deadline(TIMEOUT)))
    with pytest.raises(NotPermitted):
        fetch(colour, io, f"https://{host}/mail/config-v1.1.xml")
    assert (world.questions, world.requests) == ((), ())


def test_a_public_name_that_leads_inside_is_not_dialled(colour: Colour, world: Sandbox) -> None:
    public = NetworkPolicy(name_servers=world.network.name_servers, forwarded=world.network.forwarded)
    io = colour.io(public, world.ca_file)
    with pytest.raises(NotPermitted):
        fetch(colour, io, "https://autoconfig.acme.test/mail/config-v1.1.xml")
    assert {question.name for question in world.questions} == {"autoconfig.acme.test"}
    assert world.requests == ()


# -- pages and mail servers --------------------------------------------------------------------------------------------


def test_a_page_is_fetched_by_name_at_the_usual_port(colour: Colour, world: Sandbox, io: IO) -> None:
    answer = fetch(colour, io, "https://AutoConfig.acme.test/mail/config-v1.1.xml?emailaddress=ana%40acme.test")
    assert (answer.status, answer.body.reveal_bytes()) == (200, b"<clientConfig/>")
    (request,) = world.requests
    assert request.parameters == {"emailaddress": "ana@acme.test"}
    assert (request.host, request.headers["accept-encoding"]) == ("autoconfig.acme.test", "identity")
    moved = fetch(colour, io, "https://autoconfig.acme.test/moved")
    assert (moved.status, moved.headers["location"]) == (302, "https://www.acme.test/there")


@pytest.mark.parametrize(
    ("url", "error", "step"),
    [
        ("https://mail.evil.test/", TLSFailed, Step.TLS),
        ("https://dead.acme.test/", Unreachable, Step.DISCOVERY),
        ("https://half.acme.test/", Unreachable, Step.DISCOVERY),
        ("https://nothing.acme.test/", Unreachable, Step.LOOKUP),
        ("https://acme.test/", Unreachable, Step.LOOKUP),
        ("https://autoconfig.acme.test/lost", Dropped, Step.DISCOVERY),
        ("https://autoconfig.acme.test/bomb", MailconfError, Step.DISCOVERY),
        ("https://www.acme.test:8443/", NotPermitted, Step.LOOKUP),
    ],
    ids=["untrusted", "dead", "half-dead", "no-name", "no-address", "lost", "packed", "other-port"],
)
def test_a_page_that_cannot_be_had_is_told(
    colour: Colour, io: IO, url: str, error: type[MailconfError], step: Step
) -> None:
    with pytest.raises(error) as caught:
        fetch(colour, io, url)
    assert getattr(caught.value, "step", None) is step


@pytest.mark.parametrize(
    ("host", "port", "greeting"),
    [
        ("imap.acme.test", 993, b"* OK"),
        ("smtp.acme.test", 465, b"220 "),
        ("anything.wild.acme.test", 993, b"* OK"),
        ("half.acme.test", 143, b"* OK"),
        ("half.acme.test", 587, b"220 "),
    ],
)
def test_mail_servers_are_reached_by_name(colour: Colour, io: IO, host: str, port: int, greeting: bytes) -> None:
    security = Security.TLS if port in (465, 993) else Security.STARTTLS

    async def greeted() -> bytes:
        deadline = io.deadline(TIMEOUT)
        channel = await io.connect(Endpoint(host=host, port=port, security=security), deadline)
        try:
            return await channel.receive(deadline)
        finally:
            await channel.close()

    assert colour.run(greeted()).startswith(greeting)


@pytest.mark.parametrize(("host", "port"), [("dead.acme.test", 993), ("half.acme.test", 993), ("half.acme.test", 465)])
def test_a_dead_host_refuses(colour: Colour, io: IO, host: str, port: int) -> None:
    with pytest.raises(Unreachable) as caught:
        colour.run(io.connect(Endpoint(host=host, port=port, security=Security.TLS), io.deadline(TIMEOUT)))
    assert caught.value.step is Step.CONNECT


@pytest.mark.parametrize(
    ("security", "smtp", "imap"), [(Security.TLS, 465, 993), (Security.STARTTLS, 587, 143)], ids=["tls", "starttls"]
)
def test_mail_is_sent_through_named_hosts(
    colour: Colour, world: Sandbox, security: Security, smtp: int, imap: int
) -> None:
    settings = ConnectionSettings(
        address=world.address,
        smtp=Endpoint(host="smtp.acme.test", port=smtp, security=security),
        imap=Endpoint(host="imap.acme.test", port=imap, security=security),
        smtp_user=world.address,
        imap_user=world.address,
        credential=CredentialKind.APP_PASSWORD,
        sent=world.settings.sent,
    )
    message = EmailMessage()
    message["From"], message["To"] = world.address, "ben@example.org"
    message.set_content("Here is the offer.")
    there: dict[str, Any] = {"network": world.network, "ca_file": world.ca_file}
    copies = len(world.sent())

    async def sent() -> Delivery:
        async with aio.Mailer(settings, world.credential, **there) as mailer:
            return (await mailer.send(message)).delivery

    if colour.is_async:
        delivery = asyncio.run(sent())
    else:
        with tether_mailconf.Mailer(settings, world.credential, **there) as blocking:
            delivery = blocking.send(message).delivery
    assert (delivery, len(world.sent())) == (Delivery.SENT, copies + 1)


# -- races -------------------------------------------------------------------------------------------------------------


Thunk = Callable[[], Coroutine[Any, Any, object]]


def asking(io: IO, hosts: list[str], seconds: float = TIMEOUT) -> list[Thunk]:
    """Return a thunk for each name, which never raises."""

    def thunk(name: str) -> Thunk:
        async def ask() -> object:
            try:
                return await io.resolve(name, MX, io.deadline(seconds))
            except MailconfError as error:
                return type(error)

        return ask

    return [thunk(name) for name in hosts]


def test_a_race_returns_everything_by_position(colour: Colour, io: IO) -> None:
    thunks = asking(io, ["slow.acme.test", "acme.test", "nothing.acme.test", "failing.acme.test"])
    seen: list[frozenset[int]] = []

    def until(results: Mapping[int, object]) -> Deadline:
        seen.append(frozenset(results))
        return io.deadline(TIMEOUT)

    results = colour.run(io.race(thunks, until))
    mx = (MX(preference=10, host="mx.acme.test"),)
    assert results == {0: mx, 1: mx, 2: (), 3: Unreachable}
    # It is asked before anything has come, and each time with all that has come so far.
    assert seen[0] == frozenset()
    assert all(before < after for before, after in itertools.pairwise(seen))


def test_a_race_ends_when_it_is_late(colour: Colour, world: Sandbox) -> None:
    """Whatever is under way then is cancelled, or ends by its own deadline; nothing of it stays."""
    io = colour.io(world.network, world.ca_file)
    colour.run(io.sleep(0))
    gc.collect()
    threads, descriptors = set(threading.enumerate()), len(list(DESCRIPTORS.iterdir()))
    thunks = asking(io, ["silent.acme.test", "acme.test", "silent.acme.test"], 0.5)

    def until(results: Mapping[int, object]) -> Deadline:
        return io.deadline(0.0 if results else TIMEOUT)

    results = colour.run(io.race(thunks, until))
    assert set(results) == {1}
    end = time.monotonic() + TIMEOUT
    # Not joined: one of them may only just be starting.
    while set(threading.enumerate()) - threads and time.monotonic() < end:
        time.sleep(0.01)
    gc.collect()
    assert set(threading.enumerate()) <= threads
    assert len(list(DESCRIPTORS.iterdir())) <= descriptors


def test_a_race_of_nobody_is_over(colour: Colour, io: IO) -> None:
    assert colour.run(io.race([], lambda _: io.deadline(TIMEOUT))) == {}


def test_a_race_that_is_late_at_once_returns_nothing(colour: Colour, io: IO) -> None:
    thunks = asking(io, ["slow.acme.test"])
    assert colour.run(io.race(thunks, lambda _: io.deadline(0.0))) == {}


def test_a_race_of_pages_and_names_leaves_late_pages_behind(colour: Colour, world: Sandbox) -> None:
    io = colour.io(world.network, world.ca_file)

    async def page() -> object:
        try:
            request = HttpRequest(method="GET", url="https://silent.acme.test/", step=Step.DISCOVERY)
            return await io.fetch(request, io.deadline(0.5))
        except MailconfError as error:
            return type(error)

    thunks: list[Thunk] = [page, *asking(io, ["acme.test"])]
    results = colour.run(io.race(thunks, lambda found: io.deadline(0.0 if found else TIMEOUT)))
    assert set(results) == {1}
