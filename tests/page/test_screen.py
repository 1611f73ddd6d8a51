"""What people do on the page of settings, in a real browser."""

from __future__ import annotations

from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select

from docs.examples.settings_page.serve import Site
from docs.examples.settings_page.world import PEOPLE

from .screen import Screen

PASSWORDS = {person.address.partition("@")[0]: person.password for person in PEOPLE}


def test_a_new_user_signs_in_with_google(screen: Screen, site: Site) -> None:
    screen.log_in("Ana")
    assert (screen.picked, screen.is_enabled) == ("Custom", False)
    assert "(OLD)" not in screen.text
    screen.press("Gmail")
    screen.tick()
    screen.fill(address="ana@gmial.com", display_name="Ana")
    screen.press("Save Settings")
    assert screen.errors().keys() == {"sign_in"}
    screen.keep_picture("not_signed_in")
    screen.press("ana@gmail.com")
    screen.press("Sign in with Google")
    screen.keep_picture("consent")
    assert screen.url.startswith(site.sandbox.oauth.issuer.authorization_endpoint)
    screen.press("Allow")
    screen.keep_picture("signed_in")
    assert "Success: the Google token for ana@gmail.com was generated." in screen.green
    screen.press("Test SMTP Send")
    assert "The test message was sent." in screen.green, screen.text
    assert "It has arrived in your inbox." in screen.green
    assert "A copy is in your Sent folder." in screen.green
    screen.keep_picture("tested")
    assert len(site.sandbox.sent("ana@gmail.com")) == len(site.sandbox.inbox("ana@gmail.com")) == 1
    screen.press("Save Settings")
    assert "saved" in screen.green
    screen.reload()
    assert (screen.green, screen.picked, screen.is_enabled) == ("", "Gmail", True)
    assert screen.values("address", "display_name") == ("ana@gmail.com", "Ana")

    site.sandbox.oauth.revoke_grants()
    screen.press("Test SMTP Send")
    assert "Sign in" in screen.red
    assert screen.yellow == "", "nothing is said twice"
    screen.keep_picture("sign_in_again")
    screen.reload()
    assert ("Sign in" in screen.yellow, screen.red) == (True, "")
    screen.press("Sign in with Google")
    screen.press("Allow")
    assert (screen.yellow, screen.red) == ("", "")
    screen.press("Clear")
    assert (screen.picked, screen.is_enabled) == ("Custom", False)


def test_who_refuses_on_the_page_of_consent_has_lost_nothing(screen: Screen) -> None:
    screen.log_in("Ana")
    screen.press("Outlook.com")
    screen.fill(address="ben@outlook.com", display_name="Ben")
    screen.press("Sign in with Microsoft")
    screen.press("Refuse")
    screen.keep_picture("refused")
    assert "declined" in screen.red
    assert screen.values("address", "display_name") == ("ben@outlook.com", "Ben")
    screen.press("Sign in with Microsoft")
    Select(screen.browser.find_element(By.NAME, "account")).select_by_visible_text("carla@acme.example")
    screen.press("Allow")
    assert "Another account was signed in to" in screen.red
    assert "Signed in." not in screen.text


def test_an_app_password_is_tested_saved_switched_off_and_cleared(screen: Screen, site: Site) -> None:
    screen.log_in("Ana")
    screen.press("iCloud Mail")
    screen.tick()
    screen.fill(address="iris@icloud.com", display_name="Iris", secret="wrong-wrong-wrong-nope")
    screen.press("Test SMTP Send")
    screen.keep_picture("wrong_password")
    assert "does not accept this user name and password" in screen.red
    assert "Check whether the provider wants an app password." in screen.red
    assert "The server said: " in screen.red
    assert screen.values("address", "display_name", "secret") == ("iris@icloud.com", "Iris", "")
    assert screen.placeholder("secret") == "is set"

    screen.fill(secret=PASSWORDS["iris"])
    screen.press("Test SMTP Send")
    assert "sent" in screen.green, screen.text
    screen.press("Save Settings")
    screen.keep_picture("saved")
    screen.reload()
    assert (screen.picked, screen.is_enabled, screen.placeholder("secret")) == ("iCloud Mail", True, "is set")

    screen.press("Disable")
    screen.press("Log out")
    screen.log_in("Ana")
    assert (screen.picked, screen.is_enabled, screen.placeholder("secret")) == ("iCloud Mail", False, "is set")
    screen.tick()
    screen.press("Save Settings")
    assert screen.is_enabled
    screen.press("Test SMTP Send")
    assert "sent" in screen.green

    screen.press("Clear")
    assert (screen.picked, screen.is_enabled) == ("Custom", False)
    assert screen.values("address", "display_name", "smtp_host", "secret") == ("", "", "", "")
    assert screen.placeholder("secret") == ""
    assert site.host.accounts.load("user/Ana") is None


