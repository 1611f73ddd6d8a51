"""What becomes of a text at each place where text comes in: who builds something of it, sends it, or looks it up."""

from __future__ import annotations

import contextlib
import json
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import attrs

from tether_mailconf import (
    Accounts,
    ConnectionSettings,
    CredentialKind,
    Delivery,
    Endpoint,
    FileJournal,
    Filing,
    Mailer,
    NetworkPolicy,
    Password,
    Receipt,
    Secret,
    Security,
    discover,
    explain,
    oauth,
    presets,
)
from tether_mailconf.discovery.offer import Source
from tether_mailconf.sandbox import Sandbox

Act = Callable[["World", str], object]

SERVER = Endpoint(host="mail.example.com", port=465, security=Security.TLS)
NOWHERE = NetworkPolicy(networks=("127.0.0.0/8",), ports={1}, name_servers=("127.0.0.1:9",))
"""A network in which nobody answers."""

UNKNOWING = NetworkPolicy(name_servers=("127.0.0.1:9",))
"""A network in which every server may be dialled, and nobody knows where it is."""


@attrs.define
class World:
    """Where it all happens.

    Args:
        sandbox: servers to talk to.
        folder: for files.
    """

    sandbox: Sandbox
    folder: Path

    def mailer(self, **options: Any) -> Mailer:
        settings = options.pop("settings", self.sandbox.settings)
        credential = options.pop("credential", self.sandbox.credential)
        return Mailer(settings, credential, ca_file=self.sandbox.ca_file, network=self.sandbox.network, **options)


def letter(**headers: Any) -> EmailMessage:
    """Return a message to Ben, with further fields."""
    message = EmailMessage()
    message["To"] = "ben@example.org"
    message["Message-ID"] = "<letter@sandbox.test>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("Hello Ben\n")
    return message


# -- values that are built ---------------------------------------------------------------------------------------------

_SETTINGS: dict[str, Any] = {
    "address": "ana@example.com",
    "smtp": SERVER,
    "imap": attrs.evolve(SERVER, host="imap.example.com", port=993),
    "smtp_user": "ana",
    "imap_user": "ana",
    "credential": CredentialKind.PASSWORD,
}
_ISSUER: dict[str, Any] = {
    "id": "own",
    "label": "Own",
    "issuer": "https://127.0.0.1:1",
    "authorization_endpoint": "https://127.0.0.1:1/authorize",
    "token_endpoint": "https://127.0.0.1:1/token",
    "scopes": ("mail",),
}
ISSUER = oauth.Issuer(**_ISSUER)
WITH_DEVICES = attrs.evolve(ISSUER, device_authorization_endpoint="https://127.0.0.1:1/device")


def built(kind: Callable[..., object], sound: dict[str, Any], field: str, form: str = "{}") -> Act:
    """Build a value with the text in one of its fields."""
    return lambda world, text: kind(**{**sound, field: form.format(text)})


def issuer(field: str, form: str = "https://127.0.0.1:1/{}") -> Act:
    """Build an issuer, and send a browser and a token request there."""

    def act(world: World, text: str) -> object:
        value: object = form.format(text)
        if field in ("scopes", "identity_scopes", "identity_claims", "also_known_as", "sources"):
            value = ("mail", str(value))
        if field == "authorization_parameters":
            value = {str(value): str(value)}
        made = oauth.Issuer(**{**_ISSUER, field: value})
        pending = sign_in(made).begin("ana@example.com")
        assert pending.url.isascii()
        assert pending.url.isprintable()
        assert " " not in pending.url
        return pending

    return act


def sign_in(of: oauth.Issuer = ISSUER, **options: Any) -> oauth.SignIn:
    """Return a sign-in at an issuer where nobody answers."""
    settings: dict[str, Any] = {
        "client_id": "client",
        "redirect_uri": "https://host.example/callback",
        "network": NOWHERE,
    }
    return oauth.SignIn(of, **{**settings, **options})


def asked(**options: str) -> Act:
    """Make a sign-in with the text in one of its arguments, and look at where it sends the browser."""

    def act(world: World, text: str) -> object:
        given: dict[str, Any] = {name: form.format(text) for name, form in options.items()}
        pending = sign_in(**given).begin("ana@example.com")
        assert pending.url.isascii()
        assert pending.url.isprintable()
        return pending

    return act


