"""What stands for parts of an address in somebody's configuration document, as the documents really write it.

Replacing happens in text that was parsed already, and what is put in is never looked at again, so an address cannot
bring a placeholder, an element or a host of its own along. Nothing here knows in which field of which document a
template stands.
"""

from __future__ import annotations

import re

from ..host_name import CONTROL

_LONGEST_USER = 256

# The three of the format are %EMAILADDRESS%, %EMAILLOCALPART% and %EMAILDOMAIN%. %USERNAME% is not among the others:
# it stands for something that the person is asked for, which is not the address.
_ADDRESS = ("EMAILADDRESS", "EMAIL_ADDRESS", "EMAIL", "ADDRESS", "MAILADDRESS")
_LOCAL_PART = ("EMAILLOCALPART", "EMAIL_LOCALPART", "EMAIL_LOCAL_PART", "LOCALPART", "LOCAL_PART", "EMAILLOCAL")
_DOMAIN = ("EMAILDOMAIN", "EMAIL_DOMAIN", "DOMAIN", "DOMAINNAME", "MAILDOMAIN")

_NAMES = "|".join(sorted((*_ADDRESS, *_LOCAL_PART, *_DOMAIN), key=len, reverse=True))
# Doubled signs, then the right form, then those where one sign is missing and the name stands apart from other words.
_PLACEHOLDER = re.compile(
    rf"(?<!%)%%({_NAMES})%%(?!%)|%({_NAMES})%|%({_NAMES})(?![\w%])|(?<![\w%])({_NAMES})%", re.ASCII | re.IGNORECASE
)


def filled(template: str, address: str) -> str | None:
    """Return a template with the parts of an address put in; None if it asks for something else than these.

    Known names are understood in any case, with a percent sign too few or two too many. A percent sign that belongs to
    no known name makes the whole template one that is not understood: what else was meant can only be guessed.

    Args:
        template: a user name, host name or other text, such as "%EMAILLOCALPART%".
        address: the address; it is put in as it is.
    """
    if "%" not in template:
        return template
    local_part, _, domain = address.rpartition("@")
    parts: list[str] = []
    end = 0
    for match in _PLACEHOLDER.finditer(template):
        parts.append(template[end : match.start()])
        name = next(filter(None, match.groups())).upper()
        parts.append(address if name in _ADDRESS else local_part if name in _LOCAL_PART else domain)
        end = match.end()
    parts.append(template[end:])
    return None if any("%" in literal for literal in parts[::2]) else "".join(parts)


def user_name(template: str, address: str) -> str | None:
    """Return the user name that a template stands for; None if it is not said in a way that can be understood.

    Args:
        template: a user name, or one with placeholders; empty if there is none.
        address: the address that is put in.
    """
    user = filled(template, address)
    # The settings that are built of it take no other.
    return None if not user or len(user) > _LONGEST_USER or CONTROL.search(user) else user
