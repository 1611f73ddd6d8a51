"""The file journal: what it was told last is what it tells, after crashes, in several processes, and on a full disk."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from tether_mailconf import Damaged, Delivery, FileJournal, Filing, Receipt, UnsupportedSchema

NEW = Receipt(delivery=Delivery.NOT_SENT, message_id="<a@b>", date="d", digest="sha256:0", sender="ana@example.com")
SENT = attrs.evolve(NEW, delivery=Delivery.SENT, filing=Filing.PENDING, accepted=("jörg@example.org",))
OTHER = attrs.evolve(NEW, message_id="<other@b>")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "journal"


def test_a_missing_file_is_an_empty_journal_and_is_not_made_by_reading(path: Path) -> None:
    assert FileJournal(path).read() == {}
    assert not path.exists()


def test_the_last_receipt_of_each_message_is_what_is_read(path: Path) -> None:
    journal = FileJournal(str(path))
    for receipt in (NEW, OTHER, SENT):
        journal.record(receipt)
    assert FileJournal(path).read() == {"<a@b>": SENT, "<other@b>": OTHER}


def test_each_step_is_one_line_of_ascii_json(path: Path) -> None:
    journal = FileJournal(path)
    journal.record(NEW)
    journal.record(SENT)
    lines = path.read_bytes().splitlines(keepends=True)
    assert [json.loads(line) for line in lines] == [NEW.to_dict(), SENT.to_dict()]
    assert all(line.isascii() and line.endswith(b"}\n") for line in lines)


def test_only_the_owner_can_read_it(path: Path) -> None:
    before = os.umask(0)
    try:
        FileJournal(path).record(NEW)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_there_keeps_its_permissions(path: Path) -> None:
    path.touch()
    path.chmod(0o640)
    FileJournal(path).record(NEW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_record_is_on_the_disk_before_the_next_step(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is synchronised after it was written, and for a new file so is the folder that names it."""
    synced: list[tuple[bool, int]] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        found = os.fstat(descriptor)
        synced.append((stat.S_ISDIR(found.st_mode), path.stat().st_size))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    journal = FileJournal(path)
    journal.record(NEW)
    first = path.stat().st_size
    journal.record(SENT)
    assert synced == [(False, first), (True, first), (False, path.stat().st_size)]


@pytest.mark.parametrize("kept", [1, 10, 50, -2])
def test_a_line_that_a_crash_cut_short_is_passed_over_and_swallows_nothing(path: Path, kept: int) -> None:
    journal = FileJournal(path)
    journal.record(NEW)
    whole = path.read_bytes()
    path.write_bytes(whole + json.dumps(SENT.to_dict()).encode()[:kept])
    assert journal.read() == {"<a@b>": NEW}
    journal.record(OTHER)
    assert journal.read() == {"<a@b>": NEW, "<other@b>": OTHER}


def test_a_journal_cut_at_any_byte_tells_a_step_that_was_announced(path: Path) -> None:
    journal = FileJournal(path)
    for receipt in (NEW, SENT):
        journal.record(receipt)
    raw = path.read_bytes()
    first = raw.index(b"\n")
    for end in range(len(raw)):
        path.write_bytes(raw[:end])
        expected = {} if end < first else {"<a@b>": NEW} if end < len(raw) - 1 else {"<a@b>": SENT}
        assert journal.read() == expected


@pytest.mark.parametrize("line", [b"", b"\0\0\0\0", b"\xff\xfe", b"not json", b"[" * 100_000, b"1" * 10_000])
def test_a_line_that_is_no_json_is_passed_over(path: Path, line: bytes) -> None:
    journal = FileJournal(path)
    journal.record(NEW)
    with path.open("ab") as file:
        file.write(line + b"\n")
    journal.record(OTHER)
    assert journal.read() == {"<a@b>": NEW, "<other@b>": OTHER}


@pytest.mark.parametrize("line", [b"{}", b"[]", b"null", b"5", b'{"schema": 1}', b'"x"'])
def test_a_whole_line_that_is_no_receipt_is_damage(path: Path, line: bytes) -> None:
    path.write_bytes(line + b"\n")
    with pytest.raises(Damaged):
        FileJournal(path).read()


def test_a_line_of_a_newer_version_is_an_error_of_its_own(path: Path) -> None:
    path.write_text(json.dumps({**NEW.to_dict(), "schema": 3}) + "\n")
    with pytest.raises(UnsupportedSchema):
        FileJournal(path).read()


WRITER = """
import sys, attrs
from tests.unit.test_journal import NEW
from tether_mailconf import FileJournal
journal = FileJournal(sys.argv[1])
sys.stdin.read()
for number in range(60):
    journal.record(attrs.evolve(NEW, message_id=f"<{number}@{sys.argv[2]}>", filing_reason="x" * 3000))
"""


def test_two_processes_may_append_at_once(path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), name], stdin=subprocess.PIPE)
        for name in ("one", "two")
    ]
    for writer in writers:
        writer.communicate(b"", timeout=60)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert set(FileJournal(path).read()) == {f"<{number}@{name}>" for number in range(60) for name in ("one", "two")}


FULL_DISK = """
import resource, sys
from tests.unit.test_journal import NEW, OTHER, SENT
from tether_mailconf import FileJournal
journal = FileJournal(sys.argv[1])
journal.record(NEW)
size = len(open(sys.argv[1], "rb").read())
resource.setrlimit(resource.RLIMIT_FSIZE, (size + int(sys.argv[2]), resource.RLIM_INFINITY))
for _ in range(2):
    try:
        journal.record(SENT)
    except OSError:
        print("refused")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert journal.read() == {"<a@b>": NEW}
journal.record(OTHER)
"""


@pytest.mark.parametrize("room", [0, 1, 20])
def test_a_full_disk_is_an_error_and_what_was_recorded_before_and_after_is_kept(path: Path, room: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path), str(room)], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("refused\nrefused\n", "")
    assert FileJournal(path).read() == {"<a@b>": NEW, "<other@b>": OTHER}


@pytest.mark.parametrize("times", [1, 3])
def test_a_line_that_another_writer_could_not_finish_meanwhile_swallows_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """The disk had no room for the end of another's line, and has it again for ours, which comes right behind."""
    journal = FileJournal(path)
    journal.record(NEW)
    cut = json.dumps(SENT.to_dict()).encode()[:30]
    real, left = os.write, iter([cut] * times)

    def write(descriptor: int, data: bytes) -> int:
        with path.open("ab") as other:
            other.write(next(left, b""))
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    journal.record(OTHER)
    assert journal.read() == {"<a@b>": NEW, "<other@b>": OTHER}


def test_a_folder_that_is_missing_is_the_system_s_own_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileJournal(tmp_path / "missing" / "journal").record(NEW)
