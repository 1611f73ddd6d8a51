"""A Mailer that is open when its process forks: parent and child send on, each over connections of its own."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests import child
from tether_mailconf import Filer
from tether_mailconf.sandbox import Sandbox

from .post import filed_by
from .relay import Relay


@pytest.mark.parametrize(
    ("when", "colour", "names"),
    [
        ("between", "sync", ["parent 1", "child 1", "child 2", "parent 2", "parent 3"]),
        ("between", "aio", ["parent 1", "child 1", "child 2", "parent 2", "parent 3"]),
        ("meanwhile", "sync", ["child 1", "parent 1", "parent 2"]),
    ],
)
def test_parent_and_child_share_no_connection(sandbox: Sandbox, when: str, colour: str, names: list[str]) -> None:
    """With a shared one, each would take the server's answers to the other for its own."""
    with Relay(sandbox.settings.smtp.port) as relay:
        smtp = sandbox.settings.to_dict()["smtp"] | {"port": relay.port}
        settings = filed_by(sandbox.settings, Filer.CLIENT).to_dict() | {"smtp": smtp}
        job = {
            "settings": settings,
            "password": sandbox.password,
            "ports": sorted(sandbox.network.ports | {relay.port}),
            "ca_file": str(sandbox.ca_file),
            "colour": colour,
            "when": when,
        }
        with child.start("tests.mailer.forked") as process:
            said, _ = process.communicate(json.dumps(job) + "\n")
        assert process.returncode == 0
        assert said.splitlines() == [f"{name} sent appended" for name in names]
        # The parent keeps its own, whatever the child did.
        assert relay.opened == 2
    bodies = Counter(one.content.rpartition(b"\r\n\r\n")[2].decode().strip() for one in sandbox.submissions)
    assert bodies == Counter(names)
    assert len(sandbox.sent()) == len(names)
