"""What an e-mail address is (RFC 5321 section 4.1.2): from what a person types to what a server is told.

Pure. Whether anybody can be reached there is not its business: a name that only an office's own network knows is fine.
"""

from __future__ import annotations

import re

from .errors import Problem, printable
from .host_name import read_host

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PLAIN = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[a-z]{{2,63}}")
_LONGEST = 254
_LONGEST_LOCAL_PART = 64

# Stands for the domain while the local part is looked at; reserved, so that no rule about real domains gets in the way.
_STAND_IN = "mail.test"


def read_address(text: str, *, quoted: bool = False) -> str | Problem:
    """Return an address with its domain as lower-case A-labels (RFC 5890), or what is wrong with it.

    Args:
        text: the address, without a display name.
        quoted: whether a quoted local part ("john doe"@example.org) will do.
    """
    # An A-label is looked at whether it is one.
    if (
        len(text) <= _LONGEST
        and "xn--" not in text
        and _PLAIN.fullmatch(text)
        and text.find("@") <= _LONGEST_LOCAL_PART
    ):
        return text
    local_part, at, domain = text.rpartition("@")
    if not at:
        return _invalid(text, "it has no @")
    if len(local_part.encode(errors="surrogatepass")) > _LONGEST_LOCAL_PART:
        return _invalid(text, f"before the @ stand more than {_LONGEST_LOCAL_PART} bytes")
    if local_part.startswith('"') and not quoted:
        message = "an address with quotation marks before the @ is not supported"
        return Problem(field="", code="address.quoted", message=message)
    host = read_host(domain)
    if isinstance(host, Problem):
        return _invalid(text, f"behind the @, {host.message}")
    if "." not in host or ":" in host or host.replace(".", "").isdigit():
        return _invalid(text, "behind the @ stands no domain, such as example.org")
    # Imported here: most addresses are plain, and importing it costs more than all of them.
    import email_validator

    try:
        checked = email_validator.validate_email(
            f"{local_part}@{_STAND_IN}", check_deliverability=False, test_environment=True, allow_quoted_local=quoted
        )
    except email_validator.EmailNotValidError as error:
        return _invalid(text, str(error))
    address = f"{checked.local_part}@{host}"
    return address if len(address) <= _LONGEST else _invalid(text, f"it has more than {_LONGEST} characters")


def _invalid(text: str, why: str) -> Problem:
    message = f"{printable(text, 80)!r} is not an e-mail address: {printable(why, 200)}"
    return Problem(field="", code="address.invalid", message=message)
