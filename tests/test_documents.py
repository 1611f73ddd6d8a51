"""The documents as a whole: every page can be reached, and what they say of the sources and the tests is so."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SOURCE = ROOT / "src" / "tether_mailconf"


def pages() -> set[str]:
    """Return every page but the first, as Sphinx names it."""
    found = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")}
    return {name for name in found if not name.startswith("_build/")} - {"index"}


def test_every_page_is_in_the_contents_once_and_named_on_the_first_page() -> None:
    first = (DOCS / "index.md").read_text()
    contents = re.findall(r"^(?:howto|tutorial|reference|explanation)/[\w-]+$", first, flags=re.MULTILINE)
    assert sorted(contents) == sorted(pages())
    assert set(re.findall(r"\{doc\}`(?:[^`<]*<)?([\w/-]+)>?`", first)) == pages()


def test_every_link_of_the_readme_and_its_kin_leads_somewhere() -> None:
    for document in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (ROOT / target).exists(), f"{document.name}: {target}"


def test_each_promise_about_security_names_tests_that_there_are() -> None:
    page = (DOCS / "explanation" / "security.md").read_text()
    rows = re.findall(r"^\| (.+) \| (`tests/.+) \|$", page, flags=re.MULTILINE)
    assert len(rows) >= 15
    for promise, holders in rows:
        named = re.findall(r"`(tests/[\w/.]+)`", holders)
        assert named, promise
        assert [name for name in named if not (ROOT / name).exists()] == []
        for dialogue in re.findall(r"`([\w*-]+)`", holders):
            assert list((ROOT / "tests" / "dialogues").glob(f"*/{dialogue}.txt")), dialogue


def test_the_picture_of_the_house_has_every_room() -> None:
    page = (DOCS / "explanation" / "architecture.md").read_text()
    rooms = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    rooms = {"tether_mailconf" if room == "__init__" else room for room in rooms}
    faces = {room for room in rooms if room.startswith(("_facade", "_aio_"))}
    (picture,) = re.findall(r"```text\n(.*?)```", page, flags=re.DOTALL)
    assert sorted(room for room in rooms - faces if not re.search(rf"\b{room}\b", picture)) == []
