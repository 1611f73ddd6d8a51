"""The configuration of django-oauth-toolkit, as the program that runs it: settings, addresses, one users' table, TLS.

It is started by oauth_server.py in a process of its own and told everything in one JSON file. What an issuer does is
all the toolkit's; here is only what every site must bring: a sign-in page, the people, the clients, their scopes.
"""

from __future__ import annotations

import json
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
from django.conf import settings

TOLD: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text("utf-8")) if __name__ == "__main__" else {}
"""What oauth_server.py wrote: see `OAuthServer.write_configuration`."""
SIGN_IN_PAGE = '<form method="post">{% csrf_token %}{{ form }}<button type="submit">Sign in</button></form>'
CONTEXT = "django.template.context_processors.request", "django.contrib.auth.context_processors.auth"


def seconds(request: Any) -> int:
    """Return how long an access token is to live: a client may get a short first one, and long ones by refreshing."""
    client = TOLD["clients"][request.client_id]
    return int(client["seconds_refreshed" if request.grant_type == "refresh_token" else "seconds"])


def noting(answer: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Write down what each request asked for and how it was answered, before the answer leaves; never a secret."""
    noted = Path(TOLD["noted"])

    def note(request: Any) -> Any:
        response = answer(request)
        line = {"path": request.path, "grant_type": request.POST.get("grant_type", ""), "status": response.status_code}
        with noted.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        return response

    return note


def configure() -> None:
    """Configure Django: a file of SQLite, the sign-in page, and the toolkit at its strictest (RFC 9700)."""
    loaders = [
        ("django.template.loaders.locmem.Loader", {"registration/login.html": SIGN_IN_PAGE}),
        "django.template.loaders.app_directories.Loader",
    ]
    apps = ("django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "oauth2_provider")
    settings.configure(
        SECRET_KEY=TOLD["secret_key"],
        ALLOWED_HOSTS=[TOLD["host"]],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": TOLD["database"],
                # Else two requests that read and then write would meet "database is locked" at once.
                "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
            }
        },
        # The tables are made from the models: replaying fifty migrations would take two seconds.
        MIGRATION_MODULES={name.rsplit(".", 1)[-1]: None for name in apps},
        INSTALLED_APPS=apps,
        MIDDLEWARE=[
            f"{__name__}.noting",
            "django.middleware.common.CommonMiddleware",  # says how long each answer is
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {"loaders": loaders, "context_processors": CONTEXT},
            }
        ],
        LOGIN_URL="/login/",
        LOGGING={
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"output": {"class": "logging.StreamHandler"}},
            "root": {"handlers": ["output"], "level": "WARNING"},
        },
        SESSION_COOKIE_SECURE=True,
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # fast: nobody's password is real
        OAUTH2_PROVIDER={
            "OIDC_ENABLED": True,
            "OIDC_ISS_ENDPOINT": TOLD["issuer"],
            "OIDC_RSA_PRIVATE_KEY": TOLD["signing_key"],
            "OAUTH2_VALIDATOR_CLASS": f"{__name__}.Validator",
            "SCOPES": TOLD["scopes"],
            "DEFAULT_SCOPES": [],
            "PKCE_REQUIRED": True,
            "EXTRA_SERVER_KWARGS": {"token_expires_in": seconds},
            "REFRESH_TOKEN_EXPIRE_SECONDS": 3600,
            "ROTATE_REFRESH_TOKEN": True,
            "REFRESH_TOKEN_REUSE_PROTECTION": True,
            "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
            "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
            "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
            "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
            "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
        },
    )
    django.setup()


def furnish() -> None:
    """Make the tables, the people and the clients."""
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from oauth2_provider.models import Application

    call_command("migrate", run_syncdb=True, verbosity=0)
    for address, password in TOLD["people"].items():
        User.objects.create_user(address, address, password)
    for client_id, client in TOLD["clients"].items():
        Application.objects.create(
            client_id=client_id,
            client_secret=client["secret"],
            client_type="confidential",
            authorization_grant_type=client["grant"],
            redirect_uris=client["redirect_uris"],
            name=client_id,
            algorithm="RS256",
        )


def serve() -> None:
    """Serve https, one thread a request, until this process is ended."""
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
    from django.core.wsgi import get_wsgi_application

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(TOLD["certificate"], TOLD["key"])
    server: Any = ThreadedWSGIServer((TOLD["host"], TOLD["port"]), WSGIRequestHandler)
    server.daemon_threads = True
    # The handshake is left to the thread of the connection: one that says nothing would stop everybody else's.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.base_environ["HTTPS"] = "on"
    server.set_app(get_wsgi_application())
    server.serve_forever()


if __name__ == "__main__":
    configure()
    from django.contrib.auth.views import LoginView
    from django.urls import include, path
    from oauth2_provider.oauth2_validators import OAuth2Validator

    class Validator(OAuth2Validator):  # type: ignore[misc]
        """The toolkit's own, with the claims that a site must say where to find."""

        def get_additional_claims(self) -> dict[str, Callable[[Any], object]]:
            """Tell the address of the person, under the scope "email"."""
            return {"email": lambda request: request.user.get_username(), "email_verified": lambda request: True}

    urlpatterns = [path("login/", LoginView.as_view()), path("", include("oauth2_provider.urls"))]
    furnish()
    serve()
