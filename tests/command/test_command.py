"""The command line: text or JSON, a status by outcome, secrets from anywhere but the command line."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

import tether_mailconf
from tether_mailconf import Discovery, Outcome, Report
from tether_mailconf._command import main
from tether_mailconf.sandbox import Sandbox
from tether_mailconf.sandbox.personality import GERMAN, Personality

SECRET = "geheim-und-lang"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """One sandbox for all of these."""
    with Sandbox(GERMAN) as started:
        started.add_account("eva@sandbox.test", SECRET)
        yield started


def servers(sandbox: Sandbox) -> list[str]:
    """Return the options that lead to the sandbox."""
    smtp, imap = sandbox.settings.smtp, sandbox.settings.imap
    assert imap is not None
    return [
        f"--smtp={smtp.host}:{smtp.port}/{smtp.security.value}",
        f"--imap={imap.host}:{imap.port}/{imap.security.value}",
        "--allow=127.0.0.0/8",
        f"--ca-file={sandbox.ca_file}",
    ]


def call(*words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Run the command in this process; return its status and what it printed."""
    try:
        status = main(words)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    printed = capsys.readouterr()
    return status, printed.out, printed.err


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command."""
    return lambda *words: call(*words, capsys=capsys)


def test_check_from_typed_servers_as_text_and_as_json(
    sandbox: Sandbox, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_SECRET", SECRET)
    words = ["check", "eva@sandbox.test", *servers(sandbox), "--password-env=MAIL_SECRET"]
    status, out, err = run(*words)
    assert (status, err) == (0, "")
    assert out.startswith("eva@sandbox.test: works")
    assert "Gesendete Objekte" in out
    status, out, err = run(*words, "--json")
    assert (status, err) == (0, "")
    report = Report.from_dict(json.loads(out))
    assert (report.outcome, report.address) == (Outcome.WORKS, "eva@sandbox.test")
    assert SECRET not in out


def test_a_wrong_password_is_status_1_and_stands_nowhere(
    sandbox: Sandbox, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_SECRET", "das-falsche-wort")
    status, out, err = run("check", "eva@sandbox.test", *servers(sandbox), "--password-env=MAIL_SECRET")
    assert (status, err) == (1, "")
    assert "DOES NOT WORK" in out
    assert "das-falsche-wort" not in out


def test_what_nobody_can_tell_is_status_3(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_SECRET", "x" * 8)
    with Sandbox(Personality(sent_name=None)) as started:
        monkeypatch.setenv("MAIL_SECRET", SECRET)
        started.add_account("eva@sandbox.test", SECRET)
        status, out, _ = run("check", "eva@sandbox.test", *servers(started), "--password-env=MAIL_SECRET")
    assert status == 3
    assert "could not tell" in out


def still_open(number: int, opened: os.stat_result) -> bool:
    """Tell whether the descriptor is that file yet: a thread of the sandbox may have got its number for a socket."""
    try:
        return os.path.samestat(os.fstat(number), opened)
    except OSError:
        return False


def test_check_of_stored_settings_and_a_secret_by_descriptor(sandbox: Sandbox, run: Any, tmp_path: Path) -> None:
    stored = tmp_path / "settings.json"
    eva = "eva@sandbox.test"
    settings = attrs.evolve(sandbox.settings, address=eva, smtp_user=eva, imap_user=eva)
    stored.write_text(json.dumps(settings.to_dict()))
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")
    number = os.open(secret, os.O_RDONLY)
    opened = os.fstat(number)
    trust = ["--allow=127.0.0.0/8", f"--ca-file={sandbox.ca_file}"]
    status, out, err = run("check", f"--settings={stored}", f"--password-fd={number}", *trust)
    assert (status, err) == (0, "")
    assert out.startswith(f"{eva}: works")
    assert not still_open(number, opened)


def test_a_token_is_shown_as_a_token(sandbox: Sandbox, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.add_account("tom@sandbox.test", "x", token="ya29.a-token")
    monkeypatch.setenv("MAIL_SECRET", "ya29.a-token")
    status, out, _ = run("check", "tom@sandbox.test", *servers(sandbox), "--token-env=MAIL_SECRET")
    assert (status, "ya29" in out) == (0, False)


def test_discover_asks_nobody_for_a_domain_of_the_catalogue(run: Any) -> None:
    status, out, err = run("discover", "ana@gmail.com")
    assert (status, err) == (0, "")
    assert "smtp.gmail.com" in out
    status, out, _ = run("discover", "ana@gmail.com", "--json")
    found = Discovery.from_dict(json.loads(out))
    assert found.best is not None
    assert found.best.settings.smtp.host == "smtp.gmail.com"


UNENDING = ("nan", "inf", "1e400", "0", "-1", "soon")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "required"),
        (["check"], "an address is needed"),
        (["check", "ana"], "address"),
        (["check", "ana@example.org", "--smtp=mail.example.org"], "is no server"),
        (["check", "ana@example.org", "--smtp=mail.example.org:99999"], "port"),
        (["check", "ana@example.org", "--preset=nobody"], "there is no preset"),
        (["check", "ana@gmail.com", "--preset=gmail_app_password", "--password-env=NO_SUCH_NAME"], "no environment"),
        (["check", "ana@gmail.com", "--preset=gmail_app_password", "--password-fd=9999"], "9999"),
        (["check", "ana@gmail.com", "--preset=gmail_app_password"], "there is no terminal"),
        (["check", "ana@gmail.com", "--preset=gmail", "--smtp=a:465"], "not allowed with"),
        (["check", "--settings=/no/such/file"], "cannot be read"),
        (["check", "ana@example.org", "--imap=mail.example.org:993"], "go with --smtp"),
        (["check", "ana@gmail.com", "--preset=gmail", "--user=ana"], "go with --smtp"),
        *((["check", "ana@gmail.com", f"--deadline={text}"], "no number of seconds") for text in UNENDING),
        (["discover", "ana@example.org", "--allow=nonsense"], "nonsense"),
        (["discover", "ana@mail.local"], "not permitted"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_status_2(
    words: list[str], said: str, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert said in err
    assert "Traceback" not in err


def test_an_authority_that_cannot_be_read_is_status_2(
    sandbox: Sandbox, run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MAIL_SECRET", SECRET)
    (tmp_path / "none.pem").write_text("no certificate")
    for name in ("missing.pem", "none.pem"):
        trust = f"--ca-file={tmp_path / name}"
        status, out, err = run("check", "eva@sandbox.test", *servers(sandbox), trust, "--password-env=MAIL_SECRET")
        assert (status, out) == (2, "")
        assert "the CA file cannot be used" in err


def test_settings_that_are_no_json_or_none_of_ours(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    for text, said in (
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("{}", "schema"),
        ('{"schema": 99}', "upgrade"),
    ):
        path.write_text(text)
        status, out, err = run("check", f"--settings={path}")
        assert (status, out) == (2, "")
        assert said in err


@pytest.mark.parametrize("option", ["--password-fd", "--password-env", "--token-fd", "--token-env"])
def test_a_secret_in_the_place_of_where_it_is_is_not_repeated(run: Any, option: str) -> None:
    status, out, err = run("check", "ana@gmail.com", "--preset=gmail_app_password", f"{option}={SECRET}")
    assert (status, out) == (2, "")
    assert SECRET not in err


@pytest.mark.parametrize("words", [["--password", SECRET], ["--pass", SECRET], [f"--password={SECRET}"], [SECRET]])
def test_a_secret_is_no_argument_and_is_not_repeated(run: Any, words: list[str]) -> None:
    status, out, err = run("check", "ana@gmail.com", *words)
    assert status == 2
    assert SECRET not in out + err
    assert "--password-fd" in err


def test_as_a_program_the_password_is_asked_for_at_the_terminal_without_an_echo(sandbox: Sandbox) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "tether_mailconf", "check", "eva@sandbox.test", *servers(sandbox)]
    source = str(Path(tether_mailconf.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": source}
    started = subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    try:
        asked = b""
        while b"Password of eva@sandbox.test: " not in asked:
            asked += os.read(ours, 1024)
        os.write(ours, f"{SECRET}\n".encode())
        out, _ = started.communicate(timeout=60)
        shown = asked + os.read(ours, 1024)
    finally:
        started.kill()
        started.wait()
        os.close(ours)
    assert started.returncode == 0
    assert out.decode().startswith("eva@sandbox.test: works")
    assert SECRET.encode() not in out + shown
