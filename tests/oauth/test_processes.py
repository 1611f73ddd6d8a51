"""Several processes of a host application share one encrypted file of tokens, and one is killed at the worst moment."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.oauth_host import Host
from tether_mailconf import oauth
from tether_mailconf.sandbox import Sandbox

from .acts import refreshes, signed_in
from .conftest import host_of

ROOT = Path(__file__).parents[2]
LEASE = 3.0
"""Seconds after which a dead process's lease is over; shorter than usual, so that the test is."""


@pytest.fixture
def host(sandbox: Sandbox, tmp_path: Path) -> Iterator[Host]:
    """A host application whose tokens are in a file."""
    key = oauth.SqliteTokenStore.new_key()
    (tmp_path / "key").write_text(key)
    store = oauth.SqliteTokenStore(tmp_path / "tokens.sqlite", key=key)
    with host_of(sandbox, is_async=False, store=store) as made:
        yield made


def told(host: Host, sandbox: Sandbox, folder: Path, *, dies: bool) -> dict[str, Any]:
    network = sandbox.network
    issuer = attrs.asdict(host.issuer, filter=lambda field, _: field.name != "client_authentication")
    issuer["authorization_parameters"] = dict(host.issuer.authorization_parameters)
    return {
        "path": str(folder / "tokens.sqlite"),
        "key": (folder / "key").read_text(),
        "client": host.client,
        "issuer": issuer,
        "settings": host.settings.to_dict(),
        "owner": host.owner,
        "networks": [str(one) for one in network.networks],
        "ports": sorted(network.ports),
        "ca_file": str(sandbox.ca_file),
        "lease": LEASE,
        "dies": dies,
    }


@contextlib.contextmanager
def process(job: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
    """Start a process, and end it whatever happens."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.oauth.process"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        try:
            running.stdin.write(json.dumps(job) + "\n")
            running.stdin.flush()
            assert running.stdout.readline() == "ready\n"
            yield running
        finally:
            running.kill()


def go(running: subprocess.Popen[str]) -> None:
    assert running.stdin is not None
    running.stdin.write("\n")
    running.stdin.flush()


def answer(running: subprocess.Popen[str]) -> Any:
    assert running.stdout is not None
    return json.loads(running.stdout.readline())


SENT = {"delivery": "sent", "filing": "appended"}


def test_three_processes_refresh_once(host: Host, sandbox: Sandbox, tmp_path: Path) -> None:
    """All are refused at the same time, at two servers each; one asks the issuer, and all go on with what it gave."""
    signed_in(host, sandbox)
    sandbox.oauth.expire_tokens()
    job = told(host, sandbox, tmp_path, dies=False)
    with process(job) as one, process(job) as two, process(job) as three:
        for running in (one, two, three):
            go(running)
        assert [answer(running) for running in (one, two, three)] == [SENT, SENT, SENT]
    assert refreshes(sandbox) == [200]
    assert len(sandbox.sent()) == len(sandbox.submissions) == 3
    assert host.status().state is oauth.TokenState.READY


@pytest.mark.parametrize("rotates", [True, False], ids=["the issuer rotates", "it does not"])
def test_a_process_that_dies_between_answer_and_store(
    host: Host, sandbox: Sandbox, tmp_path: Path, rotates: bool
) -> None:
    """Another takes over when the lease is over, with what is stored.

    Google and Microsoft let an old refresh token live, and nobody notices. An issuer that takes each only once has
    forgotten the stored one; no client can know the new one, so the person is asked, once and clearly.
    """
    signed_in(host, sandbox)
    sandbox.oauth.personality = attrs.evolve(sandbox.oauth.personality, rotates=rotates)
    sandbox.oauth.expire_tokens()
    with (
        process(told(host, sandbox, tmp_path, dies=True)) as dying,
        process(told(host, sandbox, tmp_path, dies=False)) as living,
    ):
        go(dying)
        assert dying.wait(30) == -signal.SIGKILL
        assert refreshes(sandbox) == [200]
        go(living)
        outcome = answer(living)
    if rotates:
        assert outcome == {"error": "oauth.revoked"}
        assert refreshes(sandbox) == [200, 400]
        assert host.status().state is oauth.TokenState.NEEDS_SIGN_IN
    else:
        assert outcome == SENT
        assert refreshes(sandbox) == [200, 200]
        assert host.status().state is oauth.TokenState.READY
