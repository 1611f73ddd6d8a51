"""From an address alone to a message in Sent: each domain is discovered, and what was found is used."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

import tether_mailconf as mailconf
from tether_mailconf import ConnectionSettings, CredentialKind, Discovery, Receipt, Source, Trust, aio
from tether_mailconf.sandbox import Sandbox
from tether_mailconf.sandbox.personality import FILES_ITSELF

from .domains import DOMAINS, address_at, internet

PASSWORD = "geheimes-wort"
COLOURS = ("sync", "aio")


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    with Sandbox(FILES_ITSELF, internet=internet()) as sandbox:
        for number, name in enumerate(DOMAINS):
            address = address_at(name).replace("bücher", "xn--bcher-kva")
            sandbox.add_account(address, PASSWORD, token=f"token-{number}", user=DOMAINS[name].user)
        yield sandbox


def credential(settings: ConnectionSettings) -> mailconf.Credential:
    if settings.credential is CredentialKind.OAUTH_TOKEN:
        number = next(n for n, name in enumerate(DOMAINS) if address_at(name) == settings.address)
        return mailconf.oauth.BearerToken(f"token-{number}")
    kind = mailconf.AppPassword if settings.credential is CredentialKind.APP_PASSWORD else mailconf.Password
    return kind(PASSWORD)


def discovered(world: Sandbox, colour: str, address: str) -> Discovery:
    if colour == "sync":
        return mailconf.discover(address, network=world.network, ca_file=world.ca_file)
    return asyncio.run(aio.discover(address, network=world.network, ca_file=world.ca_file))


def verified(world: Sandbox, colour: str, found: Discovery, password: str) -> Discovery:
    proof = mailconf.Password(password)
    if colour == "sync":
        return mailconf.verify(found, proof, network=world.network, ca_file=world.ca_file)
    return asyncio.run(aio.verify(found, proof, network=world.network, ca_file=world.ca_file))


def sent(world: Sandbox, colour: str, settings: ConnectionSettings) -> Receipt:
    message = EmailMessage()
    message["From"] = settings.address
    message["To"] = "ben@elsewhere.test"
    message["Subject"] = "The offer"
    message.set_content("Here it is.\n")

    async def send() -> Receipt:
        async with aio.Mailer(settings, credential(settings), network=world.network, ca_file=world.ca_file) as mailer:
            return await mailer.send(message)

    if colour == "aio":
        return asyncio.run(send())
    with mailconf.Mailer(settings, credential(settings), network=world.network, ca_file=world.ca_file) as mailer:
        return mailer.send(message)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("name", [name.replace("ü", "u") for name in DOMAINS])
def test_a_domain_is_discovered_and_its_servers_send_and_file(world: Sandbox, name: str, colour: str) -> None:
    name = name.replace("bucher", "bücher")
    domain, address = DOMAINS[name], address_at(name)
    world.clear_logs()
    found = discovered(world, colour, address)
    if domain.trust is Trust.UNPROVEN:
        assert found.best is None, str(found)
        (candidate, *_) = found.unconfirmed
        found = found.confirm(candidate)
    else:
        assert found.best is not None, str(found)
        candidate = found.best
    assert (candidate.source, candidate.trust) == (domain.source, domain.trust), str(found)
    settings = candidate.settings
    assert settings.imap is not None
    servers = f"{settings.smtp.host}:{settings.smtp.port}", f"{settings.imap.host}:{settings.imap.port}"
    assert servers == (domain.smtp, domain.imap), str(found)
    check_requests(world, found)

    before = len(world.sent(settings.address))
    receipt = sent(world, colour, settings)
    assert receipt.delivery is mailconf.Delivery.SENT
    copies = [
        one for one in world.sent(settings.address)[before:] if (receipt.message_id or "").encode() in one.content
    ]
    assert len(copies) == 1


def check_requests(world: Sandbox, found: Discovery) -> None:
    """A dozen at most, and nothing in them that is nobody's business."""
    domain = found.address.partition("@")[2]
    kinds = ("MX", "SRV", "TXT", "CNAME")
    questions = [one for one in world.questions if one.kind in kinds and domain in one.name.lower()]
    assert len(questions) + len([one for one in world.requests if domain in one.host]) <= found.requests <= 12
    for request in world.requests:
        shown = f"{request.path} {request.parameters} {request.headers} {request.body!r}"
        assert PASSWORD not in shown
        assert "authorization" not in request.headers
        assert "cookie" not in request.headers


def test_conflicts_and_faults_are_told(world: Sandbox) -> None:
    found = discovered(world, "sync", "ana@conflict.test")
    assert {conflict.protocol for conflict in found.conflicts} == {"smtp", "imap"}
    found = discovered(world, "sync", "ana@broken.test")
    (said,) = {one.said for one in found.sources if one.source is Source.AUTOCONFIG and "autoconfig." in one.said}
    assert "autoconfig.broken.test" in said


@pytest.mark.parametrize("colour", COLOURS)
def test_a_sign_in_proves_it(world: Sandbox, colour: str) -> None:
    found = discovered(world, colour, "lena@local-part.test")
    proved, refused = (verified(world, colour, found, password) for password in (PASSWORD, "wrong"))
    assert proved.verified is not None
    assert proved.best == proved.verified
    assert refused.verified is None
    assert [one.accepted for one in refused.attempts if one.accepted is not None].count(False) == 2
