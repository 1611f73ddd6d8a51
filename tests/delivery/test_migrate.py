"""From the OLD way of signing in to the NEW one: proved at both servers first, and nothing is lost if it fails."""

from __future__ import annotations

import attrs
import pytest

from tether_mailconf import presets
from tether_mailconf.credentials import AppPassword, Credential, Password, SaslStep
from tether_mailconf.credentials.token import BearerToken
from tether_mailconf.delivery.migrate import migrate, new_settings
from tether_mailconf.errors import (
    CredentialRetired,
    InvalidSettings,
    MailconfError,
    SignInRefused,
    Step,
    TimedOut,
    Unreachable,
)
from tether_mailconf.sandbox.personality import PLAIN, Drop, Personality
from tether_mailconf.settings import ConnectionSettings, CredentialKind, Endpoint, Filer, Security, SentPolicy

from ..simulated import Provider

ADDRESS, SECRET, TOKEN = "ana@gmail.com", "abcdefghijklmnop", "ya29.right"
SENT = SentPolicy(filer=Filer.PROVIDER, mailbox="[Gmail]/Gesendet")
OLD = presets.GMAIL_APP_PASSWORD.settings(ADDRESS, display_name="Ana", sent=SENT, enabled=False)
CUSTOM = ConnectionSettings(
    address=ADDRESS,
    smtp=Endpoint(host="smtp.acme.example", port=587, security=Security.STARTTLS),
    imap=Endpoint(host="imap.acme.example", port=143, security=Security.STARTTLS),
    smtp_user=ADDRESS,
    imap_user="ana",
    credential=CredentialKind.APP_PASSWORD,
)
OUTLOOK = ConnectionSettings(
    address="ana@outlook.com",
    preset="outlook",
    smtp=Endpoint(host="smtp.office365.com", port=587, security=Security.STARTTLS),
    smtp_user="ana@outlook.com",
    credential=CredentialKind.PASSWORD,
)
"""As they were stored before Microsoft took passwords away."""


def provider(personality: Personality = PLAIN) -> Provider:
    """A provider at which both ways of signing in work."""
    made = Provider(personality)
    made.store.add_account(ADDRESS, SECRET, token=TOKEN, user="ana")
    return made


def moved(
    at: Provider,
    old: Credential,
    new: Credential,
    *,
    settings: ConnectionSettings = OLD,
    preset: str | None = None,
    seconds: float = 30,
) -> ConnectionSettings:
    """Move the account."""
    return at.world.run(migrate(at, settings, old, new, preset=preset, seconds=seconds))


def secret_in(credential: AppPassword | BearerToken) -> bytes:
    """What a server would be shown of the secret."""
    answer = credential.answer(SaslStep(mechanism=credential.mechanisms[0], user="", endpoint=OLD.smtp))
    return b"".join(secret for secret in (SECRET.encode(), TOKEN.encode()) if secret in answer)


def said(at: Provider) -> list[bytes]:
    """The lines that the servers were sent."""
    return b"".join(data for speaker, data in at.log if speaker == "C").splitlines()


def refused(settings: ConnectionSettings, new: Credential, preset: str | None = None) -> list[tuple[str, str]]:
    """Field and code of everything that keeps an account from being moved."""
    with pytest.raises(InvalidSettings) as caught:
        new_settings(settings, new, preset)
    return [(problem.field, problem.code) for problem in caught.value.problems]


# -- the proof ---------------------------------------------------------------------------------------------------------


def test_the_new_way_is_proved_at_both_servers_and_then_the_old_secret_is_wiped() -> None:
    at, old, new = provider(), AppPassword(SECRET), BearerToken(TOKEN)
    after = moved(at, old, new)
    assert (secret_in(old), secret_in(new)) == (b"", TOKEN.encode())
    assert after.credential is CredentialKind.OAUTH_TOKEN
    lines = said(at)
    assert sum(line.startswith(b"AUTH OAUTHBEARER ") for line in lines) == 1
    assert sum(b" AUTHENTICATE OAUTHBEARER " in line for line in lines) == 1
    assert lines.count(b"QUIT") == sum(line.endswith(b" LOGOUT") for line in lines) == 1, "nothing stays open"
    assert at.store.submissions == []


def test_each_server_is_shown_its_own_user_name() -> None:
    at = provider()
    after = moved(at, AppPassword(SECRET), AppPassword(SECRET), settings=CUSTOM, preset="custom")
    assert after == CUSTOM
    for wrong in (attrs.evolve(CUSTOM, imap_user="else"), attrs.evolve(CUSTOM, smtp_user="else")):
        with pytest.raises(SignInRefused):
            moved(provider(), AppPassword(SECRET), AppPassword(SECRET), settings=wrong, preset="custom")


