"""Accounts and what happens to them, for these tests."""

from __future__ import annotations

from tether_mailconf import ConnectionSettings, MailconfError, Reply, SignInRefused, Step, presets

SETTINGS: ConnectionSettings = presets.GMAIL_APP_PASSWORD.settings("ana@gmail.com", display_name="Ana")


def error() -> MailconfError:
    """Return what a refused sign-in raises."""
    reply = Reply(code="535", enhanced="5.7.8", text="Username and Password not accepted.")
    return SignInRefused(step=Step.SIGN_IN, reply=reply, endpoint=SETTINGS.smtp)
