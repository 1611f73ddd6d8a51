"""The reference names every code and every public name of the sign-in."""

from __future__ import annotations

import re
from pathlib import Path

from tether_mailconf import oauth
from tether_mailconf._oauth import causes

ROOT = Path(__file__).parents[2]
SOURCES = [
    *(ROOT / "src" / "tether_mailconf" / "_oauth").glob("*.py"),
    *(ROOT / "src" / "tether_mailconf" / "token_stores").glob("*.py"),
    ROOT / "src" / "tether_mailconf" / "delivery" / "migrate.py",
]

MENDERS = {
    causes.Mender.PERSON: "the person",
    causes.Mender.ADMINISTRATOR: "their administrator",
    causes.Mender.HOST: "you",
}
"""What the reference calls them."""


def reference() -> str:
    return (ROOT / "docs" / "reference" / "oauth.md").read_text(encoding="utf-8")


def test_every_code_is_in_the_reference() -> None:
    """Those that the sources spell, and those of the table of causes with their sentences."""
    written = {
        code
        for path in SOURCES
        for code in re.findall(r'code\s*=\s*"([a-z_]+\.[a-z_]+)"', path.read_text(encoding="utf-8"))
    }
    assert len(written) > 60
    documented = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", reference()))
    assert sorted(written - documented) == []
    rows = re.findall(
        r"^\| `(oauth\.\w+)` \| (.*?) \| (the person|their administrator|you|nobody.*) \|$", reference(), re.MULTILINE
    )
    assert {code: (sentence, mender) for code, sentence, mender in rows} == {
        cause.code: (cause.sentence, MENDERS[cause.mender]) for cause in causes._CAUSES
    }


def test_every_public_name_is_in_the_reference() -> None:
    documented = set(re.findall(r"(?:auto\w+::|py:data::) tether_mailconf\.oauth\.(\w+)", reference()))
    assert sorted(set(oauth.__all__) - documented) == []
