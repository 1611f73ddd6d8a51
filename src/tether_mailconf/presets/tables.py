"""The catalogue's tables: text files of sorted lines, a name and what it stands for, looked up where they lie.

A file is read once, as it is, and searched by halving: with ten thousand lines there is nothing to build and nothing to
parse. Lines that begin with # stand at the top and are comments.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files


@cache
def content(name: str) -> bytes:
    """Return a file of the catalogue."""
    return files(__package__ or "").joinpath(name).read_bytes()


@cache
def table(name: str) -> Table:
    """Return a table of the catalogue."""
    return Table(content(name))


class Table:
    """A table.

    Args:
        data: its lines, sorted by their bytes, each with a line feed.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._start = 0
        while data.startswith(b"#", self._start):
            self._start = data.index(b"\n", self._start) + 1

    def find(self, name: str) -> str | None:
        """Return what a name stands for; None if it is not there."""
        data = self._data
        key = name.encode("utf-8", "replace") + b" "
        low, high = self._start, len(data)
        while low < high:
            # The line in which the middle lies; both ends always stand at the beginning of a line.
            start = data.rfind(b"\n", low, (low + high) // 2) + 1 or low
            end = data.index(b"\n", start)
            line = data[start:end]
            if line.startswith(key):
                return line[len(key) :].decode()
            if line < key:
                low = end + 1
            else:
                high = start
        return None

    def find_suffix(self, name: str) -> str | None:
        """Return what the longest suffix of a name stands for, cut between labels; None if none is there."""
        while name:
            if (found := self.find(name)) is not None:
                return found
            name = name.partition(".")[2]
        return None

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield each name with what it stands for."""
        for line in self._data[self._start :].decode().splitlines():
            name, _, value = line.partition(" ")
            yield name, value
