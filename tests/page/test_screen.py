"""What people do on the page of settings, in a real browser."""

from __future__ import annotations

from .conftest import Site
from .screen import Screen


def test_a_new_user_signs_in_with_google(screen: Screen, site: Site) -> None:
    screen.log_in("Ana")
    assert (screen.picked, screen.is_enabled) == ("Custom", False)
    assert "(OLD)" not in screen.text
    screen.press("Gmail")
    screen.tick()
    screen.fill(address="ana@gmail.com", display_name="Ana")
    screen.press("Sign in with Google")
    assert screen.url.startswith(site.sandbox.oauth.issuer.authorization_endpoint)
    screen.press("Allow")
    assert "Success: the Google token for ana@gmail.com was generated." in screen.green
    screen.press("Save Settings")
    assert "saved" in screen.green
    screen.press("Test SMTP Send")
    assert "sent" in screen.green, screen.text