@pytest.mark.parametrize(
    ("dead", "silent", "drop_at", "token", "error", "step"),
    [
        ("", "", None, "ya29.wrong", SignInRefused, Step.SIGN_IN),
        ("smtp", "", None, TOKEN, Unreachable, Step.CONNECT),
        ("imap", "", None, TOKEN, Unreachable, Step.CONNECT),
        ("", "smtp", None, TOKEN, TimedOut, Step.GREETING),
        ("", "imap", None, TOKEN, TimedOut, Step.GREETING),
        ("", "", Drop.AUTH, TOKEN, MailconfError, Step.SIGN_IN),
        ("", "", Drop.IMAP_AUTH, TOKEN, MailconfError, Step.SIGN_IN),
    ],
)
def test_a_new_way_that_one_server_does_not_take_leaves_the_old_one_and_closes_all(
    dead: str, silent: str, drop_at: Drop | None, token: str, error: type[MailconfError], step: Step
) -> None:
    at, old = provider(Personality(drop_at=drop_at, drop_count=9)), AppPassword(SECRET)
    at.dead |= {dead}
    at.silent |= {silent}
    with pytest.raises(error) as caught:
        moved(at, old, BearerToken(token), seconds=10)
    assert getattr(caught.value, "step", None) is step
    assert secret_in(old) == SECRET.encode()
    assert at.world.time <= 10.1, "the deadline is for all of it"
    assert [line for lines in at.lines.values() for line in lines if not line.is_closed] == []
    assert {protocol for protocol, lines in at.lines.items() if lines} == {"smtp", "imap"} - {dead}, "both were tried"


def test_a_credential_that_is_used_on_or_cannot_be_wiped_is_left_alone() -> None:
    password = AppPassword(SECRET)
    moved(provider(), password, password, settings=CUSTOM, preset="custom")
    assert secret_in(password) == SECRET.encode()

    class FromVault:
        """A credential of the host's own: there is nothing in it to wipe."""

        kind = CredentialKind.HOST
        mechanisms = ("PLAIN",)

        def answer(self, step: SaslStep) -> bytes:
            return AppPassword(SECRET).answer(step)

    settings = attrs.evolve(CUSTOM, credential=CredentialKind.HOST)
    after = moved(provider(), FromVault(), BearerToken(TOKEN), settings=settings, preset="custom")
    assert after.credential is CredentialKind.OAUTH_TOKEN


def test_an_account_that_only_sends_is_proved_by_sending_s_server_alone() -> None:
    at = provider()
    only_sends = attrs.evolve(OLD, imap=None, imap_user="")
    after = moved(at, AppPassword(SECRET), BearerToken(TOKEN), settings=only_sends)
    assert after == attrs.evolve(new_settings(OLD, BearerToken(TOKEN), None), imap=None, imap_user="")
    assert (len(at.lines["smtp"]), at.lines["imap"]) == (1, [])


# -- the settings ------------------------------------------------------------------------------------------------------


def test_servers_and_user_names_are_the_new_preset_s_and_everything_else_stays() -> None:
    after = new_settings(OLD, BearerToken(TOKEN), None)
    assert (after.preset, after.credential, after.smtp_user) == ("gmail", CredentialKind.OAUTH_TOKEN, ADDRESS)
    assert (after.smtp, after.imap) == (presets.GMAIL.smtp[0], presets.GMAIL.imap[0])
    assert (after.address, after.display_name, after.sent, after.enabled) == (ADDRESS, "Ana", SENT, False)


def test_the_preset_that_is_named_goes_before_the_one_that_supersedes() -> None:
    assert new_settings(OLD, BearerToken(TOKEN), "google_workspace").preset == "google_workspace"
    assert new_settings(CUSTOM, AppPassword(SECRET), "icloud").smtp == presets.ICLOUD.smtp[0]


def test_custom_knows_no_servers_and_takes_the_account_s() -> None:
    after = new_settings(OLD, Password("x"), "custom")
    assert after == attrs.evolve(OLD, preset="custom", credential=CredentialKind.PASSWORD)


def test_where_a_preset_took_passwords_once_its_sign_in_is_the_new_way() -> None:
    after = new_settings(OUTLOOK, BearerToken(TOKEN), None)
    assert (after.preset, after.credential, after.smtp) == (
        "outlook",
        CredentialKind.OAUTH_TOKEN,
        presets.OUTLOOK.smtp[0],
    )
    assert after.imap is None


def test_an_account_that_has_no_new_way_is_told_so() -> None:
    icloud = presets.ICLOUD.settings("ana@icloud.com")
    none = [("preset", "preset.not_superseded")]
    assert refused(icloud, AppPassword(SECRET)) == none
    assert refused(OUTLOOK, Password("x")) == none, "it would not work"
    signed_in = attrs.evolve(OUTLOOK, credential=CredentialKind.OAUTH_TOKEN)
    assert refused(signed_in, BearerToken(TOKEN)) == none, "it has the NEW way"
    with pytest.raises(InvalidSettings, match="iCloud"):
        new_settings(icloud, AppPassword(SECRET), None)


def test_a_credential_that_the_new_preset_does_not_take_is_refused_before_anything_is_dialled() -> None:
    at, old = provider(), AppPassword(SECRET)
    assert refused(OLD, AppPassword(SECRET)) == [("credential", "credential.not_offered")]
    with pytest.raises(CredentialRetired):
        moved(at, old, Password("x"))
    assert secret_in(old) == SECRET.encode()
    assert at.lines == {"smtp": [], "imap": []}
