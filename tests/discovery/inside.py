"""An answer that leads elsewhere, for the tests of where nobody may go."""

from __future__ import annotations

from xml.sax.saxutils import escape


def redirecting(url: str) -> bytes:
    """An Autodiscover answer that sends the client elsewhere."""
    return f"""<?xml version="1.0" encoding="utf-8"?>
        <Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
        <Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a">
        <Account><AccountType>email</AccountType><Action>redirectUrl</Action>
        <RedirectUrl>{escape(url)}</RedirectUrl></Account></Response></Autodiscover>""".encode()
