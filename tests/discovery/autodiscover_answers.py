"""Answers of Autodiscover, made of elements, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterable

from tether_mailconf.discovery.autodiscover_xml import AutodiscoverAnswer, read_autodiscover
from tether_mailconf.errors import Problem

ADDRESS = "ana.bell@example.com"


WHOLE = """<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
  <Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a">
    <User><DisplayName>Ana Bell</DisplayName></User>
    <Account>
      <AccountType>email</AccountType>
      <Action>settings</Action>
      <Protocol>
        <Type>POP3</Type><Server>pop.example.com</Server><Port>995</Port><SSL>on</SSL>
      </Protocol>
      <Protocol>
        <Type>IMAP</Type>
        <Server>imap.example.com</Server>
        <Port>993</Port>
        <DomainRequired>off</DomainRequired>
        <LoginName>ana.bell</LoginName>
        <SPA>off</SPA>
        <SSL>on</SSL>
        <AuthRequired>on</AuthRequired>
      </Protocol>
      <Protocol>
        <Type>SMTP</Type>
        <Server>smtp.example.com</Server>
        <Port>587</Port>
        <LoginName>ana.bell@example.com</LoginName>
        <SSL>on</SSL>
        <Encryption>TLS</Encryption>
        <AuthRequired>on</AuthRequired>
        <UsePOPAuth>off</UsePOPAuth>
        <SMTPLast>off</SMTPLast>
      </Protocol>
    </Account>
  </Response>
</Autodiscover>
"""


def read(document: str, address: str = ADDRESS) -> AutodiscoverAnswer:
    """What an answer tells; it must be one."""
    answer = read_autodiscover(document.encode(), address)
    assert not isinstance(answer, Problem), answer
    return answer


def account(*elements: str) -> str:
    return f"<Autodiscover><Response><Account>{''.join(elements)}</Account></Response></Autodiscover>"


def inside(elements: Iterable[tuple[str, str]]) -> str:
    return "".join(f"<{name}>{value}</{name}>" for name, value in elements)


def protocol(kind: str = "IMAP", server: str = "mail.example.com", **elements: str) -> str:
    return f"<Protocol><Type>{kind}</Type><Server>{server}</Server>{inside(elements.items())}</Protocol>"
