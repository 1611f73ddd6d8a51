"""Signing in loads nothing that it may not need."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("name", ["oauth", "aio.oauth"])
def test_what_may_not_be_needed_is_not_loaded(name: str) -> None:
    """Requests, oauthlib, google-auth and cryptography cost half a second together."""
    code = (
        f"import sys, tether_mailconf, tether_mailconf.aio; tether_mailconf.{name}.SignIn; "
        "print([one for one in ('requests', 'oauthlib', 'google', 'cryptography') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
