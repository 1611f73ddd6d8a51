"""A sandbox as a whole: what it hands out, that it ends, and that its pytest plugin costs nothing."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tether_mailconf import sandbox as package
from tether_mailconf.errors import NotPermitted
from tether_mailconf.sandbox import Drop, Personality, Sandbox
from tether_mailconf.settings import CredentialKind, Endpoint, Security

from .drive import trusting

DESCRIPTORS = Path("/dev/fd")

Start = Callable[[Personality | None], Sandbox]


def sandbox_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("sandbox ")]


def test_settings_name_both_servers_with_the_ports_that_listen(sandbox: Sandbox) -> None:
    for settings, security in ((sandbox.settings, Security.TLS), (sandbox.settings_starttls, Security.STARTTLS)):
        assert settings.address == settings.smtp_user == settings.imap_user == "ana@sandbox.test"
        assert settings.credential is CredentialKind.APP_PASSWORD
        assert settings.imap is not None
        for endpoint in (settings.smtp, settings.imap):
            assert endpoint.security is security
            sandbox.network.check_name(endpoint)
            sandbox.network.check_addresses(endpoint, [endpoint.host])
            socket.create_connection((endpoint.host, endpoint.port), timeout=20).close()


def test_the_network_policy_lets_nothing_else_in(sandbox: Sandbox) -> None:
    with pytest.raises(NotPermitted):
        sandbox.network.check_name(Endpoint(host="127.0.0.1", port=993, security=Security.TLS))


def test_the_password_is_new_for_each_sandbox_and_not_shown_by_the_credential(sandbox: Sandbox) -> None:
    assert sandbox.password != Sandbox().password
    assert sandbox.password not in repr(sandbox.credential)


def test_closing_ends_every_thread_and_leaves_no_descriptor_and_no_file() -> None:
    """Clients in every state: idle, in the middle of a handshake, inside TLS, waiting for a slow server."""
    before, others = len(list(DESCRIPTORS.iterdir())), set(threading.enumerate())
    sandbox = Sandbox(Personality(slow=300.0)).start()
    folder = sandbox.ca_file.parent
    smtp, plain = sandbox.settings.smtp, sandbox.settings_starttls.smtp
    waiting = socket.create_connection((plain.host, plain.port), timeout=20)
    silent = socket.create_connection((smtp.host, smtp.port), timeout=20)
    secure = trusting(sandbox).wrap_socket(
        socket.create_connection((smtp.host, smtp.port), timeout=20), server_hostname=smtp.host
    )
    assert "sandbox smtp" in sandbox_threads()
    sandbox.close()
    sandbox.close()
    assert not set(threading.enumerate()) - others
    assert not folder.exists()
    for client in (waiting, silent, secure):
        client.close()
    assert len(list(DESCRIPTORS.iterdir())) == before


def test_a_sandbox_can_be_started_again_and_says_when_it_is_not_running() -> None:
    sandbox = Sandbox()
    with pytest.raises(RuntimeError, match="not running"):
        _ = sandbox.ca_file
    for _ in range(2):
        with sandbox:
            assert sandbox.ca_file.exists()
            with pytest.raises(RuntimeError, match="running already"):
                sandbox.start()
    assert sandbox.sent() == ()


def test_a_slow_server_still_answers(start: Start) -> None:
    sandbox = start(Personality(slow=0.01))
    endpoint = sandbox.settings_starttls.smtp
    with socket.create_connection((endpoint.host, endpoint.port), timeout=20) as client:
        assert client.recv(100).startswith(b"220 ")


def test_an_unknown_mailbox_or_account_is_a_key_error(sandbox: Sandbox) -> None:
    with pytest.raises(KeyError):
        sandbox.mailbox("Nowhere")
    with pytest.raises(KeyError):
        sandbox.inbox("nobody@sandbox.test")
    assert sandbox.last_drop is None


def test_the_package_gives_every_public_name_and_no_other() -> None:
    assert all(getattr(package, name) is not None for name in package.__all__)
    assert set(package.__all__) <= set(dir(package))
    assert package.Drop is Drop
    with pytest.raises(AttributeError):
        _ = package.nothing  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("field", ["filing_delay", "slow", "drop_count", "max_size", "quota"])
def test_a_personality_refuses_negative_numbers(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        Personality(**{field: -1})  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["smtp_extensions", "imap_extensions", "refused_recipients", "refused_senders"])
def test_a_personality_takes_no_text_for_several(field: str) -> None:
    with pytest.raises(ValueError, match="as a set"):
        Personality(**{field: "ben@sandbox.test"})  # type: ignore[arg-type]


@pytest.mark.parametrize("limit", ["APPENDLIMIT=", "appendlimit=10MB", "APPENDLIMIT=-1", "APPENDLIMIT=²"])
def test_a_personality_takes_a_limit_that_is_a_number(limit: str) -> None:
    with pytest.raises(ValueError, match="a number of bytes"):
        Personality(imap_extensions={"UIDPLUS", limit})
    assert Personality(imap_extensions=frozenset({"APPENDLIMIT=1024"})).append_limit == 1024


def test_a_personality_offers_only_mechanisms_that_there_are() -> None:
    with pytest.raises(ValueError, match="CRAM-MD5"):
        Personality(mechanisms=("PLAIN", "CRAM-MD5"))


def python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run an interpreter that loads no pytest plugin unasked and finds the same library as this one."""
    paths = [path for path in sys.path if path]
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=100, check=False
    )


def test_the_pytest_plugin_imports_nothing_heavy(tmp_path: Path) -> None:
    heavy = {
        "ssl",
        "cryptography",
        "attr",
        "attrs",
        "smtplib",
        "imaplib",
        "asyncio",
        "requests",
        "dns",
        "email_validator",
    }
    program = (
        "import pytest, sys; before = set(sys.modules); import tether_mailconf.sandbox.pytest_plugin; "
        "print(*(set(sys.modules) - before))"
    )
    done = python("-c", program, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "tether_mailconf.sandbox.pytest_plugin" in loaded
    assert not {name.partition(".")[0] for name in loaded} & heavy
    assert not {"tether_mailconf.sandbox.server", "tether_mailconf.sandbox.sandbox"} & loaded


def test_a_host_uses_both_fixtures(tmp_path: Path) -> None:
    (tmp_path / "test_host.py").write_text(
        "from tether_mailconf.sandbox.personality import GERMAN\n"
        "def test_one(mailconf_sandbox):\n"
        "    assert mailconf_sandbox.ca_file.exists()\n"
        "def test_two(mailconf_sandbox_with):\n"
        "    one, two = mailconf_sandbox_with(GERMAN), mailconf_sandbox_with(GERMAN)\n"
        "    assert one.settings.smtp.port != two.settings.smtp.port\n"
        "    assert 'Gesendete Objekte' in one.mailboxes\n"
    )
    options = ("-q", "-p", "tether_mailconf.sandbox.pytest_plugin", "-p", "no:cacheprovider")
    done = python("-m", "pytest", *options, str(tmp_path), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
