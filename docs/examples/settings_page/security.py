"""What keeps other sites, other people and the browser's cache away from a page with somebody's mail settings."""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import urlsplit

import flask

from .host import Host


def protect(app: flask.Flask, host: Host) -> None:
    """Have every request checked and every answer marked."""
    app.config |= {
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SECURE": True,  # browsers make an exception for http on this machine
        "SESSION_COOKIE_SAMESITE": "Lax",  # it must come along when the issuer sends the browser back
        "MAX_CONTENT_LENGTH": 100_000,
    }
    app.before_request(refuse_foreign_forms)
    app.jinja_env.globals["csrf_token"] = csrf_token
    policy = _content_policy(host)

    @app.after_request
    def mark(response: flask.Response) -> flask.Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"  # the URL of the callback has a code in it
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def csrf_token() -> str:
    """Return what a form of this session shows, so that no other site can post one in the person's name."""
    if "csrf" not in flask.session:
        flask.session["csrf"] = secrets.token_urlsafe(24)
    return str(flask.session["csrf"])


def refuse_foreign_forms() -> None:
    """End a POST that does not come from a page of this session."""
    if flask.request.method == "POST":
        shown = flask.request.form.get("csrf_token", "")
        if not hmac.compare_digest(shown.encode(), csrf_token().encode()):
            flask.abort(400, "This page is out of date. Load it again.")


def _content_policy(host: Host) -> str:
    # A browser holds a form's redirects to this list too, so the issuers are on it.
    endpoints = (urlsplit(client.issuer.authorization_endpoint) for client in host.clients.values())
    form_action = " ".join(["'self'", *sorted({f"{url.scheme}://{url.netloc}" for url in endpoints})])
    return f"default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action {form_action}"
