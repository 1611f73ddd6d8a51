"""The options that commands share, and what they are turned into: a secret, a network policy, an end with a message.

A secret never stands on the command line, where every process of the machine could read it.
"""

from __future__ import annotations

import argparse
import getpass
import json
import math
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any, NoReturn, Protocol

from .. import AppPassword, CredentialKind, Endpoint, NetworkPolicy, Password, oauth


class Commands(Protocol):
    """Where a command adds itself: what `argparse.ArgumentParser.add_subparsers` returns."""

    def add_parser(self, name: str, **options: Any) -> ArgumentParser:
        """Add a command, and return the parser of its options."""
        ...


Shown = AppPassword | Password | oauth.BearerToken

_LONGEST_SECRET = 16 * 1024


def add_shared(parser: argparse.ArgumentParser) -> None:
    """Add what `check` and `discover` have in common."""
    parser.add_argument("--json", action="store_true", help="print the whole result as JSON instead of text")
    parser.add_argument("--ca-file", metavar="FILE", help="trust these certificate authorities too (PEM)")
    parser.add_argument(
        "--allow",
        metavar="NETWORK",
        action="append",
        default=[],
        help="dial this network too (10.1.0.0/16); repeatable",
    )
    parser.add_argument("--deadline", metavar="SECONDS", type=_seconds, default=30.0, help="for all of it (30)")


def add_secret(parser: argparse.ArgumentParser) -> None:
    """Add where a password or an access token may come from."""
    where = parser.add_mutually_exclusive_group()
    for name, what in (("password", "the password"), ("token", "an OAuth access token")):
        where.add_argument(f"--{name}-fd", metavar="N", type=_descriptor, help=f"read {what} from this file descriptor")
        where.add_argument(f"--{name}-env", metavar="NAME", help=f"take {what} from this environment variable")


def stop(sentence: str) -> NoReturn:
    """End the program, since what was asked cannot be done."""
    print(sentence, file=sys.stderr)
    raise SystemExit(2)


def credential(options: argparse.Namespace, kind: CredentialKind, address: str) -> Shown:
    """Return what to sign in with: from where the options say, or asked for at the terminal.

    Args:
        options: the command line.
        kind: what the settings name; a token given by the options is a token in any case.
        address: whose it is.
    """
    for name in ("token", "password"):
        number, variable = getattr(options, f"{name}_fd"), getattr(options, f"{name}_env")
        if number is not None:
            return _wrapped(name, kind, _from_descriptor(number))
        if variable is not None:
            return _wrapped(name, kind, _from_environment(variable))
    name = "token" if kind is CredentialKind.OAUTH_TOKEN else "password"
    if not sys.stdin.isatty():
        stop(f"there is no terminal to ask for the {name}: give --{name}-fd or --{name}-env")
    try:
        typed = getpass.getpass(f"{name.capitalize()} of {address}: ")
    except EOFError:
        stop(f"no {name} was given")
    return _wrapped(name, kind, typed)


def _wrapped(name: str, kind: CredentialKind, text: str) -> Shown:
    if not text:
        stop(f"the {name} is empty")
    try:
        if name == "token":
            return oauth.BearerToken(text)
        return Password(text) if kind is CredentialKind.PASSWORD else AppPassword(text)
    except ValueError as error:
        stop(f"this is no {name}: {error}")


def _from_descriptor(number: int) -> str:
    try:
        with open(number, "rb") as source:
            return source.readline(_LONGEST_SECRET).decode().rstrip("\r\n")
    except (OSError, ValueError) as error:
        stop(f"file descriptor {number} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}")


def _from_environment(variable: str) -> str:
    found = os.environ.get(variable)
    if found is None:
        # Its name may be the secret itself, in the wrong place.
        stop("there is no environment variable of the name that was given")
    return found


def _descriptor(text: str) -> int:
    """Return a file descriptor. A secret in the wrong place is not repeated."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise argparse.ArgumentTypeError("this is no number of a file descriptor")
    return int(text)


def _seconds(text: str) -> float:
    """Return a number of seconds that something can be done in."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        raise argparse.ArgumentTypeError("this is no number of seconds")
    return seconds


def network(options: argparse.Namespace, endpoints: Iterable[Endpoint | None] = ()) -> NetworkPolicy:
    """Return what may be dialled: the public internet, and what `--allow` says at the ports that were typed."""
    if not options.allow:
        return NetworkPolicy()
    ports = {endpoint.port for endpoint in endpoints if endpoint is not None}
    return NetworkPolicy(networks=options.allow, ports={*NetworkPolicy().ports, *ports})


def show(options: argparse.Namespace, result: Any) -> None:
    """Print a result as text, or as JSON if that was asked for."""
    print(json.dumps(result.to_dict(), indent=2, ensure_ascii=False) if options.json else str(result))
