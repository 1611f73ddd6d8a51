"""What a person probably meant to type: the domains that most people have, and slips of a finger or two. Pure."""

from __future__ import annotations

from ..host_name import read_host
from .lookup import by_domain
from .tables import table

_LONG = 10
"""Characters of a domain from which on two slips are forgiven."""

_SHORT = 9
"""Characters of a domain below which one wrong character makes another domain: uol.com is not aol.com."""


def suggestion(domain: str) -> str | None:
    """Return the domain that was perhaps meant ("gmail.com" for "gmial.com"); None if this one may well be right.

    Args:
        domain: the domain, as a person may write it.
    """
    name = read_host(domain)
    if not isinstance(name, str) or by_domain(name) is not None:
        return None
    best: tuple[int, str] | None = None
    for common, _ in table("common.txt").lines():
        allowed = 2 if min(len(common), len(name)) >= _LONG else 1
        # Every slip brings in one other character at most, so this spares nearly all of the long comparisons.
        if abs(len(common) - len(name)) > allowed or len(set(name) - set(common)) > allowed:
            continue
        distance = _distance(name, common)
        if len(name) == len(common) < _SHORT and sorted(name) != sorted(common):
            continue
        if distance <= allowed and (best is None or distance < best[0]):
            best = distance, common
    return None if best is None else best[1]


def is_slip(domain: str, common: str) -> bool:
    """Whether a domain is one slip away from a long one, so that it is hardly a domain of its own.

    Args:
        domain: the domain, in lower case.
        common: a domain that many people have.
    """
    is_alike = len(common) >= _LONG and abs(len(common) - len(domain)) <= 1
    return is_alike and domain != common and _distance(domain, common) == 1


def _distance(one: str, other: str) -> int:
    """Return how many slips lie between two texts: a character too many, missing, wrong, or two in the wrong order.

    Damerau's distance in its usual restriction (optimal string alignment).
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        now = [i]
        for j, right in enumerate(other, 1):
            cost = min(row[j] + 1, now[j - 1] + 1, row[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                cost = min(cost, before[j - 2] + 1)
            now.append(cost)
        before, row = row, now
    return row[-1]
