"""A host's code, never run: mypy and pyright hold the types of the public surface, in both colours.

`assert_type` says what a host gets. A line that must be refused is ignored with the code of its error: mypy tells when
an ignore is needed no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from typing import Any, assert_type

import tether_mailconf as mailconf
from tether_mailconf import aio, oauth, presets, sandbox
from tether_mailconf.sandbox import Personality, Sandbox

SETTINGS = presets.GMAIL.settings("ana@gmail.com", display_name="Ana")
PASSWORD = mailconf.AppPassword("abcd efgh ijkl mnop")


# -- sending -----------------------------------------------------------------------------------------------------------


def send(message: EmailMessage) -> None:
    with mailconf.Mailer(SETTINGS, PASSWORD, connections=3) as mailer:
        assert_type(mailer, mailconf.Mailer)
        receipt = mailer.send(message, recipients=["ben@example.org"], dsn=mailconf.Dsn(), deadline=20)
        assert_type(receipt, mailconf.Receipt)
        assert_type(mailer.file(receipt, message), mailconf.Receipt)
        assert_type(mailer.resolve(receipt, message), mailconf.Receipt)
        assert_type(mailer.send_test(), mailconf.Trial)
    assert_type(receipt.delivery, mailconf.Delivery)
    assert_type(receipt.filing, mailconf.Filing)
    assert_type(receipt.learned, mailconf.ConnectionSettings | None)
    assert_type(receipt.refused, Mapping[str, mailconf.Reply])
    assert_type(mailconf.Receipt.from_dict(receipt.to_dict()), mailconf.Receipt)
    assert_type(mailconf.migrate(SETTINGS, PASSWORD, PASSWORD), mailconf.ConnectionSettings)


async def send_awaited(message: EmailMessage) -> None:
    async with aio.Mailer(SETTINGS, PASSWORD, journal=aio.FileJournal("sent.jsonl")) as mailer:
        assert_type(mailer, aio.Mailer)
        receipt = await mailer.send(message, partial=True)
        assert_type(receipt, mailconf.Receipt)
        assert_type(await mailer.file(receipt, message), aio.Receipt)
        assert_type(await mailer.resolve(receipt, message), aio.Receipt)
        assert_type(await mailer.send_test("ben@example.org", clean_up=True), aio.Trial)
    assert_type(await aio.migrate(SETTINGS, PASSWORD, PASSWORD), aio.ConnectionSettings)
    assert_type(await aio.FileJournal("sent.jsonl").read(), dict[str, aio.Receipt])


def passes_on(credential: mailconf.Credential | mailconf.TokenSource, token: oauth.OAuthToken) -> None:
    mailconf.Mailer(SETTINGS, credential)
    aio.Mailer(SETTINGS, credential)
    source: aio.TokenSource = token
    assert_type(source.issuer, str)
    passes_on(source, token)


def send_wrongly(message: EmailMessage) -> None:
    mailconf.Mailer(SETTINGS, "abcd efgh ijkl mnop")  # type: ignore[arg-type]  # a password is no text
    mailer = mailconf.Mailer(SETTINGS, PASSWORD)
    mailer.send(message, "ana@gmail.com")  # type: ignore[call-arg]  # what changes who gets it has a name
    mailconf.Mailer(SETTINGS, PASSWORD, verify=False)  # type: ignore[call-arg]  # there is no such switch
    SETTINGS.enabled = False  # type: ignore[misc]  # a value does not change


# -- what a host brings ------------------------------------------------------------------------------------------------


class VaultPassword:
    """A credential of the host's own."""

    kind = mailconf.CredentialKind.PASSWORD
    mechanisms = ("PLAIN",)

    def answer(self, step: mailconf.SaslStep) -> bytes:
        return b"\0".join((b"", step.user.encode(), b"from the vault"))


class AwaitedPassword:
    """A credential that is awaited."""

    kind = mailconf.CredentialKind.PASSWORD
    mechanisms = ("PLAIN",)

    async def answer(self, step: mailconf.SaslStep) -> bytes:
        return step.user.encode()


class Table:
    """A journal of the host's own."""

    def record(self, receipt: mailconf.Receipt) -> None: ...


class AwaitedTable:
    """A journal that is awaited."""

    async def record(self, receipt: mailconf.Receipt) -> None: ...


class Vault:
    """A store of the host's own."""

    def load(self, key: str) -> oauth.Stored | None:
        return None

    def swap(
        self, key: str, content: mailconf.Secret | None, *, expected: str | None, until: datetime | None = None
    ) -> bool:
        return expected is None


class AwaitedVault:
    """A store that is awaited."""

    async def load(self, key: str) -> oauth.Stored | None:
        return None

    async def swap(
        self, key: str, content: mailconf.Secret | None, *, expected: str | None, until: datetime | None = None
    ) -> bool:
        return expected is None


credential: mailconf.Credential = VaultPassword()
credential = AwaitedPassword()
journal: mailconf.Journal = Table()
journal = AwaitedTable()
journal = mailconf.FileJournal("sent.jsonl")
journal = aio.FileJournal("sent.jsonl")
store: oauth.TokenStore = Vault()
store = AwaitedVault()
store = oauth.MemoryTokenStore()
store = oauth.SqliteTokenStore("tokens.sqlite", key=oauth.SqliteTokenStore.new_key())
store = aio.oauth.SqliteTokenStore("tokens.sqlite", key=aio.oauth.SqliteTokenStore.new_key())


# -- signing in --------------------------------------------------------------------------------------------------------


