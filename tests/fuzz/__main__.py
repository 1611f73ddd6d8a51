"""Fuzz every parser, one after the other, led by what each input reaches (atheris).

    python -m tests.fuzz [--inputs N | --seconds N] [--record FILE] [--kept FOLDER] [name ...]

Each parser runs in a process of its own. What fails is written to `.nox/fuzz`, and ends the run with an error; put the
input into `tests/fuzz/corpus/NAME`, where the ordinary tests replay it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from .target import LONGEST, Target

CORPUS = Path(__file__).parent / "corpus"
_INPUTS = 1_000_000
_HANG = 60
"""Seconds of one input after which it is a hang; generous, since other programs may have the processor."""

_MEGABYTES = 2_048
_NOT_LED_BY = ("tether_mailconf.presets.near_miss", "tether_mailconf.presets.tables")
"""What goes through long tables, and tells nothing new of an input however often it is counted."""

_DONE = re.compile(rb"number_of_executed_units: ([0-9]+)")


def main() -> int:
    """Return the number of parsers that failed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("names", nargs="*", help="parsers; all, if none is named")
    parser.add_argument("--inputs", type=int, default=_INPUTS, help="inputs for each parser")
    parser.add_argument("--seconds", type=int, help="seconds for each parser, instead of a number of inputs")
    parser.add_argument("--record", type=Path, help="a JSON file for the numbers of inputs")
    parser.add_argument("--kept", type=Path, help="a folder for inputs that reached something new")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    chosen, rest = parser.parse_known_args()
    if chosen.inside:
        fuzz(chosen.names[0], rest)
    known_names = names_of_all()
    names = chosen.names or known_names
    if unknown := set(names) - set(known_names):
        parser.error(f"no parser is called {', '.join(sorted(unknown))}; there are {', '.join(known_names)}")
    counts = {name: run(name, chosen) for name in names}
    if chosen.record is not None:
        known = json.loads(chosen.record.read_text()) if chosen.record.exists() else {}
        chosen.record.write_text(json.dumps(known | counts, indent=1) + "\n")
    return sum(count is None for count in counts.values())


def names_of_all() -> list[str]:
    """Return the names of all parsers."""
    from .targets import ALL

    return list(ALL)


def run(name: str, chosen: argparse.Namespace) -> int | None:
    """Fuzz one parser in a process of its own; return the number of inputs, or None if one failed."""
    failures = Path(".nox", "fuzz")
    failures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        found = Path(scratch) if chosen.kept is None else chosen.kept / name
        found.mkdir(parents=True, exist_ok=True)
        seeds = [str(folder) for folder in (CORPUS / name,) if folder.is_dir()]
        limit = f"-runs={chosen.inputs}" if chosen.seconds is None else f"-max_total_time={chosen.seconds}"
        options = [limit, f"-artifact_prefix={failures}/{name}-", f"-timeout={_HANG}", f"-rss_limit_mb={_MEGABYTES}"]
        command = [sys.executable, "-m", "tests.fuzz", "--inside", name, *options, str(found), *seeds]
        begun = time.monotonic()
        ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    done = _DONE.search(ended.stdout)
    if ended.returncode or done is None:
        print(f"{name}: FAILED\n{ended.stdout[-6_000:].decode(errors='replace')}", flush=True)
        return None
    print(f"{name}: {int(done[1]):,} inputs in {time.monotonic() - begun:.0f} s", flush=True)
    return int(done[1])


def fuzz(name: str, options: list[str]) -> None:
    """Fuzz one parser. Never returns: libFuzzer ends the process."""
    # It has no types, and is not there where types are checked.
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["tether_mailconf"], exclude=list(_NOT_LED_BY)):
        from .targets import ALL
    target = ALL[name]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "seeds").mkdir()
        for index, seed in enumerate(target.seeds):
            (folder / "seeds" / str(index)).write_bytes(seed)
        (folder / "words").write_text(dictionary(target))
        libfuzzer = [f"-max_len={LONGEST}", "-print_final_stats=1", "-verbosity=0", "-use_value_profile=1"]
        if target.words:
            libfuzzer.append(f"-dict={folder / 'words'}")
        atheris.Setup([sys.argv[0], *libfuzzer, *options, str(folder / "seeds")], target.run)
        atheris.Fuzz()


def dictionary(target: Target) -> str:
    """Return the words of a language as libFuzzer reads them."""
    return "".join('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in target.words)


if __name__ == "__main__":
    sys.exit(main())
