"""Where nobody may go, and an answer that leads there."""

from __future__ import annotations

from xml.sax.saxutils import escape

REFUSED = "127.0.0.9"
"""Where a trap stands."""


def redirecting(url: str) -> bytes:
    """An Autodiscover answer that sends the client elsewhere."""
    return f"""<?xml version="1.0" encoding="utf-8"?>
        <Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
        <Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a">
        <Account><AccountType>email</AccountType><Action>redirectUrl</Action>
        <RedirectUrl>{escape(url)}</RedirectUrl></Account></Response></Autodiscover>""".encode()
