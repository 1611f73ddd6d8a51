"""What is done with a text at each place where text comes in, and what must become of it."""

from __future__ import annotations

from email.message import EmailMessage
from functools import partial
from typing import Any

import attrs

from tether_mailconf import (
    Accounts,
    AppPassword,
    ConnectionSettings,
    Dsn,
    Endpoint,
    MailconfError,
    Mailer,
    NetworkPolicy,
    Password,
    Secret,
    SentPolicy,
    check,
    discover,
    explain,
    migrate,
    oauth,
    presets,
    verify,
)
from tether_mailconf.discovery.offer import Source

from . import injected as at
from .injected import NOWHERE, UNKNOWING, Act, World, built, letter
from .place import COMPARED, ONE_ARGUMENT, PROGRAMMED, Place, passes, refused, refused_as_a_whole


def looked_up(look_up: Any) -> Place:
    """A name that is looked up in a table of ours: nobody hears of it."""
    return passes(lambda world, text: look_up(f"example{text}"))


def _settings(field: str, form: str = "{}") -> Place:
    return refused(built(ConnectionSettings, at._SETTINGS, field, form), field)


def _preset(field: str, form: str = "{}") -> Place:
    def act(world: World, text: str) -> object:
        given: dict[str, Any] = {"address": "ana@example.org", "smtp_user": "ana", "imap_user": "ana"}
        given |= {field: form.format(text)}
        server = at.SERVER
        imap = attrs.evolve(server, port=993)
        return presets.CUSTOM.settings(given.pop("address"), smtp=server, imap=imap, **given)

    return refused(act, field)


def _credential(kind: Any, form: str = "{}") -> Act:
    return lambda world, text: kind(form.format(text))


def _microsoft(name: str, form: str = "{}") -> Place:
    given: dict[str, Any] = {"client_id": "c", "address": "ana@example.org", "client_secret": "s"}
    issuer = oauth.microsoft("11111111-2222-3333-4444-555555555555")

    def act(world: World, text: str) -> object:
        value = form.format(text)
        own = {**given, name: value}
        if name in ("certificate", "private_key"):
            own = {**given, "client_secret": None, "certificate": "x", "private_key": "x", name: value}
        return oauth.microsoft_application(issuer, **own)

    return passes(act) if name == "client_secret" else refused(act, name)


def _issuer_at(name: str) -> Place:
    def act(world: World, text: str) -> object:
        given: dict[str, Any] = {
            "url": "https://127.0.0.1:1/own",
            "scopes": ["mail"],
            "network": NOWHERE,
            "deadline": 5.0,
        }
        given[name] = f"https://127.0.0.1:1/{text}" if name == "url" else ["mail", text]
        return oauth.issuer_at(given.pop("url"), **given)

    return refused(act, name)


def _service_account(world: World, text: str) -> object:
    info = {
        "type": "service_account",
        "client_email": text,
        "private_key": text,
        "private_key_id": text,
        "token_uri": text,
    }
    return oauth.google_service_account(info, "ana@example.org")


def _kept() -> Accounts:
    """Return the accounts of somebody who has one."""
    accounts = Accounts(oauth.MemoryTokenStore())
    accounts.save("a", ConnectionSettings(**at._SETTINGS), Password("b"))
    return accounts


def _message(text: str) -> EmailMessage:
    """A message with the text wherever a host can put one, past what the email package itself refuses."""
    message = letter()
    for name, value in {
        "Subject": text,
        "X-Own": text,
        "From": f"{text} <ana@sandbox.test>",
        "Cc": f'"{text}" <cc@example.org>',
        "In-Reply-To": f"<{text}@x>",
    }.items():
        message._headers.append((name, value))  # type: ignore[attr-defined]
    return message


