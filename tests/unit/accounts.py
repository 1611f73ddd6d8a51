"""Settings of an account, of which a test changes what it is about, and all that is said to be wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st

from tether_mailconf.errors import InvalidSettings
from tether_mailconf.settings import ConnectionSettings, CredentialKind, Endpoint, Security

SMTP = Endpoint(host="smtp.example.com", port=465, security=Security.TLS)
IMAP = Endpoint(host="imap.example.com", port=993, security=Security.TLS)
HUGE = pytest.param(10**5000, id="huge")
"""a number that Python refuses to print"""


def settings(**changes: Any) -> ConnectionSettings:
    """Sound settings, with changes."""
    values: dict[str, Any] = {
        "address": "ana@example.com",
        "smtp": SMTP,
        "imap": IMAP,
        "smtp_user": "ana@example.com",
        "imap_user": "ana",
        "credential": CredentialKind.APP_PASSWORD,
    }
    return ConnectionSettings(**{**values, **changes})


def stored(**changes: Any) -> dict[str, Any]:
    """The stored form of sound settings, with changes."""
    return {**settings().to_dict(), **changes}


def problems(build: Callable[[], object]) -> set[tuple[str, str]]:
    """Field and code of everything that is wrong; each has a sentence, and none is told twice."""
    with pytest.raises(InvalidSettings) as caught:
        build()
    found = [(problem.field, problem.code) for problem in caught.value.problems]
    assert all(problem.message for problem in caught.value.problems)
    assert len(found) == len(set(found))
    return set(found)


texts = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=40)
