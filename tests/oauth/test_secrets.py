"""No token, code, verifier, client secret or key can be read from anything that the library shows."""

from __future__ import annotations

import json
import logging
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.mailer.spelling import assert_not_spelled, logged, spellings, told_by, told_by_receipt
from tests.oauth_host import Host
from tether_mailconf import InvalidSettings, MailconfError, Secret, oauth
from tether_mailconf._oauth.record import Record
from tether_mailconf.sandbox import Sandbox

from .acts import letter, signed_in
from .conftest import host_of


@pytest.fixture(autouse=True)
def debug(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """All that any logger says, those of the libraries below included."""
    with caplog.at_level(logging.DEBUG):
        yield


class Watched(oauth.MemoryTokenStore):
    """A store that remembers every secret that was ever in it.

    The nonce is none: OpenID Connect Core section 3.1.2.1 sends it in the clear, and it opens nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def swap(self, key: str, content: Secret | None, **options: Any) -> bool:
        if content is not None:
            data = json.loads(content.reveal())
            self.seen |= {data[name] for name in ("access", "refresh", "secret") if data.get(name)}
        return super().swap(key, content, **options)


@pytest.fixture(params=["sync", "aio"])
def host(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Host]:
    """A host application whose store remembers."""
    with host_of(sandbox, is_async=request.param == "aio", store=Watched()) as made:
        yield made


def shown(*values: object) -> str:
    """Return all that a host could print or store of values, pickled and as a dictionary where that works."""
    texts: list[str] = []
    for value in values:
        texts += [repr(value), str(value), f"{value}"]
        if attrs.has(type(value)):
            texts.append(repr(attrs.asdict(value)))  # type: ignore[arg-type]  # it is an instance
        as_data = getattr(value, "to_dict", dict)
        texts.append(json.dumps(as_data()))
        try:
            texts.append(pickle.dumps(value, protocol=0).decode("ascii", "replace"))
        except Exception as error:  # whatever pickling ends with is shown too
            texts.append(f"{error!r}")
    return "\n".join(texts)


def secrets_of(host: Host, sandbox: Sandbox) -> set[str]:
    found = set(host.store.seen) | {host.client["client_secret"]}
    assert len(found) > 1
    return found


def check(host: Host, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, text: str, *more: str) -> None:
    everything = text + logged(caplog)
    for secret in secrets_of(host, sandbox) | set(more):
        assert_not_spelled(secret, everything)


def code_in(callback_url: str) -> str:
    return callback_url.partition("code=")[2].partition("&")[0]


def test_a_sign_in_and_a_send_that_go_well(host: Host, sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """Pending, token, status, receipts, the store, the client, the issuer, and the log."""
    sign_in = host.sign_in()
    pending = host.begin()
    callback_url = sandbox.oauth.consent(pending.url)
    token = host.complete(pending, callback_url)
    (receipt,) = host.send(token, letter(host))
    sandbox.oauth.expire_tokens()
    (second,) = host.send(token, letter(host, "<two@sandbox.test>"))
    status, gone = host.status(), host.disconnect()
    text = shown(pending, token, status, gone, sign_in, host.store, host.issuer, vars(token), vars(sign_in))
    text += told_by_receipt(receipt) + told_by_receipt(second)
    check(host, sandbox, caplog, text, code_in(callback_url))
    assert len(host.store.seen) == 5, "a verifier, two access and two refresh tokens"


def test_what_is_stored_for_an_account_shows_nothing(host: Host, sandbox: Sandbox) -> None:
    """The record is the one value that has both tokens."""
    signed_in(host, sandbox)
    key = next(iter(host.store._held))
    stored = host.store.load(key)
    assert stored is not None
    text = shown(stored, Record.opened(stored.content))
    for secret in secrets_of(host, sandbox):
        assert_not_spelled(secret, text)


@pytest.mark.parametrize("moment", ["state", "denied code", "refresh", "store"])
def test_errors_show_nothing(
    host: Host, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Tracebacks with the variables of every frame of the library, and all that the errors are chained to."""
    pending = host.begin()
    callback_url = sandbox.oauth.consent(pending.url)
    code = code_in(callback_url)
    if moment == "state":
        callback_url = callback_url.replace("state=", "state=x")
    elif moment == "denied code":
        sandbox.oauth.consent(host.begin().url)
        callback_url = callback_url.replace(code, code[::-1])
        code = code[::-1]
    elif moment == "store":

        def fail(*_: object, **__: object) -> bool:
            raise OSError("the disk is full")

        monkeypatch.setattr(oauth.MemoryTokenStore, "swap", fail)

    def go_on() -> None:
        token = host.complete(pending, callback_url)
        sandbox.oauth.revoke_grants()
        host.send(token, letter(host))

    with pytest.raises(MailconfError) as caught:
        go_on()
    expected = {
        "state": "oauth.state_mismatch",
        "denied code": "oauth.code_refused",
        "refresh": "oauth.revoked",
        "store": "store.failed",
    }
    assert caught.value.code == expected[moment]
    check(host, sandbox, caplog, told_by(caught.value), code)


def test_a_service_account_s_key(host: Host, sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever has it has all the mail of the domain: neither a wrong address nor a refusal shows it."""
    info = sandbox.oauth.service_account_info
    line = info["private_key"].splitlines()[5]
    with pytest.raises(InvalidSettings) as caught:
        oauth.google_service_account(info, "no address")
    assert_not_spelled(line, told_by(caught.value))
    stranger = oauth.google_service_account(info, "stranger@example.org", store=host.store)
    with pytest.raises(oauth.OAuthError) as refused:
        host.send(stranger, letter(host))
    assert refused.value.code == "oauth.service_account"
    assert_not_spelled(line, told_by(refused.value) + shown(stranger, vars(stranger)) + logged(caplog))


def test_a_code_that_is_entered_elsewhere(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """The device code is as good as the token that comes of it."""
    client = {"client_id": sandbox.oauth.public_client_id}
    with host_of(sandbox, is_async=False, store=Watched(), client=client) as script:
        pending = script.begin_device()
        with pytest.raises(MailconfError) as caught:
            script.complete_device(pending, deadline=0.5)
        sandbox.oauth.approve_device(pending.user_code)
        token = script.complete_device(pending)
        text = told_by(caught.value) + shown(pending, token) + logged(caplog)
        assert len(script.store.seen) == 3, "a device code, an access token, a refresh token"
        for secret in script.store.seen:
            assert_not_spelled(secret, text)


def test_neither_the_url_nor_what_is_kept_of_it_tells_the_verifier(host: Host) -> None:
    """Browsers keep their history, and a web session may lie in a cookie: the challenge is a digest."""
    pending = host.begin()
    assert len(host.store.seen) == 1
    for secret in host.store.seen:
        assert_not_spelled(secret, pending.url + json.dumps(pending.to_dict()))


def test_the_encrypted_file_shows_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    """Neither the tokens nor whose they are."""
    key = oauth.SqliteTokenStore.new_key()
    with host_of(sandbox, is_async=False, store=oauth.SqliteTokenStore(tmp_path / "t", key=key)) as made:
        token = signed_in(made, sandbox)
        made.send(token, letter(made))
        content = b"".join(path.read_bytes() for path in tmp_path.iterdir()).decode("latin-1")
        found = run_load(token)
    for secret in (found, key, made.settings.address, made.owner, sandbox.oauth.client_id):
        assert_not_spelled(secret, content)


def run_load(token: oauth.OAuthToken) -> str:
    (stored,) = [token._keeping.store.load(token._key)]
    assert isinstance(stored, oauth.Stored)
    access = Record.opened(stored.content).access
    assert access is not None
    return access.reveal()


def test_the_search_finds_what_is_there() -> None:
    """So that the tests above can fail."""
    text = shown(attrs.make_class("Leaky", ["token"])("s3cr3t-t0k3n"))
    assert any(spelling in text for spelling in spellings("s3cr3t-t0k3n"))
