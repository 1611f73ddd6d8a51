"""One answer in the many ways in which servers write it: as bytes, ready to be played."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

MACHINE = "AM6PR01CA0054.eurprd01.prod.outlook.com 2026-11-23T08:00:00.000Z 08DE2A00F00DF00D"
_SMTP = re.compile(r"(\d{3})[ -](?:(\d\.\d{1,3}\.\d{1,3}) )?(.*)")
_IMAP = re.compile(r"((?:TAG|\*) (?:NO|BAD|BYE))(?: \[([A-Z]+)\])? (.*)")

SUFFIXES = (
    "4fb4d7f45d1cf-5a1b8edc2a7sm1234567a12.34 - gsmtp",
    f"[{MACHINE}]",
    "(mx07.mail.example.net, 192.0.2.7, ana@example.org, Mon, 23 Nov 2026 08:00:00 +0000)",
    "<bob@example.org> [2001:db8::7] 1732345678-ABCDEF012345",
)
"""What servers add: queue entries, machines, addresses, dates."""

TEXTS: tuple[Callable[[str], str], ...] = (
    lambda text: text,
    str.lower,
    str.upper,
    lambda text: text.replace(" ", "   "),
    lambda text: text.replace(" ", "\t"),
    lambda text: f"  {text}  ",
    *((lambda text, end=end: f"{text} {end}") for end in SUFFIXES),
)


def forms(said: str, encoding: str) -> Iterator[bytes]:
    """Yield the bytes of an answer, first as it stands, then decorated."""
    said = said.replace("[…]", f"[{MACHINE}]").replace("…", "and so on")
    match = _SMTP.fullmatch(said)
    if match is None:
        yield from _imap_forms(said)
        return
    code, enhanced, text = match[1], match[2] or "", match[3]
    for decorate in TEXTS:
        yield _smtp(code, enhanced, [decorate(text)], encoding)
    words = text.split(" ")
    lines = [" ".join(words[start : start + 3]) for start in range(0, len(words), 3)]
    yield _smtp(code, enhanced, lines, encoding)
    yield _smtp(code, enhanced, [*words, SUFFIXES[0]], encoding)
    yield _smtp(code, enhanced, [*lines, SUFFIXES[2]], encoding)
    # The reply of a machine behind, with its own code on each line.
    yield _smtp(code, enhanced, [f"{code} {enhanced} {line}" for line in lines], encoding)


def _smtp(code: str, enhanced: str, lines: list[str], encoding: str) -> bytes:
    prefix = f"{enhanced} " if enhanced else ""
    marks = ["-"] * (len(lines) - 1) + [" "]
    text = "".join(f"{code}{mark}{prefix}{line}\r\n" for mark, line in zip(marks, lines, strict=True))
    return text.encode(encoding)


def _imap_forms(said: str) -> Iterator[bytes]:
    match = _IMAP.fullmatch(said)
    assert match is not None, said
    start, code, text = match[1], f" [{match[2]}]" if match[2] else "", match[3]
    for decorate in TEXTS:
        yield f"{start}{code} {decorate(text)}\r\n".encode()
    yield f"{start.lower().replace('tag', 'TAG')}{code.lower()} {text}\r\n".encode()
    if start == "TAG NO":
        # The farewell behind the answer.
        yield f"TAG NO{code} {text}\r\n* BYE bye\r\n".encode()
