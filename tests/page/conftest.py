"""The example's application on a sandbox, served on loopback, and a browser before it: one of each for a process."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from selenium.webdriver import Chrome

from docs.examples.settings_page import world
from docs.examples.settings_page.serve import Site, serve

from .chromium import chromium
from .screen import Screen


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The application."""
    with serve(tmp_path_factory.mktemp("crm")) as running:
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
