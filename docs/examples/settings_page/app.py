"""The application: a log-in that stands in for the host's own, and the page of mail settings."""

from __future__ import annotations

import secrets

import flask
import flask.typing

from .drafts import Drafts
from .host import Host
from .security import protect
from .views import mail_settings

USERS = {
    "Ana": "has just been hired, and has no mail settings yet.",
    "Olga": "has been here since last year, and sends through Gmail with an app password.",
}
"""Who may log in, and what is to be known about them."""


def make_app(host: Host, *, session_key: str) -> flask.Flask:
    """Return the application.

    Args:
        host: what it is given.
        session_key: what its session cookies are signed with.
    """
    app = flask.Flask(__package__ or __name__)
    app.secret_key = session_key
    protect(app, host)
    drafts = Drafts()
    app.register_blueprint(mail_settings(host, drafts))

    @app.get("/log-in")
    def log_in_page() -> flask.typing.ResponseReturnValue:
        return flask.render_template("log_in.html", users=USERS)

    @app.post("/log-in")
    def log_in() -> flask.typing.ResponseReturnValue:
        user = flask.request.form.get("user", "")
        if user not in USERS:
            flask.abort(400, "There is nobody of this name.")
        flask.session.clear()  # nothing of an earlier session may be of use in this one
        flask.session["user"] = user
        flask.session["id"] = secrets.token_urlsafe(24)
        return flask.redirect("/", 303)

    @app.post("/log-out")
    def log_out() -> flask.typing.ResponseReturnValue:
        drafts.drop(flask.session.get("id", ""))
        flask.session.clear()
        return flask.redirect("/log-in", 303)

    return app
