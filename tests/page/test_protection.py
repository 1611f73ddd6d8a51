"""What protects the page of settings: forged forms, sign-ins that others began, secrets in what is sent."""

from __future__ import annotations

import base64
import html
import logging
import re
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import flask
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from docs.examples.settings_page import world
from docs.examples.settings_page.app import make_app
from docs.examples.settings_page.desk import NAMES, SECRETS
from docs.examples.settings_page.host import Host
from tether_mailconf import presets
from tether_mailconf.sandbox import Sandbox

BASE = "https://crm.example"
CALLBACK = f"{BASE}/sign-in/callback"
TYPED = {"address": "iris@icloud.com", "display_name": "Iris", "secret": "qrst-uvwx-yzab-cdef", "enabled": "on"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with world.make_sandbox() as running:
        yield running


@pytest.fixture
def host(sandbox: Sandbox, tmp_path: Path) -> Host:
    return world.make_host(sandbox, tmp_path, CALLBACK)


@pytest.fixture
def app(host: Host) -> flask.Flask:
    app = make_app(host, session_key="a key of the tests")
    app.testing = True
    return app


class Visitor:
    """Somebody with a browser that remembers all that it was ever sent."""

    def __init__(self, app: flask.Flask, user: str = "") -> None:
        self.client: FlaskClient = app.test_client()
        self.seen: list[TestResponse] = []
        if user:
            self.post("/log-in", user=user)

    def get(self, path: str) -> TestResponse:
        return self._remember(self.client.get(path, base_url=BASE))

    def post(self, path: str = "/", **fields: str) -> TestResponse:
        shown = self.get("/log-in" if path == "/log-in" else "/").text
        found = re.search(r'name="csrf_token" value="([^"]+)"', shown)
        assert found is not None
        return self.forge(path, csrf_token=found[1], **fields)

    def forge(self, path: str = "/", **fields: str) -> TestResponse:
        return self._remember(self.client.post(path, data=fields, base_url=BASE))

    def _remember(self, response: TestResponse) -> TestResponse:
        self.seen.append(response)
        return response

    @property
    def sent(self) -> str:
        """All that was sent to this browser, cookies decoded."""
        return "\n".join(f"{one.text}\n{one.headers}\n{_decoded(one)}" for one in self.seen)


def _decoded(response: TestResponse) -> str:
    read = []
    for cookie in response.headers.getlist("Set-Cookie"):
        value = cookie.partition("=")[2].partition(";")[0]
        packed = value.lstrip(".").partition(".")[0]
        data = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
        read.append((zlib.decompress(data) if value.startswith(".") else data).decode())
    return "\n".join(read)


def test_an_account_that_cannot_be_read_is_told_and_saving_replaces_it(
    app: flask.Flask, host: Host, tmp_path: Path
) -> None:
    olga = Visitor(app, "Olga")
    with closing(sqlite3.connect(tmp_path / "crm.sqlite")) as database, database:
        database.execute("UPDATE tokens SET sealed = x'00'")
    assert "cannot be read" in olga.get("/").text
    olga.post(do="choose:icloud")
    olga.post(do="save", **TYPED)
    assert "Your mail settings are saved." in olga.get("/").text
    account = host.accounts.load("user/Olga")
    assert account is not None
    assert account.settings.preset == "icloud"


@pytest.mark.parametrize("button", ["save", "test", "disable", "clear", "sign_in", "choose:gmail", "find"])
def test_a_form_of_another_site_is_refused(app: flask.Flask, host: Host, button: str) -> None:
    olga = Visitor(app, "Olga")
    before = host.accounts.load("user/Olga")
    for token in ({}, {"csrf_token": ""}, {"csrf_token": "guessed"}, {"csrf_token": "ü"}):
        assert olga.forge(do=button, **TYPED, **token).status_code == 400
    assert host.accounts.load("user/Olga") == before
    assert "Olga" in olga.get("/").text


def test_a_form_of_another_session_is_refused(app: flask.Flask) -> None:
    ana, olga = Visitor(app, "Ana"), Visitor(app, "Olga")
    found = re.search(r'name="csrf_token" value="([^"]+)"', ana.get("/").text)
    assert found is not None
    assert olga.forge(do="clear", csrf_token=found[1]).status_code == 400


@pytest.mark.parametrize("path", ["/", "/sign-in/callback?code=1&state=2"])
def test_nobody_sees_anything_without_logging_in(app: flask.Flask, path: str) -> None:
    answer = Visitor(app).get(path)
    assert (answer.status_code, answer.location) == (303, "/log-in")


def test_the_cookie_is_for_this_site_and_for_no_script(app: flask.Flask) -> None:
    ana = Visitor(app, "Ana")
    cookies = [cookie for one in ana.seen for cookie in one.headers.getlist("Set-Cookie")]
    assert cookies
    assert all({"Secure", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; ")) for cookie in cookies)


def test_logging_in_leaves_nothing_of_the_session_before(app: flask.Flask) -> None:
    visitor = Visitor(app, "Ana")
    visitor.post(do="choose:gmail")
    with visitor.client.session_transaction(base_url=BASE) as session:
        before = dict(session)
    visitor.post("/log-in", user="Olga")
    visitor.get("/")
    with visitor.client.session_transaction(base_url=BASE) as session:
        assert not set(before.values()) & set(session.values())
    assert "(OLD)" in visitor.get("/").text


def test_pages_are_neither_kept_nor_framed_nor_scripted(app: flask.Flask) -> None:
    headers = Visitor(app, "Ana").get("/").headers
    assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    policy = headers["Content-Security-Policy"]
    assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy.split("; "))
    assert "script-src" not in policy


def test_what_is_typed_is_shown_as_text(app: flask.Flask) -> None:
    ana = Visitor(app, "Ana")
    typed = '"><script>alert(1)</script>'
    ana.post(do="save", address=typed, display_name=typed, smtp_host=typed)
    assert "<script" not in ana.get("/").text
    assert html.escape(typed).replace("&quot;", "&#34;") in ana.get("/").text


def test_no_secret_is_ever_sent_or_logged_or_written(
    app: flask.Flask,
    host: Host,
    sandbox: Sandbox,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    ana, olga = Visitor(app, "Ana"), Visitor(app, "Olga")
    ana.post(do="choose:icloud")
    ana.post(do="save", **TYPED | {"address": "not an address"})
    ana.get("/")
    ana.post(do="test", **TYPED | {"secret": "a-wrong-one-typed"})
    ana.get("/")
    ana.post(do="test", **TYPED)
    assert "sent" in ana.get("/").text
    ana.post(do="save", **TYPED)
    ana.get("/")
    stored = host.accounts.load("user/Ana")
    assert stored is not None
    assert stored.secret is not None
    olga.post(do="choose:gmail", address="olga@gmail.com")
    consent = olga.post(do="sign_in", address="olga@gmail.com").location
    olga.get(sandbox.oauth.consent(consent).removeprefix(BASE))
    assert "Success" in olga.get("/").text
    secrets = [TYPED["secret"], "a-wrong-one-typed", *(person.password for person in world.PEOPLE)]
    secrets += [sandbox.oauth.client_secret, *_issued(sandbox)]
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    told = caplog.text + "".join(capfd.readouterr())
    for secret in secrets:
        for shape in (secret, quote(secret), base64.b64encode(secret.encode()).decode()):
            assert shape not in ana.sent + olga.sent
            assert shape not in told
            assert shape.encode() not in written


def _issued(sandbox: Sandbox) -> list[str]:
    """Return the tokens that the issuer has given."""
    return [*sandbox.oauth._memory._accesses, *sandbox.oauth._memory._refreshes]


def test_a_sign_in_is_completed_only_by_who_began_it(app: flask.Flask, host: Host, sandbox: Sandbox) -> None:
    ana, olga = Visitor(app, "Ana"), Visitor(app, "Olga")
    ana.post(do="choose:gmail", address="ana@gmail.com")
    came_back = sandbox.oauth.consent(ana.post(do="sign_in", address="ana@gmail.com").location).removeprefix(BASE)
    olga.get(came_back)
    with ana.client.session_transaction(base_url=BASE) as session:
        pending = session["pending"]
    with olga.client.session_transaction(base_url=BASE) as session:
        session["pending"] = pending
    olga.get(came_back)
    said = olga.get("/").text
    assert "Success" not in said
    assert 'class="line bad"' in said
    for owner in ("user/Olga", "user/Ana"):
        assert host.sign_in("accounts.google.com").status("ana@gmail.com", owner=owner).state.value == "absent"
    ana.get(came_back)
    assert "Success" in ana.get("/").text
    ana.get(came_back)  # as who presses "back" does
    assert host.sign_in("accounts.google.com").status("ana@gmail.com", owner="user/Ana").state.value == "ready"


def test_a_password_typed_for_one_provider_is_not_kept_for_another(app: flask.Flask) -> None:
    ana = Visitor(app, "Ana")
    ana.post(do="choose:icloud")
    ana.post(do="save", **TYPED | {"address": "not an address"})
    assert 'placeholder="is set"' in ana.get("/").text
    ana.post(do="choose:gmx_net")
    assert 'placeholder="is set"' not in ana.get("/").text
    assert "not an address" in ana.get("/").text


def test_who_logs_out_leaves_nothing_typed_behind(app: flask.Flask) -> None:
    ana = Visitor(app, "Ana")
    ana.post(do="save", **TYPED | {"address": "not an address"})
    ana.post("/log-out")
    ana.post("/log-in", user="Ana")
    assert "not an address" not in ana.get("/").text


def test_a_stored_password_is_shown_to_no_other_server(app: flask.Flask, sandbox: Sandbox) -> None:
    olga = Visitor(app, "Olga")
    olga.post(do="choose:custom")
    servers = {"smtp_host": "mail.acme.example", "imap_host": "mail.acme.example", "address": "olga@gmail.com"}
    olga.post(do="test", **servers, smtp_port="465", imap_port="993", smtp_user="olga", imap_user="olga")
    assert 'id="secret-error"' in olga.get("/").text


BUTTONS = ("save", "test", "disable", "clear", "sign_in", "find", "correct:address", "correct:nothing")


@pytest.mark.parametrize("preset", [preset.id for preset in presets.offered("gmail_app_password")])
def test_every_button_has_an_answer_for_every_preset_when_nothing_is_typed(app: flask.Flask, preset: str) -> None:
    ana = Visitor(app, "Ana")
    for button in BUTTONS:
        assert ana.post(do=f"choose:{preset}").status_code == 303
        assert ana.post(do=button).status_code == 303
        assert ana.get("/").status_code == 200


@pytest.mark.parametrize(
    "rubbish", ["", " ", "\r\n", "\x00", "\ud7ff" * 600, "@", "a@b@c", "://", "http://[", "-1", "9" * 50]
)
def test_rubbish_is_told_and_not_raised(app: flask.Flask, rubbish: str) -> None:
    ana = Visitor(app, "Ana")
    fields = dict.fromkeys((*NAMES, *SECRETS), rubbish)
    for button in BUTTONS:
        assert ana.post(do=button, **fields).status_code == 303
        assert ana.get("/").status_code == 200


@pytest.mark.parametrize("button", ["", "explode", "choose", "choose:", "choose:nothing", "choose:../gmail"])
def test_a_button_that_is_none_changes_nothing(app: flask.Flask, button: str) -> None:
    olga = Visitor(app, "Olga")
    assert olga.post(do=button).status_code in (303, 400)
    assert "(OLD)" in olga.get("/").text
