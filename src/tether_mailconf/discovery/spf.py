"""Who may send mail for a domain (SPF, RFC 7208), as far as it tells whose customer the domain is.

A filter in front of a mailbox hides its provider from the MX records, but the provider's name still stands among the
permitted senders. Only names are taken out; policies are not evaluated, and nothing is looked up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .._ports import TXT

_MOST = 20
_LONGEST = 253
# RFC 7208 section 5: a mechanism has a qualifier, a modifier has none.
_TERM = re.compile(r"[+?~]?(include):(\S+)|(redirect)=(\S+)")
_ALL = re.compile(r"[+?~-]?all")
# Names of records, not of hosts: labels may begin with an underscore.
_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}")


def includes(records: Iterable[TXT]) -> tuple[str, ...]:
    """Return the domains that the SPF record of a domain includes, then the one that it redirects to.

    At most 20, in lower case without a final dot, none twice. Names with a macro (section 7) depend on the message and
    are left out; so is what is included only to be refused ("-include:"). Where "all" stands, "redirect" is of no
    effect (section 6.1).

    Args:
        records: all TXT records of the domain. If several are SPF records, none of them is valid (section 4.5).
    """
    versions = [record.text.lower().split(" ") for record in records if _is_spf(record.text)]
    if len(versions) != 1:
        return ()
    terms = versions[0][1:]
    found = dict.fromkeys(_names(terms, "include"))
    redirects = list(_names(terms, "redirect"))
    # Section 6: a record that redirects twice is an error.
    if len(redirects) == 1 and not any(map(_ALL.fullmatch, terms)):
        found[redirects[0]] = None
    return tuple(found)[:_MOST]


def _is_spf(text: str) -> bool:
    return text[:7].lower().rstrip(" ") == "v=spf1" and not text.startswith(" ")


def _names(terms: Iterable[str], kind: str) -> Iterator[str]:
    """Yield the domains that the terms of one kind name."""
    for term in terms:
        match = _TERM.fullmatch(term)
        if match and kind in (match[1], match[3]):
            name = (match[2] or match[4]).removesuffix(".")
            if len(name) <= _LONGEST and _NAME.fullmatch(name):
                yield name
