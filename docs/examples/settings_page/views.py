"""The requests: the page, what its buttons send, and the browser that comes back from an issuer.

Every POST ends in a redirect to the page, so that it can be loaded again without doing anything twice.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import flask
import flask.typing
from werkzeug.exceptions import BadRequest

import tether_mailconf as mailconf
from tether_mailconf import oauth

from . import acts, lines
from .desk import NAMES, SECRETS, Desk
from .drafts import Draft, Drafts
from .host import Host
from .page import make_page

Answer = flask.typing.ResponseReturnValue

LONGEST = 500
"""Characters of a field that are looked at."""


def mail_settings(host: Host, drafts: Drafts) -> flask.Blueprint:
    """Return the requests of the page of mail settings.

    Args:
        host: what they share.
        drafts: where they keep what is typed.
    """
    pages = flask.Blueprint("mail", __name__)
    requests = _Requests(host, drafts)
    pages.before_request(_know_the_person)
    pages.get("/", endpoint="show")(requests.show)
    pages.post("/", endpoint="press")(requests.press)
    pages.get("/sign-in/callback", endpoint="callback")(requests.come_back)
    return pages


def _know_the_person() -> Answer | None:
    return None if "user" in flask.session else flask.redirect("/log-in", 303)


class _Requests:
    """What is answered to a person who is logged in."""

    def __init__(self, host: Host, drafts: Drafts) -> None:
        self._host = host
        self._drafts = drafts

    def show(self) -> Answer:
        """Draw the page."""
        desk = self._desk()
        self._drafts.put(flask.session["id"], attrs.evolve(desk.draft, lines=()))  # lines are said once
        page = make_page(desk)
        return flask.render_template("settings.html", page=page, user=flask.session["user"])

    def press(self) -> Answer:
        """Do what a button says."""
        button, _, what = flask.request.form.get("do", "").partition(":")
        desk = self._desk()
        desk = attrs.evolve(desk, draft=_typed(flask.request.form, desk))
        try:
            if button == "sign_in":
                return self._send_to_issuer(desk)
            if button == "choose":
                return self._back(acts.choose(desk, what))
            if button == "correct":
                return self._back(acts.correct(desk, what))
            if button in acts.ACTS:
                return self._back(acts.ACTS[button](desk))
        except mailconf.InvalidSettings as error:
            return self._back(attrs.evolve(desk.draft, problems=error.problems, lines=(lines.bad(error),)))
        except mailconf.MailconfError as error:
            return self._back(attrs.evolve(desk.draft, lines=(lines.bad(error),)))
        raise BadRequest("There is no such button.")

    def come_back(self) -> Answer:
        """Take the browser back from the issuer."""
        kept = flask.session.pop("pending", None)
        desk = self._desk()
        if kept is None:  # the page was loaded again
            return self._back(desk.draft)
        try:
            pending = oauth.PendingSignIn.from_dict(kept)
            return self._back(acts.complete_sign_in(desk, pending, flask.request.url))
        except mailconf.MailconfError as error:
            return self._back(attrs.evolve(desk.draft, lines=(lines.bad(error),)))

    def _send_to_issuer(self, desk: Desk) -> Answer:
        pending = acts.begin_sign_in(desk)
        flask.session["pending"] = pending.to_dict()
        self._drafts.put(flask.session["id"], attrs.evolve(desk.draft, problems=()))
        return flask.redirect(pending.url, 303)

    def _back(self, draft: Draft) -> Answer:
        self._drafts.put(flask.session["id"], draft)
        return flask.redirect(flask.url_for("mail.show"), 303)

    def _desk(self) -> Desk:
        owner = f"user/{flask.session['user']}"
        draft, account = self._drafts.get(flask.session["id"]), None
        try:
            account = self._host.accounts.load(owner)
        except mailconf.Damaged as error:  # saving anew replaces it
            draft = attrs.evolve(draft, lines=(*draft.lines, lines.bad(error)))
        return Desk(host=self._host, owner=owner, account=account, draft=draft)


def _typed(sent: Mapping[str, str], now: Desk) -> Draft:
    """Return the draft with what a form has sent, keeping what this page did not show."""
    typed = {name: value[:LONGEST] for name, value in sent.items() if name in NAMES}
    secrets = {name: mailconf.Secret(sent[name]) for name in SECRETS if sent.get(name)}
    kept = {name: value for name, value in now.typed.items() if name != "enabled"}
    return attrs.evolve(now.draft, typed=kept | typed, secrets={**now.draft.secrets, **secrets})