_AUTHORITY = {
    "Accounts": at.migrated,
    "Mailer": lambda path: Mailer(
        ConnectionSettings(**at._SETTINGS), Password("b"), ca_file=path, network=NOWHERE
    ).send(letter()),
    "oauth.SignIn": lambda path: at.sign_in(at.WITH_DEVICES, ca_file=path).begin_device("ana@example.org"),
    "check": lambda path: check(ConnectionSettings(**at._SETTINGS), Password("b"), ca_file=path, network=NOWHERE),
    "discover": lambda path: discover(
        "ana@example.org", ca_file=path, sources=[Source.DATABASE], database="https://127.0.0.1:1/", network=NOWHERE
    ),
    "verify": lambda path: verify(
        discover("ana@icloud.com", network=UNKNOWING, sources=[Source.CATALOGUE]),
        AppPassword("abcd efgh ijkl mnop"),
        ca_file=path,
        network=UNKNOWING,
    ),
    "migrate": lambda path: migrate(
        ConnectionSettings(**at._SETTINGS),
        Password("b"),
        Password("b"),
        preset="custom",
        ca_file=path,
        network=NOWHERE,
    ),
    "oauth.issuer_at": lambda path: oauth.issuer_at(
        "https://127.0.0.1:1/", scopes=["mail"], ca_file=path, network=NOWHERE, deadline=5.0
    ),
}
"""Who takes a file of authorities: a name is a name on this machine's disk, and says nothing to anybody."""

_DEVICE = {
    "schema": 1,
    "user_code": "A",
    "verification_uri": "https://127.0.0.1:1/",
    "verification_uri_complete": "",
    "interval": 5.0,
    "state": "s",
    "issuer": "own",
    "address": "ana@example.com",
    "login": "ana@example.com",
    "owner": "",
    "expires_at": "2099-01-01T00:00:00+00:00",
}

_ADDRESS = "a{}b@example.com"
_RECEIPT = [
    "message_id",
    "date",
    "digest",
    "sender",
    "accepted",
    "refused",
    "filing_code",
    "filing_reason",
    "mailbox",
    "server_message_id",
    "timings",
]

