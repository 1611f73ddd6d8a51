"""Run the example on the embedded sandbox: `python -m docs.examples.settings_page`, from the root of the repository."""

from __future__ import annotations

import argparse
import contextlib
import secrets
import tempfile
from pathlib import Path

from werkzeug.serving import make_server

from . import world
from .app import make_app


def main() -> None:
    """Start the sandbox and the application, tell whose mailboxes there are, and serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m docs.examples.settings_page", description=__doc__)
    parser.add_argument("--port", type=int, default=5000, help="where to listen on 127.0.0.1 (5000)")
    port: int = parser.parse_args().port
    url = f"http://127.0.0.1:{port}"
    with world.make_sandbox() as sandbox, tempfile.TemporaryDirectory() as folder:
        host = world.make_host(sandbox, Path(folder), f"{url}/sign-in/callback")
        server = make_server("127.0.0.1", port, make_app(host, session_key=secrets.token_hex()), threaded=True)
        print(f"Open {url} (Ctrl-C ends it). Mailboxes there are:")
        for person in world.PEOPLE:
            print(f"  {person.address:<22} {person.password}")
        print("Where you sign in, the browser warns: the sandbox has a certificate of its own.")
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


if __name__ == "__main__":
    main()
