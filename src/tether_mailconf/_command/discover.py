"""`discover`: which servers are those of an address?"""

from __future__ import annotations

import argparse

from .. import discover
from . import options


def add_to(commands: options.Commands) -> None:
    """Add the command to the program's."""
    parser = commands.add_parser(
        "discover",
        help="find the servers of an address",
        description="Find settings for an address, by the catalogue and the domain's own records. Signs in nowhere.",
        epilog="Exit status: 0 servers were found; 1 none were; 3 there are some that a person must confirm first.",
        allow_abbrev=False,
    )
    parser.add_argument("address", help="the address")
    options.add_shared(parser)
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """Discover, and print what was found."""
    network = options.network(chosen)
    found = discover(chosen.address, network=network, ca_file=chosen.ca_file, deadline=chosen.deadline)
    options.show(chosen, found)
    if found.best is not None:
        return 0
    return 3 if found.unconfirmed else 1
