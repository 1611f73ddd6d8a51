"""`check`: does this account work, and if not, why?"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

import attrs

from .. import ConnectionSettings, CredentialKind, Endpoint, Outcome, Security, check, discover, presets
from . import options

STATUS = {Outcome.WORKS: 0, Outcome.DOES_NOT_WORK: 1, Outcome.COULD_NOT_TELL: 3}

_SERVER = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^:/\s]+):(?P<port>[0-9]{1,5})(?:/(?P<security>tls|starttls))?")
_IMPLICIT_TLS = (465, 993)


def add_to(commands: options.Commands) -> None:
    """Add the command to the program's."""
    parser = commands.add_parser(
        "check",
        help="check an account, step by step",
        description="Walk each step of SMTP and IMAP, sign in once at each, and say what works. Sends nothing.",
        epilog="The servers are those of --settings, --preset or --smtp and --imap; else they are discovered. The "
        "password is asked for, unless an option says where it is.",
        allow_abbrev=False,
    )
    parser.add_argument("address", help="the account's address; for --settings it may be left out", nargs="?")
    servers = parser.add_mutually_exclusive_group()
    servers.add_argument("--settings", metavar="FILE", help="stored settings (JSON of ConnectionSettings.to_dict)")
    servers.add_argument("--preset", metavar="ID", help="a provider of the catalogue (gmail_app_password)")
    servers.add_argument("--smtp", metavar="HOST:PORT", help="the submission server; /tls or /starttls may follow")
    parser.add_argument("--imap", metavar="HOST:PORT", help="the IMAP server, with --smtp")
    parser.add_argument("--user", metavar="NAME", help="the user name, if it is not the address, with --smtp")
    options.add_secret(parser)
    options.add_shared(parser)
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """Check, and print the report."""
    settings = _settings(chosen)
    shown = options.credential(chosen, settings.credential, settings.address)
    settings = attrs.evolve(settings, credential=shown.kind)
    network = options.network(chosen, (settings.smtp, settings.imap))
    report = check(settings, shown, network=network, ca_file=chosen.ca_file, deadline=chosen.deadline)
    options.show(chosen, report)
    return STATUS[report.outcome]


def _settings(chosen: argparse.Namespace) -> ConnectionSettings:
    if chosen.smtp is None and (chosen.imap is not None or chosen.user is not None):
        options.stop("--imap and --user go with --smtp")
    if chosen.settings is not None:
        return ConnectionSettings.from_dict(_stored(Path(chosen.settings)))
    if chosen.address is None:
        options.stop("an address is needed, or --settings")
    if chosen.preset is not None:
        if chosen.preset not in presets.ids():
            options.stop(f"there is no preset {chosen.preset!r}; `presets.ids()` lists them")
        return presets.get(chosen.preset).settings(chosen.address)
    if chosen.smtp is not None:
        return _typed(chosen)
    return _discovered(chosen)


def _stored(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except OSError as error:
        options.stop(f"{path} cannot be read: {error.strerror}")
    except (ValueError, RecursionError):
        options.stop(f"{path} is not JSON")


def _typed(chosen: argparse.Namespace) -> ConnectionSettings:
    user = chosen.user or chosen.address
    return ConnectionSettings(
        address=chosen.address,
        smtp=_server(chosen.smtp),
        imap=None if chosen.imap is None else _server(chosen.imap),
        smtp_user=user,
        imap_user="" if chosen.imap is None else user,
        credential=CredentialKind.PASSWORD,
    )


def _server(text: str) -> Endpoint:
    match = _SERVER.fullmatch(text)
    if match is None:
        options.stop(f"{text!r} is no server: write it like mail.example.com:465 or mail.example.com:587/starttls")
    port = int(match["port"])
    usual = Security.TLS if port in _IMPLICIT_TLS else Security.STARTTLS
    security = usual if match["security"] is None else Security(match["security"])
    return Endpoint(host=match["host"].strip("[]"), port=port, security=security)


def _discovered(chosen: argparse.Namespace) -> ConnectionSettings:
    found = discover(chosen.address, network=options.network(chosen), ca_file=chosen.ca_file, deadline=chosen.deadline)
    if found.best is None:
        print(found, file=sys.stderr)
        options.stop("no servers were found that can be trusted without a look: choose with --smtp and --imap")
    return found.best.settings