def test_typed_servers_are_told_all_their_mistakes_at_once(screen: Screen) -> None:
    screen.log_in("Ana")
    typed = {
        "address": "not an address",
        "display_name": "Carla",
        "smtp_host": "https://mail.acme.example/",
        "smtp_port": "0",
        "imap_host": "mail.acme.example",
        "imap_port": "70000",
    }
    screen.fill(**typed, secret=PASSWORDS["carla"])
    screen.press("Save Settings")
    screen.keep_picture("mistakes")
    assert screen.errors().keys() >= {"address", "smtp_host", "smtp_port", "imap_port"}
    assert screen.values(*typed) == tuple(typed.values())
    assert screen.placeholder("secret") == "is set"

    screen.press("mail.acme.example")
    assert screen.values("smtp_host", "address") == ("mail.acme.example", "not an address")
    assert "smtp_host" not in screen.errors()
    screen.fill(address="carla@acme.example", smtp_port="587", smtp_security="starttls", imap_port="993")
    screen.tick()
    screen.press("Save Settings")
    assert (screen.errors(), "saved" in screen.green) == ({}, True)
    screen.press("Test SMTP Send")
    assert "sent" in screen.green, screen.text

    screen.fill(smtp_host="mail.elsewhere.example")
    screen.press("Test SMTP Send")
    assert screen.errors().keys() == {"secret"}  # what is stored is for the servers it is stored for
    screen.reload()
    assert screen.values("smtp_host") == ("mail.elsewhere.example",)


def test_who_has_picked_the_wrong_provider_is_told_the_right_one(screen: Screen) -> None:
    screen.log_in("Ana")
    screen.press("Gmail")
    screen.fill(address="ben@outlook.com", display_name="Ben")
    screen.press("Save Settings")
    assert "does not look like an address of Gmail" in screen.text
    screen.keep_picture("told")
    screen.take_what_is_meant()
    assert screen.picked == "Outlook.com"
    assert screen.values("address", "display_name") == ("ben@outlook.com", "Ben")
    assert "does not look like" not in screen.text


def test_a_server_that_is_unplugged_is_told_and_nothing_typed_is_lost(screen: Screen) -> None:
    screen.log_in("Ana")
    typed = {
        "address": "carla@acme.example",
        "display_name": "Carla",
        "smtp_host": "mail.nowhere.example",
        "smtp_port": "465",
        "imap_host": "imap.nowhere.example",
        "smtp_user": "carla@acme.example",
    }
    screen.fill(**typed, secret=PASSWORDS["carla"])
    screen.press("Test SMTP Send")
    screen.keep_picture("unplugged")
    assert screen.green == ""
    assert "mail.nowhere.example:465: the name does not resolve" in screen.red
    assert screen.values(*typed) == tuple(typed.values())
    assert screen.placeholder("secret") == "is set"
    screen.fill(smtp_host="mail.acme.example")
    screen.press("Test SMTP Send")
    assert "The test message was sent." in screen.green
    assert "No server with this name can be found." in screen.yellow
    assert "imap.nowhere.example:993: the name does not resolve" in screen.yellow
    screen.keep_picture("imap_unplugged")


def test_servers_are_found_from_an_address(screen: Screen) -> None:
    screen.log_in("Ana")
    screen.fill(address="carla@acme.example", display_name="Carla")
    screen.press("Find my servers")
    assert "found" in screen.yellow
    assert screen.values("smtp_host", "smtp_port", "imap_host") == ("mail.acme.example", "465", "mail.acme.example")


def test_who_has_the_old_way_is_offered_the_new_one_and_moves(screen: Screen, site: Site) -> None:
    screen.log_in("Olga")
    assert screen.picked == "Gmail (app password) (OLD)"
    assert "Gmail (NEW)" in screen.buttons
    assert "This is the OLD way." in screen.text
    screen.keep_picture("old_and_new")
    assert screen.placeholder("secret") == "is set"
    screen.press("Test SMTP Send")
    assert "sent" in screen.green, screen.text
    screen.press("Gmail (NEW)")
    screen.press("Sign in with Google")
    screen.press("Allow")
    assert "moved" in screen.green
    screen.reload()
    assert screen.picked == "Gmail"
    assert "(OLD)" not in screen.text
    screen.press("Test SMTP Send")
    assert "sent" in screen.green
    account = site.host.accounts.load("user/Olga")
    assert account is not None
    assert account.secret is None


def test_every_other_provider_is_one_click_further(screen: Screen) -> None:
    screen.log_in("Ana")
    assert "Fastmail" not in screen.buttons
    screen.open_more()
    screen.keep_picture("more")
    screen.press("Fastmail")
    assert screen.picked == "Fastmail"
    assert "Save Settings" in screen.buttons