def enrolled(method: str, **options: str) -> Act:
    """Call a method of a sign-in with the text in an argument."""

    def act(world: World, text: str) -> object:
        given = {"address": "ana@example.com"} | {name: form.format(text) for name, form in options.items()}
        return getattr(sign_in(), method)(given.pop("address"), **given)

    return act


def completed(world: World, text: str) -> object:
    begun = sign_in()
    pending = begun.begin("ana@example.com")
    return begun.complete(pending, f"https://host.example/callback?state={pending.state}&code={text}")


def completed_by(world: World, text: str) -> object:
    begun = sign_in()
    pending = begun.begin("ana@example.com")
    return begun.complete(pending, f"?state={pending.state}&code=abc", owner=text)


def pending(field: str) -> Act:
    """Bring a sign-in back that was changed where it was kept."""

    def act(world: World, text: str) -> object:
        begun = sign_in()
        kept = begun.begin("ana@example.com").to_dict()
        changed = oauth.PendingSignIn.from_dict({**kept, field: text})
        return begun.complete(changed, f"?state={kept['state']}&code=abc")

    return act


def pending_device(field: str) -> Act:
    """Bring a sign-in by device code back that was changed where it was kept; nothing was begun for it."""
    kept = {
        "schema": 1, "user_code": "A", "verification_uri": "https://127.0.0.1:1/", "verification_uri_complete": "",
        "interval": 5.0, "state": "s", "issuer": "own", "address": "ana@example.com", "login": "ana@example.com",
        "owner": "", "expires_at": "2099-01-01T00:00:00+00:00",
    }  # fmt: skip

    def act(world: World, text: str) -> object:
        return sign_in().complete_device(oauth.PendingDevice.from_dict({**kept, field: text}), deadline=5.0)

    return act


# -- what is said to servers -------------------------------------------------------------------------------------------


def sent(**options: str) -> Act:
    """Send a message with the text in arguments of `send`."""

    def act(world: World, text: str) -> object:
        given: dict[str, Any] = {name: form.format(text) for name, form in options.items()}
        if "recipients" in given:
            given["recipients"] = ["ben@example.org", given["recipients"]]
        with world.mailer() as mailer:
            return mailer.send(letter(), **given)

    return act


def sent_message(make: Callable[[str], EmailMessage]) -> Act:
    """Send a message that was made with the text."""

    def act(world: World, text: str) -> object:
        with world.mailer() as mailer:
            return mailer.send(make(text))

    return act


def signed_in(kind: type[Password]) -> Act:
    """Try a password at both servers; it is the account's, so nothing but the text decides."""

    def act(world: World, text: str) -> object:
        kept = world.sandbox.settings
        settings = attrs.evolve(kept, credential=kind.kind)
        with world.mailer(settings=settings, credential=kind(text)) as mailer:
            return mailer.send(letter())

    return act


def journaled(world: World, text: str) -> object:
    """Keep a journal at a path with the text in it."""
    path = world.folder / text.replace("/", "_")
    journal = FileJournal(path)
    journal.record(RECEIPT)
    return journal.read()


RECEIPT = Receipt(
    delivery=Delivery.SENT,
    message_id="<letter@sandbox.test>",
    date="Mon, 02 Nov 2026 03:04:05 +0000",
    digest="sha256:0",
    sender="ana@sandbox.test",
    accepted=("ben@example.org",),
    filing=Filing.PENDING,
)


def receipt(field: str) -> Act:
    """Finish a copy by a receipt that was changed where it was kept."""

    def act(world: World, text: str) -> object:
        with world.mailer() as mailer:
            message = letter()
            genuine = mailer.send(message).to_dict()
            kept = genuine | {"filing": "pending"}
            if field in ("accepted", "refused"):
                kept[field] = {text: {"code": "550", "enhanced": "", "text": ""}} if field == "refused" else [text]
            elif field == "timings":
                kept[field] = {text: 1.0}
            else:
                kept[field] = text
            changed = Receipt.from_dict(kept)
            explain(changed)
            mailer.resolve(changed, message)
            return mailer.file(changed, message)

    return act


def found(**options: str) -> Act:
    """Discover with the text in an argument."""

    def act(world: World, text: str) -> object:
        given: dict[str, Any] = {"address": "ana@example.com"} | {k: form.format(text) for k, form in options.items()}
        wanted = [Source.DATABASE] if "database" in given else [Source.CATALOGUE]
        report = discover(given.pop("address"), sources=wanted, network=NOWHERE, deadline=5.0, **given)
        if "database" in options:
            # Nobody was asked: the URL is none.
            raise AssertionError(f"{report}")
        return report

    return act


