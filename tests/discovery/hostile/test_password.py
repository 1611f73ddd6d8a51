"""A password is shown to servers that are believed, and searched for everywhere else."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator

import pytest

from tether_mailconf import AppPassword, Trust
from tether_mailconf.sandbox import Internet, Sandbox, WebAnswer
from tether_mailconf.sandbox.internet import Site

from ..domains import AUTODISCOVER, CONFIG, HERE, config
from ..strangers import COLOURS, Trap, discovered, texts
from .worlds import SECRET


@pytest.fixture(scope="module")
def secretive() -> Iterator[Sandbox]:
    """A domain whose own servers refuse the password, and that names servers elsewhere besides."""
    zones = {
        "own.test": f"""
            autoconfig A {HERE}
            autodiscover A {HERE}
            out A {HERE}
            in A {HERE}
            @ MX 5 mx.stranger.test.
            _submissions._tcp SRV 0 1 465 out.stranger.test.
            _imaps._tcp SRV 0 1 993 in.stranger.test.
        """,
        "stranger.test": "out A 127.0.0.9\nin A 127.0.0.9\nautoconfig A 127.0.0.1",
    }
    challenge = WebAnswer(status=401, headers={"WWW-Authenticate": "Basic"})
    sites: dict[str, Site] = {
        "autoconfig.own.test": {CONFIG: config("out.own.test", "in.own.test")},
        "autodiscover.own.test": {AUTODISCOVER: challenge},
        "autoconfig.stranger.test": {CONFIG: config("out.stranger.test", "in.stranger.test")},
    }
    with Sandbox(internet=Internet(zones=zones, sites=sites)) as sandbox:
        yield sandbox


def forms(secret: str) -> list[bytes]:
    """How a secret may show: as it is, and as parts of what SASL makes of it, wherever it begins there."""
    plain = secret.encode()
    shifted = [base64.b64encode(b"\0" * shift + plain)[4:-4] for shift in range(3)]
    return [plain, *shifted, plain.hex().encode()]


@pytest.mark.parametrize("is_right", [True, False], ids=["right", "wrong"])
@pytest.mark.parametrize("colour", COLOURS)
def test_a_password_is_shown_to_servers_that_are_believed_and_to_nobody_else(
    secretive: Sandbox, caplog: pytest.LogCaptureFixture, colour: str, is_right: bool
) -> None:
    """Nor does it stand in a log, or in anything that a host shows or stores afterwards."""
    address = f"{colour}{'1' if is_right else '0'}@own.test"
    secretive.add_account(address, SECRET if is_right else "another")
    secretive.clear_logs()
    with Trap() as trap, caplog.at_level(logging.DEBUG):
        for port in (465, 993):
            trap.listen("127.0.0.9", secretive.network.forwarded[port])
        found = discovered(colour, address, secretive, secretive.network, verify=AppPassword(SECRET))
        # The candidates elsewhere are plain DNS's word.
        assert {one.trust for one in found.unconfirmed} == {Trust.UNPROVEN}
        assert {one.settings.smtp.host for one in found.unconfirmed} == {"out.stranger.test"}
        assert trap.caught() == 0
    assert (found.verified is not None) is is_right
    assert {one.accepted for one in found.attempts} >= {is_right}
    tried = {"out.own.test", "in.own.test"} if is_right else {"out.own.test"}
    assert {one.endpoint.host for one in found.attempts} == tried
    shown = [text.encode() for text in texts(found)]
    shown += [repr(one).encode() for one in (*found.candidates, *found.sources, *found.attempts, found.best)]
    shown += [f"{one.getMessage()} {one.args!r} {one.exc_text}".encode() for one in caplog.records]
    shown += [one.name.encode() for one in secretive.questions]
    for request in secretive.requests:
        shown += [f"{request!r} {request.path} {request.parameters} {request.headers}".encode(), request.body]
        assert "authorization" not in request.headers
    assert secretive.requests
    assert secretive.questions
    for form in forms(SECRET):
        assert not [text for text in shown if form in text]


def test_the_search_for_a_password_would_find_it() -> None:
    for before in ("", "a", "ab", "abc", "\0ana@own.test\0"):
        encoded = base64.b64encode(f"{before}{SECRET}".encode())
        assert any(form in encoded for form in forms(SECRET))