ACTED: dict[str, Place] = {
    **{
        f"Endpoint.{name}": refused(built(Endpoint, {"port": 465, "security": at.SERVER.security}, name, "a{}b"), name)
        for name in ("host",)
    },
    **{f"SentPolicy.{name}": refused(built(SentPolicy, {}, name, "a{}b"), name) for name in ("mailbox", "learned_at")},
    "Dsn.envelope_id": refused(built(Dsn, {}, "envelope_id", "a{}b"), "dsn.envelope_id"),
    **{
        f"ConnectionSettings.{name}": _settings(name, "a{}b")
        for name in ("display_name", "preset", "smtp_user", "imap_user")
    },
    "ConnectionSettings.address": _settings("address", _ADDRESS),
    "ConnectionSettings.from_dict(data)": refused(
        lambda world, text: ConnectionSettings.from_dict(
            {**ConnectionSettings(**at._SETTINGS).to_dict(), text: text, "smtp_user": text}
        ),
        "smtp_user",
    ),
    "NetworkPolicy.networks": refused(lambda world, text: NetworkPolicy(networks=(f"10.0.0.0/8{text}",)), "networks"),
    "NetworkPolicy.name_servers": refused(
        lambda world, text: NetworkPolicy(name_servers=(f"192.0.2.1{text}",)), "name_servers"
    ),
    "NetworkPolicy.check_addresses(addresses)": refused(
        lambda world, text: NetworkPolicy().check_addresses(at.SERVER, [f"192.0.2.1{text}"]), at.SERVER.host
    ),
    "NetworkPolicy.check_domain(name)": refused_as_a_whole(
        lambda world, text: NetworkPolicy().check_domain(f"a{text}.example"), ONE_ARGUMENT
    ),
    "NetworkPolicy.permits(host)": passes(lambda world, text: NetworkPolicy().permits(f"192.0.2.1{text}")),
    "Mailer.send(sender)": refused(at.sent(sender=_ADDRESS), "sender"),
    "Mailer.send(recipients)": refused(at.sent(recipients=_ADDRESS), "recipients"),
    # DEL is a letter like others in a field (RFC 5322 section 4.1); such a message is not the receipt's, all the same.
    "Mailer.send(message)": Place(at.sent_message(_message), ("X-Own", "message"), may_pass=True),
    "Mailer.file(message)": refused(
        lambda world, text: world.mailer().file(at.RECEIPT, _message(text)), "X-Own", "message"
    ),
    "Mailer.resolve(message)": refused(
        lambda world, text: world.mailer().resolve(at.RECEIPT, _message(text)), "X-Own", "message"
    ),
    "Mailer.send_test(to)": refused(lambda world, text: world.mailer().send_test(_ADDRESS.format(text)), "to"),
    "Password(secret)": passes(at.signed_in(Password)),
    "AppPassword(secret)": passes(at.signed_in(AppPassword)),
    "oauth.BearerToken(secret)": refused_as_a_whole(_credential(oauth.BearerToken, "a{}b"), ONE_ARGUMENT),
    "Secret(value)": passes(_credential(Secret)),
    **{f"Receipt.{name}": passes(at.receipt(name)) for name in _RECEIPT},
    **{
        f"Accounts.{name}(key)": passes(at.account(name))
        for name in ("load", "save", "enable", "disable", "note", "clear", "change_credential", "migrate")
    },
    "Accounts.save(version)": refused_as_a_whole(
        lambda world, text: Accounts(oauth.MemoryTokenStore()).save(
            "a", ConnectionSettings(**at._SETTINGS), Password("b"), version=text
        ),
        COMPARED,
    ),
    "Accounts.change_credential(version)": refused_as_a_whole(
        lambda world, text: _kept().change_credential("a", Password("b"), version=text), COMPARED
    ),
    "Accounts.migrate(preset)": refused(
        lambda world, text: migrate(ConnectionSettings(**at._SETTINGS), Password("b"), Password("b"), preset=text),
        "preset",
    ),
    "Accounts.clear(owner)": passes(
        lambda world, text: Accounts(oauth.MemoryTokenStore()).clear("a", sign_in=at.sign_in(), owner=text)
    ),
    "migrate(preset)": refused(
        lambda world, text: migrate(ConnectionSettings(**at._SETTINGS), Password("b"), Password("b"), preset=text),
        "preset",
    ),
    "FileJournal(path)": passes(at.journaled),
    "discover(address)": refused(at.found(address=_ADDRESS), "address"),
    "discover(database)": refused(at.found(database="https://127.0.0.1:1/{}/"), "database"),
    "explain(texts)": passes(lambda world, text: explain(MailconfError(), texts={text: presets})),  # type: ignore[dict-item]
    **{f"{who}(ca_file)": refused(partial(at.with_authority, use=use), "ca_file") for who, use in _AUTHORITY.items()},
    **{
        f"oauth.Issuer.{name}": passes(at.issuer(name))
        for name in (
            "authorization_endpoint",
            "token_endpoint",
            "device_authorization_endpoint",
            "revocation_endpoint",
            "userinfo_endpoint",
            "introspection_endpoint",
            "issuer",
        )
    },
    **{
        f"oauth.Issuer.{name}": passes(at.issuer(name, "a{}b"))
        for name in (
            "id",
            "label",
            "scopes",
            "identity_scopes",
            "identity_claims",
            "also_known_as",
            "authorization_parameters",
            "checked",
            "sources",
        )
    },
    "oauth.LoopbackReceiver(path)": refused_as_a_whole(at.called_back("/a{}", ""), PROGRAMMED),
    "oauth.LoopbackReceiver(page)": passes(at.called_back("/a", "{}")),
    "oauth.LoopbackReceiver.wait(state)": refused_as_a_whole(at.waited, "no browser comes back with it"),
    **{
        f"oauth.{store}.{name}": passes(at.stored(name.partition("(")[2].rstrip(")")))
        for store in ("MemoryTokenStore", "SqliteTokenStore")
        for name in ("load(key)", "swap(key)", "swap(expected)")
    },
    "oauth.SqliteTokenStore(path)": passes(
        lambda world, text: oauth.SqliteTokenStore(
            world.folder / f"a{text}", key=oauth.SqliteTokenStore.new_key()
        ).close()
    ),
    "oauth.SqliteTokenStore(key)": refused(
        lambda world, text: oauth.SqliteTokenStore(world.folder / "a", key=oauth.SqliteTokenStore.new_key() + text),
        "key",
    ),
    **{
        f"oauth.PendingSignIn.{name}": refused_as_a_whole(at.pending(name), COMPARED)
        for name in ("state", "issuer", "redirect_uri", "address", "login", "owner")
    },
    "oauth.PendingSignIn.url": passes(at.pending("url")),
    **{
        f"oauth.PendingDevice.{name}": refused_as_a_whole(at.pending_device(name), COMPARED)
        for name in (
            "user_code",
            "verification_uri",
            "verification_uri_complete",
            "state",
            "issuer",
            "address",
            "login",
            "owner",
        )
    },
    "oauth.SignIn(client_id)": refused(at.asked(client_id="a{}b"), "client_id"),
    "oauth.SignIn(client_secret)": passes(at.asked(client_secret="a{}b")),
    "oauth.SignIn(redirect_uri)": refused(at.asked(redirect_uri="https://host.example/{}"), "redirect_uri"),
    **{
        f"oauth.SignIn.{method}(address)": refused(at.enrolled(method, address=_ADDRESS), "address")
        for method in ("begin", "begin_device", "token", "status", "disconnect")
    },
    **{
        f"oauth.SignIn.{method}(owner)": refused(at.enrolled(method, owner="a{}b"), "owner")
        for method in ("begin", "begin_device", "token", "status", "disconnect")
    },
    **{
        f"oauth.SignIn.{method}(login)": refused(at.enrolled(method, login=_ADDRESS), "login")
        for method in ("begin", "begin_device")
    },
    "oauth.SignIn.complete(callback_url)": refused_as_a_whole(
        at.completed, "the sentence says that it is the browser's answer"
    ),
    "oauth.SignIn.complete(owner)": refused_as_a_whole(at.completed_by, COMPARED),
    "oauth.SignIn.complete_device(owner)": refused_as_a_whole(
        lambda world, text: at.sign_in().complete_device(
            oauth.PendingDevice.from_dict(_DEVICE), owner=text, deadline=5.0
        ),
        COMPARED,
    ),
    "oauth.google_service_account(info)": refused(_service_account, "private_key"),
    "oauth.google_service_account(subject)": refused(
        lambda world, text: oauth.google_service_account({}, _ADDRESS.format(text)), "subject"
    ),
    **{f"oauth.issuer_at({name})": _issuer_at(name) for name in ("url", "scopes", "identity_scopes", "endpoint_hosts")},
    "oauth.known_issuer(issuer_id)": refused(lambda world, text: oauth.known_issuer(text), "issuer"),
    "oauth.microsoft(tenant)": refused(lambda world, text: oauth.microsoft(f"a{text}b"), "tenant"),
    **{
        f"oauth.microsoft_application({name})": _microsoft(name, "a{}b")
        for name in ("client_id", "client_secret", "certificate", "private_key")
    },
    "oauth.microsoft_application(address)": _microsoft("address", _ADDRESS),
    "oauth.microsoft_application(resource)": _microsoft("resource", "https://a{}b/.default"),
    **{
        f"presets.Preset.settings({name})": _preset(name, "a{}b") for name in ("display_name", "smtp_user", "imap_user")
    },
    "presets.Preset.settings(address)": _preset("address", _ADDRESS),
    "presets.parse(form_data)": passes(at.parsed),
    "presets.lint(given)": passes(at.linted),
    "presets.Advice.applied(data)": passes(at.linted),
    "presets.Form.filled(typed)": passes(at.filled),
    "presets.Form.field(name)": passes(lambda world, text: presets.CUSTOM.form().filled({text: text})),
    "presets.get(preset_id)": refused(lambda world, text: presets.get(text), "preset"),
    "presets.offered(current)": refused(lambda world, text: presets.offered(text), "preset"),
    "presets.domains_of(preset_id)": looked_up(presets.domains_of),
    "presets.filer_of(smtp_host)": looked_up(lambda text: presets.filer_of(text, "imap.example.com")),
    "presets.filer_of(imap_host)": looked_up(lambda text: presets.filer_of("smtp.example.com", text)),
    **{
        f"presets.{name}({argument})": looked_up(getattr(presets, name))
        for name, argument in (
            ("by_autodiscover", "host"),
            ("by_domain", "domain"),
            ("by_mx", "host"),
            ("by_server", "host"),
            ("by_spf_include", "name"),
            ("mail_filter", "host"),
            ("suggestion", "domain"),
        )
    },
}
"""What is done with a text at each place that a host, a person or a store fills in."""

TOLD = (
    "Candidate.",
    "Discovery.",
    "FilingTrouble.",
    "Finding.",
    "Problem.",
    "Reply.",
    "Report.",
    "Trial.",
    "StoredAccount.",
    "SaslStep.",
    "oauth.Disconnected.",
    "oauth.TokenStatus.",
    "oauth.Stored.",
    "oauth.OAuthToken",
    "presets.Advice.proposal",
    "presets.Field.",
    "presets.FirstStep.",
    "presets.Form.",
    "presets.Preset.",
    "presets.Retirement.",
    "NetworkPolicy.forwarded",
)
"""What the library fills in itself: with what a server said, shown by `printable`; with its own tables; or with what
was checked when it came in."""
