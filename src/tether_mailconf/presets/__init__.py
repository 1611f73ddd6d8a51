"""What is known about providers today: their servers, what they accept, what they do with sent mail.

The knowledge is data (`catalogue.toml`), each fact with its source and date, and is read on first use. A preset is what
a person picks on a settings page; who files sent mail is looked up by the servers really used, whatever was picked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .catalogue import FirstStep, Preset, Retirement, UserForm, filer_of, get, ids, offered

if TYPE_CHECKING:
    GMAIL: Preset
    GMAIL_APP_PASSWORD: Preset
    OUTLOOK: Preset
    MICROSOFT_365: Preset
    ICLOUD: Preset
    CUSTOM: Preset

__all__ = [
    "CUSTOM",
    "GMAIL",
    "GMAIL_APP_PASSWORD",
    "ICLOUD",
    "MICROSOFT_365",
    "OUTLOOK",
    "FirstStep",
    "Preset",
    "Retirement",
    "UserForm",
    "filer_of",
    "get",
    "ids",
    "offered",
]


def __getattr__(name: str) -> Preset:
    if name in __all__:
        return get(name.lower())
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