def with_authority(world: World, text: str, use: Callable[[str], object]) -> object:
    """Name a file of authorities that is not there."""
    return use(str(world.folder / text))


# -- what is kept ------------------------------------------------------------------------------------------------------


class _Keeper(oauth.MemoryTokenStore):
    """A store that looks at the names it is given."""

    def load(self, key: str) -> oauth.Stored | None:
        assert key.isascii()
        assert key.isprintable()
        return super().load(key)


def account(method: str) -> Act:
    """Save an account under the text, and do something with it."""

    def act(world: World, text: str) -> object:
        accounts = Accounts(_Keeper(), network=NOWHERE)
        settings = ConnectionSettings(**_SETTINGS)
        accounts.save(text, settings, Password("correct horse"))
        assert accounts.load("a different one") is None
        given: dict[str, tuple[Any, ...]] = {
            "change_credential": (Password("b"),),
            "note": (RECEIPT,),
            "migrate": (Password("b"),),
            "save": (settings,),
        }
        return getattr(accounts, method)(text, *given.get(method, ()))

    return act


def migrated(ca_file: str) -> object:
    """Move a kept account to another way of signing in."""
    accounts = Accounts(oauth.MemoryTokenStore(), network=NOWHERE, ca_file=ca_file)
    accounts.save("a", ConnectionSettings(**_SETTINGS), Password("correct horse"))
    return accounts.migrate("a", Password("b"), preset="custom")


def stored(name: str) -> Act:
    """Keep something under the text, in a file and in memory."""

    def act(world: World, text: str) -> object:
        path = world.folder / "tokens.sqlite"
        key = oauth.SqliteTokenStore.new_key()
        path.unlink(missing_ok=True)
        with contextlib.closing(oauth.SqliteTokenStore(path, key=key)) as file:
            for store in (file, oauth.MemoryTokenStore()):
                kept, version = ("k", text) if name == "expected" else (text, None)
                was_swapped = store.swap(kept, Secret("s"), expected=version)
                assert was_swapped is (name != "expected")
                assert (store.load(kept) is not None) is was_swapped
        return None

    return act


def called_back(path: str, page: str) -> Act:
    """Wait for a browser, be one, and look at what it is answered."""

    def act(world: World, text: str) -> object:
        receiver = oauth.LoopbackReceiver(path=path.format(text), page=page.format(text))
        with contextlib.closing(receiver), ThreadPoolExecutor(1) as beside:
            waiting = beside.submit(receiver.wait, "s", deadline=20.0)
            with urllib.request.urlopen(f"{receiver.redirect_uri}?code=c&state=s", timeout=20) as answer:
                shown = answer.read()
                assert "XEVIL" not in str(answer.headers)
                assert len(shown) == int(answer.headers["Content-Length"])
            assert waiting.result().endswith("?code=c&state=s")
        return shown

    return act


def waited(world: World, text: str) -> object:
    with contextlib.closing(oauth.LoopbackReceiver()) as receiver:
        return receiver.wait(text, deadline=0.05)


# -- pages -------------------------------------------------------------------------------------------------------------

_PAGE = {
    "preset": "custom", "address": "ana@example.org", "smtp_host": "mail.example.org", "smtp_port": "465",
    "smtp_security": "tls", "imap_host": "mail.example.org", "imap_port": "993", "imap_security": "tls",
    "smtp_user": "ana", "imap_user": "ana", "secret": "correct horse", "display_name": "Ana", "enabled": "on",
}  # fmt: skip


def parsed(world: World, text: str) -> object:
    """Send a page back with the text in each of its fields.

    Where it is refused that field is named; settings that come of it hold nothing of it.
    """
    for name, value in _PAGE.items():
        try:
            made = presets.parse({**_PAGE, name: f"{value}{text}"})
        except presets.InvalidForm as error:
            named = {problem.field for problem in error.problems}
        else:
            named = {name}
            assert "XEVIL" not in json.dumps(made.settings.to_dict())
        assert name in named
    return None


def linted(world: World, text: str) -> object:
    for name, value in _PAGE.items():
        for advice in presets.lint({**_PAGE, name: f"{value}{text}"}):
            assert advice.problem.message.isprintable()
    return None


def filled(world: World, text: str) -> object:
    """A page filled in again shows what was typed, which who draws it escapes."""
    return presets.CUSTOM.form().filled({"display_name": text}).field("display_name").value == text
