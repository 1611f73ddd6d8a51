"""What is known about providers today: their servers, what they accept, what they do with sent mail.

The knowledge is data, each fact with its source and date, and is read on first use: a file for each provider in
`providers/`, and tables that lead there from a domain, an MX record, a server. A preset is what a person picks on a
settings page; who files sent mail is looked up by the servers really used, whatever was picked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .catalogue import get, ids, offered, related
from .filing import filer_of
from .form import Button, Field, FieldKind, Form, form_data, with_credential
from .lint import lint
from .lookup import by_autodiscover, by_domain, by_mx, by_server, by_spf_include, domains_of, mail_filter
from .near_miss import suggestion
from .parse import InvalidForm, Parsed, parse
from .preset import FirstStep, Preset, Retirement, UserForm
from .typed import Advice

if TYPE_CHECKING:
    GMAIL: Preset
    GMAIL_APP_PASSWORD: Preset
    GOOGLE_WORKSPACE: Preset
    OUTLOOK: Preset
    MICROSOFT_365: Preset
    ICLOUD: Preset
    CUSTOM: Preset

__all__ = [
    "CUSTOM",
    "GMAIL",
    "GMAIL_APP_PASSWORD",
    "GOOGLE_WORKSPACE",
    "ICLOUD",
    "MICROSOFT_365",
    "OUTLOOK",
    "Advice",
    "Button",
    "Field",
    "FieldKind",
    "FirstStep",
    "Form",
    "InvalidForm",
    "Parsed",
    "Preset",
    "Retirement",
    "UserForm",
    "by_autodiscover",
    "by_domain",
    "by_mx",
    "by_server",
    "by_spf_include",
    "domains_of",
    "filer_of",
    "form_data",
    "get",
    "ids",
    "lint",
    "mail_filter",
    "offered",
    "parse",
    "related",
    "suggestion",
    "with_credential",
]


def __getattr__(name: str) -> Preset:
    if name in __all__:
        return get(name.lower())
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
