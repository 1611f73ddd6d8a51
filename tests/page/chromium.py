"""Debian's Chromium without a screen, and the pages it shows as a test reads them.

It sees loopback and nothing else: every other name leads nowhere, and what a browser asks the internet by itself is
switched off. Of certificates it excuses one, that of the sandbox, known by its key.
"""

from __future__ import annotations

import base64
import hashlib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

BROWSER = Path("/usr/bin/chromium")
DRIVER = Path("/usr/bin/chromedriver")
SECONDS = 20.0
"""How long the browser may take to load a page."""

FLAGS = (
    "--headless",
    "--no-sandbox",  # Chromium's own, which root and most containers cannot have
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--window-size=900,1400",
)


@contextmanager
def chromium(profile: Path, port: int) -> Iterator[Chrome]:
    """Run a browser with an empty profile.

    Args:
        profile: an empty folder.
        port: where on loopback the server listens whose certificate it excuses.
    """
    for program in (BROWSER, DRIVER):
        assert program.exists(), f"{program} is missing: run tests/servers/install.sh"
    options = ChromeOptions()
    options.binary_location = str(BROWSER)
    excused = f"--ignore-certificate-errors-spki-list={key_of(port)}"
    for flag in (*FLAGS, excused, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    # With the driver named, selenium looks for none, and downloads none.
    browser = Chrome(options=options, service=Service(str(DRIVER)))
    try:
        browser.set_page_load_timeout(SECONDS)
        yield browser
    finally:
        browser.quit()


def key_of(port: int) -> str:
    """Return what Chromium knows a server's key by: the SHA-256 of its SubjectPublicKeyInfo."""
    shown = ssl.get_server_certificate(("127.0.0.1", port))
    key = x509.load_pem_x509_certificate(shown.encode()).public_key()
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(info).digest()).decode()
