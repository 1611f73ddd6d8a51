"""The mutants: made by mutmut, each a small change of one function, beside the function as it is.

Most of them are no program that this house would accept: they pass None where the types forbid it. The type checker
reads them all in one run, and no test is spent on those that it refuses.
"""

from __future__ import annotations

import bisect
import collections
import difflib
import fnmatch
import json
import os
import re
import subprocess
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
from mutmut.mutation.data import MutantLineSpans, SourceFileMutationData
from mutmut.utils.file_utils import copy_src_dir, walk_mutatable_files, walk_source_files

KILLED, SURVIVED, UNREACHED, WORDING, ILL_TYPED = 1, 0, 33, 34, 37
"""What became of a mutant, as mutmut writes it down. One that ran out of its seconds has the number of a signal."""

_NOT_THE_MUTANTS = {"ignore-without-code", "no-redef", "has-type", "redundant-expr", "valid-type", "var-annotated"}
"""What the type checker says of code because a function stands there many times, or of how a mutant is written."""

_SENTENCE = re.compile(r'"(?:XX)?[a-z][^"]* [^"]* [^"]*"', re.IGNORECASE)


@attrs.frozen(kw_only=True)
class Mutant:
    """One of them.

    Args:
        name: as mutmut calls it.
        data: what is known of its module's mutants.
        first: the line of the mutated file in which its function begins, unchanged.
        line: the line of that function which it changes.
        was: what it changes.
        becomes: into what.
    """

    name: str
    data: SourceFileMutationData
    first: int
    line: int
    was: str
    becomes: str

    @property
    def outcome(self) -> int | None:
        """What became of it, if it was tried."""
        return self.data.exit_code_by_key[self.name]

    @property
    def changes_wording(self) -> bool:
        """Whether it changes no more than how a sentence for people is written."""
        plain = [text.replace("XX", "").lower() for text in (self.was, self.becomes)]
        return plain[0] == plain[1] and _SENTENCE.sub("", self.was) == _SENTENCE.sub("", self.becomes)

    def came_to(self, outcome: int) -> None:
        """Write down what became of it."""
        self.data.exit_code_by_key[self.name] = outcome


def generate() -> None:
    """Make the mutants of every module, beside what is known of those that did not change."""
    from mutmut.__main__ import create_file_mutants

    Path("mutants").mkdir(exist_ok=True)
    copy_src_dir()
    for path in walk_source_files():
        done = create_file_mutants(path)
        if done.error is not None:
            raise done.error
    refused = _refused()
    for data in known():
        for mutant in _of(data):
            if mutant.outcome not in (None, SURVIVED, UNREACHED):
                continue
            if mutant.name in refused:
                mutant.came_to(ILL_TYPED)
            elif mutant.changes_wording:
                mutant.came_to(WORDING)
        data.save()


def known() -> Iterator[SourceFileMutationData]:
    """Yield what is known of each module's mutants."""
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        yield data


@attrs.frozen(kw_only=True)
class Chosen:
    """Which mutants are to be tried: those that were not yet, or of them a part.

    Args:
        patterns: their names, with wildcards, in the order in which they are tried.
        again: whether those that survived are tried once more.
        percent: the share of them that is tried, always the same ones.
    """

    patterns: Sequence[str]
    again: bool
    percent: int

    def place(self, mutant: Mutant) -> int | None:
        """Return the place of a mutant in the queue, or None if it is not wanted."""
        survived = mutant.outcome in (SURVIVED, UNREACHED)
        if not (self.again and survived) and (
            mutant.outcome is not None or zlib.crc32(mutant.name.encode()) % 100 >= self.percent
        ):
            return None
        places = (place for place, pattern in enumerate(self.patterns) if fnmatch.fnmatch(mutant.name, pattern))
        return next(places, None)


def mutants(chosen: Chosen) -> list[Mutant]:
    """Return the mutants to try, in order."""
    places = [
        (place, mutant) for data in known() for mutant in _of(data) if (place := chosen.place(mutant)) is not None
    ]
    return [mutant for _, mutant in sorted(places, key=lambda entry: entry[0])]


def _of(data: SourceFileMutationData) -> Iterator[Mutant]:
    index = MutantLineSpans.load(data.path)
    if index is None:
        raise FileNotFoundError(f"mutmut has written down no mutants of {data.path}")
    for name in list(data.exit_code_by_key):
        function = name.rpartition(".")[2]
        original = f"{function.partition('__mutmut_')[0]}__mutmut_orig"
        before, after = (
            source.replace(called, "").splitlines()
            for called, source in zip(
                (original, function), index.read_function_sources((original, function)), strict=True
            )
        )
        first = index.span_by_function_name[original].start
        same = next((count for count, (old, new) in enumerate(zip(before, after, strict=False)) if old != new), 0)
        changes = list(difflib.unified_diff(before, after, n=0, lineterm=""))[3:]
        was, becomes = ("\n".join(line[1:] for line in changes if line[0] == sign) for sign in "-+")
        yield Mutant(name=name, data=data, first=first, line=first + same, was=was, becomes=becomes)


def _refused() -> set[str]:
    """Return the names of the mutants in which the type checker finds an error."""
    found: dict[str, set[int]] = collections.defaultdict(set)
    files = [str(path) for path in walk_mutatable_files()]
    command = [sys.executable, "-m", "mypy", "--config-file=../pyproject.toml", "--output=json", *files]
    environment = os.environ | {"MYPYPATH": "src", "PYTHONPATH": ""}
    told = subprocess.run(command, cwd="mutants", env=environment, capture_output=True, text=True, check=False)
    for text in told.stdout.splitlines():
        error = json.loads(text)
        if error["severity"] == "error" and error["code"] not in _NOT_THE_MUTANTS:
            found[error["file"]].add(error["line"])
    if not found:
        raise RuntimeError(f"the type checker finds nothing wrong with any mutant: {told.stderr or told.stdout}")
    return {
        f"{'.'.join(Path(data.path).with_suffix('').parts[1:])}.{function}"
        for data in known()
        for function in _functions_at(data, found[str(data.path)])
    }


def _functions_at(data: SourceFileMutationData, lines: set[int]) -> Iterator[str]:
    index = MutantLineSpans.load(data.path)
    spans = sorted((span.start, span.end, name) for name, span in index.span_by_function_name.items()) if index else []
    for line in lines:
        place = bisect.bisect_right(spans, line, key=lambda span: span[0]) - 1
        if place >= 0 and line <= spans[place][1]:
            yield spans[place][2]