def sign_in(callback_url: str, info: dict[str, Any]) -> None:
    google = oauth.SignIn(oauth.GOOGLE, client_id="id", client_secret="secret", redirect_uri="https://x.example/back")
    pending = google.begin("ana@gmail.com", owner="tenant7/user3")
    assert_type(pending, oauth.PendingSignIn)
    assert_type(pending.url, str)
    token = google.complete(pending, callback_url)
    assert_type(token, oauth.OAuthToken)
    assert_type(google.token("ana@gmail.com"), oauth.OAuthToken)
    assert_type(google.status("ana@gmail.com"), oauth.TokenStatus)
    assert_type(google.disconnect("ana@gmail.com"), oauth.Disconnected)
    assert_type(google.begin_device("ana@gmail.com"), oauth.PendingDevice)
    assert_type(oauth.microsoft("common"), oauth.Issuer)
    assert_type(oauth.issuer_at("https://issuer.example", scopes=["mail"]), oauth.Issuer)
    assert_type(oauth.google_service_account(info, "ana@acme.example"), oauth.OAuthToken)
    mailconf.Mailer(SETTINGS, token)
    mailconf.Mailer(SETTINGS, oauth.BearerToken("of a host that does its own OAuth"))


async def sign_in_awaited(callback_url: str) -> None:
    google = aio.oauth.SignIn(aio.oauth.GOOGLE, client_id="id", redirect_uri="https://x.example/back", store=Vault())
    pending = await google.begin("ana@gmail.com")
    assert_type(pending, aio.oauth.PendingSignIn)
    token = await google.complete(pending, callback_url)
    assert_type(token, aio.oauth.OAuthToken)
    assert_type(await google.status("ana@gmail.com"), aio.oauth.TokenStatus)
    assert_type(await aio.oauth.issuer_at("https://issuer.example", scopes=["mail"]), aio.oauth.Issuer)
    aio.Mailer(SETTINGS, token)


# -- finding, checking, explaining -------------------------------------------------------------------------------------


def find() -> None:
    found = mailconf.discover("ana@acme.example", sources=[mailconf.Source.SRV], deadline=5)
    assert_type(found, mailconf.Discovery)
    assert_type(found.best, mailconf.Candidate | None)
    if found.best is not None:
        assert_type(found.best.settings, mailconf.ConnectionSettings)
        assert_type(found.best.trust, mailconf.Trust)
    assert_type(mailconf.verify(found, PASSWORD), mailconf.Discovery)
    assert_type(mailconf.check(SETTINGS, PASSWORD), mailconf.Report)


async def find_awaited() -> None:
    found = await aio.discover("ana@acme.example")
    assert_type(found, aio.Discovery)
    assert_type(await aio.verify(found, PASSWORD), aio.Discovery)
    assert_type(await aio.check(SETTINGS, PASSWORD), aio.Report)


def explain(message: EmailMessage) -> None:
    try:
        mailconf.Mailer(SETTINGS, PASSWORD).send(message)
    except mailconf.RecipientsRefused as error:
        assert_type(error.refused, dict[str, mailconf.Reply])
    except mailconf.Refused as error:
        assert_type(error.reply, mailconf.Reply)
        assert_type(error.is_temporary, bool)
    except mailconf.ConversationError as error:
        assert_type(error.step, mailconf.Step)
        assert_type(error.endpoint, mailconf.Endpoint | None)
        assert_type(error.transcript, tuple[str, ...])
    except mailconf.InvalidMessage as error:
        assert_type(error.problems, tuple[mailconf.Problem, ...])
    except mailconf.MailconfError as error:
        assert_type(error.receipt, mailconf.Receipt | None)
        finding = mailconf.explain(error, SETTINGS)
        assert_type(finding, mailconf.Finding)
        assert_type(finding.mender, mailconf.Mender)
        assert_type(finding.retry, mailconf.Retry)


# -- a settings page, and accounts -------------------------------------------------------------------------------------


def settle(typed: dict[str, object]) -> None:
    form = presets.CUSTOM.form()
    assert_type(form, presets.Form)
    assert_type(form.fields, tuple[presets.Field, ...])
    parsed = presets.parse(typed)
    assert_type(parsed, presets.Parsed)
    assert_type(parsed.credential, mailconf.Password | None)
    accounts = mailconf.Accounts(Vault())
    account = accounts.save("user-7", parsed.settings, parsed.credential)
    assert_type(account, mailconf.StoredAccount)
    assert_type(accounts.clear("user-7"), mailconf.Cleared)
    assert_type(mailconf.health(account), tuple[mailconf.Concern, ...])
    assert_type(presets.lint(typed), tuple[presets.Advice, ...])
    assert_type(mailconf.ConnectionSettings.from_dict(SETTINGS.to_dict()), mailconf.ConnectionSettings)


async def settle_awaited() -> None:
    accounts = aio.Accounts(AwaitedVault())
    account = await accounts.load("user-7")
    assert_type(account, aio.StoredAccount | None)
    if account is not None:
        assert_type(await aio.health(account), tuple[aio.Concern, ...])


# -- the sandbox -------------------------------------------------------------------------------------------------------


def play() -> None:
    with Sandbox(Personality(filing_delay=None)) as place:
        assert_type(place, Sandbox)
        assert_type(place.settings, mailconf.ConnectionSettings)
        assert_type(place.network, mailconf.NetworkPolicy)
        assert_type(place.oauth, sandbox.SandboxOAuth)
        assert_type(place.there, sandbox.There)
        assert_type(mailconf.Mailer(place.settings, place.credential, **place.there), mailconf.Mailer)
        assert_type(place.sent(), tuple[sandbox.StoredMessage, ...])
