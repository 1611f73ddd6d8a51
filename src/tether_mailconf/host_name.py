"""What a server is called: from what a person types to a name that can be looked up and verified, or to what is wrong.

Pure. It knows nothing of ports, protocols or providers, and looks nothing up.
"""

from __future__ import annotations

import ipaddress
import re

from .errors import Problem, printable

MAX_HOST = 253
"""Characters of the longest host name, without the final dot (RFC 1035 section 2.3.4)."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""What no field may contain: control characters and Unicode's own line breaks."""

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

# What people type instead of a server's name: how it shows, its code, what to say. The first that fits is told.
_HOST_MISTAKES = tuple(
    (re.compile(pattern), code, text)
    for pattern, code, text in (
        (r"\A\Z", "host.missing", "the server's name is missing"),
        (CONTROL.pattern, "host.control", "the server's name contains a line break or another control character"),
        (r"[/\\?#]", "host.url", "this is a web address; give the server's name only, such as smtp.example.com"),
        (r"@", "host.address", "this is an e-mail address; give the server's name, such as smtp.example.com"),
        (r"\s", "host.space", "the server's name contains a space"),
        (r"\A(\[.*\]|[^:]+):\d*\Z", "host.port", "the port belongs into its own field, not behind the server's name"),
        (r"[\[\]]", "host.brackets", "an IPv6 address is given without brackets"),
    )
)


def read_host(value: str) -> str | Problem:
    """Return a host as lower-case A-labels without a final dot, or as an IP address; or what is wrong with it."""
    for mistake, code, text in _HOST_MISTAKES:
        if mistake.search(value):
            return Problem(field="", code=code, message=text)
    try:
        # A zone ("fe80::1%eth0", RFC 4007 section 11) means something on one machine only, and to no certificate.
        return str(ipaddress.ip_address("" if "%" in value else value))
    except ValueError:
        return _domain(value)


def is_address(host: str) -> bool:
    """Return whether a host is written as an IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _domain(value: str) -> str | Problem:
    """Return a domain as lower-case A-labels (IDNA 2008 with UTS 46), or what is wrong with it."""
    name: str | None = value.lower()
    if len(value) > MAX_HOST + 1:
        name = None
    elif not value.isascii() or "xn--" in value.lower():
        import idna

        try:
            # Label by label, so that a name that is too long is told as that.
            labels = idna.uts46_remap(value).split(".")
            name = ".".join(idna.alabel(label).decode() if label else "" for label in labels)
        except UnicodeError as error:
            return Problem(field="", code="host.label", message=_not_a_host(value, str(error)))
    if name is None or len(name.removesuffix(".")) > MAX_HOST:
        text = f"a host name has at most {MAX_HOST} characters"
        return Problem(field="", code="host.too_long", message=text)
    labels = name.removesuffix(".").split(".")
    for label in labels:
        if not _LABEL.fullmatch(label):
            why = "between the dots stand 1 to 63 letters, digits and hyphens, with no hyphen at either end"
            return Problem(field="", code="host.label", message=_not_a_host(value, why))
    if _NUMBER.fullmatch(labels[-1]):
        # Resolvers read such names as IPv4 addresses in disguise ("0x7f.1", "127.1").
        why = "a name does not end in a number, and an IPv4 address has four, such as 192.0.2.1"
        return Problem(field="", code="host.number", message=_not_a_host(value, why))
    return ".".join(labels)


def _not_a_host(value: str, why: str) -> str:
    return f"{printable(value, 80)!r} is not a host name: {printable(why, 120)}"
