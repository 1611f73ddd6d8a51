"""Run the example on the embedded sandbox: `python -m docs.examples.settings_page`, from the root of the repository."""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import threading
from pathlib import Path

from .serve import serve
from .world import PEOPLE


def main() -> None:
    """Start the application, tell whose mailboxes there are, and go on until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m docs.examples.settings_page", description=__doc__)
    parser.add_argument(
        "--port", type=int, default=5000, help="where to listen on 127.0.0.1 (5000); 0 is any free port"
    )
    port: int = parser.parse_args().port
    with (
        contextlib.suppress(KeyboardInterrupt),
        tempfile.TemporaryDirectory() as folder,
        serve(Path(folder), port) as site,
    ):
        print(f"Open {site.url} (Ctrl-C ends it). There are these mailboxes:")
        for person in PEOPLE:
            print(f"  {person.address:<22} {person.password}")
        print("Where you sign in, your browser warns: the sandbox has a certificate of its own.", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
