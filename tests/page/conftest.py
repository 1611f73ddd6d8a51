"""The example's application on a sandbox, served on loopback, and a browser before it: one of each for a process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import attrs
import pytest
from selenium.webdriver import Chrome
from werkzeug.serving import WSGIRequestHandler, make_server

from docs.examples.settings_page import world
from docs.examples.settings_page.app import make_app
from docs.examples.settings_page.host import Host
from tether_mailconf.sandbox import Sandbox

from .chromium import chromium
from .screen import Screen


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
    """Writes no line for each request to the console."""

    def log(self, *told: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[Site]:
    """Run the application, its stores new, in a world of its own."""
    with world.make_sandbox() as sandbox:
        server = make_server("127.0.0.1", 0, lambda *call: app(*call), threaded=True, request_handler=_Quiet)
        url = f"http://127.0.0.1:{server.port}"
        host = world.make_host(sandbox, folder, f"{url}/sign-in/callback")
        app = make_app(host, session_key="a key of the tests")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Site(url=url, host=host, sandbox=sandbox)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The application."""
    with served(tmp_path_factory.mktemp("crm")) as running:
        yield running


@pytest.fixture(scope="session")
def browser(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """The browser."""
    issuer = urlsplit(site.sandbox.oauth.issuer.issuer)
    with chromium(tmp_path_factory.mktemp("profile"), issuer.port or 0) as running:
        yield running


@pytest.fixture
def screen(site: Site, browser: Chrome, request: pytest.FixtureRequest) -> Iterator[Screen]:
    """The page of settings, with nobody logged in and no settings but Olga's."""
    browser.delete_all_cookies()
    for owner in ("user/Ana", "user/Olga"):
        site.host.accounts.clear(owner)
    world.add_olga(site.host)
    screen = Screen(browser, site.url, request.node.name)
    yield screen
    screen.keep_picture("end")
