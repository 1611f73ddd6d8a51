"""The arguments of MAIL and RCPT (RFC 5321 section 4.1.2 and the extensions), read strictly. Pure.

A sandbox that forgives what real servers refuse would let a host's mistakes through, so whatever the grammar does not
allow is an error, with the reply that says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import attrs

from .personality import Personality


class BadCommand(Exception):
    """A command that is answered with an error.

    Attributes:
        reply: the whole reply, without CRLF.
    """

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


@attrs.frozen(kw_only=True)
class Path:
    """An address of the envelope with its parameters.

    Args:
        address: without the angle brackets; "" is the null reverse-path.
        parameters: names in upper case, values as written.
    """

    address: str
    parameters: Mapping[str, str]


_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]+"
_LOCAL = rf'(?:{_ATEXT}(?:\.{_ATEXT})*|"(?:[ !#-\[\]-~\u0080-\U0010ffff]|\\[ -~])*")'
_LABEL = r"[A-Za-z0-9\u0080-\U0010ffff](?:[A-Za-z0-9\-\u0080-\U0010ffff]*[A-Za-z0-9\u0080-\U0010ffff])?"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[!-Z^-~]+\])"
_ADDRESS = re.compile(rf"{_LOCAL}@{_DOMAIN}")
_ARGUMENT = re.compile(r'<(?P<path>(?:[^<>"]|"(?:[^"\\]|\\.)*")*)>(?P<rest>(?: .*)?)')
_PARAMETER = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9\-]*)(?:=(?P<value>[^\x00- =\x7f]+))?")
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+")
_NOTIFY = re.compile(r"NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*", re.IGNORECASE)
_ORCPT = re.compile(r"(?:[A-Za-z0-9\-]+);\S+")

_Check = Callable[[str], bool]

_MAIL: dict[str, tuple[str, _Check]] = {
    # name: the extension it belongs to, and what its value may be
    "SIZE": ("SIZE", lambda value: value.isascii() and value.isdigit() and len(value) <= 20),
    "BODY": ("8BITMIME", lambda value: value.upper() in ("7BIT", "8BITMIME")),
    "SMTPUTF8": ("SMTPUTF8", lambda value: not value),
    "RET": ("DSN", lambda value: value.upper() in ("FULL", "HDRS")),
    "ENVID": ("DSN", lambda value: len(value) <= 100 and bool(_XTEXT.fullmatch(value))),
    "AUTH": ("AUTH", lambda value: bool(_XTEXT.fullmatch(value))),
}
_RCPT: dict[str, tuple[str, _Check]] = {
    "NOTIFY": ("DSN", lambda value: bool(_NOTIFY.fullmatch(value))),
    "ORCPT": ("DSN", lambda value: len(value) <= 500 and bool(_ORCPT.fullmatch(value))),
}


def read_sender(argument: str, personality: Personality) -> Path:
    """Return the argument of MAIL.

    Raises:
        BadCommand: it is none.
    """
    path = _read(argument, "FROM:", _MAIL, personality)
    if "SIZE" in path.parameters and int(path.parameters["SIZE"]) > personality.max_size:
        raise BadCommand("552 5.3.4 Message size exceeds fixed limit")
    _check_address(path, is_utf8="SMTPUTF8" in path.parameters)
    return path


def read_recipient(argument: str, personality: Personality, *, is_utf8: bool) -> Path:
    """Return the argument of RCPT.

    Args:
        argument: what follows the verb.
        personality: says which extensions are offered.
        is_utf8: whether MAIL announced SMTPUTF8 (RFC 6531 section 3.4).

    Raises:
        BadCommand: it is none.
    """
    path = _read(argument, "TO:", _RCPT, personality)
    if not path.address:
        raise BadCommand("501 5.1.3 Bad recipient address syntax")
    _check_address(path, is_utf8=is_utf8)
    return path


def _read(argument: str, label: str, known: Mapping[str, tuple[str, _Check]], personality: Personality) -> Path:
    match = _ARGUMENT.fullmatch(argument[len(label) :])
    if argument[: len(label)].upper() != label or match is None:
        raise BadCommand(f"501 5.5.4 Syntax: {label}<address>")
    parameters: dict[str, str] = {}
    for word in match["rest"].split(" ")[1:]:
        parameter = _PARAMETER.fullmatch(word)
        if parameter is None or parameter["name"].upper() in parameters:
            raise BadCommand("501 5.5.4 Syntax error in parameters")
        name, value = parameter["name"].upper(), parameter["value"] or ""
        extension, check = known.get(name, ("", bool))
        if extension != "AUTH" and extension not in personality.smtp_extensions:
            raise BadCommand(f"555 5.5.4 Unsupported parameter {name}")
        if not check(value):
            raise BadCommand(f"501 5.5.4 Invalid value of {name}")
        parameters[name] = value
    return Path(address=match["path"], parameters=parameters)


def _check_address(path: Path, *, is_utf8: bool) -> None:
    if not path.address.isascii() and not is_utf8:
        raise BadCommand("553 5.6.7 Address is not ASCII and SMTPUTF8 was not announced")
    local = path.address.rpartition("@")[0]
    if path.address and (len(local) > 64 or len(path.address) > 254 or not _ADDRESS.fullmatch(path.address)):
        raise BadCommand("501 5.1.3 Bad address syntax")
