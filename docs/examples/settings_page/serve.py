"""The application on loopback, in the sandbox's world, until the `with` ends: for `__main__`, and for tests."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import flask
from werkzeug.serving import WSGIRequestHandler, make_server

from tether_mailconf.sandbox import Sandbox

from . import world
from .app import make_app
from .host import Host


@attrs.frozen(kw_only=True)
class Site:
    """The application as it runs.

    Args:
        url: where.
        host: what it was given.
        sandbox: the world around it.
    """

    url: str
    host: Host
    sandbox: Sandbox


class _Quiet(WSGIRequestHandler):
    """Logs no requests: in the URL of one that comes back from an issuer, there is a code."""

    def log(self, *told: object) -> None:
        pass


@contextmanager
def serve(folder: Path, port: int = 0) -> Iterator[Site]:
    """Run the application.

    Args:
        folder: where its stores are made.
        port: where it listens on 127.0.0.1; any free port if 0.
    """
    with world.make_sandbox() as sandbox:
        # Listens before the application is made, which has to know at which port.
        server = make_server("127.0.0.1", port, flask.Flask(__name__), threaded=True, request_handler=_Quiet)
        url = f"http://127.0.0.1:{server.port}"
        host = world.make_host(sandbox, folder, f"{url}/sign-in/callback")
        server.app = make_app(host, session_key=secrets.token_hex())
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Site(url=url, host=host, sandbox=sandbox)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
