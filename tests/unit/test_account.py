"""Who files, and how that is known; and settings that do not fit what is done with them."""

from __future__ import annotations

import attrs
import pytest

from tether_mailconf import AppPassword, ConnectionSettings, CredentialKind, Endpoint, Filer, InvalidSettings, Password
from tether_mailconf.delivery.account import FilerSource, known_filer, require_kind
from tether_mailconf.settings import Security, SentPolicy

from ..simulated import Provider


def settings(
    filer: Filer = Filer.UNKNOWN, learned_at: str | None = None, host: str = "example.org"
) -> ConnectionSettings:
    """Settings of an account whose servers are smtp.HOST and imap.HOST."""
    return ConnectionSettings(
        address=f"ana@{host}",
        smtp=Endpoint(host=f"smtp.{host}", port=465, security=Security.TLS),
        imap=Endpoint(host=f"imap.{host}", port=993, security=Security.TLS),
        smtp_user=f"ana@{host}",
        imap_user=f"ana@{host}",
        credential=CredentialKind.APP_PASSWORD,
        sent=SentPolicy(filer=filer, learned_at=learned_at),
    )


@pytest.mark.parametrize(
    ("account", "filer", "source"),
    [
        (settings(Filer.CLIENT), Filer.CLIENT, FilerSource.SETTINGS),
        (settings(Filer.CLIENT, "smtp.example.org imap.example.org"), Filer.CLIENT, FilerSource.LEARNED),
        (settings(Filer.CLIENT, "smtp.old.example imap.old.example"), Filer.UNKNOWN, FilerSource.NOBODY_KNOWS),
        (settings(), Filer.UNKNOWN, FilerSource.NOBODY_KNOWS),
        (settings(host="gmail.com"), Filer.PROVIDER, FilerSource.CATALOGUE),
        (settings(Filer.CLIENT, host="gmail.com"), Filer.CLIENT, FilerSource.SETTINGS),
        (attrs.evolve(settings(Filer.CLIENT), imap=None, imap_user=""), Filer.NOBODY, FilerSource.NO_IMAP),
    ],
)
def test_who_files_is_known_from_the_host_then_from_what_was_seen_then_from_the_catalogue(
    account: ConnectionSettings, filer: Filer, source: FilerSource
) -> None:
    assert known_filer(account) == (filer, source)


def test_a_credential_of_another_kind_is_a_problem_of_the_credential() -> None:
    require_kind(settings(), AppPassword("swordfish-7"))
    with pytest.raises(InvalidSettings) as caught:
        require_kind(settings(), Password("swordfish-7"))
    assert [(problem.field, problem.code) for problem in caught.value.problems] == [("credential", "credential.kind")]
    assert "app_password" in str(caught.value)


def test_no_connection_at_all_is_a_problem_of_their_number() -> None:
    Provider().dispatch(connections=1)
    with pytest.raises(InvalidSettings) as caught:
        Provider().dispatch(connections=0)
    found = [(problem.field, problem.code) for problem in caught.value.problems]
    assert found == [("connections", "connections.too_few")]


def test_only_the_messages_of_late_are_remembered() -> None:
    """A mailer lives as long as its host, and may send thousands."""
    account = Provider().dispatch()._account
    for message_id in ("<a@example.org>", "<b@example.org>", "<a@example.org>"):
        account.note_sent(message_id)
    assert account.is_sent_again("<a@example.org>")
    assert not account.is_sent_again("<b@example.org>")
    for number in range(1_000):
        account.note_sent(f"<{number}@example.org>")
    account.note_sent("<a@example.org>")
    assert not account.is_sent_again("<a@example.org>")
